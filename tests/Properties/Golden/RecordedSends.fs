/// Messages that Java's producers sent: read, built again with our functions, and compared with what ours sends.
module internal RocketMq.Protocol.Tests.RecordedSends

open System
open System.Collections.Generic
open RocketMq.Protocol
open RocketMq
open Captures

let nameServer = FakeServers.at 1
let port = 11

/// What Java wrote of one message, with the body as the application gave it.
type Recorded =
    {
        Capture: Capture
        Command: RemotingCommand
        Send: SendRequest
        Properties: Map<string, string>
        Body: ReadOnlyMemory<byte>
    }

let private codecs = RocketMq.Client.CompressionCodecs.AddTo BodyCodecs.standard

let inflate (send: SendRequest) =
    match SysFlag.compression send.SysFlag with
    | Compression.Uncompressed -> send.Body
    | compression ->
        match BodyCodecs.inflate compression (16 * 1024 * 1024) send.Body codecs with
        | Ok body -> body
        | Error error -> failtest $"%A{error}"

let read (capture: Capture) : Recorded =
    let command = commandOf capture
    let send = Send.message.Decode command |> Buffers.ok

    {
        Capture = capture
        Command = command
        Send = send
        Properties = Properties.toMap send.Properties
        Body = inflate send
    }

let recorded (scenario: string) (codes: RequestCode list) =
    all ()
    |> Array.filter (fun capture ->
        capture.Scenario = scenario
        && isRequest capture
        && List.contains (enum<RequestCode> capture.Code) codes)

/// Checks each recorded request of a kind. There are some.
let forEachOf scenario (code: RequestCode) (check: Capture -> Task) : Task =
    task {
        let captures = recorded scenario [ code ]
        captures |> shouldNotBeEmpty

        for capture in captures do
            do! check capture
    }

/// The answer that was recorded, if there is one.
let answers =
    lazy
        (all ()
         |> Array.choose (fun capture -> capture.RequestId |> Option.map (fun id -> id, commandOf capture))
         |> dict)

let answerTo (capture: Capture) (command: RemotingCommand) =
    match answers.Value.TryGetValue capture.Id with
    | true, answer -> Answers { answer with Opaque = command.Opaque }
    | _ ->
        match command.RequestCode with
        | RequestCode.SendMessageV2 -> FakeServers.stored 0L command
        | _ -> FakeServers.success command

/// A broker in memory that gives the recorded answers to what comes after the route and the heartbeat.
let serversFor (topics: (string * string) list) (react: RemotingCommand -> Reaction) =
    let brokerName = topics |> List.map snd |> List.head

    FakeServers.answering TimeProvider.System (fun _ command ->
        match command.RequestCode with
        | RequestCode.GetRouteInfoByTopic -> FakeServers.routed (FakeServers.routeOver [ brokerName, port, 8 ]) command
        | RequestCode.HeartBeat
        | RequestCode.UnregisterClient -> FakeServers.success command
        | _ -> react command)

let optionsFor (servers: FakeServers) group =
    { ProducerOptions.create group [ nameServer ] with
        Client.Remoting = servers.Options
    }

/// The names that the producer itself sets.
let ownNames =
    set
        [
            PropertyName.uniqueKey
            PropertyName.waitStoreOk
            PropertyName.transactionMark
            PropertyName.producerGroup
            PropertyName.correlationId
            PropertyName.replyToClient
            PropertyName.timeToLive
            PropertyName.messageType
        ]

/// The message as an application builds it with our functions.
let rebuilt topic (body: ReadOnlyMemory<byte>) flag (properties: Map<string, string>) : Message =
    let add message (name: string) (value: string) =
        match name with
        | "WAIT" when value = "false" -> Message.withWaitStoreOk false message
        | name when ownNames.Contains name -> message
        | "TAGS" -> Message.withTag value message
        | "KEYS" -> Message.withKeys (List.ofArray (value.Split ' ')) message
        | "DELAY" -> Message.withDelayLevel (int value) message
        | "TIMER_DELAY_MS" -> Message.withDelay (TimeSpan.FromMilliseconds(float value)) message
        | "TIMER_DELIVER_MS" -> Message.withDeliveryAt (DateTimeOffset.FromUnixTimeMilliseconds(int64 value)) message
        | "__SHARDINGKEY" -> Message.withShardingKey value message
        // Java has setters for them, and we have none: a delay in seconds is one in milliseconds, and nobody is a buyer.
        | "TIMER_DELAY_SEC"
        | "BUYER_ID" -> Message.withSystemProperty name value message
        | _ -> Message.withProperty name value message

    Map.fold add (Message.create topic body |> Message.withFlag flag) properties

/// What differs from run to run, as it stands in the comparison.
let masked name (value: string) =
    match name with
    // Java's has the address of the host that it was recorded on, which is one of IPv6.
    | "UNIQ_KEY" -> $"an id: {value.Length = 32 || value.Length = 56}"
    | "CORRELATION_ID" -> $"{Guid.TryParse value |> fst}"
    | "REPLY_TO_CLIENT" -> $"{value.Contains '@'}"
    | _ -> value

let propertiesOf (command: RemotingCommand) =
    match Fields.tryFind "i" command.Fields with
    | ValueSome text ->
        Properties.ofText (ReadOnlyMemory(Text.Encoding.UTF8.GetBytes text))
        |> Properties.toMap
        |> Map.map masked
    | ValueNone -> Map.empty

/// The fields but the time of birth, and the properties, which are compared apart.
let fieldsOf (command: RemotingCommand) =
    Fields.toMap command.Fields |> Map.remove "g" |> Map.remove "i"

let sendBody (command: RemotingCommand) =
    let send = Send.message.Decode command |> Buffers.ok
    Convert.ToHexString (inflate send).Span

let same (java: RemotingCommand) (ours: RemotingCommand) =
    ours.Code |> shouldEqual java.Code
    ours.Kind |> shouldEqual java.Kind
    ours.Remark |> shouldEqual java.Remark
    fieldsOf ours |> shouldEqual (fieldsOf java)

let sameSend (java: RemotingCommand) (ours: RemotingCommand) =
    same java ours
    propertiesOf ours |> shouldEqual (propertiesOf java)
    sendBody ours |> shouldEqual (sendBody java)

let requests (servers: FakeServers) codes =
    servers.Requests
    |> List.map (fun (struct (_, command)) -> command)
    |> List.filter (fun command -> List.contains command.RequestCode codes)

let queueOf (send: SendRequest) =
    OneQueue
        {
            Topic = send.Topic
            BrokerName = send.BrokerName
            QueueId = send.QueueId
        }

let compressionOf (send: SendRequest) =
    match SysFlag.compression send.SysFlag with
    | Compression.Lz4 -> BodyCompression.Lz4
    | Compression.Zstandard -> BodyCompression.Zstandard
    | _ -> BodyCompression.Zlib

let sends =
    [
        RequestCode.SendMessageV2
        RequestCode.SendReplyMessageV2
        RequestCode.SendBatchMessage
    ]

/// Sends one recorded message again, and gives our request.
let again (recorded: Recorded) act : Task<FakeServers> =
    task {
        let send = recorded.Send
        let servers = serversFor [ send.Topic, send.BrokerName ] (answerTo recorded.Capture)

        let options =
            { optionsFor servers send.ProducerGroup with
                Compression = compressionOf send
                Client.Codecs = codecs
                // One recorded application has smaller bodies compressed as well.
                CompressFromBytes =
                    if SysFlag.compression send.SysFlag = Compression.Uncompressed then
                        4096
                    else
                        min 4096 recorded.Body.Length
            }

        use producer = start options
        do! act producer
        do! producer.Close()
        return servers
    }
