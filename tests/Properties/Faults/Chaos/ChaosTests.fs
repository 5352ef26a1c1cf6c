/// Many callers, many calls, and harm all the time.
module RocketMq.Protocol.Tests.ChaosTests

open System
open System.Threading
open RocketMq.Embedded
open RocketMq.Protocol
open RocketMq
open FaultLoad

let private callers = 64

/// The harms, by what they are called.
let private harms: (string * (Place -> unit)) list =
    [
        "FIN", (fun place -> place.Proxy.Cut CutKind.Fin)
        "RST", (fun place -> place.Proxy.Cut CutKind.Reset)
        "black hole", (fun place -> place.Proxy.HalfOpen <- true)
        "lost answers", (fun place -> place.Proxy.Answers.DropEvery <- 7)
        "doubled answers", (fun place -> place.Proxy.Answers.DuplicateEvery <- 2)
        "other order", (fun place -> place.Proxy.Answers.OvertakenBy <- 9)
        "late answers", (fun place -> place.Proxy.Answers.Delay(TimeSpan.FromMilliseconds 700L, 11))
        "strange answers", (fun place -> place.Proxy.Answers.SendUnknownOpaques <- true)
        "garbage", (fun place -> place.Proxy.ToClient.SendGarbage(64, 5))
        "garbage to the server", (fun place -> place.Proxy.ToServer.SendGarbage(64, 6))
        "cut in a frame", (fun place -> place.Proxy.ToClient.CutAfter(1_003L, CutKind.Reset))
        "slow", (fun place -> place.Proxy.ToClient.BytesPerSecond <- 20_000)
        "delay", (fun place -> place.Proxy.ToServer.Delay <- TimeSpan.FromMilliseconds 40L)
        "does not read", (fun place -> place.Proxy.ToServer.StopReading <- true)
        "refuses",
        (fun place ->
            place.Proxy.RefuseConnections()
            place.Proxy.Cut CutKind.Reset)
        "busy",
        (fun place -> place.Broker.Faults.On(RequestCode.GetKvConfig).Refuse(ResponseCode.SystemBusy, "busy", 200))
        "forgets answers", (fun place -> place.Broker.Faults.On(RequestCode.GetKvConfig).LoseAnswers 20)
    ]

let private heal (place: Place) =
    place.Proxy.Heal()
    place.Broker.Faults.Heal()

/// Until so many more calls have ended, or the callers have nothing more to do.
let private progress (load: Load) count =
    let before = load.Ended
    until (fun () -> load.Ended >= before + count || load.AreAllDone)

let private options =
    { limits with
        RequestTimeout = TimeSpan.FromMilliseconds 500L
        KeepAlive =
            { limits.KeepAlive with
                DeadAfter = TimeSpan.FromMilliseconds 400L
            }
    }

/// One harm after the other, each healed after a while; `pause` says when the next one is due.
let private harass (place: Place) (load: Load) (seed: int) (pause: unit -> Task) =
    task {
        let random = Random seed
        let mutable count = 0

        while not load.AreAllDone do
            let _, harm = harms[random.Next harms.Length]
            harm place
            count <- count + 1
            do! progress load 128
            heal place
            do! pause ()

        return count
    }

let private run calls (pause: Load -> unit -> Task) =
    task {
        use! place = Place.Start()
        let client = place.Connect options
        let load = Load(client, callers, options.RequestTimeout, calls, 50)
        let! faults = harass place load 20261125 (pause load)
        let! ends = load.Finish()
        heal place
        let health = client.Health

        Console.Out.WriteLine
            $"chaos: {callers} callers, {ends.Total} calls, {faults} faults: {ends.Answered} answered, {ends.Lost} lost, \
            {ends.NotSent} not sent, {ends.TimedOut} timed out, {ends.Refused} refused, {ends.Cancelled} cancelled, {ends.Unreadable} unreadable, \
            {ends.Wrong} wrong; \
            {health.Connections} connections, {health.UnexpectedAnswers} unexpected answers, longest call {ends.Longest:F0} ms"

        // Each call ended once, and none with another's answer.
        ends.Wrong |> shouldEqual 0
        ends.Other |> shouldEqual 0
        // One piece of garbage falls into one answer.
        ends.Unreadable |> shouldStayBelow (faults + 1)
        ends.Answered |> shouldExceed (ends.Total / 2)
        client.InFlight |> shouldEqual 0
        let last = Load(client, callers, TimeSpan.FromSeconds 20L, callers, 0)
        let! afterwards = last.Finish()
        afterwards.Answered |> shouldEqual callers
        do! client.Close()
        client.Health.Session |> shouldEqual None
        do! until (fun () -> place.Proxy.OpenConnections = 0)
        return ends
    }

[<Tests>]
let tests =
    testSequenced
    <| testList
        "Chaos"
        [
            testCaseTask
                "100,000 calls of 64 callers under faults: each is answered once, none gets another's answer"
                (fun () ->
                    task {
                        let running = run 100_000 (fun load () -> progress load 2_000)
                        let! ends = running.WaitAsync(TimeSpan.FromMinutes 5L)
                        ends.Total |> shouldEqual 100_000
                    })

            if LongForm.isWanted then
                testCaseTask "five minutes under a fault a second" (fun () ->
                    task {
                        use timer = new PeriodicTimer(TimeSpan.FromSeconds 1L)
                        let until' = DateTime.UtcNow.AddMinutes 5.0
                        let mutable calls = 0
                        let mutable rounds = 0

                        // Rounds of calls, each on a client of its own, until the time is over.
                        while DateTime.UtcNow < until' do
                            let! ends =
                                run 1_000_000 (fun load () ->
                                    task {
                                        if not load.AreAllDone then
                                            let! _ = timer.WaitForNextTickAsync()
                                            ()
                                    })

                            calls <- calls + ends.Total
                            rounds <- rounds + 1

                        Console.Out.WriteLine $"chaos, long form: {calls} calls in {rounds} rounds"
                    })
        ]
