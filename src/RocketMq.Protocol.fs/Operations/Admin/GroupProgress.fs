namespace RocketMq.Protocol.Admin

open RocketMq.Protocol
open RocketMq

/// One group and one topic.
type GroupTopic = { Group: string; Topic: string }

/// Source: QuerySubscriptionByConsumerRequestHeader.java.
type GroupSubscriptionQuery = { Group: string; Topic: string option }

/// Source: QuerySubscriptionResponseBody.java.
type GroupSubscription =
    {
        Group: string
        Topic: string
        Subscription: Subscription option
    }

/// What a group has consumed of a queue in time, in milliseconds since 1970. Source: QueueTimeSpan.java.
type QueueTimeSpan =
    {
        Queue: MessageQueue
        MinTimestamp: int64
        MaxTimestamp: int64
        ConsumeTimestamp: int64
        DelayMillis: int64
    }

/// Source: QueryCorrectionOffsetHeader.java.
type OffsetCorrection =
    {
        /// Joined with ",".
        FilterGroups: string option
        CompareGroup: string
        Topic: string
    }

/// Source: CloneGroupOffsetRequestHeader.java.
type OffsetClone =
    {
        FromGroup: string
        ToGroup: string
        /// Absent or empty: all topics.
        Topic: string option
        IsOffline: bool option
    }

/// Source: QueryConsumeQueueRequestHeader.java.
type ConsumeQueueQuery =
    {
        Topic: string option
        QueueId: int option
        /// The first offset.
        Index: int64 option
        Count: int option
        ConsumerGroup: string option
    }

/// One offset of a queue. Source: ConsumeQueueData.java.
type ConsumeQueueEntry =
    {
        CommitLogOffset: int64<commitLog>
        /// Bytes.
        Size: int
        TagHash: int64
        /// What the broker keeps for SQL92 filters, as JSON.
        Extension: string option
        BitMap: string option
        /// The group's filter lets it through.
        IsMatch: bool
        Message: string option
    }

/// Source: QueryConsumeQueueResponseBody.java.
type ConsumeQueuePage =
    {
        Subscription: Subscription option
        /// As JSON.
        Filter: string option
        Entries: ConsumeQueueEntry list option
        MinIndex: int64
        MaxIndex: int64
    }

/// All offsets that a broker keeps of groups. Source: ConsumerOffsetManager.java.
type ConsumerOffsetTable =
    {
        /// By "topic@group" and queue.
        Offsets: Map<string, Map<int, int64>>
        Version: DataVersion option
        /// Since 5.0: topics by group.
        Topics: Map<string, string list> option
        /// Since 5.0: up to where messages were given out.
        PullOffsets: Map<string, Map<int, int64>> option
        /// Since 5.0: where a group is to go on, until it did.
        ResetOffsets: Map<string, Map<int, int64>> option
    }

/// Source: DelayOffsetSerializeWrapper.java.
type DelayOffsetTable =
    {
        /// By delay level.
        Offsets: Map<int, int64>
        Version: DataVersion option
    }

/// Which group has consumed what. Source: AdminBrokerProcessor.java.
module GroupProgress =
    let private groupTopic =
        layout<GroupTopic> {
            let! topic = Field.topic "topic" _.Topic
            and! group = Field.group "group" _.Group
            return { Group = group; Topic = topic }
        }

    let private timeSpan =
        object<QueueTimeSpan> {
            let! consumeTimestamp = Member.int64 "consumeTimeStamp" _.ConsumeTimestamp
            and! delay = Member.int64 "delayTime" _.DelayMillis
            and! maxTimestamp = Member.int64 "maxTimeStamp" _.MaxTimestamp
            and! queue = Member.always "messageQueue" Queues.shape _.Queue
            and! minTimestamp = Member.int64 "minTimeStamp" _.MinTimestamp

            return
                {
                    Queue = queue
                    MinTimestamp = minTimestamp
                    MaxTimestamp = maxTimestamp
                    ConsumeTimestamp = consumeTimestamp
                    DelayMillis = delay
                }
        }

    let private entry =
        object<ConsumeQueueEntry> {
            let! bitMap = Member.optionalText "bitMap" _.BitMap
            and! isMatch = Member.boolean "eval" _.IsMatch
            and! extension = Member.optionalText "extendDataJson" _.Extension
            and! message = Member.optionalText "msg" _.Message
            and! offset = Member.int64 "physicOffset" (fun place -> int64 place.CommitLogOffset)
            and! size = Member.int32 "physicSize" _.Size
            and! tagHash = Member.int64 "tagsCode" _.TagHash

            return
                {
                    CommitLogOffset = offset * 1L<commitLog>
                    Size = size
                    TagHash = tagHash
                    Extension = extension
                    BitMap = bitMap
                    IsMatch = isMatch
                    Message = message
                }
        }

    let private offsetsByQueue: JsonCodec<Map<string, Map<int, int64>>> =
        JsonCodec.map (JsonCodec.mapOf JsonCodec.int32Key JsonCodec.int64)

    /// QUERY_TOPIC_CONSUME_BY_WHO (300): the groups that consume a topic.
    let groupsOf =
        Operation(
            RequestCode.QueryTopicConsumeByWho,
            Layout.topic "topic",
            Answers.json "groups" (Member.objectOf (Member.list "groupList" JsonCodec.text id))
        )

    /// QUERY_TOPICS_BY_CONSUMER (343), since 5.0: the topics that a group consumes.
    let topicsOf =
        Operation(
            RequestCode.QueryTopicsByConsumer,
            Layout.group "group",
            Answers.json "topic list" NameServerTopics.topicList
        )

    /// QUERY_SUBSCRIPTION_BY_CONSUMER (345), since 5.0.
    let subscriptionOf =
        Operation(
            RequestCode.QuerySubscriptionByConsumer,
            layout<GroupSubscriptionQuery> {
                let! group = Field.group "group" _.Group
                and! topic = OptionalField.topic "topic" _.Topic
                return { Group = group; Topic = topic }
            },
            Answers.json
                "subscription"
                (object<GroupSubscription> {
                    let! group = Member.text "group" _.Group

                    and! subscription =
                        Member.sometimes "subscriptionData" Subscription.shape _.Subscription

                    and! topic = Member.text "topic" _.Topic

                    return
                        {
                            Group = group
                            Topic = topic
                            Subscription = subscription
                        }
                })
        )

    /// QUERY_CONSUME_TIME_SPAN (303). Refused with TopicNotExist.
    let timeSpans =
        Operation(
            RequestCode.QueryConsumeTimeSpan,
            groupTopic,
            Answers.json "consume time spans" (Member.objectOf (Member.list "consumeTimeSpanSet" timeSpan id))
        )

    /// QUERY_CORRECTION_OFFSET (308): by queue, the least offset that the other groups of a topic have reached.
    let corrections =
        Operation(
            RequestCode.QueryCorrectionOffset,
            layout<OffsetCorrection> {
                let! filterGroups = OptionalField.text "filterGroups" _.FilterGroups
                and! compareGroup = Field.group "compareGroup" _.CompareGroup
                and! topic = Field.topic "topic" _.Topic

                return
                    {
                        FilterGroups = filterGroups
                        CompareGroup = compareGroup
                        Topic = topic
                    }
            },
            Answers.json
                "correction offsets"
                (object<Map<int, int64>> {
                    let! offsets =
                        Member.always "correctionOffsets" (JsonCodec.mapOf JsonCodec.int32Key JsonCodec.int64) id

                    return offsets
                })
        )

    /// CLONE_GROUP_OFFSET (314): one group goes on where another one is.
    let clone =
        Operation(
            RequestCode.CloneGroupOffset,
            layout<OffsetClone> {
                let! source = Field.group "srcGroup" _.FromGroup
                and! target = Field.group "destGroup" _.ToGroup
                and! topic = OptionalField.text "topic" _.Topic
                and! isOffline = OptionalField.boolean "offline" _.IsOffline

                return
                    {
                        FromGroup = source
                        ToGroup = target
                        Topic = topic
                        IsOffline = isOffline
                    }
            },
            Answers.nothing
        )

    /// QUERY_CONSUME_QUEUE (321): a piece of a queue's index.
    let consumeQueue =
        Operation(
            RequestCode.QueryConsumeQueue,
            layout<ConsumeQueueQuery> {
                let! topic = OptionalField.topic "topic" _.Topic
                and! queueId = OptionalField.int32 "queueId" _.QueueId
                and! index = OptionalField.int64 "index" _.Index
                and! count = OptionalField.int32 "count" _.Count
                and! group = OptionalField.group "consumerGroup" _.ConsumerGroup

                return
                    {
                        Topic = topic
                        QueueId = queueId
                        Index = index
                        Count = count
                        ConsumerGroup = group
                    }
            },
            Answers.json
                "consume queue"
                (object<ConsumeQueuePage> {
                    let! filter = Member.optionalText "filterData" _.Filter
                    and! maxIndex = Member.int64 "maxQueueIndex" _.MaxIndex
                    and! minIndex = Member.int64 "minQueueIndex" _.MinIndex
                    and! entries = Member.sometimes "queueData" (JsonCodec.list entry) _.Entries

                    and! subscription =
                        Member.sometimes "subscriptionData" Subscription.shape _.Subscription

                    return
                        {
                            Subscription = subscription
                            Filter = filter
                            Entries = entries
                            MinIndex = minIndex
                            MaxIndex = maxIndex
                        }
                })
        )

    /// GET_ALL_CONSUMER_OFFSET (43).
    let allOffsets =
        Operation(
            RequestCode.GetAllConsumerOffset,
            Layout.nothing,
            Answers.json
                "consumer offsets"
                (object<ConsumerOffsetTable> {
                    let! version = DataVersion.optional _.Version

                    and! topics =
                        Member.sometimes "groupTopicMap" (JsonCodec.map (JsonCodec.list JsonCodec.text)) _.Topics

                    and! offsets = Member.always "offsetTable" offsetsByQueue _.Offsets
                    and! pullOffsets = Member.sometimes "pullOffsetTable" offsetsByQueue _.PullOffsets
                    and! resetOffsets = Member.sometimes "resetOffsetTable" offsetsByQueue _.ResetOffsets

                    return
                        {
                            Offsets = offsets
                            Version = version
                            Topics = topics
                            PullOffsets = pullOffsets
                            ResetOffsets = resetOffsets
                        }
                })
        )

    /// GET_ALL_DELAY_OFFSET (45): how far delayed messages were given out.
    let delayOffsets =
        Operation(
            RequestCode.GetAllDelayOffset,
            Layout.nothing,
            Answers.json
                "delay offsets"
                (object<DelayOffsetTable> {
                    let! version = DataVersion.optional _.Version

                    and! offsets =
                        Member.always "offsetTable" (JsonCodec.mapOf JsonCodec.int32Key JsonCodec.int64) _.Offsets

                    return { Offsets = offsets; Version = version }
                })
        )
