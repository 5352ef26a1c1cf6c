namespace RocketMq

open System

/// All that is true of one queue at one member. Immutable.
type internal ConsumerQueue =
    internal
        {
            Rules: QueueRules
            Phase: QueuePhase
            IsAssigned: bool
            /// Grows with each attempt to begin. Answers of an earlier attempt do not count.
            Attempt: int
            /// Attempts that failed in a row.
            Failures: int
            Lock: QueueLockState
            IsRenewing: bool
            Committed: CommittedOffset
            /// A commit whose outcome is not known: the broker may have this offset instead of `Committed`.
            MaybeCommitted: int64 option
            Request: OffsetRequest
            /// A commit that waits for the request in flight.
            NextSave: (int64 * int list) option
            /// What was consumed when the application committed an offset of its own: no commit at intervals before that changes.
            ConsumedWhenCallerCommitted: int64 option
            /// Where the broker must be told to go on: an operator's reset, until it is saved.
            UnsavedReset: int64 option
            /// Attempts to save the reset while the queue is given up.
            ResetAttempts: int
            /// Where to begin: a reset that came before the queue was read.
            MoveTo: int64 option
            /// Where this member was, if it has read the queue before and begins again.
            Resume: int64 option
            Progress: ConsumeProgress
            /// When reading began.
            StartedAt: TimeSpan
            /// When the broker's offset was last known to be this member's.
            AssertedAt: TimeSpan
            /// Nothing has been committed since reading began, and the owner before may have committed after this member looked.
            IsFirstCommit: bool
            /// Whether the last commit has been prepared by a look at what the broker has.
            IsLastLoaded: bool
        }

/// What follows from the state of a queue.
module internal QueueState =
    let create (rules: QueueRules) : ConsumerQueue =
        {
            Rules = rules
            Phase = Released
            IsAssigned = false
            Attempt = 0
            Failures = 0
            Lock = Unlocked
            IsRenewing = false
            Committed = NotLoaded
            MaybeCommitted = None
            Request = NoRequest
            NextSave = None
            ConsumedWhenCallerCommitted = None
            UnsavedReset = None
            ResetAttempts = 0
            MoveTo = None
            Resume = None
            Progress =
                {
                    Consumed = 0L
                    IsConfirmed = false
                    IsSought = false
                    Running = 0
                }
            StartedAt = TimeSpan.Zero
            AssertedAt = TimeSpan.Zero
            IsFirstCommit = false
            IsLastLoaded = false
        }

    let hasLock now (state: ConsumerQueue) =
        match state.Lock with
        | Locked lock -> ConsumeLock.mayConsume now lock
        | Unlocked
        | LockUncertain -> not state.Rules.NeedsLock

    /// Whether the broker's offset is one that this member knows of, so that no other member or tool has changed it.
    let isOwn (offset: CommittedOffset) (state: ConsumerQueue) =
        offset = state.Committed
        || (match state.MaybeCommitted with
            | Some doubtful -> offset = CommittedAt doubtful
            | None -> false)
