namespace RocketMq.Protocol

/// Names of topics, and a broker that has them where the server says so. Source: TopicList.java.
type TopicList =
    {
        Topics: string list
        /// "host:port".
        BrokerAddress: string option
    }

/// Removes a topic from a name server's table.
type TopicRemoval =
    {
        Topic: string
        /// Absent: in all clusters.
        ClusterName: string option
    }

/// Puts a topic and its route into a name server's table.
type TopicRegistration = { Topic: string; Route: TopicRoute }

/// What a name server knows of topics, and changes to it. Where its settings switch a list off, it refuses with
/// SystemError and the remark "disable". Source: DefaultRequestProcessor.java.
module NameServerTopics =
    let internal topicList =
        object<TopicList> {
            let! address = Member.optionalText "brokerAddr" _.BrokerAddress
            and! topics = Member.list "topicList" JsonCodec.text _.Topics

            return
                {
                    Topics = topics
                    BrokerAddress = address
                }
        }

    let private listing code query =
        Operation(code, query, Answers.json "topic list" topicList)

    /// GET_ALL_TOPIC_LIST_FROM_NAMESERVER (206).
    let all = listing RequestCode.GetAllTopicListFromNameServer Layout.nothing

    /// GET_SYSTEM_TOPIC_LIST_FROM_NS (304): the topics that brokers use for themselves, and one broker.
    let system = listing RequestCode.GetSystemTopicListFromNameServer Layout.nothing

    /// GET_UNIT_TOPIC_LIST (311).
    let ofUnits = listing RequestCode.GetUnitTopicList Layout.nothing

    /// GET_HAS_UNIT_SUB_TOPIC_LIST (312).
    let withUnitSubscribers = listing RequestCode.GetHasUnitSubTopicList Layout.nothing

    /// GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST (313).
    let outsideUnitsWithUnitSubscribers =
        listing RequestCode.GetHasUnitSubUnunitTopicList Layout.nothing

    /// GET_TOPICS_BY_CLUSTER (224).
    let ofCluster = listing RequestCode.GetTopicsByCluster (Layout.text "cluster")

    /// DELETE_TOPIC_IN_NAMESRV (216).
    let delete =
        Operation(
            RequestCode.DeleteTopicInNameServer,
            layout<TopicRemoval> {
                let! topic = Field.text "topic" _.Topic
                and! clusterName = OptionalField.text "clusterName" _.ClusterName

                return
                    {
                        Topic = topic
                        ClusterName = clusterName
                    }
            },
            Answers.nothing
        )

    /// REGISTER_TOPIC_IN_NAMESRV (217), since 5.0.
    let register =
        Operation(
            RequestCode.RegisterTopicInNameServer,
            layout<TopicRegistration> {
                let! topic = Field.topic "topic" _.Topic
                and! route = Body.json "route" TopicRoute.shape _.Route
                return { Topic = topic; Route = route }
            },
            Answers.nothing
        )

    /// WIPE_WRITE_PERM_OF_BROKER (205): stops sends to a broker, given by name. Gives the number of topics that it
    /// touched.
    let wipeWritePermission =
        Operation(
            RequestCode.WipeWritePermOfBroker,
            Layout.text "brokerName",
            Answers.ok (Layout.int32 "wipeTopicCount")
        )

    /// ADD_WRITE_PERM_OF_BROKER (327): takes 205 back. Gives the number of topics that it touched.
    let addWritePermission =
        Operation(RequestCode.AddWritePermOfBroker, Layout.text "brokerName", Answers.ok (Layout.int32 "addTopicCount"))
