namespace RocketMq

open RocketMq.Protocol

/// Messages whose bodies a client has no codec for. Consumers leave them at the broker: whoever has the codec reads them.
module internal UnreadableMessage =
    /// The index of the first.
    let find (codecs: BodyCodecs) (messages: StoredMessage[]) : int voption =
        let mutable index = 0

        while index < messages.Length && MessageBody.hasCodec codecs messages[index] do
            index <- index + 1

        if index < messages.Length then
            ValueSome index
        else
            ValueNone

    /// Why it cannot be read, and what to do.
    let reason (message: StoredMessage) : string =
        MissingCodec.reason (SysFlag.compression message.SysFlag)

    /// As whoever waits for messages of a queue is told.
    let error (queue: MessageQueue) (message: StoredMessage) : RemotingError =
        RemotingError.Misconfigured(
            invariant $"{queue} is read no further than offset {message.QueueOffset}: {reason message}"
        )
