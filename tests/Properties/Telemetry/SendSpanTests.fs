/// Spans of sends, and the contexts that messages take along.
module RocketMq.Protocol.Tests.SendSpanTests

open System
open System.Diagnostics
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private none = CancellationToken.None
let private system = TimeProvider.System
let private valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

let private withSpans topic (test: EmbeddedCluster -> Spans -> Task) =
    withSpans topic (fun _ cluster spans -> test cluster spans)

let private contextOf (message: StoredMessage) =
    match TraceContext.tryRead message.Properties with
    | ValueSome context -> ValueSome(namesOf context)
    | ValueNone -> ValueNone

let private contextsIn cluster topic : Task<struct (string * string) voption list> =
    task {
        let! all = readAll cluster topic 1

        return
            [
                for messages in all.Values do
                    for message in messages -> contextOf message
            ]
    }

/// Of one span that there is, the message's context.
let private shouldBeInjected cluster topic (spans: Spans) : Task =
    task {
        let span = List.exactlyOne (spans.Of TelemetryNames.send)
        let! contexts = contextsIn cluster topic
        contexts |> shouldEqual [ ValueSome(namesOf span.Context) ]
        span.Kind |> shouldEqual ActivityKind.Producer
        span.DisplayName |> shouldEqual $"send {topic}"
        Activity.Current |> isNull |> shouldBeTrue
    }

let private one =
    testList
        "one message"
        [
            live "a send is a span of kind producer, whose context the message takes along" (fun () ->
                withSpans "send-one" (fun cluster spans ->
                    task {
                        use producer = start (producerOf cluster system)

                        let! receipt =
                            Message.ofText "send-one" "hello"
                            |> Message.withTag "tag"
                            |> Message.withKeys [ "k1"; "k2" ]
                            |> send producer
                            |> ok

                        do! shouldBeInjected cluster "send-one" spans
                        let span = List.exactlyOne spans.All

                        for name, value in
                            [
                                TelemetryNames.system, "rocketmq"
                                TelemetryNames.operationName, "send"
                                TelemetryNames.operationType, "send"
                                TelemetryNames.destination, "send-one"
                                TelemetryNames.messageId, receipt.UniqueId
                                TelemetryNames.bodySize, "5"
                                TelemetryNames.tag, "tag"
                                TelemetryNames.messageType, "normal"
                                TelemetryNames.partition, $"{receipt.Queue.BrokerName}/0"
                                TelemetryNames.space, ""
                                $"{span.Status}", ""
                            ] do
                            textTagOf name span |> shouldEqual value

                        let address = (endpointsOf cluster.Brokers[0].Address).Head
                        textTagOf TelemetryNames.serverAddress span |> shouldEqual address.Host
                        textTagOf TelemetryNames.serverPort span |> shouldEqual (string address.Port)

                        match tagOf TelemetryNames.keys span with
                        | ValueSome(:? (string[]) as keys) -> keys |> shouldEqual [| "k1"; "k2" |]
                        | other -> failtest $"keys are %A{other}"
                    }))
        ]

let private parents =
    testList
        "parents and contexts"
        [
            live "its parent is what is current where the message is sent, and stays current there" (fun () ->
                withSpans "send-parent" (fun cluster spans ->
                    task {
                        use producer = start (producerOf cluster system)
                        use parent = new Activity("test")
                        parent.SetIdFormat(ActivityIdFormat.W3C).Start() |> ignore<Activity>
                        let sending = send producer (Message.ofText "send-parent" "x")
                        obj.ReferenceEquals(Activity.Current, parent) |> shouldBeTrue
                        let! (_: SendReceipt) = ok sending
                        let span = List.exactlyOne spans.All
                        span.ParentSpanId |> shouldEqual parent.SpanId
                        span.TraceId |> shouldEqual parent.TraceId
                    }))

            live "a context that the application has put there is not touched, and the span links to it" (fun () ->
                withSpans "send-own" (fun cluster spans ->
                    task {
                        use producer = start (producerOf cluster system)

                        let! (_: SendReceipt) =
                            Message.ofText "send-own" "x"
                            |> Message.withProperty "traceparent" valid
                            |> send producer
                            |> ok

                        let! contexts = contextsIn cluster "send-own"
                        let own = struct (valid.Substring(3, 32), valid.Substring(36, 16))
                        contexts |> shouldEqual [ ValueSome own ]
                        let span = List.exactlyOne spans.All
                        span.Kind |> shouldEqual ActivityKind.Client
                        linksOf span |> List.map namesOf |> shouldEqual [ own ]
                    }))

            live "a message that nobody listens for has no context" (fun () ->
                withSpans "send-heard" (fun cluster _ ->
                    task {
                        do! cluster.CreateTopicAsync("send-unheard", 1)
                        use producer = start (producerOf cluster system)
                        let! (_: SendReceipt) = ok (send producer (Message.ofText "send-unheard" "x"))
                        let! contexts = contextsIn cluster "send-unheard"
                        contexts |> shouldEqual [ ValueNone ]
                    }))
        ]

let private kinds =
    testList
        "kinds of messages"
        [
            live "delays, keys of order and interceptors' changes are told" (fun () ->
                withSpans "send-kinds" (fun cluster spans ->
                    task {
                        let tagging = fun message next -> next (Message.withTag "intercepted" message)

                        use producer =
                            producerOf cluster system |> ProducerOptions.withInterceptor tagging |> start

                        let of' change =
                            task {
                                let! (_: SendReceipt) =
                                    Message.ofText "send-kinds" "x" |> change |> send producer |> ok

                                return List.last spans.All
                            }

                        let! fifo = of' (Message.withShardingKey "order")
                        textTagOf TelemetryNames.messageType fifo |> shouldEqual "fifo"
                        textTagOf TelemetryNames.shardingKey fifo |> shouldEqual "order"
                        textTagOf TelemetryNames.tag fifo |> shouldEqual "intercepted"
                        let! delayed = of' (Message.withDelayLevel 3)
                        textTagOf TelemetryNames.messageType delayed |> shouldEqual "delay"
                        textTagOf TelemetryNames.delayLevel delayed |> shouldEqual "3"
                        let at = DateTimeOffset.UtcNow.AddMinutes 1.0
                        let! timed = of' (Message.withDeliveryAt at)

                        textTagOf TelemetryNames.deliveryTimestamp timed
                        |> shouldEqual (string (at.ToUnixTimeMilliseconds()))
                    }))

            live "a one-way send has a span as well" (fun () ->
                withSpans "send-one-way" (fun cluster spans ->
                    task {
                        use producer = start (producerOf cluster system)
                        do! ok (producer.SendOneWay(Message.ofText "send-one-way" "x", AnyQueue, none))
                        let mutable contexts = []

                        while contexts.IsEmpty do
                            let! found = contextsIn cluster "send-one-way"
                            contexts <- found

                        do! shouldBeInjected cluster "send-one-way" spans
                    }))
        ]

let private outcomes =
    testList
        "halves and failures"
        [
            live "a half message has a span, and what consumers get has its context" (fun () ->
                withSpans "send-half" (fun cluster spans ->
                    task {
                        let! started =
                            TransactionProducer.Start(
                                producerOf cluster system,
                                [ "send-half" ],
                                fun _ -> Task.FromResult TransactionDecision.Commit
                            )

                        use transactions = Buffers.ok started

                        let! (_: TransactionReceipt) =
                            transactions.Send(
                                Message.ofText "send-half" "x",
                                (fun _ -> Task.FromResult TransactionDecision.Commit),
                                none
                            )
                            |> ok

                        let mutable contexts = []

                        while contexts.IsEmpty do
                            let! found = contextsIn cluster "send-half"
                            contexts <- found

                        do! shouldBeInjected cluster "send-half" spans
                        let span = List.exactlyOne spans.All
                        textTagOf TelemetryNames.messageType span |> shouldEqual "transaction"
                    }))

            live "a send that fails says how, in a word of the list" (fun () ->
                withSpans "send-refused" (fun cluster spans ->
                    task {
                        use producer = start (producerOf cluster system)
                        let! sent = send producer (Message.ofText "send-refused" "")
                        sent |> Result.isError |> shouldBeTrue
                        let span = List.exactlyOne spans.All
                        span.Status |> shouldEqual ActivityStatusCode.Error
                        textTagOf TelemetryNames.errorType span |> shouldEqual "Invalid"
                    }))
        ]

let private several =
    testList
        "several messages"
        [
            live "a batch has one span, whose context goes into each message that has none" (fun () ->
                withSpans "send-batch" (fun cluster spans ->
                    task {
                        use producer = start (producerOf cluster system)

                        let messages =
                            [
                                Message.ofText "send-batch" "a"
                                Message.ofText "send-batch" "b" |> Message.withProperty "traceparent" valid
                                Message.ofText "send-batch" "c"
                            ]

                        let! (_: SendReceipt list) = ok (producer.SendBatch(messages, AnyQueue, none))
                        let span = List.exactlyOne spans.All
                        textTagOf TelemetryNames.batchCount span |> shouldEqual "3"
                        let! contexts = contextsIn cluster "send-batch"
                        let mine = ValueSome(namesOf span.Context)
                        let own = struct (valid.Substring(3, 32), valid.Substring(36, 16))
                        contexts |> shouldEqual [ mine; ValueSome own; mine ]
                        linksOf span |> List.map namesOf |> shouldEqual [ own ]
                    }))

            live "messages that are gathered have a span each, and each its own context" (fun () ->
                withSpans "send-gathered" (fun cluster spans ->
                    task {
                        use producer =
                            start
                                { producerOf cluster system with
                                    Batching = Some BatchingLimits.Default
                                }

                        let! (_: SendReceipt[]) =
                            [
                                for index in 1..3 -> ok (send producer (Message.ofText "send-gathered" $"{index}"))
                            ]
                            |> Task.WhenAll

                        let! contexts = contextsIn cluster "send-gathered"
                        contexts |> List.distinct |> List.length |> shouldEqual 3

                        contexts
                        |> List.sort
                        |> shouldEqual (
                            spans.Of TelemetryNames.send
                            |> List.map (fun span -> ValueSome(namesOf span.Context))
                            |> List.sort
                        )
                    }))
        ]

[<Tests>]
let tests = testList "Spans of sends" [ one; parents; kinds; outcomes; several ]
