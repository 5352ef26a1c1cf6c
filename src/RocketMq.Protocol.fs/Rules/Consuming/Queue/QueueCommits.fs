namespace RocketMq

open System

/// When the offset of a queue is committed, and when not. Sources: RemoteBrokerOffsetStore.java, DefaultMQPushConsumerImpl.java.
module internal QueueCommits =
    /// How often the broker's committed offset is looked at again while this member's does not change.
    let assertInterval = TimeSpan.FromMinutes 5L

    /// For so long after its start, another member's lower offset is taken for a late commit of the owner before: that one looked
    /// before this one committed, and wrote after it.
    let takeoverTime = TimeSpan.FromMinutes 2L

    /// Whether this member has taken the queue over just now.
    let isTakingOver (state: ConsumerQueue) =
        (state.AssertedAt - state.StartedAt).Ticks < takeoverTime.Ticks

    /// Whether the broker's offset is to be looked at again.
    // Ticks, because spans are compared in boxes, and this is done for each queue.
    let private isDoubtful (now: TimeSpan) (state: ConsumerQueue) =
        let interval = if isTakingOver state then takeoverTime else assertInterval
        (now - state.AssertedAt).Ticks >= interval.Ticks

    /// Whether an offset is a late commit of the owner before, who has consumed less than this member has. Where nothing was committed this
    /// member began where `ConsumeFrom` says, which is not what the group has consumed: then the other one's offset holds. But brokers say 0
    /// where nothing is committed, too, while they have the first message. Source: ConsumerManageProcessor.java.
    let private isLateCommit offset (progress: ConsumeProgress) (state: ConsumerQueue) =
        offset < progress.Consumed
        && isTakingOver state
        && (state.Committed <> NothingCommitted || offset = 0L)

    /// How often a reset is tried to be saved when its queue is given up.
    let private resetAttempts = 3

    let save offset waiters (state: ConsumerQueue) =
        { state with
            Request = Saving(offset, state.UnsavedReset, waiters)
            MaybeCommitted = Some offset
        },
        [ QueueEffect.SaveOffset offset ]

    let load (state: ConsumerQueue) =
        { state with Request = Loading }, [ QueueEffect.LoadOffset ]

    /// What the broker is to have: what is consumed or, as long as that says nothing, the reset that is owed.
    let target (progress: ConsumeProgress) (state: ConsumerQueue) =
        match state.UnsavedReset with
        | Some owed when not (state.Rules.AutoCommit && progress.IsConfirmed) -> ValueSome owed
        | _ when state.Rules.AutoCommit && progress.IsConfirmed -> ValueSome progress.Consumed
        | _ -> ValueNone

    /// As `target`, if the broker is not known to have it, and this member may commit.
    let due now (progress: ConsumeProgress) (state: ConsumerQueue) =
        match target progress state with
        | ValueSome offset when
            QueueState.hasLock now state
            && (state.UnsavedReset.IsSome || state.Committed <> CommittedAt offset)
            && state.ConsumedWhenCallerCommitted <> Some progress.Consumed
            ->
            ValueSome offset
        | _ -> ValueNone

    /// Whether `commitDue` would change nothing: of most queues, most of the time. It takes no memory.
    let isSettled (now: TimeSpan) (progress: ConsumeProgress) (state: ConsumerQueue) =
        progress.IsConfirmed
        && progress.Consumed = state.Progress.Consumed
        && progress.Running = state.Progress.Running
        && state.Progress.IsConfirmed
        && state.Rules.AutoCommit
        && state.UnsavedReset.IsNone
        && state.Request.IsNoRequest
        && not (isDoubtful now state)
        && (match state.Committed with
            | CommittedAt offset -> offset = progress.Consumed
            | NothingCommitted
            | NotLoaded -> false)

    let commitDue now progress (state: ConsumerQueue) =
        let state = { state with Progress = progress }

        match state.Request, due now progress state with
        | NoRequest, ValueSome _ when state.IsFirstCommit && not progress.IsSought && state.UnsavedReset.IsNone ->
            load state
        | NoRequest, ValueSome offset -> save offset [] state
        | NoRequest, ValueNone when
            state.Rules.AutoCommit
            && progress.IsConfirmed
            && QueueState.hasLock now state
            && isDoubtful now state
            ->
            load state
        | _ -> state, []

    let commitRequested now waiter offset (progress: ConsumeProgress) (state: ConsumerQueue) =
        let state, offset =
            match offset with
            | Some offset ->
                { state with
                    ConsumedWhenCallerCommitted = Some progress.Consumed
                },
                ValueSome offset
            | None when progress.IsConfirmed ->
                { state with
                    ConsumedWhenCallerCommitted = None
                },
                (if state.Committed = CommittedAt progress.Consumed && state.Request = NoRequest then
                     ValueNone
                 else
                     ValueSome progress.Consumed)
            | None -> state, ValueNone

        match state.Request, offset with
        | _, ValueNone -> state, [ QueueEffect.AnswerCommits([ waiter ], Ok()) ]
        | _ when not (QueueState.hasLock now state) -> state, [ QueueEffect.AnswerCommits([ waiter ], Ok()) ]
        | NoRequest, ValueSome offset -> save offset [ waiter ] state
        | _, ValueSome offset ->
            let waiters =
                match state.NextSave with
                | Some(_, waiters) -> waiters
                | None -> []

            { state with
                NextSave = Some(offset, waiter :: waiters)
            },
            []

    let close (state: ConsumerQueue) =
        let waiting =
            match state.NextSave with
            | Some(_, waiters) -> [ QueueEffect.AnswerCommits(waiters, Ok()) ]
            | None -> []

        let state, effects = QueueBeginnings.unlock { state with NextSave = None }
        state, QueueEffect.CloseReading :: waiting @ effects

    /// No handler is at work. What is owed is saved; what is consumed, if a look shows that no other member has committed meanwhile.
    let commitLast now (state: ConsumerQueue) =
        match state.NextSave, target state.Progress state with
        | Some(offset, waiters), _ when QueueState.hasLock now state ->
            save offset waiters { state with NextSave = None }
        | _, ValueSome offset when
            state.UnsavedReset.IsSome
            && QueueState.hasLock now state
            && state.ResetAttempts < resetAttempts
            ->
            save
                offset
                []
                { state with
                    ResetAttempts = state.ResetAttempts + 1
                }
        | _, ValueSome _ when
            state.UnsavedReset.IsNone
            && not state.IsLastLoaded
            && QueueState.hasLock now state
            && state.ConsumedWhenCallerCommitted <> Some state.Progress.Consumed
            ->
            load { state with IsLastLoaded = true }
        | _ ->
            let lost =
                match state.UnsavedReset with
                | Some offset when not state.IsAssigned -> [ QueueEffect.Report(ResetNotSaved offset) ]
                | _ -> []

            let state, effects = close state
            state, lost @ effects

    let ended (state: ConsumerQueue) = { state with Request = NoRequest }

    /// The request in flight has ended, and the next one begins.
    let next now (state: ConsumerQueue) =
        match state.Phase, state.NextSave with
        | Committing, _ -> commitLast now state
        | Running, Some(offset, waiters) when QueueState.hasLock now state ->
            save offset waiters { state with NextSave = None }
        | Running, Some(_, waiters) -> { state with NextSave = None }, [ QueueEffect.AnswerCommits(waiters, Ok()) ]
        | _ -> state, []

    let saved now (state: ConsumerQueue) =
        match state.Request with
        | Saving(offset, savesReset, waiters) ->
            let state, effects =
                { ended state with
                    Committed = CommittedAt offset
                    MaybeCommitted = None
                    AssertedAt = now
                    IsFirstCommit = false
                    // A reset that came meanwhile is still owed.
                    UnsavedReset =
                        if state.UnsavedReset = savesReset then
                            None
                        else
                            state.UnsavedReset
                }
                |> next now

            state,
            if waiters.IsEmpty then
                effects
            else
                QueueEffect.AnswerCommits(waiters, Ok()) :: effects
        | _ -> state, []

    let notSaved now error (state: ConsumerQueue) =
        match state.Request with
        | Saving(_, _, waiters) ->
            let state, effects = ended state |> next now

            state,
            if waiters.IsEmpty then
                effects
            else
                QueueEffect.AnswerCommits(waiters, Error error) :: effects
        | _ -> state, []

    /// What the broker has is known while the queue is read: what somebody else committed is taken over, and what this member has consumed
    /// beyond it is saved.
    let asserted now committed (progress: ConsumeProgress) (state: ConsumerQueue) =
        let known =
            { ended state with
                AssertedAt = now
                Committed = committed
                MaybeCommitted = None
                IsFirstCommit = false
            }

        match committed with
        | CommittedAt offset when
            not (QueueState.isOwn committed state)
            && offset <> progress.Consumed
            && state.UnsavedReset.IsNone
            && not (isLateCommit offset progress state)
            && not (state.IsFirstCommit && progress.IsSought)
            ->
            let state, effects =
                next
                    now
                    { known with
                        ConsumedWhenCallerCommitted = None
                    }

            state,
            QueueEffect.Report(OffsetTakenOver(progress.Consumed, offset))
            :: QueueEffect.MoveReading offset
            :: effects
        | _ ->
            match next now known with
            | { Request = NoRequest } as state, effects ->
                let state, commit = commitDue now progress state
                state, effects @ commit
            | next -> next

    /// The same while the queue is given up: what somebody else committed is left alone.
    let loadedLast now committed progress (state: ConsumerQueue) =
        let isOwn =
            QueueState.isOwn committed state
            || (match committed with
                | CommittedAt offset -> isLateCommit offset progress state
                | NothingCommitted
                | NotLoaded -> true)

        let state =
            { ended state with
                Committed = committed
                MaybeCommitted = None
                Progress = progress
                // Handlers may have ended since they were given up.
                Resume = Some progress.Consumed
            }

        match due now progress state, committed with
        | ValueSome offset, _ when isOwn -> save offset [] state
        | ValueSome offset, CommittedAt other ->
            // The next look, after draining, would find the same.
            let state, effects = next now { state with IsLastLoaded = true }
            state, QueueEffect.Report(OffsetLeftAlone(offset, other)) :: effects
        | _ -> next now state
