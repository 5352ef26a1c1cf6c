namespace RocketMq

open System
open System.IO.Pipelines
open System.Threading
open System.Threading.Tasks

/// Where the writing loop goes on when there is something to write: on the pool or, if it is to be late, at whoever calls `Run`.
[<Sealed>]
type internal WriteScheduler() =
    inherit PipeScheduler()

    static let nothing = 0
    static let waits = 1

    let mutable due = nothing
    let mutable action: Action<obj | null> | null = null
    let mutable state: obj | null = null
    let mutable isAtCaller = false

    /// Whether work that goes on here goes on on the pool after it has waited: a thread of a user interface would take it back.
    static member IsFreeHere =
        isNull SynchronizationContext.Current
        && obj.ReferenceEquals(TaskScheduler.Current, TaskScheduler.Default)

    /// Whether the loop waits for `Run` if it is to go on now. Only under the buffer's gate.
    member val IsLate = false with get, set

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

    override scheduler.Schedule(start, argument) =
        if scheduler.IsLate then
            action <- start
            state <- argument
            Volatile.Write(&due, waits)
        else
            PipeScheduler.ThreadPool.Schedule(start, argument)
