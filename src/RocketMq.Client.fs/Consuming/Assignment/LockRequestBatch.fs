namespace RocketMq

open System.Collections.Generic
open System.Threading.Tasks

/// The lock requests that one event asks for: they travel together, a request for each broker. Each is answered by an event of its
/// queue. Only the member's agent calls it.
[<Sealed>]
type internal LockRequestBatch
    (clock: MemberClock, locks: QueueLockRequests, post: MessageQueue -> QueueEvent -> unit, run: (unit -> Task) -> unit)
    =
    let toAcquire = List<struct (MessageQueue * int)>()
    let toRenew = List<MessageQueue>()
    let toRelease = List<MessageQueue>()

    let byBroker (queues: MessageQueue seq) =
        queues |> List.ofSeq |> List.groupBy locks.HostOf |> List.map snd

    let answerOf (outcome: LockOutcome) queue =
        match outcome.Granted with
        | ValueNone -> LockUnknown
        | ValueSome granted when List.contains queue granted -> LockGranted
        | ValueSome _ -> LockDenied

    let requestLocks (requested: MessageQueue list) (answer: MessageQueue -> LockOutcome -> QueueEvent) : Task =
        backgroundTask {
            let mutable outcome =
                {
                    RequestedAt = clock.Now
                    Granted = ValueNone
                }

            try
                let! answered = locks.Acquire requested
                outcome <- answered
            finally
                for queue in requested do
                    post queue (answer queue outcome)
        }

    let releaseLocks (released: MessageQueue list) : Task =
        backgroundTask {
            try
                do! locks.Release released
            finally
                for queue in released do
                    post queue QueueEvent.Unlocked
        }

    member _.Acquire(queue: MessageQueue, attempt: int) = toAcquire.Add(struct (queue, attempt))
    member _.Renew(queue: MessageQueue) = toRenew.Add queue
    member _.Release(queue: MessageQueue) = toRelease.Add queue

    /// Sends what has been collected since the last time.
    member _.Send() =
        let attempts =
            Map.ofSeq (toAcquire |> Seq.map (fun struct (queue, attempt) -> queue, attempt))

        for requested in byBroker attempts.Keys do
            run (fun () ->
                requestLocks requested (fun queue outcome ->
                    QueueEvent.LockAnswered(attempts[queue], outcome.RequestedAt, answerOf outcome queue)))

        for requested in byBroker toRenew do
            run (fun () ->
                requestLocks requested (fun queue outcome ->
                    QueueEvent.LockRenewed(outcome.RequestedAt, answerOf outcome queue)))

        for released in byBroker toRelease do
            run (fun () -> releaseLocks released)

        toAcquire.Clear()
        toRenew.Clear()
        toRelease.Clear()
