namespace RocketMq.Protocol

open System
open System.Text.Json

/// The queues of a topic on one group of brokers.
type QueueData =
    {
        BrokerName: string
        ReadQueues: int
        WriteQueues: int
        /// Bits: 2 write, 4 read. Source: PermName.java.
        Permission: int
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
    }

/// Where the queues of a topic are.
type TopicRoute =
    {
        Queues: QueueData list
        Brokers: BrokerData list
    }

module TopicRoute =
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

    let private queuesOf topic brokerName count =
        [
            for queueId in 0 .. count - 1 ->
                {
                    Topic = topic
                    BrokerName = brokerName
                    QueueId = queueId
                }
        ]

    /// The queues that a producer may choose from, by broker name: writable, and with a master.
    let publishQueues topic (route: TopicRoute) : MessageQueue list =
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

    let private readQueueData element : QueueData =
        {
            BrokerName = Json.text "brokerName" element
            ReadQueues = Json.int32 "readQueueNums" element
            WriteQueues = Json.int32 "writeQueueNums" element
            Permission = Json.int32 "perm" element
            TopicSysFlag = Json.int32 "topicSysFlag" element
        }

    let internal readBrokerData element : BrokerData =
        let readAddress (id: string) (address: JsonElement) =
            let mutable number = 0L

            match Int64.TryParse(id, Globalization.CultureInfo.InvariantCulture, &number), address.ValueKind with
            | true, JsonValueKind.String -> Some(number, string (address.GetString()))
            | _ -> None

        {
            Cluster = Json.text "cluster" element
            BrokerName = Json.text "brokerName" element
            Addresses = Json.members "brokerAddrs" readAddress element |> List.choose id |> Map.ofList
        }

    let private readRoute element : TopicRoute =
        {
            Queues = Json.items "queueDatas" readQueueData element
            Brokers = Json.items "brokerDatas" readBrokerData element
        }

    /// Reads the body of a route answer in standard JSON.
    let decode (body: ReadOnlyMemory<byte>) : Result<TopicRoute, DecodeError> = Json.decode "route" readRoute body

    let private writeQueueData (writer: Utf8JsonWriter) (queues: QueueData) =
        writer.WriteStartObject()
        writer.WriteString("brokerName", queues.BrokerName)
        writer.WriteNumber("perm", queues.Permission)
        writer.WriteNumber("readQueueNums", queues.ReadQueues)
        writer.WriteNumber("topicSysFlag", queues.TopicSysFlag)
        writer.WriteNumber("writeQueueNums", queues.WriteQueues)
        writer.WriteEndObject()

    /// Whether broker ids are written with quotes, as JSON wants, or bare, as clients before 4.9.4 are used to.
    type private IdStyle =
        | Quoted
        | Bare

    let private writeAddresses (writer: Utf8JsonWriter) style (addresses: Map<int64, string>) =
        match style with
        | Quoted ->
            writer.WriteStartObject()

            for KeyValue(id, address) in addresses do
                writer.WriteString(string id, address)

            writer.WriteEndObject()
        | Bare ->
            let entry (KeyValue(id, address: string)) =
                $"{id}:\"{JsonEncodedText.Encode address}\""

            let entries = addresses |> Seq.map entry |> String.concat ","
            writer.WriteRawValue($"{{{entries}}}", skipInputValidation = true)

    let private writeBrokerData (writer: Utf8JsonWriter) style (broker: BrokerData) =
        writer.WriteStartObject()
        writer.WritePropertyName "brokerAddrs"
        writeAddresses writer style broker.Addresses
        writer.WriteString("brokerName", broker.BrokerName)
        writer.WriteString("cluster", broker.Cluster)
        writer.WriteEndObject()

    let private encodeAs style (route: TopicRoute) : ReadOnlyMemory<byte> =
        Json.encode (fun writer ->
            writer.WriteStartObject()
            writer.WriteStartArray "brokerDatas"
            List.iter (writeBrokerData writer style) route.Brokers
            writer.WriteEndArray()
            writer.WriteStartObject "filterServerTable"
            writer.WriteEndObject()
            writer.WriteStartArray "queueDatas"
            List.iter (writeQueueData writer) route.Queues
            writer.WriteEndArray()
            writer.WriteEndObject())

    /// The body of a route answer in standard JSON.
    let encode (route: TopicRoute) : ReadOnlyMemory<byte> = encodeAs Quoted route

    /// The body of a route answer to a request of a version before 4.9.4: broker ids stand without quotes.
    let encodeWithBareIds (route: TopicRoute) : ReadOnlyMemory<byte> = encodeAs Bare route

/// GET_ROUTEINFO_BY_TOPIC (105), to a name server. Refused with TopicNotExist where no broker has the topic.
/// Source: GetRouteInfoRequestHeader.java.
module GetRoute =
    let request (topic: string) : Request<TopicRoute> =
        {
            Command =
                Command.request RequestCode.GetRouteInfoByTopic
                |> Command.withField "topic" topic
            Decode = Request.decodeSuccess (fun answer -> TopicRoute.decode answer.Body)
        }
