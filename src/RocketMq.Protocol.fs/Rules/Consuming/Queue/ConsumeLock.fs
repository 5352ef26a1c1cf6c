namespace RocketMq

open System

/// A broker's promise that no other member of the group consumes a queue.
type internal ConsumeLock =
    {
        /// When the request was made that the broker granted last. By then at the latest its 60 s began.
        RequestedAt: TimeSpan
    }

/// What an attempt to renew a lock came to.
type internal LockRenewal =
    | StillLocked of ConsumeLock
    /// Another member has it, or may have had it meanwhile.
    | LockLost

/// How long a lock may be trusted. Times are a member's own, from any beginning. Sources: ProcessQueue.java,
/// RebalanceLockManager.java.
module internal ConsumeLock =
    /// After so long without a renewal nothing is consumed. Java's time, half of the broker's.
    let trustedFor = TimeSpan.FromSeconds 30L

    /// A broker gives a lock to others so long after the last request for it.
    let private lockMaxLiveTime = TimeSpan.FromSeconds 60L

    /// A lock that was granted to a request of this time. The answer's time does not count: the broker's began before it.
    let granted (requestedAt: TimeSpan) : ConsumeLock = { RequestedAt = requestedAt }

    let mayConsume (now: TimeSpan) (lock: ConsumeLock) : bool = now - lock.RequestedAt < trustedFor

    /// Whether no other member can have the queue yet. Longer than it is trusted: handlers at work may go on while a broker is away.
    let mayLast (now: TimeSpan) (lock: ConsumeLock) : bool =
        now - lock.RequestedAt < lockMaxLiveTime

    /// A broker has answered a request to renew. If it came too late for the lock to have lasted, another member may have
    /// consumed in between, so that what is held is old.
    let renewed (requestedAt: TimeSpan) (answeredAt: TimeSpan) (isGranted: bool) (lock: ConsumeLock) : LockRenewal =
        if isGranted && answeredAt - lock.RequestedAt < lockMaxLiveTime then
            StillLocked
                {
                    RequestedAt = max requestedAt lock.RequestedAt
                }
        else
            LockLost
