namespace RocketMq.Embedded

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// How far groups are, in messages and in time. Source: AdminBrokerProcessor.java.
module internal ConsumeProgress =
    let private queueOf topic queueId (state: BrokerState) : MessageQueue =
        {
            Topic = topic
            BrokerName = state.Settings.BrokerName
            QueueId = queueId
        }

    /// When the message at an offset was stored, or none if it is not there.
    let private storedAt offset (queue: StoredQueue) : int64 voption =
        StoredQueue.tryAt offset queue |> ValueOption.map _.StoreTimestamp

    /// A group that has committed nothing counts as committed at 0, as in Java.
    let private committedIn queueId (committed: Map<int, int64>) =
        Map.tryFind queueId committed |> Option.defaultValue 0L |> max 0L

    /// Up to where a group has pulled, which 4.x does not say.
    let private pulledTo group topic queueId consumed (state: BrokerState) =
        if state.Settings.IsBefore5 then
            None
        else
            Some(max consumed (state.Statistics.PulledTo(group, topic, queueId)))

    /// How far a group is in so many queues of a topic. `pulled` gives what is shown as pulled, by queue and committed offset.
    let private progressOf group (topic: StoredTopic) queues pulled (state: BrokerState) =
        let name = topic.Config.Name
        let committed = CommittedOffsets.ofTopic group name state.Store.Committed

        [
            for queueId in 0 .. queues - 1 ->
                let queue = topic.Queues[queueId]
                let consumed = committedIn queueId committed

                queueOf name queueId state,
                {
                    BrokerOffset = queue.MaxOffset
                    ConsumerOffset = consumed
                    PullOffset = pulled name queueId consumed
                    LastTimestamp = storedAt (consumed - 1L) queue |> ValueOption.defaultValue 0L
                }
        ]

    /// While members are online, topics that they do not subscribe to are left out.
    let private isShown group topic (state: BrokerState) =
        match Map.tryFind group state.Groups with
        | Some members when not members.Subscriptions.IsEmpty -> members.Subscriptions.ContainsKey topic
        | _ -> true

    let private topicsOf (query: ConsumeStatsQuery) (state: BrokerState) : string list =
        let group = query.ConsumerGroup

        match query.Topics, query.Topic with
        // What is asked for by list is shown whoever is online.
        | Some topics, _ when topics.Trim() <> "" && not state.Settings.IsBefore5 ->
            topics.Split(';', System.StringSplitOptions.RemoveEmptyEntries) |> List.ofArray
        | _, Some topic when topic.Trim() <> "" -> [ topic ] |> List.filter (fun topic -> isShown group topic state)
        | _ ->
            CommittedOffsets.topicsOf group state.Store.Committed
            |> List.filter (fun topic -> isShown group topic state)

    /// GET_CONSUME_STATS. Topics that are not there are left out.
    let ofGroup (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Statistics.ofGroup.Decode (fun query ->
            let group = query.ConsumerGroup

            let topics =
                topicsOf query state
                |> List.choose (fun name -> Map.tryFind name state.Store.Topics)

            let pulled name queueId consumed =
                pulledTo group name queueId consumed state

            let stats: ConsumeStats =
                {
                    Queues =
                        topics
                        |> List.collect (fun topic -> progressOf group topic topic.Config.ReadQueues pulled state)
                        |> Map.ofList
                    ConsumedPerSecond =
                        topics
                        |> List.sumBy (fun topic -> state.Statistics.GetsPerSecond(group, topic.Config.Name))
                }

            state, [ Answer.reply arrival (Statistics.ofGroup.Answer(stats, arrival.Command)) ])

    /// Of a group in one topic, with what is left to consume and what is committed.
    let private entryOf group (topic: StoredTopic) (state: BrokerState) : struct (ConsumeStats * int64 * int64) =
        let pulled _ _ _ =
            if state.Settings.IsBefore5 then None else Some 0L

        let queues = progressOf group topic topic.Config.WriteQueues pulled state

        struct ({
                    Queues = Map.ofList queues
                    ConsumedPerSecond = state.Statistics.GetsPerSecond(group, topic.Config.Name)
                },
                queues
                |> List.sumBy (fun (_, progress) -> progress.BrokerOffset - progress.ConsumerOffset),
                queues |> List.sumBy (fun (_, progress) -> progress.ConsumerOffset))

    /// GET_BROKER_CONSUME_STATS. As in Java it has no pull offsets, so that what is in flight comes out below 0: 0 less
    /// what is committed.
    let ofGroups (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Statistics.ofGroups.Decode (fun isOrder ->
            let entriesOf group =
                CommittedOffsets.topicsOf group state.Store.Committed
                |> List.filter (fun topic -> isShown group topic state)
                |> List.choose (fun name -> Map.tryFind name state.Store.Topics)
                |> List.filter (fun topic -> topic.Config.IsOrderly || not isOrder)
                |> List.map (fun topic -> entryOf group topic state)

            let groups = [ for group in state.Store.Groups.Keys -> group, entriesOf group ]

            let sumOf measure =
                groups |> List.sumBy (fun (_, entries) -> List.sumBy measure entries)

            let answer: BrokerConsumeStats =
                {
                    BrokerAddress = Some state.Settings.BrokerAddress
                    Groups =
                        groups
                        |> List.map (fun (group, entries) ->
                            Map.ofList [ group, entries |> List.map (fun (struct (stats, _, _)) -> stats) ])
                    TotalLag = sumOf (fun (struct (_, lag, _)) -> lag)
                    TotalInFlight =
                        if state.Settings.IsBefore5 then
                            None
                        else
                            Some(-(sumOf (fun (struct (_, _, committed)) -> committed)))
                }

            state, [ Answer.reply arrival (Statistics.ofGroups.Answer(answer, arrival.Command)) ])

    let private spanOf now (query: GroupTopic) (topic: StoredTopic) queueId (state: BrokerState) : QueueTimeSpan =
        let queue = topic.Queues[queueId]

        let stored offset =
            storedAt offset queue |> ValueOption.defaultValue -1L

        let oldest = stored queue.MinOffset

        let committed =
            CommittedOffsets.ofTopic query.Group query.Topic state.Store.Committed
            |> Map.tryFind queueId
            |> Option.defaultValue -1L

        {
            Queue = queueOf query.Topic queueId state
            MinTimestamp = oldest
            MaxTimestamp = stored (queue.MaxOffset - 1L)
            ConsumeTimestamp = if committed > 0L then stored (committed - 1L) else oldest
            // Of a message that is gone, or of one before the first: since 1970, as in Java.
            DelayMillis =
                if committed < queue.MaxOffset then
                    now - stored committed
                else
                    0L
        }

    /// QUERY_CONSUME_TIME_SPAN.
    let timeSpans now (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state GroupProgress.timeSpans.Decode (fun query ->
            match Map.tryFind query.Topic state.Store.Topics with
            | None ->
                state,
                [
                    Answer.refuse arrival ResponseCode.TopicNotExist $"topic[{query.Topic}] not exist"
                ]
            | Some topic ->
                let spans =
                    [
                        for queueId in 0 .. topic.Config.WriteQueues - 1 -> spanOf now query topic queueId state
                    ]

                state,
                [
                    Answer.reply arrival (GroupProgress.timeSpans.Answer(spans, arrival.Command))
                ])
