/// Consumers that pop as members of their group: namespaces, codecs, address servers, and what brokers ask of them.
module RocketMq.Protocol.Tests.PopOptionsTests

open System
open System.Net
open System.Text
open System.Threading
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private none = CancellationToken.None
let private system = TimeProvider.System

let private popOf (cluster: EmbeddedCluster) clock =
    popConsumerAt cluster.NameServers clock "G"
    |> (fun options ->
        { options with
            Consumer.ConsumeFrom = FirstOffset
        })

let private simpleOf (cluster: EmbeddedCluster) change =
    simpleConsumerAt cluster.NameServers system "G" |> change |> startSimple

let private receive consumer count = lease consumer count (seconds 30)

let private sendIn (cluster: EmbeddedCluster) space (texts: string list) : Task =
    task {
        use producer =
            start
                { producerOf cluster system with
                    Client.Namespace = space
                }

        for text in texts do
            let! sent = send producer (Message.ofText "T" text)
            sent |> Buffers.ok |> ignore<SendReceipt>
    }

/// Zlib's number, whatever the bytes: what it inflates says that it did.
[<Sealed>]
type private SayingCodec() =
    interface IBodyCodec with
        member _.Compression = BodyCompression.Zlib
        member _.Compress body = CodecResult.Done body

        member _.Inflate(_, _) =
            CodecResult.Done(ReadOnlyMemory(Encoding.UTF8.GetBytes "inflated by me"))

let private codecs =
    BodyCodecs.add (SayingCodec()) BodyCodecs.standard
    |> Result.mapError (fun error -> error.Message)
    |> Buffers.ok

/// A message whose body is compressed.
let private sendCompressed (cluster: EmbeddedCluster) : Task =
    sendAll cluster "T" [ String('a', 100_000) ]

/// An address server that gives the cluster's name servers.
let private serveAddresses (cluster: EmbeddedCluster) (stop: CancellationToken) : string =
    let port =
        use probe = new Sockets.TcpListener(IPAddress.Loopback, 0)
        probe.Start()
        (probe.LocalEndpoint :?> IPEndPoint).Port

    let listener = new HttpListener()
    listener.Prefixes.Add $"http://127.0.0.1:{port}/"
    listener.Start()

    stop.Register(fun () -> listener.Close())
    |> ignore<CancellationTokenRegistration>

    let serve () : Task =
        task {
            try
                while not stop.IsCancellationRequested do
                    let! context = listener.GetContextAsync()

                    do!
                        context.Response.OutputStream.WriteAsync(
                            ReadOnlyMemory(Encoding.UTF8.GetBytes cluster.NameServers)
                        )

                    context.Response.Close()
            with
            | :? ObjectDisposedException
            | :? HttpListenerException -> ()
        }

    Task.Run(fun () -> serve ()) |> ignore<Task>
    $"127.0.0.1:{port}"

let private inNamespace (options: SimpleConsumerOptions) =
    { options with
        Consumer.Client.Namespace = "NS"
    }

let private namespaces =
    testList
        "namespaces"
        [
            liveWith
                (withQueues 1)
                "in a namespace, a consumer with a handler receives messages under names without the namespace"
                (fun _ cluster ->
                    task {
                        do! cluster.CreateTopicAsync("NS%T", 1)
                        do! sendIn cluster "" [ "outside" ]
                        do! sendIn cluster "NS" [ "a"; "fails" ]
                        let seen = ConcurrentQueue<string * string * int>()

                        use! consumer =
                            startPop
                                { popOf cluster system with
                                    Consumer.Client.Namespace = "NS"
                                    InvisibleTime = TimeSpan.FromSeconds 30L
                                }
                                (fun received _ ->
                                    task {
                                        let message = received.Message
                                        seen.Enqueue(textOf received, message.Topic, message.ReconsumeTimes)

                                        if textOf received = "fails" && message.ReconsumeTimes = 0 then
                                            return ConsumeResult.RetryAfter TimeSpan.Zero
                                        else
                                            return ConsumeResult.Success
                                    })

                        do! until (fun () -> consumer.Acknowledged >= 1L && seen.Count >= 2)

                        for text, topic, _ in seen do
                            topic |> shouldEqual "T"
                            text <> "outside" |> shouldBeTrue
                    })
        ]

let private simpleNamespaces =
    testList
        "namespaces of simple consumers"
        [
            liveWith (withQueues 1) "in a namespace a simple consumer's messages are acknowledged" (fun _ cluster ->
                task {
                    do! cluster.CreateTopicAsync("NS%T", 1)
                    do! sendIn cluster "NS" [ "a" ]

                    use! consumer = simpleOf cluster inNamespace

                    let! received = receive consumer 10
                    let message = List.exactlyOne received
                    message.Received.Message.Topic |> shouldEqual "T"
                    let! changed = consumer.ChangeInvisible(message, TimeSpan.FromSeconds 60L, none)
                    let changed = Buffers.ok (Result.mapError RemotingError.describe changed)
                    let! acked = consumer.Ack(changed, none)
                    acked |> shouldEqual (Ok())
                    consumer.Health.IsHealthy |> shouldBeTrue
                })
        ]

let private codecsTests =
    testList
        "codecs"
        [
            liveWith
                (withQueues 1)
                "bodies are inflated by codecs of the application, and no further than the limit"
                (fun _ cluster ->
                    task {
                        do! sendCompressed cluster
                        let texts = ConcurrentQueue<string>()

                        use! handled =
                            startPop
                                (popOf cluster system
                                 |> (fun options ->
                                     { options with
                                         Consumer.Client.Codecs = codecs
                                     }))
                                (fun received _ ->
                                    task {
                                        texts.Enqueue(textOf received)
                                        return ConsumeResult.Success
                                    })

                        do! until (fun () -> handled.Acknowledged = 1L)
                        List.ofSeq texts |> shouldEqual [ "inflated by me" ]

                        use! asked =
                            simpleOf cluster (fun options ->
                                { options with
                                    Consumer.Group = "G2"
                                    Consumer.Client.Codecs = codecs
                                })

                        let! received = receive asked 1
                        textOf received.Head.Received |> shouldEqual "inflated by me"

                        use! limited =
                            simpleOf cluster (fun options ->
                                { options with
                                    Consumer.Group = "G3"
                                    Consumer.MaxDecompressedBodySize = 1_000
                                })

                        let! received = receive limited 1
                        received.Head.Received.Body |> Result.isError |> shouldBeTrue
                    })
        ]

let private nameServers =
    testList
        "name servers"
        [
            liveWith (withQueues 1) "name servers are found by an address server" (fun _ cluster ->
                task {
                    use stop = new CancellationTokenSource()
                    let domain = serveAddresses cluster stop.Token
                    do! sendAll cluster "T" [ "a" ]

                    use! consumer =
                        simpleOf cluster (fun options ->
                            { options with
                                Consumer.Client.NameServers = []
                                Consumer.Client.AddressServer =
                                    Some
                                        { AddressServer.Default with
                                            Domain = domain
                                        }
                            })

                    let! received = receive consumer 1
                    received.Length |> shouldEqual 1

                    // A client that pulls finds them too, without a subscription.
                    use pulling =
                        PullClient.Create
                            { PullClientOptions.create "G" [] with
                                Client.AddressServer =
                                    Some
                                        { AddressServer.Default with
                                            Domain = domain
                                        }
                            }
                        |> Buffers.ok

                    let! queues = pulling.Queues("T", none)
                    (Buffers.ok queues).Length |> shouldEqual 1
                    stop.Cancel()
                })
        ]

let private rebalance =
    testList
        "rebalance"
        [
            liveWith (withQueues 4) "queues are rebalanced at once when members join" (fun clock cluster ->
                task {
                    let setMode: RequestModeSetting =
                        {
                            Topic = "T"
                            ConsumerGroup = "G"
                            Mode = PopMode
                            SharingMembers = 1
                        }

                    use admin =
                        RemotingClient.Create((endpointsOf cluster.Brokers[0].Address).Head, RemotingOptions.Default)
                        |> Buffers.ok

                    let! set = admin.Request(Assignments.setMode.Request setMode, none)
                    set |> Buffers.ok

                    let options =
                        { popOf cluster clock with
                            EnablePopMode = false
                        }

                    let startOne () =
                        startPop options (fun _ _ -> Task.FromResult ConsumeResult.Success)

                    use! first = startOne ()
                    first.Assigned |> List.map _.QueueId |> shouldEqual [ -1 ]
                    use! second = startOne ()
                    use! third = startOne ()

                    let isShared (consumer: PopConsumer) =
                        not (List.isEmpty consumer.Assigned)
                        && consumer.Assigned |> List.forall (fun queue -> queue.QueueId >= 0)

                    // Much less than the interval at which members ask by themselves.
                    for _ in 1..20 do
                        clock.Advance(TimeSpan.FromMilliseconds 200L)

                    do! until (fun () -> List.forall isShared [ first; second; third ])

                    [ first; second; third ]
                    |> List.collect _.Assigned
                    |> List.map _.QueueId
                    |> List.distinct
                    |> List.sort
                    |> shouldEqual [ 0; 1; 2; 3 ]
                })
        ]

let private runningInfo =
    testList
        "running info"
        [
            liveWith (withQueues 1) "a broker can query the running info of a popping member" (fun clock cluster ->
                task {
                    use! consumer =
                        startPop (popOf cluster clock) (fun _ _ -> Task.FromResult ConsumeResult.Success)

                    use admin =
                        RemotingClient.Create((endpointsOf cluster.Brokers[0].Address).Head, RemotingOptions.Default)
                        |> Buffers.ok

                    let! info =
                        admin.Request(
                            RunningInfo.operation.Request
                                {
                                    ConsumerGroup = "G"
                                    ClientId = consumer.ClientId
                                    WithStacks = None
                                },
                            none
                        )

                    let info = Buffers.ok (Result.mapError RemotingError.describe info)
                    info.Properties["PROP_CONSUME_TYPE"] |> shouldEqual "CONSUME_POP"
                    info.Properties["PROP_THREADPOOL_CORE_SIZE"] |> shouldEqual "20"
                    info.Subscriptions |> List.map _.Topic |> shouldEqual [ "T" ]
                })
        ]

[<Tests>]
let tests =
    testList
        "Pop membership"
        [
            namespaces
            simpleNamespaces
            codecsTests
            nameServers
            rebalance
            runningInfo
        ]
