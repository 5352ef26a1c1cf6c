/// Consumers that pop from brokers whose clocks are not theirs, and from those that take the time of a pop as it is sent, as
/// Apache's of 5.x do where permissions are checked.
module RocketMq.Protocol.Tests.PopClockTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

type private Rig =
    {
        Cluster: EmbeddedCluster
        /// The clients' clock. The brokers' is off by a constant time.
        Clock: TimeProvider
    }

let private withBrokers masters (clock: TimeProvider) off isAsSent (body: Rig -> Task) : Task =
    task {
        use! cluster =
            startCluster (fun options ->
                options.Masters <- masters
                options.Clock <- ShiftedClock(clock, off)
                options.TakesBornTimeAsSent <- isAsSent)

        do! cluster.CreateTopicAsync("T", 2)
        do! body { Cluster = cluster; Clock = clock }
    }

let private startAwaiting (rig: Rig) await : Task<SimpleConsumer> =
    startSimple
        { simpleConsumerAt rig.Cluster.NameServers rig.Clock "G" with
            AwaitDuration = await
        }

let private receive consumer = lease consumer 32 (minutes 1)

/// Brokers that fill in the time and those that take it as it is sent, and clocks that are right and wrong either way.
let private brokers =
    [
        for isAsSent in [ false; true ] do
            for off in [ TimeSpan.Zero; minutes 10; minutes -10 ] -> isAsSent, off
    ]

let private tooOld = "the broker[10.0.0.1] pop message is timeout too much"

let private refusePops (rig: Rig) code remark times =
    rig.Cluster.Brokers[0].Faults.On(RequestCode.PopMessage).Refuse((code: ResponseCode), remark, times)

/// Moves the clock a little at a time until something has happened.
let private passUntil (clock: EmbeddedClock) (isReached: unit -> bool) : Task =
    task {
        while not (isReached ()) do
            clock.Advance(millis 10)
            do! Task.Delay 1
    }

let private clocksApart =
    testList
        "clocks apart"
        [
            for isAsSent, off in brokers do
                for masters in [ 1; 2 ] do
                    let name = $"{masters} brokers, {off} off, as sent: {isAsSent}"

                    liveWith
                        (withBrokers masters TimeProvider.System off isAsSent)
                        $"a simple consumer gets all messages ({name})"
                        (fun rig ->
                            task {
                                do! sendAll rig.Cluster "T" (numbered 1 20)
                                use! consumer = startAwaiting rig (minutes 1)
                                let texts = ResizeArray<string>()

                                while texts.Count < 20 do
                                    let! received = receive consumer
                                    received |> shouldNotBeEmpty
                                    texts.AddRange(received |> List.map (fun one -> textOf one.Received))

                                List.ofSeq texts |> List.sort |> shouldEqual (List.sort (numbered 1 20))
                            })
        ]

let private emptyAnswers =
    testList
        "empty answers"
        [
            for isAsSent, off in brokers do
                for masters in [ 1; 2 ] do
                    let name = $"{masters} brokers, {off} off, as sent: {isAsSent}"

                    live $"an empty receive ends at its timeout and not before ({name})" (fun () ->
                        let clock = EmbeddedClock()

                        withBrokers masters clock off isAsSent (fun rig ->
                            task {
                                use! consumer = startAwaiting rig (millis 1_200)
                                let began = clock.GetUtcNow()

                                let receiving =
                                    task {
                                        let! received = receive consumer
                                        return received, clock.GetUtcNow() - began
                                    }

                                do! passUntil clock (fun () -> receiving.IsCompleted)
                                let! received, took = receiving
                                received |> shouldBeEmpty
                                took |> shouldExceed (millis 1_199)
                            }))

                liveWith
                    (withBrokers 1 TimeProvider.System off isAsSent)
                    $"a consumer with a handler gets all messages ({off} off, as sent: {isAsSent})"
                    (fun rig ->
                        task {
                            let seen = Seen()
                            do! sendAll rig.Cluster "T" (numbered 1 10)

                            use! consumer =
                                startPop (popConsumerAt rig.Cluster.NameServers rig.Clock "G") (fun received _ ->
                                    task {
                                        seen.Add(textOf received)
                                        return ConsumeResult.Success
                                    })

                            do! until (fun () -> consumer.Acknowledged = 10L)
                            // These find the consumer waiting.
                            do! sendAll rig.Cluster "T" (numbered 11 10)
                            do! until (fun () -> consumer.Acknowledged = 20L)
                            seen.Texts |> shouldEqual (set (numbered 1 20))
                        })
        ]

let private movedClocks =
    testList
        "moved clocks"
        [
            live "messages are delivered after the broker's clock was set forward by minutes" (fun () ->
                task {
                    let clock = EmbeddedClock true

                    use! cluster =
                        startCluster (fun options ->
                            options.Masters <- 1
                            options.Clock <- clock
                            options.TakesBornTimeAsSent <- true)

                    do! cluster.CreateTopicAsync("T", 2)

                    use! consumer =
                        startAwaiting
                            {
                                Cluster = cluster
                                Clock = TimeProvider.System
                            }
                            (minutes 1)

                    for number in 1..3 do
                        do! sendAll cluster "T" [ $"m{number}" ]
                        let! received = receive consumer

                        received
                        |> List.map (fun one -> textOf one.Received)
                        |> shouldEqual [ $"m{number}" ]

                        let! failures = consumer.AckAll(received, CancellationToken.None)
                        failures |> shouldBeEmpty
                        clock.Advance(minutes 5)
                })

            liveWith
                (withBrokers 1 TimeProvider.System TimeSpan.Zero false)
                "a pop that is too old is an error and not an empty answer"
                (fun rig ->
                    task {
                        use! consumer = startAwaiting rig (minutes 1)
                        refusePops rig ResponseCode.PollingTimeout tooOld Int32.MaxValue

                        match! consumer.Receive(32, minutes 1, CancellationToken.None) with
                        | Error(RemotingError.Refused(_, RequestCode.PopMessage, _, ResponseCode.PollingTimeout, remark) as error) ->
                            remark |> shouldEqual tooOld
                            RemotingError.isTransient error |> shouldBeTrue
                            RemotingError.isPermanent error |> shouldBeFalse
                            RemotingError.describe error |> shouldMention "clock"
                        | other -> failtest $"%A{other}"
                    })
        ]

let private logsAndAnswers =
    testList
        "logs and answers"
        [
            liveWith
                (withBrokers 1 TimeProvider.System TimeSpan.Zero false)
                "a consumer with a handler logs that its pops are too old, and continues when they are not"
                (fun rig ->
                    task {
                        let log = LogLines()
                        let options = popConsumerAt rig.Cluster.NameServers rig.Clock "G"
                        // The queues pop beside each other; each makes a pop that is too old once more by itself.
                        refusePops rig ResponseCode.PollingTimeout tooOld 8
                        do! sendAll rig.Cluster "T" [ "a" ]

                        use! consumer =
                            startPop
                                { options with
                                    Consumer.Client.Remoting.Logger = log
                                }
                                (fun _ _ -> Task.FromResult ConsumeResult.Success)

                        do! until (fun () -> consumer.Acknowledged = 1L)

                        log.All
                        |> List.filter (fun (struct (_, _, line)) ->
                            line.Contains("timeout too much", StringComparison.Ordinal))
                        |> shouldNotBeEmpty
                    })

            for code, remark in
                [
                    ResponseCode.PollingTimeout, "NO_MESSAGE_IN_QUEUE"
                    ResponseCode.PullNotFound, ""
                    ResponseCode.PollingFull, ""
                ] do
                live $"an empty answer before its time does not end a receive (%O{code})" (fun () ->
                    let clock = EmbeddedClock()

                    withBrokers 1 clock TimeSpan.Zero false (fun rig ->
                        task {
                            use! consumer = startAwaiting rig (minutes 1)
                            refusePops rig code remark 3
                            let receiving = receive consumer
                            do! passUntil clock (fun () -> clock.GetTimestamp() > (minutes 0 + millis 12_000).Ticks)
                            receiving.IsCompleted |> shouldBeFalse
                            do! sendAll rig.Cluster "T" [ "a" ]
                            let! received = receiving
                            received |> List.map (fun one -> textOf one.Received) |> shouldEqual [ "a" ]
                        }))
        ]

[<Tests>]
let tests =
    testList "Pop clocks" [ clocksApart; emptyAnswers; movedClocks; logsAndAnswers ]
