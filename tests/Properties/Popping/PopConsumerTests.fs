/// Consumers that pop from the embedded broker, by one clock that tests move.
module RocketMq.Protocol.Tests.PopConsumerTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

type private Rig =
    {
        Cluster: EmbeddedCluster
        Clock: EmbeddedClock
        Producer: Producer
    }

    member rig.Send(text: string, ?queueId: int) : Task =
        task {
            let message = Message.ofText "T" text

            let! sent =
                match queueId with
                | None -> send rig.Producer message
                | Some queueId ->
                    let queue =
                        {
                            Topic = "T"
                            BrokerName = rig.Cluster.Brokers[0].Name
                            QueueId = queueId
                        }

                    rig.Producer.SendTo(OneQueue queue, message, CancellationToken.None)

            sent |> Result.mapError RemotingError.describe |> Buffers.ok |> ignore
        }

    /// How often a message of the topic came back from the group.
    member rig.Revived: Task<int64> =
        task {
            let endpoint = (endpointsOf rig.Cluster.Brokers[0].Address).Head

            use client = RemotingClient.Create(endpoint, RemotingOptions.Default) |> Buffers.ok

            let query: MaxOffsetQuery =
                {
                    Queue = { Topic = "%RETRY%G_T"; QueueId = 0 }
                    IsCommitted = None
                }

            match! client.Request(Offsets.max.Request query, CancellationToken.None) with
            | Ok count -> return count
            | Error error -> return failtest (RemotingError.describe error)
        }

    member rig.ShouldHaveRevived(count: int64) : Task =
        task {
            let! revived = rig.Revived
            revived |> shouldEqual count
        }

let private withRig (body: Rig -> Task) : Task =
    task {
        let clock = EmbeddedClock()

        let! cluster =
            startCluster (fun options ->
                options.Clock <- clock
                options.Masters <- 1)

        try
            let producer = start (producerOf cluster clock)

            do!
                body
                    {
                        Cluster = cluster
                        Clock = clock
                        Producer = producer
                    }

            do! producer.Close()
        finally
            cluster.StopAsync().Wait()
    }

let private simpleOf (rig: Rig) =
    startSimple (simpleConsumerAt rig.Cluster.NameServers rig.Clock "G")

let private optionsOf (rig: Rig) =
    popConsumerAt rig.Cluster.NameServers rig.Clock "G"

/// What handlers saw: text and how often it had come before.
type private Deliveries() =
    let seen = ConcurrentQueue<string * int>()

    member _.Add(received: ReceivedMessage) =
        seen.Enqueue(textOf received, received.Message.ReconsumeTimes)

    member _.All = List.ofSeq seen
    member _.Count = seen.Count

    /// A handler that notes each message and then does this, given how many have come.
    member deliveries.NotingBefore(act: int -> Task<ConsumeResult>) : PopHandler =
        fun received _ ->
            deliveries.Add received
            act deliveries.Count

let private never = TaskCompletionSource().Task

let private receipts =
    testList
        "receipts"
        [
            liveWith
                withRig
                "a simple consumer's message is redelivered after its receipt has expired, which acknowledges nothing"
                (fun rig ->
                    task {
                        do! rig.Send "a"
                        use! consumer = simpleOf rig
                        let! received = lease consumer 10 (seconds 10)
                        let first = List.exactlyOne received
                        rig.Clock.Advance(seconds 10)
                        let! acked = consumer.Ack(first, CancellationToken.None)

                        acked
                        |> shouldEqual (Error(RemotingError.ReceiptExpired(first.MessageId, false)))

                        let! changed = consumer.ChangeInvisible(first, seconds 10, CancellationToken.None)
                        changed |> Result.isError |> shouldBeTrue
                        let! again = lease consumer 10 (seconds 10)
                        let again = List.exactlyOne again
                        again.MessageId |> shouldEqual first.MessageId
                        again.Received.Message.ReconsumeTimes |> shouldEqual 1
                        again.Received.Message.Topic |> shouldEqual "T"
                        let! acked = consumer.Ack(again, CancellationToken.None)
                        acked |> shouldEqual (Ok())
                        rig.Clock.Advance(seconds 3600)
                        do! rig.ShouldHaveRevived 1L
                    })
        ]

let private lateAcknowledgements =
    testList
        "late acknowledgements"
        [
            for request in [ RequestCode.AckMessage; RequestCode.ChangeMessageInvisibleTime ] do
                liveWith
                    withRig
                    $"an answer to {request} that comes when the receipt has expired proves nothing"
                    (fun rig ->
                        task {
                            do! rig.Send "a"
                            use! consumer = simpleOf rig
                            let! received = lease consumer 10 (seconds 10)
                            let message = List.exactlyOne received
                            rig.Clock.Advance(seconds 9)
                            rig.Cluster.Brokers[0].Faults.On(request).AnswerLate(seconds 2)

                            let calling: Task<Result<unit, RemotingError>> =
                                task {
                                    if request = RequestCode.AckMessage then
                                        return! consumer.Ack(message, CancellationToken.None)
                                    else
                                        let! changed =
                                            consumer.ChangeInvisible(message, seconds 60, CancellationToken.None)

                                        return Result.map ignore<LeasedMessage> changed
                                }

                            while not calling.IsCompleted do
                                rig.Clock.Advance(millis 50)
                                do! Task.Yield()

                            let! answer = calling

                            answer
                            |> shouldEqual (Error(RemotingError.ReceiptExpired(message.MessageId, true)))

                            consumer.Health.Acknowledged |> shouldEqual 0L
                        })
        ]

let private laterReceipts =
    testList
        "later receipts"
        [
            liveWith
                withRig
                "a simple consumer's receipt counts from when its pop was sent, however late the answer comes"
                (fun rig ->
                    task {
                        do! rig.Send "a"
                        use! consumer = simpleOf rig

                        rig.Cluster.Brokers[0]
                            .Faults.On(RequestCode.PopMessage)
                            .AnswerLate(TimeSpan.FromMilliseconds 400L)

                        let receiving = lease consumer 10 (seconds 600)
                        let sent = rig.Clock.GetTimestamp()

                        while not receiving.IsCompleted do
                            rig.Clock.Advance(TimeSpan.FromMilliseconds 10L)
                            do! Task.Delay 1

                        let! received = receiving
                        let message = List.exactlyOne received
                        let late = rig.Clock.GetElapsedTime sent
                        late > TimeSpan.FromMilliseconds 300L |> shouldBeTrue
                        // The broker gives it out again by now, though the answer came less than ten minutes ago.
                        rig.Clock.Advance(seconds 600 - late)
                        let! acked = consumer.Ack(message, CancellationToken.None)

                        acked
                        |> shouldEqual (Error(RemotingError.ReceiptExpired(message.MessageId, false)))
                    })
        ]

let private invisibleTime =
    testList
        "invisible time"
        [
            liveWith
                withRig
                "a changed invisible time takes effect, and all received messages are acknowledged at once"
                (fun rig ->
                    task {
                        for number in 1..20 do
                            do! rig.Send $"m{number}"

                        use! consumer = simpleOf rig
                        let! received = lease consumer 32 (seconds 10)
                        received.Length |> shouldEqual 20

                        let! changed =
                            consumer.ChangeInvisible(received.Head, seconds 60, CancellationToken.None)

                        let changed = Buffers.ok (Result.mapError RemotingError.describe changed)
                        let! failures = consumer.AckAll(received.Tail, CancellationToken.None)
                        failures |> shouldBeEmpty
                        rig.Clock.Advance(seconds 59)
                        do! rig.ShouldHaveRevived 0L
                        let! acked = consumer.Ack(changed, CancellationToken.None)
                        acked |> shouldEqual (Ok())
                        rig.Clock.Advance(seconds 60)
                        do! rig.ShouldHaveRevived 0L
                    })

            liveWith withRig "the invisible time of a message is renewed while its handler runs" (fun rig ->
                task {
                    let gate = TaskCompletionSource()
                    let seen = Deliveries()
                    do! rig.Send "a"

                    use! consumer =
                        startPop
                            (optionsOf rig)
                            (seen.NotingBefore(fun _ ->
                                task {
                                    do! gate.Task
                                    return ConsumeResult.Success
                                }))

                    do! until (fun () -> seen.Count = 1)

                    for renewals in 1L .. 3L do
                        rig.Clock.Advance(seconds 41)
                        do! until (fun () -> consumer.Renewals = renewals)

                    gate.SetResult()
                    do! until (fun () -> consumer.Acknowledged = 1L)
                    rig.Clock.Advance(seconds 600)
                    do! rig.ShouldHaveRevived 0L
                    seen.All |> shouldEqual [ "a", 0 ]
                })
        ]

let private renewal =
    testList
        "renewal"
        [
            liveWith
                withRig
                "the invisible time is renewed in time although the clock moves while its timer is set"
                (fun rig ->
                    task {
                        do! rig.Send "a"
                        let gate = TaskCompletionSource()
                        let before = rig.Clock.GetUtcNow()

                        // When two thirds of its time are over, as far as the consumer can know it.
                        let hurried =
                            HurriedClock(rig.Clock, (=) (seconds 37), (fun () -> rig.Clock.Advance(seconds 20)))

                        use! consumer =
                            startPop (popConsumerAt rig.Cluster.NameServers hurried "G") (fun _ _ ->
                                task {
                                    do! gate.Task
                                    return ConsumeResult.Success
                                })

                        do! until (fun () -> consumer.InFlight = 1 && rig.Clock.GetUtcNow() >= before + seconds 20)
                        rig.Clock.Advance(seconds 17)
                        do! until (fun () -> consumer.Renewals = 1L)
                        gate.SetResult()
                        do! until (fun () -> consumer.Acknowledged = 1L)
                    })

            liveWith
                withRig
                "the message of a handler that returns no task or no result is redelivered after ten seconds"
                (fun rig ->
                    task {
                        let mutable calls = 0
                        do! rig.Send "a"
                        do! rig.Send "b"

                        use! consumer =
                            startPop (optionsOf rig) (fun _ _ ->
                                match Interlocked.Increment &calls with
                                | 1 -> Unchecked.defaultof<Task<ConsumeResult>>
                                | 2 -> Task.FromResult Unchecked.defaultof<ConsumeResult>
                                | _ -> Task.FromResult ConsumeResult.Success)

                        do! until (fun () -> Volatile.Read &calls = 2 && consumer.InFlight = 0)
                        consumer.Acknowledged |> shouldEqual 0L
                        rig.Clock.Advance(seconds 10)
                        do! until (fun () -> consumer.Acknowledged = 2L)
                        Volatile.Read &calls |> shouldEqual 4
                    })
        ]

let private delayLevels =
    testList
        "delay levels"
        [
            liveWith
                withRig
                "a popped message is redelivered after the time of its delay level, and a dead letter like a failed one"
                (fun rig ->
                    task {
                        let mutable calls = 0
                        // How often the message had come back when it was given up.
                        let mutable returns = 0
                        // A verdict waits until the test has stopped the clock, so that it is given at a known time.
                        let mayAnswer = Array.init 2 (fun _ -> TaskCompletionSource())
                        do! rig.Send "a"

                        use! consumer =
                            startPop (optionsOf rig) (fun received _ ->
                                task {
                                    match Interlocked.Increment &calls with
                                    | 1 ->
                                        do! mayAnswer[0].Task
                                        return ConsumeResult.RetryAtLevel 5
                                    | 2 ->
                                        returns <- received.Message.ReconsumeTimes
                                        do! mayAnswer[1].Task
                                        return ConsumeResult.DeadLetter
                                    | _ -> return ConsumeResult.Success
                                })

                        for call in 1..2 do
                            // A pop that has waited meanwhile has run out of time by this clock, and is not repeated at
                            // once. An answer that comes while the clock runs away is one that nobody waits for, and its
                            // message comes back as well: so the clock is slow, and what came back before does not count.
                            do!
                                ChaosRig.passAtPace (TimeSpan.FromMilliseconds 100.0) rig.Clock (fun () ->
                                    Volatile.Read &calls = call)

                            let! before = rig.Revived
                            mayAnswer[call - 1].SetResult()
                            do! until (fun () -> consumer.InFlight = 0)
                            // It came back once, or once more if an answer was lost.
                            let wait = if call = 1 then 60 else [ 10; 30; 60; 120 ][returns]
                            rig.Clock.Advance(seconds (wait - 1))
                            do! rig.ShouldHaveRevived before
                            consumer.Acknowledged |> shouldEqual 0L
                            rig.Clock.Advance(seconds 1)
                            do! rig.ShouldHaveRevived(before + 1L)

                        do! ChaosRig.pass rig.Clock (fun () -> consumer.Acknowledged = 1L)
                    })
        ]

let private growingDelays =
    testList
        "growing delays"
        [
            liveWith withRig "a failed message is redelivered after ten seconds, the next time after thirty" (fun rig ->
                task {
                    let seen = Deliveries()
                    do! rig.Send "a"

                    use! consumer =
                        startPop
                            (optionsOf rig)
                            (seen.NotingBefore(fun count ->
                                task {
                                    match count with
                                    | 1 -> return failwith "the first time"
                                    | 2 -> return ConsumeResult.Retry
                                    | _ -> return ConsumeResult.Success
                                }))

                    do! until (fun () -> seen.Count = 1 && consumer.InFlight = 0)
                    rig.Clock.Advance(seconds 9)
                    do! rig.ShouldHaveRevived 0L
                    rig.Clock.Advance(seconds 1)
                    do! until (fun () -> seen.Count = 2 && consumer.InFlight = 0)
                    rig.Clock.Advance(seconds 29)
                    do! rig.ShouldHaveRevived 1L
                    rig.Clock.Advance(seconds 1)
                    do! rig.ShouldHaveRevived 2L
                    // The pop that waited meanwhile has run out of time by this clock, and is not repeated at once.
                    do! ChaosRig.pass rig.Clock (fun () -> consumer.Acknowledged = 1L)
                    seen.All |> shouldEqual [ "a", 0; "a", 1; "a", 2 ]
                })
        ]

let private orderlyRedelivery =
    testList
        "orderly redelivery"
        [
            liveWith
                withRig
                "in order, a failed message blocks those behind it in its queue, and none in another"
                (fun rig ->
                    task {
                        let seen = Deliveries()
                        do! rig.Send("makes the topic", 0)

                        for text in [ "a"; "b"; "c" ] do
                            do! rig.Send(text, 1)

                        do! rig.Send("x", 2)

                        use! consumer =
                            startPop (PopConsumerOptions.orderly (optionsOf rig)) (fun received _ ->
                                task {
                                    seen.Add received

                                    if textOf received = "b" && received.Message.ReconsumeTimes = 0 then
                                        return ConsumeResult.Retry
                                    else
                                        return ConsumeResult.Success
                                })

                        do! until (fun () -> seen.Count = 4 && consumer.InFlight = 0)
                        rig.Clock.Advance(seconds 1)
                        do! until (fun () -> consumer.Acknowledged = 5L)

                        seen.All
                        |> List.filter (fun (text, _) -> List.contains text [ "a"; "b"; "c" ])
                        |> List.map fst
                        |> shouldEqual [ "a"; "b"; "b"; "c" ]

                        rig.Clock.Advance(seconds 600)
                        do! rig.ShouldHaveRevived 0L
                    })
        ]

let private lostReceipts =
    testList
        "lost receipts"
        [
            liveWith
                withRig
                "in order, messages behind one whose receipt is lost are not handled before it is redelivered"
                (fun rig ->
                    task {
                        let gate = TaskCompletionSource()
                        let isTold = TaskCompletionSource()
                        let seen = Deliveries()
                        do! rig.Send("a", 1)
                        do! rig.Send("b", 1)

                        rig.Cluster.Brokers[0]
                            .Faults.On(RequestCode.ChangeMessageInvisibleTime)
                            .Refuse(ResponseCode.SystemError, "on purpose", Int32.MaxValue)

                        use! consumer =
                            startPop (PopConsumerOptions.orderly (optionsOf rig)) (fun received cancellation ->
                                task {
                                    seen.Add received

                                    if seen.Count = 1 then
                                        use _ = cancellation.Register(fun () -> isTold.TrySetResult() |> ignore)
                                        do! gate.Task

                                    return ConsumeResult.Success
                                })

                        do! until (fun () -> seen.Count = 1 && consumer.InFlight = 2)
                        rig.Clock.Advance(seconds 58)
                        do! isTold.Task
                        do! until (fun () -> consumer.Lost = 2L)
                        gate.SetResult()
                        rig.Cluster.Brokers[0].Faults.Heal()
                        rig.Clock.Advance(seconds 2)
                        do! ChaosRig.pass rig.Clock (fun () -> consumer.Acknowledged = 2L)
                        seen.All |> List.map fst |> shouldEqual [ "a"; "a"; "b" ]
                    })
        ]

let private concurrency =
    testList
        "concurrency"
        [
            liveWith withRig "no more messages are unacknowledged and no more handlers run than the limits" (fun rig ->
                task {
                    let gate = TaskCompletionSource()
                    let mutable running = 0
                    let mutable most = 0
                    let mutable mostHeld = 0

                    for number in 1..40 do
                        do! rig.Send $"m{number}"

                    let options =
                        optionsOf rig
                        |> (fun options ->
                            { options with
                                MaxUnackedMessages = 5
                                Concurrency = 2
                            })

                    let consumer = TaskCompletionSource<PopConsumer>()

                    let! started =
                        startPop options (fun _ _ ->
                            task {
                                let now = Interlocked.Increment &running
                                most <- max most now
                                let! consumer = consumer.Task
                                mostHeld <- max mostHeld consumer.InFlight
                                do! gate.Task
                                Interlocked.Decrement &running |> ignore
                                return ConsumeResult.Success
                            })

                    consumer.SetResult started
                    do! until (fun () -> started.InFlight = 5 && running = 2)
                    gate.SetResult()
                    do! until (fun () -> started.Acknowledged = 40L)
                    most |> shouldEqual 2
                    mostHeld |> shouldEqual 5
                    do! started.Close()
                })
        ]

let private closingTests =
    testList
        "closing"
        [
            liveWith withRig "closing waits for handlers, then cancels them, and releases their messages" (fun rig ->
                task {
                    let seen = Deliveries()
                    let cancelled = TaskCompletionSource()
                    do! rig.Send "quick"
                    do! rig.Send "slow"
                    let gate = TaskCompletionSource()

                    let options =
                        optionsOf rig
                        |> (fun options ->
                            { options with
                                DrainTimeout = seconds 5
                            })

                    let! consumer =
                        startPop options (fun received cancellation ->
                            task {
                                seen.Add received

                                if textOf received = "slow" then
                                    try
                                        do! never.WaitAsync cancellation
                                    finally
                                        cancelled.SetResult()
                                else
                                    do! gate.Task

                                return ConsumeResult.Success
                            })

                    do! until (fun () -> seen.Count = 2)
                    let closing = consumer.Close()
                    gate.SetResult()
                    do! until (fun () -> consumer.Acknowledged = 1L)
                    cancelled.Task.IsCompleted |> shouldBeFalse
                    closing.IsCompleted |> shouldBeFalse
                    rig.Clock.Advance(seconds 5)
                    do! cancelled.Task
                    do! closing
                    rig.Clock.Advance(seconds 1)
                    do! rig.ShouldHaveRevived 1L
                    seen.All |> List.sort |> shouldEqual [ "quick", 0; "slow", 0 ]
                })
        ]

let private starting =
    testList
        "starting"
        [
            liveWith withRig "a pop consumer does not start where brokers deliver by pull" (fun rig ->
                task {
                    do! rig.Send "a"

                    let options =
                        { optionsOf rig with
                            EnablePopMode = false
                        }

                    match! PopConsumer.Start(options, (fun _ _ -> Task.FromResult ConsumeResult.Success)) with
                    | Error(RemotingError.ConsumedByPull _ as error) ->
                        RemotingError.describe error |> shouldMention "by pull"
                    | other -> failtest $"%A{Result.map ignore other}"
                })

            liveWith withRig "a consumer with invalid settings does not start" (fun rig ->
                task {
                    let handler: PopHandler = fun _ _ -> Task.FromResult ConsumeResult.Success

                    let changes: (PopConsumerOptions -> PopConsumerOptions) list =
                        [
                            (fun options -> { options with Concurrency = 0 })
                            (fun options -> { options with PopBatch = 33 })
                            (fun options ->
                                { options with
                                    InvisibleTime = TimeSpan.Zero
                                })
                            (fun options -> { options with MaxUnackedMessages = 0 })
                            (fun options ->
                                { options with
                                    Consumer = ConsumerOptions.create "G" []
                                })
                            PopConsumerOptions.subscribe "a topic" Filter.all
                        ]

                    for change in changes do
                        let! outcome = PopConsumer.Start(change (optionsOf rig), handler)
                        outcome |> Result.isError |> shouldBeTrue

                    do! rig.Send "a"
                    use! consumer = simpleOf rig

                    for count, invisible in [ 0, seconds 10; 1, TimeSpan.Zero; 1, TimeSpan.FromDays 1 ] do
                        let! outcome = consumer.Receive(count, invisible, CancellationToken.None)
                        outcome |> Result.isError |> shouldBeTrue
                })
        ]

[<Tests>]
let tests =
    testList
        "Pop consumers"
        [
            receipts
            lateAcknowledgements
            laterReceipts
            invisibleTime
            renewal
            delayLevels
            growingDelays
            orderlyRedelivery
            lostReceipts
            concurrency
            closingTests
            starting
        ]
