namespace RocketMq

open RocketMq.Protocol

/// A message that is hidden from others of the group for a time.
type LeasedMessage =
    {
        Received: ReceivedMessage
        Receipt: PopReceipt
        /// By the consumer's clock.
        Expires: int64<tick>
    }

    /// The unique id that the sender gave it, or that of the place it is stored at.
    member message.MessageId: string =
        Properties.tryFind PropertyName.uniqueKey message.Received.Message.Properties
        |> ValueOption.defaultWith (fun () -> message.Received.Message.OffsetId)

    override message.ToString() =
        invariant $"{message.Received}, {PopReceipt.format message.Receipt}"

/// A message that could not be acknowledged.
type AckFailure =
    {
        Message: LeasedMessage
        Error: RemotingError
    }

    override failure.ToString() =
        invariant $"{failure.Message}: {failure.Error}"
