namespace RocketMq.Embedded

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// Groups that are to go on from another place.
module internal OffsetResets =
    let private queuesOf (reset: OffsetReset) (topic: StoredTopic) : Result<int list, ResponseCode * string> =
        match reset.QueueId with
        | Some queueId when queueId >= topic.Config.ReadQueues ->
            Error(ResponseCode.SystemError, invariant $"queue {queueId} of topic {reset.Topic} does not exist")
        | Some queueId when queueId >= 0 -> Ok [ queueId ]
        | _ -> Ok [ 0 .. topic.Config.ReadQueues - 1 ]

    /// Where a queue is to be read from, before anything else is looked at.
    let private targetOffset (reset: OffsetReset) queueId (topic: StoredTopic) : Result<int64, ResponseCode * string> =
        let queue = topic.Queues[queueId]

        match reset.QueueId, reset.Offset with
        | Some one, Some offset when one >= 0 && offset <> -1L ->
            if offset >= queue.MinOffset && offset <= queue.MaxOffset then
                Ok offset
            else
                let remark =
                    invariant $"Target offset {offset} not in consume queue range [{queue.MinOffset}-{queue.MaxOffset}]"

                Error(ResponseCode.SystemError, remark)
        | _ when reset.TimestampMillis = -1L -> Ok queue.MaxOffset
        | _ -> Ok(Store.search reset.TimestampMillis queue)

    let private groupQueue (reset: OffsetReset) queueId : GroupQueue =
        {
            ConsumerGroup = reset.Group
            Topic = reset.Topic
            QueueId = queueId
        }

    /// Without force a group never goes forward.
    let private target (reset: OffsetReset) queueId (state: BrokerState) offset =
        match Map.tryFind (groupQueue reset queueId) state.Store.Committed with
        | Some committed when not reset.IsForced -> min committed offset
        | _ -> offset

    let private targets (reset: OffsetReset) (topic: StoredTopic) (state: BrokerState) =
        let collect result queueId =
            result
            |> Result.bind (fun found ->
                targetOffset reset queueId topic
                |> Result.map (fun offset -> Map.add queueId (target reset queueId state offset) found))

        queuesOf reset topic
        |> Result.bind (fun queues -> (Ok Map.empty, queues) ||> List.fold collect)

    let private push (reset: OffsetReset) offsets (state: BrokerState) =
        match Map.tryFind reset.Group state.Groups with
        | None -> []
        | Some group ->
            let command =
                ConsumerOffsets.pushReset.OneWay
                    {
                        Reset = reset
                        Offsets = OffsetTable.ByQueue offsets
                    }

            [ for connection in group.Members.Keys -> Push(connection, command) ]

    let private carryOut (arrival: Arrival) (reset: OffsetReset) (found: Map<int, int64>) (state: BrokerState) =
        let store =
            (state.Store, found)
            ||> Map.fold (fun store queueId offset -> Store.commit (groupQueue reset queueId) offset store)

        let offsets =
            found
            |> Map.toSeq
            |> Seq.map (fun (queueId, offset) ->
                ({
                    Topic = reset.Topic
                    BrokerName = state.Settings.BrokerName
                    QueueId = queueId
                }
                : MessageQueue),
                offset)
            |> Map.ofSeq

        let state = { state with Store = store }

        state,
        Answer.reply arrival (ConsumerOffsets.resetAll.Answer(OffsetTable.ByQueue offsets, arrival.Command))
        :: push reset offsets state

    /// INVOKE_BROKER_TO_RESET_OFFSET: changes what is committed, and tells the members to go on from there. As with brokers
    /// of 5.x none need be there.
    let reset (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state ConsumerOffsets.resetAll.Decode (fun reset ->
            match Map.tryFind reset.Topic state.Store.Topics with
            | None -> state, [ Answer.noTopic arrival reset.Topic ]
            | Some topic ->
                match targets reset topic state with
                | Error(code, remark) -> state, [ Answer.refuse arrival code remark ]
                | Ok found -> carryOut arrival reset found state)

    // Progress

    let private progressOf group topicName (topic: StoredTopic) (state: BrokerState) =
        [
            for queueId in 0 .. topic.Config.ReadQueues - 1 ->
                let queue = topic.Queues[queueId]

                let committed =
                    Map.tryFind
                        {
                            ConsumerGroup = group
                            Topic = topicName
                            QueueId = queueId
                        }
                        state.Store.Committed
                    |> Option.defaultValue 0L

                ({
                    Topic = topicName
                    BrokerName = state.Settings.BrokerName
                    QueueId = queueId
                }
                : MessageQueue),
                {
                    BrokerOffset = queue.MaxOffset
                    ConsumerOffset = committed
                    PullOffset = Some committed
                    LastTimestamp =
                        match StoredQueue.tryAt (committed - 1L) queue with
                        | ValueSome record -> record.StoreTimestamp
                        | ValueNone -> 0L
                }
        ]

    let private topicsOf (query: ConsumeStatsQuery) (state: BrokerState) : string list =
        match query.Topics, query.Topic with
        | Some topics, _ when topics <> "" -> topics.Split ';' |> List.ofArray
        | _, Some topic when topic <> "" -> [ topic ]
        | _ ->
            state.Store.Committed.Keys
            |> Seq.filter (fun queue -> queue.ConsumerGroup = query.ConsumerGroup)
            |> Seq.map _.Topic
            |> Seq.distinct
            |> List.ofSeq

    /// GET_CONSUME_STATS: how far a group is. Speeds are not measured.
    let progress (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state Statistics.ofGroup.Decode (fun query ->
            let queues =
                topicsOf query state
                |> List.collect (fun name ->
                    match Map.tryFind name state.Store.Topics with
                    | Some topic -> progressOf query.ConsumerGroup name topic state
                    | None -> [])
                |> Map.ofList

            let stats: ConsumeStats =
                {
                    Queues = queues
                    ConsumedPerSecond = 0.0
                }

            state, [ Answer.reply arrival (Statistics.ofGroup.Answer(stats, arrival.Command)) ])
