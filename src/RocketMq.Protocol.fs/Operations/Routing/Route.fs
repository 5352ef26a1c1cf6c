namespace RocketMq.Protocol

open System
open System.Text.Json
open RocketMq

/// The queues of a topic on one group of brokers.
type QueueData =
    {
        BrokerName: string
        ReadQueues: int
        WriteQueues: int
        /// Bits: 2 write, 4 read. Source: PermName.java.
        Permission: int
        /// Bits: 1 the topic belongs to a unit, 2 it has subscribers in units.
        TopicSysFlag: int
    }

    member queues.IsReadable = queues.Permission &&& 0x4 <> 0
    member queues.IsWritable = queues.Permission &&& 0x2 <> 0

/// A master and its slaves, which share a name. Id 0 is the master; it may be absent.
type BrokerData =
    {
        Cluster: string
        BrokerName: string
        Addresses: Map<int64, string>
        /// Since 5.0: the slave with the lowest id stands in for an absent master.
        HasActingMaster: bool option
        /// Since 5.0.
        Zone: string option
    }

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

/// Where the queues of a topic are. Source: TopicRouteData.java.
type TopicRoute =
    {
        Queues: QueueData list
        Brokers: BrokerData list
        /// Filter servers by broker address; none since 4.3.
        FilterServers: Map<string, string list>
        /// Of an ordered topic, if the name server tells it (orderMessageEnable): "broker:queues;…".
        OrderedTopic: string option
        /// Since 5.0, of a static topic: by broker name.
        QueueMappings: Map<string, QueueMapping> option
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

module TopicRoute =
    /// A route with more queues than this, all brokers together, cannot be read: its numbers would cost memory that its few
    /// bytes do not show. Topics have tens of queues, the largest ones some thousands.
    let maxQueues = OrderedTopic.mostQueues

    let private masterId = 0L

    let private broker name (route: TopicRoute) =
        route.Brokers |> List.tryFind (fun broker -> broker.BrokerName = name)

    /// The master's address, as "host:port".
    let masterAddress brokerName (route: TopicRoute) : string option =
        broker brokerName route
        |> Option.bind (fun broker -> Map.tryFind masterId broker.Addresses)

    /// The master's address or, without a master, that of the slave with the lowest id.
    let anyAddress brokerName (route: TopicRoute) : string option =
        broker brokerName route
        |> Option.bind (fun broker -> Map.tryPick (fun _ address -> Some address) broker.Addresses)

    /// Which broker to read from, and its address: the one with an id, that of the next id if a slave is missing, and any other if
    /// there is neither.
    let brokerFor (brokerId: int64) brokerName (route: TopicRoute) : struct (int64 * string) option =
        broker brokerName route
        |> Option.bind (fun broker ->
            let withId id =
                Map.tryFind id broker.Addresses
                |> Option.map (fun address -> struct (id, address))

            withId brokerId
            |> Option.orElseWith (fun () ->
                if brokerId <> masterId then
                    withId (brokerId + 1L)
                else
                    None)
            |> Option.orElseWith (fun () ->
                Map.tryPick (fun id address -> Some(struct (id, address))) broker.Addresses))

    let private queuesOf topic brokerName count =
        [
            for queueId in 0 .. count - 1 ->
                {
                    Topic = topic
                    BrokerName = brokerName
                    QueueId = queueId
                }
        ]

    /// Those of an ordered topic stay the same whatever becomes of its brokers: a send to one that is away fails.
    let private orderedQueues topic conf =
        OrderedTopic.parse conf
        |> Result.defaultValue []
        |> List.collect (fun (struct (brokerName, count)) -> queuesOf topic brokerName count)

    /// The queues that a producer may choose from. Of an ordered topic those that its configuration names, in that order; of
    /// any other by broker name: writable, and with a master. Source: MQClientInstance.java, topicRouteData2TopicPublishInfo.
    let publishQueues topic (route: TopicRoute) : MessageQueue list =
        match route.OrderedTopic with
        | Some conf when conf <> "" -> orderedQueues topic conf
        | _ ->
            route.Queues
            |> List.filter (fun queues -> queues.IsWritable && (masterAddress queues.BrokerName route).IsSome)
            |> List.sortBy (fun queues -> queues.BrokerName)
            |> List.collect (fun queues -> queuesOf topic queues.BrokerName queues.WriteQueues)

    /// The queues that consumers read.
    let subscribeQueues topic (route: TopicRoute) : MessageQueue list =
        route.Queues
        |> List.filter (fun queues -> queues.IsReadable)
        |> List.collect (fun queues -> queuesOf topic queues.BrokerName queues.ReadQueues)
        |> List.sort

    /// Whether there is a queue, and a broker: a name server that has just started may know only one of them.
    let internal leadsSomewhere (route: TopicRoute) =
        not route.Queues.IsEmpty && not route.Brokers.IsEmpty

    /// A route with these queues on these brokers, and nothing else.
    let create queues brokers : TopicRoute =
        {
            Queues = queues
            Brokers = brokers
            FilterServers = Map.empty
            OrderedTopic = None
            QueueMappings = None
        }

    let private limited (route: TopicRoute) =
        let sum (count: QueueData -> int) =
            route.Queues |> List.sumBy (count >> max 0 >> int64)

        if max (sum _.ReadQueues) (sum _.WriteQueues) > int64 maxQueues then
            raise (Unreadable("", $"it has more than {maxQueues} queues"))

        route

    /// Servers before 4.9 spell the flag's name otherwise.
    let private topicSysFlag: Member<QueueData, int> =
        let usual =
            Member.sometimes "topicSysFlag" JsonCodec.int32 (fun queues -> Some queues.TopicSysFlag)

        let old = Member.int32 "topicSynFlag" _.TopicSysFlag

        {
            Put = usual.Put
            Take = fun element -> usual.Take element |> Option.defaultWith (fun () -> old.Take element)
        }

    let private queueData =
        object<QueueData> {
            let! brokerName = Member.text "brokerName" _.BrokerName
            and! permission = Member.int32 "perm" _.Permission
            and! readQueues = Member.int32 "readQueueNums" _.ReadQueues
            and! topicSysFlag = topicSysFlag
            and! writeQueues = Member.int32 "writeQueueNums" _.WriteQueues

            return
                {
                    BrokerName = brokerName
                    ReadQueues = readQueues
                    WriteQueues = writeQueues
                    Permission = permission
                    TopicSysFlag = topicSysFlag
                }
        }

    /// By broker id, written with quotes, as JSON wants.
    let private quotedIds: JsonCodec<Map<int64, string>> =
        JsonCodec.mapOf JsonCodec.int64Key JsonCodec.text

    /// By broker id, written without quotes, as clients before 4.9.4 are used to.
    let private bareIds: JsonCodec<Map<int64, string>> =
        let entry (KeyValue(id: int64, address: string)) =
            $"{id}:\"{JsonEncodedText.Encode address}\""

        { quotedIds with
            Write =
                fun writer addresses ->
                    let entries = addresses |> Seq.map entry |> String.concat ","
                    writer.WriteRawValue($"{{{entries}}}", skipInputValidation = true)
        }

    let private brokerDataWith addresses =
        object<BrokerData> {
            let! addresses = Member.always "brokerAddrs" addresses _.Addresses
            and! brokerName = Member.text "brokerName" _.BrokerName
            and! cluster = Member.text "cluster" _.Cluster

            and! hasActingMaster =
                Member.sometimes "enableActingMaster" JsonCodec.boolean _.HasActingMaster

            and! zone = Member.optionalText "zoneName" _.Zone

            return
                {
                    Cluster = cluster
                    BrokerName = brokerName
                    Addresses = addresses
                    HasActingMaster = hasActingMaster
                    Zone = zone
                }
        }

    let internal brokerData = brokerDataWith quotedIds

    let private routeWith addresses =
        object<TopicRoute> {
            let! brokers = Member.list "brokerDatas" (brokerDataWith addresses) _.Brokers

            and! filterServers =
                Member.map "filterServerTable" (JsonCodec.list JsonCodec.text) _.FilterServers

            and! ordered = Member.optionalText "orderTopicConf" _.OrderedTopic
            and! queues = Member.list "queueDatas" queueData _.Queues

            and! mappings =
                Member.sometimes "topicQueueMappingByBroker" (JsonCodec.map QueueMapping.shape) _.QueueMappings

            return
                limited
                    {
                        Queues = queues
                        Brokers = brokers
                        FilterServers = filterServers
                        OrderedTopic = ordered
                        QueueMappings = mappings
                    }
        }

    let internal shape = routeWith quotedIds

    /// As `shape`, written as clients before 4.9.4 are used to.
    let internal oldShape = routeWith bareIds

type RouteQuery =
    {
        Topic: string
        /// Since 4.9.4: ask for standard JSON whatever the version of the client.
        AcceptStandardJsonOnly: bool option
    }

module GetRoute =
    let private query =
        layout<RouteQuery> {
            let! topic = Field.topic "topic" _.Topic

            and! standard =
                OptionalField.boolean "acceptStandardJsonOnly" _.AcceptStandardJsonOnly

            return
                {
                    Topic = topic
                    AcceptStandardJsonOnly = standard
                }
        }

    /// GET_ROUTEINFO_BY_TOPIC (105), to a name server. Refused with TopicNotExist where no broker has the topic.
    /// Source: GetRouteInfoRequestHeader.java.
    let operation =
        Operation(RequestCode.GetRouteInfoByTopic, query, Answers.json "route" TopicRoute.shape)

    /// As `operation`, answering as clients before 4.9.4 are used to.
    let internal old =
        Operation(RequestCode.GetRouteInfoByTopic, query, Answers.json "route" TopicRoute.oldShape)

    let request (topic: string) : Request<TopicRoute> =
        operation.Request
            {
                Topic = topic
                AcceptStandardJsonOnly = None
            }
