namespace RocketMq

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks

/// What a request may wait for until it is on a session.
[<Struct; NoEquality; NoComparison>]
type internal Patience =
    {
        /// What it keeps in memory while it waits, about.
        Size: int64
        /// When the waiting began, in ticks of the clock's timestamp.
        Started: int64
        Timeout: TimeSpan
        /// The part of the timeout in which a connection is waited for.
        ForConnection: TimeSpan
        /// A connection is waited for also while attempts to connect fail.
        WaitsForServer: bool
        /// It is one of those that may wait for a connection, which are bounded.
        IsCounted: bool
    }

/// Finds the session of one server for requests: has the connection made when it is needed, and bounds what waits for it, and for
/// room on it.
[<Sealed>]
type internal SessionFinder
    (endpoint: Endpoint, options: RemotingOptions, agent: ConnectionAgent, onOpening: unit -> unit) =
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
                        invariant $"; the last attempt failed: {last}"

                let text = invariant $"no connection within {patience.TotalMilliseconds} ms{why}"

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

    /// The session to try at once, if there is one and no call waits for room on it.
    member _.Free: Session voption =
        match agent.ConnectionSlot with
        | ConnectionSlot.Open session when waitingCalls.IsEmpty -> ValueSome session
        | ConnectionSlot.Open _
        | ConnectionSlot.Shut _
        | ConnectionSlot.Locked -> ValueNone

    /// Finds a session and sends on it, as often as sessions end under the sender or are full, within the timeout. Who finds no
    /// room, or others who wait for it, waits behind them. A loop, not a recursion: what has ended by the time that it is waited
    /// for would pile up on the stack.
    member _.Send
        (send: Session -> TimeSpan -> Sent<'Answer>, patience: Patience, cancellation: CancellationToken)
        : Task<struct (Session | null * Sent<'Answer>)> =
        backgroundTask {
            let mutable outcome: struct (Session | null * Sent<'Answer>) voption = ValueNone
            let mutable place: LinkedListNode<WaitingCall> | null = null
            let mutable isWaiting = false

            try
                while outcome.IsNone do
                    let rest = patience.Timeout - clock.GetElapsedTime patience.Started
                    let mutable mustWait = false

                    match agent.ConnectionSlot with
                    | ConnectionSlot.Locked ->
                        outcome <- ValueSome(struct (null, NotSent(RemotingError.ClientClosed endpoint)))
                    | ConnectionSlot.Open _ when isWaiting ->
                        isWaiting <- false
                        atConnect.Leave patience.Size
                    | ConnectionSlot.Open session when rest.Ticks > 0L ->
                        match place with
                        | null when not waitingCalls.IsEmpty -> mustWait <- true
                        | NonNull own when not own.Value.HasTurn -> do! waitFor own.Value.Task rest cancellation
                        | _ ->
                            match send session rest with
                            | Over -> agent.Avoid session.Number
                            | Stalled _ when isNull place -> mustWait <- true
                            | Stalled room -> do! waitFor room rest cancellation
                            | sent -> outcome <- ValueSome(struct (session, sent))
                    | ConnectionSlot.Open session -> outcome <- ValueSome(struct (null, NotSent session.Full))
                    | ConnectionSlot.Shut _ when agent.IsClosing ->
                        outcome <- ValueSome(struct (null, NotSent(RemotingError.ClientClosed endpoint)))
                    | ConnectionSlot.Shut waiting ->
                        openConnection ()

                        if not patience.WaitsForServer && failsAtOnce () then
                            outcome <-
                                ValueSome(
                                    struct (null, NotSent(RemotingError.NotConnected(endpoint, agent.LastFailure)))
                                )
                        else
                            let full =
                                if isWaiting || not patience.IsCounted then
                                    ValueNone
                                else
                                    atConnect.TryTake patience.Size

                            match full with
                            | ValueSome bound ->
                                let error = RemotingError.TooManyWaiting(ConnectionTo endpoint, bound)
                                outcome <- ValueSome(struct (null, NotSent error))
                            | ValueNone ->
                                isWaiting <- patience.IsCounted
                                let limit = patience.ForConnection
                                let rest = max TimeSpan.Zero (rest - (patience.Timeout - limit))
                                let! opened = waitAtSlot waiting.Task rest limit cancellation
                                let isLate = clock.GetElapsedTime patience.Started >= limit

                                match opened with
                                | Error _ when agent.IsClosing ->
                                    outcome <- ValueSome(struct (null, NotSent(RemotingError.ClientClosed endpoint)))
                                | Error reason when isLate || options.WhenDisconnected = FailWithDial ->
                                    outcome <-
                                        ValueSome(struct (null, NotSent(RemotingError.NotConnected(endpoint, reason))))
                                | Ok()
                                | Error _ -> ()

                    if mustWait then
                        match waitingCalls.TryJoin patience.Size with
                        | Ok own -> place <- own
                        | Error bound ->
                            let error = RemotingError.TooManyWaiting(RoomOnConnection endpoint, bound)
                            outcome <- ValueSome(struct (null, NotSent error))
            finally
                if isWaiting then
                    atConnect.Leave patience.Size

                match place with
                | null -> ()
                | own -> waitingCalls.Leave own

            return outcome.Value
        }

    /// Connects now instead of with the first call. Fails with the first attempt that fails.
    member _.Open(cancellation: CancellationToken) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            match agent.ConnectionSlot with
            | ConnectionSlot.Open _ -> return Ok()
            | ConnectionSlot.Locked -> return Error(RemotingError.ClientClosed endpoint)
            | ConnectionSlot.Shut _ when agent.IsClosing -> return Error(RemotingError.ClientClosed endpoint)
            | ConnectionSlot.Shut _ when failsAtOnce () ->
                openConnection ()
                return Error(RemotingError.NotConnected(endpoint, agent.LastFailure))
            | ConnectionSlot.Shut waiting ->
                openConnection ()

                try
                    // The attempt has this limit too and says more when it is reached, so it goes first.
                    let limit = options.ConnectTimeout + TimeSpan.FromSeconds 1L
                    let! outcome = waitAtSlot waiting.Task limit limit cancellation

                    return
                        outcome
                        |> Result.mapError (fun reason -> RemotingError.NotConnected(endpoint, reason))
                with :? OperationCanceledException ->
                    return Error(RemotingError.NotConnected(endpoint, FailureReason.ofText "the caller gave up"))
        }

    /// How many calls wait for room.
    member _.WaitingForRoom = waitingCalls.Count

    /// How many calls wait for a connection, but for those that had one before.
    member _.WaitingForConnection = atConnect.Count
