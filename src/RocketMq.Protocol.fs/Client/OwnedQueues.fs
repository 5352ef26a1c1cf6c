namespace RocketMq.Protocol

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks

/// The queues that a member reads: how it comes by one, commits it, and lets it go. A queue in `moved` is to go on at a
/// position that is committed when it is left, whatever has been done with.
[<Sealed>]
type internal OwnedQueues
    (
        options: PushConsumerOptions,
        isRetryTopic: string -> bool,
        moved: ConcurrentDictionary<MessageQueue, int64>,
        brokers: GroupBrokers,
        store: IOffsetStore,
        locks: LockKeeper option,
        puller: QueuePuller,
        handling: IHandling,
        failed: MessageQueue -> unit
    ) =
    /// What handlers get to come to an end once they have been told to.
    static let lastGrace = TimeSpan.FromSeconds 1L

    let clock = options.Remoting.Ports.Clock
    let log = options.Remoting.Logger
    let owned = ConcurrentDictionary<MessageQueue, ProcessQueue>()
    let starting = ConcurrentDictionary<MessageQueue, Task<bool>>()

    /// Queues that are read or about to be: these share what may be held of a topic. Under its own lock.
    let sharing = HashSet<MessageQueue>()

    let shareOut (topic: string) =
        if options.HoldPerTopic <> TopicHoldLimits.None then
            lock sharing (fun () ->
                let queues = sharing |> Seq.filter (fun queue -> queue.Topic = topic) |> Seq.length
                let share = HoldShare.ofTopic options.HoldPerTopic options.PullBatch queues

                for owner in owned.Values do
                    if owner.Queue.Topic = topic then
                        owner.TakeShare share)

    let joinShare queue =
        lock sharing (fun () -> sharing.Add queue |> ignore)
        shareOut queue.Topic

    let leaveShare queue =
        lock sharing (fun () -> sharing.Remove queue |> ignore)
        shareOut queue.Topic

    let startAt (queue: MessageQueue) : Task<Result<int64, RemotingError>> =
        let none = CancellationToken.None

        backgroundTask {
            let! committed = store.Load(queue, none)

            match StartOffset.afterCommitted options.ConsumeFrom (isRetryTopic queue.Topic) committed with
            | BeginAt offset -> return Ok offset
            | AskMax -> return! brokers.Ask(queue, GroupRequests.max queue, none)
            | AskByTime millis -> return! brokers.Ask(queue, GroupRequests.searchByTime queue millis, none)
            | CannotStart error -> return Error error
        }

    /// A queue in order needs its lock first.
    let isLocked queue =
        match locks with
        | Some locks -> locks.Acquire queue
        | None -> Task.FromResult true

    let pullUntilLeft (queue: ProcessQueue) : Task =
        backgroundTask {
            try
                do! puller.Run queue
            with error ->
                Log.queueFailed log queue.Queue error
                failed queue.Queue
        }

    let start (queue: MessageQueue) : Task<bool> =
        backgroundTask {
            // Meant for the time before: other members may have had the queue since.
            moved.TryRemove queue |> ignore

            match! isLocked queue with
            | false -> return false
            | true ->
                match! startAt queue with
                | Error error ->
                    Log.queueNotStarted log queue (RemotingError.describe error)
                    return false
                | Ok offset ->
                    let owner = ProcessQueue(queue, offset, options.Hold, clock.GetTimestamp())
                    owned[queue] <- owner
                    shareOut queue.Topic
                    Log.queueStarted log queue offset
                    pullUntilLeft owner |> ignore
                    return true
        }

    let tryStart (queue: MessageQueue) : Task<bool> =
        backgroundTask {
            try
                return! start queue
            with error ->
                Log.queueFailed log queue error
                return false
        }

    let save (queue: ProcessQueue) (position: int64) cancellation : Task =
        backgroundTask {
            match! store.Save(queue.Queue, position, cancellation) with
            | Ok() -> queue.HasCommitted position
            | Error error -> Log.commitFailed log queue.Queue (RemotingError.describe error)
        }

    /// Whether the position of a queue is this member's to commit.
    let isOurs (queue: ProcessQueue) =
        match locks with
        | Some locks -> locks.MayConsume queue.Queue
        | None -> true

    let commit (queue: ProcessQueue) cancellation : Task =
        backgroundTask {
            do! queue.CommitGate.WaitAsync()

            try
                match queue.TryCommittable() with
                | ValueSome position when isOurs queue -> do! save queue position cancellation
                | _ -> ()
            finally
                queue.CommitGate.Release() |> ignore
        }

    let cancelHandlers (queue: ProcessQueue) =
        for run in handling.Pool.Running do
            let stamp = run.Stamp

            if stamp <> 0L && Object.ReferenceEquals(run.Queue, queue) then
                run.Cancel stamp

    let isIdleWithin (queue: ProcessQueue) (time: TimeSpan) =
        backgroundTask {
            try
                do! queue.WhenIdle().WaitAsync(time, clock)
                return true
            with :? TimeoutException ->
                return false
        }

    /// Waits for handlers within the limit, and some more once they have been told to end.
    let drain (queue: ProcessQueue) : Task =
        backgroundTask {
            match! isIdleWithin queue options.DrainTimeout with
            | true -> ()
            | false ->
                cancelHandlers queue

                match! isIdleWithin queue lastGrace with
                | true -> ()
                | false -> Log.handlersLeftBehind log queue.Queue queue.Running
        }

    /// Commits for the last time: where the queue has been told to go on, or what is done with.
    let commitLast (queue: ProcessQueue) : Task =
        backgroundTask {
            do! queue.CommitGate.WaitAsync()

            try
                let position =
                    match moved.TryRemove queue.Queue with
                    | true, position -> ValueSome position
                    | _ -> queue.TryCommittable()

                queue.Close()

                match position with
                | ValueSome position when isOurs queue -> do! save queue position CancellationToken.None
                | _ -> ()
            finally
                queue.CommitGate.Release() |> ignore
        }

    let letGo (queue: ProcessQueue) : Task =
        backgroundTask {
            queue.Leave()
            do! drain queue
            do! commitLast queue

            match locks with
            | Some locks -> do! locks.Release queue.Queue
            | None -> ()

            owned.TryRemove queue.Queue |> ignore
            leaveShare queue.Queue
            Log.queueLeft log queue.Queue queue.Committed
        }

    /// Begins to read a queue. False: it cannot be read now.
    member _.Start(queue: MessageQueue) : Task<bool> =
        joinShare queue

        let starts =
            backgroundTask {
                try
                    let! isStarted = tryStart queue

                    if not isStarted then
                        leaveShare queue

                    return isStarted
                finally
                    starting.TryRemove queue |> ignore
            }

        if not starts.IsCompleted then
            starting[queue] <- starts

        starts

    /// Ends when a queue is drained, committed and unlocked.
    member _.Leave(queue: MessageQueue) : Task =
        backgroundTask {
            match starting.TryGetValue queue with
            | true, starts ->
                let! _ = starts
                ()
            | _ -> ()

            match owned.TryGetValue queue with
            | true, owner -> do! letGo owner
            | _ -> ()
        }

    member _.All: ProcessQueue list = [ for queue in owned.Values -> queue ]

    member _.TryFind(queue: MessageQueue) : ProcessQueue | null =
        match owned.TryGetValue queue with
        | true, found -> found
        | _ -> null

    member _.CommitAll(cancellation: CancellationToken) : Task =
        owned.Values |> Seq.map (fun queue -> commit queue cancellation) |> Task.WhenAll
