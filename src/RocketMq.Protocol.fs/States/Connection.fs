namespace RocketMq.Protocol

open System

/// The life of one connection. A session is one socket from its connect to its end; sessions are numbered, so that late
/// news of an old one is told apart.
type ConnectionState =
    | Disconnected
    /// The number of dials that have failed in a row before this one.
    | Connecting of failures: int
    /// Dials that had failed since a server was last heard.
    | Connected of session: int * failures: int
    /// Waits for its session to end.
    | Closing of session: int
    | Closed

type ConnectionEvent =
    /// Somebody wants the connection.
    | OpenRequested
    | DialSucceeded of session: int
    /// `jitter` from 0 to 1 spreads the next attempt.
    | DialFailed of reason: string * jitter: float
    /// A session ended by itself. `wasHeard` if anything ever came from the server.
    | SessionEnded of session: int * reason: string * wasHeard: bool * jitter: float
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

    /// What an event makes of a state, and what is to be done. Total: news that no longer matters changes nothing.
    let transition (backoff: Backoff) (state: ConnectionState) (event: ConnectionEvent) =
        match state, event with
        | Disconnected, OpenRequested -> Connecting 0, [ Announce(Connecting 0); dial backoff 0 0.0 ]
        | Disconnected, CloseRequested -> Closed, [ TurnAway closedReason; Announce Closed ]
        | Disconnected, DialSucceeded session -> state, [ HangUp session ]
        | Disconnected, (DialFailed _ | SessionEnded _) -> state, []

        | Connecting failures, DialSucceeded session ->
            let next = Connected(session, failures)
            next, [ Admit session; Announce next ]
        | Connecting failures, DialFailed(reason, jitter) ->
            let next = Connecting(failures + 1)
            next, [ TurnAway reason; Announce next; dial backoff (failures + 1) jitter ]
        | Connecting _, CloseRequested -> Closed, [ AbandonDial; TurnAway closedReason; Announce Closed ]
        | Connecting _, (OpenRequested | SessionEnded _) -> state, []

        | Connected(session, failures), SessionEnded(ended, _, wasHeard, jitter) when ended = session ->
            // A server that takes connections and drops them must not be dialled in a tight loop.
            let failuresNow = if wasHeard then 1 else failures + 1
            let next = Connecting failuresNow
            next, [ Announce next; dial backoff failuresNow jitter ]
        | Connected(session, _), CloseRequested -> Closing session, [ Announce(Closing session); HangUp session ]
        | Connected _, DialSucceeded surplus -> state, [ HangUp surplus ]
        | Connected _, (OpenRequested | DialFailed _ | SessionEnded _) -> state, []

        | Closing session, SessionEnded(ended, _, _, _) when ended = session ->
            Closed, [ TurnAway closedReason; Announce Closed ]
        | Closing _, DialSucceeded surplus -> state, [ HangUp surplus ]
        | Closing _, (OpenRequested | DialFailed _ | SessionEnded _ | CloseRequested) -> state, []

        | Closed, DialSucceeded surplus -> state, [ HangUp surplus ]
        | Closed, (OpenRequested | DialFailed _ | SessionEnded _ | CloseRequested) -> state, []
