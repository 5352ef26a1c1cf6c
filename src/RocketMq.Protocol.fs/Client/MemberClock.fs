namespace RocketMq.Protocol

open System

/// The time of one member of a group: from its start on, and never back.
[<Sealed>]
type internal MemberClock(clock: TimeProvider) =
    let started = clock.GetTimestamp()

    /// Since the start.
    member _.Now: TimeSpan = clock.GetElapsedTime started

    /// By the clock's own count.
    member _.Timestamp: int64 = clock.GetTimestamp()

    member _.Since(timestamp: int64) : TimeSpan = clock.GetElapsedTime timestamp
    member _.Provider = clock
