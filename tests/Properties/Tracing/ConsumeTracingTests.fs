/// Traces of consumers, as they lie in the embedded broker.
module RocketMq.Protocol.Tests.ConsumeTracingTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private system = TimeProvider.System

let private withTopic (test: EmbeddedCluster -> Task) : Task =
    task {
        use! cluster = startCluster (fun options -> options.Masters <- 1)
        do! cluster.CreateTopicAsync("T", 1)
        do! test cluster
    }

let private traced (options: PushConsumerOptions) =
    { options with
        TraceTopic = Some TraceRecords.defaultTopic
    }

let private startsOf records =
    records
    |> List.choose (fun record ->
        match record with
        | ConsumeStartTraced start -> Some start
        | _ -> None)

let private endsOf records =
    records
    |> List.choose (fun record ->
        match record with
        | ConsumeEndTraced end' -> Some end'
        | _ -> None)

/// Sends texts one after the other, each with keys and perhaps more, and gives their ids.
let private sendWith (cluster: EmbeddedCluster) change (texts: string list) : Task<Map<string, string>> =
    task {
        use producer = start (producerOf cluster system)
        let mutable ids = Map.empty

        for text in texts do
            let! sent =
                Message.ofText "T" text
                |> Message.withKeys [ $"key-{text}" ]
                |> change
                |> send producer

            ids <- Map.add (Buffers.ok sent).UniqueId text ids

        return ids
    }

/// Does what the text says.
let private obeying (seen: Seen) (received: ReceivedMessage) =
    let text = textOf received
    seen.Add text

    match text with
    | "fails" -> ConsumeResult.Retry
    | "throws" -> raise (InvalidOperationException "on purpose")
    | _ -> ConsumeResult.Success

let private each (seen: Seen) =
    ConsumeHandler.EachMessage(fun received _ -> ValueTask<ConsumeResult>(obeying seen received))

/// Text, success, return and retries of each call, in no order.
let private callsIn (ids: Map<string, string>) records =
    let starts = startsOf records |> List.map (fun start -> start.RequestId, start)

    [
        for end' in endsOf records do
            let start = starts |> List.find (fst >> (=) end'.RequestId) |> snd
            start.MessageId |> shouldEqual end'.MessageId
            start.Keys |> shouldEqual end'.Keys
            ids[end'.MessageId], end'.IsSuccess, end'.Return, start.RetryTimes
    ]
    |> List.sort

let private recordsTests =
    [
        liveWith withTopic "each call leaves a record before it and one after it with its outcome" (fun cluster ->
            task {
                let! ids = sendWith cluster id [ "good"; "fails"; "throws" ]
                let seen = Seen()

                let! consumer =
                    startConsumer
                        (consumerOf cluster system "C"
                         |> PushConsumerOptions.subscribe "T" Filter.all
                         |> traced)
                        (each seen)

                do! until (fun () -> consumer.Health.Consumed = 1L && consumer.Health.SentBack = 2L)
                do! consumer.Close()
                consumer.Health.DroppedTraces |> shouldEqual 0L
                let! records = tracesIn cluster TraceRecords.defaultTopic

                callsIn ids records
                |> shouldEqual
                    [
                        "fails", false, ConsumeFailed, 0
                        "good", true, ConsumeSuccess, 0
                        "throws", false, ConsumeException, 0
                    ]

                for start in startsOf records do
                    start.Group |> shouldEqual "C"
                    start.Region |> shouldEqual (Some "DefaultRegion")
                    start.Keys |> shouldEqual (Some $"key-{ids[start.MessageId]}")

                for end' in endsOf records do
                    end'.Origin |> Option.map _.Group |> shouldEqual (Some "C")
            })
    ]

let private switchedOff =
    [
        liveWith withTopic "no trace is written when tracing is off" (fun cluster ->
            task {
                let! ids = sendWith cluster id [ "open" ]

                let consume options =
                    task {
                        let seen = Seen()

                        let! consumer =
                            startConsumer (options |> PushConsumerOptions.subscribe "T" Filter.all) (each seen)

                        do! until (fun () -> consumer.Health.Consumed = 1L)
                        do! consumer.Close()
                    }

                do! consume (consumerOf cluster system "silent")
                let! none = tracesIn cluster TraceRecords.defaultTopic
                none |> shouldBeEmpty
                do! consume (consumerOf cluster system "C" |> traced)
                let! records = tracesIn cluster TraceRecords.defaultTopic
                callsIn ids records |> shouldEqual [ "open", true, ConsumeSuccess, 0 ]
            })
    ]

let private orderlyCalls =
    [
        liveWith
            withTopic
            "in order, a message that fails is traced with each of its calls and how often it had failed"
            (fun cluster ->
                task {
                    let! ids = sendWith cluster id [ "a"; "b" ]
                    let mutable failures = 0

                    let handler =
                        ConsumeHandler.EachMessage(fun received _ ->
                            let fails = textOf received = "a" && Interlocked.Increment &failures <= 2

                            ValueTask<ConsumeResult>(if fails then ConsumeResult.Retry else ConsumeResult.Success))

                    let! consumer =
                        startConsumer
                            (consumerOf cluster system "C"
                             |> PushConsumerOptions.subscribe "T" Filter.all
                             |> PushConsumerOptions.orderly
                             |> (fun options ->
                                 { options with
                                     SuspendCurrentQueueTime = TimeSpan.FromMilliseconds 10L
                                 })
                             |> traced)
                            handler

                    do! until (fun () -> consumer.Health.Consumed = 2L)
                    do! consumer.Close()
                    let! records = tracesIn cluster TraceRecords.defaultTopic

                    callsIn ids records
                    |> shouldEqual
                        [
                            "a", false, ConsumeFailed, 0
                            "a", false, ConsumeFailed, 1
                            "a", true, ConsumeSuccess, 2
                            "b", true, ConsumeSuccess, 0
                        ]
                })
    ]

let private batches =
    [
        liveWith
            withTopic
            "a batch's records have one request id; a call that outlasts its limit says so"
            (fun cluster ->
                task {
                    let! ids = sendWith cluster id [ "a"; "b"; "c" ]

                    let handler =
                        ConsumeHandler.Batches(fun _ cancellation ->
                            ValueTask<ConsumeResult>(
                                task {
                                    let told = TaskCompletionSource()
                                    use _ = cancellation.Register(fun () -> told.SetResult())
                                    do! told.Task
                                    return ConsumeResult.Success
                                }
                            ))

                    let! consumer =
                        startConsumer
                            (consumerOf cluster system "C"
                             |> PushConsumerOptions.subscribe "T" Filter.all
                             |> (fun options ->
                                 { options with
                                     ConsumeTimeout = TimeSpan.FromMilliseconds 200L
                                 })
                             |> traced)
                            handler

                    do! until (fun () -> consumer.Health.Consumed + consumer.Health.SentBack >= 3L)
                    do! consumer.Close()
                    let! records = tracesIn cluster TraceRecords.defaultTopic

                    let starts = startsOf records
                    starts |> List.map _.RequestId |> List.distinct |> List.length |> shouldEqual 1

                    starts
                    |> List.map (fun start -> ids[start.MessageId])
                    |> shouldEqual [ "a"; "b"; "c" ]

                    for end' in endsOf records do
                        (end'.IsSuccess, end'.Return) |> shouldEqual (true, ConsumeTimedOut)
                        // The time of the call, divided among three.
                        int64 end'.CostMillis |> shouldExceed 60L
                })
    ]

let private namespaces =
    [
        liveWith
            withTopic
            "with a namespace, traces name the group without it and go to the trace topic without it"
            (fun cluster ->
                task {
                    do! cluster.CreateTopicAsync("NS%T", 1)
                    do! cluster.CreateTopicAsync("traces", 1)

                    use producer =
                        start
                            { producerOf cluster system with
                                Client.Namespace = "NS"
                            }

                    let! sent = send producer (Message.ofText "T" "a")
                    let id = (Buffers.ok sent).UniqueId
                    let seen = Seen()

                    let! consumer =
                        startConsumer
                            (consumerOf cluster system "C"
                             |> (fun options ->
                                 { options with
                                     Consumer.Client.Namespace = "NS"
                                 })
                             |> PushConsumerOptions.subscribe "T" Filter.all
                             |> (fun options ->
                                 { options with
                                     TraceTopic = Some "traces"
                                 }))
                            (each seen)

                    do! until (fun () -> consumer.Health.Consumed = 1L)
                    do! consumer.Close()
                    let! records = tracesIn cluster "traces"

                    startsOf records
                    |> List.map (fun start -> start.Group, start.MessageId)
                    |> shouldEqual [ "C", id ]

                    endsOf records
                    |> List.map (fun end' -> end'.Origin |> Option.map _.Group)
                    |> shouldEqual [ Some "C" ]
                })
    ]

let private traceReaders =
    [
        liveWith withTopic "a consumer of the trace topic leaves no traces" (fun cluster ->
            task {
                do! cluster.CreateTopicAsync("traces", 1)
                let! _ = sendWith cluster id [ "a" ]

                let! consumer =
                    startConsumer
                        (consumerOf cluster system "C"
                         |> PushConsumerOptions.subscribe "T" Filter.all
                         |> PushConsumerOptions.subscribe "traces" Filter.all
                         |> (fun options ->
                             { options with
                                 TraceTopic = Some "traces"
                             }))
                        (ConsumeHandler.EachMessage(fun _ _ -> ValueTask<ConsumeResult> ConsumeResult.Success))

                // The message, its trace before, its trace after; the two may come as one.
                do! until (fun () -> consumer.Health.Consumed >= 2L)
                do! consumer.Close()
                let! records = tracesIn cluster "traces"
                records.Length |> shouldEqual 2
            })
    ]

let private lostTraces =
    [
        live "traces that are not stored in time are dropped and counted, and no consumer waits for them" (fun () ->
            task {
                let asked = TaskCompletionSource()
                let stored = TaskCompletionSource<Result<SendReceipt, RemotingError>>()

                let send _ =
                    asked.TrySetResult() |> ignore
                    stored.Task

                let tracing = Tracing("traces", "", system, send)

                let trace number =
                    ConsumeTraces.before "g" $"{number}" 0L [ Parts.emptyMessage; Parts.emptyMessage ]

                tracing.AddAll(trace 0)
                do! asked.Task
                let waiting = 2048

                for number in 1..waiting do
                    tracing.AddAll(trace number)

                tracing.Dropped |> shouldEqual 0L
                tracing.AddAll(trace 0)
                tracing.Dropped |> shouldEqual 2L
                stored.SetResult(Error(RemotingError.NoRoute("traces", [])))
                do! tracing.Close()
                tracing.Dropped |> shouldEqual (2L + 2L * int64 (waiting + 1))
                tracing.AddAll(trace 0)
                tracing.Dropped |> shouldEqual (4L + 2L * int64 (waiting + 1))
            })
    ]

let private longKeys =
    [
        liveWith
            (withQueues 1)
            "no trace is lost when the keys of the messages together are longer than properties may be"
            (fun clock cluster ->
                task {
                    let keyed number =
                        Message.ofText "T" $"m{number}" |> Message.withKeys [ string (Guid.NewGuid()) ]

                    let count, handlers = 1_200, 20
                    let mutable running = 0
                    let all = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously
                    use producer = start (producerOf cluster system)

                    do!
                        inCrowd 32 0 count (fun number ->
                            task {
                                let! sent = send producer (keyed number)
                                sent |> Buffers.ok |> ignore<SendReceipt>
                            })

                    // While the first trace is not answered, the others gather.
                    cluster.Brokers[0].Faults.On(RequestCode.SendMessageV2).AnswerLate(TimeSpan.FromSeconds 1L)

                    let! consumer =
                        startConsumer
                            (consumerOf cluster clock "C"
                             |> PushConsumerOptions.subscribe "T" Filter.all
                             |> (fun options -> { options with Concurrency = handlers })
                             |> traced)
                            (ConsumeHandler.Batches(fun _ _ ->
                                // Batchable: the records before their calls stand one behind the other.
                                ValueTask<ConsumeResult>(
                                    task {
                                        if Interlocked.Increment &running = handlers then
                                            all.SetResult()

                                        do! all.Task
                                        return ConsumeResult.Success
                                    }
                                )))

                    do! until (fun () -> consumer.Health.Consumed = int64 count)
                    let mutable isStored = false

                    while not isStored do
                        let! records = tracesIn cluster TraceRecords.defaultTopic
                        isStored <- not records.IsEmpty

                    clock.Advance(TimeSpan.FromSeconds 1L)
                    do! consumer.Close()
                    consumer.Health.DroppedTraces |> shouldEqual 0L
                    let! records = tracesIn cluster TraceRecords.defaultTopic
                    startsOf records |> List.length |> shouldEqual count
                    endsOf records |> List.length |> shouldEqual count
                })
    ]

let private traceTopics =
    [
        testCase "a trace topic must be a topic"
        <| fun () ->
            match
                PushConsumerOptions.create "C" []
                |> (fun options -> { options with TraceTopic = Some "a b" })
                |> PushConsumerOptions.check
            with
            | Error error -> RemotingError.describe error |> shouldMention "trace: the topic is not valid"
            | Ok() -> failtest "took it"
    ]

let private push =
    recordsTests
    @ switchedOff
    @ orderlyCalls
    @ batches
    @ namespaces
    @ traceReaders
    @ lostTraces
    @ longKeys
    @ traceTopics

let private pull =
    [
        liveWith withTopic "what a pull consumer gives to the application is traced, polled or received" (fun cluster ->
            task {
                let! ids = sendWith cluster id [ "a"; "b"; "c" ]

                let options =
                    PullConsumerOptions.create "P" (endpointsOf cluster.NameServers)
                    |> PullConsumerOptions.subscribe "T" Filter.all
                    |> (fun options ->
                        { options with
                            Consumer.ConsumeFrom = FirstOffset
                            TraceTopic = Some TraceRecords.defaultTopic
                        })

                let! consumer = PullRig.startPull options
                let! _ = consumer.Receive CancellationToken.None
                let mutable received = 1

                while received < 3 do
                    let! more = consumer.Poll(2, TimeSpan.FromSeconds 1L, CancellationToken.None)
                    received <- received + (Buffers.ok more).Length

                do! consumer.Close()
                consumer.Health.DroppedTraces |> shouldEqual 0L
                let! records = tracesIn cluster TraceRecords.defaultTopic

                startsOf records
                |> List.map (fun start -> ids[start.MessageId], start.Group)
                |> List.sort
                |> shouldEqual [ "a", "P"; "b", "P"; "c", "P" ]

                endsOf records
                |> List.map (fun end' -> ids[end'.MessageId], end'.IsSuccess, end'.Return)
                |> List.sort
                |> shouldEqual [ for text in [ "a"; "b"; "c" ] -> text, true, ConsumeSuccess ]
            })
    ]

let private pop =
    [
        for isOrderly in [ false; true ] do
            liveWith withTopic $"a pop consumer's calls are traced, in order: {isOrderly}" (fun cluster ->
                task {
                    let! ids = sendWith cluster id [ "good"; "throws" ]
                    let seen = Seen()

                    let options =
                        PopConsumerOptions.create "G" (endpointsOf cluster.NameServers)
                        |> PopConsumerOptions.subscribe "T" Filter.all
                        |> (fun options ->
                            { options with
                                Consumer.ConsumeFrom = FirstOffset
                            })
                        |> PopConsumerOptions.enablingPopMode
                        |> (fun options ->
                            { options with
                                TraceTopic = Some TraceRecords.defaultTopic
                            })

                    let handle (received: ReceivedMessage) (_: CancellationToken) : Task<ConsumeResult> =
                        match obeying seen received with
                        | ConsumeResult.Success -> Task.FromResult ConsumeResult.Success
                        | _ -> Task.FromResult ConsumeResult.Retry

                    let! started =
                        PopConsumer.Start(
                            (if isOrderly then
                                 PopConsumerOptions.orderly options
                             else
                                 options),
                            handle
                        )

                    let consumer = Buffers.ok started
                    do! until (fun () -> seen.Count = 2 && consumer.Acknowledged = 1L)
                    do! consumer.Close()
                    consumer.DroppedTraces |> shouldEqual 0L
                    let! records = tracesIn cluster TraceRecords.defaultTopic

                    callsIn ids records
                    |> List.distinct
                    |> List.filter (fun (_, _, _, retries) -> retries = 0)
                    |> shouldEqual [ "good", true, ConsumeSuccess, 0; "throws", false, ConsumeException, 0 ]
                })
    ]

[<Tests>]
let tests = testList "Consume tracing" (push @ pull @ pop)
