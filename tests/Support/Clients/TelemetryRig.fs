/// What listeners learn of messages of one topic. Other tests run meanwhile: of their topics nothing is sampled, so that they send what
/// they would send without.
[<AutoOpen>]
module internal RocketMq.Protocol.Tests.TelemetryRig

open System
open System.Collections.Generic
open System.Diagnostics
open System.Diagnostics.Metrics
open RocketMq
open RocketMq.Embedded

let private valueIn (name: string) (tags: KeyValuePair<string, obj | null> seq) : obj voption =
    let found =
        tags
        |> Seq.tryPick (fun tag -> if tag.Key = name then Option.ofObj tag.Value else None)

    match found with
    | Some value -> ValueSome value
    | None -> ValueNone

/// The attribute of a span.
let tagOf (name: string) (span: Activity) : obj voption = valueIn name span.TagObjects

let textTagOf name span : string =
    match tagOf name span with
    | ValueSome value -> string value
    | ValueNone -> ""

/// The contexts that a span is linked to, in their order.
let linksOf (span: Activity) : ActivityContext list =
    [ for link in span.Links -> link.Context ]

/// A context is another one after it has travelled: what it names stays the same.
let namesOf (context: ActivityContext) =
    struct (context.TraceId.ToHexString(), context.SpanId.ToHexString())

/// The spans of a topic, from here on. `notify` is called in the listener, when a span begins and when it ends.
[<Sealed>]
type Spans(topic: string, notify: string -> unit) =
    let ended = ConcurrentQueue<Activity>()

    let isOurs (tags: KeyValuePair<string, obj | null> seq) =
        match valueIn TelemetryNames.destination tags with
        | ValueSome found -> string found = topic
        | ValueNone -> false

    let listener =
        new ActivityListener(
            ShouldListenTo = (fun source -> source.Name = TelemetryNames.client),
            Sample =
                SampleActivity<ActivityContext>(fun options ->
                    match options.Tags with
                    | NonNull tags when isOurs tags -> ActivitySamplingResult.AllDataAndRecorded
                    | _ -> ActivitySamplingResult.None),
            ActivityStarted =
                (fun span ->
                    if isOurs span.TagObjects then
                        notify "start"),
            ActivityStopped =
                (fun span ->
                    if isOurs span.TagObjects then
                        ended.Enqueue span
                        notify "stop")
        )

    do ActivitySource.AddActivityListener listener

    new(topic) = new Spans(topic, ignore<string>)

    /// Those that have ended.
    member _.All = List.ofSeq ended

    /// Those of an operation, in the order of their end.
    member spans.Of(operation: string) : Activity list =
        spans.All
        |> List.filter (textTagOf TelemetryNames.operationName >> (=) operation)

    /// Waits until so many of an operation have ended.
    member spans.Await(operation: string, count: int) : Task<Activity list> =
        task {
            do! until (fun () -> (spans.Of operation).Length >= count)
            return spans.Of operation
        }

    interface IDisposable with
        member _.Dispose() = listener.Dispose()

/// A measurement: its instrument, its value and its attributes as texts.
type Measured =
    {
        Instrument: string
        Value: float
        Tags: Map<string, string>
    }

/// What is measured of a topic, from here on.
[<Sealed>]
type Measurements(topic: string) =
    let seen = ConcurrentQueue<Measured>()

    let note (instrument: Instrument) (value: float) (tags: ReadOnlySpan<KeyValuePair<string, obj | null>>) =
        let tags =
            tags.ToArray()
            |> Array.map (fun tag -> tag.Key, string tag.Value)
            |> Map.ofArray

        let isOurs =
            match Map.tryFind TelemetryNames.destination tags with
            | Some found -> found = topic
            | None -> true

        if isOurs then
            seen.Enqueue
                {
                    Instrument = instrument.Name
                    Value = value
                    Tags = tags
                }

    let listener =
        new MeterListener(
            InstrumentPublished =
                (fun instrument listener ->
                    if
                        instrument.Meter.Name = TelemetryNames.client
                        || instrument.Meter.Name = TelemetryNames.queues
                    then
                        listener.EnableMeasurementEvents instrument)
        )

    do
        listener.SetMeasurementEventCallback<float>(fun instrument value tags _ -> note instrument value tags)
        listener.SetMeasurementEventCallback<int64>(fun instrument value tags _ -> note instrument (float value) tags)
        listener.Start()

    /// Of an instrument that writes by itself.
    member _.Of(instrument: string) : Measured list =
        List.ofSeq seen |> List.filter (fun one -> one.Instrument = instrument)

    /// Of gauges, now.
    member measurements.Read(instrument: string) : Measured list =
        let before = (measurements.Of instrument).Length
        listener.RecordObservableInstruments()
        measurements.Of instrument |> List.skip before

    interface IDisposable with
        member _.Dispose() = listener.Dispose()

/// One broker with a topic of so many queues.
let withQueuesOf queues topic (test: EmbeddedClock -> EmbeddedCluster -> Task) : Task =
    withCluster ignore (fun clock cluster ->
        task {
            do! cluster.CreateTopicAsync(topic, queues)
            do! test clock cluster
        })

/// One broker with a topic of one queue, and the spans of it.
let withSpans topic (test: EmbeddedClock -> EmbeddedCluster -> Spans -> Task) : Task =
    withQueuesOf 1 topic (fun clock cluster ->
        task {
            use spans = new Spans(topic)
            do! test clock cluster spans
        })

/// One broker with a topic of two queues, and what is measured of it.
let withMeasurements topic (test: EmbeddedClock -> EmbeddedCluster -> Measurements -> Task) : Task =
    withQueuesOf 2 topic (fun clock cluster ->
        task {
            use measured = new Measurements(topic)
            do! test clock cluster measured
        })

/// The value of a call that must not fail.
let ok (call: Task<Result<'Value, RemotingError>>) : Task<'Value> =
    task {
        let! outcome = call
        return outcome |> Result.mapError RemotingError.describe |> Buffers.ok
    }

/// Sends messages one after the other.
let sendEach (producer: Producer) (messages: Message list) : Task =
    task {
        for message in messages do
            let! (_: SendReceipt) = ok (send producer message)
            ()
    }

/// A push consumer of a topic, in the group "C".
let pushOf cluster clock topic =
    consumerOf cluster clock "C" |> PushConsumerOptions.subscribe topic Filter.all

/// A POP consumer of a topic, in the group "C".
let popOf (cluster: EmbeddedCluster) clock topic =
    let options = popConsumerAt cluster.NameServers clock "C"

    { options with
        Consumer.Subscriptions = [ topic, Filter.all ]
    }

/// A handler of single messages, with what it does with each.
let eachMessage (handle: ReceivedMessage -> ConsumeResult) =
    ConsumeHandler.EachMessage(fun received _ -> ValueTask<ConsumeResult>(handle received))
