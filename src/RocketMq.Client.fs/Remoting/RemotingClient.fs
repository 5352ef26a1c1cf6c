namespace RocketMq

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol.Admin
open RocketMq.Protocol

/// Calls to one server over one connection, which is made when it is first needed and again when it is lost. Safe to use
/// from any thread.
[<Sealed>]
type RemotingClient internal (endpoint: Endpoint, options: RemotingOptions, onOpening: unit -> unit) =
    let mutable resend: PendingRequest -> bool -> unit = fun _ _ -> ()
    let traffic = ConnectionCounters()

    let agent =
        ConnectionAgent(endpoint, options, traffic, (fun waiter isSentAway -> resend waiter isSentAway))

    let clock = options.Ports.Clock

    let waitingCalls = WaitingCalls(options.MaxWaitingCalls, options.MaxWaitingBytes)

    /// Those that wait for a connection.
    let atConnect = WaitingPlaces(options.MaxWaitingCalls, options.MaxWaitingBytes)

    let openConnection () =
        agent.Open()
        // In this order: whoever looks whether the client is used finds that it is, or is told so.
        onOpening ()

    /// Whether a call fails now, with the reason of the last attempt to connect, instead of waiting for the next one.
    let failsAtOnce () =
        options.WhenDisconnected = FailWithDial && Connection.isFailing agent.State

    /// Waits for a connection or an attempt to fail, for what is left of `patience`. Gives the reason of a failure.
    let waitAtSlot
        (waiting: Task<Result<unit, FailureReason>>)
        (rest: TimeSpan)
        (patience: TimeSpan)
        cancellation
        : Task<Result<unit, FailureReason>> =
        backgroundTask {
            try
                return! waiting.WaitAsync(rest, clock, cancellation)
            with :? TimeoutException ->
                let last = agent.LastFailure

                let why =
                    if last.Text = "" then
                        ""
                    else
                        $"; the last attempt failed: {last}"

                let text = $"no connection within {patience.TotalMilliseconds} ms{why}"

                return Error(FailureReason.withText text last)
        }

    /// Waits, for `rest` at most.
    let waitFor (task: Task) (rest: TimeSpan) (cancellation: CancellationToken) : Task =
        backgroundTask {
            try
                do! task.WaitAsync(rest, clock, cancellation)
            with :? TimeoutException ->
                ()
        }

    /// Finds a session and sends on it, as often as sessions end under the sender or are full, within `timeout`; a connection is
    /// waited for no longer than `patience`, and while attempts to connect fail only if `waits`. Who finds no room, or others who
    /// wait for it, waits behind them. Who waits for a connection is one of those that may, unless `isInFlight`: calls that a session
    /// sends back are bounded as such. A loop, not a recursion: what has ended by the time that it is waited for would pile up on
    /// the stack.
    let trySend
        (send: Session -> TimeSpan -> Sent)
        (size: int64)
        (started: int64)
        (timeout: TimeSpan)
        (patience: TimeSpan)
        (waits: bool)
        (isInFlight: bool)
        (cancellation: CancellationToken)
        : Task<struct (Session | null * Sent)> =
        backgroundTask {
            let mutable outcome: struct (Session | null * Sent) voption = ValueNone
            let mutable place: LinkedListNode<WaitingCall> | null = null
            let mutable isWaiting = false

            try
                while outcome.IsNone do
                    let rest = timeout - clock.GetElapsedTime started
                    let mutable mustWait = false

                    match agent.ConnectionSlot with
                    | ConnectionSlot.Locked -> outcome <- ValueSome(struct (null, NotSent(ClientClosed endpoint)))
                    | ConnectionSlot.Open _ when isWaiting ->
                        isWaiting <- false
                        atConnect.Leave size
                    | ConnectionSlot.Open session when rest > TimeSpan.Zero ->
                        match place with
                        | null when not waitingCalls.IsEmpty -> mustWait <- true
                        | NonNull own when not own.Value.HasTurn -> do! waitFor own.Value.Task rest cancellation
                        | _ ->
                            match send session rest with
                            | Over -> agent.Shut session.Number
                            | Stalled _ when isNull place -> mustWait <- true
                            | Stalled room -> do! waitFor room rest cancellation
                            | sent -> outcome <- ValueSome(struct (session, sent))
                    | ConnectionSlot.Open session -> outcome <- ValueSome(struct (null, NotSent session.Full))
                    | ConnectionSlot.Shut _ when agent.IsClosing ->
                        outcome <- ValueSome(struct (null, NotSent(ClientClosed endpoint)))
                    | ConnectionSlot.Shut waiting ->
                        openConnection ()

                        if not waits && failsAtOnce () then
                            outcome <- ValueSome(struct (null, NotSent(NotConnected(endpoint, agent.LastFailure))))
                        else
                            let full =
                                if isInFlight || isWaiting then
                                    ValueNone
                                else
                                    atConnect.TryTake size

                            match full with
                            | ValueSome bound ->
                                let error = TooManyWaiting(ConnectionTo endpoint, bound)
                                outcome <- ValueSome(struct (null, NotSent error))
                            | ValueNone ->
                                isWaiting <- not isInFlight
                                let rest = max TimeSpan.Zero (rest - (timeout - patience))
                                let! opened = waitAtSlot waiting.Task rest patience cancellation
                                let isLate = clock.GetElapsedTime started >= patience

                                match opened with
                                | Error _ when agent.IsClosing ->
                                    outcome <- ValueSome(struct (null, NotSent(ClientClosed endpoint)))
                                | Error reason when isLate || options.WhenDisconnected = FailWithDial ->
                                    outcome <- ValueSome(struct (null, NotSent(NotConnected(endpoint, reason))))
                                | Ok()
                                | Error _ -> ()

                    if mustWait then
                        match waitingCalls.TryJoin size with
                        | Ok own -> place <- own
                        | Error bound ->
                            let error = TooManyWaiting(RoomOnConnection endpoint, bound)
                            outcome <- ValueSome(struct (null, NotSent error))
            finally
                if isWaiting then
                    atConnect.Leave size

                match place with
                | null -> ()
                | own -> waitingCalls.Leave own

            return outcome.Value
        }

    /// Waits for an answer, or for the caller to give up.
    let await (session: Session) (waiter: PendingRequest) (cancellation: CancellationToken) =
        backgroundTask {
            use _ = cancellation.UnsafeRegister((fun _ -> session.Cancel waiter), null)

            return! waiter.Task
        }

    let answerOf request (struct (session: Session | null, sent)) (cancellation: CancellationToken) =
        match session, sent with
        | NonNull session, Waiting waiter when cancellation.CanBeCanceled -> await session waiter cancellation
        | _, Waiting waiter -> waiter.Task
        | _, NotSent error -> Task.FromResult(Error error)
        | _, (Buffered | Stalled _ | Over) -> Task.FromResult(Error(Cancelled(request, false)))

    /// Heartbeats are few, and take no place that a call of the application could have.
    let isHeartbeat (outgoing: Outgoing) = outgoing.Code = RequestCode.HeartBeat

    let callSlowly (outgoing: Outgoing) isSecond isInFlight (timeout: TimeSpan) cancellation =
        backgroundTask {
            try
                let send (session: Session) rest = session.Send(outgoing, isSecond, rest)
                let patience = if outgoing.HasAlternative then timeout / 2.0 else timeout

                let! sent =
                    trySend
                        send
                        outgoing.Size
                        (clock.GetTimestamp())
                        timeout
                        patience
                        outgoing.WaitsForServer
                        (isInFlight || isHeartbeat outgoing)
                        cancellation

                return! answerOf outgoing.Code sent cancellation
            with :? OperationCanceledException ->
                return Error(Cancelled(outgoing.Code, false))
        }

    let callOnce (outgoing: Outgoing) timeout (cancellation: CancellationToken) =
        if cancellation.IsCancellationRequested then
            Task.FromResult(Error(Cancelled(outgoing.Code, false)))
        else
            match agent.ConnectionSlot with
            | ConnectionSlot.Open session when waitingCalls.IsEmpty ->
                match session.Send(outgoing, false, timeout) with
                | Over
                | Stalled _ -> callSlowly outgoing false false timeout cancellation
                | sent -> answerOf outgoing.Code (struct (session, sent)) cancellation
            | ConnectionSlot.Open _
            | ConnectionSlot.Shut _
            | ConnectionSlot.Locked -> callSlowly outgoing false false timeout cancellation

    /// Sends the request of a call that a session could not serve on another one, within what is left of its time.
    let sendAgain (waiter: PendingRequest) (isSentAway: bool) : Task =
        backgroundTask {
            // Not disposed of: the caller may give up at any later time.
            let cancellation = new CancellationTokenSource()
            waiter.MoveTo cancellation
            let rest = clock.GetElapsedTime(clock.GetTimestamp(), waiter.Deadline)
            let! result = callSlowly waiter.Outgoing isSentAway true rest cancellation.Token
            waiter.Complete result
        }

    /// What a policy for retries makes of an answer: one that says that the server has too much to do is a failure.
    let failureIn (request: RequestCode) after (result: Result<RemotingCommand, RemotingError>) =
        match result with
        | Error error -> ValueSome error
        | Ok answer when RefusalCodes.isOverloadCode answer.ResponseCode ->
            ValueSome(Refused(endpoint, request, after, answer.ResponseCode, Option.defaultValue "" answer.Remark))
        | Ok _ -> ValueNone

    /// What becomes of a call at an attempt: `earlier` is the gravest failure of those before.
    let rec callAgain attempt earlier started (outgoing: Outgoing) (timeout: TimeSpan) cancellation =
        backgroundTask {
            let! answer = callOnce outgoing (timeout - clock.GetElapsedTime started) cancellation

            let result =
                match answer, earlier with
                | Error(Cancelled(request, false)), Some error -> Error(RemotingError.cancelledAfter request error)
                | answer, _ -> answer

            let after = clock.GetElapsedTime started

            let failure = failureIn outgoing.Code after result

            let decision =
                match failure with
                | ValueSome error ->
                    RetryPolicy.decide options.Retry attempt (timeout - after) (options.Ports.Jitter()) error
                | ValueNone -> RetryNever

            match decision, failure with
            | RetryAfter wait, ValueSome error ->
                let gravest = SendRetry.graver earlier error

                try
                    do! Task.Delay(wait, clock, cancellation)
                    return! callAgain (attempt + 1) (Some gravest) started outgoing timeout cancellation
                with :? OperationCanceledException ->
                    return Error(RemotingError.cancelledAfter outgoing.Code gravest)
            | _ -> return result
        }

    let callUnobserved (outgoing: Outgoing) timeout cancellation : Task<Result<RemotingCommand, RemotingError>> =
        if options.Retry.Attempts > 1 then
            callAgain 1 None (clock.GetTimestamp()) outgoing timeout cancellation
        else
            callOnce outgoing timeout cancellation

    let call (outgoing: Outgoing) timeout cancellation =
        let timeout = TimeoutTimer.Limited timeout

        if Telemetry.isWanted () then
            Telemetry.call endpoint outgoing.Code (fun () -> callUnobserved outgoing timeout cancellation)
        else
            callUnobserved outgoing timeout cancellation

    /// Signs a command, if there are credentials, and calls.
    let callSigned (command: RemotingCommand) timeout (cancellation: CancellationToken) =
        if cancellation.IsCancellationRequested then
            Task.FromResult(Error(Cancelled(command.RequestCode, false)))
        else
            match Signing.sign options command with
            | Error error -> Task.FromResult(Error error)
            | Ok command -> call (OutgoingCommand command) timeout cancellation

    let sendSigned (command: RemotingCommand) cancellation : Task<Result<unit, RemotingError>> =
        backgroundTask {
            try
                let send (session: Session) _ = session.SendOneWay command

                let size = (OutgoingCommand command).Size
                let timeout = options.RequestTimeout

                let! struct (_, sent) =
                    trySend send size (clock.GetTimestamp()) timeout timeout false false cancellation

                match sent with
                | NotSent error -> return Error error
                | Buffered
                | Waiting _ -> return Ok()
                | Stalled _
                | Over -> return Error(Cancelled(command.RequestCode, false))
            with :? OperationCanceledException ->
                return Error(Cancelled(command.RequestCode, false))
        }

    let begin' (query: Outgoing) timeout cancellation =
        if options.Credentials.IsSome then
            callSigned (query.ToCommand()) timeout cancellation
        else
            call query timeout cancellation

    let inFlight () =
        match agent.ConnectionSlot with
        | ConnectionSlot.Open session -> session.InFlight
        | ConnectionSlot.Shut _
        | ConnectionSlot.Locked -> 0

    let measured =
        { new IMeasured with
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
        backgroundTask {
            let started = clock.GetTimestamp()

            match! calling with
            | Error error -> return Error error
            | Ok answer ->
                match decode answer with
                | Ok answer -> return Ok answer
                | Error error ->
                    let after = clock.GetElapsedTime started
                    return Error(RemotingError.ofAnswer endpoint request after error)
        }

    do
        resend <-
            fun waiter isSentAway ->
                Supervised.run options.Logger CancellationToken.None (fun () -> sendAgain waiter isSentAway)

        Telemetry.register measured

    new(endpoint: Endpoint, options: RemotingOptions) = RemotingClient(endpoint, options, ignore<unit>)

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
    member _.InFlight = inFlight ()

    /// The number of calls that wait for room.
    member internal _.WaitingForRoom = waitingCalls.Count

    /// The number of calls that wait for a connection, but for those that had one before.
    member internal _.WaitingForConnection = atConnect.Count

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
            Connections = int traffic.Connections
            UnexpectedAnswers = traffic.UnexpectedAnswers
            LastFailure = agent.LastFailure.Text
        }

    /// Sends a request and waits for its answer, whatever its code. The request's opaque is chosen here. A timeout of
    /// `Timeout.InfiniteTimeSpan`, or of more than 49 days, is one of 49 days: timers know no longer.
    member _.InvokeWithin
        (command: RemotingCommand, timeout: TimeSpan, cancellation: CancellationToken)
        : Task<Result<RemotingCommand, RemotingError>> =
        callSigned command timeout cancellation

    /// As `InvokeWithin`, within the options' `RequestTimeout`.
    member client.Invoke(command: RemotingCommand, cancellation: CancellationToken) =
        client.InvokeWithin(command, options.RequestTimeout, cancellation)

    /// Sends a typed request and reads its answer.
    member client.AskWithin
        (request: Request<'Answer>, timeout: TimeSpan, cancellation: CancellationToken)
        : Task<Result<'Answer, RemotingError>> =
        callSigned request.Command timeout cancellation
        |> decoded request.Decode request.Command.RequestCode

    /// As `AskWithin`, within the options' `RequestTimeout`.
    member client.Ask(request: Request<'Answer>, cancellation: CancellationToken) =
        client.AskWithin(request, options.RequestTimeout, cancellation)

    /// As `AskWithin`, of a request that is written straight into its frame: for those who send many.
    member _.Call
        (operation: Operation<'Query, 'Answer>, query: 'Query, timeout: TimeSpan, cancellation: CancellationToken)
        : Task<Result<'Answer, RemotingError>> =
        begin' (OutgoingQuery<_, _>(operation, query)) timeout cancellation
        |> decoded operation.DecodeAnswer operation.Code

    /// As `Call`, of which the answer is read by the caller, unless the request has read it: for those who send many.
    member internal _.Begin
        (query: Outgoing, timeout: TimeSpan, cancellation: CancellationToken)
        : Task<Result<RemotingCommand, RemotingError>> =
        begin' query timeout cancellation

    /// Sends a request that is not answered. Success means that it will be written, not that it arrived.
    member _.InvokeOneWay
        (command: RemotingCommand, cancellation: CancellationToken)
        : Task<Result<unit, RemotingError>> =
        if cancellation.IsCancellationRequested then
            Task.FromResult(Error(Cancelled(command.RequestCode, false)))
        else
            match Signing.sign options command with
            | Error error -> Task.FromResult(Error error)
            | Ok command -> sendSigned command cancellation

    /// Connects now instead of with the first call. Fails with the first attempt that fails.
    member _.Open(cancellation: CancellationToken) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            match agent.ConnectionSlot with
            | ConnectionSlot.Open _ -> return Ok()
            | ConnectionSlot.Locked -> return Error(ClientClosed endpoint)
            | ConnectionSlot.Shut _ when agent.IsClosing -> return Error(ClientClosed endpoint)
            | ConnectionSlot.Shut _ when failsAtOnce () ->
                openConnection ()
                return Error(NotConnected(endpoint, agent.LastFailure))
            | ConnectionSlot.Shut waiting ->
                openConnection ()

                try
                    // The attempt has this limit too and says more when it is reached, so it goes first.
                    let limit = options.ConnectTimeout + TimeSpan.FromSeconds 1L
                    let! outcome = waitAtSlot waiting.Task limit limit cancellation
                    return outcome |> Result.mapError (fun reason -> NotConnected(endpoint, reason))
                with :? OperationCanceledException ->
                    return Error(NotConnected(endpoint, FailureReason.ofText "the caller gave up"))
        }

    /// Whether there is no connection, and nobody has wanted one for as long as connections are kept that nobody uses.
    member internal _.IsUnused =
        agent.State = Disconnected && agent.SinceWanted >= options.KeepAlive.IdleAfter

    /// Whether listeners of metrics learn of the client: true unless it is said otherwise.
    member internal _.SetMeasured(isMeasured: bool) =
        if isMeasured && agent.State <> Closed then
            Telemetry.register measured
        else
            Telemetry.forget measured

    /// Answers every call in flight and closes the connection for good.
    member _.Close() : Task =
        Telemetry.forget measured
        agent.Close()

    interface IAsyncDisposable with
        member client.DisposeAsync() = ValueTask(client.Close())
