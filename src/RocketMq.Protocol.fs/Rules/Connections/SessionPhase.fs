namespace RocketMq

/// How far a session, one socket from its connect to its end, is on its way. It only goes on, never back.
[<RequireQualifiedAccess>]
type internal SessionPhase =
    /// It takes requests.
    | Open
    /// It takes no more requests, and drains with the last answer that it waits for.
    | Retired
    /// It takes nothing more, and ends when its buffer is written, or at a deadline.
    | Draining of reason: FailureReason * deadline: int64<tick>
    | Ended of reason: FailureReason

[<RequireQualifiedAccess>]
type internal SessionEvent =
    /// Callers go to another session, as the server asked them to.
    | RetireRequested
    /// No call waits for an answer. What follows has until the deadline.
    | LastCallEnded of deadline: int64<tick>
    /// It is to end as soon as its buffer is written, at the deadline at the latest.
    | DrainRequested of reason: FailureReason * deadline: int64<tick>
    /// Nothing more is written: all that was in the buffer has been.
    | WritingEnded
    | TimePassed
    /// The socket cannot be used any more, or must not be.
    | Failed of reason: FailureReason

[<RequireQualifiedAccess>]
type internal SessionEffect =
    /// Nothing more is put into the buffer.
    | CompleteBuffer
    /// Look at the time again at the deadline.
    | WakeAt of deadline: int64<tick>
    /// Close the socket, and answer or return each call in flight.
    | End of reason: FailureReason

module internal SessionPhase =
    /// Why a session ends that was retired.
    let retiredReason = FailureReason.ofText "the server asked its clients to go"

    let private noReason = FailureReason.ofText ""

    let private drain reason deadline =
        SessionPhase.Draining(reason, deadline), [ SessionEffect.CompleteBuffer; SessionEffect.WakeAt deadline ]

    let private ended reason =
        SessionPhase.Ended reason, [ SessionEffect.End reason ]

    /// Whether the session still answers the requests of its peer.
    let takesAnswers (phase: SessionPhase) =
        match phase with
        | SessionPhase.Open
        | SessionPhase.Retired -> true
        | SessionPhase.Draining _
        | SessionPhase.Ended _ -> false

    /// What an event makes of a phase, and what is to be done. Total: an event that comes too late changes nothing.
    let transition (now: int64<tick>) (phase: SessionPhase) (event: SessionEvent) : SessionPhase * SessionEffect list =
        match phase, event with
        | SessionPhase.Ended _, _ -> phase, []
        | _, SessionEvent.Failed reason -> ended reason

        | SessionPhase.Draining(reason, _), SessionEvent.WritingEnded -> ended reason
        | SessionPhase.Draining(reason, deadline), SessionEvent.TimePassed when now >= deadline -> ended reason
        // The first reason is the one that counts, and its deadline.
        | SessionPhase.Draining _, _ -> phase, []

        | (SessionPhase.Open | SessionPhase.Retired), SessionEvent.DrainRequested(reason, deadline) ->
            drain reason deadline
        | (SessionPhase.Open | SessionPhase.Retired), SessionEvent.WritingEnded -> ended noReason
        | (SessionPhase.Open | SessionPhase.Retired), SessionEvent.RetireRequested -> SessionPhase.Retired, []
        | SessionPhase.Retired, SessionEvent.LastCallEnded deadline -> drain retiredReason deadline
        | SessionPhase.Open, SessionEvent.LastCallEnded _ -> phase, []
        | (SessionPhase.Open | SessionPhase.Retired), SessionEvent.TimePassed -> phase, []
