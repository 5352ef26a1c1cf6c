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

    let private progressOf group topic queueId (committed: Map<int, int64>) (queue: StoredQueue) (state: BrokerState) =
        let consumed = committedIn queueId committed

        {
            BrokerOffset = queue.MaxOffset
            ConsumerOffset = consumed
            PullOffset =
                if state.Settings.IsBefore5 then
                    None
                else
                    Some(max consumed (state.Statistics.PulledTo(group, topic, queueId)))
            LastTimestamp = storedAt (consumed - 1L) queue |> ValueOption.defaultValue 0L
        }

    /// How far a group is in so many queues of a topic.
    let private statsOf group (topic: StoredTopic) queues (state: BrokerState) : ConsumeStats =
        let name = topic.Config.Name
        let committed = CommittedOffsets.ofTopic group name state.Store.Committed

        {
            Queues =
                Map.ofList
                    [
                        for queueId in 0 .. queues - 1 ->
                            queueOf name queueId state,
                            progressOf group name queueId committed topic.Queues[queueId] state
                    ]
            ConsumedPerSecond = state.Statistics.GetsPerSecond(group, name)
        }

    /// While members are online, topics that they do not subscribe to are left out.
    let private isShown group topic (state: BrokerState) =
        match Map.tryFind group state.Groups with
        | Some members when not members.Subscriptions.IsEmpty -> members.Subscriptions.ContainsKey topic
        | _ -> true

    let private topicsOf (query: ConsumeStatsQuery) (state: BrokerState) : string list =
        let group = query.ConsumerGroup

        match query.Topics, query.Topic with
        // What is asked for by list is shown whoever is online.
        | Some topics, _ when topics.Trim() <> "" && not state.Settings.IsBefore5 -> topics.Split(';', System.StringSplitOptions.RemoveEmptyEntries) |> List.ofArray
        | _, Some topic when topic.Trim() <> "" -> [ topic ] |> List.filter (fun topic -> isShown group topic state)
        | _ ->
            CommittedOffsets.topicsOf group state.Store.Committed
            |> List.filter (fun topic -> isShown group topic state)

    let private merge (one: ConsumeStats) (other: ConsumeStats) : ConsumeStats =
        {
            Queues = (one.Queues, other.Queues) ||> Map.fold (fun queues queue progress -> Map.add queue progress queues)
            ConsumedPerSecond = one.ConsumedPerSecond + other.ConsumedPerSecond
        }

    let private noStats: ConsumeStats =
        {
            Queues = Map.empty
            ConsumedPerSecond = 0.0
        }

    /// GET_CONSUME_STATS. Topics that are not there are left out.
    let ofGroup (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Statistics.ofGroup.Decode (fun query ->
            let stats =
                topicsOf query state
                |> List.choose (fun name -> Map.tryFind name state.Store.Topics)
                |> List.map (fun topic -> statsOf query.ConsumerGroup topic topic.Config.ReadQueues state)
                |> List.fold merge noStats

            state, [ Answer.reply arrival (Statistics.ofGroup.Answer(stats, arrival.Command)) ])

    let private lagOf (stats: ConsumeStats) =
        stats.Queues.Values
        |> Seq.sumBy (fun progress -> progress.BrokerOffset - progress.ConsumerOffset)

    /// GET_BROKER_CONSUME_STATS. As in Java it has no pull offsets, so that what is in flight comes out below 0: 0 less
    /// what is committed.
    let ofGroups (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Statistics.ofGroups.Decode (fun isOrder ->
            let statsFor group =
                CommittedOffsets.topicsOf group state.Store.Committed
                |> List.filter (fun topic -> isShown group topic state)
                |> List.choose (fun name -> Map.tryFind name state.Store.Topics)
                |> List.filter (fun topic -> topic.Config.IsOrderly || not isOrder)
                |> List.map (fun topic ->
                    let stats = statsOf group topic topic.Config.WriteQueues state

                    { stats with
                        Queues =
                            stats.Queues
                            |> Map.map (fun _ progress ->
                                { progress with
                                    PullOffset = if state.Settings.IsBefore5 then None else Some 0L
                                })
                    })

            let groups = [ for group in state.Store.Groups.Keys -> group, statsFor group ]
            let all = groups |> List.collect snd

            let answer: BrokerConsumeStats =
                {
                    BrokerAddress = Some state.Settings.BrokerAddress
                    Groups = groups |> List.map (fun entry -> Map.ofList [ entry ])
                    TotalLag = all |> List.sumBy lagOf
                    TotalInFlight =
                        if state.Settings.IsBefore5 then
                            None
                        else
                            all
                            |> List.sumBy (fun stats -> stats.Queues.Values |> Seq.sumBy (fun progress -> -progress.ConsumerOffset))
                            |> Some
                }

            state, [ Answer.reply arrival (Statistics.ofGroups.Answer(answer, arrival.Command)) ])

    let private spanOf now (query: GroupTopic) (topic: StoredTopic) queueId (state: BrokerState) : QueueTimeSpan =
        let queue = topic.Queues[queueId]
        let stored offset = storedAt offset queue |> ValueOption.defaultValue -1L
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
            DelayMillis = if committed < queue.MaxOffset then now - stored committed else 0L
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

                state, [ Answer.reply arrival (GroupProgress.timeSpans.Answer(spans, arrival.Command)) ])
