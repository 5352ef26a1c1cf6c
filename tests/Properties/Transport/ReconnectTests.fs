module RocketMq.Protocol.Tests.ReconnectTests

open System
open RocketMq.Protocol
open RocketMq
open OnNetwork

let private heartbeat = Command.request RequestCode.HeartBeat

/// Moves the clock past the wait for the next dial, when it is waiting, and gives how long that wait was.
let private waitForDial (network: Network) (dialsBefore: int) =
    task {
        do! until (fun () -> network.Clock.Timers > 0)
        let mutable waited = 0L

        while network.Dials = dialsBefore do
            network.Clock.Advance(TimeSpan.FromMilliseconds 10L)
            waited <- waited + 10L
            do! Task.Yield()

        return waited
    }

let private dialling =
    testList
        "dialling"
        [
            testOn "nothing is dialled before it is needed" (fun network ->
                task {
                    let client = RemotingClient(endpoint, network.Options)
                    client.State |> shouldEqual ConnectionState.Disconnected
                    network.Dials |> shouldEqual 0
                    do! client.Close()
                    network.Dials |> shouldEqual 0
                })

            testOn "a lost connection is opened again by itself, and calls go on" (fun network ->
                task {
                    let! client, first = connect network.Options network
                    first.Close()
                    // Before that, the clock would only move a connection towards its end that nobody uses.
                    do! until (fun () -> client.State = ConnectionState.Connecting 1)
                    let! _ = waitForDial network 1
                    let! second = network.Accept()
                    let call = client.Invoke(heartbeat, CancellationToken.None)

                    do! answersNext second "again" call
                    do! client.Close()
                })
        ]

let private backoff =
    testList
        "backoff"
        [
            testOn "the delays between dials grow, and a caller that does not wait gets the reason" (fun network ->
                task {
                    let options =
                        { network.Options with
                            WhenDisconnected = FailWithDial
                        }

                    let client = RemotingClient(endpoint, options)
                    let call = client.Invoke(heartbeat, CancellationToken.None)

                    do! network.Refuse()
                    let! result = call

                    match result with
                    | Error(RemotingError.NotConnected(at, reason)) ->
                        at |> shouldEqual endpoint
                        reason.Text |> shouldMention "refused"
                    | other -> failtest $"%A{other}"

                    let waits = ResizeArray<int64>()

                    for dials in 1..4 do
                        let! waited = waitForDial network dials
                        waits.Add waited
                        do! network.Refuse()

                    // 100 ms, doubled each time, with all of the jitter.
                    for waited, expected in Seq.zip waits [ 100L; 200L; 400L; 800L ] do
                        waited |> shouldExceed (expected - 1L)

                    do! client.Close()
                })
        ]

let private failingAttempts =
    testList
        "failing attempts"
        [
            testOn "while attempts fail, a caller that does not wait gets the reason at once" (fun network ->
                task {
                    let client = impatient network

                    let call () =
                        client.Invoke(heartbeat, CancellationToken.None)

                    let isRefused result =
                        match result with
                        | Error(RemotingError.NotConnected(_, reason)) -> reason.Text |> shouldMention "refused"
                        | other -> failtest $"%A{other}"

                    let first = call ()
                    do! network.Refuse()
                    let! first = first
                    isRefused first

                    // The clock stands still, and so does the wait for the next attempt.
                    let! second = call ()
                    isRefused second
                    network.Dials |> shouldEqual 1

                    // An attempt to a server that was dead is not waited for either.
                    let! _ = waitForDial network 1
                    let! third = call ()
                    isRefused third

                    // The calls have kept the attempts going: the connection is made again.
                    let! peer = network.Accept()
                    do! until (fun () -> client.State = ConnectionState.Connected(1, 1))
                    let fourth = call ()
                    do! answersNext peer "again" fourth
                    do! client.Close()
                })
        ]

let private closing =
    testList
        "closing"
        [
            testOn "after closing nothing is dialled, and calls report the closed client" (fun network ->
                task {
                    let! client, peer = connect network.Options network
                    let call = client.Invoke(heartbeat, CancellationToken.None)

                    let! _ = peer.Next()
                    do! client.Close()
                    let! result = call

                    match result with
                    | Error(RemotingError.ConnectionLost _) -> ()
                    | other -> failtest $"%A{other}"

                    let! hungUp = peer.Receive()
                    hungUp |> shouldEqual None
                    network.Clock.Advance(TimeSpan.FromHours 1.0)

                    let! later = client.Invoke(heartbeat, CancellationToken.None)

                    later |> shouldEqual (Error(RemotingError.ClientClosed endpoint))
                    network.Dials |> shouldEqual 1
                    network.Clock.Timers |> shouldEqual 0
                    client.State |> shouldEqual ConnectionState.Closed
                })

            testOn "closing ends a pending dial and the calls that wait for it" (fun network ->
                task {
                    let client = RemotingClient(endpoint, network.Options)
                    let call = client.Invoke(heartbeat, CancellationToken.None)

                    do! until (fun () -> network.Dials = 1)
                    do! client.Close()
                    let! result = call
                    result |> shouldEqual (Error(RemotingError.ClientClosed endpoint))
                    client.State |> shouldEqual ConnectionState.Closed
                })
        ]

let private states =
    testList
        "states"
        [
            testOn "states are announced in order" (fun network ->
                task {
                    let client = RemotingClient(endpoint, network.Options)
                    let seen = ResizeArray<ConnectionState>()
                    let closed = TaskCompletionSource()

                    client.StateChanged.Add(fun state ->
                        seen.Add state

                        if state = ConnectionState.Closed then
                            closed.SetResult())

                    let opening = client.Open CancellationToken.None
                    let! _ = network.Accept()
                    let! _ = opening
                    do! client.Close()
                    do! closed.Task

                    List.ofSeq seen
                    |> shouldEqual
                        [
                            ConnectionState.Connecting 0
                            ConnectionState.Connected(1, 0)
                            ConnectionState.Closing 1
                            ConnectionState.Closed
                        ]
                })
        ]

[<Tests>]
let tests =
    testList "Reconnecting" [ dialling; backoff; failingAttempts; closing; states ]
