/// Servers that are not there: what they cost those who have others.
module RocketMq.Protocol.Tests.DeadServerTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

/// The settings of a producer as they are by default, at a clock: it connects for so long and waits so long for answers.
let private ordinary clock (options: ProducerOptions) =
    { options with
        SendTimeout = seconds 3
        Client.Remoting =
            { options.Client.Remoting with
                RequestTimeout = seconds 3
                ConnectTimeout = seconds 3
                Ports =
                    { options.Client.Remoting.Ports with
                        Clock = clock
                    }
            }
    }

/// Waits for sends, and lets time go on only while they wait for something: what is answered is answered in time, however slow the
/// machine is.
let private patientlyFor (clock: EmbeddedClock) (sending: Task) : Task =
    task {
        while not sending.IsCompleted do
            do! Task.WhenAny(sending, Task.Delay 100) :> Task

            if not sending.IsCompleted then
                clock.Advance(seconds 1)
    }

let private dead (callers: int) : Task =
    withStrictCluster (fun options -> options.Masters <- 2) (fun clock cluster ->
        task {
            do! cluster.CreateTopicAsync("T", 4)
            // Nothing listens there.
            cluster.Brokers[1].Advertise "127.0.0.1:1"
            use producer = start (producerOf cluster clock |> ordinary clock)
            let failures = Collections.Concurrent.ConcurrentQueue<string>()
            let mutable sends = 0
            let! known = producer.Queues("T", CancellationToken.None)
            (Buffers.ok known).Length |> shouldEqual 8

            // Two minutes: avoidance ends and begins again, and back-offs are at their longest.
            while sends < 120 * callers do
                let sending =
                    [| for _ in 1..callers -> send producer (Message.ofText "T" "x") |]
                    |> Task.WhenAll

                do! patientlyFor clock sending
                let! outcomes = sending
                sends <- sends + callers

                for outcome in outcomes do
                    match outcome with
                    | Ok _ -> ()
                    | Error error -> failures.Enqueue(RemotingError.describe error)

                clock.Advance(seconds 1)

            // How many, and what one of them was.
            (failures.Count, Seq.tryHead failures) |> shouldEqual (0, None)
        })

/// One broker that answers heartbeats, and many that cannot be connected to.
let private manyDead = 50

let private oneDeadBroker =
    testList
        "one dead broker"
        [
            live "[dead] no send fails while one of two masters is dead" (fun () -> dead 1)
            live "[dead] no send of many callers fails while one of two masters is dead" (fun () -> dead 16)
        ]

let private heartbeatReachesTheLiveBroker () : Task =
    task {
        let clock = EmbeddedClock()
        let live = FakeServers.at 100
        let beats = Collections.Concurrent.ConcurrentQueue<DateTimeOffset>()

        let route =
            FakeServers.routeOver
                [
                    for number in 1 .. manyDead + 1 ->
                        $"b{number:D3}", 99 + (if number = manyDead + 1 then 1 else number + 1), 1
                ]

        let servers =
            FakeServers(
                clock,
                (fun endpoint ->
                    if endpoint = live || endpoint = FakeServers.at 1 then
                        Accepts
                    else
                        Ignores),
                fun endpoint command ->
                    match command.RequestCode with
                    | RequestCode.HeartBeat when endpoint = live -> beats.Enqueue(clock.GetUtcNow())
                    | _ -> ()

                    Task.FromResult(
                        match command.RequestCode with
                        | RequestCode.GetRouteInfoByTopic -> FakeServers.routed route command
                        | _ -> FakeServers.success command
                    )
            )

        let producer =
            start
                { ProducerOptions.create "G" [ FakeServers.at 1 ] with
                    Client.Remoting =
                        { servers.Options with
                            RequestTimeout = seconds 3
                            ConnectTimeout = seconds 3
                        }
                }

        let! found = producer.Queues("T", CancellationToken.None)
        (Buffers.ok found).Length |> shouldEqual (manyDead + 1)
        do! ChaosRig.passFor clock (seconds 300)
        let ended = clock.GetUtcNow()
        do! ChaosRig.finish clock (producer.Close())
        let times = List.ofSeq beats @ [ ended ]

        // Brokers forget a client that they have not heard of for so long.
        times
        |> List.pairwise
        |> List.filter (fun (before, after) -> after - before >= seconds 120)
        |> List.map (fun (before, after) -> after - before)
        |> shouldEqual []
    }

let private manyDeadBrokers =
    testList
        "many dead brokers"
        [
            live "[D7] many dead brokers do not delay the heartbeat to a live one" heartbeatReachesTheLiveBroker
        ]

let private unusedAddressesAreForgotten () : Task =
    task {
        let clock = EmbeddedClock()
        let port = ref 100

        let servers =
            FakeServers.answering clock (fun _ command ->
                match command.RequestCode with
                | RequestCode.GetRouteInfoByTopic ->
                    // Each time the broker is at another address.
                    FakeServers.routed
                        (FakeServers.routeOver [ "a", Interlocked.Increment(&port.contents), 1 ])
                        command
                | RequestCode.SendMessageV2 -> FakeServers.stored 0L command
                | _ -> FakeServers.success command)

        // A connection that nobody uses is left after two minutes, and time goes in large steps.
        let remoting = patiently clock servers.Options

        let clients =
            RemotingClients
                { remoting with
                    KeepAlive =
                        { remoting.KeepAlive with
                            IdleAfter = seconds 120
                        }
                }

        let routes = Routes(NameServer([| FakeServers.at 1 |], clients), clients)

        let presence =
            HeartbeatService(
                clients,
                routes,
                HeartbeatRig.source Masters (fun () ->
                    {
                        ClientId = "one"
                        ProducerGroups = [ "G" ]
                        Consumers = []
                        Fingerprint = None
                        IsWithoutSubscriptions = None
                    })
            )

        let! _ = routes.Get("T", CancellationToken.None)
        presence.Start()
        routes.Start()

        let! _ =
            happensInSteps clock (seconds 30) (seconds 3_600) (fun () -> port.Value >= 140)
        // Longer than connections are kept that nobody uses, however far the clients are behind the clock.
        let! _ = happensInSteps clock (seconds 30) (seconds 1_200) (fun () -> false)

        let! areForgotten =
            happensInSteps clock (seconds 30) (seconds 3_600) (fun () -> clients.Health.Length < 20)

        do! ChaosRig.finish clock (clients.CloseAll())
        areForgotten |> shouldBeTrue
    }

let private forgottenAddresses =
    testList
        "forgotten addresses"
        [
            live "[addresses] addresses that no route names any more are forgotten" unusedAddressesAreForgotten
        ]

[<Tests>]
let tests =
    testList "Proven faults" [ oneDeadBroker; manyDeadBrokers; forgottenAddresses ]
