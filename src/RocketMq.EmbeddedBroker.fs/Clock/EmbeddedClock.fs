namespace RocketMq.Embedded

open System
open System.Threading
open System.Threading.Tasks

/// A clock for an `EmbeddedBroker` (see `EmbeddedBrokerOptions.Clock`) that a test moves, so that a message with a delay of
/// two hours takes no time. It begins with the present time. Only the broker needs it: clients go by the system's clock.
/// Safe for use by several threads.
[<Sealed>]
type EmbeddedClock(runs: bool) =
    inherit TimeProvider()

    let system = TimeProvider.System
    let beginning = system.GetUtcNow()
    let started = system.GetTimestamp()

    /// Guards all that changes.
    let gate = obj ()

    /// One `Advance` at a time.
    let turn = obj ()

    /// How far the clock was moved.
    let mutable moved = TimeSpan.Zero

    let mutable timers: EmbeddedTimer list = []

    /// Of a clock that runs: rings when the next timer is due.
    let mutable alarm: ITimer | null = null

    let elapsed () =
        if runs then
            system.GetElapsedTime started + moved
        else
            moved

    let isOther (timer: EmbeddedTimer) (other: EmbeddedTimer) = not (obj.ReferenceEquals(timer, other))

    /// Only under the gate.
    let setAlarm () =
        match alarm with
        | null -> ()
        | alarm ->
            let after =
                match timers with
                | [] -> Timeout.InfiniteTimeSpan
                | _ ->
                    let left = (timers |> List.map _.Due |> List.min) - elapsed ()
                    // System timers know whole milliseconds, and not too many of them: an early one is set again.
                    TimeSpan.FromMilliseconds(Math.Clamp(ceil left.TotalMilliseconds, 0.0, 1e9))

            alarm.Change(after, Timeout.InfiniteTimeSpan) |> ignore

    let tryTakeDue (goal: TimeSpan) : EmbeddedTimer voption =
        lock gate (fun () ->
            match timers |> List.filter (fun timer -> timer.Due <= goal) with
            | [] ->
                moved <- moved + max TimeSpan.Zero (goal - elapsed ())
                setAlarm ()
                ValueNone
            | due ->
                let next = List.minBy (fun (timer: EmbeddedTimer) -> timer.Due) due
                moved <- moved + max TimeSpan.Zero (next.Due - elapsed ())
                timers <- timers |> List.filter (isOther next)

                if next.Period > TimeSpan.Zero then
                    next.Due <- next.Due + next.Period
                    timers <- next :: timers

                ValueSome next)

    let moveTo (goal: TimeSpan) =
        let rec run () =
            match tryTakeDue goal with
            | ValueSome timer ->
                timer.Run()
                run ()
            | ValueNone -> ()

        run ()

    let ring () =
        lock turn (fun () -> moveTo (lock gate elapsed))

    do
        if runs then
            alarm <- system.CreateTimer((fun _ -> ring ()), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan)

    /// A clock that stands still until it is moved.
    new() = EmbeddedClock false

    /// Whether the clock goes on by itself, as the system's does, besides being moved.
    member _.Runs = runs

    /// In ticks of 100 ns.
    override _.TimestampFrequency = TimeSpan.TicksPerSecond

    /// The time since the clock began, in ticks of 100 ns.
    override _.GetTimestamp() = lock gate (fun () -> elapsed().Ticks)

    /// The time of this clock.
    override _.GetUtcNow() =
        lock gate (fun () -> beginning + elapsed ())

    /// A timer that fires when this clock has come to its time.
    override clock.CreateTimer(callback, state, dueTime, period) : ITimer =
        let timer = new EmbeddedTimer(clock, callback, state)
        (timer :> ITimer).Change(dueTime, period) |> ignore
        timer

    /// Moves the clock forward. Timers that fall due meanwhile fire on the calling thread, those that are due first before
    /// the others, and the clock shows the time of each while it runs. What a broker does then goes on by itself: await
    /// its results, such as a message that is delivered. Throws an `ArgumentOutOfRangeException` if `span` is negative.
    member _.Advance(span: TimeSpan) =
        ArgumentOutOfRangeException.ThrowIfLessThan(span, TimeSpan.Zero, nameof span)
        lock turn (fun () -> moveTo (lock gate elapsed + span))

    member internal _.Set(timer: EmbeddedTimer, dueTime: TimeSpan, period: TimeSpan) =
        lock gate (fun () ->
            timers <- timers |> List.filter (isOther timer)

            if dueTime >= TimeSpan.Zero && not timer.IsDisposed then
                timer.Due <- elapsed () + dueTime
                timer.Period <- period
                timers <- timer :: timers

            setAlarm ())

        // As the system's do, it fires at once, on another thread.
        if dueTime = TimeSpan.Zero then
            ThreadPool.UnsafeQueueUserWorkItem((fun _ -> ring ()), null) |> ignore

/// A timer of an `EmbeddedClock`.
and [<Sealed>] internal EmbeddedTimer(clock: EmbeddedClock, callback: TimerCallback, state: obj | null) =
    /// Since the clock began.
    member val Due = TimeSpan.Zero with get, set

    member val Period = TimeSpan.Zero with get, set
    member val IsDisposed = false with get, set
    member _.Run() = callback.Invoke state

    interface ITimer with
        member timer.Change(dueTime, period) =
            clock.Set(timer, dueTime, period)
            not timer.IsDisposed

    interface IDisposable with
        member timer.Dispose() =
            timer.IsDisposed <- true
            clock.Set(timer, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan)

    interface IAsyncDisposable with
        member timer.DisposeAsync() =
            (timer :> IDisposable).Dispose()
            ValueTask.CompletedTask
