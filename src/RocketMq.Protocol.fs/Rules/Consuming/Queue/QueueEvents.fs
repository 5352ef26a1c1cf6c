namespace RocketMq

open System

/// What the group has committed of a queue, as the broker has it, or the file of a broadcasting consumer. Not where a member began:
/// a group that begins at the last offset has committed nothing.
type internal CommittedOffset =
    /// Not loaded yet.
    | NotLoaded
    | NothingCommitted
    | CommittedAt of int64

module internal CommittedOffset =
    let ofOption (offset: int64 option) : CommittedOffset =
        match offset with
        | Some offset -> CommittedAt offset
        | None -> NothingCommitted

/// How far a member is with a queue that it reads, by the count of its process queue.
[<Struct>]
type internal ConsumeProgress =
    {
        /// The lowest offset that is not consumed.
        Consumed: int64
        /// Whether a broker has answered a pull since the queue was begun or moved. Before, the queue may not have the offset.
        IsConfirmed: bool
        /// Whether the application has moved the queue, and so means it to be read from there.
        IsSought: bool
        /// Messages that handlers work on.
        Running: int
    }

type internal QueueRules =
    {
        /// Orderly members of a clustering group read a queue under the broker's lock only.
        NeedsLock: bool
        /// Whether offsets are committed at intervals and when a queue is given up, or only on request.
        AutoCommit: bool
    }

type internal QueueLockState =
    | Unlocked
    /// The outcome of a request is not known, or came too late to be trusted.
    | LockUncertain
    | Locked of ConsumeLock

/// How a lock request ended.
type internal LockAnswer =
    | LockGranted
    /// Another member has the lock.
    | LockDenied
    /// The broker may have granted it.
    | LockUnknown

/// A request to the offset store. One of a queue is in flight at a time.
type internal OffsetRequest =
    | NoRequest
    /// `savesReset` is the unsaved reset that it saves too; `waiters` are the commits that wait for it.
    | Saving of offset: int64 * savesReset: int64 option * waiters: int list
    | Loading

type internal QueuePhase =
    /// Nothing of the queue is left at this member.
    | Released
    /// Assigned, and waiting for the next attempt to begin.
    | WaitingToRetry
    /// The broker is asked for the lock.
    | Locking
    /// The offset to begin at is looked up.
    | FindingOffset
    /// Messages are pulled and dispatched.
    | Running
    /// No pull and no handler begins. Handlers at work may end.
    | Draining
    /// No handler is at work. The offset is committed for the last time.
    | Committing
    /// The lock is released.
    | Unlocking

[<RequireQualifiedAccess>]
type internal QueueEvent =
    | Assigned
    | Revoked of ConsumeProgress
    /// `attempt` is that of the effect.
    | LockAnswered of attempt: int * requestedAt: TimeSpan * LockAnswer
    /// Where to begin, and what the group has committed.
    | OffsetFound of attempt: int * offset: int64 * committed: CommittedOffset
    | OffsetNotFound of attempt: int
    | RetryDue of attempt: int
    /// Time to renew the lock, if there is one.
    | RenewDue
    | LockRenewed of requestedAt: TimeSpan * LockAnswer
    /// Time to commit, if there is anything to commit.
    | CommitDue of ConsumeProgress
    /// The application asks for a commit: of what is consumed, or of an offset of its own.
    | CommitRequested of waiter: int * offset: int64 option * ConsumeProgress
    | OffsetSaved
    | OffsetNotSaved of RemotingError
    | OffsetLoaded of CommittedOffset * ConsumeProgress
    | OffsetNotLoaded
    /// An operator moves the group's offset: reading goes on there, and the broker is to have it.
    | ResetRequested of offset: int64
    /// Nothing is pulled although there is room.
    | FetchStuck
    /// No handler is at work any more, or they have been given up.
    | Drained of ConsumeProgress
    | Unlocked

type internal QueueReport =
    | LockWasLost
    /// Somebody else has committed another offset: reading goes on there.
    | OffsetTakenOver of before: int64 * after: int64
    /// Somebody else has committed another offset meanwhile: the last commit is left out.
    | OffsetLeftAlone of consumed: int64 * committed: int64
    /// An offset below 0.
    | ResetRefused of offset: int64
    | ResetNotSaved of offset: int64

[<RequireQualifiedAccess>]
type internal QueueEffect =
    | AcquireLock of attempt: int
    | RenewLock
    | ReleaseLock
    | FindOffset of attempt: int
    | StartReading of offset: int64
    /// The loop that pulls begins again, where it was.
    | RestartFetching
    /// What is buffered is dropped, and reading goes on elsewhere.
    | MoveReading of offset: int64
    /// No pull and no handler begins any more.
    | StopReading
    /// Ends with `Drained`, in bounded time.
    | WaitForHandlers
    /// What handlers that are still at work come to does not count any more.
    | CloseReading
    | SaveOffset of offset: int64
    | LoadOffset
    | RetryAfter of TimeSpan * attempt: int
    /// Commits that were asked for have ended.
    | AnswerCommits of waiters: int list * Result<unit, RemotingError>
    | Report of QueueReport
