namespace RocketMq

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Diagnostics
open System.Diagnostics.Metrics
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open RocketMq.Protocol

/// A client whose state is measured.
type internal IMeasured =
    abstract Endpoint: Endpoint
    abstract InFlight: int
    abstract ConnectionCounters: ConnectionCounters

/// What listeners learn of requests, of which each message takes several, and of connections. Requests have a source and a meter of their
/// own, so that whoever listens to messages does not get them. Nothing of a request is measured while nobody listens.
module internal RequestTelemetry =
    let private activities = new ActivitySource(TelemetryNames.requests)
    let private meter = new Meter(TelemetryNames.requests)
    let private measured = ConcurrentDictionary<IMeasured, unit>(HashIdentity.Reference)

    let private duration =
        meter.CreateHistogram<float>(
            TelemetryNames.requestDuration,
            "s",
            "From a request to its answer or its failure, which error.type names",
            null,
            MessageTelemetry.secondBuckets
        )

    let private addressOf (endpoint: Endpoint) =
        [|
            KeyValuePair(TelemetryNames.system, box TelemetryNames.rocketmq)
            KeyValuePair(TelemetryNames.serverAddress, box endpoint.Host)
            KeyValuePair(TelemetryNames.serverPort, box endpoint.Port)
        |]

    let private observe (read: IMeasured -> int64) () =
        measured.Keys
        |> Seq.map (fun client -> Measurement<int64>(read client, addressOf client.Endpoint))

    do
        let count name unit' about read =
            MessageTelemetry.meter.CreateObservableCounter<int64>(name, observe read, unit', about)
            |> ignore<ObservableCounter<int64>>

        let level name unit' about read =
            MessageTelemetry.meter.CreateObservableUpDownCounter<int64>(name, observe read, unit', about)
            |> ignore<ObservableUpDownCounter<int64>>

        level "messaging.client.requests.in_flight" "{request}" "Calls that wait for answers" (fun client ->
            int64 client.InFlight)

        level
            "messaging.client.connections"
            "{connection}"
            "Connections that are open"
            _.ConnectionCounters.OpenConnections

        count
            "messaging.client.connections.made"
            "{connection}"
            "Connections that were made; all but the first of an address are reconnects"
            _.ConnectionCounters.Connections

        count "messaging.client.io.sent" "By" "Bytes handed to the system" _.ConnectionCounters.SentBytes
        count "messaging.client.io.received" "By" "Bytes of whole frames received" _.ConnectionCounters.ReceivedBytes

        count
            "messaging.client.answers.unexpected"
            "{answer}"
            "Answers that no call waited for: late, second or wrong ones"
            _.ConnectionCounters.UnexpectedAnswers

    let register (client: IMeasured) = measured[client] <- ()

    let forget (client: IMeasured) =
        measured.TryRemove client |> ignore<bool * unit>

    /// Whether anybody observes requests, or their failures at least.
    let isEnabled (log: ILogger) =
        duration.Enabled || activities.HasListeners() || log.IsEnabled LogLevel.Debug

    /// An answer of another code than success is no error for whoever made the call; here it says why there is nothing in it.
    let private errorType (status: Result<ResponseCode, RemotingError>) =
        match status with
        | Ok ResponseCode.Success -> ValueNone
        | Ok code -> ValueSome(ErrorTypes.ofCode code)
        | Error error -> ValueSome(ErrorTypes.ofError error)

    let private start (operation: string) (endpoint: Endpoint) : Activity | null =
        if activities.HasListeners() then
            let before = Activity.Current

            try
                activities.StartActivity(
                    ActivityKind.Client,
                    name = invariant $"{operation} {endpoint}",
                    tags =
                        [|
                            yield! addressOf endpoint
                            KeyValuePair(TelemetryNames.operationName, box operation)
                        |]
                )
            with _ ->
                Activity.Current <- before
                null
        else
            null

    let private record (endpoint: Endpoint) (operation: string) (took: TimeSpan) (error: string voption) =
        if duration.Enabled then
            try
                let mutable tags = TagList(ReadOnlySpan(addressOf endpoint))
                tags.Add(TelemetryNames.operationName, operation)

                match error with
                | ValueSome error -> tags.Add(TelemetryNames.errorType, error)
                | ValueNone -> ()

                duration.Record(took.TotalSeconds, &tags)
            with _ ->
                ()

    let private log
        (log: ILogger)
        (endpoint: Endpoint)
        (request: RequestCode)
        (took: TimeSpan)
        (status: Result<ResponseCode, RemotingError>)
        =
        match status with
        | Ok code when log.IsEnabled LogLevel.Trace -> Log.requestAnswered log request endpoint took code
        | Error error when log.IsEnabled LogLevel.Debug ->
            Log.requestUnanswered log request endpoint took (ErrorTypes.ofError error)
        | _ -> ()

    /// Makes a call and has listeners and the log know of it.
    let call
        (logger: ILogger)
        (endpoint: Endpoint)
        (request: Outgoing<'Answer>)
        (make: unit -> Task<Result<'Answer, RemotingError>>)
        : Task<Result<'Answer, RemotingError>> =
        backgroundTask {
            let operation = string request.Code
            let started = Stopwatch.GetTimestamp()
            let span = start operation endpoint
            let! result = make ()

            let status =
                result
                |> Result.map (fun answer ->
                    let struct (code, _) = request.StatusOf answer
                    code)

            let took = Stopwatch.GetElapsedTime started
            let error = errorType status
            record endpoint operation took error
            log logger endpoint request.Code took status

            match span, status with
            | NonNull span, (Ok code | Error(RemotingError.Refused(_, _, _, code, _))) ->
                span.SetTag("messaging.rocketmq.response_code", int code) |> ignore<Activity>
            | NonNull span, Error failure ->
                MessageTelemetry.fail (ErrorTypes.ofError failure) (RemotingError.describe failure) span
            | _ -> ()

            MessageTelemetry.stop span
            return result
        }
