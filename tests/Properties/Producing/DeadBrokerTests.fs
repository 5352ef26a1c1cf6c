/// A dead broker beside a live one costs nothing: faults.md B2.
module RocketMq.Protocol.Tests.DeadBrokerTests

open System
open RocketMq.Protocol
open RocketMq

let private nameServer = FakeServers.at 1
let private livePort = 11
let private deadPort = 12

/// A name server that tells the route over these masters, which store what is sent to them; `dial` says how each is connected to.
let private serversOver masters clock dial =
    let route = FakeServers.routeOver masters

    let react _ (command: RemotingCommand) =
        Task.FromResult(
            match command.RequestCode with
            | RequestCode.GetRouteInfoByTopic -> FakeServers.routed route command
            | RequestCode.SendMessageV2 -> FakeServers.stored 1L command
            | _ -> FakeServers.success command
        )

    FakeServers(clock, dial, react)

let private oneMaster clock dial =
    serversOver [ "a", livePort, 4 ] clock dial

/// Two masters of one topic, of which one cannot be connected to, as `dead` says.
let private servers clock dead =
    serversOver [ "a", livePort, 4; "b", deadPort, 4 ] clock (fun server ->
        if server.Port = deadPort then dead else Accepts)

/// Moves the clock on for as long as something needs time to end. What needs none is given all the turns that it wants first.
let private pass (clock: ManualClock) (running: Task) : Task =
    task {
        while not running.IsCompleted do
            let mutable turns = 0

            while turns < 6_000 && not running.IsCompleted do
                turns <- turns + 1
                do! Task.Yield()

            if not running.IsCompleted then
                clock.Advance(TimeSpan.FromMilliseconds 50L)
    }

/// Sends for which no clock need be moved, so that the code has been compiled when it is: the first send takes long.
let private warmUp () =
    task {
        for masters in [ Accepts; Rejects ] do
            let clock = ManualClock()

            let producer =
                start
                    { ProducerOptions.create "G" [ nameServer ] with
                        Client.Remoting = (servers clock masters).Options
                    }

            for _ in 1..20 do
                let! sent = send producer (Message.ofText "T" "body")
                sent |> Result.mapError RemotingError.describe |> Result.isOk |> shouldBeTrue

            do! producer.Close()
    }

/// What became of sends over ten minutes of the moved clock, four at a time.
let private tenMinutes dead : Task<struct (int * RemotingError list * TimeSpan)> =
    task {
        do! warmUp ()
        let clock = ManualClock()
        let options = ProducerOptions.create "G" [ nameServer ]

        let options =
            { options with
                Client.Remoting = (servers clock dead).Options
            }

        let producer = start options
        let mutable sends = 0
        let mutable failures = []
        let mutable longest = TimeSpan.Zero

        while clock.GetElapsedTime 0L < TimeSpan.FromMinutes 10L do
            let began = clock.GetTimestamp()

            let sending =
                Task.WhenAll [| for _ in 1..4 -> send producer (Message.ofText "T" "body") |]

            do! pass clock sending
            let! outcomes = sending
            longest <- max longest (clock.GetElapsedTime began)
            sends <- sends + outcomes.Length

            for outcome in outcomes do
                match outcome with
                | Ok _ -> ()
                | Error error -> failures <- error :: failures

            clock.Advance(TimeSpan.FromMilliseconds 250L)

        let closing = producer.Close()
        do! pass clock closing
        return struct (sends, failures, longest)
    }

let private avoidingDeadBrokers =
    testList
        "avoiding dead brokers"
        [
            for name, dead in [ "refuses connections", Rejects; "does not answer", Ignores ] do
                live $"while one of two masters {name}, no send fails or takes longer than a connect" (fun () ->
                    task {
                        let! struct (sends, failures, longest) = tenMinutes dead
                        sends |> shouldExceed 1_000
                        failures |> List.map RemotingError.describe |> List.distinct |> shouldEqual []
                        longest |> shouldStayBelow RemotingOptions.Default.ConnectTimeout
                    })

            live "a broker that was away for ten minutes receives sends within ten seconds of its return" (fun () ->
                task {
                    do! warmUp ()
                    let clock = ManualClock()
                    let mutable isAway = true

                    let dial (server: Endpoint) =
                        if server.Port = livePort && Volatile.Read &isAway then
                            Rejects
                        else
                            Accepts

                    let producer =
                        start
                            { ProducerOptions.create "G" [ nameServer ] with
                                Client.Remoting = (oneMaster clock dial).Options
                            }

                    while clock.GetElapsedTime 0L < TimeSpan.FromMinutes 10L do
                        let sending = send producer (Message.ofText "T" "body")
                        do! pass clock sending
                        let! sent = sending
                        sent |> Result.isError |> shouldBeTrue
                        clock.Advance(TimeSpan.FromSeconds 1L)

                    Volatile.Write(&isAway, false)
                    let back = clock.GetTimestamp()
                    let mutable isSent = false

                    while not isSent do
                        let sending = send producer (Message.ofText "T" "body")
                        do! pass clock sending
                        let! sent = sending
                        isSent <- Result.isOk sent

                        if not isSent then
                            clock.Advance(TimeSpan.FromMilliseconds 100L)

                    clock.GetElapsedTime back |> shouldStayBelow (TimeSpan.FromSeconds 10.5)
                    do! pass clock (producer.Close())
                })
        ]

let private oneMasterTests =
    testList
        "one master"
        [
            live "where there is no other master, a send waits for the next attempts to connect" (fun () ->
                task {
                    do! warmUp ()
                    let clock = ManualClock()
                    let mutable dials = 0

                    let dial (server: Endpoint) =
                        if server.Port <> livePort || Interlocked.Increment &dials > 2 then
                            Accepts
                        else
                            Rejects

                    let remoting = (oneMaster clock dial).Options

                    let producer =
                        start
                            { ProducerOptions.create "G" [ nameServer ] with
                                Client.Remoting =
                                    { remoting with
                                        Backoff =
                                            { remoting.Backoff with
                                                First = TimeSpan.FromMilliseconds 200L
                                                Spread = TimeSpan.Zero
                                            }
                                    }
                            }

                    let sending = send producer (Message.ofText "T" "body")
                    do! pass clock sending
                    let! sent = sending
                    do! pass clock (producer.Close())
                    sent |> Result.mapError RemotingError.describe |> Result.isOk |> shouldBeTrue
                    dials |> shouldEqual 3
                })
        ]

// One by one: what is sent must have its turns before the clock is moved, whatever other tests do.
[<Tests>]
let tests =
    testSequenced <| testList "Dead broker" [ avoidingDeadBrokers; oneMasterTests ]
