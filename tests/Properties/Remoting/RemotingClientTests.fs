/// One client of one server, as an application uses it.
module RocketMq.Protocol.Tests.RemotingClientTests

open System
open System.Threading
open RocketMq.Protocol
open RocketMq
open OnNetwork

let private heartbeat = Command.request RequestCode.HeartBeat

let private isUsable (result: Result<'T, RemotingError>) =
    match result with
    | Ok _ -> ()
    | Error error -> failtest (RemotingError.describe error)

let private calls =
    testList
        "calls"
        [
            testOn "a client is made of an address and options, and does not dial yet" (fun network ->
                task {
                    let plain = RemotingClient(endpoint, RemotingOptions.Default)
                    let tuned = RemotingClient(endpoint, network.Options)
                    plain.Endpoint |> shouldEqual tuned.Endpoint
                    network.Dials |> shouldEqual 0
                    do! plain.Close()
                    do! tuned.Close()
                })

            connected "a call can block the calling thread until it is answered" (fun _ client peer ->
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

            connected "a call is answered, and a one-way request is only sent" (fun _ client peer ->
                task {
                    let call = client.Invoke(heartbeat, CancellationToken.None)
                    let! request = peer.Next()
                    do! peer.Answer(request, "ok")
                    let! answer = call
                    isUsable answer
                    let! sent = client.InvokeOneWay(heartbeat, CancellationToken.None)
                    isUsable sent
                    let! oneWay = peer.Next()
                    oneWay.Kind |> shouldEqual CommandKind.OneWay
                })

            testOn "disposing of a client ends its calls, which it counts" (fun network ->
                task {
                    let! client, peer = connect network.Options network
                    let call = client.Invoke(heartbeat, CancellationToken.None)
                    let! _ = peer.Next()
                    client.InFlight |> shouldEqual 1
                    do! (client :> IAsyncDisposable).DisposeAsync()
                    let! result = call
                    Result.isError result |> shouldBeTrue
                    client.State |> shouldEqual ConnectionState.Closed
                })
        ]

let private answers =
    testList
        "answers"
        [
            connected
                "a call whose answer takes minutes waits while the server answers pings"
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

            connected "an answer of 20 MiB is read" (fun _ client peer ->
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
        ]

/// Does something where callers have a synchronization context, as programs with windows have.
let private underContext (act: unit -> 'Result) : 'Result =
    let before = SynchronizationContext.Current
    SynchronizationContext.SetSynchronizationContext(SynchronizationContext())

    try
        act ()
    finally
        SynchronizationContext.SetSynchronizationContext before

let private closedClients =
    testList
        "closed clients"
        [
            testCaseTask "clients of any number of servers connect to none after they were closed" (fun () ->
                task {
                    let servers =
                        FakeServers.answering TimeProvider.System (fun _ -> FakeServers.success)

                    let clients = RemotingClients servers.Options
                    do! clients.CloseAll()

                    for port in 1..200 do
                        let server = FakeServers.at port
                        let client = underContext (fun () -> clients.Get server)
                        let! answer = client.Invoke(heartbeat, CancellationToken.None)
                        answer |> shouldEqual (Error(RemotingError.ClientClosed server))

                    servers.Dials |> shouldEqual []
                })
        ]

[<Tests>]
let tests = testList "Remoting client" [ calls; answers; closedClients ]
