namespace RocketMq

open System

/// The life of one connection. A session is one socket from its connect to its end; sessions are numbered, so that late
/// news of an old one is told apart.
[<RequireQualifiedAccess>]
type ConnectionState =
    /// No caller needs it, or none has yet.
    | Disconnected
    /// The number of dials that have failed in a row before this one.
    | Connecting of failures: int
    /// Dials that had failed since a server last sent something.
    | Connected of session: int * failures: int
    /// Waits for its session to end.
    | Closing of session: int
    | Closed

    override state.ToString() =
        match state with
        | Disconnected -> "Disconnected"
        | Connecting failures -> invariant $"Connecting {failures}"
        | Connected(session, failures) -> invariant $"Connected ({session}, {failures})"
        | Closing session -> invariant $"Closing {session}"
        | Closed -> "Closed"

/// What the decision to connect again depends on: a random number, and whether a caller still needs the connection.
[<Struct>]
type internal ReconnectHint =
    {
        /// From 0 to 1; spreads the next attempt.
        Jitter: float
        /// Whether a caller has wanted the connection lately.
        IsNeeded: bool
    }

type internal ConnectionEvent =
    /// Somebody wants the connection.
    | OpenRequested
    | DialSucceeded of session: int
    | DialFailed of reason: string * redial: ReconnectHint
    /// A session ended by itself. `wasServed` if a whole frame ever came from the server.
    | SessionEnded of session: int * reason: string * wasServed: bool * redial: ReconnectHint
    /// A session takes no more requests, because no caller needs it.
    | SessionLeft of session: int
    /// The server asked its clients to go: it will not serve on this session.
    | GoAwayReceived of session: int * redial: ReconnectHint
    | CloseRequested

type internal ConnectionEffect =
    /// Try to connect after a wait, and report how it went.
    | Dial of after: TimeSpan
    /// Give up a dial that waits or is under way.
    | AbandonDial
    /// Let callers use the session.
    | Admit of session: int
    /// Answer every caller that waits for a connection.
    | TurnAway of reason: string
    /// Take no more calls. The session ends with the last answer that it waits for.
    | Retire of session: int
    /// End the session. It answers every call in flight and reports its end.
    | HangUp of session: int
    /// Tell listeners.
    | Announce of ConnectionState

module internal Connection =
    let private closedReason = "the client has been closed"

    /// Dials again after a wait, unless no caller needs the connection.
    let private redialled failures wait (redial: ReconnectHint) =
        if redial.IsNeeded then
            let next = ConnectionState.Connecting failures
            next, [ Announce next; Dial wait ]
        else
            ConnectionState.Disconnected, [ Announce ConnectionState.Disconnected ]

    /// After an attempt that failed, or a connection that came to nothing: those must not be made in a tight loop.
    let private afterFailure backoff failures (redial: ReconnectHint) =
        redialled failures (Backoff.delay backoff failures redial.Jitter) redial

    /// Whether the server could not be connected to, and is tried again by itself meanwhile: whoever can go to another server
    /// need not wait.
    let isFailing (state: ConnectionState) =
        match state with
        | ConnectionState.Connecting failures -> failures > 0
        | ConnectionState.Disconnected
        | ConnectionState.Connected _
        | ConnectionState.Closing _
        | ConnectionState.Closed -> false

    /// What an event makes of a state, and what is to be done. Total: news that no longer matters changes nothing.
    let transition
        (backoff: Backoff)
        (state: ConnectionState)
        (event: ConnectionEvent)
        : ConnectionState * ConnectionEffect list =
        match state, event with
        | ConnectionState.Disconnected, OpenRequested ->
            ConnectionState.Connecting 0, [ Announce(ConnectionState.Connecting 0); Dial TimeSpan.Zero ]
        | ConnectionState.Disconnected, CloseRequested ->
            ConnectionState.Closed, [ TurnAway closedReason; Announce ConnectionState.Closed ]
        | ConnectionState.Disconnected, DialSucceeded session -> state, [ HangUp session ]
        | ConnectionState.Disconnected, (DialFailed _ | SessionEnded _ | SessionLeft _ | GoAwayReceived _) -> state, []

        | ConnectionState.Connecting failures, DialSucceeded session ->
            let next = ConnectionState.Connected(session, failures)
            next, [ Admit session; Announce next ]
        | ConnectionState.Connecting failures, DialFailed(reason, redial) ->
            let next, effects = afterFailure backoff (failures + 1) redial
            next, TurnAway reason :: effects
        | ConnectionState.Connecting _, CloseRequested ->
            ConnectionState.Closed, [ AbandonDial; TurnAway closedReason; Announce ConnectionState.Closed ]
        | ConnectionState.Connecting _, (OpenRequested | SessionEnded _ | SessionLeft _ | GoAwayReceived _) -> state, []

        | ConnectionState.Connected(session, failures), SessionEnded(ended, _, wasServed, redial) when ended = session ->
            if wasServed then
                redialled 0 (Backoff.afterLoss backoff redial.Jitter) redial
            else
                afterFailure backoff (failures + 1) redial
        | ConnectionState.Connected(session, _), SessionLeft left when left = session ->
            ConnectionState.Disconnected, [ Announce ConnectionState.Disconnected ]
        | ConnectionState.Connected(session, _), GoAwayReceived(leaving, redial) when leaving = session ->
            // Another of the servers behind the address takes the next connection; all clients of this one need it now.
            let next, effects = redialled 0 (Backoff.afterLoss backoff redial.Jitter) redial
            next, Retire session :: effects
        | ConnectionState.Connected(session, _), CloseRequested ->
            ConnectionState.Closing session, [ Announce(ConnectionState.Closing session); HangUp session ]
        | ConnectionState.Connected _, DialSucceeded surplus -> state, [ HangUp surplus ]
        | ConnectionState.Connected _,
          (OpenRequested | DialFailed _ | SessionEnded _ | SessionLeft _ | GoAwayReceived _) -> state, []

        | ConnectionState.Closing session, SessionEnded(ended, _, _, _) when ended = session ->
            ConnectionState.Closed, [ TurnAway closedReason; Announce ConnectionState.Closed ]
        | ConnectionState.Closing _, DialSucceeded surplus -> state, [ HangUp surplus ]
        | ConnectionState.Closing _,
          (OpenRequested | DialFailed _ | SessionEnded _ | SessionLeft _ | GoAwayReceived _ | CloseRequested) ->
            state, []

        | ConnectionState.Closed, DialSucceeded surplus -> state, [ HangUp surplus ]
        | ConnectionState.Closed,
          (OpenRequested | DialFailed _ | SessionEnded _ | SessionLeft _ | GoAwayReceived _ | CloseRequested) ->
            state, []
