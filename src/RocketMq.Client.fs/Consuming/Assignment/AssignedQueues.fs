namespace RocketMq

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks

/// How a member comes by queues and gives them up.
type internal AssignmentOptions =
    {
        Rules: QueueRules
        ConsumeFrom: ConsumeFrom
        /// Of a group whose failed messages come again: where they do. Such a topic begins with its first message.
        IsRetryTopic: string -> bool
        /// Where the application wants a queue to begin, in place of the committed offset.
        StartAt: (MessageQueue -> CancellationToken -> Task<int64 option>) option
        FlowControl: FlowControlLimits
        /// Whether handlers go on beside a message that fails for as long as it does: then how far they go is bounded by the span of
        /// the flow control, consumed or not, as all of it comes again after a restart.
        BoundsGaps: bool
        TopicFlowControl: TopicFlowControlLimits
        /// The most messages a pull asks for.
        PullBatch: int
        /// Of handlers whose queue is given up.
        Drain: Drain
        Remoting: RemotingOptions
    }

/// Carries out what `ConsumerQueue` decides, for all queues of one member. Only the member's agent calls it. What it begins runs
/// beside it, and ends as an event.
[<Sealed>]
type internal AssignedQueues
    (
        options: AssignmentOptions,
        clock: MemberClock,
        events: MemberEvents,
        table: ProcessQueueTable,
        problems: MemberProblems,
        control: QueueControl,
        brokers: GroupBrokers,
        store: IOffsetStore,
        locks: QueueLockRequests,
        puller: PullService,
        dispatcher: IMessageDispatcher,
        ending: CancellationToken
    ) =
    /// What handlers get to end once their token is cancelled.
    static let lastGrace = TimeSpan.FromSeconds 1L

    /// Requests about offsets that are in flight at a time, of all queues.
    static let offsetRequests = 64

    let log = options.Remoting.Logger
    let time = options.Remoting.Ports.Clock
    let queues = Dictionary<MessageQueue, ConsumerQueue>()
    let shares = FlowControlShares(options.TopicFlowControl, options.PullBatch, table)
    let slots = new SemaphoreSlim(offsetRequests, offsetRequests)
    let waits = Dictionary<int, CommitWait>()

    /// The queues of a commit of all: their number may change meanwhile. One list for all commits.
    let toCommit = List<MessageQueue>()

    let mutable lastWait = 0

    let post queue event = events.Post(QueueEvent(queue, event))

    let run work = Supervised.run log ending work

    let lockRequests = LockRequestBatch(clock, locks, post, run)

    let progressOf queue : ConsumeProgress =
        match table.TryFind queue with
        | null ->
            {
                Consumed = 0L
                IsConfirmed = false
                IsSought = false
                Running = 0
            }
        | owner -> owner.Progress

    // Offsets

    /// Asks in turn with others, and gives what it fails with, too.
    let inTurn (request: unit -> Task<Result<'Answer, RemotingError>>) : Task<Result<'Answer, RemotingError>> =
        backgroundTask {
            do! slots.WaitAsync ending

            try
                try
                    return! request ()
                with error when not ending.IsCancellationRequested ->
                    Log.workFailed log error

                    return
                        Error(
                            RemotingError.OffsetStoreFailed(
                                $"the offset store threw {error.GetType().Name}: {error.Message}",
                                Some error
                            )
                        )
            finally
                slots.Release() |> ignore<int>
        }

    let atCommitted (queue: MessageQueue) : Task<Result<struct (int64 * CommittedOffset), RemotingError>> =
        backgroundTask {
            let! committed = store.Load(queue, ending)

            let found =
                Result.map CommittedOffset.ofOption committed |> Result.defaultValue NotLoaded

            let isRetryTopic = options.IsRetryTopic queue.Topic

            let! offset =
                match InitialOffset.whereToBegin options.ConsumeFrom isRetryTopic committed with
                | BeginAt offset -> Task.FromResult(Ok offset)
                | QueryMaxOffset -> brokers.RequestFromMaster(queue, GroupRequests.max queue, ending)
                | QueryOffsetByTime millis ->
                    brokers.RequestFromMaster(queue, GroupRequests.searchByTime queue millis, ending)
                | CannotStart error -> Task.FromResult(Error error)

            return offset |> Result.map (fun offset -> struct (offset, found))
        }

    let startAt (queue: MessageQueue) : Task<Result<struct (int64 * CommittedOffset), RemotingError>> =
        match options.StartAt with
        | None -> inTurn (fun () -> atCommitted queue)
        | Some choose ->
            backgroundTask {
                match! choose queue ending with
                | Some offset when offset >= 0L -> return Ok(struct (offset, NotLoaded))
                | Some offset ->
                    return
                        Error(
                            RemotingError.InvalidCall(
                                invariant $"StartAt gave the offset {offset}, offsets count from 0"
                            )
                        )
                | None -> return! inTurn (fun () -> atCommitted queue)
            }

    let commitOf (queue: MessageQueue) = invariant $"commit of {queue}"

    let clearCommit (queue: MessageQueue) =
        if problems.Any then
            problems.Clear(commitOf queue)

    let findOffset (queue: MessageQueue) attempt =
        let find () : Task =
            backgroundTask {
                try
                    match! startAt queue with
                    | Ok struct (offset, committed) ->
                        clearCommit queue
                        post queue (QueueEvent.OffsetFound(attempt, offset, committed))
                    | Error error ->
                        let reason = RemotingError.describe error
                        ConsumerLog.queueNotStarted log queue reason
                        problems.Report(string queue, reason)
                        post queue (QueueEvent.OffsetNotFound attempt)
                with error ->
                    if not ending.IsCancellationRequested then
                        ConsumerLog.queueFailed log queue error

                    post queue (QueueEvent.OffsetNotFound attempt)
            }

        // What the application gave may block.
        Supervised.runApart log ending find

    let save (queue: MessageQueue) offset : Task =
        backgroundTask {
            match! inTurn (fun () -> store.Save(queue, offset, ending)) with
            | Ok() ->
                clearCommit queue
                post queue QueueEvent.OffsetSaved
            | Error error ->
                let reason = RemotingError.describe error
                ConsumerLog.commitFailed log queue reason
                problems.Report(commitOf queue, reason)
                post queue (QueueEvent.OffsetNotSaved error)
        }

    let load (queue: MessageQueue) : Task =
        backgroundTask {
            match! inTurn (fun () -> store.Load(queue, ending)) with
            | Ok committed ->
                // What could not be saved for certain may be there, and nothing is left to save.
                clearCommit queue
                let committed = CommittedOffset.ofOption committed
                events.Post(ProgressEvent(queue, (fun progress -> QueueEvent.OffsetLoaded(committed, progress))))
            | Error error ->
                ConsumerLog.commitFailed log queue (RemotingError.describe error)
                post queue QueueEvent.OffsetNotLoaded
        }

    // Reading

    let fetch (owner: ProcessQueue) =
        run (fun () -> puller.Run(owner, owner.BeginLoop()))

    let startReading (queue: MessageQueue) offset =
        let owner =
            ProcessQueue(queue, offset, options.FlowControl, clock, options.BoundsGaps)

        table.Add owner
        control.Prepare owner
        shares.Share queue.Topic
        ConsumerLog.queueStarted log queue offset
        fetch owner

    let grace = Drain(lastGrace, time)

    /// Waits for handlers within the limit, and some more once they have been told to end.
    let waitForHandlers (owner: ProcessQueue) : Task =
        backgroundTask {
            try
                match! options.Drain.WaitFor(owner.WhenIdle(), ending) with
                | true -> ()
                | false ->
                    dispatcher.CancelHandlers owner

                    match! grace.WaitFor(owner.WhenIdle(), ending) with
                    | true -> ()
                    | false -> ConsumerLog.handlersLeftBehind log owner.Queue owner.Progress.Running
            finally
                events.Post(ProgressEvent(owner.Queue, QueueEvent.Drained))
        }

    let closeReading (owner: ProcessQueue) =
        owner.Close()
        table.Remove owner.Queue
        dispatcher.Drop owner
        ConsumerLog.queueReleased log owner.Queue owner.Progress.Consumed

    let retryAfter (queue: MessageQueue) (wait: TimeSpan) attempt : Task =
        backgroundTask {
            do! Task.Delay(wait, time, ending)
            post queue (QueueEvent.RetryDue attempt)
        }

    let answerCommits waiters result =
        for waiter in waiters do
            match waits.TryGetValue waiter with
            | true, wait ->
                waits.Remove waiter |> ignore<bool>
                wait.Report result
            | _ -> ()

    let report queue what =
        match what with
        | LockWasLost -> ConsumerLog.lockLost log queue
        | OffsetTakenOver(before, after) -> ConsumerLog.offsetTakenOver log queue before after
        | OffsetLeftAlone(consumed, committed) -> ConsumerLog.offsetLeftAlone log queue consumed committed
        | ResetRefused offset -> ConsumerLog.resetRefused log queue offset
        | ResetNotSaved offset -> ConsumerLog.resetNotSaved log queue offset

    let onOwner queue (act: ProcessQueue -> unit) =
        match table.TryFind queue with
        | null -> ()
        | owner -> act owner

    let carryOut (queue: MessageQueue) effect =
        match effect with
        | QueueEffect.AcquireLock attempt -> lockRequests.Acquire(queue, attempt)
        | QueueEffect.RenewLock -> lockRequests.Renew queue
        | QueueEffect.ReleaseLock -> lockRequests.Release queue
        | QueueEffect.FindOffset attempt -> findOffset queue attempt
        | QueueEffect.StartReading offset -> startReading queue offset
        | QueueEffect.RestartFetching -> onOwner queue fetch
        | QueueEffect.MoveReading offset ->
            onOwner queue (fun owner ->
                owner.Reset offset
                dispatcher.Drop owner)
        | QueueEffect.StopReading -> onOwner queue _.Leave()
        | QueueEffect.WaitForHandlers -> onOwner queue (fun owner -> run (fun () -> waitForHandlers owner))
        | QueueEffect.CloseReading -> onOwner queue closeReading
        | QueueEffect.SaveOffset offset -> run (fun () -> save queue offset)
        | QueueEffect.LoadOffset -> run (fun () -> load queue)
        | QueueEffect.RetryAfter(wait, attempt) -> run (fun () -> retryAfter queue wait attempt)
        | QueueEffect.AnswerCommits(waiters, result) -> answerCommits waiters result
        | QueueEffect.Report what -> report queue what

    /// What the process queue shows and goes by.
    let mirror (queue: MessageQueue) (state: ConsumerQueue) =
        // Not by `onOwner`, which would make an object for each event.
        match table.TryFind queue with
        | null -> ()
        | owner ->
            owner.Committed <- ConsumerQueue.committed state
            owner.Lock <- ConsumerQueue.lockState state

            if owner.IsLocked then
                dispatcher.Resume owner

            let lasts = ConsumerQueue.lockLasts clock.Now state

            // Another member may have the queue, and its messages, already. A renewal that fails is no reason before that.
            if owner.LockLasts && not lasts then
                dispatcher.CancelHandlers owner

            owner.LockLasts <- lasts

    let step (queue: MessageQueue) (event: QueueEvent) =
        let state =
            match queues.TryGetValue queue with
            | true, state -> state
            | _ -> ConsumerQueue.create options.Rules

        let next, effects = ConsumerQueue.transition clock.Now state event

        if ConsumerQueue.phase next = Released then
            if queues.Remove queue then
                shares.Leave queue

            problems.Clear(string queue)
            clearCommit queue
        elif queues.TryAdd(queue, next) then
            shares.Join queue
        else
            queues[queue] <- next

        mirror queue next

        for effect in effects do
            carryOut queue effect

        // A queue that was begun just now has its lock already.
        mirror queue next

    let stepAll (event: MessageQueue -> QueueEvent) =
        for queue in List.ofSeq queues.Keys do
            step queue (event queue)

    let expect (wait: CommitWait) =
        wait.Await()
        lastWait <- lastWait + 1
        waits[lastWait] <- wait
        lastWait

    /// No queue is left of those that were assigned.
    member _.IsEmpty = queues.Count = 0

    /// One is left of a topic.
    member _.HasAny(topic: string) : bool =
        queues.Keys |> Seq.exists (fun queue -> queue.Topic = topic)

    member _.Assign(queue: MessageQueue) = step queue QueueEvent.Assigned

    member _.Revoke(queue: MessageQueue) =
        step queue (QueueEvent.Revoked(progressOf queue))

    member _.Handle(queue: MessageQueue, event: QueueEvent) = step queue event

    member _.Handle(queue: MessageQueue, event: ConsumeProgress -> QueueEvent) = step queue (event (progressOf queue))

    member _.CommitAll() =
        let now = clock.Now
        toCommit.Clear()
        toCommit.AddRange queues.Keys

        for queue in toCommit do
            let progress = progressOf queue

            match queues.TryGetValue queue with
            | true, state when QueueCommits.isSettled now progress state -> ()
            | _ -> step queue (QueueEvent.CommitDue progress)

    member _.RenewLocks() =
        if options.Rules.NeedsLock then
            stepAll (fun _ -> QueueEvent.RenewDue)

    member _.Commit(wait: CommitWait) =
        stepAll (fun queue -> QueueEvent.CommitRequested(expect wait, None, progressOf queue))
        wait.Report(Ok())

    member _.CommitOffset(queue: MessageQueue, offset: int64, wait: CommitWait) =
        step queue (QueueEvent.CommitRequested(expect wait, Some offset, progressOf queue))
        wait.Report(Ok())

    /// After each event: what it asks of brokers together.
    member _.Flush() = lockRequests.Send()

    /// The member ends without its queues having been given up: whoever waits is told.
    member _.Abandon(error: RemotingError) =
        for wait in List.ofSeq waits.Values do
            wait.Report(Error error)

        waits.Clear()
