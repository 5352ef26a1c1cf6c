namespace RocketMq.Administration

open System
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin

/// How far a group is in one queue.
type QueueLag =
    {
        Queue: MessageQueue
        /// The offset of the first message that is still there, if it is known.
        MinOffset: int64 option
        /// The offset that the next message will have.
        MaxOffset: int64
        /// The next offset to consume; nothing: the group has committed none, which is not 0.
        Committed: int64 option
        /// Messages that were given out and are not consumed; brokers of 4.9 do not say.
        InFlight: int64 option
        /// The client id of the member that reads it, if one says so.
        Owner: string option
        /// How long the next message has waited, by the broker's clock; nothing: unknown, or there is none.
        DelayMillis: int64 option
    }

    /// Messages that are not consumed: of a group that has committed nothing, all that are there. Negative if the group is beyond the
    /// end; nothing if it is not known where it begins.
    member queue.Lag: int64 option =
        match queue.Committed, queue.MinOffset with
        | Some committed, _ -> Some(queue.MaxOffset - committed)
        | None, Some first -> Some(queue.MaxOffset - first)
        | None, None -> None

/// How far a group is.
type GroupLag =
    {
        Group: string
        Members: GroupMembers
        /// Of its topics and, among them, its retry topic.
        Queues: QueueLag list
        /// Messages that it has given up; nothing: unknown.
        DeadLetters: int64 option
        /// Messages a second, over the last minute.
        ConsumedPerSecond: float
        Failures: ServerFailure list
    }

    /// Queues of unknown lag count nothing.
    member lag.Total: int64 =
        lag.Queues |> List.sumBy (fun queue -> Option.defaultValue 0L queue.Lag)

    /// Whether the total is that of all queues of all brokers.
    member lag.IsComplete =
        lag.Failures.IsEmpty
        && lag.Queues |> List.forall (fun queue -> queue.Lag.IsSome)

    /// The longest delay of its queues.
    member lag.DelayMillis: int64 option =
        match lag.Queues |> List.choose _.DelayMillis with
        | [] -> None
        | delays -> Some(List.max delays)

module GroupLags =
    /// The committed offset, told apart from none.
    let committed (group: string) (broker: BrokerAddress) (queue: MessageQueue) =
        Plan.query
            (Target.Broker broker)
            (invariant $"offset of group {group} in {queue.Topic} {queue.QueueId}")
            (Offsets.queryCommitted.Request
                {
                    Queue =
                        {
                            ConsumerGroup = group
                            Topic = queue.Topic
                            QueueId = queue.QueueId
                        }
                    ZeroIfNone = Some false
                })

    let private absent (answer: Result<TopicStats, RemotingError>) =
        match answer with
        | Error(RemotingError.Refused(code = ResponseCode.TopicNotExist)) ->
            Ok
                {
                    Queues = Map.empty
                    PutsPerSecond = None
                }
        | answer -> answer

    /// The queues of a topic on one broker; none if it does not have it.
    let private statsOf (topic: string) (broker: BrokerAddress) =
        Plan.query (Target.Broker broker) $"offsets of topic {topic}" (Statistics.ofTopic.Request topic)
        |> Plan.map absent

    /// What brokers say of a queue that a group has consumed; 0 can mean that nothing is committed.
    let private progressOf (stats: ConsumeStats option) (queue: MessageQueue) =
        stats |> Option.bind (fun stats -> Map.tryFind queue stats.Queues)

    /// Brokers count from 1970 where no message is at the offset: the queue is empty, nothing is committed, or the message is deleted.
    /// No message has waited for twenty years, as there was no RocketMQ.
    let private isDelay (millis: int64) =
        millis > 0L && millis < 20L * 365L * 86_400_000L

    let private ofTopic group (broker: BrokerAddress) (stats: ConsumeStats option) (topic: string) =
        plan {
            let! ranges = statsOf topic broker

            and! spans =
                Plan.query
                    (Target.Broker broker)
                    (invariant $"delays of group {group} in {topic}")
                    (GroupProgress.timeSpans.Request { Group = group; Topic = topic })

            match ranges with
            | Error error -> return Error error
            | Ok ranges ->
                let queues =
                    Seq.append ranges.Queues.Keys (stats |> Option.map _.Queues.Keys |> Option.toList |> Seq.concat)
                    |> Seq.filter (fun queue -> queue.Topic = topic)
                    |> Seq.distinct
                    |> Seq.sortBy _.QueueId
                    |> List.ofSeq

                let delays =
                    match spans with
                    | Ok spans -> spans |> List.map (fun span -> span.Queue, span.DelayMillis) |> Map.ofList
                    | Error _ -> Map.empty

                let! offsets =
                    queues
                    |> List.map (fun queue ->
                        match progressOf stats queue with
                        | Some progress when progress.ConsumerOffset > 0L ->
                            Plan.Done(Ok(Some progress.ConsumerOffset))
                        | Some _
                        | None -> committed group broker queue)
                    |> Plan.all

                return
                    List.zip queues offsets
                    |> List.choose (fun (queue, offset) ->
                        let progress = progressOf stats queue
                        let range = Map.tryFind queue ranges.Queues

                        let most =
                            range
                            |> Option.map _.MaxOffset
                            |> Option.orElse (progress |> Option.map _.BrokerOffset)

                        match offset, most with
                        | Error _, _
                        | _, None -> None
                        | Ok committed, Some most ->
                            Some
                                {
                                    Queue = queue
                                    MinOffset = range |> Option.map _.MinOffset
                                    MaxOffset = most
                                    Committed = committed
                                    InFlight =
                                        progress
                                        |> Option.bind (fun progress ->
                                            progress.PullOffset
                                            |> Option.map (fun pulled -> max 0L (pulled - progress.ConsumerOffset)))
                                    Owner = None
                                    DelayMillis =
                                        match Map.tryFind queue delays with
                                        | Some delay when committed <> Some most && isDelay delay -> Some delay
                                        | _ -> None
                                })
                    |> Ok
        }

    let private topicsOf (group: string) (members: GroupMembers) (stats: Answers<ConsumeStats>) =
        let consumed =
            stats.Values |> Seq.collect (fun one -> one.Queues.Keys |> Seq.map _.Topic)

        Seq.append consumed members.Subscriptions.Keys
        |> Seq.append [ TopicKind.retryTopicOf group ]
        |> Seq.distinct
        |> Seq.sortWith (fun one other -> String.CompareOrdinal(one, other))
        |> List.ofSeq

    let private deadLetters (group: string) (masters: BrokerAddress list) : Plan<int64 option> =
        Answers.queryEach masters (statsOf (TopicKind.deadLetterTopicOf group))
        |> Plan.map (fun stats ->
            if stats.Failures.IsEmpty then
                stats.Values
                |> List.sumBy (fun one ->
                    one.Queues.Values |> Seq.sumBy (fun range -> range.MaxOffset - range.MinOffset))
                |> Some
            else
                None)

    /// How far a group is in every queue of its topics, on all masters of a scope. Asks its members which queues they read.
    let ofGroup (scope: BrokerScope) (group: string) : Plan<GroupLag> =
        plan {
            let! all = Directory.brokers scope BrokerRoles.MastersAndSlaves
            let masters = all |> List.filter _.IsMaster

            let! stats =
                Answers.query
                    masters
                    $"progress of group {group}"
                    (Statistics.ofGroup.Request
                        {
                            ConsumerGroup = group
                            Topic = None
                            Topics = None
                        })

            and! members = GroupMembers.ofGroup all group true
            let! stats = Answers.needOne stats

            let isKnown =
                members.IsOnline
                || stats.Values |> List.exists (fun one -> not one.Queues.IsEmpty)

            do! GroupConfigs.needUnless isKnown masters group

            let statsOn (broker: BrokerAddress) =
                stats.Answers
                |> List.tryFind (fun (other, _) -> other = broker)
                |> Option.map snd

            let! queues =
                topicsOf group members stats
                |> List.map (fun topic ->
                    Answers.queryEach (List.map fst stats.Answers) (fun broker ->
                        ofTopic group broker (statsOn broker) topic))
                |> Plan.all

            and! deadLetters = deadLetters group masters

            let owners = GroupMembers.ownerOf members.Members

            return
                {
                    Group = group
                    Members = members
                    Queues =
                        queues
                        |> List.collect _.Values
                        |> List.concat
                        |> List.map (fun queue ->
                            { queue with
                                Owner = Map.tryFind queue.Queue owners
                            })
                    DeadLetters = deadLetters
                    ConsumedPerSecond = stats.Values |> List.sumBy _.ConsumedPerSecond
                    Failures =
                        stats.Failures @ members.Failures @ (queues |> List.collect _.Failures)
                        |> List.distinct
                }
        }
