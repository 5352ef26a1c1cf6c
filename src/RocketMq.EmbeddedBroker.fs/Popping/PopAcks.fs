namespace RocketMq.Embedded

open System
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq

/// Acknowledging what was popped, and changing for how long it is hidden.
module internal PopAcks =
    let private groupQueue group topic queueId : GroupQueue =
        {
            ConsumerGroup = group
            Topic = topic
            QueueId = queueId
        }

    /// A queue that may be read.
    let private tryQueue topic queueId (state: BrokerState) : StoredQueue voption =
        match Map.tryFind topic state.Store.Topics with
        | Some stored when queueId < stored.Config.ReadQueues -> Store.tryQueue topic queueId state.Store
        | _ -> ValueNone

    /// Answers with what `act` does about a message that can be there.
    let private withMessage
        (arrival: Arrival)
        (message: PoppedMessage)
        mayBeEnd
        (state: BrokerState)
        (act: PopReceipt -> BrokerState * BrokerEffect list)
        =
        match Map.tryFind message.Topic state.Store.Topics, tryQueue message.Topic message.QueueId state with
        | None, _ ->
            let remark = $"topic[{message.Topic}] not exist, apply first please!"
            state, [ Answer.refuse arrival ResponseCode.TopicNotExist remark ]
        | Some _, ValueNone ->
            let remark =
                invariant $"queueId[{message.QueueId}] is illegal, topic:[{message.Topic}]"

            state, [ Answer.refuse arrival ResponseCode.MessageIllegal remark ]
        | Some _, ValueSome queue ->
            let last = if mayBeEnd then queue.MaxOffset else queue.MaxOffset - 1L

            if message.QueueOffset < queue.MinOffset || message.QueueOffset > last then
                let place = invariant $"{message.Topic}@{message.QueueId}"
                let range = invariant $"{queue.MinOffset}~{queue.MaxOffset}"

                let remark =
                    invariant $"offset is illegal, key:{place}, commit:{message.QueueOffset}, store:{range}"

                state, [ Answer.refuse arrival ResponseCode.NoMessage remark ]
            else
                match PopReceipt.tryParse message.ExtraInfo with
                | ValueSome receipt -> act receipt
                | ValueNone ->
                    let remark = $"'{message.ExtraInfo}' is no receipt"
                    state, [ Answer.refuse arrival ResponseCode.SystemError remark ]

    // In order

    let private isBehind (queue: GroupQueue) offset (state: BrokerState) =
        match Store.committed queue state.Store with
        | ValueSome committed -> offset < committed
        | ValueNone -> false

    let private ackInOrder now (queue: GroupQueue) popMillis offset (state: BrokerState) =
        if isBehind queue offset state then
            Ok(state, [])
        else
            match PopCheckpoints.ackInOrder now queue popMillis offset state.Pops.Checkpoints with
            | IsStale, _ -> Ok(state, [])
            | IsUnknown, _ -> Error(invariant $"offset is illegal, key:{queue.Topic}@{queue.QueueId}, commit:{offset}")
            | NextOffset next, checkpoints ->
                { PopResultBuilder.withCheckpoints checkpoints state with
                    Store = Store.commit queue next state.Store
                }
                |> Pops.wake now queue.Topic queue.QueueId
                |> Ok

    // Requests

    let private ackOne now (queue: GroupQueue) reviveQueueId popMillis invisibleMillis offset (state: BrokerState) =
        if reviveQueueId = PopReceipt.OrderlyQueueId then
            ackInOrder now queue popMillis offset state
        else
            let checkpoints =
                PopCheckpoints.ack queue popMillis invisibleMillis offset state.Pops.Checkpoints

            Ok(PopResultBuilder.withCheckpoints checkpoints state, [])

    let ack now (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state PopReceipts.acknowledge.Decode (fun message ->
            withMessage arrival message true state (fun receipt ->
                let queue = groupQueue message.ConsumerGroup message.Topic message.QueueId

                match
                    ackOne
                        now
                        queue
                        receipt.ReviveQueueId
                        receipt.PopTimestamp
                        receipt.InvisibleMillis
                        message.QueueOffset
                        state
                with
                | Ok(state, woken) -> state, Answer.succeed arrival :: woken
                | Error remark -> state, [ Answer.refuse arrival ResponseCode.MessageIllegal remark ]))

    let private offsetsOf (ack: BatchAck) : int64 list =
        [
            for index in 0 .. ack.Acknowledged.Length * 8 - 1 do
                if ack.Acknowledged[index / 8] >>> (index % 8) &&& 1uy = 1uy then
                    ack.InitialOffset + int64 index
        ]

    let private ackBatch now (state: BrokerState, effects: BrokerEffect list, refusal) (ack: BatchAck) =
        let source = PopSource.ofText ack.Retry |> ValueOption.defaultValue OfTopic
        let topic = PopSource.topicOf ack.ConsumerGroup ack.Topic source
        let queue = groupQueue ack.ConsumerGroup topic ack.QueueId

        match tryQueue topic ack.QueueId state with
        | ValueNone -> state, effects, refusal
        | ValueSome stored ->
            let isThere offset =
                offset >= stored.MinOffset && offset <= stored.MaxOffset

            ((state, effects, refusal), offsetsOf ack |> List.filter isThere)
            ||> List.fold (fun (state, effects, refusal) offset ->
                match ackOne now queue ack.ReviveQueueId ack.PopTimestamp ack.InvisibleMillis offset state with
                | Ok(state, woken) -> state, effects @ woken, refusal
                | Error remark -> state, effects, ValueSome remark)

    /// Acknowledges all it can; what it cannot is no reason to leave out the others.
    let ackMany now (arrival: Arrival) (state: BrokerState) =
        if arrival.Command.Body.IsEmpty then
            state, [ Answer.refuse arrival ResponseCode.NoMessage "" ]
        else
            Answer.decoding arrival state PopReceipts.acknowledgeMany.Decode (fun request ->
                match request.Acks with
                | [] -> state, [ Answer.refuse arrival ResponseCode.NoMessage "" ]
                | acks ->
                    let state, woken, refusal = List.fold (ackBatch now) (state, [], ValueNone) acks

                    match refusal with
                    | ValueNone -> state, Answer.succeed arrival :: woken
                    | ValueSome remark -> state, Answer.refuse arrival ResponseCode.MessageIllegal remark :: woken)

    let private changed (arrival: Arrival) popMillis invisibleMillis (receipt: PopReceipt) =
        let answer: InvisibleTimeAnswer =
            {
                PopTimestamp = popMillis
                InvisibleTime = TimeSpan.FromMilliseconds(invisibleMillis, 0L)
                ReviveQueueId = receipt.ReviveQueueId
            }

        [
            Answer.reply arrival (PopReceipts.changeInvisibleTime.Answer(answer, arrival.Command))
        ]

    /// Of a message popped in order the receipt keeps its time, and the queue opens at another one.
    let private changeInOrder
        now
        (arrival: Arrival)
        (queue: GroupQueue)
        offset
        newMillis
        (receipt: PopReceipt)
        (state: BrokerState)
        =
        if isBehind queue offset state then
            state, [ Answer.succeed arrival ]
        else
            let due = now + newMillis

            let checkpoints =
                PopCheckpoints.changeInOrder now queue receipt.PopTimestamp offset due state.Pops.Checkpoints

            let state, woken =
                PopResultBuilder.withCheckpoints checkpoints state
                |> Pops.wake now queue.Topic queue.QueueId

            state,
            changed arrival receipt.PopTimestamp (due - receipt.PopTimestamp) receipt
            @ woken

    let change now (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state PopReceipts.changeInvisibleTime.Decode (fun change ->
            let message = change.Message
            let newMillis = int64 change.InvisibleTime.TotalMilliseconds

            withMessage arrival message false state (fun (receipt: PopReceipt) ->
                let queue = groupQueue message.ConsumerGroup message.Topic message.QueueId

                if receipt.IsOrderly then
                    changeInOrder now arrival queue message.QueueOffset newMillis receipt state
                else
                    let checkpoints =
                        PopCheckpoints.change
                            queue
                            receipt.PopTimestamp
                            receipt.InvisibleMillis
                            newMillis
                            now
                            message.QueueOffset
                            state.Pops.Checkpoints

                    PopResultBuilder.withCheckpoints checkpoints state, changed arrival now newMillis receipt))
