namespace RocketMq.Administration

open System
open System.Collections.Generic
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// How far a group is, all its queues together.
type GroupTotal =
    {
        Group: string
        /// Topics that it has committed offsets of and, while members are online, subscribes to.
        Topics: int
        Queues: int
        /// Messages that are not consumed. In a queue where nothing is committed these are all that ever were there: brokers count
        /// no offset as offset 0 here. `GroupLags.ofGroup` knows them apart.
        Lag: int64
        /// Messages a second, over the last minute.
        ConsumedPerSecond: float
    }

/// How far all groups are.
type GroupTotals =
    {
        /// The furthest behind first.
        Groups: GroupTotal list
        Failures: ServerFailure list
    }

module GroupTotals =
    /// What each master says of all its groups. One request to each, however many groups there are. It says nothing of what is in
    /// flight: brokers of 5.x write 0 there, whatever it is.
    let progress (scope: BrokerScope) : Plan<Answers<BrokerConsumeStats>> =
        plan {
            let! masters = Directory.brokers scope BrokerRoles.Masters
            // Not of ordered topics alone, which is what `true` would be.
            let! answers =
                Answers.query masters "progress of all groups" (Statistics.ofGroups.Request false)

            return! Answers.needOne answers
        }

    let private behind (queue: QueueProgress) =
        max 0L (queue.BrokerOffset - queue.ConsumerOffset)

    let private totalOf (group: string) (topics: ConsumeStats seq) : GroupTotal =
        let names = HashSet<string>(StringComparer.Ordinal)
        let mutable queues = 0
        let mutable lag = 0L
        let mutable perSecond = 0.0

        for topic in topics do
            perSecond <- perSecond + topic.ConsumedPerSecond

            for KeyValue(queue, progress) in topic.Queues do
                names.Add queue.Topic |> ignore
                queues <- queues + 1
                lag <- lag + behind progress

        {
            Group = group
            Topics = names.Count
            Queues = queues
            Lag = lag
            ConsumedPerSecond = perSecond
        }

    let private ofBrokers (stats: BrokerConsumeStats list) : GroupTotal list =
        stats
        |> Seq.collect _.Groups
        |> Seq.collect Map.toSeq
        |> Seq.groupBy fst
        |> Seq.map (fun (group, entries) -> totalOf group (entries |> Seq.collect snd))
        |> Seq.sortWith (fun one other ->
            match compare other.Lag one.Lag with
            | 0 -> String.CompareOrdinal(one.Group, other.Group)
            | order -> order)
        |> List.ofSeq

    /// How far all groups are, on all masters of a scope.
    let all (scope: BrokerScope) : Plan<GroupTotals> =
        progress scope
        |> Plan.map (fun answers ->
            {
                Groups = ofBrokers answers.Values
                Failures = answers.Failures
            })
