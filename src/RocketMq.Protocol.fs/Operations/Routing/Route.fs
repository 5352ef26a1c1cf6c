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

    /// Whether consumers may read them. Source: PermName.java.
    member queues.IsReadable = Permission.isReadable queues.Permission
    /// Whether producers may write to them. Source: PermName.java.
    member queues.IsWritable = Permission.isWritable queues.Permission

    override queues.ToString() =
        invariant
            $"{queues.BrokerName}: {queues.ReadQueues} queues to read, {queues.WriteQueues} to write, permission {queues.Permission}"

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

    override broker.ToString() =
        let addresses =
            [ for KeyValue(id, address) in broker.Addresses -> invariant $"{id} {address}" ]
            |> String.concat ", "

        $"{broker.BrokerName} ({addresses})"

/// Where the queues of a topic are. Source: TopicRouteData.java.
type TopicRoute =
    {
        Queues: QueueData list
        Brokers: BrokerData list
        /// Filter servers by broker address; none since 4.3.
        FilterServers: Map<string, string list>
        /// Of an ordered topic, if the name server tells it (orderMessageEnable): "broker:queues;…".
        OrderedTopic: string option
        /// Since 5.0, of a static topic: by broker name. See `TopicRoute.hostOf`.
        QueueMappings: Map<string, QueueMapping> option
    }

    override route.ToString() =
        let queues = route.Queues |> List.map _.ToString() |> String.concat "; "
        let brokers = route.Brokers |> List.map _.ToString() |> String.concat ", "
        $"{queues}; brokers {brokers}"

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

    let private mappingsOf (route: TopicRoute) : Map<string, QueueMapping> =
        Option.defaultValue Map.empty route.QueueMappings

    /// Whether the topic is static (since 5.0): its queues are numbered over all brokers, keep their numbers and offsets when they move
    /// to another broker, and belong to the broker name `__syslo__global__`, which no broker has.
    let isStatic (route: TopicRoute) = not (mappingsOf route).IsEmpty

    /// The name of the broker that has a queue: the queue's own or, of a static topic, that of the broker where the queue is now.
    /// Nothing if that is not known, or if the route has no such queue.
    let hostOf (queue: MessageQueue) (route: TopicRoute) : string voption =
        match isStatic route, LogicalQueues.isLogical queue with
        | false, false -> ValueSome queue.BrokerName
        | true, true -> LogicalQueues.hostOf queue (mappingsOf route)
        | true, false
        | false, true -> ValueNone

    /// The address of the master that has a queue, as "host:port".
    let masterOf (queue: MessageQueue) (route: TopicRoute) : string option =
        match hostOf queue route with
        | ValueSome brokerName -> masterAddress brokerName route
        | ValueNone -> None

    /// Those of an ordered topic stay the same whatever becomes of its brokers: a send to one that is away fails.
    let private orderedQueues topic conf =
        OrderedTopic.parse conf
        |> Result.defaultValue []
        |> List.collect (fun (struct (brokerName, count)) -> queuesOf topic brokerName count)

    /// The queues that a producer may choose from. Of a static topic all that it has, wherever they are; of an ordered one those that its
    /// configuration names, in that order; of any other by broker name: writable, and with a master.
    /// Source: MQClientInstance.java, topicRouteData2TopicPublishInfo.
    let publishQueues topic (route: TopicRoute) : MessageQueue list =
        match route.OrderedTopic with
        | _ when isStatic route -> LogicalQueues.all topic (mappingsOf route)
        | Some conf when conf <> "" -> orderedQueues topic conf
        | _ ->
            route.Queues
            |> List.filter (fun queues -> queues.IsWritable && (masterAddress queues.BrokerName route).IsSome)
            |> List.sortBy (fun queues -> queues.BrokerName)
            |> List.collect (fun queues -> queuesOf topic queues.BrokerName queues.WriteQueues)

    /// The queues that consumers read. Of a static topic all that it has, as Java's consumers see them.
    let subscribeQueues topic (route: TopicRoute) : MessageQueue list =
        if isStatic route then
            LogicalQueues.all topic (mappingsOf route)
        else
            route.Queues
            |> List.filter _.IsReadable
            |> List.collect (fun queues -> queuesOf topic queues.BrokerName queues.ReadQueues)
            |> List.sort

    /// The brokers whose own queues consumers may read, static or not: messages are popped of those.
    let internal readableBrokers (route: TopicRoute) : string list =
        route.Queues
        |> List.filter (fun queues -> queues.IsReadable && queues.ReadQueues > 0)
        |> List.map _.BrokerName
        |> List.distinct
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

        let queues = max (sum _.ReadQueues) (sum _.WriteQueues)

        if max queues (LogicalQueues.count (mappingsOf route)) > int64 maxQueues then
            raise (Unreadable("", invariant $"it has more than {maxQueues} queues"))

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
            invariant $"{id}:\"{JsonEncodedText.Encode address}\""

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

/// Asks for a topic's route.
type RouteQuery =
    {
        Topic: string
        /// Since 4.9.4: ask for standard JSON whatever the version of the client.
        AcceptStandardJsonOnly: bool option
    }

/// GET_ROUTEINFO_BY_TOPIC (105).
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

    let internal queryOf (topic: string) : RouteQuery =
        {
            Topic = topic
            AcceptStandardJsonOnly = None
        }

    /// The request for a topic's route.
    let request (topic: string) : Request<TopicRoute> = operation.Request(queryOf topic)
