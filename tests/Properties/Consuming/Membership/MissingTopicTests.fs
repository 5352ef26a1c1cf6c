/// Consumers of all kinds that start before their topic is there, or before a name server is: first-use.md 11.
module RocketMq.Protocol.Tests.MissingTopicTests

open System
open RocketMq
open RocketMq.Embedded

let private topicMissing = 1134
let private none = CancellationToken.None

/// A consumer of one of the kinds, as these tests look at it.
type private Running =
    {
        IsHealthy: unit -> bool
        Problems: unit -> ClientProblem list
        Close: unit -> Task
    }

type private Kind =
    {
        Name: string
        /// Of the topic "T", or of none. What comes is remembered.
        Start: EmbeddedCluster -> TimeProvider -> LogLines -> bool -> Seen -> Task<Result<Running, RemotingError>>
    }

let private logging (log: LogLines) (remoting: RemotingOptions) = { remoting with Logger = log }

/// Asks for messages until the consumer is closed.
let private keepReceiving (receive: unit -> Task<Result<ReceivedMessage list, RemotingError>>) (seen: Seen) : Task =
    task {
        let mutable isOpen = true

        while isOpen do
            match! receive () with
            | Ok messages ->
                for message in messages do
                    seen.Add(textOf message)
            | Error(RemotingError.AlreadyClosed _)
            | Error(RemotingError.ClientClosed _) -> isOpen <- false
            | Error _ -> do! Task.Yield()
    }

let private running (started: Result<'Consumer, RemotingError>) (show: 'Consumer -> Running) = Result.map show started

let private push =
    {
        Name = "push"
        Start =
            fun cluster clock log isSubscribed seen ->
                task {
                    let options = consumerOf cluster clock "G"

                    let options =
                        if isSubscribed then
                            PushConsumerOptions.subscribe "T" Filter.all options
                        else
                            options

                    let options =
                        { options with
                            Consumer.Client.Remoting = logging log options.Consumer.Client.Remoting
                        }

                    let! started = PushConsumer.Start(options, remember seen)

                    return
                        running started (fun consumer ->
                            {
                                IsHealthy = fun () -> consumer.Health.IsHealthy
                                Problems = fun () -> consumer.Health.Problems
                                Close = consumer.Close
                            })
                }
    }

let private pull =
    {
        Name = "pull"
        Start =
            fun cluster clock log isSubscribed seen ->
                task {
                    let options = PullRig.pullerOf cluster clock

                    let options =
                        if isSubscribed then
                            PullConsumerOptions.subscribe "T" Filter.all options
                        else
                            options

                    let! started =
                        PullConsumer.Start
                            { options with
                                Consumer.Client.Remoting = logging log options.Consumer.Client.Remoting
                            }

                    return
                        running started (fun consumer ->
                            let receive () =
                                task {
                                    let! received = consumer.Receive none
                                    return Result.map List.singleton received
                                }

                            let receiving = keepReceiving receive seen

                            {
                                IsHealthy = fun () -> consumer.Health.IsHealthy
                                Problems = fun () -> consumer.Health.Problems
                                Close = fun () -> Task.WhenAll(consumer.Close(), receiving)
                            })
                }
    }

let private membershipOf cluster clock log isSubscribed =
    let options = popConsumerAt (cluster: EmbeddedCluster).NameServers clock "G"

    { options.Consumer with
        ConsumeFrom = FirstOffset
        Subscriptions = if isSubscribed then options.Consumer.Subscriptions else []
        Client.Remoting = logging log options.Consumer.Client.Remoting
    }

let private simple =
    {
        Name = "simple"
        Start =
            fun cluster clock log isSubscribed seen ->
                task {
                    let! started = trySimple (membershipOf cluster clock log isSubscribed)

                    return
                        running started (fun consumer ->
                            let receive () =
                                task {
                                    match! consumer.Receive(32, TimeSpan.FromSeconds 30L, none) with
                                    | Error error -> return Error error
                                    | Ok messages ->
                                        let! _ = consumer.AckAll(messages, none)
                                        return Ok [ for message in messages -> message.Received ]
                                }

                            let receiving = keepReceiving receive seen

                            {
                                IsHealthy = fun () -> consumer.Health.IsHealthy
                                Problems = fun () -> consumer.Health.Problems
                                Close = fun () -> Task.WhenAll(consumer.Close(), receiving)
                            })
                }
    }

let private pop =
    {
        Name = "POP"
        Start =
            fun cluster clock log isSubscribed seen ->
                task {
                    let options =
                        popConsumerAt cluster.NameServers clock "G"
                        |> (fun options ->
                            { options with
                                Consumer = membershipOf cluster clock log isSubscribed
                            })

                    let handler (message: ReceivedMessage) (_: CancellationToken) =
                        seen.Add(textOf message)
                        Task.FromResult ConsumeResult.Success

                    let! started = PopConsumer.Start(options, handler)

                    return
                        running started (fun consumer ->
                            {
                                IsHealthy = fun () -> consumer.Health.IsHealthy
                                Problems = fun () -> consumer.Health.Problems
                                Close = consumer.Close
                            })
                }
    }

let private kinds = [ push; pull; simple; pop ]

let private withoutTopic test =
    withCluster (fun options -> options.AutoCreateTopics <- false) test

let private started (kind: Kind) cluster clock log seen =
    task {
        let! consumer = kind.Start cluster clock log true seen
        return Buffers.ok (Result.mapError RemotingError.describe consumer)
    }

let private reasonsOf (consumer: Running) =
    consumer.Problems()
    |> List.map (fun problem -> $"{problem.What}: {problem.Reason}")
    |> String.concat " "

let private starting =
    testList
        "starting"
        [
            for kind in kinds do
                liveWith
                    withoutTopic
                    $"a {kind.Name} consumer starts before its topic exists, logs it once, and consumes when the topic exists"
                    (fun clock cluster ->
                        task {
                            let log = LogLines()
                            let seen = Seen()
                            let! consumer = started kind cluster clock log seen
                            do! until (fun () -> not (consumer.IsHealthy()))
                            do! ChaosRig.passFor clock (TimeSpan.FromSeconds 40L)
                            log.Count topicMissing |> shouldEqual 1
                            consumer.IsHealthy() |> shouldBeFalse
                            reasonsOf consumer |> shouldMention "topic T"
                            reasonsOf consumer |> shouldMention "Create the topic"

                            do! cluster.CreateTopicAsync("T", 2)
                            do! sendAll cluster "T" [ "a"; "b" ]
                            do! ChaosRig.pass clock (fun () -> seen.Count = 2)
                            do! ChaosRig.pass clock consumer.IsHealthy
                            log.Count topicMissing |> shouldEqual 1
                            do! consumer.Close()
                        })

                liveWith
                    withoutTopic
                    $"a {kind.Name} consumer starts before its name server runs, and consumes when it runs"
                    (fun clock cluster ->
                        task {
                            let log = LogLines()
                            let seen = Seen()
                            do! cluster.CreateTopicAsync("T", 2)
                            do! sendAll cluster "T" [ "a"; "b" ]
                            do! cluster.NameServerNodes[0].StopAsync()
                            let! consumer = started kind cluster clock log seen
                            do! until (fun () -> not (consumer.IsHealthy()))
                            do! ChaosRig.passFor clock (TimeSpan.FromSeconds 40L)
                            log.Count topicMissing |> shouldEqual 1
                            reasonsOf consumer |> shouldMention cluster.NameServers

                            do! cluster.NameServerNodes[0].StartAsync none
                            do! ChaosRig.pass clock (fun () -> seen.Count = 2)
                            do! ChaosRig.pass clock consumer.IsHealthy
                            do! consumer.Close()
                        })

                liveWith
                    withoutTopic
                    $"a {kind.Name} consumer without a subscription does not start and reports the missing subscription"
                    (fun clock cluster ->
                        task {
                            match! kind.Start cluster clock (LogLines()) false (Seen()) with
                            | Error(RemotingError.Misconfigured reason) -> reason |> shouldMention "Subscribe"
                            | other -> failtest $"%A{Result.map ignore other}"
                        })
        ]

let private pollingTests =
    testList
        "polling"
        [
            liveWith
                withoutTopic
                "a poll or a receive that can read nothing ends at its timeout with the reason"
                (fun clock cluster ->
                    task {
                        let! pull = PullRig.startPull (PullRig.subscribed cluster clock)
                        let polling = pull.Poll(1, TimeSpan.FromSeconds 5L, none)
                        polling.IsCompleted |> shouldBeFalse
                        do! ChaosRig.pass clock (fun () -> polling.IsCompleted)

                        match! polling with
                        | Error(RemotingError.NoRoute("T", _)) -> ()
                        | other -> failtest $"%A{other}"

                        do! pull.Close()

                        let! simple =
                            SimpleConsumerOptions.create "G" []
                            |> (fun options ->
                                { options with
                                    Consumer = membershipOf cluster clock (LogLines()) true
                                })
                            |> SimpleConsumer.Start

                        use simple = Buffers.ok simple
                        let began = clock.GetTimestamp()
                        let receiving = simple.Receive(1, TimeSpan.FromSeconds 30L, none)
                        do! ChaosRig.pass clock (fun () -> receiving.IsCompleted)

                        match! receiving with
                        | Error(RemotingError.NoRoute("T", _)) -> ()
                        | other -> failtest $"%A{other}"

                        clock.GetElapsedTime began |> shouldExceed (TimeSpan.FromSeconds 14L)
                    })

            liveWith withoutTopic "an existing topic is consumed although another one is missing" (fun clock cluster ->
                task {
                    do! cluster.CreateTopicAsync("T", 2)
                    do! sendAll cluster "T" [ "a" ]

                    let! consumer =
                        PullRig.subscribed cluster clock
                        |> PullConsumerOptions.subscribe "Other" Filter.all
                        |> PullRig.startPull

                    let! text = PullRig.receive consumer
                    text |> shouldEqual "a"
                    let polling = consumer.Poll(1, TimeSpan.FromSeconds 5L, none)
                    do! ChaosRig.pass clock (fun () -> polling.IsCompleted)
                    let! polled = polling
                    polled |> shouldEqual (Ok [||])
                    consumer.Health.IsHealthy |> shouldBeFalse
                    do! consumer.Close()
                })
        ]

[<Tests>]
let tests = testList "Missing topics" [ starting; pollingTests ]
