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
            // One beyond the end is taken, as in Java.
            if offset >= queue.MinOffset && offset <= queue.MaxOffset + 1L then
                Ok offset
            else
                let remark =
                    invariant $"Target offset {offset} not in consume queue range [{queue.MinOffset}-{queue.MaxOffset}]"

                Error(ResponseCode.SystemError, remark)
        | _ when reset.TimestampMillis < 0L -> Ok queue.MaxOffset
        | _ -> Ok(Store.search reset.TimestampMillis queue)

    let private groupQueue (reset: OffsetReset) queueId : GroupQueue =
        {
            ConsumerGroup = reset.Group
            Topic = reset.Topic
            QueueId = queueId
        }

    /// Without force a group never goes forward.
    let private target (reset: OffsetReset) queueId (state: BrokerState) offset =
        match Store.committed (groupQueue reset queueId) state.Store with
        | ValueSome committed when not reset.IsForced -> min committed offset
        | _ -> offset

    let private targets (reset: OffsetReset) (topic: StoredTopic) (state: BrokerState) =
        let collect result queueId =
            result
            |> Result.bind (fun found ->
                targetOffset reset queueId topic
                |> Result.map (fun offset -> Map.add queueId (target reset queueId state offset) found))

        queuesOf reset topic
        |> Result.bind (fun queues -> (Ok Map.empty, queues) ||> List.fold collect)

    /// Clients in C++ are sent a list where others are sent a table; which ones, the language of the administrator decides.
    let private tableFor language (offsets: Map<MessageQueue, int64>) =
        if language = LanguageCode.Cpp then
            OffsetTable.Listed(Map.toList offsets)
        else
            OffsetTable.ByQueue offsets

    let private push language (reset: OffsetReset) offsets (state: BrokerState) =
        match Map.tryFind reset.Group state.Groups with
        | None -> []
        | Some group ->
            let command =
                ConsumerOffsets.pushReset.OneWay
                    {
                        Reset = reset
                        Offsets = tableFor language offsets
                    }

            [ for connection in group.Members.Keys -> Push(connection, command) ]

    let private byQueue (reset: OffsetReset) (found: Map<int, int64>) (state: BrokerState) : Map<MessageQueue, int64> =
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

    let private answer (arrival: Arrival) offsets =
        Answer.reply arrival (ConsumerOffsets.resetAll.Answer(OffsetTable.ByQueue offsets, arrival.Command))

    let private carryOut (arrival: Arrival) (reset: OffsetReset) (found: Map<int, int64>) (state: BrokerState) =
        let store =
            (state.Store, found)
            ||> Map.fold (fun store queueId offset -> Store.commit (groupQueue reset queueId) offset store)

        let offsets = byQueue reset found state
        let state = { state with Store = store }
        state.Statistics.ForgetPulls(reset.Group, reset.Topic)
        state, answer arrival offsets :: push arrival.Command.Language reset offsets state

    /// A group without settings that has committed nothing.
    let private isUnknown group (state: BrokerState) =
        not (state.Store.Groups.ContainsKey group)
        && not (state.Store.Committed.ContainsKey group)

    let private resetAtBroker (arrival: Arrival) (reset: OffsetReset) (topic: StoredTopic) (state: BrokerState) =
        if isUnknown reset.Group state then
            state,
            [
                Answer.refuse arrival ResponseCode.SubscriptionGroupNotExist $"Group {reset.Group} does not exist"
            ]
        else
            match targets reset topic state with
            | Error(code, remark) -> state, [ Answer.refuse arrival code remark ]
            | Ok found when found.IsEmpty ->
                state, [ Answer.refuse arrival ResponseCode.SystemError "No queues to reset." ]
            | Ok found -> carryOut arrival reset found state

    /// As brokers of 4.x do it: the members are told where to go on, and commit that themselves. Source: Broker2Client.java.
    let private resetByMembers (arrival: Arrival) (reset: OffsetReset) (topic: StoredTopic) (state: BrokerState) =
        let queues = [ 0 .. topic.Config.WriteQueues - 1 ]

        let hasCommitted queueId =
            (Store.committed (groupQueue reset queueId) state.Store).IsSome

        if not (List.forall hasCommitted queues) then
            state,
            [
                Answer.refuse arrival ResponseCode.SystemError $"THe consumer group <{reset.Group}> not exist"
            ]
        elif not (state.Groups.ContainsKey reset.Group) then
            let remark =
                invariant
                    $"Consumer not online, so can not reset offset, Group: {reset.Group} Topic: {reset.Topic} Timestamp: {reset.TimestampMillis}"

            state, [ Answer.refuse arrival ResponseCode.ConsumerNotOnline remark ]
        else
            let timed =
                { reset with
                    QueueId = None
                    Offset = None
                }

            let offsets =
                queues
                |> List.map (fun queueId ->
                    let queue = topic.Queues[queueId]

                    let offset =
                        if reset.TimestampMillis = -1L then
                            queue.MaxOffset
                        else
                            Store.search reset.TimestampMillis queue

                    queueId, target timed queueId state offset)
                |> Map.ofList

            let offsets = byQueue reset offsets state
            state, answer arrival offsets :: push arrival.Command.Language timed offsets state

    /// INVOKE_BROKER_TO_RESET_OFFSET: changes what is committed, and tells the members to go on from there. As with brokers
    /// of 5.x none need be there.
    let reset (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state ConsumerOffsets.resetAll.Decode (fun reset ->
            match Map.tryFind reset.Topic state.Store.Topics with
            | None -> state, [ Answer.noTopic arrival reset.Topic ]
            | Some topic when state.Settings.IsBefore5 -> resetByMembers arrival reset topic state
            | Some topic -> resetAtBroker arrival reset topic state)
