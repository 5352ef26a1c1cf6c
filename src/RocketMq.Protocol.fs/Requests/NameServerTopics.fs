namespace RocketMq.Protocol

/// The topics that a name server's own brokers use, and one of those brokers.
type SystemTopics =
    {
        Topics: string list
        /// "host:port", or empty if no broker is registered.
        BrokerAddress: string
    }

/// What a name server knows of topics, and changes to it. Where its settings switch a list off, it refuses with
/// SystemError and the remark "disable". Source: DefaultRequestProcessor.java.
module NameServerTopics =
    let private readTopics = Json.items "topicList" Json.textOf

    let private topics =
        Request.decodeSuccess (fun answer -> Json.decode "topic list" readTopics answer.Body)

    let private count name =
        Request.decodeSuccess (RequiredField.int32 name)

    /// GET_ALL_TOPIC_LIST_FROM_NAMESERVER (206).
    let all: Request<string list> =
        Request.ofCode RequestCode.GetAllTopicListFromNameServer topics

    /// GET_SYSTEM_TOPIC_LIST_FROM_NS (304).
    let system: Request<SystemTopics> =
        let read element =
            {
                Topics = readTopics element
                BrokerAddress = Json.text "brokerAddr" element
            }

        Request.ofCode
            RequestCode.GetSystemTopicListFromNameServer
            (Request.decodeSuccess (fun answer -> Json.decode "topic list" read answer.Body))

    /// GET_UNIT_TOPIC_LIST (311).
    let ofUnits: Request<string list> =
        Request.ofCode RequestCode.GetUnitTopicList topics

    /// GET_HAS_UNIT_SUB_TOPIC_LIST (312).
    let withUnitSubscribers: Request<string list> =
        Request.ofCode RequestCode.GetHasUnitSubTopicList topics

    /// GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST (313).
    let outsideUnitsWithUnitSubscribers: Request<string list> =
        Request.ofCode RequestCode.GetHasUnitSubUnunitTopicList topics

    /// GET_TOPICS_BY_CLUSTER (224).
    let ofCluster (cluster: string) : Request<string list> =
        Request.ofFields RequestCode.GetTopicsByCluster (FieldsBuilder(64).Add("cluster", cluster)) topics

    /// DELETE_TOPIC_IN_NAMESRV (216), in one cluster or in all.
    let delete (topic: string) (cluster: string option) : Request<unit> =
        let fields = FieldsBuilder(64).Add("topic", topic)

        let fields =
            match cluster with
            | Some cluster -> fields.Add("clusterName", cluster)
            | None -> fields

        Request.ofFields RequestCode.DeleteTopicInNameServer fields Request.decodeNothing

    /// REGISTER_TOPIC_IN_NAMESRV (217), since 5.0.
    let register (topic: string) (route: TopicRoute) : Request<unit> =
        let request =
            Request.ofFields
                RequestCode.RegisterTopicInNameServer
                (FieldsBuilder(64).Add("topic", topic))
                Request.decodeNothing

        { request with
            Command = Command.withBody (TopicRoute.encode route) request.Command
        }

    /// WIPE_WRITE_PERM_OF_BROKER (205): stops sends to a broker. Gives the number of topics that it touched.
    let wipeWritePermission (brokerName: string) : Request<int> =
        Request.ofFields
            RequestCode.WipeWritePermOfBroker
            (FieldsBuilder(64).Add("brokerName", brokerName))
            (count "wipeTopicCount")

    /// ADD_WRITE_PERM_OF_BROKER (327): takes 205 back. Gives the number of topics that it touched.
    let addWritePermission (brokerName: string) : Request<int> =
        Request.ofFields
            RequestCode.AddWritePermOfBroker
            (FieldsBuilder(64).Add("brokerName", brokerName))
            (count "addTopicCount")
