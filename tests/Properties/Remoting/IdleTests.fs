/// What connections cost that nobody uses.
module RocketMq.Protocol.Tests.IdleTests

open System
open RocketMq
open OnNetwork

let private connections = 100
let private hour = TimeSpan.FromHours 1
let private step = TimeSpan.FromSeconds 1L

/// Gives pings until the client hangs up. Nothing else may come.
let private live (peer: Peer) : Task<int> =
    backgroundTask {
        let mutable probes = 0
        let mutable isOpen = true

        while isOpen do
            match! peer.Receive() with
            | Some frame ->
                Peer.IsProbe frame.Command |> shouldBeTrue
                probes <- probes + 1
                do! peer.Answer(frame.Command, "here")
            | None -> isOpen <- false

        return probes
    }

[<Tests>]
let tests =
    testSequenced
    <| testList
        "Resources of idle connections"
        [
            Footprint.testLong "a hundred idle connections wake for their probes and for nothing else" (fun () ->
                task {
                    let network = Network()

                    let options =
                        { network.Options with
                            KeepAlive =
                                { KeepAlive.Default with
                                    IdleAfter = 2.0 * hour
                                }
                        }

                    let clients = Array.init connections (fun _ -> RemotingClient(endpoint, options))
                    let lives = ResizeArray<Task<int>>()

                    for client in clients do
                        let opening = client.Open CancellationToken.None
                        let! peer = network.Accept()
                        let! _ = opening
                        lives.Add(live peer)

                    // What opening took is let go when it has ended.
                    do! until (fun () -> network.Clock.Timers = connections)
                    let firedBefore = network.Clock.Fired
                    let mutable mostTimers = 0

                    for _ in 1 .. int (hour / step) do
                        network.Clock.Advance step
                        mostTimers <- max mostTimers network.Clock.Timers
                        // Each ping comes before the clock moves on.
                        do! until (fun () -> clients |> Array.forall (fun client -> client.InFlight = 0))

                    let fired = network.Clock.Fired - firedBefore

                    clients
                    |> Array.forall (fun client -> client.Health.Connections = 1)
                    |> shouldBeTrue

                    do! clients |> Array.map _.Close() |> Task.WhenAll
                    let! probes = Task.WhenAll lives
                    let perConnection = float fired / float connections

                    Footprint.print
                        $"an idle connection woke {perConnection} times in an hour, for {float (Array.sum probes) / float connections} \
                        probes; timers at a time {mostTimers} of {connections} connections"

                    // Once to ask, and once to see that the answer has come.
                    let limit = 2.0 * (hour / options.KeepAlive.ProbeAfter) + 4.0
                    perConnection |> shouldStayBelow limit
                    probes |> Array.min |> shouldExceed 100
                    mostTimers |> shouldEqual connections
                })
        ]
