namespace RocketMq.Protocol.Admin

open RocketMq.Protocol
open RocketMq

/// Offsets of one queue. Source: TopicOffset.java.
type QueueRange =
    {
        MinOffset: int64
        MaxOffset: int64
        /// When the last message was stored, in milliseconds since 1970.
        LastUpdateTimestamp: int64
    }

/// Source: TopicStatsTable.java.
type TopicStats =
    {
        Queues: Map<MessageQueue, QueueRange>
        /// Since 5.0: messages a second.
        PutsPerSecond: float option
    }

/// How far a group is in one queue. Source: OffsetWrapper.java.
type QueueProgress =
    {
        BrokerOffset: int64
        ConsumerOffset: int64
        /// Since 5.0.
        PullOffset: int64 option
        /// When the last consumed message was stored, in milliseconds since 1970.
        LastTimestamp: int64
    }

/// Source: ConsumeStats.java.
type ConsumeStats =
    {
        Queues: Map<MessageQueue, QueueProgress>
        /// Messages a second.
        ConsumedPerSecond: float
    }

/// Source: GetConsumeStatsRequestHeader.java.
type ConsumeStatsQuery =
    {
        ConsumerGroup: string
        /// Absent or empty: all topics of the group.
        Topic: string option
        /// Since 5.0: topics joined with ";".
        Topics: string option
    }

/// All groups of one broker. Source: ConsumeStatsList.java.
type BrokerConsumeStats =
    {
        BrokerAddress: string option
        /// By group, one entry a topic.
        Groups: Map<string, ConsumeStats list> list
        /// Messages not consumed yet.
        TotalLag: int64
        /// Since 5.0.
        TotalInFlight: int64 option
    }

/// Source: ViewBrokerStatsDataRequestHeader.java.
type StatsQuery = { Name: string; Key: string }

/// Source: BrokerStatsItem.java.
type StatsItem =
    {
        Sum: int64
        PerSecond: float
        Average: float
    }

/// Source: BrokerStatsData.java.
type BrokerStats =
    {
        Minute: StatsItem
        Hour: StatsItem
        Day: StatsItem
    }

/// Figures that brokers keep of topics, groups and themselves.
module Statistics =
    let private range =
        object<QueueRange> {
            let! lastUpdate = Member.int64 "lastUpdateTimestamp" _.LastUpdateTimestamp
            and! maxOffset = Member.int64 "maxOffset" _.MaxOffset
            and! minOffset = Member.int64 "minOffset" _.MinOffset

            return
                {
                    MinOffset = minOffset
                    MaxOffset = maxOffset
                    LastUpdateTimestamp = lastUpdate
                }
        }

    let private progress =
        object<QueueProgress> {
            let! brokerOffset = Member.int64 "brokerOffset" _.BrokerOffset
            and! consumerOffset = Member.int64 "consumerOffset" _.ConsumerOffset
            and! lastTimestamp = Member.int64 "lastTimestamp" _.LastTimestamp
            and! pullOffset = Member.sometimes "pullOffset" JsonCodec.int64 _.PullOffset

            return
                {
                    BrokerOffset = brokerOffset
                    ConsumerOffset = consumerOffset
                    PullOffset = pullOffset
                    LastTimestamp = lastTimestamp
                }
        }

    let private consumeStats =
        object<ConsumeStats> {
            let! consumed = Member.always "consumeTps" JsonCodec.float _.ConsumedPerSecond
            and! queues = Queues.table "offsetTable" progress _.Queues

            return
                {
                    Queues = queues
                    ConsumedPerSecond = consumed
                }
        }

    let private item =
        object<StatsItem> {
            let! average = Member.always "avgpt" JsonCodec.float _.Average
            and! sum = Member.int64 "sum" _.Sum
            and! perSecond = Member.always "tps" JsonCodec.float _.PerSecond

            return
                {
                    Sum = sum
                    PerSecond = perSecond
                    Average = average
                }
        }

    /// GET_TOPIC_STATS_INFO (202). Refused with TopicNotExist.
    let ofTopic =
        Operation(
            RequestCode.GetTopicStatsInfo,
            Layout.text "topic",
            Answers.json
                "topic stats"
                (object<TopicStats> {
                    let! queues = Queues.table "offsetTable" range _.Queues
                    and! puts = Member.sometimes "topicPutTps" JsonCodec.float _.PutsPerSecond

                    return
                        {
                            Queues = queues
                            PutsPerSecond = puts
                        }
                })
        )

    /// GET_CONSUME_STATS (208).
    let ofGroup =
        Operation(
            RequestCode.GetConsumeStats,
            layout<ConsumeStatsQuery> {
                let! group = Field.group "consumerGroup" _.ConsumerGroup
                and! topic = OptionalField.text "topic" _.Topic
                and! topics = OptionalField.text "topicList" _.Topics

                return
                    {
                        ConsumerGroup = group
                        Topic = topic
                        Topics = topics
                    }
            },
            Answers.json "consume stats" consumeStats
        )

    /// GET_BROKER_CONSUME_STATS (317): all groups, in all their topics (false) or in ordered topics alone (true). It has no
    /// pull offsets: brokers of 5.x write 0.
    let ofGroups =
        Operation(
            RequestCode.GetBrokerConsumeStats,
            Layout.single (Field.boolean "isOrder" id),
            Answers.json
                "consume stats"
                (object<BrokerConsumeStats> {
                    let! address = Member.optionalText "brokerAddr" _.BrokerAddress

                    and! groups =
                        Member.list "consumeStatsList" (JsonCodec.map (JsonCodec.list consumeStats)) _.Groups

                    and! lag = Member.int64 "totalDiff" _.TotalLag
                    and! inFlight = Member.sometimes "totalInflightDiff" JsonCodec.int64 _.TotalInFlight

                    return
                        {
                            BrokerAddress = address
                            Groups = groups
                            TotalLag = lag
                            TotalInFlight = inFlight
                        }
                })
        )

    /// VIEW_BROKER_STATS_DATA (315). Refused with SystemError if the broker keeps no such figure.
    let ofBroker =
        Operation(
            RequestCode.ViewBrokerStatsData,
            layout<StatsQuery> {
                let! name = Field.text "statsName" _.Name
                and! key = Field.text "statsKey" _.Key
                return { Name = name; Key = key }
            },
            Answers.json
                "broker stats"
                (object<BrokerStats> {
                    let! day = Member.always "statsDay" item _.Day
                    and! hour = Member.always "statsHour" item _.Hour
                    and! minute = Member.always "statsMinute" item _.Minute

                    return
                        {
                            Minute = minute
                            Hour = hour
                            Day = day
                        }
                })
        )
