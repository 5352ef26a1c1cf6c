namespace RocketMq.Protocol

open System

/// What follows a failed attempt to send.
type AfterFailure =
    /// Try another broker, if there is one.
    | TryAgain
    | GiveUp of RemotingError

module SendRetry =
    /// Of two failures of one message, the one that says more: an attempt that may have succeeded outweighs one that
    /// did not.
    let graver (earlier: RemotingError option) (latest: RemotingError) : RemotingError =
        match earlier with
        | Some error when
            RemotingError.outcome error = UnknownOutcome
            && RemotingError.outcome latest = NotExecuted
            ->
            error
        | _ -> latest

    /// Decides after attempt number `attempt`, counting from 1, of at most `attempts`, with `rest` of the time left.
    let decide (attempts: int) (attempt: int) (rest: TimeSpan) (earlier: RemotingError option) latest : AfterFailure =
        if attempt < attempts && rest > TimeSpan.Zero && RemotingError.isTransient latest then
            TryAgain
        else
            GiveUp(graver earlier latest)
