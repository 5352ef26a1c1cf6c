namespace RocketMq.Embedded

open RocketMq.Protocol
open RocketMq

/// Queues that are consumed in order: one member of a group at a time.
module internal QueueLocking =
    /// A lock that was not renewed for longer is none. Source: RebalanceLockManager.java.
    let private liveMillis = 60_000L

    let isLocked (now: int64) (queueLock: QueueLock) =
        now - queueLock.RenewedMillis <= liveMillis

    /// Whether a member of a group holds any queue.
    let isAnyLocked now group (state: BrokerState) =
        state.Locks
        |> Map.exists (fun locked queueLock -> locked.ConsumerGroup = group && isLocked now queueLock)

    let private key (request: LockRequest) queue : LockedQueue =
        {
            ConsumerGroup = request.ConsumerGroup
            Queue = queue
        }

    /// Whether a member may have a queue: no member has locked it, or the member itself has.
    let private isFreeFor now (request: LockRequest) queue (locks: Map<LockedQueue, QueueLock>) =
        match Map.tryFind (key request queue) locks with
        | Some current -> current.ClientId = request.ClientId || not (isLocked now current)
        | None -> true

    let acquire now (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state QueueLocks.acquire.Decode (fun request ->
            let granted =
                request.Queues
                |> List.distinct
                |> List.filter (fun queue -> isFreeFor now request queue state.Locks)

            let mine: QueueLock =
                {
                    ClientId = request.ClientId
                    RenewedMillis = now
                }

            { state with
                Locks =
                    (state.Locks, granted)
                    ||> List.fold (fun locks queue -> Map.add (key request queue) mine locks)
            },
            [ Answer.reply arrival (QueueLocks.acquire.Answer(granted, arrival.Command)) ])

    /// Releases what the member holds, and leaves the rest alone.
    let release (arrival: Arrival) (state: BrokerState) =
        Answer.decoding arrival state QueueLocks.release.Decode (fun request ->
            let drop (locks: Map<LockedQueue, QueueLock>) queue =
                match Map.tryFind (key request queue) locks with
                | Some current when current.ClientId = request.ClientId -> Map.remove (key request queue) locks
                | _ -> locks

            { state with
                Locks = List.fold drop state.Locks request.Queues
            },
            [ Answer.succeed arrival ])
