namespace RocketMq.Protocol

/// How the queues of a static topic lie on brokers over time. Since 5.0. Source: LogicQueueMappingItem.java.
type QueueMappingItem =
    {
        Generation: int
        QueueId: int
        BrokerName: string
        LogicOffset: int64
        InitialOffset: int64
        /// -1: open.
        EndOffset: int64
        TimeOfStart: int64
        TimeOfEnd: int64
    }

/// The queues of a static topic on one broker. Since 5.0.
/// Sources: TopicQueueMappingInfo.java, TopicQueueMappingDetail.java.
type QueueMapping =
    {
        Topic: string
        Scope: string option
        TotalQueues: int
        BrokerName: string
        Epoch: int64
        IsDirty: bool
        /// The broker's own queue by the topic's queue.
        CurrentIds: Map<int, int>
        /// By the topic's queue; not in routes.
        HostedQueues: Map<int, QueueMappingItem list> option
    }

module internal QueueMapping =
    let private item =
        object<QueueMappingItem> {
            let! brokerName = Member.text "bname" _.BrokerName
            and! endOffset = Member.int64 "endOffset" _.EndOffset
            and! generation = Member.int32 "gen" _.Generation
            and! logicOffset = Member.int64 "logicOffset" _.LogicOffset
            and! queueId = Member.int32 "queueId" _.QueueId
            and! startOffset = Member.int64 "startOffset" _.InitialOffset
            and! timeOfEnd = Member.int64 "timeOfEnd" _.TimeOfEnd
            and! timeOfStart = Member.int64 "timeOfStart" _.TimeOfStart

            return
                {
                    Generation = generation
                    QueueId = queueId
                    BrokerName = brokerName
                    LogicOffset = logicOffset
                    InitialOffset = startOffset
                    EndOffset = endOffset
                    TimeOfStart = timeOfStart
                    TimeOfEnd = timeOfEnd
                }
        }

    let shape: JsonCodec<QueueMapping> =
        object<QueueMapping> {
            let! brokerName = Member.text "bname" _.BrokerName

            and! currentIds =
                Member.always "currIdMap" (JsonCodec.mapOf JsonCodec.int32Key JsonCodec.int32) _.CurrentIds

            and! isDirty = Member.boolean "dirty" _.IsDirty
            and! epoch = Member.int64 "epoch" _.Epoch

            and! hosted =
                Member.sometimes
                    "hostedQueues"
                    (JsonCodec.mapOf JsonCodec.int32Key (JsonCodec.list item))
                    _.HostedQueues

            and! scope = Member.optionalText "scope" _.Scope
            and! topic = Member.text "topic" _.Topic
            and! totalQueues = Member.int32 "totalQueues" _.TotalQueues

            return
                {
                    Topic = topic
                    Scope = scope
                    TotalQueues = totalQueues
                    BrokerName = brokerName
                    Epoch = epoch
                    IsDirty = isDirty
                    CurrentIds = currentIds
                    HostedQueues = hosted
                }
        }
