namespace RocketMq

open System
open System.Threading

/// The time of one member of a group: from its start on, and never back. The time for which the machine was suspended counts: a
/// monotonic clock may stand still meanwhile, and brokers give a member's locks to others. So does a time of day that is set forward.
[<Sealed>]
type internal MemberClock(clock: TimeProvider) =
    /// The time of day is set by small steps all the time.
    static let tolerated = TimeSpan.FromSeconds(1L).Ticks

    let started = clock.GetTimestamp()
    let startedAt = clock.GetUtcNow()

    /// Ticks that the time of day has gone on and the count has not.
    let mutable suspended = 0L

    let rec notice (ticks: int64) =
        let known = Volatile.Read &suspended

        if ticks - known <= tolerated then
            known
        elif Interlocked.CompareExchange(&suspended, ticks, known) = known then
            ticks
        else
            notice ticks

    /// Since the start.
    member _.Now: TimeSpan =
        let counted = clock.GetElapsedTime started
        let shown = clock.GetUtcNow() - startedAt
        counted + TimeSpan.FromTicks(notice (shown.Ticks - counted.Ticks))

    /// By the clock's own count.
    member _.Timestamp: int64 = clock.GetTimestamp()

    member _.Since(timestamp: int64) : TimeSpan = clock.GetElapsedTime timestamp
    member _.Provider = clock
