namespace RocketMq

open System
open RocketMq.Protocol

/// What follows a failed attempt to send.
type internal AfterFailure =
    /// Try another broker, if there is one.
    | TryAgain
    | GiveUp of RemotingError

/// Whether a message that could not be sent is sent again, and when. Only one whose queue this client picks is, at the broker that
/// `LatencyFaultTolerance.choose` gives next; where the caller or its selector picked the queue, the first failure is final
/// (`Sender.afterFailure`), unless the queue is one of a static topic and has moved: then it is sent to where the queue is now. `Attempts`, 3 by default, counts all attempts at all brokers, and all share the `SendTimeout`.
module internal SendRetry =
    /// Of two failures of one message, the one that says more: an attempt that may have succeeded outweighs one that
    /// did not. A caller that gave up is told just that, and whether the message may be stored.
    let graver (earlier: RemotingError option) (latest: RemotingError) : RemotingError =
        match earlier, latest with
        | Some error, RemotingError.Cancelled(request, false) -> RemotingError.cancelledAfter request error
        | Some error, _ when
            RemotingError.outcome error = UnknownOutcome
            && RemotingError.outcome latest = NotExecuted
            ->
            error
        | _ -> latest

    /// How long to wait before the next attempt, `attempt` being the one that failed: a broker that has too much to do is left
    /// alone for 10 to 100 ms, and one that cannot be reached for a little where there is no other. A queue that has moved is looked
    /// for at once, and after a while if it was not found. `jitter` is from 0 to 1.
    let pause (attempt: int) (hasOther: bool) (jitter: float) (latest: RemotingError) : TimeSpan =
        match latest with
        | RemotingError.NotConnected _ when not hasOther ->
            TimeSpan.FromMilliseconds(100.0 * float attempt * (0.5 + jitter))
        // The route that was read after the first refusal was no better: brokers and name servers need a moment to agree.
        | error when RemotingError.isMovedQueue error ->
            TimeSpan.FromMilliseconds(200.0 * float (attempt - 1) * (0.5 + jitter))
        // Another broker may have room; this client has too much to do, not the broker.
        | RemotingError.TooManyWaiting _ -> TimeSpan.Zero
        | error when RemotingError.isOverload error -> TimeSpan.FromMilliseconds(10.0 + 90.0 * jitter)
        | _ -> TimeSpan.Zero

    /// Decides after attempt number `attempt`, counting from 1, of at most `attempts`, with `rest` of the time left.
    let decide (attempts: int) (attempt: int) (rest: TimeSpan) (earlier: RemotingError option) latest : AfterFailure =
        if attempt < attempts && rest > TimeSpan.Zero && RemotingError.isTransient latest then
            TryAgain
        else
            GiveUp(graver earlier latest)

    /// Whether a batch that failed with this error may be sent in parts: certainly nothing of it is stored, and one of its
    /// messages may be the reason. Brokers look at a batch before they store any of it. Source: DefaultMessageStore.java.
    let mayBePartsFault (error: RemotingError) : bool =
        match error with
        | RemotingError.Invalid _
        | RemotingError.NotEncoded _
        | RemotingError.Refused(_, _, _, ResponseCode.MessageIllegal, _) -> true
        | _ -> false
