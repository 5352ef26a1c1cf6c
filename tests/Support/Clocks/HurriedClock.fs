namespace RocketMq.Protocol.Tests

open System
open System.Threading

/// Another clock that somebody moves just while a timer is being set: once, by `hurry`, when a timer is set for a time that
/// `isMeant` is true of.
[<Sealed>]
type HurriedClock(clock: TimeProvider, isMeant: TimeSpan -> bool, hurry: unit -> unit) =
    inherit TimeProvider()
    let mutable isMoved = 0

    override _.TimestampFrequency = clock.TimestampFrequency
    override _.GetTimestamp() = clock.GetTimestamp()
    override _.GetUtcNow() = clock.GetUtcNow()

    override _.CreateTimer(callback, state, dueTime, period) =
        let timer = clock.CreateTimer(callback, state, dueTime, period)

        { new ITimer with
            member _.Change(dueTime, period) =
                if isMeant dueTime && Interlocked.Exchange(&isMoved, 1) = 0 then
                    hurry ()

                timer.Change(dueTime, period)

            member _.Dispose() = timer.Dispose()
            member _.DisposeAsync() = timer.DisposeAsync()
        }
