namespace RocketMq

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open System.Threading.Tasks.Sources

/// Threads for handlers that may block. Each piece of work has one at once, and threads without work end after some seconds: there
/// are as many as there is work at a time.
[<Sealed>]
type internal HandlerThreads(group: string) =
    static let idleTime = TimeSpan.FromSeconds 10L

    let gate = obj ()
    let waiting = Queue<Action>()

    /// Threads that wait for work, and those that work waits for.
    let mutable free = 0

    /// Under the gate: the next piece of work. Nothing if none came for some time.
    let tryNext () : Action | null =
        let mutable mayCome = true
        free <- free + 1

        while waiting.Count = 0 && mayCome do
            mayCome <- Monitor.Wait(gate, idleTime)

        free <- free - 1
        if waiting.Count > 0 then waiting.Dequeue() else null

    let run (first: Action) =
        HandlerThreads.IsOwn <- true
        let mutable continues = true
        let mutable work = first

        while continues do
            work.Invoke()

            match lock gate tryNext with
            | null -> continues <- false
            | next -> work <- next

    [<ThreadStatic; DefaultValue>]
    static val mutable private isOwn: bool

    /// Whether the thread at hand is one for handlers.
    static member IsOwn
        with get () = HandlerThreads.isOwn
        and private set value = HandlerThreads.isOwn <- value

    /// Has a thread do work, which must not throw.
    member _.Run(work: Action) : unit =
        let isTaken =
            lock gate (fun () ->
                let isTaken = free > waiting.Count

                if isTaken then
                    waiting.Enqueue work
                    Monitor.Pulse gate

                isTaken)

        if not isTaken then
            Thread((fun () -> run work), IsBackground = true, Name = $"RocketMQ handler of {group}").UnsafeStart()

    /// Has who awaits it go on at one of the threads.
    member threads.Switch() = ValueTask(threads, 0s)

    /// An await that is never over at once and goes on wherever this has it go on; so it costs no more than the work itself.
    interface IValueTaskSource with
        member _.GetStatus _ = ValueTaskSourceStatus.Pending
        member _.GetResult _ = ()

        member threads.OnCompleted(continuation, state, _, _) =
            threads.Run(Action(fun () -> continuation.Invoke state))

/// Handlers that are looked at while they work.
type internal IWatchedHandlers =
    /// False: they are not looked at any more until they are added again.
    abstract Look: unit -> bool

/// Looks at all handlers of the process at short intervals, from a thread of its own: the pool may have none to give. It ends while
/// there is nothing to look at.
module internal BlockingWatch =
    let private gate = obj ()
    let private watched = List<IWatchedHandlers>()
    let mutable private isRunning = false

    let private all () =
        lock gate (fun () ->
            isRunning <- watched.Count > 0
            watched.ToArray())

    let private lookAtAll () =
        let mutable handlers = all ()

        while handlers.Length > 0 do
            Thread.Sleep HandlerPlacement.interval

            for some in handlers do
                if not (some.Look()) then
                    lock gate (fun () -> watched.Remove some |> ignore<bool>)

            handlers <- all ()

    let add (handlers: IWatchedHandlers) : unit =
        lock gate (fun () ->
            watched.Add handlers

            if not isRunning then
                isRunning <- true
                Thread(lookAtAll, IsBackground = true, Name = "RocketMQ handler watch").UnsafeStart())
