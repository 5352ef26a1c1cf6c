namespace RocketMq.Embedded

open RocketMq.Protocol
open RocketMq

/// What became of a message that a producer sent.
type internal Receipt =
    {
        /// As it lies in the topic it was put into, which is another than the one it was sent to if it has to wait.
        Stored: StoredMessage
        RecallHandle: string option
    }

/// Where single messages go: to their topic, or to where they wait.
module internal MessageStoreWriter =
    let private illegal reason =
        Error(ResponseCode.MessageIllegal, reason)

    let private withReceipt recallHandle result =
        result
        |> Result.map (fun (struct (state, stored, woken)) ->
            struct (state,
                    {
                        Stored = stored
                        RecallHandle = recallHandle
                    },
                    woken))
        |> Result.mapError (fun (error: EncodeError) -> ResponseCode.MessageIllegal, error.Message)

    /// What has to be found again needs a name. Java's brokers of today make one up for every message without.
    let private withUniqueKey (state: BrokerState) (incoming: Incoming) =
        if Properties.contains PropertyName.uniqueKey incoming.Message.Properties then
            incoming
        else
            let id =
                OffsetMessageId.encode
                    {
                        StoreHost = state.Store.StoreHost
                        PhysicalOffset = state.Store.NextPhysicalOffset
                    }

            { incoming with
                Message = Message.withSystemProperty PropertyName.uniqueKey id incoming.Message
            }

    let private recallHandle outMillis (incoming: Incoming) (state: BrokerState) =
        if (RetryTopics.tryGroupOf incoming.Message.Topic).IsSome then
            None
        else
            HalfMessages.text PropertyName.uniqueKey incoming.Message.Properties
            |> RecallHandle.create incoming.Message.Topic state.Settings.BrokerName outMillis
            |> Some

    let private park now outMillis (incoming: Incoming) (state: BrokerState) =
        let incoming = withUniqueKey state incoming

        Timers.park now outMillis incoming state
        |> withReceipt (recallHandle outMillis incoming state)

    let private putTimed now (incoming: Incoming) (state: BrokerState) =
        match Timers.outMillis now incoming.Message with
        | Error reason -> illegal reason
        | Ok ValueNone -> ScheduledDelivery.append now incoming state |> withReceipt None
        | Ok(ValueSome outMillis) -> park now outMillis incoming state

    /// Takes a message. Its topic and queue exist.
    let put now (incoming: Incoming) (state: BrokerState) =
        match Delays.level incoming.Message.Properties with
        | Error reason -> Error(ResponseCode.SystemError, reason)
        | Ok level when HalfMessages.isHalf level incoming ->
            // A real broker takes it, and loses it.
            if level > 0 || Timers.isTimed incoming.Message then
                illegal "a message of a transaction cannot wait for a time as well"
            else
                HalfMessages.park now (withUniqueKey state incoming) state |> withReceipt None
        | Ok level when level > 0 -> Delays.park now level incoming state |> withReceipt None
        | Ok _ when Timers.isTimed incoming.Message -> putTimed now incoming state
        | Ok _ -> ScheduledDelivery.append now incoming state |> withReceipt None

    /// Why a batch with such properties of its own is refused. Those of its messages are not looked at, as in Java.
    let checkBatch (send: SendRequest) : Result<unit, string> =
        let message: Message =
            {
                Topic = send.Topic
                Body = send.Body
                Flag = send.Flag
                Properties = send.Properties
            }

        match Delays.level send.Properties with
        | Error reason -> Error reason
        | Ok level when level > 0 || Timers.isTimed message -> Error "a batch cannot wait for a time"
        | Ok _ when (RetryTopics.tryGroupOf send.Topic).IsSome -> Error "a batch cannot be sent to a retry topic"
        | Ok _ -> Ok()
