/// What calls leave behind that were never answered, and what timers calls take.
module RocketMq.Protocol.Tests.TimeoutTests

open System
open System.Threading
open RocketMq.Protocol
open RocketMq
open OnNetwork

let private silent = Command.request RequestCode.PullMessage
let private answered = Command.request RequestCode.QueryMessage

/// Reads what a client sends until it hangs up; answers pings and one kind of request, and nothing else.
[<Sealed>]
type private SilentPeer(peer: Peer) =
    let mutable received = 0

    let serve () : Task =
        backgroundTask {
            let mutable isOpen = true

            while isOpen do
                match! peer.Receive() with
                | None -> isOpen <- false
                | Some frame when Peer.IsProbe frame.Command || frame.Command.Code = answered.Code ->
                    do! peer.Answer(frame.Command, "here")
                | Some _ -> Interlocked.Increment &received |> ignore
        }

    member val Served = Task.Run serve

    /// Requests that came and will not be answered.
    member _.Received = Volatile.Read &received

/// With a client that is connected to a peer which never answers, and does not take its silence for death.
let private withSilence name (body: Network -> RemotingClient -> SilentPeer -> Task) =
    Footprint.testLong name (fun () ->
        task {
            let network = Network()

            let options =
                { network.Options with
                    MaxInFlight = 10_000
                    KeepAlive =
                        { KeepAlive.Default with
                            DeadAfter = TimeSpan.FromDays 365
                        }
                }

            let client = RemotingClient(endpoint, options)
            let opening = client.Open CancellationToken.None
            let! peer = network.Accept()
            let! _ = opening
            // What opening took is let go when it has ended.
            do! until (fun () -> network.Clock.Timers = 1)
            let silent = SilentPeer peer
            do! body network client silent
            do! client.Close()
            do! silent.Served
        })

let private begun count (client: RemotingClient) (peer: SilentPeer) =
    task {
        let expected = peer.Received + count

        let calls =
            Array.init count (fun _ -> client.InvokeWithin(silent, second, CancellationToken.None))

        do! until (fun () -> peer.Received = expected)
        return calls
    }

let private isTimeout (result: Result<RemotingCommand, RemotingError>) =
    match result with
    | Error(RemotingError.TimedOut _) -> true
    | Ok _
    | Error _ -> false

/// So many calls time out together. Gives the timers that ran meanwhile.
let private timeOut count (network: Network) client peer =
    task {
        let! calls = begun count client peer
        let timers = network.Clock.Timers
        network.Clock.Advance second
        let! results = Task.WhenAll calls
        results |> Array.forall isTimeout |> shouldBeTrue
        return timers
    }

let private silentServers =
    testList
        "silent servers"
        [
            withSilence "a hundred thousand timeouts leave nothing" (fun network client peer ->
                task {
                    let batch = 5_000
                    let mutable mostTimers = 0

                    let run count =
                        task {
                            for _ in 1 .. count / batch do
                                let! timers = timeOut batch network client peer
                                mostTimers <- max mostTimers timers
                        }

                    do! run 10_000
                    let before = Footprint.take ()
                    let count = LongForm.count 100_000 1_000_000
                    do! run (count - 10_000)
                    let after = Footprint.take ()

                    Footprint.print
                        $"after 10,000 timeouts {before}; after {count:N0} {after}; timers at a time {mostTimers}"

                    peer.Received |> shouldEqual count
                    client.InFlight |> shouldEqual 0
                    mostTimers |> shouldEqual 1
                    after.HeapBytes - before.HeapBytes |> shouldStayBelow Footprint.megabyte
                    let! answer = client.Invoke(answered, CancellationToken.None)
                    answer.IsOk |> shouldBeTrue
                    client.Health.Connections |> shouldEqual 1
                })

            withSilence "ten thousand calls in flight share the timer of one" (fun network client peer ->
                task {
                    let! one = begun 1 client peer
                    network.Clock.Timers |> shouldEqual 1
                    let! others = begun 9_999 client peer
                    client.InFlight |> shouldEqual 10_000
                    network.Clock.Timers |> shouldEqual 1
                    let firedBefore = network.Clock.Fired
                    network.Clock.Advance second
                    let! results = Task.WhenAll(Array.append one others)
                    results |> Array.forall isTimeout |> shouldBeTrue
                    Footprint.print $"10,000 calls in flight: 1 timer, fired {network.Clock.Fired - firedBefore} times"
                    network.Clock.Fired - firedBefore |> shouldStayBelow 3
                })
        ]

let private timersTests =
    testList
        "timers"
        [
            Footprint.testLong "calls over a socket start no system timer" (fun () ->
                task {
                    let mutable received = 0L

                    let swallow (stream: IO.Stream) : Task =
                        backgroundTask {
                            let buffer: byte[] = Array.zeroCreate 65536
                            let mutable isOpen = true

                            while isOpen do
                                let! count = stream.ReadAsync(Memory buffer)
                                Interlocked.Add(&received, int64 count) |> ignore
                                isOpen <- count > 0
                        }

                    use server = new LoopbackServer(swallow)

                    let options =
                        { RemotingOptions.Default with
                            KeepAlive =
                                { KeepAlive.Default with
                                    DeadAfter = TimeSpan.FromMinutes 10L
                                }
                        }

                    let client =
                        RemotingClient(
                            {
                                Host = "127.0.0.1"
                                Port = server.Port
                            },
                            options
                        )

                    let call () =
                        client.InvokeWithin(silent, TimeSpan.FromMinutes 5L, CancellationToken.None)

                    let one = call ()
                    do! until (fun () -> client.InFlight = 1)
                    let timersOfOne = Timer.ActiveCount
                    let others = Array.init 4_000 (fun _ -> call ())
                    do! until (fun () -> client.InFlight = 4_001)
                    let timersOfAll = Timer.ActiveCount
                    Footprint.print $"active timers with 1 call in flight {timersOfOne}, with 4,001 {timersOfAll}"
                    // Others of this process may start one meanwhile.
                    timersOfAll - timersOfOne |> shouldStayBelow 4L
                    do! client.Close()
                    let! results = Task.WhenAll(Array.append [| one |] others)
                    results |> Array.forall _.IsError |> shouldBeTrue
                })
        ]

[<Tests>]
let tests =
    testSequenced <| testList "Resources of timeouts" [ silentServers; timersTests ]
