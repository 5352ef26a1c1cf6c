namespace RocketMq

open System
open System.Collections.Generic
open System.Diagnostics
open System.Diagnostics.Metrics
open RocketMq.Protocol

/// Attributes of a span. Those that are known when it begins are there for samplers.
type internal SpanTags = List<KeyValuePair<string, obj | null>>

/// The source of activities and the meter of messages. Listeners are called on our threads, and may throw: then what was to be
/// observed is lost, and nothing else happens.
module internal MessageTelemetry =
    let private source = new ActivitySource(TelemetryNames.client)
    let meter = new Meter(TelemetryNames.client)

    /// From milliseconds to what a call takes that waits for a long poll.
    let secondBuckets =
        InstrumentAdvice<float>(
            HistogramBucketBoundaries =
                [|
                    0.005
                    0.01
                    0.025
                    0.05
                    0.075
                    0.1
                    0.25
                    0.5
                    0.75
                    1.0
                    2.5
                    5.0
                    7.5
                    10.0
                |]
        )

    let private histogram name about =
        meter.CreateHistogram<float>(name, "s", about, null, secondBuckets)

    let private operationDuration =
        histogram TelemetryNames.operationDuration "From a send, a receive or a settlement to its end"

    let private processDuration =
        histogram TelemetryNames.processDuration "From the call of a handler to its result"

    let private sentMessages =
        meter.CreateCounter<int64>(TelemetryNames.sentMessages, "{message}", "Messages that were to be sent")

    let private consumedMessages =
        meter.CreateCounter<int64>(
            TelemetryNames.consumedMessages,
            "{message}",
            "Messages delivered to the application, each delivery counted"
        )

    /// Whether anybody observes sends. The others say the same of what they name.
    let areSendsObserved () =
        source.HasListeners() || operationDuration.Enabled || sentMessages.Enabled

    let areHandlersObserved () =
        source.HasListeners() || processDuration.Enabled || consumedMessages.Enabled

    let areReceivesObserved () =
        source.HasListeners() || operationDuration.Enabled || consumedMessages.Enabled

    let areSettlementsObserved () =
        source.HasListeners() || operationDuration.Enabled

    /// Whether anybody observes spans: else their attributes need not be gathered.
    let areSpansObserved () = source.HasListeners()

    /// For a span that nobody observes. Nothing is added to it.
    let noTags: SpanTags = SpanTags 0

    let addTag (name: string) (value: obj | null) (tags: SpanTags) = tags.Add(KeyValuePair(name, value))

    let addText name (value: string voption) (tags: SpanTags) =
        match value with
        | ValueSome text -> addTag name (box text) tags
        | ValueNone -> ()

    /// The name of a span: the operation, and the topic where it has one.
    let private nameOf (operation: string) (topic: string) =
        if topic = "" then operation else $"{operation} {topic}"

    /// Attributes that all spans have.
    let tagsOf (operation: string) (operationType: string) (topic: string) (space: string) : SpanTags =
        let tags = SpanTags 16
        addTag TelemetryNames.system TelemetryNames.rocketmq tags
        addTag TelemetryNames.operationName operation tags
        addTag TelemetryNames.operationType operationType tags
        addTag TelemetryNames.space space tags

        if topic <> "" then
            addTag TelemetryNames.destination topic tags

        tags

    /// Begins a span, as the activity of the caller. Null if no listener samples it.
    let start
        (kind: ActivityKind)
        (operation: string)
        (topic: string)
        (parent: ActivityContext)
        (tags: SpanTags)
        (links: ActivityLink[] | null)
        (began: DateTimeOffset)
        : Activity | null =
        if source.HasListeners() then
            let before = Activity.Current

            try
                source.StartActivity(nameOf operation topic, kind, parent, tags, links, began)
            with _ ->
                Activity.Current <- before
                null
        else
            null

    /// The same without a parent but the one that is named: what is current belongs to whoever began the loop that is running.
    let startApart kind operation topic (parent: ActivityContext) tags links began : Activity | null =
        let before = Activity.Current

        if not (isNull before) then
            Activity.Current <- null

        match start kind operation topic parent tags links began with
        | null ->
            if not (isNull before) then
                Activity.Current <- before

            null
        | span -> span

    let tag (name: string) (value: obj | null) (span: Activity | null) =
        match span with
        | null -> ()
        | span -> span.SetTag(name, value) |> ignore<Activity>

    /// The broker that an operation was for.
    let tagServer (server: Endpoint voption) (span: Activity | null) =
        match server with
        | ValueSome endpoint ->
            tag TelemetryNames.serverAddress endpoint.Host span
            tag TelemetryNames.serverPort endpoint.Port span
        | ValueNone -> ()

    /// Says that what the span stands for failed, in a word of `ErrorTypes` and, for people, a sentence.
    let fail (error: string) (reason: string) (span: Activity | null) =
        match span with
        | null -> ()
        | span ->
            span.SetTag(TelemetryNames.errorType, error).SetStatus(ActivityStatusCode.Error, reason)
            |> ignore<Activity>

    /// Notes what the application threw.
    let addException (error: exn) (span: Activity | null) =
        match span with
        | null -> ()
        | span ->
            try
                span.AddException error |> ignore<Activity>
            with _ ->
                ()

    /// Ends a span.
    let stop (span: Activity | null) =
        match span with
        | null -> ()
        | span ->
            let before = Activity.Current

            try
                span.Stop()
            with _ ->
                // The listener threw before the activity that was current before the span became so again.
                if Object.ReferenceEquals(before, span) then
                    Activity.Current <- span.Parent

    /// As `start` and `stop`, of what is over and has taken so long.
    let note kind operation topic (tags: SpanTags) links (took: TimeSpan) (finish: Activity -> unit) =
        match
            start kind operation topic Unchecked.defaultof<ActivityContext> tags links (DateTimeOffset.UtcNow - took)
        with
        | null -> ()
        | span ->
            finish span
            stop span

    let private tagsOfMetric (operation: string) (operationType: string) (pair: TopicGroup) (error: string voption) =
        let mutable tags = TagList()
        tags.Add(TelemetryNames.system, TelemetryNames.rocketmq)
        tags.Add(TelemetryNames.operationName, operation)
        tags.Add(TelemetryNames.operationType, operationType)
        pair.AddTo &tags

        match error with
        | ValueSome error -> tags.Add(TelemetryNames.errorType, error)
        | ValueNone -> ()

        tags

    /// How long an operation took.
    let recordOperation operation operationType (pair: TopicGroup) (took: TimeSpan) (error: string voption) =
        if operationDuration.Enabled then
            try
                let mutable tags = tagsOfMetric operation operationType pair error
                operationDuration.Record(took.TotalSeconds, &tags)
            with _ ->
                ()

    /// How long a handler took.
    let recordProcess (pair: TopicGroup) (took: TimeSpan) (error: string voption) =
        if processDuration.Enabled then
            try
                let mutable tags =
                    tagsOfMetric TelemetryNames.processing TelemetryNames.processing pair error

                processDuration.Record(took.TotalSeconds, &tags)
            with _ ->
                ()

    /// So many messages were sent, or could not be.
    let countSent (pair: TopicGroup) (count: int) (error: string voption) =
        if sentMessages.Enabled then
            try
                let mutable tags = tagsOfMetric TelemetryNames.send TelemetryNames.send pair error

                sentMessages.Add(int64 count, &tags)
            with _ ->
                ()

    /// So many messages were delivered by an operation.
    let countConsumed operation operationType (pair: TopicGroup) (count: int) =
        if consumedMessages.Enabled then
            try
                let mutable tags = tagsOfMetric operation operationType pair ValueNone
                consumedMessages.Add(int64 count, &tags)
            with _ ->
                ()
