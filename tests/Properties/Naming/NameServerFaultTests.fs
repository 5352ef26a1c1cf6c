/// Name servers that do harm: the next one gives the route in time, and a route that is known outlives them all.
module RocketMq.Protocol.Tests.NameServerFaultTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private first = FakeServers.at 1
let private second = FakeServers.at 2
let private route = FakeServers.routeOver [ "a", 11, 4 ]
let private rounds = 100

/// Less than that of B12, so that there is time for the second one's answer.
let private limit = TimeSpan.FromSeconds 1.4

/// The first name server does harm. The clock moves only for harm that is a silence, and no further than `limit`.
let private harmed name welcome (react: RemotingCommand -> Reaction) isSilence =
    live name (fun () ->
        task {
            for _ in 1..rounds do
                let clock = ManualClock()

                let servers =
                    FakeServers(
                        clock,
                        (fun endpoint -> if endpoint = first then welcome else Accepts),
                        fun endpoint command ->
                            Task.FromResult(
                                if endpoint = first then
                                    react command
                                else
                                    FakeServers.routed route command
                            )
                    )

                use nameServer = NameServer.Start([ first; second ], servers.Options) |> Buffers.ok

                let began = clock.GetUtcNow()
                let asking = nameServer.Route("T", CancellationToken.None)

                // Time must not run out for a server that has not been dialled yet.
                do! until (fun () -> List.contains first servers.Dials)

                if welcome = Accepts then
                    do! until (fun () -> servers.CountOf(RequestCode.GetRouteInfoByTopic, first) = 1)

                // No further than the limit, and until the second one is asked.
                while isSilence
                      && clock.GetUtcNow() - began < limit
                      && not (List.contains second servers.Dials) do
                    clock.Advance(TimeSpan.FromMilliseconds 50L)
                    let mutable turns = 0

                    while turns < 2_000 && not (List.contains second servers.Dials) do
                        turns <- turns + 1
                        do! Task.Yield()

                let! found = asking
                found |> shouldEqual (Ok route)
                servers.CountOf(RequestCode.GetRouteInfoByTopic, second) |> shouldEqual 1
                // Whoever asks next does not meet the harm again, unless the first one has only this route wrong.
                if welcome <> Accepts || isSilence then
                    let! again = nameServer.Route("T", CancellationToken.None)
                    again |> shouldEqual (Ok route)
                    servers.CountOf(RequestCode.GetRouteInfoByTopic, second) |> shouldEqual 2
                    servers.Dials |> List.filter ((=) first) |> List.length |> shouldEqual 1
        })

let private never _ = failwith "it cannot be reached"

let private withBody (text: string) command =
    Command.response ResponseCode.Success command
    |> Command.withBody (ReadOnlyMemory(Text.Encoding.UTF8.GetBytes text))
    |> Answers

let private oneOfTwoFails =
    testList
        "one of two fails"
        [
            harmed "the first of two refuses connections" Rejects never false
            harmed "the first of two is not there" Ignores never true
            harmed "the first of two accepts and is silent" Accepts (fun _ -> TurnsSilent) true
            harmed "the first of two answers what is no frame" Accepts (fun _ -> Garbles) false
            harmed "the first of two hangs up" Accepts (fun _ -> HangsUp) false
            harmed "the first of two answers what is no route" Accepts (withBody "<html>") false
            harmed "the first of two answers an empty body" Accepts (withBody "") false
            harmed "the first of two does not know the topic" Accepts FakeServers.unknownTopic false
            harmed
                "the first of two has a route without queues"
                Accepts
                (FakeServers.routed (TopicRoute.create [] []))
                false
            harmed
                "the first of two has a route without brokers"
                Accepts
                (FakeServers.routed (TopicRoute.create route.Queues []))
                false
        ]

let private allFail =
    testList
        "all fail"
        [
            live "sends and deliveries continue for ten minutes without a name server" (fun () ->
                task {
                    use! cluster = startCluster (fun options -> options.NameServers <- 2)
                    do! cluster.CreateTopicAsync("T", 4)
                    let clock = EmbeddedClock true
                    let nameServers = endpointsOf cluster.NameServers
                    let mutable dials = 0
                    let options = producerOf cluster clock
                    let connect = options.Client.Remoting.Ports.Connect

                    let counting endpoint cancellation =
                        if List.contains endpoint nameServers then
                            Interlocked.Increment &dials |> ignore

                        connect endpoint cancellation

                    use producer =
                        start
                            { options with
                                Client.Remoting.Ports.Connect = counting
                            }

                    let! warm = send producer (Message.ofText "T" "warm")
                    warm.IsOk |> shouldBeTrue

                    for nameServer in cluster.NameServerNodes do
                        do! nameServer.StopAsync()

                    for minute in 1..10 do
                        let before = Volatile.Read &dials
                        clock.Advance(TimeSpan.FromMinutes 1L)
                        // They have been asked in vain.
                        do! until (fun () -> Volatile.Read &dials >= before + 2)

                        do!
                            inCrowd 8 0 64 (fun number ->
                                backgroundTask {
                                    let! outcome = send producer (Message.ofText "T" $"{minute}-{number}")
                                    outcome.IsOk |> shouldBeTrue
                                })

                    let! stored = readAll cluster "T" 4
                    stored |> Map.toList |> List.sumBy (snd >> List.length) |> shouldEqual 641
                })
        ]

[<Tests>]
let tests = testList "Name server faults" [ oneOfTwoFails; allFail ]
