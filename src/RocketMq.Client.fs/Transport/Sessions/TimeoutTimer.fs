namespace RocketMq

open System
open System.Threading

/// Wakes when the earliest of many deadlines has come: one timer for all calls of a session, which does not run while
/// none waits.
[<Sealed>]
type internal TimeoutTimer(clock: TimeProvider) =
    /// Deadlines closer together than this are swept together; none is swept early.
    static let grainMillis = 10L

    /// What timers can wait for at most.
    static let longest = TimeSpan.FromMilliseconds(float (UInt32.MaxValue - 1u))

    let gate = obj ()

    /// In ticks, as are deadlines; plain, to be read without the lock.
    let mutable nextWake = Int64.MaxValue

    /// Null until it is started.
    let mutable timer: ITimer | null = null

    let grain = grainMillis * clock.TimestampFrequency / 1000L * 1L<tick>

    let change (wake: int64<tick>) =
        let span = clock.Between(clock.Timestamp, wake)
        // Timers count whole milliseconds and may cut the rest off.
        let millis = Math.Clamp(ceil span.TotalMilliseconds, 1.0, longest.TotalMilliseconds)

        match timer with
        | null -> ()
        | timer ->
            timer.Change(TimeSpan.FromMilliseconds millis, Timeout.InfiniteTimeSpan)
            |> ignore<bool>

    /// Only under the gate.
    let arm (wake: int64<tick>) =
        nextWake <- int64 wake

        try
            change wake
        with _ ->
            // The application's clock threw: the next deadline sets the timer again.
            nextWake <- Int64.MaxValue
            reraise ()

    let wake (sweep: int64<tick> -> int64<tick>) =
        lock gate (fun () -> nextWake <- Int64.MaxValue)
        let now = clock.Timestamp
        let earliest = sweep now

        if earliest < never then
            lock gate (fun () ->
                if int64 earliest < nextWake then
                    arm (max earliest (now + grain)))

    /// A timeout that timers can wait for: that itself, or the longest in place of an endless or a longer one.
    static member Limited(timeout: TimeSpan) : TimeSpan =
        // Ticks, because every call passes here: spans are compared in boxes.
        if timeout.Ticks = Timeout.InfiniteTimeSpan.Ticks || timeout.Ticks > longest.Ticks then
            longest
        else
            timeout

    /// From now on it does this when a deadline has come: it is given the time, and gives the earliest deadline that is left. Once,
    /// before the first deadline is added.
    member _.Start(sweep: int64<tick> -> int64<tick>) =
        timer <- clock.CreateTimer((fun _ -> wake sweep), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan)

    /// The timestamp that a timeout from now ends at.
    member deadlines.After(timeout: TimeSpan) : int64<tick> = deadlines.At(clock.Timestamp, timeout)

    /// As `After`, from a timestamp. `never` for a time that is endless or that no timestamp shows.
    member _.At(now: int64<tick>, timeout: TimeSpan) : int64<tick> =
        let ticks = timeout.TotalSeconds * float clock.TimestampFrequency

        if timeout.Ticks = Timeout.InfiniteTimeSpan.Ticks || ticks >= float (never - now) then
            never
        else
            now + int64 ticks * 1L<tick>

    /// How long ago a timeout that ends at `deadline` began.
    member _.SinceStart(timeout: TimeSpan, deadline: int64<tick>) : TimeSpan =
        timeout - clock.Between(clock.Timestamp, deadline)

    member _.Add(deadline: int64<tick>) =
        if int64 deadline < Volatile.Read &nextWake then
            lock gate (fun () ->
                if int64 deadline < nextWake then
                    arm deadline)

    interface IDisposable with
        member _.Dispose() =
            match timer with
            | null -> ()
            | timer -> timer.Dispose()
