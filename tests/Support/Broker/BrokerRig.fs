/// A broker's state machine with what tests ask it and read from it.
module internal RocketMq.Protocol.Tests.BrokerRig

open System
open System.Net
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let settings: BrokerSettings =
    {
        ClusterName = "DefaultCluster"
        BrokerName = "broker-a"
        BrokerId = 0L
        BrokerAddress = "127.0.0.1:1"
        MaxNewTopicQueues = 8
        AutoCreateTopics = true
        AutoCreateGroups = true
        Checks = CheckSettings.defaults
        TakesBornTimeAsSent = false
        Limits = StoreLimits.unlimited
        SlaveReads = false
        Permission = 6
        Version = ProtocolVersion.embedded
    }

let host = Host.create IPAddress.Loopback 1
let fresh () = Broker.start settings host

/// The broker, and a topic that it has.
let withTopic topic queues (state: BrokerState) =
    { state with
        Store = Store.withTopic topic queues state.Store
    }

let startWith limits =
    Broker.start { settings with Limits = limits } host

let keepingBytes bytes =
    startWith
        { StoreLimits.unlimited with
            RetentionBytes = bytes
        }

let keepingMillis millis =
    startWith
        { StoreLimits.unlimited with
            RetentionMillis = ValueSome millis
        }

let arrive connection ticket (command: RemotingCommand) =
    Arrived
        {
            Connection = connection
            Peer = host
            Ticket = Ticket ticket
            Command = command
        }

/// A request of one connection, with what the broker does about it. Tickets are the times of day: nothing here needs more.
let ask now connection command state =
    Broker.transition now state (arrive connection now command)

let tick now state = Broker.transition now state Ticked

/// The answer to a request that is answered at once.
let answerIn effects =
    match
        effects
        |> List.tryPick (fun effect ->
            match effect with
            | Reply(_, answer) -> Some answer
            | _ -> None)
    with
    | Some answer -> answer
    | None -> failtest $"no answer among %A{effects}"

let pushesIn effects =
    effects
    |> List.choose (fun effect ->
        match effect with
        | Push(connection, command) -> Some(connection, command)
        | _ -> None)

let messageOf topic id (properties: (string * string) list) : SendRequest =
    { Examples.send with
        ProducerGroup = "G"
        Topic = topic
        QueueId = 0
        Properties = Properties.ofList ((PropertyName.uniqueKey, id) :: properties)
        Body = ReadOnlyMemory "body"B
    }

let send topic id properties =
    Examples.ask (messageOf topic id properties) Send.message

let decodeSend (command: RemotingCommand) =
    match Send.message.DecodeAnswer command with
    | Ok answer -> answer
    | Error error -> failtest $"%A{error}"

/// Sends a message that is taken, and gives the answer.
let sendOk now topic id properties state =
    let state, effects = ask now 1 (send topic id properties) state
    state, decodeSend (answerIn effects)

/// What lies in a queue.
let records topic queueId (state: BrokerState) : StoredMessage list =
    match Store.tryQueue topic queueId state.Store with
    | ValueNone -> []
    | ValueSome queue ->
        queue.Records
        |> Seq.collect (fun record -> MessageCodec.decodeAll "broker-a" record.Bytes |> Buffers.ok)
        |> List.ofSeq

let valueOf name (message: StoredMessage) =
    Properties.tryFind name message.Properties |> ValueOption.defaultValue ""

let idOf = valueOf PropertyName.uniqueKey

let ids topic state = records topic 0 state |> List.map idOf

let heartbeat clientId producerGroups =
    Examples.ask
        {
            ClientId = clientId
            ProducerGroups = producerGroups
            Consumers = []
            Fingerprint = None
            IsWithoutSubscriptions = None
        }
        Heartbeat.send

let half = [ "TRAN_MSG", "true"; "PGROUP", "G" ]

let endOf decision isCheckAnswer queueOffset commitLogOffset : EndTransaction =
    {
        Topic = None
        ProducerGroup = "G"
        QueueOffset = queueOffset
        CommitLogOffset = commitLogOffset
        Decision = decision
        IsCheckAnswer = Some isCheckAnswer
        MessageId = "id"
        TransactionId = None
    }

let commitLogOffset (answer: SendAnswer) =
    (OffsetMessageId.decode answer.OffsetId |> Buffers.ok).PhysicalOffset

/// Ends the transaction of a half message that a send was answered for.
let finish decision (answer: SendAnswer) =
    Examples.ask (endOf decision false answer.QueueOffset (commitLogOffset answer)) Transactions.finish

let readCheck (command: RemotingCommand) =
    match Transactions.check.Decode command with
    | Ok check -> check
    | Error error -> failtest $"%A{error}"

let recall topic handle =
    Examples.ask
        {
            ProducerGroup = Some "G"
            Topic = topic
            Handle = handle
        }
        Recall.operation
