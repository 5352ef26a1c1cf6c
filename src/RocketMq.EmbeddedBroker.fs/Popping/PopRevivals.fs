namespace RocketMq.Embedded

open RocketMq.Protocol
open RocketMq

/// Messages that were popped and not acknowledged in time.
module internal PopRevivals =
    let private topicOf (queue: GroupQueue) =
        match PopSource.ofTopic queue.Topic with
        | OfTopic -> PopSource.topicOf queue.ConsumerGroup queue.Topic OfRetry
        | _ -> queue.Topic

    let private withTopic name (state: BrokerState) =
        if state.Store.Topics.ContainsKey name then
            state
        else
            { state with
                Store = Store.withTopic name 1 state.Store
            }

    let private incoming topic (checkpoint: PopCheckpoint) (message: StoredMessage) (state: BrokerState) : Incoming =
        let isFirst =
            message.ReconsumeTimes = 0
            || not (Properties.contains PropertyName.firstPopTime message.Properties)

        let properties =
            if isFirst then
                Properties.add PropertyName.firstPopTime (string checkpoint.PopMillis) message.Properties
            else
                message.Properties

        {
            Message =
                {
                    Topic = topic
                    Body = message.StoredBody
                    Flag = message.Flag
                    Properties = properties
                }
            QueueId = 0
            SysFlag = message.SysFlag
            BornTimestamp = message.BornTimestamp
            BornHost = state.Store.StoreHost
            ReconsumeTimes = message.ReconsumeTimes + 1
            PreparedTransactionOffset = 0L<commitLog>
        }

    let private tryFind (checkpoint: PopCheckpoint) (state: BrokerState) : StoredMessage voption =
        let record =
            Store.tryQueue checkpoint.Queue.Topic checkpoint.Queue.QueueId state.Store
            |> ValueOption.bind (StoredQueue.tryAt checkpoint.QueueOffset)

        match record with
        | ValueSome record ->
            match MessageCodec.decodeAll "" record.Bytes with
            | Ok [| message |] -> ValueSome message
            | _ -> ValueNone
        | ValueNone -> ValueNone

    /// Writes a message to its group's topic of retries. What has gone with its topic or with its time does not come
    /// back, nor what has become too long for a record.
    let private revive now (state: BrokerState, effects: BrokerEffect list) (checkpoint: PopCheckpoint) =
        match tryFind checkpoint state with
        | ValueNone -> state, effects
        | ValueSome message ->
            let topic = topicOf checkpoint.Queue
            let state = withTopic topic state

            match ScheduledDelivery.append now (incoming topic checkpoint message state) state with
            | Ok(struct (state, _, woken)) -> state, effects @ woken
            | Error _ -> state, effects

    /// Hands expired messages on, and opens queues whose time has come.
    let expire now (state: BrokerState) =
        match PopCheckpoints.nextDue state.Pops.Checkpoints with
        | ValueSome due when due <= now ->
            let expired, checkpoints = PopCheckpoints.expire now state.Pops.Checkpoints
            let opened, checkpoints = PopCheckpoints.openUp now checkpoints

            let state, effects =
                List.fold (revive now) (PopResultBuilder.withCheckpoints checkpoints state, []) expired

            ((state, effects), opened)
            ||> List.fold (fun (state, effects) queue ->
                let state, woken = Pops.wake now queue.Topic queue.QueueId state
                state, effects @ woken)
        | _ -> state, []
