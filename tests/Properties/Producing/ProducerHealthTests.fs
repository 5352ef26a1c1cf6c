/// What producers say of themselves: whether they could send now.
module RocketMq.Protocol.Tests.ProducerHealthTests

open System
open RocketMq.Protocol
open RocketMq

let private nameServer = FakeServers.at 1

/// A producer by a clock that is moved, of a topic with two masters, which tests stop and start by port.
type private Rig =
    {
        Clock: ManualClock
        Producer: Producer
        Down: ConcurrentDictionary<int, bool>
    }

    member rig.Send() =
        send rig.Producer (Message.ofText "T" "body")

    member rig.Health = rig.Producer.Health
    member rig.Stop port = rig.Down[port] <- true
    member rig.Start port = rig.Down[port] <- false

    /// Moves the clock on until something is so; others get their turns first.
    member rig.Pass(condition: unit -> bool) : Task =
        task {
            while not (condition ()) do
                let mutable turns = 0

                while turns < 2_000 && not (condition ()) do
                    turns <- turns + 1
                    do! Task.Yield()

                if not (condition ()) then
                    rig.Clock.Advance(TimeSpan.FromMilliseconds 500L)
        }

    member rig.Sent() =
        task {
            let sending = rig.Send()
            do! rig.Pass(fun () -> sending.IsCompleted)
            return! sending
        }

let private withRig (test: Rig -> Task) : Task =
    task {
        let clock = ManualClock()
        let down = ConcurrentDictionary<int, bool>()

        let isDown port =
            match down.TryGetValue port with
            | true, isDown -> isDown
            | _ -> false

        let react (endpoint: Endpoint) (command: RemotingCommand) =
            Task.FromResult(
                if isDown endpoint.Port then
                    HangsUp
                else
                    match command.RequestCode with
                    | RequestCode.GetRouteInfoByTopic when FakeServers.topicOf command = "T" ->
                        FakeServers.routed (FakeServers.routeOver [ "a", 11, 4; "b", 12, 4 ]) command
                    | RequestCode.GetRouteInfoByTopic -> FakeServers.unknownTopic command
                    | RequestCode.SendMessageV2 -> FakeServers.stored 1L command
                    | _ -> FakeServers.success command
            )

        let servers =
            FakeServers(clock, (fun endpoint -> if isDown endpoint.Port then Rejects else Accepts), react)

        let options = ProducerOptions.create "G" [ nameServer ]

        use producer =
            start
                { options with
                    SendTimeout = TimeSpan.FromHours 2
                    Client.Remoting = patiently clock servers.Options
                }

        do!
            test
                {
                    Clock = clock
                    Producer = producer
                    Down = down
                }
    }

let private whats (health: ProducerHealth) = health.Problems |> List.map _.What

let private workingProducers =
    testList
        "working producers"
        [
            liveWith withRig "a producer that sends is healthy and reports when it last could" (fun rig ->
                task {
                    rig.Health.SinceSuccess |> shouldEqual None
                    rig.Health.IsHealthy |> shouldBeTrue
                    let! sent = rig.Sent()
                    sent.IsOk |> shouldBeTrue
                    let before = Option.get rig.Health.SinceSuccess
                    rig.Clock.Advance(TimeSpan.FromSeconds 3L)
                    rig.Health.IsHealthy |> shouldBeTrue
                    rig.Health.SinceSuccess |> shouldEqual (Some(before + TimeSpan.FromSeconds 3L))
                    rig.Health.OnTheirWay |> shouldEqual 0
                    rig.Health.LastFailure |> shouldEqual None
                })

            liveWith withRig "one unreachable broker of two is no problem, and both are" (fun rig ->
                task {
                    let! _ = rig.Sent()
                    rig.Stop 11
                    do! rig.Pass(fun () -> rig.Health.LastFailure.IsSome)
                    (Option.get rig.Health.LastFailure).What |> shouldMention "fake:11"
                    rig.Health.IsHealthy |> shouldBeTrue
                    let! sent = rig.Sent()
                    sent.IsOk |> shouldBeTrue

                    rig.Stop 12
                    do! rig.Pass(fun () -> not rig.Health.IsHealthy)
                    whats rig.Health |> shouldEqual [ "topic T" ]
                    let problem = rig.Health.Problems.Head
                    problem.Reason |> shouldMention "fake:1"
                    rig.Clock.Advance(TimeSpan.FromSeconds 5L)
                    rig.Health.Problems.Head.Since |> shouldExceed problem.Since

                    rig.Start 12
                    do! rig.Pass(fun () -> rig.Health.IsHealthy)
                })
        ]

let private failedSends =
    testList
        "failed sends"
        [
            liveWith
                withRig
                "a failed send makes the producer unhealthy at once where there is no other broker, and a successful one makes it healthy"
                (fun rig ->
                    task {
                        let! _ = rig.Sent()
                        rig.Stop 11
                        rig.Stop 12
                        let! sent = rig.Sent()
                        sent.IsOk |> shouldBeFalse
                        rig.Health.IsHealthy |> shouldBeFalse
                        rig.Start 11
                        rig.Start 12
                        let mutable outcome = sent

                        while outcome.IsError do
                            // Until a broker is connected to again.
                            rig.Clock.Advance(TimeSpan.FromSeconds 1L)
                            let! sent = rig.Sent()
                            outcome <- sent

                        rig.Health.IsHealthy |> shouldBeTrue
                        rig.Health.LastFailure.IsSome |> shouldBeTrue
                    })
        ]

let private nameServersAndTopics =
    testList
        "name servers and topics"
        [
            liveWith
                withRig
                "name servers that do not answer are a problem, also while old routes still lead to brokers"
                (fun rig ->
                    task {
                        let! _ = rig.Sent()
                        rig.Stop 1
                        do! rig.Pass(fun () -> not rig.Health.IsHealthy)
                        whats rig.Health |> shouldEqual [ "name servers" ]
                        let! sent = rig.Sent()
                        sent.IsOk |> shouldBeTrue
                        rig.Start 1
                        do! rig.Pass(fun () -> rig.Health.IsHealthy)
                    })

            liveWith withRig "an unknown topic that no broker creates is a problem while it is sent to" (fun rig ->
                task {
                    let sending = send rig.Producer (Message.ofText "Nowhere" "body")
                    do! rig.Pass(fun () -> sending.IsCompleted)
                    let! sent = sending
                    sent.IsOk |> shouldBeFalse
                    whats rig.Health |> shouldEqual [ "topic Nowhere" ]
                    let! sent = rig.Sent()
                    sent.IsOk |> shouldBeTrue
                    whats rig.Health |> shouldEqual [ "topic Nowhere" ]
                })
        ]

[<Tests>]
let tests =
    testList "Producer health" [ workingProducers; failedSends; nameServersAndTopics ]
