/// Spans of handlers: whose children they are, what is current within, and what they say of a failure.
module RocketMq.Protocol.Tests.ProcessSpanTests

open System
open System.Diagnostics
open RocketMq
open RocketMq.Embedded

/// What was current in each call of a handler, before and after it went to another thread.
[<Sealed>]
type private Currents() =
    let seen = ConcurrentQueue<ActivityContext>()

    let note () =
        match Activity.Current with
        | null -> ()
        | current -> seen.Enqueue current.Context

    member _.All = [ for context in seen -> namesOf context ]

    member _.Noting(result: int -> ConsumeResult) : Task<ConsumeResult> =
        task {
            note ()
            do! Task.Yield()
            note ()
            return result (seen.Count / 2)
        }

let private always result (_: int) = result

let private each (currents: Currents) result =
    ConsumeHandler.EachMessage(fun _ _ -> ValueTask<ConsumeResult>(currents.Noting result))

/// The span of the one call is the child of the one send, and was current in the handler.
let private shouldContinue topic (spans: Spans) (currents: Currents) : Task =
    task {
        let! processing = spans.Await(TelemetryNames.processing, 1)
        let span = List.exactlyOne processing
        let sent = List.exactlyOne (spans.Of TelemetryNames.send)
        span.DisplayName |> shouldEqual $"process {topic}"
        span.Kind |> shouldEqual ActivityKind.Consumer
        span.TraceId |> shouldEqual sent.TraceId
        span.ParentSpanId |> shouldEqual sent.SpanId
        span.HasRemoteParent |> shouldBeTrue
        linksOf span |> shouldEqual []
        currents.All |> List.distinct |> shouldEqual [ namesOf span.Context ]

        for name, value in
            [
                TelemetryNames.operationType, "process"
                TelemetryNames.group, "C"
                TelemetryNames.model, "clustering"
                TelemetryNames.messageId, textTagOf TelemetryNames.messageId sent
                TelemetryNames.partition, textTagOf TelemetryNames.partition sent
            ] do
            textTagOf name span |> shouldEqual value
    }

let private parents =
    testList
        "parents"
        [
            live "a push consumer's handler continues the trace of the send" (fun () ->
                withSpans "process-push" (fun clock cluster spans ->
                    task {
                        let currents = Currents()

                        use! _consumer =
                            startConsumer
                                (pushOf cluster clock "process-push")
                                (each currents (always ConsumeResult.Success))

                        do! sendAll cluster "process-push" [ "a" ]
                        do! shouldContinue "process-push" spans currents
                    }))

            live "so does one in order" (fun () ->
                withSpans "process-orderly" (fun clock cluster spans ->
                    task {
                        let currents = Currents()

                        let options =
                            { pushOf cluster clock "process-orderly" with
                                IsOrderly = true
                            }

                        use! _consumer = startConsumer options (each currents (always ConsumeResult.Success))
                        do! sendAll cluster "process-orderly" [ "a" ]
                        do! shouldContinue "process-orderly" spans currents
                    }))
        ]

let private otherParents =
    testList
        "other parents"
        [
            live "so does one that pops" (fun () ->
                withSpans "process-pop" (fun clock cluster spans ->
                    task {
                        let currents = Currents()
                        do! sendAll cluster "process-pop" [ "a" ]

                        use! _consumer =
                            startPop (popOf cluster clock "process-pop") (fun _ _ ->
                                currents.Noting(always ConsumeResult.Success))

                        do! shouldContinue "process-pop" spans currents
                    }))

            live "what was current where the consumer was started is no parent" (fun () ->
                withSpans "process-apart" (fun clock cluster spans ->
                    task {
                        use outer = new Activity("test")
                        outer.SetIdFormat(ActivityIdFormat.W3C).Start() |> ignore<Activity>

                        use! _consumer =
                            startConsumer
                                (pushOf cluster clock "process-apart")
                                (each (Currents()) (always ConsumeResult.Success))

                        outer.Stop()
                        use producer = start (producerOf cluster clock)
                        let unrelated = "00-0af7651916cd43dd8448eb211c80319c-zzzzzzzzzzzzzzzz-01"

                        do!
                            sendEach
                                producer
                                [
                                    Message.ofText "process-apart" "a"
                                    |> Message.withProperty "traceparent" unrelated
                                ]

                        let! processing = spans.Await(TelemetryNames.processing, 1)
                        let span = List.exactlyOne processing
                        span.ParentSpanId |> shouldEqual (Unchecked.defaultof<ActivitySpanId>)
                        span.TraceId |> shouldNotEqual outer.TraceId
                    }))
        ]

let private batches =
    testList
        "several messages"
        [
            live "a call with several messages links to the contexts of all, and has no parent" (fun () ->
                withSpans "process-batch" (fun clock cluster spans ->
                    task {
                        use producer = start (producerOf cluster clock)
                        do! sendEach producer [ for text in [ "a"; "b"; "c" ] -> Message.ofText "process-batch" text ]

                        let handler =
                            ConsumeHandler.Batches(fun _ _ -> ValueTask<ConsumeResult> ConsumeResult.Success)

                        use! _consumer = startConsumer (pushOf cluster clock "process-batch") handler
                        let! processing = spans.Await(TelemetryNames.processing, 1)
                        let span = List.exactlyOne processing
                        textTagOf TelemetryNames.batchCount span |> shouldEqual "3"
                        span.ParentSpanId |> shouldEqual (Unchecked.defaultof<ActivitySpanId>)

                        linksOf span
                        |> List.map namesOf
                        |> shouldEqual (spans.Of TelemetryNames.send |> List.map (fun sent -> namesOf sent.Context))
                    }))
        ]

let private failures =
    testList
        "failures"
        [
            live "a message that comes again has the same parent, and its first span says what was wrong" (fun () ->
                withSpans "process-retry" (fun clock cluster spans ->
                    task {
                        let result calls =
                            if calls = 1 then
                                ConsumeResult.Retry
                            else
                                ConsumeResult.Success

                        use! _consumer =
                            startConsumer (pushOf cluster clock "process-retry") (each (Currents()) result)

                        do! sendAll cluster "process-retry" [ "a" ]
                        let! nacks = spans.Await(TelemetryNames.nack, 1)
                        let nack = List.exactlyOne nacks
                        let sent = List.exactlyOne (spans.Of TelemetryNames.send)
                        nack.Kind |> shouldEqual ActivityKind.Client
                        textTagOf TelemetryNames.operationType nack |> shouldEqual "settle"
                        linksOf nack |> List.map namesOf |> shouldEqual [ namesOf sent.Context ]

                        do! ChaosRig.pass clock (fun () -> (spans.Of TelemetryNames.processing).Length = 2)

                        let processing = spans.Of TelemetryNames.processing

                        processing
                        |> List.map _.ParentSpanId
                        |> shouldEqual [ sent.SpanId; sent.SpanId ]

                        processing
                        |> List.map (textTagOf TelemetryNames.errorType)
                        |> shouldEqual [ "Retry"; "" ]

                        processing.Head.Status |> shouldEqual ActivityStatusCode.Error
                    }))

            live "what a handler throws is on its span" (fun () ->
                withSpans "process-throws" (fun clock cluster spans ->
                    task {
                        let handler = eachMessage (fun _ -> raise (InvalidOperationException "on purpose"))

                        use! _consumer = startConsumer (pushOf cluster clock "process-throws") handler
                        do! sendAll cluster "process-throws" [ "a" ]
                        let! processing = spans.Await(TelemetryNames.processing, 1)
                        let span = processing.Head
                        span.Status |> shouldEqual ActivityStatusCode.Error
                        textTagOf TelemetryNames.errorType span |> shouldEqual "HandlerFailed"
                        [ for event in span.Events -> event.Name ] |> shouldEqual [ "exception" ]
                    }))
        ]

[<Tests>]
let tests =
    testList "Spans of handlers" [ parents; otherParents; batches; failures ]
