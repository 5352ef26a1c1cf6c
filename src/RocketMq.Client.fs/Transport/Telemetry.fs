namespace RocketMq

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Diagnostics
open System.Diagnostics.Metrics
open System.Threading.Tasks
open RocketMq.Protocol

/// A client whose state is measured.
type internal IMeasured =
    abstract Endpoint: Endpoint
    abstract InFlight: int
    abstract ConnectionCounters: ConnectionCounters

/// What listeners of `ActivitySource` and `Meter` learn, under the names of OpenTelemetry's messaging conventions. Nothing
/// is measured while no listener is attached, but for the counters of `ConnectionCounters`, which health needs anyway.
module internal Telemetry =
    /// Of the source of activities and of the meter.
    let name = "RocketMq.Client"

    let private systemName = "rocketmq"
    let private activities = new ActivitySource(name)
    let private meter = new Meter(name)
    let private measured = ConcurrentDictionary<IMeasured, unit>(HashIdentity.Reference)

    let private duration =
        meter.CreateHistogram<float>(
            "messaging.client.operation.duration",
            "s",
            "From a request to its answer or its failure, which error.type names"
        )

    let private addressOf (endpoint: Endpoint) =
        [|
            KeyValuePair("messaging.system", box systemName)
            KeyValuePair("server.address", box endpoint.Host)
            KeyValuePair("server.port", box endpoint.Port)
        |]

    let private observe (read: IMeasured -> int64) () =
        measured.Keys
        |> Seq.map (fun client -> Measurement<int64>(read client, addressOf client.Endpoint))

    do
        let count name unit' about read =
            meter.CreateObservableCounter<int64>(name, observe read, unit', about)
            |> ignore<ObservableCounter<int64>>

        let level name unit' about read =
            meter.CreateObservableUpDownCounter<int64>(name, observe read, unit', about)
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

    /// Whether anybody wants to know of calls.
    let isEnabled () =
        duration.Enabled || activities.HasListeners()

    /// The kind of a failure, for `error.type`: a response code's name, or the case of the error.
    let private errorType (result: Result<ResponseCode, RemotingError>) =
        match result with
        | Ok ResponseCode.Success -> ValueNone
        | Ok code
        | Error(RemotingError.Refused(_, _, _, code, _)) -> ValueSome(string code)
        | Error(RemotingError.ConnectionLost _) -> ValueSome "ConnectionLost"
        | Error(RemotingError.TimedOut _ | RemotingError.NoReply _) -> ValueSome "TimedOut"
        | Error(RemotingError.NotConnected _) -> ValueSome "NotConnected"
        | Error(RemotingError.Cancelled _) -> ValueSome "Cancelled"
        | Error(RemotingError.NotDecoded _) -> ValueSome "NotDecoded"
        | Error(RemotingError.TooManyInFlight _) -> ValueSome "TooManyInFlight"
        | Error(RemotingError.TooManyBytes _) -> ValueSome "TooManyBytes"
        | Error(RemotingError.TooManyWaiting _) -> ValueSome "TooManyWaiting"
        | Error(RemotingError.ClientClosed _ | RemotingError.AlreadyClosed _) -> ValueSome "ClientClosed"
        | Error(RemotingError.Invalid _ | RemotingError.NotEncoded _ | RemotingError.NoRoute _ | RemotingError.NoBroker _ | RemotingError.NoQueue _ | RemotingError.RouteUnknown _ | RemotingError.ReceiptExpired _ | RemotingError.Misconfigured _ | RemotingError.InvalidCall _ | RemotingError.ClientNameTaken _ | RemotingError.ConsumedByPull _ | RemotingError.BadAddress _ | RemotingError.InterceptorFailed _) ->
            ValueSome "Invalid"
        | Error(RemotingError.CredentialsFailed _) -> ValueSome "CredentialsFailed"
        | Error(RemotingError.OffsetStoreFailed _ | RemotingError.Unexpected _) -> ValueSome "Unexpected"

    /// Makes a call and tells listeners of it.
    let call
        (endpoint: Endpoint)
        (request: Outgoing<'Answer>)
        (make: unit -> Task<Result<'Answer, RemotingError>>)
        : Task<Result<'Answer, RemotingError>> =
        backgroundTask {
            let operation = string request.Code
            let started = Stopwatch.GetTimestamp()

            use activity =
                activities.StartActivity(
                    ActivityKind.Client,
                    name = invariant $"{operation} {endpoint}",
                    tags =
                        [|
                            yield! addressOf endpoint
                            KeyValuePair("messaging.operation.name", box operation)
                        |]
                )

            let! result = make ()

            let status =
                result
                |> Result.map (fun answer ->
                    let struct (code, _) = request.StatusOf answer
                    code)

            let error = errorType status
            let mutable tags = TagList(ReadOnlySpan(addressOf endpoint))
            tags.Add("messaging.operation.name", operation)

            match error with
            | ValueSome error -> tags.Add("error.type", error)
            | ValueNone -> ()

            duration.Record((Stopwatch.GetElapsedTime started).TotalSeconds, &tags)

            match activity, status with
            | NonNull activity, (Ok code | Error(RemotingError.Refused(_, _, _, code, _))) ->
                activity.SetTag("messaging.rocketmq.response_code", int code)
                |> ignore<Activity>
            | NonNull activity, Error failure ->
                activity.SetTag("error.type", ValueOption.toObj error) |> ignore<Activity>

                activity.SetStatus(ActivityStatusCode.Error, RemotingError.describe failure)
                |> ignore<Activity>
            | _ -> ()

            return result
        }
