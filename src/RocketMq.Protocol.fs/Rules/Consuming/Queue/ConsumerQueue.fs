namespace RocketMq

open System

/// The life of one queue at one member of a group: a pure function of state and event, without clock or task. docs/consumer-queues.md
/// has its table. Sources: RebalanceImpl.java, RebalancePushImpl.java, ProcessQueue.java.
[<CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
module internal ConsumerQueue =
    /// A queue that nothing is known of.
    let create (rules: QueueRules) : ConsumerQueue = QueueState.create rules

    /// A queue whose offset does not change asserts it so often.
    let assertInterval: TimeSpan = QueueCommits.assertInterval

    let phase (state: ConsumerQueue) : QueuePhase = state.Phase

    /// What the broker has, as far as this member knows.
    let committed (state: ConsumerQueue) : CommittedOffset = state.Committed

    /// A reset that the broker does not have yet.
    let unsavedReset (state: ConsumerQueue) : int64 option = state.UnsavedReset

    let lockState (state: ConsumerQueue) : QueueLockState = state.Lock

    /// Whether the member has the lock, and no other can have it yet.
    let lockLasts (now: TimeSpan) (state: ConsumerQueue) : bool =
        match state.Lock with
        | Locked lock -> ConsumeLock.mayLast now lock
        | Unlocked
        | LockUncertain -> false

    let isAssigned (state: ConsumerQueue) : bool = state.IsAssigned

    // Giving up

    /// No handler begins any more. What is consumed is committed at once if handlers are still at work, and again after them.
    let private drain now progress (state: ConsumerQueue) =
        let state =
            { state with
                Phase = Draining
                Progress = progress
                Resume = Some progress.Consumed
            }

        let state, commit =
            match state.Request, QueueCommits.due now progress state with
            | NoRequest, ValueSome _ when progress.Running > 0 -> QueueCommits.load state
            | _ -> state, []

        state, [ QueueEffect.StopReading; QueueEffect.WaitForHandlers ] @ commit

    let private revoked now progress (state: ConsumerQueue) =
        let state = { state with IsAssigned = false }

        match state.Phase with
        | WaitingToRetry -> QueueBeginnings.released state
        | Running -> drain now progress state
        // What is under way ends first, and finds that the queue is not assigned.
        | Released
        | Locking
        | FindingOffset
        | Draining
        | Committing
        | Unlocking -> state, []

    let private drained now progress (state: ConsumerQueue) =
        let state =
            { state with
                Phase = Committing
                Progress = progress
                Resume = Some progress.Consumed
            }

        if state.Request = NoRequest then
            QueueCommits.commitLast now state
        else
            state, []

    // Locks

    let private lockAnswered requestedAt answer (state: ConsumerQueue) =
        match answer with
        | LockGranted when state.IsAssigned ->
            { state with
                Phase = FindingOffset
                Lock = Locked(ConsumeLock.granted requestedAt)
            },
            [ QueueEffect.FindOffset state.Attempt ]
        | LockGranted
        | LockUnknown -> QueueBeginnings.fail { state with Lock = LockUncertain }
        | LockDenied -> QueueBeginnings.fail state

    let private renewDue (state: ConsumerQueue) =
        match state.Phase, state.Lock with
        | (FindingOffset | Running | Draining | Committing), Locked _ when not state.IsRenewing ->
            { state with IsRenewing = true }, [ QueueEffect.RenewLock ]
        | _ -> state, []

    /// Another member may have consumed meanwhile: what is held is old.
    let private lockLost now lock (state: ConsumerQueue) =
        let state = { state with Lock = lock }

        match state.Phase with
        | FindingOffset ->
            let state, effects =
                QueueBeginnings.fail
                    { state with
                        Attempt = state.Attempt + 1
                    }

            state, QueueEffect.Report LockWasLost :: effects
        | Running ->
            let state, effects = drain now state.Progress state
            state, QueueEffect.Report LockWasLost :: effects
        | _ -> state, [ QueueEffect.Report LockWasLost ]

    let private lockRenewed now requestedAt answer (state: ConsumerQueue) =
        let state = { state with IsRenewing = false }

        match state.Phase, state.Lock, answer with
        | Unlocking, _, _ -> QueueBeginnings.unlock state
        | _, Locked _, LockUnknown -> state, []
        | _, Locked lock, _ ->
            match ConsumeLock.renewed requestedAt now (answer = LockGranted) lock with
            | StillLocked lock -> { state with Lock = Locked lock }, []
            | _ -> lockLost now (if answer = LockGranted then LockUncertain else Unlocked) state
        | _ -> state, []

    // Resets

    let private reset now offset (state: ConsumerQueue) =
        let owes =
            { state with
                UnsavedReset = Some offset
                ResetAttempts = 0
                ConsumedWhenCallerCommitted = None
            }

        match state.Phase with
        | _ when offset < 0L -> state, [ QueueEffect.Report(ResetRefused offset) ]
        | Running ->
            let state, effects =
                if owes.Request = NoRequest && QueueState.hasLock now owes then
                    QueueCommits.save offset [] owes
                else
                    owes, []

            state, QueueEffect.MoveReading offset :: effects
        | WaitingToRetry
        | Locking
        | FindingOffset when state.IsAssigned -> { owes with MoveTo = Some offset }, []
        | Draining
        | Committing ->
            { owes with
                MoveTo = Some offset
                Progress =
                    { state.Progress with
                        Consumed = offset
                        IsConfirmed = false
                        IsSought = false
                    }
            },
            [ QueueEffect.MoveReading offset ]
        | Unlocking when state.IsAssigned -> { owes with MoveTo = Some offset }, []
        | _ -> state, []

    /// What an event makes of a queue, and what is to be done. Total: an event that does not concern the phase changes nothing.
    /// `now` is the member's own time, from any beginning.
    let transition (now: TimeSpan) (state: ConsumerQueue) (event: QueueEvent) : ConsumerQueue * QueueEffect list =
        match event, state.Phase with
        | QueueEvent.Assigned, Released -> QueueBeginnings.start { state with IsAssigned = true }
        | QueueEvent.Assigned, _ -> { state with IsAssigned = true }, []
        | QueueEvent.Revoked progress, _ -> revoked now progress state
        | QueueEvent.LockAnswered(attempt, requestedAt, answer), Locking when attempt = state.Attempt ->
            lockAnswered requestedAt answer state
        | QueueEvent.OffsetFound(attempt, offset, committed), FindingOffset when attempt = state.Attempt ->
            QueueBeginnings.offsetFound now offset committed state
        | QueueEvent.OffsetNotFound attempt, FindingOffset when attempt = state.Attempt -> QueueBeginnings.fail state
        | QueueEvent.RetryDue attempt, WaitingToRetry when attempt = state.Attempt -> QueueBeginnings.start state
        | QueueEvent.RenewDue, _ -> renewDue state
        | QueueEvent.LockRenewed(requestedAt, answer), _ when state.IsRenewing ->
            lockRenewed now requestedAt answer state
        | QueueEvent.CommitDue progress, Running -> QueueCommits.commitDue now progress state
        | QueueEvent.CommitRequested(waiter, offset, progress), Running ->
            QueueCommits.commitRequested now waiter offset progress { state with Progress = progress }
        | QueueEvent.CommitRequested(waiter, _, _), _ -> state, [ QueueEffect.AnswerCommits([ waiter ], Ok()) ]
        | QueueEvent.OffsetSaved, _ -> QueueCommits.saved now state
        | QueueEvent.OffsetNotSaved error, _ -> QueueCommits.notSaved now error state
        | QueueEvent.OffsetLoaded(committed, progress), Running when state.Request = Loading ->
            QueueCommits.asserted now committed progress state
        | QueueEvent.OffsetLoaded(committed, progress), _ when state.Request = Loading ->
            QueueCommits.loadedLast now committed progress state
        | QueueEvent.OffsetNotLoaded, _ when state.Request = Loading ->
            QueueCommits.next
                now
                { QueueCommits.ended state with
                    AssertedAt = now
                }
        | QueueEvent.ResetRequested offset, _ -> reset now offset state
        | QueueEvent.FetchStuck, Running -> state, [ QueueEffect.RestartFetching ]
        | QueueEvent.Drained progress, Draining -> drained now progress state
        | QueueEvent.Unlocked, Unlocking when not state.IsRenewing -> QueueBeginnings.released state
        | _ -> state, []
