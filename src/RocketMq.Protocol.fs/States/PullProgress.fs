namespace RocketMq.Protocol

open System

/// How far a consumer is with one queue. Positions only move forward, except where the broker says that they are wrong.
type PullProgress =
    {
        /// Where the next pull begins.
        Next: int64
        /// The next position after the last message that the application is done with.
        Settled: int64
        /// Messages handed on that the application is not done with.
        Unsettled: int
    }

/// What a consumer does after a pull.
type AfterPull =
    | PullAgain
    | PullAfter of TimeSpan
    /// The broker refuses, and will go on to.
    | Stop of RemotingError

module PullProgress =
    let startAt offset : PullProgress =
        {
            Next = offset
            Settled = offset
            Unsettled = 0
        }

    /// A pull ended at `next` and gave `handedOn` messages to the application.
    let pulled next handedOn (progress: PullProgress) =
        {
            Next = next
            Settled =
                if progress.Unsettled = 0 then
                    progress.Next
                else
                    progress.Settled
            Unsettled = progress.Unsettled + handedOn
        }

    /// The application is done with the message at `offset`; messages of a queue are settled in order.
    let settled offset (progress: PullProgress) =
        { progress with
            Settled = offset + 1L
            Unsettled = progress.Unsettled - 1
        }

    /// The position to commit: everything before it is done with, messages that the filter left out included.
    let committable (progress: PullProgress) =
        if progress.Unsettled = 0 then
            progress.Next
        else
            progress.Settled

    let private firstWaitMillis = 100.0
    let private lastWaitMillis = 3000.0

    /// Codes that tell of a heartbeat which has not reached the broker yet.
    let private isUnsubscribed error =
        match error with
        | Refused(_, _, _, (ResponseCode.SubscriptionNotExist | ResponseCode.SubscriptionNotLatest), _) -> true
        | _ -> false

    let private isPassing error =
        RemotingError.isTransient error || isUnsubscribed error

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
