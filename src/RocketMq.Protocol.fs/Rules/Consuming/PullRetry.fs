namespace RocketMq

open System
open RocketMq.Protocol

/// When a consumer asks again after a pull or a pop that failed. It never gives up: topics and permissions come back.
module internal PullRetry =
    let private firstWaitMillis = 100.0
    let private lastWaitMillis = 3000.0

    /// The longest wait between two attempts.
    let lastWait = TimeSpan.FromMilliseconds lastWaitMillis

    /// Codes that tell of a heartbeat which has not reached the broker yet.
    let private isUnsubscribed error =
        match error with
        | RemotingError.Refused(_, _, _, (ResponseCode.SubscriptionNotExist | ResponseCode.SubscriptionNotLatest), _) ->
            true
        | _ -> false

    /// Whether the broker will go on to refuse.
    let isRefusal (error: RemotingError) : bool =
        not (RemotingError.isTransient error || isUnsubscribed error)

    /// How long to wait after `failures` failures in a row: 100 ms at first, twice as long each time, up to 3 s; 3 s at once
    /// after a refusal, and 20 ms where the broker asks for less, as in Java.
    let waitAfter (failures: int) (error: RemotingError) : TimeSpan =
        match error with
        | RemotingError.Refused(_, _, _, ResponseCode.FlowControl, _) -> TimeSpan.FromMilliseconds 20.0
        | _ when isRefusal error -> TimeSpan.FromMilliseconds lastWaitMillis
        | _ ->
            let wait = firstWaitMillis * Math.Pow(2.0, float (min 10 (failures - 1)))
            TimeSpan.FromMilliseconds(min lastWaitMillis wait)
