namespace RocketMq.Protocol

/// One queue as a consumer group sees it.
type GroupQueue =
    {
        ConsumerGroup: string
        Topic: string
        QueueId: int
    }

/// Asks for the offset that a group has committed.
type CommittedOffsetQuery =
    {
        Queue: GroupQueue
        /// Since 5.0. False: a queue without a committed offset is told apart from one that is committed at 0.
        ZeroIfNone: bool option
    }

/// Commits the offset of the next message to consume.
type OffsetCommit =
    {
        Queue: GroupQueue
        /// The next offset to consume.
        Offset: int64
    }

/// One queue of a topic on the broker that is asked.
type TopicQueue = { Topic: string; QueueId: int }

/// Which message counts where none has the time asked for. Since 5.0.
[<RequireQualifiedAccess>]
type Boundary =
    /// The first one at or after it.
    | Lower
    /// The last one at or before it.
    | Upper

    override one.ToString() =
        match one with
        | Lower -> "Lower"
        | Upper -> "Upper"

/// Asks for the offset of the first message at a time.
type OffsetSearch =
    {
        Queue: TopicQueue
        /// When the message was stored, in milliseconds since 1970.
        TimestampMillis: int64
        Boundary: Boundary option
    }

/// Asks for the offset behind the last message.
type MaxOffsetQuery =
    {
        Queue: TopicQueue
        /// Since 5.0; brokers do not look at it.
        IsCommitted: bool option
    }

/// Requests about offsets in queues. Offsets are `int64` and count from 0. Sources: the headers of
/// QueryConsumerOffset, UpdateConsumerOffset, SearchOffset, GetMaxOffset, GetMinOffset and GetEarliestMsgStoretime.
module Offsets =
    let internal groupQueue =
        layout<GroupQueue> {
            let! group = Field.group "consumerGroup" _.ConsumerGroup
            and! topic = Field.topic "topic" _.Topic
            and! queueId = Field.int32 "queueId" _.QueueId

            return
                {
                    ConsumerGroup = group
                    Topic = topic
                    QueueId = queueId
                }
        }

    let private topicQueue =
        layout<TopicQueue> {
            let! topic = Field.topic "topic" _.Topic
            and! queueId = Field.int32 "queueId" _.QueueId
            return { Topic = topic; QueueId = queueId }
        }

    let private offset = Layout.int64 "offset"

    /// QUERY_CONSUMER_OFFSET (14): the committed offset, or `None` if the group has committed none. A queue whose first
    /// message is still there counts as committed at 0.
    let queryCommitted =
        Operation(
            RequestCode.QueryConsumerOffset,
            layout<CommittedOffsetQuery> {
                let! queue = Layout.part groupQueue _.Queue
                and! zeroIfNone = OptionalField.boolean "setZeroIfNotFound" _.ZeroIfNone

                return
                    {
                        Queue = queue
                        ZeroIfNone = zeroIfNone
                    }
            },
            Answers.orNone ResponseCode.QueryNotFound offset
        )

    /// UPDATE_CONSUMER_OFFSET (15), mostly one-way.
    let commit =
        Operation(
            RequestCode.UpdateConsumerOffset,
            layout<OffsetCommit> {
                let! queue = Layout.part groupQueue _.Queue
                and! offset = Field.int64 "commitOffset" _.Offset
                return { Queue = queue; Offset = offset }
            },
            Answers.nothing
        )

    /// SEARCH_OFFSET_BY_TIMESTAMP (29): where the messages stored at or after a time begin. 4.9.8 answers with the nearest
    /// message instead.
    let search =
        let boundaries =
            [
                "LOWER", Boundary.Lower
                "UPPER", Boundary.Upper
                "lower", Boundary.Lower
                "upper", Boundary.Upper
            ]

        Operation(
            RequestCode.SearchOffsetByTimestamp,
            layout<OffsetSearch> {
                let! queue = Layout.part topicQueue _.Queue
                and! timestamp = Field.int64 "timestamp" _.TimestampMillis
                and! boundary = OptionalField.choice "boundaryType" boundaries _.Boundary

                return
                    {
                        Queue = queue
                        TimestampMillis = timestamp
                        Boundary = boundary
                    }
            },
            Answers.ok offset
        )

    /// GET_MAX_OFFSET (30): the offset that the next stored message will have, not the last one's.
    let max =
        Operation(
            RequestCode.GetMaxOffset,
            layout<MaxOffsetQuery> {
                let! queue = Layout.part topicQueue _.Queue
                and! isCommitted = OptionalField.boolean "committed" _.IsCommitted

                return
                    {
                        Queue = queue
                        IsCommitted = isCommitted
                    }
            },
            Answers.ok offset
        )

    /// GET_MIN_OFFSET (31): the offset of the first message that is still there.
    let min = Operation(RequestCode.GetMinOffset, topicQueue, Answers.ok offset)

    /// GET_EARLIEST_MSG_STORETIME (32): when the first message that is still there was stored, in milliseconds since 1970,
    /// or -1 if there is none.
    let earliestStoreTime =
        Operation(RequestCode.GetEarliestMessageStoreTime, topicQueue, Answers.ok (Layout.int64 "timestamp"))
