namespace RocketMq.Protocol.Tests

open System
open System.Threading

/// A clock that stands still until a test moves it. Timers run on the thread that moves it, in the order they are due.
[<Sealed>]
type ManualClock() =
    inherit TimeProvider()

    let gate = obj ()
    let mutable now = 0L
    let mutable timers: ManualTimer list = []
    let mutable fired = 0

    override _.TimestampFrequency = TimeSpan.TicksPerSecond
    override _.GetTimestamp() = lock gate (fun () -> now)

    override clock.GetUtcNow() =
        DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddTicks(clock.GetTimestamp())

    override clock.CreateTimer(callback, state, dueTime, period) =
        let timer = new ManualTimer(clock, callback, state)
        timer.Change(dueTime, period) |> ignore
        timer

    member internal clock.Schedule(timer: ManualTimer, dueTime: TimeSpan) =
        lock gate (fun () ->
            timers <- timers |> List.filter (fun other -> not (obj.ReferenceEquals(other, timer)))

            // As the system's do, a timer that was disposed of starts no more.
            if dueTime >= TimeSpan.Zero && not timer.IsDisposed then
                timer.Due <- now + dueTime.Ticks
                timers <- timer :: timers)

    /// How many timers run.
    member _.Timers = lock gate (fun () -> timers.Length)

    /// How often a timer has fallen due so far.
    member _.Fired = lock gate (fun () -> fired)

    member private _.TakeDue(until: int64) =
        lock gate (fun () ->
            match timers |> List.filter (fun timer -> timer.Due <= until) |> List.sortBy _.Due with
            | [] ->
                now <- max now until
                None
            | next :: _ ->
                now <- max now next.Due
                fired <- fired + 1
                timers <- timers |> List.filter (fun other -> not (obj.ReferenceEquals(other, next)))
                Some next)

    /// Moves on, and runs what falls due.
    member clock.Advance(span: TimeSpan) =
        let until = clock.GetTimestamp() + span.Ticks
        let mutable isDone = false

        while not isDone do
            match clock.TakeDue until with
            | Some timer -> timer.Run()
            | None -> isDone <- true

and [<Sealed>] ManualTimer(clock: ManualClock, callback: TimerCallback, state: obj | null) =
    member val Due = 0L with get, set
    member val IsDisposed = false with get, set
    member _.Run() = callback.Invoke state

    interface ITimer with
        member timer.Change(dueTime, _) =
            clock.Schedule(timer, dueTime)
            true

    member timer.Change(dueTime: TimeSpan, period: TimeSpan) =
        (timer :> ITimer).Change(dueTime, period)

    interface IDisposable with
        member timer.Dispose() =
            timer.IsDisposed <- true
            clock.Schedule(timer, Timeout.InfiniteTimeSpan)

    interface IAsyncDisposable with
        member timer.DisposeAsync() =
            (timer :> IDisposable).Dispose()
            Threading.Tasks.ValueTask.CompletedTask
