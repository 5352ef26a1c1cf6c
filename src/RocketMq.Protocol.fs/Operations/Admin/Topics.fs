namespace RocketMq.Protocol.Admin

open RocketMq.Protocol

/// How many tags a message of a topic may bear; nothing looks at it. Source: TopicFilterType.java.
[<RequireQualifiedAccess>]
type TopicFilterType =
    | SingleTag
    | MultiTag

    override one.ToString() =
        match one with
        | SingleTag -> "SingleTag"
        | MultiTag -> "MultiTag"

/// The settings of a topic on one broker. Source: TopicConfig.java.
type TopicConfig =
    {
        Name: string
        ReadQueues: int
        WriteQueues: int
        /// Bits: 2 write, 4 read.
        Permission: int
        FilterType: TopicFilterType
        /// Bits: 1 the topic belongs to a unit, 2 it has subscribers in units.
        SysFlag: int
        IsOrderly: bool
        /// Since 5.0.
        Attributes: Map<string, string> option
    }

    /// Whether consumers may read it. Source: PermName.java.
    member topic.IsReadable = Permission.isReadable topic.Permission
    /// Whether producers may write to it. Source: PermName.java.
    member topic.IsWritable = Permission.isWritable topic.Permission

/// The settings of a topic, with its queues where it is a static one. Since 5.0.
/// Source: TopicConfigAndQueueMapping.java.
type TopicDetail =
    {
        Config: TopicConfig
        Mapping: QueueMapping option
    }

/// All topics of one broker.
/// Sources: TopicConfigSerializeWrapper.java, TopicConfigAndMappingSerializeWrapper.java.
type TopicTable =
    {
        Topics: Map<string, TopicConfig>
        Version: DataVersion option
        /// Since 5.0.
        MappingVersion: DataVersion option
        /// Since 5.0: static topics, to a name server.
        MappingInfos: Map<string, QueueMapping> option
        /// Since 5.0: static topics, to a slave.
        MappingDetails: Map<string, QueueMapping> option
    }

/// Makes or changes a topic. Source: CreateTopicRequestHeader.java.
type CreateTopic =
    {
        Topic: string
        /// The topic whose settings fill gaps; Java's tools say "TBW102".
        DefaultTopic: string
        ReadQueues: int
        WriteQueues: int
        /// Bits: 2 write, 4 read.
        Permission: int
        FilterType: TopicFilterType
        /// Bits: 1 the topic belongs to a unit, 2 it has subscribers in units.
        SysFlag: int option
        IsOrderly: bool
        /// Since 5.0: "+name=value,-name".
        Attributes: string option
        /// Since 5.0.
        IsForced: bool option
    }

/// Creates a static topic: a topic's settings and how its queues map to brokers.
type CreateStaticTopic =
    {
        Create: CreateTopic
        Mapping: QueueMapping
    }

/// Asks for one topic's settings.
type TopicConfigQuery =
    {
        Topic: string
        /// Ask this broker only for its own queues of a static topic.
        IsLogical: bool option
    }

module TopicConfig =
    let internal filterTypes =
        [
            "SINGLE_TAG", TopicFilterType.SingleTag
            "MULTI_TAG", TopicFilterType.MultiTag
        ]

    let internal members: Member<TopicConfig, TopicConfig> =
        members<TopicConfig> {
            let! attributes =
                Member.sometimes "attributes" (JsonCodec.map JsonCodec.text) _.Attributes

            and! isOrdered = Member.boolean "order" _.IsOrderly
            and! permission = Member.int32 "perm" _.Permission
            and! readQueues = Member.int32 "readQueueNums" _.ReadQueues

            and! filterType =
                Member.always "topicFilterType" (JsonCodec.constant filterTypes) _.FilterType

            and! name = Member.text "topicName" _.Name
            and! sysFlag = Member.int32 "topicSysFlag" _.SysFlag
            and! writeQueues = Member.int32 "writeQueueNums" _.WriteQueues

            return
                {
                    Name = name
                    ReadQueues = readQueues
                    WriteQueues = writeQueues
                    Permission = permission
                    FilterType = filterType
                    SysFlag = sysFlag
                    IsOrderly = isOrdered
                    Attributes = attributes
                }
        }

    let internal shape: JsonCodec<TopicConfig> = Member.objectOf members

/// Topics on brokers. Source: AdminBrokerProcessor.java.
module Topics =
    let private createLayout =
        layout<CreateTopic> {
            let! topic = Field.topic "topic" _.Topic
            and! defaultTopic = Field.text "defaultTopic" _.DefaultTopic
            and! readQueues = Field.int32 "readQueueNums" _.ReadQueues
            and! writeQueues = Field.int32 "writeQueueNums" _.WriteQueues
            and! permission = Field.int32 "perm" _.Permission
            and! filterType = Field.choice "topicFilterType" TopicConfig.filterTypes _.FilterType
            and! sysFlag = OptionalField.int32 "topicSysFlag" _.SysFlag
            and! isOrdered = Field.boolean "order" _.IsOrderly
            and! attributes = OptionalField.text "attributes" _.Attributes
            and! isForced = OptionalField.boolean "force" _.IsForced

            return
                {
                    Topic = topic
                    DefaultTopic = defaultTopic
                    ReadQueues = readQueues
                    WriteQueues = writeQueues
                    Permission = permission
                    FilterType = filterType
                    SysFlag = sysFlag
                    IsOrderly = isOrdered
                    Attributes = attributes
                    IsForced = isForced
                }
        }

    let internal table: JsonCodec<TopicTable> =
        let mappings = JsonCodec.map QueueMapping.shape

        object<TopicTable> {
            let! version = DataVersion.optional _.Version

            and! mappingVersion =
                Member.sometimes "mappingDataVersion" DataVersion.shape _.MappingVersion

            and! topics = Member.map "topicConfigTable" TopicConfig.shape _.Topics

            and! details =
                Member.sometimes "topicQueueMappingDetailMap" mappings _.MappingDetails

            and! infos = Member.sometimes "topicQueueMappingInfoMap" mappings _.MappingInfos

            return
                {
                    Topics = topics
                    Version = version
                    MappingVersion = mappingVersion
                    MappingInfos = infos
                    MappingDetails = details
                }
        }

    /// The members of the settings and one more.
    let private detail =
        object<TopicDetail> {
            let! config = Member.part TopicConfig.members _.Config
            and! mapping = Member.sometimes "mappingDetail" QueueMapping.shape _.Mapping

            return { Config = config; Mapping = mapping }
        }

    /// UPDATE_AND_CREATE_TOPIC (17). Routes show the topic a moment later.
    let create =
        Operation(RequestCode.UpdateAndCreateTopic, createLayout, Answers.nothing)

    /// UPDATE_AND_CREATE_TOPIC_LIST (18), since 5.0.
    let createMany =
        Operation(
            RequestCode.UpdateAndCreateTopicList,
            Layout.json "topics" (Member.objectOf (Member.list "topicConfigList" TopicConfig.shape id)),
            Answers.nothing
        )

    /// UPDATE_AND_CREATE_STATIC_TOPIC (513), since 5.0.
    let createStatic =
        Operation(
            RequestCode.UpdateAndCreateStaticTopic,
            layout<CreateStaticTopic> {
                let! create = Layout.part createLayout _.Create
                and! mapping = Body.json "queue mapping" QueueMapping.shape _.Mapping
                return { Create = create; Mapping = mapping }
            },
            Answers.nothing
        )

    /// GET_ALL_TOPIC_CONFIG (21).
    let all =
        Operation(RequestCode.GetAllTopicConfig, Layout.nothing, Answers.json "topics" table)

    /// GET_TOPIC_CONFIG (351), since 5.0. Refused with TopicNotExist.
    let config =
        Operation(
            RequestCode.GetTopicConfig,
            layout<TopicConfigQuery> {
                let! topic = Field.text "topic" _.Topic
                and! isLogical = OptionalField.boolean "lo" _.IsLogical

                return { Topic = topic; IsLogical = isLogical }
            },
            Answers.json "topic" detail
        )

    /// DELETE_TOPIC_IN_BROKER (215). `NameServerTopics.delete` takes the topic out of routes.
    let delete =
        Operation(RequestCode.DeleteTopicInBroker, Layout.text "topic", Answers.nothing)

    /// GET_SYSTEM_TOPIC_LIST_FROM_BROKER (305).
    let system =
        Operation(
            RequestCode.GetSystemTopicListFromBroker,
            Layout.nothing,
            Answers.json "topic list" NameServerTopics.topicList
        )
