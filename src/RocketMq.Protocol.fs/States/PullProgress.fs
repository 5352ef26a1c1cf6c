namespace RocketMq.Protocol

open System

/// What a consumer does after a pull.
type AfterPull =
    | PullAgain
    | PullAfter of TimeSpan
    /// The broker refuses, and will go on to.
    | Stop of RemotingError

module PullProgress =
    let private firstWaitMillis = 100.0
    let private lastWaitMillis = 3000.0

    /// Codes that tell of a heartbeat which has not reached the broker yet.
    let private isUnsubscribed error =
        match error with
        | Refused(_, _, _, (ResponseCode.SubscriptionNotExist | ResponseCode.SubscriptionNotLatest), _) -> true
        | _ -> false

    let private isPassing error =
        RemotingError.isTransient error || isUnsubscribed error

    /// Whether the broker will go on to refuse.
    let isRefusal (error: RemotingError) : bool = not (isPassing error)

    let private growingWait failures =
        let wait = firstWaitMillis * Math.Pow(2.0, float (min 10 (failures - 1)))
        TimeSpan.FromMilliseconds(min lastWaitMillis wait)

    /// What to do after `failures` failed pulls in a row.
    let afterFailure failures (error: RemotingError) : AfterPull =
        if isPassing error then
            PullAfter(growingWait failures)
        else
            Stop error

    /// How long a consumer that never gives up waits after `failures` failed pulls in a row. Java waits 3 s at once, and
    /// 20 ms where the broker asks for less.
    let waitAfter failures (error: RemotingError) : TimeSpan =
        match error with
        | Refused(_, _, _, ResponseCode.FlowControl, _) -> TimeSpan.FromMilliseconds 20.0
        | _ when isPassing error -> growingWait failures
        | _ -> TimeSpan.FromMilliseconds lastWaitMillis
