/// pyrocketmq's names outside of its request factory, row by row: transport, calls, pool, settings, errors, name server.
module RocketMq.Protocol.Tests.RemoteRowTests

open System
open System.Net
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open Expecto
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Protocol.Tests.OnNetwork

let private heartbeat = Command.request RequestCode.HeartBeat

/// A name server that answers one question after another.
let private nameServer (network: Network) (addresses: string) =
    match NameServer.Create(addresses, network.Options) with
    | Ok server -> server
    | Error error -> failtest (RemotingError.describe error)

let private errors =
    [
        Invalid(InvalidInput("the topic", "it is empty"))
        NotEncoded(RequestCode.SendMessage, NotEncodable("field 'a'", "why"))
        NotConnected(endpoint, FailureReason.ofText "refused")
        TooManyInFlight(endpoint, 7)
        ConnectionLost(endpoint, RequestCode.SendMessage, TimeSpan.FromMilliseconds 12L, FailureReason.ofText "reset")
        TimedOut(endpoint, RequestCode.PullMessage, TimeSpan.FromSeconds 3L, OnNetwork.unheard)
        Refused(endpoint, RequestCode.SendMessage, TimeSpan.FromMilliseconds 12L, ResponseCode.SystemBusy, "busy")
        Refused(endpoint, RequestCode.SendMessage, TimeSpan.FromMilliseconds 12L, ResponseCode.MessageIllegal, "long")
        NotDecoded(endpoint, RequestCode.PullMessage, Malformed("x", "y", 3))
        Cancelled(RequestCode.PullMessage, true)
        ClientClosed endpoint
        AlreadyClosed "The producer of group G"
        NoRoute("T", [])
        NoBroker("T", "b")
        InterceptorFailed(InvalidOperationException "why", false)
        RouteUnknown("T", FailureReason.ofText "why")
        Misconfigured "why"
        InvalidCall "why"
        ClientNameTaken("C", "1@2")
        ConsumedByPull("T", "C")
        BadAddress "here"
        OffsetStoreFailed("why", None)
        CredentialsFailed "why"
        Unexpected("Sending a batch", InvalidOperationException "why")
        TooManyBytes(endpoint, 4096)
        TooManyWaiting(RoomOnConnection endpoint, WaitingCallBound 5)
    ]

let private names isSuch =
    errors
    |> List.filter isSuch
    |> List.map (fun error -> (string (sprintf "%A" error)).Split([| ' '; '\n' |])[0])

let private isUsable (result: Result<'T, RemotingError>) =
    match result with
    | Ok _ -> ()
    | Error error -> failtest (RemotingError.describe error)

[<Tests>]
let tests =
    testList
        "pyrocketmq remote"
        [
            testOn "S5 a name server client asks the next one when one cannot be reached" (fun network ->
                task {
                    let server = nameServer network "first:9876;second:9876"
                    let asking = server.Topics CancellationToken.None
                    do! network.Refuse()
                    // The first one is dialled again behind; the second one is the dial after the refused one.
                    let! peer = network.Accept()
                    let! request = peer.Next()

                    do!
                        peer.Send(
                            NameServerTopics.all.Answer(
                                {
                                    Topics = [ "T" ]
                                    BrokerAddress = None
                                },
                                request
                            )
                        )

                    let! topics = asking
                    topics |> shouldEqual (Ok [ "T" ])
                    do! server.Close()
                })

            testOn "S29 a client comes from an address alone, and from options" (fun network ->
                task {
                    let plain = RemotingClient(endpoint, RemotingOptions.Default)
                    let tuned = RemotingClient(endpoint, network.Options)
                    plain.Endpoint |> shouldEqual tuned.Endpoint
                    network.Dials |> shouldEqual 0
                    do! plain.Close()
                    do! tuned.Close()
                })

            connected "S30 a call can be waited for on the calling thread" (fun _ client peer ->
                task {
                    let answering =
                        task {
                            let! request = peer.Next()
                            do! peer.Answer(request, "ok")
                        }

                    let call () =
                        client.Invoke(heartbeat, CancellationToken.None).GetAwaiter().GetResult()

                    let! answer = Task.Factory.StartNew(call, TaskCreationOptions.LongRunning)
                    isUsable answer
                    do! answering
                })

            connected "S31 invoke and one-way invoke" (fun _ client peer ->
                task {
                    let call = client.Invoke(heartbeat, CancellationToken.None)
                    let! request = peer.Next()
                    do! peer.Answer(request, "ok")
                    let! answer = call
                    isUsable answer
                    let! sent = client.InvokeOneWay(heartbeat, CancellationToken.None)
                    isUsable sent
                    let! oneWay = peer.Next()
                    oneWay.Kind |> shouldEqual OneWay
                })

            connected
                "S32 a call without an answer ends with its timeout and leaves no waiter"
                (fun network client peer ->
                    task {
                        let call =
                            client.InvokeWithin(heartbeat, TimeSpan.FromSeconds 2L, CancellationToken.None)

                        let! _ = peer.Next()
                        do! until (fun () -> network.Clock.Timers > 0)
                        network.Clock.Advance(TimeSpan.FromSeconds 3L)

                        match! call with
                        | Error(TimedOut(_, RequestCode.HeartBeat, after, _)) ->
                            after |> shouldEqual (TimeSpan.FromSeconds 2L)
                        | other -> failtest $"%A{other}"

                        client.InFlight |> shouldEqual 0
                    })

            testCase "S33 whether to try a send again is a rule, not a habit"
            <| fun () ->
                RemotingError.isTransient errors[6] |> shouldBeTrue
                RemotingError.isTransient errors[7] |> shouldBeFalse

            testCase "S42 five states, one pure function"
            <| fun () ->
                let step state event =
                    fst (Connection.transition Backoff.Default state event)

                [
                    Disconnected
                    step Disconnected OpenRequested
                    step (Connecting 0) (DialSucceeded 1)
                    step (Connected(1, 0)) CloseRequested
                    step (Closing 1) (SessionEnded(1, "closed", true, { Jitter = 0.0; IsWanted = true }))
                ]
                |> shouldEqual [ Disconnected; Connecting 0; Connected(1, 0); Closing 1; Closed ]

            connected "S43 a fault is followed by a new connection, after a wait" (fun network client peer ->
                task {
                    peer.Close()
                    do! until (fun () -> client.State <> Connected(1, 0))
                    network.Dials |> shouldEqual 1

                    do!
                        until (fun () ->
                            network.Clock.Advance(TimeSpan.FromMilliseconds 10L)
                            network.Dials = 2)

                    let! _ = network.Accept()

                    do!
                        until (fun () ->
                            match client.State with
                            | Connected _ -> true
                            | _ -> false)

                    network.Dials |> shouldEqual 2
                })

            testCaseTask "S44 the system probes a peer that is silent" (fun () ->
                task {
                    use listener = new TcpListener(IPAddress.Loopback, 0)
                    listener.Start()
                    let port = (listener.LocalEndpoint :?> IPEndPoint).Port

                    use! stream =
                        Ports.system.Connect { Host = "127.0.0.1"; Port = port } CancellationToken.None

                    let socket = (stream :?> NetworkStream).Socket

                    let get level name =
                        Convert.ToInt32(socket.GetSocketOption(level, name))

                    get SocketOptionLevel.Socket SocketOptionName.KeepAlive |> shouldNotEqual 0
                    get SocketOptionLevel.Tcp SocketOptionName.TcpKeepAliveTime |> shouldEqual 30
                    socket.NoDelay |> shouldBeTrue
                })

            testOn "S45 the state can be asked for and listened to" (fun network ->
                task {
                    let client = RemotingClient(endpoint, network.Options)
                    let seen = Collections.Concurrent.ConcurrentQueue<ConnectionState>()
                    client.StateChanged.Add seen.Enqueue
                    client.State |> shouldEqual Disconnected
                    let opening = client.Open CancellationToken.None
                    let! _ = network.Accept()
                    let! _ = opening
                    do! client.Close()
                    do! until (fun () -> Seq.contains Closed seen)

                    List.ofSeq seen
                    |> shouldEqual [ Connecting 0; Connected(1, 0); Closing 1; Closed ]
                })

            testOn "S46 a client is disposed of, and counts its calls" (fun network ->
                task {
                    let client = RemotingClient(endpoint, network.Options)
                    let opening = client.Open CancellationToken.None
                    let! peer = network.Accept()
                    let! _ = opening
                    let call = client.Invoke(heartbeat, CancellationToken.None)
                    let! _ = peer.Next()
                    client.InFlight |> shouldEqual 1
                    do! (client :> IAsyncDisposable).DisposeAsync()
                    let! result = call
                    Result.isError result |> shouldBeTrue
                    client.State |> shouldEqual Closed
                })

            testCase "S48 errors of connections"
            <| fun () ->
                names RemotingError.isConnection
                |> shouldEqual [ "NotConnected"; "ConnectionLost"; "ClientClosed" ]

            testCase "S49 errors of calls, and what they are"
            <| fun () ->
                names RemotingError.isTimeout |> shouldEqual [ "TimedOut" ]

                names RemotingError.isTransient
                |> shouldEqual
                    [
                        "NotConnected"
                        "TooManyInFlight"
                        "ConnectionLost"
                        "TimedOut"
                        "Refused"
                        "NoRoute"
                        "NoBroker"
                        "RouteUnknown"
                        "TooManyBytes"
                        "TooManyWaiting"
                    ]

                names RemotingError.isPermanent
                |> shouldEqual
                    [
                        "Invalid"
                        "NotEncoded"
                        "Refused"
                        "NotDecoded"
                        "ClientClosed"
                        "AlreadyClosed"
                        "InterceptorFailed"
                        "Misconfigured"
                        "InvalidCall"
                        "ClientNameTaken"
                        "ConsumedByPull"
                        "BadAddress"
                    ]

                errors
                |> List.filter (fun error -> RemotingError.isPermanent error && RemotingError.isTransient error)
                |> shouldBeEmpty

            testCase "S49 an error tells address, request, time and the next step"
            <| fun () ->
                let text = RemotingError.describe errors[6]

                for part in
                    [
                        "broker:10911"
                        "SendMessage (10)"
                        "12 ms"
                        "SystemBusy (2)"
                        "busy"
                        "try again later"
                    ] do
                    text |> shouldMention part

                RemotingError.describe errors[4] |> shouldMention "12 ms after SendMessage (10)"

            testCase "S50 the library has no logger of its own"
            <| fun () ->
                typeof<RemotingClient>.Assembly.GetReferencedAssemblies()
                |> Array.map (fun name -> string name.Name)
                |> Array.filter (fun name -> name.Contains("Logging", StringComparison.Ordinal))
                |> shouldEqual [| "Microsoft.Extensions.Logging.Abstractions" |]

            testOn "S51 a name server tells routes" (fun network ->
                task {
                    let server = nameServer network "ns:9876"
                    let asking = server.Route("T", CancellationToken.None)
                    let! peer = network.Accept()
                    let! request = peer.Next()
                    (GetRoute.operation.Decode request |> Buffers.ok).Topic |> shouldEqual "T"
                    let route = TopicRoute.create [] [ Examples.broker "c" "b" [ (0L, "h:1") ] ]
                    do! peer.Send(GetRoute.operation.Answer(route, request))
                    let! answer = asking
                    answer |> shouldEqual (Ok route)
                    do! server.Close()
                })

            testOn "S52 a name server tells clusters" (fun network ->
                task {
                    let server = nameServer network "ns:9876"
                    let asking = server.Cluster CancellationToken.None
                    let! peer = network.Accept()
                    let! request = peer.Next()
                    request.Code |> shouldEqual 106

                    let cluster: ClusterInfo =
                        {
                            Brokers = Map.ofList [ ("b", Examples.broker "c" "b" [ (0L, "h:1") ]) ]
                            Clusters = Map.ofList [ ("c", [ "b" ]) ]
                        }

                    do! peer.Send(Cluster.info.Answer(cluster, request))
                    let! answer = asking
                    answer |> shouldEqual (Ok cluster)
                    do! server.Close()
                })
        ]
