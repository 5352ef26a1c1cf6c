/// Where pyrocketmq is wrong on the wire or in its life, and what holds here.
module RocketMq.Protocol.Tests.CorrectionRowTests

open System
open System.Buffers.Binary
open System.Text
open System.Threading
open System.Threading.Tasks
open Expecto
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Protocol.Tests.OnNetwork
open RocketMq.Protocol.Tests.Examples

let private json (command: RemotingCommand) =
    let frame = Frame.encode Header.Json command |> Buffers.ok
    let info = Frame.tryInfo frame |> Buffers.ok
    Encoding.UTF8.GetString(frame, 8, info.HeaderBytes)

let private frameOf (header: byte[]) headerWord =
    let frame = Array.zeroCreate (8 + header.Length)
    BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(), 4 + header.Length)
    BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan 4, headerWord)
    header.CopyTo(frame, 8)
    frame

[<Tests>]
let tests =
    testList
        "pyrocketmq correction"
        [
            testCase "W1 one-way is 2, an answer 1"
            <| fun () ->
                let request = Command.request RequestCode.UpdateConsumerOffset
                json (Command.asOneWay request) |> shouldMention "\"flag\":2"

                json (Command.response ResponseCode.Success request)
                |> shouldMention "\"flag\":1"

                (Command.withFlag 3 request).Kind |> shouldEqual Response

            testCase "W2 a request is what has no answer bit"
            <| fun () ->
                [ 0; 1; 2; 3; 4 ]
                |> List.map (fun flag -> (Command.withFlag flag (Command.request RequestCode.HeartBeat)).Kind)
                |> shouldEqual [ Request; Response; OneWay; Response; Request ]

            testCase "W3 a send with letters is 310"
            <| fun () -> (ask send Send.message).Code |> shouldEqual 310

            testCase "W4 a batch has letters and the batch encoding"
            <| fun () ->
                let body = BatchCodec.encode [ Message.ofText "T" "x" ] |> Buffers.ok
                // total, magic, crc, flag, body length, body, properties length.
                body.Length |> shouldEqual (4 + 4 + 4 + 4 + 4 + 1 + 2)

                BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan body)
                |> shouldEqual body.Length

            testCase "W5 commit is 8, rollback 12, undecided 0; anything else is refused"
            <| fun () ->
                let decide decision =
                    let command =
                        Transactions.finish.OneWay
                            {
                                Topic = None
                                ProducerGroup = "P"
                                QueueOffset = 0L
                                CommitLogOffset = 0L
                                Decision = decision
                                IsCheckAnswer = None
                                MessageId = "id"
                                TransactionId = None
                            }

                    command, Fields.tryFind "commitOrRollback" command.Fields

                [ Commit; Rollback; Undecided ]
                |> List.map (decide >> snd)
                |> shouldEqual [ ValueSome "8"; ValueSome "12"; ValueSome "0" ]

                let illegal = fst (decide Commit) |> Command.withField "commitOrRollback" "1"
                Transactions.finish.Decode illegal |> Result.isError |> shouldBeTrue

            testCase "W6 no frame over 16 MiB is sent"
            <| fun () ->
                let huge =
                    Command.request RequestCode.SendMessageV2
                    |> Command.withBody (ReadOnlyMemory(Array.zeroCreate (16 * 1024 * 1024)))

                match Frame.encode Header.Json huge with
                | Error(EncodedTooLarge(_, _, limit)) -> limit |> shouldEqual 16777216L
                | _ -> failtest "it was encoded"

            testCase "W7 tags and keys travel in the properties"
            <| fun () ->
                let message =
                    Message.ofText "T" "x" |> Message.withTag "v" |> Message.withKeys [ "k" ]

                let command =
                    Send.message
                    |> ask
                        { send with
                            Properties = message.Properties
                        }

                Fields.tryFind "i" command.Fields
                |> shouldEqual (ValueSome "TAGS\001v\002KEYS\001k")

                Fields.contains "tags" command.Fields |> shouldBeFalse

            testCase "W8 the bits of a pull say what it asks for"
            <| fun () ->
                let flagOf pull =
                    Fields.tryFind "sysFlag" (ask pull Pull.messages).Fields |> ValueOption.get

                flagOf pull |> shouldEqual "0"

                flagOf
                    { pull with
                        CommitOffset = Some 1L
                        LongPollTimeout = TimeSpan.FromSeconds 15L
                        Filter = Some Filter.all
                        IsLite = true
                    }
                |> shouldEqual "23"

            testCase "W9 response codes from 203 on"
            <| fun () ->
                [ 203..207 ]
                |> List.map (fun number -> enum<ResponseCode> number |> string)
                |> shouldEqual
                    [
                        "TransactionStateGroupWrong"
                        "NoBuyerId"
                        "NotInCurrentUnit"
                        "ConsumerNotOnline"
                        "ConsumeMessageTimeout"
                    ]

            testCase "W10 a heartbeat without a body is refused before it is sent"
            <| fun () ->
                Command.request RequestCode.HeartBeat
                |> Commands.check
                |> Result.isError
                |> shouldBeTrue

            testCase "W11 view is 33, reset 222"
            <| fun () ->
                int MessageQuery.byOffset.Code |> shouldEqual 33
                int ConsumerOffsets.resetAll.Code |> shouldEqual 222

                Operations.tryDirection RequestCode.QueryBrokerOffset
                |> shouldEqual (Some Unanswered)

            testCase "W12 the version is the ordinal of 4.9.8"
            <| fun () ->
                (Command.request RequestCode.HeartBeat).Version |> shouldEqual 409

                [ (4, 9, 3); (4, 9, 4); (4, 9, 8); (5, 0, 0); (5, 3, 2); (5, 3, 3) ]
                |> List.map (fun (major, minor, patch) -> ProtocolVersion.ofRelease major minor patch)
                |> shouldEqual [ 399; 401; 409; 413; 477; 479 ]

            testCase "W13 no client operation has the codes 1001 and 1011"
            <| fun () ->
                Operations.all
                |> List.filter (fun operation -> int operation.Code = 1001 || int operation.Code = 1011)
                |> shouldBeEmpty

            testCase "W14 a key query is signed as brokers of every version check it"
            <| fun () ->
                let query =
                    MessageQuery.byKey
                    |> ask
                        {
                            Topic = "T"
                            Key = "k"
                            MaxMessages = 32
                            BeginMillis = 0L
                            EndMillis = 9L
                            IsUniqueId = Some true
                        }

                let signed =
                    Signature.sign
                        {
                            AccessKey = "a"
                            SecretKey = "s"
                            SecurityToken = None
                        }
                        query

                signed.Version |> shouldEqual 399

                Fields.tryFind "_UNIQUE_KEY_QUERY" signed.Fields
                |> shouldEqual (ValueSome "true")

                Command.withoutField "_UNIQUE_KEY_QUERY" signed
                |> Signature.ofCommand "s"
                |> ValueSome
                |> shouldEqual (Fields.tryFind "Signature" signed.Fields)

            testCase "W15 routes and clusters of any server read"
            <| fun () ->
                let body =
                    """{"brokerAddrTable":{"b":{"brokerAddrs":{0:"h:1"},"brokerName":"b","cluster":"c","enableActingMaster":false}},"clusterAddrTable":{"c":["b"]}}"""

                let answer =
                    Command.request RequestCode.GetBrokerClusterInfo
                    |> Command.response ResponseCode.Success
                    |> Command.withBody (ReadOnlyMemory(Encoding.UTF8.GetBytes body))

                match Cluster.info.DecodeAnswer answer with
                | Ok cluster -> cluster.Brokers["b"].Addresses |> shouldEqual (Map.ofList [ (0L, "h:1") ])
                | Error error -> failtest $"%A{error}"

            testCase "W16 the flag of a topic reads under both of its names"
            <| fun () ->
                for name in [ "topicSysFlag"; "topicSynFlag" ] do
                    let body =
                        $"""{{"brokerDatas":[],"queueDatas":[{{"brokerName":"b","perm":6,"{name}":3}}]}}"""

                    match Json.decode "route" TopicRoute.shape (ReadOnlyMemory(Encoding.UTF8.GetBytes body)) with
                    | Ok route -> route.Queues.Head.TopicSysFlag |> shouldEqual 3
                    | Error error -> failtest error.Message

            testCase "W17 the top byte of the header's length is its type"
            <| fun () ->
                let binary = Frame.encode Header.Binary (ask "g" Heartbeat.members) |> Buffers.ok
                binary[4] |> shouldEqual 1uy

                match Frame.decode binary with
                | Complete(frame, _) -> frame.Header |> shouldEqual Header.Binary
                | other -> failtest $"%A{other}"

            testCase "W18 a header longer than its frame is refused"
            <| fun () ->
                match Frame.decode (frameOf "{}"B 3) with
                | Corrupt error -> error.Message |> shouldMention "does not fit"
                | other -> failtest $"%A{other}"

            testCase "W19 a language nobody has heard of does not hurt the frame"
            <| fun () ->
                for language in [ "\"KLINGON\""; "\"NODE_JS\""; "13"; "99" ] do
                    let header =
                        Encoding.UTF8.GetBytes $"""{{"code":0,"flag":1,"language":{language},"opaque":7}}"""

                    match Frame.decode (frameOf header header.Length) with
                    | Complete(frame, _) -> frame.Command.Opaque |> shouldEqual 7
                    | other -> failtest $"%A{other}"

            connected "W20 a call leaves no waiter behind, however many there are" (fun network client peer ->
                task {
                    for _ in 1..200 do
                        let call =
                            client.Invoke(Command.request RequestCode.HeartBeat, CancellationToken.None)

                        let! request = peer.Next()
                        do! peer.Answer(request, "ok")
                        let! answer = call
                        answer |> Result.isOk |> shouldBeTrue

                    client.InFlight |> shouldEqual 0
                })

            testCaseTask "W21 a pool of one lends its connection again and again" (fun () ->
                task {
                    let network = Network()

                    let pool =
                        ConnectionPool(endpoint, network.Options, { PoolOptions.Default with Size = 1 })

                    for _ in 1..10 do
                        match! pool.Rent CancellationToken.None with
                        | Ok connection -> (connection :> IDisposable).Dispose()
                        | Error error -> failtest (RemotingError.describe error)

                    pool.Count |> shouldEqual 1
                    pool.Lent |> shouldEqual 0
                    do! pool.Close()
                })

            testCaseTask "W22 a closed client stays closed" (fun () ->
                task {
                    let network = Network()
                    let client = RemotingClient(endpoint, network.Options)
                    let opening = client.Open CancellationToken.None
                    let! _ = network.Accept()
                    let! _ = opening
                    do! client.Close()
                    network.Clock.Advance(TimeSpan.FromMinutes 10L)
                    client.State |> shouldEqual Closed
                    network.Dials |> shouldEqual 1
                })

            connected
                "W23 an answer that takes long is no fault, while the peer gives pings"
                (fun network client peer ->
                    task {
                        let call =
                            client.InvokeWithin(
                                Command.request RequestCode.PullMessage,
                                TimeSpan.FromMinutes 6L,
                                CancellationToken.None
                            )

                        let! request = peer.Next()
                        // Answers pings until a request comes, which none does.
                        let signs = peer.Next()

                        for _ in 1..300 do
                            network.Clock.Advance(TimeSpan.FromSeconds 1L)
                            do! until (fun () -> client.InFlight = 1)

                        signs.IsCompleted |> shouldBeFalse
                        do! peer.Answer(request, "ok")
                        let! answer = call
                        answer |> Result.isOk |> shouldBeTrue
                        network.Dials |> shouldEqual 1
                    })

            connected "W24 an answer of many MiB arrives" (fun _ client peer ->
                task {
                    let call =
                        client.Invoke(Command.request RequestCode.PullMessage, CancellationToken.None)

                    let! request = peer.Next()
                    let body: byte[] = Array.zeroCreate (20 * 1024 * 1024)

                    let answer =
                        Command.response ResponseCode.Success request
                        |> Command.withBody (ReadOnlyMemory body)

                    let limits =
                        { FrameLimits.Default with
                            SendFrameBytes = 32 * 1024 * 1024
                        }

                    do! peer.SendBytes(Frame.encodeWithin limits Header.Json answer |> Buffers.ok)

                    match! call with
                    | Ok answer -> answer.Body.Length |> shouldEqual body.Length
                    | Error error -> failtest (RemotingError.describe error)
                })

            testCase "W25 the language is written by name"
            <| fun () ->
                json (Command.request RequestCode.HeartBeat)
                |> shouldMention "\"language\":\"DOTNET\""

            testCase "W26 a consumer's subscriptions are a set of objects, and its type has Java's name"
            <| fun () ->
                let membership consumeType : ConsumerMembership =
                    {
                        Group = "G"
                        Type = consumeType
                        Model = Clustering
                        Start = FromFirstOffset
                        Subscriptions = [ Subscription.create "T" Filter.all 1L ]
                        IsUnit = false
                    }

                let body consumeType =
                    let command =
                        Heartbeat.send
                        |> ask
                            {
                                ClientId = "c"
                                ProducerGroups = []
                                Consumers = [ membership consumeType ]
                                Fingerprint = None
                                IsWithoutSubscriptions = None
                            }

                    Encoding.UTF8.GetString command.Body.Span

                body ConsumePassively |> shouldMention "\"subscriptionDataSet\":[{"
                body ConsumePassively |> shouldMention "\"consumeType\":\"CONSUME_PASSIVELY\""
                body ConsumeActively |> shouldMention "\"consumeType\":\"CONSUME_ACTIVELY\""
                body Pop |> shouldMention "\"consumeType\":\"CONSUME_POP\""
        ]
