namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Calls to one server over one connection, which is made when it is first needed and again when it is lost. Safe to use
/// from any thread.
[<Sealed>]
type RemotingClient
    internal
    (
        endpoint: Endpoint,
        options: RemotingOptions,
        credentials: PlainCredentials,
        dialHint: string,
        onOpening: unit -> unit
    ) =
    let options = GuardedLogger.protect options
    let traffic = ConnectionCounters()
    let agent = ConnectionAgent(endpoint, options, traffic, credentials, dialHint)
    let clock = options.Ports.Clock
    let sessions = SessionFinder(endpoint, options, agent, onOpening)
    let calls = CallChain(endpoint, options, agent, sessions)

    let inFlight () =
        match agent.ConnectionSlot with
        | ConnectionSlot.Open session -> session.InFlight
        | ConnectionSlot.Shut _
        | ConnectionSlot.Locked -> 0

    let measured =
        { new IMeasured with
            /// The server.
            member _.Endpoint = endpoint
            member _.InFlight = inFlight ()
            member _.ConnectionCounters = traffic
        }

    /// Reads the answer to a call that has just begun.
    let decoded
        (decode: RemotingCommand -> Result<'Answer, AnswerError>)
        (request: RequestCode)
        (calling: Task<Result<RemotingCommand, RemotingError>>)
        =
        taskResult {
            let started = clock.GetTimestamp()

            let! answer = calling

            match decode answer with
            | Ok answer -> return answer
            | Error error ->
                let after = clock.GetElapsedTime started
                return! Error(RemotingError.ofAnswer endpoint request after error)
        }

    do RequestTelemetry.register measured

    /// A client of one server. It connects with the first call.
    new(endpoint: Endpoint, options: RemotingOptions) =
        RemotingClient(endpoint, options, PlainCredentials options, "", ignore<unit>)

    /// Checks the options first: `Misconfigured` names all that make no sense.
    static member Create(endpoint: Endpoint, options: RemotingOptions) : Result<RemotingClient, RemotingError> =
        RemotingOptions.check options
        |> RemotingOptions.refusal
        |> Result.map (fun () -> RemotingClient(endpoint, options))

    /// The server.
    member _.Endpoint = endpoint
    /// The connection's state now.
    member _.State = agent.State

    /// Changes of the state, in order. A slow listener holds up nothing but the listeners after it.
    member _.StateChanged = agent.StateChanged

    /// The number of calls that wait for answers.
    member _.InFlight = inFlight ()

    /// The number of calls that wait for room.
    member internal _.WaitingForRoom = sessions.WaitingForRoom

    /// The number of calls that wait for a connection, but for those that had one before.
    member internal _.WaitingForConnection = sessions.WaitingForConnection

    /// How client and connection are doing now.
    member _.Health: ConnectionHealth =
        let session =
            match agent.ConnectionSlot with
            | ConnectionSlot.Open session -> Some session
            | ConnectionSlot.Shut _
            | ConnectionSlot.Locked -> None

        {
            Endpoint = endpoint
            State = agent.State
            Session = session |> Option.map _.Health
            ServerVersion =
                match traffic.ServerVersion with
                | 0 -> ValueNone
                | version -> ValueSome version
            Connections = int traffic.Connections
            UnexpectedAnswers = traffic.UnexpectedAnswers
            LastFailure = agent.LastFailure.Text
        }

    /// Sends a request and waits for its answer, whatever its code. The request's opaque is chosen here. A timeout of
    /// `Timeout.InfiniteTimeSpan`, or of more than 49 days, is one of 49 days: timers know no longer.
    member _.InvokeWithin
        (command: RemotingCommand, timeout: TimeSpan, cancellation: CancellationToken)
        : Task<Result<RemotingCommand, RemotingError>> =
        calls.Call(OutgoingCommand command, timeout, cancellation)

    /// As `InvokeWithin`, within the options' `RequestTimeout`.
    member client.Invoke(command: RemotingCommand, cancellation: CancellationToken) =
        client.InvokeWithin(command, options.RequestTimeout, cancellation)

    /// Sends a typed request and reads its answer.
    member client.RequestWithin
        (request: Request<'Answer>, timeout: TimeSpan, cancellation: CancellationToken)
        : Task<Result<'Answer, RemotingError>> =
        calls.Call(OutgoingCommand request.Command, timeout, cancellation)
        |> decoded request.Decode request.Command.RequestCode

    /// As `RequestWithin`, within the options' `RequestTimeout`.
    member client.Request(request: Request<'Answer>, cancellation: CancellationToken) =
        client.RequestWithin(request, options.RequestTimeout, cancellation)

    /// As `RequestWithin`, of a request that is written straight into its frame: for those who send many.
    member _.Call
        (operation: Operation<'Query, 'Answer>, query: 'Query, timeout: TimeSpan, cancellation: CancellationToken)
        : Task<Result<'Answer, RemotingError>> =
        calls.Call(OutgoingQuery<_, _>(operation, query), timeout, cancellation)
        |> decoded operation.DecodeAnswer operation.Code

    /// As `Call`, of a request that knows how to write itself and how to read its answer: for those who send most.
    member internal _.Send
        (request: Outgoing<'Answer>, timeout: TimeSpan, cancellation: CancellationToken)
        : Task<Result<'Answer, RemotingError>> =
        calls.Call(request, timeout, cancellation)

    /// As `Send`, for a caller who settles the outcome, where that is no more than to put the request on a connection. Nothing where it
    /// is more: then nothing was sent.
    member internal _.TrySend(request: Outgoing<'Answer>, caller: ICaller, timeout: TimeSpan) =
        calls.TryCall(request, caller, timeout)

    /// Takes back a request of `TrySend` that a connection returned.
    member internal _.TakeBack(pending: PendingRequest<'Answer>, reason: Returned) : unit =
        calls.TakeBackFor(pending, reason, CancellationToken.None)

    /// Sends a request that is not answered. Success means that it will be written, not that it arrived.
    member _.InvokeOneWay
        (command: RemotingCommand, cancellation: CancellationToken)
        : Task<Result<unit, RemotingError>> =
        calls.SendOneWay(command, cancellation)

    /// Connects now instead of with the first call. Fails with the first attempt that fails.
    member _.Open(cancellation: CancellationToken) : Task<Result<unit, RemotingError>> = sessions.Open cancellation

    /// What the server knows of this client's groups.
    member val internal Heartbeats = HeartbeatMemory()

    /// Whether there is no connection, and no caller has needed one for `IdleAfter`.
    member internal _.IsUnused =
        agent.State = ConnectionState.Disconnected
        && agent.SinceNeeded >= options.KeepAlive.IdleAfter

    /// Whether listeners of metrics learn of the client: true unless it is said otherwise.
    member internal _.SetMeasured(isMeasured: bool) =
        if isMeasured && agent.State <> ConnectionState.Closed then
            RequestTelemetry.register measured
        else
            RequestTelemetry.forget measured

    /// Answers every call in flight and closes the connection for good.
    member _.Close() : Task =
        RequestTelemetry.forget measured
        agent.Close()

    interface IAsyncDisposable with
        member client.DisposeAsync() = ValueTask(client.Close())
