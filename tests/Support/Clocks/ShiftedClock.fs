namespace RocketMq.Protocol.Tests

open System

/// Another clock whose time of day is off by so much. It goes as fast, and its timers are the other's.
[<Sealed>]
type ShiftedClock(clock: TimeProvider, shift: TimeSpan) =
    inherit TimeProvider()
    override _.TimestampFrequency = clock.TimestampFrequency
    override _.GetTimestamp() = clock.GetTimestamp()
    override _.GetUtcNow() = clock.GetUtcNow() + shift

    override _.CreateTimer(callback, state, dueTime, period) =
        clock.CreateTimer(callback, state, dueTime, period)
