namespace RocketMq.Protocol

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks

/// How a member comes by queues and lets them go.
type internal OwnershipOptions =
    {
        ConsumeFrom: ConsumeFrom
        /// Where the application wants a queue to begin, in place of the committed position.
        StartAt: (MessageQueue -> CancellationToken -> Task<int64 option>) option
        /// Before a queue is pulled for the first time.
        Prepare: ProcessQueue -> unit
        Hold: HoldLimits
        HoldPerTopic: TopicHoldLimits
        /// The most messages a pull asks for.
        PullBatch: int
        DrainTimeout: TimeSpan
        /// Whether positions are committed when queues are left, not only on demand.
        CommitsOnLeave: bool
        Remoting: RemotingOptions
    }

/// The queues that a member reads: how it comes by one, commits it, and lets it go. A queue in `moved` is to go on at a
/// position that is committed when it is left, whatever has been done with.
[<Sealed>]
type internal OwnedQueues
    (
        options: OwnershipOptions,
        isRetryTopic: string -> bool,
        moved: ConcurrentDictionary<MessageQueue, int64>,
        brokers: GroupBrokers,
        store: IOffsetStore,
        locks: LockKeeper option,
        puller: QueuePuller,
        cancelHandlers: ProcessQueue -> unit,
        failed: MessageQueue -> unit
    ) =
    /// What handlers get to come to an end once they have been told to.
    static let lastGrace = TimeSpan.FromSeconds 1L

    let clock = options.Remoting.Ports.Clock
    let log = options.Remoting.Logger
    let owned = ConcurrentDictionary<MessageQueue, ProcessQueue>()
    let starting = ConcurrentDictionary<MessageQueue, Task<bool>>()

    let none = CancellationToken.None
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


    let atCommitted (queue: MessageQueue) : Task<Result<int64, RemotingError>> =
        backgroundTask {
            let! committed = store.Load(queue, none)

            match StartOffset.afterCommitted options.ConsumeFrom (isRetryTopic queue.Topic) committed with
            | BeginAt offset -> return Ok offset
            | AskMax -> return! brokers.Ask(queue, GroupRequests.max queue, none)
            | AskByTime millis -> return! brokers.Ask(queue, GroupRequests.searchByTime queue millis, none)
            | CannotStart error -> return Error error
        }

    let startAt (queue: MessageQueue) : Task<Result<int64, RemotingError>> =
        match options.StartAt with
        | None -> atCommitted queue
        | Some choose ->
            backgroundTask {
                match! choose queue none with
                | Some position -> return Ok position
                | None -> return! atCommitted queue
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
                    options.Prepare owner
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

    let save (queue: ProcessQueue) (position: int64) cancellation : Task<Result<unit, RemotingError>> =
        backgroundTask {
            match! store.Save(queue.Queue, position, cancellation) with
            | Ok() ->
                queue.HasCommitted position
                return Ok()
            | Error error ->
                Log.commitFailed log queue.Queue (RemotingError.describe error)
                return Error error
        }

    /// Whether the position of a queue is this member's to commit.
    let isOurs (queue: ProcessQueue) =
        match locks with
        | Some locks -> locks.MayConsume queue.Queue
        | None -> true

    let commit (queue: ProcessQueue) cancellation : Task<Result<unit, RemotingError>> =
        backgroundTask {
            do! queue.CommitGate.WaitAsync()

            try
                match queue.TryCommittable() with
                | ValueSome position when isOurs queue -> return! save queue position cancellation
                | _ -> return Ok()
            finally
                queue.CommitGate.Release() |> ignore
        }

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
                    | _ when options.CommitsOnLeave -> queue.TryCommittable()
                    | _ -> ValueNone

                queue.Close()

                match position with
                | ValueSome position when isOurs queue ->
                    let! _ = save queue position none
                    ()
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

    /// Pulls of a topic's queues that are under way do not count: its subscription is another one now.
    member _.SubscriptionChanged(topic: string) =
        for owner in owned.Values do
            if owner.Queue.Topic = topic then
                owner.PullAgain()

    member _.All: ProcessQueue list = [ for queue in owned.Values -> queue ]

    /// Commits a position that the application chose.
    member _.CommitAt(queue: ProcessQueue, position: int64, cancellation: CancellationToken) =
        backgroundTask {
            do! queue.CommitGate.WaitAsync()

            try
                return! save queue position cancellation
            finally
                queue.CommitGate.Release() |> ignore
        }

    member _.TryFind(queue: MessageQueue) : ProcessQueue | null =
        match owned.TryGetValue queue with
        | true, found -> found
        | _ -> null

    /// Commits what is done with of all queues; gives the first failure, and all are logged.
    member _.CommitAll(cancellation: CancellationToken) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            let! outcomes =
                owned.Values |> Seq.map (fun queue -> commit queue cancellation) |> Task.WhenAll

            return outcomes |> Array.tryFind Result.isError |> Option.defaultValue (Ok())
        }
