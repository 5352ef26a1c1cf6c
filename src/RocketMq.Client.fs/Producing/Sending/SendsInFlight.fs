namespace RocketMq

open System.Threading
open System.Threading.Tasks

/// Counts what a producer has on its way, so that its end can wait for it. Safe to use from any thread.
[<Sealed>]
type internal SendsInFlight() =
    let drained =
        TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

    let mutable count = 0
    let mutable isClosed = false

    member _.Count = Volatile.Read &count

    /// Nothing more is to begin.
    member _.IsClosed = Volatile.Read &isClosed

    member _.Begin() =
        Interlocked.Increment &count |> ignore<int>

    member _.End() =
        if Interlocked.Decrement &count = 0 && Volatile.Read &isClosed then
            drained.TrySetResult() |> ignore<bool>

    member _.Close() = Volatile.Write(&isClosed, true)

    /// After `Close`: ends when nothing is on its way any more.
    member sends.Drained: Task =
        if sends.Count > 0 then drained.Task else Task.CompletedTask
