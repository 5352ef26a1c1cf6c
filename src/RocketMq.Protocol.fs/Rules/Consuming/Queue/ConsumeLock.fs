namespace RocketMq

open System

/// A broker's promise that nobody else of the group consumes a queue.
type internal ConsumeLock =
    {
        /// When the request was made that the broker granted last. By then at the latest its 60 s began.
        AskedAt: TimeSpan
    }

/// What an attempt to renew a lock came to.
type internal LockRenewal =
    | StillHeld of ConsumeLock
    /// Another member has it, or may have had it meanwhile.
    | LockLost

/// How long a lock may be trusted. Times are a member's own, from any beginning. Sources: ProcessQueue.java,
/// RebalanceLockManager.java.
module internal ConsumeLock =
    /// After so long without a renewal nothing is consumed. Java's time, half of the broker's.
    let trustedFor = TimeSpan.FromSeconds 30L

    /// A broker gives a lock to others so long after the last request for it.
    let private brokerKeeps = TimeSpan.FromSeconds 60L

    /// A lock that was granted to a request of this time. The answer's time does not count: the broker's began before it.
    let granted (askedAt: TimeSpan) : ConsumeLock = { AskedAt = askedAt }

    let mayConsume (now: TimeSpan) (lock: ConsumeLock) : bool = now - lock.AskedAt < trustedFor

    /// A broker has answered a request to renew. If it came too late for the lock to have lasted, another member may have
    /// consumed in between, so that what is held is old.
    let renewed (askedAt: TimeSpan) (answeredAt: TimeSpan) (isGranted: bool) (lock: ConsumeLock) : LockRenewal =
        if isGranted && answeredAt - lock.AskedAt < brokerKeeps then
            StillHeld { AskedAt = max askedAt lock.AskedAt }
        else
            LockLost
