namespace RocketMq

open System
open System.IO.Pipelines
open System.Threading
open System.Threading.Tasks

/// Where the writing loop goes on when there is something to write: on the pool or, if a caller defers it, at that caller, who then calls `Run`.
[<Sealed>]
type internal WriteScheduler() =
    inherit PipeScheduler()

    static let nothing = 0
    static let waits = 1
    static let noThread = 0

    let mutable due = nothing
    let mutable action: Action<obj | null> | null = null
    let mutable state: obj | null = null
    let mutable isAtCaller = false

    /// The thread that is about to put something in and writes it itself. Others that schedule the loop at the same time, above all the loop's own
    /// as it begins to wait, do not call `Run`, so what they schedule goes to the pool.
    let mutable deferring = noThread

    /// Whether work that goes on here goes on on the pool after it has waited: a thread of a user interface would take it back.
    static member IsFreeHere =
        isNull SynchronizationContext.Current
        && obj.ReferenceEquals(TaskScheduler.Current, TaskScheduler.Default)

    /// From now on the loop waits for `Run` if this thread has it go on. Only under the buffer's gate.
    member _.Defer() =
        deferring <- Environment.CurrentManagedThreadId

    /// Nothing is deferred any more. Only under the buffer's gate.
    member _.EndDefer() = deferring <- noThread

    /// Whether the loop waits for `Run`.
    member _.IsDue = Volatile.Read &due = waits

    /// Whether the loop has gone on at a caller since the last look. Only for the loop.
    member _.HasRun() : bool =
        let hasRun = isAtCaller
        isAtCaller <- false
        hasRun

    /// Has the loop go on here, if it waits for that: whoever comes first, and no other.
    member _.Run() : unit =
        if Interlocked.CompareExchange(&due, nothing, waits) = waits then
            isAtCaller <- true

            match action with
            | null -> ()
            | action -> action.Invoke state

    override _.Schedule(start, argument) =
        if deferring = Environment.CurrentManagedThreadId then
            action <- start
            state <- argument
            Volatile.Write(&due, waits)
        else
            PipeScheduler.ThreadPool.Schedule(start, argument)
