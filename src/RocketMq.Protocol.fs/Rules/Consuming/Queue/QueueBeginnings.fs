namespace RocketMq

open System

/// How a queue begins to be read, and how what it took is released.
module internal QueueBeginnings =
    let private firstWait = TimeSpan.FromMilliseconds 500.0
    let private lastWait = TimeSpan.FromSeconds 20L

    let start (state: ConsumerQueue) =
        let state =
            { state with
                Attempt = state.Attempt + 1
                ResetAttempts = 0
                IsLastLoaded = false
            }

        if state.Rules.NeedsLock then
            { state with Phase = Locking }, [ QueueEffect.AcquireLock state.Attempt ]
        else
            { state with Phase = FindingOffset }, [ QueueEffect.FindOffset state.Attempt ]

    let private waitAfter failures =
        min lastWait (firstWait * Math.Pow(2.0, float (min 6 (failures - 1))))

    /// Nothing is left of the queue. One that is assigned begins again, later if it failed.
    let released (state: ConsumerQueue) =
        let state =
            { state with
                Lock = Unlocked
                // A reset that is owed holds wherever the group's offset is meanwhile.
                MoveTo =
                    if state.UnsavedReset.IsSome && state.MoveTo.IsNone then
                        state.Resume
                    else
                        state.MoveTo
            }

        if not state.IsAssigned then
            { QueueState.create state.Rules with
                Attempt = state.Attempt
            },
            []
        elif state.Failures = 0 then
            start state
        else
            let state =
                { state with
                    Phase = WaitingToRetry
                    Attempt = state.Attempt + 1
                }

            state, [ QueueEffect.RetryAfter(waitAfter state.Failures, state.Attempt) ]

    /// Gives the lock back. A renewal in flight is waited for: it must not reach the broker after the release.
    let unlock (state: ConsumerQueue) =
        match state.Lock with
        | _ when state.IsRenewing -> { state with Phase = Unlocking }, []
        | Unlocked -> released state
        | Locked _
        | LockUncertain ->
            { state with
                Phase = Unlocking
                Lock = Unlocked
            },
            [ QueueEffect.ReleaseLock ]

    let fail (state: ConsumerQueue) =
        { state with
            Failures = state.Failures + 1
        }
        |> unlock

    let run now offset committed (state: ConsumerQueue) =
        { state with
            Phase = Running
            Committed = committed
            MaybeCommitted = None
            // An offset that the application has committed stays, if no more has been consumed.
            ConsumedWhenCallerCommitted =
                if state.ConsumedWhenCallerCommitted = Some offset && state.Resume = Some offset then
                    state.ConsumedWhenCallerCommitted
                else
                    None
            MoveTo = None
            Resume = None
            Failures = 0
            StartedAt = now
            AssertedAt = now
            // An owner that holds a lock has committed before it gives the lock up; an application that chooses where to begin means it.
            IsFirstCommit = not state.Rules.NeedsLock && committed <> NotLoaded
            Progress =
                {
                    Consumed = offset
                    IsConfirmed = false
                    IsSought = false
                    Running = 0
                }
        },
        [ QueueEffect.StartReading offset ]

    let offsetFound now offset committed (state: ConsumerQueue) =
        match state.MoveTo, state.Resume with
        | _ when not state.IsAssigned -> unlock state
        | Some move, _ -> run now move committed state
        // No other member has committed since: what this member has consumed counts, committed or not.
        | None, Some resume when QueueState.isOwn committed state -> run now resume committed state
        | None, _ -> run now offset committed state
