namespace RocketMq

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging

/// Starts handlers.
type internal IHandlerStarter =
    /// Has a handler work, at the thread that calls. What the work throws is seen to; it is not thrown here.
    abstract Start: HandlerWorker -> unit

/// A handler at work, or waiting to be. It is used for one piece of work after another, and is what the pool of threads is given to
/// start it: so a start allocates nothing.
and [<Sealed>] internal HandlerWorker(starter: IHandlerStarter) =
    static let idle = 0L
    static let working = 1L
    static let abandoned = 2L
    static let phases = 4L
    let gate = obj ()
    let mutable cancellation = new CancellationTokenSource()

    /// The token of the call at hand is being cancelled, and the next call needs another one.
    let mutable isCancelling = false

    /// Phase, and above it the number of the handler's call: what is meant for one call must not hit the next one.
    let mutable state = idle

    /// The call whose handler has not given its task yet; 0 if there is none.
    let mutable calling = 0L

    /// The call that was found so last, and at how many looks before the last one. Only for who looks.
    let mutable seenCalling = 0L
    let mutable blockedFor = 0

    let mutable observed: ObservedCall | null = null

    let phaseOf stamp = stamp % phases

    /// What it works on, and the part of it.
    member val Work: IHandlerWork = Unchecked.defaultof<_> with get, set

    member val First = 0 with get, set
    member val Count = 0 with get, set

    /// Whose messages the handler works on, or worked on last. None if they were popped.
    member val Queue: ProcessQueue = Unchecked.defaultof<_> with get, set

    /// The queue that the messages come from.
    member val From: MessageQueue = Unchecked.defaultof<_> with get, set

    /// When the handler began, by the clock's timestamps.
    member val Started = 0L with get, set

    /// What the handler made of its messages, until that is settled.
    member val Result = ConsumeResult.Retry with get, set

    /// Of a handler that says what becomes of each message: what it said, in their order. Then `Result` is that of the first that failed.
    /// None of other handlers.
    member val Verdicts: ConsumeResult[] = [||] with get, set

    /// The trace of the call, if it has one.
    member val Trace: TracedCall | null = null with get, set

    /// Listeners observe the call.
    member _.Observe(call: ObservedCall) = observed <- call

    /// The call as listeners observe it, if any do, and once only.
    member _.TakeObserved() : ObservedCall | null =
        match observed with
        | null -> null
        | call ->
            observed <- null
            call

    /// The call that is being worked on; 0 if there is none.
    member _.Stamp =
        let stamp = Volatile.Read &state
        if phaseOf stamp = working then stamp else 0L

    member _.IsAbandoned = phaseOf (Volatile.Read &state) = abandoned
    member _.Token = cancellation.Token

    /// Tells the handler of one call to end. What the application has registered with the token runs on the pool, and may throw or
    /// block: the task ends when it has, with what it threw.
    member run.Cancel(stamp: int64) : Task =
        let cancelled =
            lock gate (fun () ->
                if run.Stamp = stamp && not isCancelling then
                    isCancelling <- true
                    ValueSome cancellation
                else
                    ValueNone)

        match cancelled with
        | ValueSome cancelled -> cancelled.CancelAsync()
        | ValueNone -> Task.CompletedTask

    /// Begins a call with messages that were popped from a queue.
    member run.Begin(from: MessageQueue, now: int64) =
        lock gate (fun () ->
            if isCancelling then
                isCancelling <- false
                cancellation <- new CancellationTokenSource()

            run.From <- from
            run.Started <- now
            Volatile.Write(&state, state - phaseOf state + phases + working))

    /// Begins a call with messages that were pulled.
    member run.Begin(queue: ProcessQueue, now: int64) =
        run.Queue <- queue
        run.Begin(queue.Queue, now)

    /// False if the call was given up while it lasted.
    member run.End() =
        let stamp = run.Stamp

        stamp <> 0L
        && Interlocked.CompareExchange(&state, stamp - working, stamp) = stamp

    /// Abandons a call that has not returned. False if it has ended.
    member _.Abandon(stamp: int64) =
        stamp <> 0L
        && Interlocked.CompareExchange(&state, stamp - working + abandoned, stamp) = stamp

    member _.IsCancelled = Volatile.Read &isCancelling

    /// The handler is being called: it holds its thread until it gives its task.
    member _.Entered() =
        Volatile.Write(&calling, Volatile.Read &state)

    /// The handler has given its task, or thrown.
    member _.Left() = Volatile.Write(&calling, 0L)

    /// At how many looks in a row before this one the same call held its thread.
    member _.Look() : int =
        let now = Volatile.Read &calling
        blockedFor <- if now <> 0L && now = seenCalling then blockedFor + 1 else 0
        seenCalling <- now
        blockedFor

    interface IThreadPoolWorkItem with
        member run.Execute() = starter.Start run

/// Has up to so many handlers work at a time. There is no thread or task of its own: a handler goes on with the next piece of
/// work, and has another one started while there is more.
[<AbstractClass>]
type internal HandlerPool(group: string, concurrency: int, log: ILogger) =
    /// After so many looks without work the handlers are not looked at any more.
    static let idleLooks = 20

    let threads = HandlerThreads group
    let mutable placement = HandlerPlacement.initial
    let mutable isApart = placement.IsApart

    let gate = obj ()
    let waiting = Queue<IHandlerWork>()
    let idle = Stack<HandlerWorker>()
    let running = HashSet<HandlerWorker>(HashIdentity.Reference)
    let mutable isPaused = false
    let mutable isStopping = false
    let mutable isClosed = false

    /// Whether handlers have worked since they were looked at, for how many looks they have not, and whether they are looked at.
    let mutable haveWorked = false
    let mutable looksIdle = 0
    let mutable isWatched = false

    /// Pieces of work that handlers have taken before it was known whether they block.
    let mutable taken = 0

    /// Under the lock.
    let place next =
        placement <- next
        Volatile.Write(&isApart, next.IsApart)

    /// Under the lock: a handler takes work. Those at work have not done theirs yet.
    let countTaken () =
        haveWorked <- true

        if isApart && HandlerPlacement.isTrial placement then
            taken <- taken + 1
            place (HandlerPlacement.worked (taken - running.Count) placement)

    let canStart () =
        running.Count < concurrency && waiting.Count > 0 && not isPaused && not isClosed

    /// Under the lock: a run that is to be started, or nothing.
    let reserve (pool: HandlerPool) : HandlerWorker | null =
        if canStart () then
            haveWorked <- true

            if not isWatched then
                isWatched <- true
                BlockingWatch.add pool

            let run = if idle.Count > 0 then idle.Pop() else HandlerWorker pool
            running.Add run |> ignore<bool>
            run
        else
            null

    member private pool.Start(run: HandlerWorker | null) =
        match run with
        | null -> ()
        | run when Volatile.Read &isApart -> threads.Run(Action(fun () -> (pool :> IHandlerStarter).Start run))
        | run -> ThreadPool.UnsafeQueueUserWorkItem(run, false) |> ignore<bool>

    /// Who awaits it before it calls a handler does so where handlers are called: without a detour on the pool, unless they block.
    member _.WhenPlaced: ValueTask =
        if Volatile.Read &isApart && not HandlerThreads.IsOwn then
            threads.Switch()
        else
            ValueTask.CompletedTask

    member _.IsApart = Volatile.Read &isApart

    /// Has a handler work: takes parts until there are none, and awaits `WhenPlaced` before it calls the application.
    abstract Handle: worker: HandlerWorker -> Task

    member pool.Add(work: IHandlerWork) =
        lock gate (fun () ->
            waiting.Enqueue work
            reserve pool)
        |> pool.Start

    /// The next piece of work for a run. False: it has ended.
    member pool.Take(run: HandlerWorker) : bool =
        let struct (taken, more) =
            lock gate (fun () ->
                if run.IsAbandoned then
                    struct (false, null)
                elif waiting.Count > 0 && not isPaused && not isClosed then
                    let work = waiting.Peek()
                    let part = work.Take()
                    run.Work <- work
                    run.First <- part.First
                    run.Count <- part.Count

                    if part.IsLast then
                        waiting.Dequeue() |> ignore<IHandlerWork>

                    countTaken ()
                    struct (true, reserve pool)
                else
                    running.Remove run |> ignore<bool>
                    run.Work <- Unchecked.defaultof<_>
                    idle.Push run
                    struct (false, null))

        pool.Start more
        taken

    /// Gives up a call that does not return: another handler may work in its place. False if it has just ended.
    member pool.Abandon(run: HandlerWorker, stamp: int64) : bool =
        if run.Abandon stamp then
            lock gate (fun () ->
                running.Remove run |> ignore<bool>
                reserve pool)
            |> pool.Start

            true
        else
            false

    member _.Running: HandlerWorker list =
        lock gate (fun () -> [ for run in running -> run ])

    /// How many handlers work on messages.
    member pool.RunningCalls: int =
        pool.Running |> List.filter (fun run -> run.Stamp <> 0L) |> List.length

    member _.IsPaused = Volatile.Read &isPaused
    member _.Pause() = lock gate (fun () -> isPaused <- true)

    /// Paused for good.
    member _.Stop() =
        lock gate (fun () ->
            isPaused <- true
            isStopping <- true)

    member pool.Resume() =
        lock gate (fun () ->
            isPaused <- isStopping
            reserve pool)
        |> pool.Start

    /// Takes back what waits for a handler.
    member _.TakeBack() : IHandlerWork list =
        lock gate (fun () ->
            let taken = List.ofSeq waiting
            waiting.Clear()
            taken)

    member _.IsClosed = Volatile.Read &isClosed

    /// No handler begins any more.
    member _.Close() =
        lock gate (fun () ->
            isClosed <- true
            waiting.Clear())

    interface IHandlerStarter with
        member pool.Start run =
            let working = pool.Handle run

            if not working.IsCompletedSuccessfully then
                Supervised.run log CancellationToken.None (fun () -> working)

    interface IWatchedHandlers with
        member _.Look() =
            let struct (mustReport, continues) =
                lock gate (fun () ->
                    let work = haveWorked || running.Count > 0
                    let mutable blockedFor = 0

                    for run in running do
                        blockedFor <- max blockedFor (run.Look())

                    haveWorked <- false
                    looksIdle <- if work then 0 else looksIdle + 1
                    isWatched <- looksIdle < idleLooks

                    let struct (next, mustReport) =
                        HandlerPlacement.look
                            {
                                HaveWorked = work
                                BlockedFor = blockedFor
                            }
                            placement

                    place next
                    struct (mustReport, isWatched))

            if mustReport then
                Supervised.runApart log CancellationToken.None (fun () ->
                    ConsumerLog.handlersBlock log group
                    Task.CompletedTask)

            continues
