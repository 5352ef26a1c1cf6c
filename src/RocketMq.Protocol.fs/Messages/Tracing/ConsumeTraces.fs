namespace RocketMq.Protocol

open RocketMq

/// Traces of one call of a consumer's function, with all its messages: a record for each before it, and for each after it.
/// Source: ConsumeMessageTraceHookImpl.java.
module ConsumeTraces =
    let private optional name (message: StoredMessage) =
        Properties.tryFind name message.Properties |> ValueOption.toOption

    /// Whether a message is traced: its broker or sender may have said that it is not to be.
    let isTraced (message: StoredMessage) : bool =
        Properties.tryFind PropertyName.traceSwitch message.Properties
        <> ValueSome "false"

    /// The id that the sender gave a message, or that of the place it is stored at.
    let private idOf (message: StoredMessage) =
        Properties.tryFind PropertyName.uniqueKey message.Properties
        |> ValueOption.defaultWith (fun () -> message.OffsetId)

    /// The records before a call, of the messages that are traced. `timestamp` is in milliseconds since 1970. All of them
    /// have the region of the last one, as in Java.
    let before
        (group: string)
        (requestId: string)
        (timestamp: int64)
        (messages: StoredMessage list)
        : TraceRecord list =
        let traced = List.filter isTraced messages
        let region = traced |> List.tryLast |> Option.bind (optional PropertyName.region)

        traced
        |> List.map (fun message ->
            ConsumeStartTraced
                {
                    Timestamp = timestamp
                    Region = region
                    Group = group
                    RequestId = requestId
                    MessageId = idOf message
                    RetryTimes = message.ReconsumeTimes
                    Keys = optional PropertyName.keys message
                })

    /// The records after a call that had `messages` messages, from those before it and `timestamp`, when it ended. The cost
    /// is the time of the call, shared by the messages.
    let after
        (messages: int)
        (timestamp: int64)
        (isSuccess: bool)
        (result: ConsumeReturn)
        (before: TraceRecord list)
        : TraceRecord list =
        before
        |> List.choose (fun record ->
            match record with
            | ConsumeStartTraced start ->
                Some(
                    ConsumeEndTraced
                        {
                            RequestId = start.RequestId
                            MessageId = start.MessageId
                            CostMillis = int ((timestamp - start.Timestamp) / int64 (max 1 messages))
                            IsSuccess = isSuccess
                            Keys = start.Keys
                            Return = result
                            Origin =
                                Some
                                    {
                                        Timestamp = timestamp
                                        Group = start.Group
                                    }
                        }
                )
            | _ -> None)
