namespace RocketMq

open System

/// A message as a broker stores it and hands it out.
[<CustomEquality; NoComparison>]
type StoredMessage =
    {
        /// Not part of the stored record: the broker it was read from.
        BrokerName: string
        Topic: string
        QueueId: int
        /// Offset in the queue, counting from 0.
        QueueOffset: int64
        /// Offset in the broker's commit log, in bytes.
        PhysicalOffset: int64<commitLog>
        Flag: int
        SysFlag: int
        /// Milliseconds since 1970, UTC, by the sender's clock.
        BornTimestamp: int64
        BornHost: Host
        /// Milliseconds since 1970, UTC, by the broker's clock.
        StoreTimestamp: int64
        StoreHost: Host
        ReconsumeTimes: int
        PreparedTransactionOffset: int64<commitLog>
        /// CRC-32 of the stored body without its top bit, as received. See `MessageBody.decode`.
        BodyCrc: int
        /// As stored: compressed if `SysFlag` says so.
        StoredBody: ReadOnlyMemory<byte>
        Properties: Properties
    }

    /// The queue that holds the message, with its topic and broker.
    member message.Queue =
        {
            Topic = message.Topic
            BrokerName = message.BrokerName
            QueueId = message.QueueId
        }

    /// The id by which brokers find the message: their address and its offset in the commit log.
    member message.OffsetId =
        OffsetMessageId.encode
            {
                StoreHost = message.StoreHost
                PhysicalOffset = message.PhysicalOffset
            }

    override message.ToString() =
        invariant
            $"message at offset {message.QueueOffset} of {message.Queue}, stored body {message.StoredBody.Length} bytes"

    override message.Equals other =
        match other with
        | :? StoredMessage as other ->
            message.Queue = other.Queue
            && message.QueueOffset = other.QueueOffset
            && message.PhysicalOffset = other.PhysicalOffset
            && message.Flag = other.Flag
            && message.SysFlag = other.SysFlag
            && message.BornTimestamp = other.BornTimestamp
            && message.BornHost = other.BornHost
            && message.StoreTimestamp = other.StoreTimestamp
            && message.StoreHost = other.StoreHost
            && message.ReconsumeTimes = other.ReconsumeTimes
            && message.PreparedTransactionOffset = other.PreparedTransactionOffset
            && message.BodyCrc = other.BodyCrc
            && message.StoredBody.Span.SequenceEqual other.StoredBody.Span
            && message.Properties = other.Properties
        | _ -> false

    override message.GetHashCode() =
        HashCode.Combine(message.BrokerName, message.QueueId, message.QueueOffset, message.PhysicalOffset)
