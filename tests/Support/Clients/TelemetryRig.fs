/// What listeners learn of messages of one topic. Other tests run meanwhile: of their topics nothing is sampled, so that they send what
/// they would send without.
[<AutoOpen>]
module internal RocketMq.Protocol.Tests.TelemetryRig

open System
open System.Collections.Generic
open System.Diagnostics
open System.Diagnostics.Metrics
open RocketMq

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
