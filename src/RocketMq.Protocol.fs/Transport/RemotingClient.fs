namespace RocketMq.Protocol

open System
open System.Threading
open System.Threading.Tasks

/// Calls to one server over one connection, which is made when it is first needed and again when it is lost. Safe to use
/// from any thread.
[<Sealed>]
type RemotingClient(endpoint: Endpoint, options: RemotingOptions) =
    let agent = ConnectionAgent(endpoint, options)
    let clock = options.Ports.Clock

    /// Why the last attempt to connect failed, for callers whose time ends before the next one does.
    let mutable lastFailure = ""

    /// Waits for the door to open or an attempt to fail. Gives the reason of a failure.
    let waitAtDoor (waiting: Task<Result<unit, string>>) (rest: TimeSpan) cancellation : Task<Result<unit, string>> =
        backgroundTask {
            try
                let! outcome = waiting.WaitAsync(rest, clock, cancellation)

                lastFailure <-
                    match outcome with
                    | Ok() -> ""
                    | Error reason -> $"; the last attempt failed: {reason}"

                return outcome
            with :? TimeoutException ->
                return Error $"no connection within {options.RequestTimeout.TotalMilliseconds} ms{lastFailure}"
        }

    /// Finds a session and sends on it, as often as sessions end under the sender or are full, within `timeout`.
    let rec trySend
        (send: Session -> TimeSpan -> Sent)
        (started: int64)
        (timeout: TimeSpan)
        (cancellation: CancellationToken)
        : Task<struct (Session | null * Sent)> =
        backgroundTask {
            let rest = timeout - clock.GetElapsedTime started

            match agent.Door with
            | Door.Locked -> return struct (null, NotSent(ClientClosed endpoint))
            | Door.Open session when rest > TimeSpan.Zero ->
                match send session rest with
                | Over -> return! trySend send started timeout cancellation
                | Stalled drained ->
                    try
                        do! drained.WaitAsync(rest, clock, cancellation)
                    with :? TimeoutException ->
                        ()

                    return! trySend send started timeout cancellation
                | sent -> return struct (session, sent)
            | Door.Open _ ->
                return struct (null, NotSent(NotConnected(endpoint, "it takes no more bytes, its buffer is full")))
            | Door.Shut waiting ->
                agent.Open()
                let! outcome = waitAtDoor waiting.Task (max rest TimeSpan.Zero) cancellation
                let isLate = clock.GetElapsedTime started >= timeout

                match outcome with
                | Error reason when isLate || options.WhenDisconnected = FailWithDial ->
                    return struct (null, NotSent(NotConnected(endpoint, reason)))
                | Ok()
                | Error _ -> return! trySend send started timeout cancellation
        }

    /// Waits for an answer, or for the caller to give up.
    let await (session: Session) (waiter: Waiter) (cancellation: CancellationToken) =
        backgroundTask {
            use _ = cancellation.UnsafeRegister((fun _ -> session.Cancel waiter), null)

            return! waiter.Task
        }

    let answerOf request (struct (session: Session | null, sent)) (cancellation: CancellationToken) =
        match session, sent with
        | NonNull session, Waiting waiter when cancellation.CanBeCanceled -> await session waiter cancellation
        | _, Waiting waiter -> waiter.Task
        | _, NotSent error -> Task.FromResult(Error error)
        | _, (Buffered | Stalled _ | Over) -> Task.FromResult(Error(Cancelled request))

    let invokeSlowly (command: RemotingCommand) timeout cancellation =
        backgroundTask {
            try
                let send (session: Session) rest = session.Send(command, rest)
                let! sent = trySend send (clock.GetTimestamp()) timeout cancellation
                return! answerOf command.RequestCode sent cancellation
            with :? OperationCanceledException ->
                return Error(Cancelled command.RequestCode)
        }

    let invokeSigned (command: RemotingCommand) timeout cancellation =
        match agent.Door with
        | Door.Open session ->
            match session.Send(command, timeout) with
            | Over
            | Stalled _ -> invokeSlowly command timeout cancellation
            | sent -> answerOf command.RequestCode (struct (session, sent)) cancellation
        | Door.Shut _
        | Door.Locked -> invokeSlowly command timeout cancellation

    let sendSigned (command: RemotingCommand) cancellation : Task<Result<unit, RemotingError>> =
        backgroundTask {
            try
                let send (session: Session) _ = session.SendOneWay command

                let! struct (_, sent) =
                    trySend send (clock.GetTimestamp()) options.RequestTimeout cancellation

                match sent with
                | NotSent error -> return Error error
                | Buffered
                | Waiting _ -> return Ok()
                | Stalled _
                | Over -> return Error(Cancelled command.RequestCode)
            with :? OperationCanceledException ->
                return Error(Cancelled command.RequestCode)
        }

    /// Checks the options first: `Misconfigured` names all that make no sense.
    static member Create(endpoint: Endpoint, options: RemotingOptions) : Result<RemotingClient, RemotingError> =
        RemotingOptions.check options
        |> RemotingOptions.refusal
        |> Result.map (fun () -> RemotingClient(endpoint, options))

    member _.Endpoint = endpoint
    member _.State = agent.State

    /// Changes of the state, in order. A slow listener holds up nothing but the listeners after it.
    member _.StateChanged = agent.StateChanged

    /// The number of calls that wait for answers.
    member _.InFlight =
        match agent.Door with
        | Door.Open session -> session.InFlight
        | Door.Shut _
        | Door.Locked -> 0

    /// Sends a request and waits for its answer, whatever its code. The request's opaque is chosen here.
    member _.InvokeWithin
        (command: RemotingCommand, timeout: TimeSpan, cancellation: CancellationToken)
        : Task<Result<RemotingCommand, RemotingError>> =
        if cancellation.IsCancellationRequested then
            Task.FromResult(Error(Cancelled command.RequestCode))
        else
            match Signing.sign options command with
            | Error error -> Task.FromResult(Error error)
            | Ok command -> invokeSigned command timeout cancellation

    /// As `InvokeWithin`, within the options' `RequestTimeout`.
    member client.Invoke(command: RemotingCommand, cancellation: CancellationToken) =
        client.InvokeWithin(command, options.RequestTimeout, cancellation)

    /// Sends a typed request and reads its answer.
    member client.AskWithin
        (request: Request<'Answer>, timeout: TimeSpan, cancellation: CancellationToken)
        : Task<Result<'Answer, RemotingError>> =
        backgroundTask {
            let started = clock.GetTimestamp()

            match! client.InvokeWithin(request.Command, timeout, cancellation) with
            | Error error -> return Error error
            | Ok answer ->
                match request.Decode answer with
                | Ok answer -> return Ok answer
                | Error error ->
                    let after = clock.GetElapsedTime started
                    return Error(RemotingError.ofAnswer endpoint request.Command.RequestCode after error)
        }

    /// As `AskWithin`, within the options' `RequestTimeout`.
    member client.Ask(request: Request<'Answer>, cancellation: CancellationToken) =
        client.AskWithin(request, options.RequestTimeout, cancellation)

    /// Sends a request that is not answered. Success means that it will be written, not that it arrived.
    member _.InvokeOneWay
        (command: RemotingCommand, cancellation: CancellationToken)
        : Task<Result<unit, RemotingError>> =
        match Signing.sign options command with
        | Error error -> Task.FromResult(Error error)
        | Ok command -> sendSigned command cancellation

    /// Connects now instead of with the first call. Fails with the first attempt that fails.
    member _.Open(cancellation: CancellationToken) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            match agent.Door with
            | Door.Open _ -> return Ok()
            | Door.Locked -> return Error(ClientClosed endpoint)
            | Door.Shut waiting ->
                agent.Open()

                try
                    // The attempt has this limit too and says more when it is reached, so it goes first.
                    let limit = options.ConnectTimeout + TimeSpan.FromSeconds 1L
                    let! outcome = waitAtDoor waiting.Task limit cancellation
                    return outcome |> Result.mapError (fun reason -> NotConnected(endpoint, reason))
                with :? OperationCanceledException ->
                    return Error(NotConnected(endpoint, "the caller gave up"))
        }

    /// Answers every call in flight and closes the connection for good.
    member _.Close() : Task = agent.Close()

    interface IAsyncDisposable with
        member client.DisposeAsync() = ValueTask(client.Close())
