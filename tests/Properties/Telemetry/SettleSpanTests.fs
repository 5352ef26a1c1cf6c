/// Spans of settlements, and of what applications receive: each links to the traces of its messages.
module RocketMq.Protocol.Tests.SettleSpanTests

open System
open System.Diagnostics
open RocketMq
open RocketMq.Embedded

let private none = CancellationToken.None

/// One broker with a topic of one queue in which messages lie, and the spans of it.
let private withSent
    topic
    (texts: string list)
    (test: EmbeddedClock -> EmbeddedCluster -> Spans -> ActivityContext list -> Task)
    : Task =
    withSpans topic (fun clock cluster spans ->
        task {
            use producer = start (producerOf cluster clock)
            do! sendEach producer [ for text in texts -> Message.ofText topic text ]
            let contexts = spans.Of TelemetryNames.send |> List.map _.Context
            do! test clock cluster spans contexts
        })

let private popOf cluster clock topic =
    { popOf cluster clock topic with
        InvisibleTime = seconds 10
    }

let private simpleOf (cluster: EmbeddedCluster) clock topic =
    let options = simpleConsumerAt cluster.NameServers clock "C"

    startSimple
        { options with
            Consumer.Subscriptions = [ topic, Filter.all ]
        }

/// A client span of an operation that settles or receives, with links to these contexts.
let private shouldLink (operation: string) kind (contexts: ActivityContext list) (span: Activity) =
    span.Kind |> shouldEqual ActivityKind.Client
    textTagOf TelemetryNames.operationName span |> shouldEqual operation
    textTagOf TelemetryNames.operationType span |> shouldEqual kind
    textTagOf TelemetryNames.group span |> shouldEqual "C"

    linksOf span
    |> List.map namesOf
    |> List.sort
    |> shouldEqual (contexts |> List.map namesOf |> List.sort)

let private shouldSettle operation contexts span =
    shouldLink operation "settle" contexts span
    textTagOf TelemetryNames.serverAddress span |> shouldEqual "127.0.0.1"

let private settled =
    testList
        "settlements"
        [
            live "acknowledgements of a POP consumer are spans apart from the handler's" (fun () ->
                withSent "settle-ack" [ "a" ] (fun clock cluster spans contexts ->
                    task {
                        use! _consumer =
                            startPop (popOf cluster clock "settle-ack") (fun _ _ ->
                                Task.FromResult ConsumeResult.Success)

                        do! ChaosRig.pass clock (fun () -> not (spans.Of TelemetryNames.ack).IsEmpty)
                        let span = List.exactlyOne (spans.Of TelemetryNames.ack)
                        span.DisplayName |> shouldEqual "ack settle-ack"
                        span.ParentSpanId |> shouldEqual (Unchecked.defaultof<ActivitySpanId>)
                        shouldSettle "ack" contexts span
                    }))

            live "a message that fails is a nack, and one whose handler takes long is extended" (fun () ->
                withSent "settle-nack" [ "a" ] (fun clock cluster spans contexts ->
                    task {
                        let hold = TaskCompletionSource<ConsumeResult>()

                        use! _consumer = startPop (popOf cluster clock "settle-nack") (fun _ _ -> hold.Task)

                        do! ChaosRig.pass clock (fun () -> not (spans.Of TelemetryNames.extend).IsEmpty)
                        shouldSettle "extend" contexts (spans.Of TelemetryNames.extend).Head
                        hold.SetResult ConsumeResult.Retry
                        do! ChaosRig.pass clock (fun () -> not (spans.Of TelemetryNames.nack).IsEmpty)
                        shouldSettle "nack" contexts (spans.Of TelemetryNames.nack).Head
                    }))

            live "what a simple consumer acknowledges together has one span, with a link for each" (fun () ->
                withSent "settle-simple" [ "a"; "b"; "c" ] (fun clock cluster spans contexts ->
                    task {
                        use! consumer = simpleOf cluster clock "settle-simple"
                        let! received = lease consumer 3 (seconds 60)
                        received.Length |> shouldEqual 3
                        let! changed = ok (consumer.ChangeInvisible(received[0], seconds 90, none))

                        List.exactlyOne (spans.Of TelemetryNames.extend)
                        |> shouldSettle "extend" [ changed.Received.TraceContext ]

                        let! failures = consumer.AckAll(changed :: received.Tail, none)
                        failures |> shouldEqual []
                        let acks = spans.Of TelemetryNames.ack
                        List.collect linksOf acks |> List.length |> shouldEqual 3

                        List.collect linksOf acks
                        |> List.map namesOf
                        |> List.sort
                        |> shouldEqual (contexts |> List.map namesOf |> List.sort)
                    }))
        ]

/// What applications are given to go on with the trace is the context of the send.
let private shouldCarry (contexts: ActivityContext list) (received: ReceivedMessage list) =
    received
    |> List.map (fun one -> namesOf one.TraceContext)
    |> shouldEqual (contexts |> List.map namesOf)

let private received =
    testList
        "receives"
        [
            live "a simple consumer's receive links to its messages" (fun () ->
                withSent "receive-simple" [ "a"; "b" ] (fun clock cluster spans contexts ->
                    task {
                        use! consumer = simpleOf cluster clock "receive-simple"
                        let! received = lease consumer 2 (seconds 60)
                        received |> List.map _.Received |> shouldCarry contexts
                        let span = List.exactlyOne (spans.Of TelemetryNames.receive)
                        span.DisplayName |> shouldEqual "receive receive-simple"
                        shouldLink "receive" "receive" contexts span
                        textTagOf TelemetryNames.batchCount span |> shouldEqual "2"
                    }))

            live "so do those of a pull consumer, one by one and together" (fun () ->
                withSent "receive-pull" [ "a"; "b"; "c" ] (fun clock cluster spans contexts ->
                    task {
                        let options =
                            PullRig.pullerOf cluster clock
                            |> PullConsumerOptions.subscribe "receive-pull" Filter.all

                        use! consumer = PullRig.startPull options
                        let! first = ok (consumer.Receive none)
                        shouldCarry [ contexts.Head ] [ first ]

                        List.exactlyOne (spans.Of TelemetryNames.receive)
                        |> shouldLink "receive" "receive" [ contexts.Head ]

                        let mutable rest = []

                        while rest.Length < 2 do
                            let! more = ok (consumer.Poll(10, TimeSpan.FromHours 1.0, none))
                            rest <- rest @ List.ofArray more

                        shouldCarry contexts.Tail rest

                        spans.Of TelemetryNames.receive
                        |> List.tail
                        |> List.collect linksOf
                        |> List.map namesOf
                        |> shouldEqual (contexts.Tail |> List.map namesOf)
                    }))
        ]

let private receivedDirectly =
    testList
        "receives of the application's own"
        [
            live "so do those of a pull client, and a pull that finds nothing is none" (fun () ->
                withSent "receive-client" [ "a" ] (fun clock cluster spans contexts ->
                    task {
                        use client = PullClient.Create(PullRig.pullClientOf cluster clock) |> Buffers.ok

                        let queue =
                            { PullRig.queueOf cluster 0 with
                                Topic = "receive-client"
                            }

                        let! batch = ok (client.Pull(queue, Filter.all, 0L, 10, none))
                        batch.Messages |> List.ofArray |> shouldCarry contexts

                        let! (_: PulledBatch) =
                            ok (client.Pull(queue, Filter.all, batch.NextOffset, 10, none))

                        List.exactlyOne (spans.Of TelemetryNames.receive)
                        |> shouldLink "receive" "receive" contexts
                    }))

            live "a receive span is a child of what is current at the application" (fun () ->
                withSent "receive-parent" [ "a" ] (fun clock cluster spans _ ->
                    task {
                        use! consumer = simpleOf cluster clock "receive-parent"
                        use parent = new Activity("test")
                        parent.SetIdFormat(ActivityIdFormat.W3C).Start() |> ignore<Activity>
                        let! (_: LeasedMessage list) = lease consumer 1 (seconds 60)
                        let span = List.exactlyOne (spans.Of TelemetryNames.receive)
                        span.ParentSpanId |> shouldEqual parent.SpanId
                        obj.ReferenceEquals(Activity.Current, parent) |> shouldBeTrue
                    }))
        ]

let private conversations =
    testList
        "requests and replies"
        [
            live "a request is one trace with the handler that replies, and with its reply" (fun () ->
                withSent "reply" [] (fun clock cluster spans _ ->
                    task {
                        use replier = start (producerOf cluster clock)

                        let handler =
                            ConsumeHandler.EachMessage(fun received _ ->
                                ValueTask<ConsumeResult>(
                                    task {
                                        let! (_: SendReceipt) =
                                            Reply.create received.Message received.Message.StoredBody
                                            |> send replier
                                            |> ok

                                        return ConsumeResult.Success
                                    }
                                ))

                        use! _consumer = startConsumer (pushOf cluster clock "reply") handler
                        use producer = start (producerOf cluster clock)
                        let message = Message.ofText "reply" "ping"

                        let! (_: StoredMessage) =
                            ok (producer.Request(message, TimeSpan.FromHours 1.0, AnyQueue, none))

                        let! processing = spans.Await(TelemetryNames.processing, 1)
                        let sent = List.exactlyOne (spans.Of TelemetryNames.send)
                        processing.Head.ParentSpanId |> shouldEqual sent.SpanId
                    }))
        ]

/// A timed message, and the span of its recall, which `recall` says how to make of its handle.
let private recalled topic (recall: string -> string) (test: Activity -> SendReceipt -> Task) : Task =
    withSpans topic (fun clock cluster spans ->
        task {
            use producer = start (producerOf cluster clock)

            let! timed =
                Message.ofText topic "x"
                |> Message.withDelay (TimeSpan.FromHours 1.0)
                |> send producer
                |> ok

            let handle = recall (Option.get timed.RecallHandle)
            let! (_: Result<string, RemotingError>) = producer.Recall(topic, handle, none)
            do! test (List.exactlyOne (spans.Of TelemetryNames.recall)) timed
        })

let private recalls =
    testList
        "recalls"
        [
            live "a recall is a span of its own, with the message's id and its broker" (fun () ->
                recalled "recall-one" id (fun span timed ->
                    task {
                        span.DisplayName |> shouldEqual "recall recall-one"
                        span.Kind |> shouldEqual ActivityKind.Client
                        textTagOf TelemetryNames.operationType span |> shouldEqual "settle"
                        textTagOf TelemetryNames.messageId span |> shouldEqual timed.UniqueId
                        textTagOf TelemetryNames.serverAddress span |> shouldEqual "127.0.0.1"
                        span.Status |> shouldEqual ActivityStatusCode.Unset
                    }))

            live "one that fails says how" (fun () ->
                recalled "recall-wrong" (fun _ -> "no handle") (fun span _ ->
                    task {
                        span.Status |> shouldEqual ActivityStatusCode.Error
                        textTagOf TelemetryNames.errorType span |> shouldEqual "Invalid"
                    }))

            live "it is timed as a settlement, and counts as no send" (fun () ->
                withMeasurements "recall-measured" (fun clock cluster measured ->
                    task {
                        use producer = start (producerOf cluster clock)
                        let! refused = producer.Recall("recall-measured", "no handle", none)
                        refused |> Result.isError |> shouldBeTrue
                        let timed = List.exactlyOne (measured.Of TelemetryNames.operationDuration)
                        timed.Tags[TelemetryNames.operationName] |> shouldEqual "recall"
                        timed.Tags[TelemetryNames.operationType] |> shouldEqual "settle"
                        measured.Of TelemetryNames.sentMessages |> shouldEqual []
                    }))
        ]

[<Tests>]
let tests =
    testList "Spans of settlements" [ settled; received; receivedDirectly; conversations; recalls ]
