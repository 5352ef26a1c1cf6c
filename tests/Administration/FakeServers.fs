/// A cluster that is a function from requests to answers, so that plans are tested without a socket.
module RocketMq.Administration.Tests.FakeServers

open System
open System.Buffers
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration

let endpoint port : Endpoint = { Host = "127.0.0.1"; Port = port }
let nameServers = [ endpoint 9876; endpoint 9877 ]

let broker cluster name id port : BrokerAddress =
    {
        Cluster = cluster
        Name = name
        Id = id
        Address = $"127.0.0.1:{port}"
    }

let masterA = broker "DefaultCluster" "broker-a" 0L 10911
let masterB = broker "DefaultCluster" "broker-b" 0L 10921
let slaveOfA = broker "DefaultCluster" "broker-a" 1L 10931

/// Answers a call, or leaves it to the next.
type Answering = Call -> Result<RemotingCommand, RemotingError> option

let refusal (code: ResponseCode) remark (call: Call) : Result<RemotingCommand, RemotingError> =
    Error(RemotingError.Refused(endpoint 1, call.Code, TimeSpan.Zero, code, remark))

let silence (_: Call) : Result<RemotingCommand, RemotingError> =
    Error(RemotingError.NotConnected(endpoint 1, FailureReason.ofText "nobody is there"))

/// Answers the requests of an operation by its query.
let answering (operation: Operation<'Query, 'Answer>) (answer: Call -> 'Query -> 'Answer) : Answering =
    fun call ->
        if call.Code = operation.Code then
            match operation.Decode call.Command with
            | Ok query -> Some(Ok(operation.Answer(answer call query, call.Command)))
            | Error error -> failwith error.Message
        else
            None

/// Refuses the requests of a code.
let refusing (code: RequestCode) (response: ResponseCode) : Answering =
    fun call ->
        if call.Code = code then
            Some(refusal response "no" call)
        else
            None

/// A broker that is older than the requests of some codes.
let older (broker: BrokerAddress) (codes: RequestCode list) : Answering =
    fun call ->
        if call.Target = Target.Broker broker && List.contains call.Code codes then
            Some(refusal ResponseCode.RequestCodeNotSupported "request type not supported" call)
        else
            None

/// A broker that does not answer.
let silent (broker: BrokerAddress) : Answering =
    fun call ->
        if call.Target = Target.Broker broker then
            Some(silence call)
        else
            None

/// Runs a plan against the first that answers; what nobody answers is a mistake of the test. Gives the calls as well, round by round.
let run (servers: Answering list) (plan: Plan<'T>) : Result<'T, AdminError> * Call list list =
    let absent (call: Call) = call.Target.Absence |> Option.map Error

    let answer (call: Call) =
        match absent :: servers |> List.tryPick (fun server -> server call) with
        | Some(Ok command) ->
            Ok
                {
                    Answer = command
                    From = endpoint 1
                    After = TimeSpan.Zero
                }
        | Some(Error error) -> Error error
        | None -> failwith $"nobody answers {call}"

    let rec go plan rounds =
        match plan with
        | Plan.Done value -> Ok value, List.rev rounds
        | Plan.Failed error -> Error error, List.rev rounds
        | Plan.Round(calls, next) -> go (next (Array.map answer calls)) (List.ofArray calls :: rounds)

    go plan []

let valueOf (result: Result<'T, AdminError> * Call list list) : 'T =
    match fst result with
    | Ok value -> value
    | Error error -> failwith error.Message

let errorOf (result: Result<'T, AdminError> * Call list list) : AdminError =
    match fst result with
    | Ok _ -> failwith "it succeeded"
    | Error error -> error

/// The reason of an action that must not be carried out.
let expectNotAllowed (error: AdminError) : string =
    match error with
    | AdminError.NotAllowed reason -> reason
    | error -> failwith error.Message

/// The name that is not there.
let expectNotFound (error: AdminError) : string =
    match error with
    | AdminError.NotFound(name = name) -> name
    | error -> failwith error.Message

/// What makes no sense.
let expectInvalid (error: AdminError) : string =
    match error with
    | AdminError.Invalid reason -> reason
    | error -> failwith error.Message

/// Answers the requests of an operation to brokers, or refuses them, by their query.
let ofBrokers
    (operation: Operation<'Query, 'Answer>)
    (answer: BrokerAddress -> 'Query -> Result<'Answer, ResponseCode>)
    : Answering =
    fun call ->
        match call.Target with
        | Target.Broker broker when call.Code = operation.Code ->
            match operation.Decode call.Command with
            | Error error -> failwith error.Message
            | Ok query ->
                match answer broker query with
                | Ok answer -> Some(Ok(operation.Answer(answer, call.Command)))
                | Error code -> Some(refusal code "no" call)
        | _ -> None

let cluster (brokers: BrokerAddress list) : Answering =
    answering Cluster.info (fun _ () ->
        {
            Brokers =
                brokers
                |> List.groupBy _.Name
                |> List.map (fun (name, members) ->
                    name,
                    {
                        Cluster = members.Head.Cluster
                        BrokerName = name
                        Addresses = members |> List.map (fun one -> one.Id, one.Address) |> Map.ofList
                        HasActingMaster = None
                        Zone = None
                    })
                |> Map.ofList
            Clusters =
                brokers
                |> List.groupBy _.Cluster
                |> List.map (fun (name, members) -> name, members |> List.map _.Name |> List.distinct)
                |> Map.ofList
        })

let routes (topics: (string * BrokerAddress list) list) : Answering =
    fun call ->
        if call.Code <> RequestCode.GetRouteInfoByTopic then
            None
        else
            match GetRoute.operation.Decode call.Command with
            | Error error -> failwith error.Message
            | Ok query ->
                match topics |> List.tryFind (fun (topic, _) -> topic = query.Topic) with
                | None -> Some(refusal ResponseCode.TopicNotExist "no" call)
                | Some(_, brokers) ->
                    let route: TopicRoute =
                        {
                            Queues =
                                brokers
                                |> List.filter _.IsMaster
                                |> List.map (fun broker ->
                                    {
                                        BrokerName = broker.Name
                                        ReadQueues = 2
                                        WriteQueues = 2
                                        Permission = 6
                                        TopicSysFlag = 0
                                    })
                            Brokers =
                                brokers
                                |> List.groupBy _.Name
                                |> List.map (fun (name, members) ->
                                    {
                                        Cluster = members.Head.Cluster
                                        BrokerName = name
                                        Addresses = members |> List.map (fun one -> one.Id, one.Address) |> Map.ofList
                                        HasActingMaster = None
                                        Zone = None
                                    })
                            FilterServers = Map.empty
                            OrderedTopic = None
                            QueueMappings = None
                        }

                    Some(Ok(GetRoute.operation.Answer(route, call.Command)))

let config topic queues : TopicConfig =
    {
        Name = topic
        ReadQueues = queues
        WriteQueues = queues
        Permission = 6
        FilterType = TopicFilterType.SingleTag
        SysFlag = 0
        IsOrderly = false
        Attributes = None
    }

/// The settings of topics by broker, as brokers of 5.x say them.
let configs (table: (BrokerAddress * TopicConfig list) list) : Answering =
    ofBrokers Topics.config (fun broker query ->
        table
        |> List.filter (fun (other, _) -> other = broker)
        |> List.collect snd
        |> List.tryFind (fun config -> config.Name = query.Topic)
        |> Option.map (fun config -> Ok { Config = config; Mapping = None })
        |> Option.defaultValue (Error ResponseCode.TopicNotExist))

/// Texts of name servers.
let texts (table: (Endpoint * string * string) list) : Answering =
    answering KeyValueConfig.get (fun call place ->
        table
        |> List.tryFind (fun (server, key, _) -> Target.NameServer server = call.Target && key = place.Key)
        |> Option.map (fun (_, _, value) -> value))

/// Takes every write.
let takesWrites: Answering =
    fun call ->
        if call.IsWrite then
            Some(Ok(Topics.delete.Answer((), call.Command)))
        else
            None

let queue topic (broker: BrokerAddress) id : MessageQueue =
    {
        Topic = topic
        BrokerName = broker.Name
        QueueId = id
    }

/// The lowest and highest offset of queues.
let ranges (table: (MessageQueue * int64 * int64) list) : Answering =
    ofBrokers Statistics.ofTopic (fun broker topic ->
        let queues =
            table
            |> List.filter (fun (queue, _, _) -> queue.Topic = topic && queue.BrokerName = broker.Name)

        if queues.IsEmpty then
            Error ResponseCode.TopicNotExist
        else
            Ok
                {
                    Queues =
                        queues
                        |> List.map (fun (queue, least, most) ->
                            queue,
                            {
                                MinOffset = least
                                MaxOffset = most
                                LastUpdateTimestamp = 0L
                            })
                        |> Map.ofList
                    PutsPerSecond = None
                })

/// What groups have committed; a queue that is not in the table has none.
let offsets (table: (string * MessageQueue * int64) list) : Answering =
    ofBrokers Offsets.queryCommitted (fun broker query ->
        table
        |> List.tryFind (fun (group, queue, _) ->
            group = query.Queue.ConsumerGroup
            && queue.Topic = query.Queue.Topic
            && queue.BrokerName = broker.Name
            && queue.QueueId = query.Queue.QueueId)
        |> Option.map (fun (_, _, offset) -> offset)
        |> Ok)

let connection clientId : ClientConnection =
    {
        ClientId = clientId
        Address = "127.0.0.1:40000"
        Language = "JAVA"
        Version = 399
    }

/// Members of a group at some brokers; the others say that none is online.
let members (model: MessageModel) (table: (BrokerAddress * string list) list) : Answering =
    ofBrokers Connections.ofConsumers (fun broker _ ->
        table
        |> List.tryFind (fun (other, _) -> other = broker)
        |> Option.map (fun (_, clients) ->
            Ok
                {
                    Connections = clients |> List.map connection
                    Subscriptions = Map.empty
                    Type = Some ConsumeType.ConsumePassively
                    Model = Some model
                    Start = None
                })
        |> Option.defaultValue (Error ResponseCode.ConsumerNotOnline))

/// The settings of groups by broker. The request for one group alone is not answered: it would make the group.
let groups (table: (BrokerAddress * SubscriptionGroup list) list) : Answering =
    ofBrokers SubscriptionGroups.all (fun broker () ->
        Ok
            {
                Groups =
                    table
                    |> List.filter (fun (other, _) -> other = broker)
                    |> List.collect snd
                    |> List.map (fun config -> config.Name, config)
                    |> Map.ofList
                Version = None
                Forbidden = None
            })

/// Settings of every broker.
let settings (pairs: (string * string) list) : Answering =
    answering Settings.ofBroker (fun _ () ->
        {
            Version = "{}"
            Settings = pairs |> List.map (fun (name, value) -> { Name = name; Value = value })
        })

/// Messages as brokers hand them out, one record behind the other.
let records (messages: StoredMessage list) : ReadOnlyMemory<byte> =
    let output = ArrayBufferWriter<byte>()

    for message in messages do
        match MessageCodec.write message output with
        | Ok _ -> ()
        | Error error -> failwith error.Message

    output.WrittenMemory

/// What brokers have at places of their commit logs.
let commitLogs (table: (BrokerAddress * StoredMessage) list) : Answering =
    ofBrokers MessageQuery.byOffset (fun broker view ->
        table
        |> List.tryFind (fun (other, message) -> other = broker && message.PhysicalOffset = view.CommitLogOffset)
        |> Option.map (fun (_, message) -> Ok(records [ message ]))
        |> Option.defaultValue (Error ResponseCode.SystemError))

/// What the writes of a change are, each by server and what stands there before and after.
let rowsOf (change: Change) =
    change.Writes
    |> List.map (fun write -> write.Call.Target.ToString(), write.Before, write.After)
