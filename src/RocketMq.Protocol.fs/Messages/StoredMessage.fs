namespace RocketMq

open System

/// What a stored message says, as values: to make one, or to change one. See `StoredMessage.create`.
[<NoEquality; NoComparison>]
type StoredFields =
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
        /// CRC-32 of the stored body without its top bit.
        BodyCrc: int
        /// As stored: compressed if `SysFlag` says so.
        StoredBody: ReadOnlyMemory<byte>
        Properties: Properties
    }

/// A message as a broker stores it and hands it out. One that was received is a view of its record: its members read the bytes each
/// time, and make new hosts and ids. Two are equal that say the same.
[<AbstractClass>]
type StoredMessage internal (queue: MessageQueue) =
    /// The queue that holds the message, with its topic and broker.
    member _.Queue: MessageQueue = queue

    /// Not part of the stored record: the broker it was read from.
    member _.BrokerName: string = queue.BrokerName

    /// The topic that it was stored in; in the hands of an application, the one that it was sent to.
    member _.Topic: string = queue.Topic

    /// The queue's number at its broker, from 0.
    member _.QueueId: int = queue.QueueId

    /// Offset in the queue, counting from 0.
    abstract QueueOffset: int64

    /// Offset in the broker's commit log, in bytes.
    abstract PhysicalOffset: int64<commitLog>

    /// Of the application: brokers keep it and do not look at it. 0 unless set.
    abstract Flag: int

    /// The flag word, see the module `SysFlag`.
    abstract SysFlag: int

    /// Milliseconds since 1970, UTC, by the sender's clock.
    abstract BornTimestamp: int64

    /// The sender, as its broker saw it. Made with each call.
    abstract BornHost: Host

    /// Milliseconds since 1970, UTC, by the broker's clock.
    abstract StoreTimestamp: int64

    /// The broker. Made with each call.
    abstract StoreHost: Host

    /// How often it was delivered before and sent back.
    abstract ReconsumeTimes: int

    /// Of a committed transaction: where its half message lay in the commit log, in bytes. Otherwise 0.
    abstract PreparedTransactionOffset: int64<commitLog>

    /// CRC-32 of the stored body without its top bit, as received. See `MessageBody.decode`.
    abstract BodyCrc: int

    /// As stored: compressed if `SysFlag` says so.
    abstract StoredBody: ReadOnlyMemory<byte>

    /// Those of the sender, its client and its broker: a view of their text.
    abstract Properties: Properties

    /// The same message, said to be of another queue. All else is shared, and nothing of it is copied.
    abstract WithQueue: queue: MessageQueue -> StoredMessage

    /// The id by which brokers find the message: their address and its offset in the commit log.
    member message.OffsetId: string =
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

/// One that was made of values and is not stored anywhere, or not as it is.
[<Sealed>]
type internal ComposedMessage(fields: StoredFields, queue: MessageQueue) =
    inherit StoredMessage(queue)

    override _.QueueOffset = fields.QueueOffset
    override _.PhysicalOffset = fields.PhysicalOffset
    override _.Flag = fields.Flag
    override _.SysFlag = fields.SysFlag
    override _.BornTimestamp = fields.BornTimestamp
    override _.BornHost = fields.BornHost
    override _.StoreTimestamp = fields.StoreTimestamp
    override _.StoreHost = fields.StoreHost
    override _.ReconsumeTimes = fields.ReconsumeTimes
    override _.PreparedTransactionOffset = fields.PreparedTransactionOffset
    override _.BodyCrc = fields.BodyCrc
    override _.StoredBody = fields.StoredBody
    override _.Properties = fields.Properties
    override _.WithQueue queue = ComposedMessage(fields, queue)

/// Making and changing stored messages.
module StoredMessage =
    /// A message of values. Nothing is checked or copied; `MessageCodec.write` says what a record has no room for.
    let create (fields: StoredFields) : StoredMessage =
        ComposedMessage(
            fields,
            {
                Topic = fields.Topic
                BrokerName = fields.BrokerName
                QueueId = fields.QueueId
            }
        )

    /// What a message says. The body is not copied.
    let fields (message: StoredMessage) : StoredFields =
        {
            BrokerName = message.BrokerName
            Topic = message.Topic
            QueueId = message.QueueId
            QueueOffset = message.QueueOffset
            PhysicalOffset = message.PhysicalOffset
            Flag = message.Flag
            SysFlag = message.SysFlag
            BornTimestamp = message.BornTimestamp
            BornHost = message.BornHost
            StoreTimestamp = message.StoreTimestamp
            StoreHost = message.StoreHost
            ReconsumeTimes = message.ReconsumeTimes
            PreparedTransactionOffset = message.PreparedTransactionOffset
            BodyCrc = message.BodyCrc
            StoredBody = message.StoredBody
            Properties = message.Properties
        }

    /// A message that says something else. The body is not copied.
    let change (change: StoredFields -> StoredFields) (message: StoredMessage) : StoredMessage =
        create (change (fields message))

    /// The same message under another topic. Nothing is copied.
    let withTopic (topic: string) (message: StoredMessage) : StoredMessage =
        message.WithQueue { message.Queue with Topic = topic }
