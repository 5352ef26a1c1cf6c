/// Faults of network and server, through a proxy and over real sockets: what callers see, and that nothing is left behind.
module RocketMq.Protocol.Tests.FaultTests

open System
open RocketMq.Embedded
open RocketMq.Protocol
open RocketMq
open FaultLoad

/// What a fault did to a load of callers.
type private Outcome =
    {
        Ends: Ends
        Callers: int
        Connections: int
        Unexpected: int64
    }

let private print name (limit: TimeSpan) (outcome: Outcome) =
    let ends = outcome.Ends

    Console.Out.WriteLine
        $"| {name, -52} | {outcome.Callers, 3} | {ends.Answered, 6} answered, {ends.Lost} lost, {ends.NotSent} not sent, \
        {ends.TimedOut} timed out, {ends.Refused} refused, {ends.Cancelled} cancelled | longest {ends.Longest / limit.TotalMilliseconds, 4:F2} of the \
        limit | {outcome.Connections} connections |"

/// Runs callers through harm and out of it again: afterwards all calls are answered, and with the client everything is gone.
let private under (callers: int) options timeout name (harm: Place -> Load -> RemotingClient -> Task) =
    task {
        use! place = Place.Start()
        let client = place.Connect options
        let load = Load(client, callers, timeout, Int32.MaxValue, 0)
        do! goOn load (callers * 4)
        do! harm place load client
        place.Proxy.Heal()
        place.Broker.Faults.Heal()
        // Each caller has ended the call that the harm met, and more are answered.
        do! goOn load (callers * 8)
        let! ends = load.Stop()
        client.InFlight |> shouldEqual 0
        let health = client.Health
        do! client.Close()
        client.Health.Session |> shouldEqual None
        do! until (fun () -> place.Proxy.OpenConnections = 0)

        let outcome =
            {
                Ends = ends
                Callers = callers
                Connections = health.Connections
                Unexpected = health.UnexpectedAnswers
            }

        print name options.KeepAlive.DeadAfter outcome
        ends.Wrong |> shouldEqual 0
        ends.Other |> shouldEqual 0
        return outcome
    }

/// The numbers of callers that a fault is tried on.
let private crowds = [ 1; 64; 256 ]

/// One test for each crowd.
let private fault name options harm (check: Outcome -> unit) =
    testList
        name
        [
            for callers in crowds ->
                testCaseTask $"{callers} callers" (fun () ->
                    task {
                        let running = under callers options options.RequestTimeout name harm
                        let! outcome = running.WaitAsync(TimeSpan.FromSeconds 60L)
                        check outcome
                    })
        ]

let private cuts = 5

/// Calls that were under way when a connection ended are lost, at most once each; nobody waits for a timeout.
let private onlyThoseUnderWay count (outcome: Outcome) =
    outcome.Ends.Lost |> shouldStayBelow (count * outcome.Callers + 1)
    outcome.Ends.TimedOut |> shouldEqual 0
    outcome.Connections |> shouldEqual (count + 1)

let private noFailure (outcome: Outcome) =
    outcome.Ends.Failed |> shouldEqual 0
    outcome.Connections |> shouldEqual 1

let private cutting kind (place: Place) (load: Load) (client: RemotingClient) : Task =
    task {
        for cut in 1..cuts do
            place.Proxy.Cut kind
            do! until (fun () -> client.Health.Connections = cut + 1)
            do! goOn load load.Callers
    }

/// Sends what no frame begins with; each time the connection is given up and another made.
let private garbling (garbage: byte[]) (place: Place) (load: Load) (client: RemotingClient) : Task =
    task {
        for cut in 1..cuts do
            place.Proxy.ToClient.SendGarbage garbage
            do! until (fun () -> client.Health.Connections = cut + 1)
            do! goOn load load.Callers
    }

/// Where nothing may be lost or time out: limits that a busy machine keeps too.
let private patient =
    { limits with
        RequestTimeout = TimeSpan.FromSeconds 30L
        KeepAlive =
            { limits.KeepAlive with
                DeadAfter = TimeSpan.FromSeconds 30L
            }
    }

let private safely =
    { patient with
        Retry =
            { RetryPolicy.Repeatable with
                Attempts = 20
            }
    }

/// A whole frame whose header is no header, 2 bytes of JSON cut short.
let private badHeader = [| 0uy; 0uy; 0uy; 6uy; 0uy; 0uy; 0uy; 2uy; '{'B; '"'B |]

let private closesAndSilence =
    testList
        "closes and silence"
        [
            fault "the server closes (FIN)" patient (cutting CutKind.Fin) (onlyThoseUnderWay cuts)
            fault "the server resets (RST)" patient (cutting CutKind.Reset) (onlyThoseUnderWay cuts)

            fault "the server closes, and callers may repeat" safely (cutting CutKind.Fin) (fun outcome ->
                outcome.Ends.Failed |> shouldEqual 0)

            fault
                "a black hole: nothing comes, nothing is closed"
                limits
                (fun place _ client ->
                    task {
                        place.Proxy.HalfOpen <- true
                        // Noticed, and given up: the calls on it have ended.
                        do! until (fun () -> client.Health.LastFailure <> "")
                        place.Proxy.Cut()
                        place.Proxy.HalfOpen <- false
                    })
                (fun outcome ->
                    outcome.Ends.TimedOut + outcome.Ends.Lost |> shouldExceed 0
                    outcome.Ends.Lost |> shouldStayBelow (2 * outcome.Callers + 1)
                    outcome.Connections |> shouldExceed 1)

            fault
                "half a frame, then silence"
                limits
                (fun place _ client ->
                    task {
                        place.Proxy.ToClient.SendGarbage [| 0uy; 0uy; 0uy; 100uy; 0uy; 0uy; 0uy; 50uy; '{'B |]
                        place.Proxy.HalfOpen <- true
                        do! until (fun () -> client.Health.LastFailure <> "")
                        place.Proxy.Cut()
                        place.Proxy.HalfOpen <- false
                    })
                (fun outcome -> outcome.Connections |> shouldExceed 1)
        ]

let private garbageTests =
    testList
        "garbage"
        [
            fault "garbage" patient (garbling (Array.create 64 0xFFuy)) (onlyThoseUnderWay cuts)
            fault
                "a length of 2 GiB"
                patient
                (garbling [| 0x7Fuy; 0xFFuy; 0xFFuy; 0xFFuy; 0uy; 0uy; 0uy; 0uy |])
                (onlyThoseUnderWay cuts)
            fault
                "a negative length"
                patient
                (garbling [| 0xFFuy; 0xFFuy; 0xFFuy; 0xFEuy; 0uy; 0uy; 0uy; 0uy |])
                (onlyThoseUnderWay cuts)
            fault
                "a header larger than its frame"
                patient
                (garbling [| 0uy; 0uy; 0uy; 8uy; 0uy; 0uy; 1uy; 0uy; 1uy; 2uy; 3uy; 4uy |])
                (onlyThoseUnderWay cuts)
            fault
                "a header of an unknown kind"
                patient
                (garbling [| 0uy; 0uy; 0uy; 8uy; 7uy; 0uy; 0uy; 2uy; 1uy; 2uy; 3uy; 4uy |])
                (onlyThoseUnderWay cuts)

            fault
                "one frame that cannot be read"
                patient
                (fun place load _ ->
                    task {
                        for _ in 1..100 do
                            place.Proxy.ToClient.SendGarbage badHeader
                            do! goOn load 1
                    })
                (fun outcome ->
                    noFailure outcome
                    outcome.Unexpected |> shouldEqual 100L)
        ]

let private answers =
    testList
        "answers"
        [
            fault
                "every answer twice, after an unsolicited one"
                patient
                (fun place load client ->
                    task {
                        place.Proxy.Answers.DuplicateEvery <- 1
                        place.Proxy.Answers.SendUnknownOpaques <- true
                        do! goOn load 2_000
                        // Answers that were on their way before came once.
                        do! until (fun () -> client.Health.UnexpectedAnswers >= 4_000L)
                    })
                (fun outcome ->
                    noFailure outcome
                    outcome.Unexpected |> shouldExceed 3_999L)

            fault
                "answers in another order"
                patient
                (fun place load _ ->
                    task {
                        // With one caller the held answer would wait for itself.
                        place.Proxy.Answers.OvertakenBy <- min 5 (load.Callers - 1)
                        do! goOn load 2_000
                    })
                noFailure

            fault
                "answers that are never sent"
                { limits with
                    RequestTimeout = TimeSpan.FromMilliseconds 300L
                }
                (fun place load _ ->
                    task {
                        place.Proxy.Answers.DropEvery <- 50
                        do! goOn load 500
                    })
                (fun outcome ->
                    outcome.Ends.TimedOut |> shouldExceed 0
                    outcome.Ends.Lost |> shouldEqual 0
                    outcome.Connections |> shouldEqual 1)

            fault
                "answers that come after their time"
                { limits with
                    RequestTimeout = TimeSpan.FromMilliseconds 100L
                }
                (fun place _ client ->
                    task {
                        place.Proxy.Answers.Delay(TimeSpan.FromMilliseconds 250L, 20)
                        do! until (fun () -> client.Health.UnexpectedAnswers >= 20L)
                    })
                (fun outcome ->
                    outcome.Ends.TimedOut |> shouldExceed 19
                    outcome.Connections |> shouldEqual 1)
        ]

let private slowServers =
    testList
        "slow servers"
        [
            fault
                "single bytes, both ways"
                patient
                (fun place load _ ->
                    task {
                        place.Proxy.ToClient.SplitBytes <- true
                        place.Proxy.ToServer.SplitBytes <- true
                        do! goOn load (load.Callers * 2)
                    })
                noFailure

            fault
                "a busy server, and callers that try again"
                safely
                (fun place load _ ->
                    task {
                        for _ in 1..10 do
                            place.Broker.Faults
                                .On(RequestCode.GetKvConfig)
                                .Refuse(ResponseCode.SystemBusy, "busy", load.Callers)

                            do! goOn load (load.Callers * 2)
                    })
                noFailure

            fault
                "a busy server that stays so"
                patient
                (fun place load _ ->
                    task {
                        place.Broker.Faults
                            .On(RequestCode.GetKvConfig)
                            .Refuse(ResponseCode.SystemBusy, "busy", Int32.MaxValue)

                        let ended = load.Ended
                        do! until (fun () -> load.Ended > ended + 10 * load.Callers)
                    })
                (fun outcome ->
                    outcome.Ends.Refused |> shouldExceed (8 * outcome.Callers)
                    outcome.Ends.Failed |> shouldEqual outcome.Ends.Refused
                    outcome.Connections |> shouldEqual 1)
        ]

let private serversThatStopReading =
    testList
        "servers that stop reading"
        [
            fault
                "a server that does not read for a while"
                patient
                (fun place load client ->
                    task {
                        place.Proxy.ToServer.StopReading <- true
                        do! until (fun () -> client.InFlight = load.Callers)

                        use cancellation = new CancellationTokenSource()

                        let body = ReadOnlyMemory(Array.zeroCreate 100_000)

                        let others =
                            [
                                for _ in 1..200 ->
                                    client.Invoke(
                                        Command.request (enum<RequestCode> 9999) |> Command.withBody body,
                                        cancellation.Token
                                    )
                            ]

                        // More than the system takes: the rest waits in the client, within its limit.
                        let unwritten () =
                            match client.Health.Session with
                            | Some session -> session.UnwrittenBytes
                            | None -> 0L

                        unwritten () |> shouldStayBelow (int64 patient.MaxUnwrittenBytes + 200_000L)
                        cancellation.Cancel()
                        let! ended = Task.WhenAll others

                        ended
                        |> Array.forall (fun result ->
                            match result with
                            | Error(RemotingError.Cancelled _) -> true
                            | _ -> false)
                        |> shouldBeTrue
                    })
                noFailure
        ]

let private absentServers =
    testList
        "absent servers"
        [
            fault
                "a server that is gone for a while"
                patient
                (fun place _ client ->
                    task {
                        place.Proxy.RefuseConnections()
                        place.Proxy.Cut CutKind.Reset
                        do! until (fun () -> client.Health.LastFailure.Contains("refused", StringComparison.Ordinal))
                        place.Proxy.AcceptConnections()
                    })
                (fun outcome ->
                    outcome.Ends.TimedOut |> shouldEqual 0
                    outcome.Ends.Lost |> shouldStayBelow (outcome.Callers + 1)
                    outcome.Connections |> shouldEqual 2)

            fault
                "a server that takes connections and ends them at once"
                patient
                (fun place _ _ ->
                    task {
                        let before = place.Proxy.AcceptedConnections
                        place.Proxy.CloseNewConnections()
                        place.Proxy.Cut()
                        do! until (fun () -> place.Proxy.AcceptedConnections >= before + 5)
                    })
                (fun outcome -> outcome.Ends.TimedOut |> shouldEqual 0)

            fault
                "a server that restarts"
                patient
                (fun place _ client ->
                    task {
                        do! place.Broker.RestartAsync CancellationToken.None
                        do! until (fun () -> client.Health.Connections >= 2)
                    })
                (fun outcome -> outcome.Ends.TimedOut |> shouldEqual 0)
        ]

[<Tests>]
let tests =
    testSequenced
    <| testList
        "Fault"
        [
            closesAndSilence
            garbageTests
            answers
            slowServers
            serversThatStopReading
            absentServers
        ]
