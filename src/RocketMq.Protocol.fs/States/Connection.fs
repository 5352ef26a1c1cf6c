namespace RocketMq.Protocol

open System

/// The life of one connection. A session is one socket from its connect to its end; sessions are numbered, so that late
/// news of an old one is told apart.
type ConnectionState =
    /// Nobody needs it, or nobody has yet.
    | Disconnected
    /// The number of dials that have failed in a row before this one.
    | Connecting of failures: int
    /// Dials that had failed since a server was last heard.
    | Connected of session: int * failures: int
    /// Waits for its session to end.
    | Closing of session: int
    | Closed

/// Chance and need, as they are when a connection is lost or cannot be made.
[<Struct>]
type Redial =
    {
        /// From 0 to 1; spreads the next attempt.
        Jitter: float
        /// Whether a caller has wanted the connection lately.
        IsWanted: bool
    }

type ConnectionEvent =
    /// Somebody wants the connection.
    | OpenRequested
    | DialSucceeded of session: int
    | DialFailed of reason: string * redial: Redial
    /// A session ended by itself. `wasHeard` if anything ever came from the server.
    | SessionEnded of session: int * reason: string * wasHeard: bool * redial: Redial
    /// A session takes no more requests, because nobody needs it.
    | SessionLeft of session: int
    /// The server asked its clients to go: it will not serve on this session.
    | GoAwayReceived of session: int
    | CloseRequested

type ConnectionEffect =
    /// Try to connect after a wait, and report how it went.
    | Dial of after: TimeSpan
    /// Give up a dial that waits or is under way.
    | AbandonDial
    /// Let callers use the session.
    | Admit of session: int
    /// Answer every caller that waits for a connection.
    | TurnAway of reason: string
    /// Let nobody in any more. The session ends with the last answer that it waits for.
    | Retire of session: int
    /// End the session. It answers every call in flight and reports its end.
    | HangUp of session: int
    /// Tell listeners.
    | Announce of ConnectionState

module Connection =
    let private dial backoff failures jitter =
        Dial(
            if failures = 0 then
                TimeSpan.Zero
            else
                Backoff.delay backoff failures jitter
        )

    let private closedReason = "the client has been closed"

    /// The state after a failure, with the dial that follows, unless nobody wants the connection.
    let private afterFailure backoff failures (redial: Redial) =
        if redial.IsWanted then
            let next = Connecting failures
            next, [ Announce next; dial backoff failures redial.Jitter ]
        else
            Disconnected, [ Announce Disconnected ]

    /// What an event makes of a state, and what is to be done. Total: news that no longer matters changes nothing.
    let transition (backoff: Backoff) (state: ConnectionState) (event: ConnectionEvent) =
        match state, event with
        | Disconnected, OpenRequested -> Connecting 0, [ Announce(Connecting 0); dial backoff 0 0.0 ]
        | Disconnected, CloseRequested -> Closed, [ TurnAway closedReason; Announce Closed ]
        | Disconnected, DialSucceeded session -> state, [ HangUp session ]
        | Disconnected, (DialFailed _ | SessionEnded _ | SessionLeft _ | GoAwayReceived _) -> state, []

        | Connecting failures, DialSucceeded session ->
            let next = Connected(session, failures)
            next, [ Admit session; Announce next ]
        | Connecting failures, DialFailed(reason, redial) ->
            let next, effects = afterFailure backoff (failures + 1) redial
            next, TurnAway reason :: effects
        | Connecting _, CloseRequested -> Closed, [ AbandonDial; TurnAway closedReason; Announce Closed ]
        | Connecting _, (OpenRequested | SessionEnded _ | SessionLeft _ | GoAwayReceived _) -> state, []

        | Connected(session, failures), SessionEnded(ended, _, wasHeard, redial) when ended = session ->
            // A server that takes connections and drops them must not be dialled in a tight loop.
            afterFailure backoff (if wasHeard then 1 else failures + 1) redial
        | Connected(session, _), SessionLeft left when left = session -> Disconnected, [ Announce Disconnected ]
        | Connected(session, _), GoAwayReceived leaving when leaving = session ->
            // Another of the servers behind the address takes the next connection. One that keeps sending its clients
            // away is dialled no faster than one that drops them.
            let next = Connecting 1
            next, [ Retire session; Announce next; dial backoff 1 0.0 ]
        | Connected(session, _), CloseRequested -> Closing session, [ Announce(Closing session); HangUp session ]
        | Connected _, DialSucceeded surplus -> state, [ HangUp surplus ]
        | Connected _, (OpenRequested | DialFailed _ | SessionEnded _ | SessionLeft _ | GoAwayReceived _) -> state, []

        | Closing session, SessionEnded(ended, _, _, _) when ended = session ->
            Closed, [ TurnAway closedReason; Announce Closed ]
        | Closing _, DialSucceeded surplus -> state, [ HangUp surplus ]
        | Closing _, (OpenRequested | DialFailed _ | SessionEnded _ | SessionLeft _ | GoAwayReceived _ | CloseRequested) ->
            state, []

        | Closed, DialSucceeded surplus -> state, [ HangUp surplus ]
        | Closed, (OpenRequested | DialFailed _ | SessionEnded _ | SessionLeft _ | GoAwayReceived _ | CloseRequested) ->
            state, []
