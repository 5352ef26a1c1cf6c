namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// What becomes of a call on its way to a session, one concern after the other: it is signed, traced, tried again, and sent, at
/// once or as soon as there is a connection and room. Requests that a session returns are sent again.
[<Sealed>]
type internal CallChain(endpoint: Endpoint, options: RemotingOptions, agent: ConnectionAgent, sessions: SessionFinder) =
    let clock = options.Ports.Clock

    let cancelled (request: RequestCode) =
        Error(RemotingError.Cancelled(request, false))

    /// What a policy for retries makes of an answer: one that says that the server has too much to do is a failure.
    let failureIn (request: Outgoing<'Answer>) after (result: Result<'Answer, RemotingError>) =
        match result with
        | Error error -> ValueSome error
        | Ok answer ->
            let struct (code, remark) = request.StatusOf answer

            if RefusalCodes.isOverloadCode code then
                ValueSome(RemotingError.Refused(endpoint, request.Code, after, code, remark))
            else
                ValueNone

    let answerOf (request: RequestCode) (session: Session | null) (sent: Sent<'Answer>) (caller: ICaller) =
        match sent with
        | Waiting pending ->
            // Not by a pattern of both, which would make an object for each call.
            match session with
            | null -> ()
            | session ->
                match caller with
                | :? CancellableCaller as caller -> caller.Watch(session, pending)
                | _ -> ()

            pending.Task
        | NotSent error -> Task.FromResult(Error error)
        | Buffered
        | Stalled _
        | Over -> Task.FromResult(cancelled request)

    /// First: signs the request, if there are credentials.
    member chain.Call
        (request: Outgoing<'Answer>, timeout: TimeSpan, cancellation: CancellationToken)
        : Task<Result<'Answer, RemotingError>> =
        let timeout = TimeoutTimer.Limited timeout

        if options.Credentials.IsNone then
            chain.Traced(request, timeout, cancellation)
        elif cancellation.IsCancellationRequested then
            Task.FromResult(cancelled request.Code)
        else
            match Signing.sign options (request.ToCommand()) with
            | Error error -> Task.FromResult(Error error)
            | Ok signed -> chain.Traced(OutgoingSigned(request, signed), timeout, cancellation)

    /// As `Call`, for a caller who settles outcomes, where a call is no more than to put the request on a session. Nothing where it is
    /// more, or if that session does not take the request: then nothing was sent.
    member _.TryCall
        (request: Outgoing<'Answer>, caller: ICaller, timeout: TimeSpan)
        : Task<Result<'Answer, RemotingError>> voption =
        if
            options.Credentials.IsSome
            || options.Retry.Attempts > 1
            || RequestTelemetry.isEnabled options.Logger
        then
            ValueNone
        else
            match sessions.Free with
            | ValueNone -> ValueNone
            | ValueSome session ->
                match session.Send(request, caller, false, TimeoutTimer.Limited timeout) with
                | Waiting pending -> ValueSome pending.Task
                | Buffered
                | Stalled _
                | Over
                | NotSent _ -> ValueNone

    /// Has listeners and the log know of the call, if they are to.
    member private chain.Traced
        (request: Outgoing<'Answer>, timeout: TimeSpan, cancellation: CancellationToken)
        : Task<Result<'Answer, RemotingError>> =
        if RequestTelemetry.isEnabled options.Logger then
            RequestTelemetry.call options.Logger endpoint request (fun () ->
                chain.Retried(request, timeout, cancellation))
        else
            chain.Retried(request, timeout, cancellation)

    /// Tries again, if the options say so.
    member private chain.Retried
        (request: Outgoing<'Answer>, timeout: TimeSpan, cancellation: CancellationToken)
        : Task<Result<'Answer, RemotingError>> =
        if options.Retry.Attempts > 1 then
            chain.Attempt(1, None, clock.GetTimestamp(), request, timeout, cancellation)
        else
            chain.Sent(request, timeout, cancellation)

    /// `earlier` is the gravest failure of the attempts before.
    member private chain.Attempt
        (
            attempt: int,
            earlier: RemotingError option,
            started: int64,
            request: Outgoing<'Answer>,
            timeout: TimeSpan,
            cancellation: CancellationToken
        ) : Task<Result<'Answer, RemotingError>> =
        backgroundTask {
            let! answer =
                chain.Sent(request, timeout - clock.GetElapsedTime started, cancellation)

            let result =
                match answer, earlier with
                | Error(RemotingError.Cancelled(request, false)), Some error ->
                    Error(RemotingError.cancelledAfter request error)
                | answer, _ -> answer

            let after = clock.GetElapsedTime started
            let failure = failureIn request after result

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
                    return! chain.Attempt(attempt + 1, Some gravest, started, request, timeout, cancellation)
                with :? OperationCanceledException ->
                    return Error(RemotingError.cancelledAfter request.Code gravest)
            | _ -> return result
        }

    /// Sends at once if there is a connection and room on it.
    member private chain.Sent
        (request: Outgoing<'Answer>, timeout: TimeSpan, cancellation: CancellationToken)
        : Task<Result<'Answer, RemotingError>> =
        if cancellation.IsCancellationRequested then
            Task.FromResult(cancelled request.Code)
        else
            match sessions.Free with
            | ValueNone -> chain.SentLater(request, false, true, timeout, cancellation)
            | ValueSome session ->
                let caller = chain.CallerOf cancellation

                match session.Send(request, caller, false, timeout) with
                | Over
                | Stalled _ -> chain.SentLater(request, false, true, timeout, cancellation)
                | sent -> answerOf request.Code session sent caller

    /// Sends when there is a connection and room on it.
    member private chain.SentLater
        (request: Outgoing<'Answer>, isSecond: bool, mayCount: bool, timeout: TimeSpan, cancellation: CancellationToken)
        : Task<Result<'Answer, RemotingError>> =
        backgroundTask {
            try
                let patience =
                    {
                        Size = request.Size
                        Started = clock.GetTimestamp()
                        Timeout = timeout
                        ForConnection = if request.HasAlternative then timeout / 2.0 else timeout
                        WaitsForServer = request.WaitsForServer
                        // Calls that a session returned are bounded as its calls.
                        IsCounted = mayCount && request.IsCounted
                    }

                let caller = chain.CallerOf cancellation

                let send (session: Session) rest =
                    session.Send(request, caller, isSecond, rest)

                let! struct (session, sent) = sessions.Send(send, patience, cancellation)
                return! answerOf request.Code session sent caller
            with :? OperationCanceledException ->
                return cancelled request.Code
        }

    member private chain.CallerOf(cancellation: CancellationToken) : ICaller =
        if cancellation.CanBeCanceled then
            CancellableCaller(chain, cancellation)
        else
            chain

    /// A session could not serve a call: another one may, within what is left of its time.
    member chain.TakeBackFor
        (pending: PendingRequest<'Answer>, reason: Returned, cancellation: CancellationToken)
        : unit =
        let sendAgain isSecond =
            Supervised.run options.Logger CancellationToken.None (fun () ->
                backgroundTask {
                    let rest = clock.Between(clock.Timestamp, pending.Deadline)
                    let! result = chain.SentLater(pending.Request, isSecond, false, rest, cancellation)
                    pending.End result
                })

        match reason with
        | Returned.SentAway -> sendAgain true
        | Returned.Unsent _ when options.WhenDisconnected = WaitForConnection -> sendAgain pending.IsSecond
        | Returned.Unsent _ when agent.IsClosing -> pending.Fail(RemotingError.ClientClosed endpoint)
        | Returned.Unsent why -> pending.Fail(RemotingError.NotConnected(endpoint, why))

    interface ICaller with
        member chain.TakeBack(pending, reason) =
            chain.TakeBackFor(pending, reason, CancellationToken.None)

        member _.Settle(_, _) = true

    /// Signs a request that is not answered, and sends it as soon as that can be done.
    member _.SendOneWay(command: RemotingCommand, cancellation: CancellationToken) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            try
                cancellation.ThrowIfCancellationRequested()

                match Signing.sign options command with
                | Error error -> return Error error
                | Ok command ->
                    let patience =
                        {
                            Size = (OutgoingCommand command).Size
                            Started = clock.GetTimestamp()
                            Timeout = options.RequestTimeout
                            ForConnection = options.RequestTimeout
                            WaitsForServer = false
                            IsCounted = true
                        }

                    let send (session: Session) _ = session.SendOneWay command

                    match! sessions.Send(send, patience, cancellation) with
                    | struct (_, NotSent error) -> return Error error
                    | struct (_, (Buffered | Waiting _)) -> return Ok()
                    | struct (_, (Stalled _ | Over)) -> return cancelled command.RequestCode
            with :? OperationCanceledException ->
                return cancelled command.RequestCode
        }

/// One call of a caller who may give up.
and [<Sealed>] private CancellableCaller(chain: CallChain, cancellation: CancellationToken) =
    /// Bound once: a call makes no delegate.
    static let giveUp =
        Action<obj | null>(fun caller ->
            match caller with
            | :? CancellableCaller as caller -> caller.GiveUp()
            | _ -> ())

    let mutable session: Session | null = null
    let mutable pending: PendingRequest | null = null
    let mutable registration = Unchecked.defaultof<CancellationTokenRegistration>
    let mutable hasEnded = false

    /// Ends the call when its caller gives up. It may have ended already.
    member caller.Watch(sentOn: Session, call: PendingRequest) : unit =
        session <- sentOn
        pending <- call
        registration <- cancellation.UnsafeRegister(giveUp, caller)
        // Whoever is second, this or the end of the call, sees what the other one has written.
        Interlocked.MemoryBarrier()

        if hasEnded then
            registration.Unregister() |> ignore<bool>

    member private _.GiveUp() : unit =
        match session, pending with
        | NonNull session, NonNull pending -> session.Cancel pending
        | _ -> ()

    interface ICaller with
        member _.TakeBack(pending, reason) =
            chain.TakeBackFor(pending, reason, cancellation)

        member _.Settle(_, _) =
            hasEnded <- true
            Interlocked.MemoryBarrier()
            registration.Unregister() |> ignore<bool>
            true
