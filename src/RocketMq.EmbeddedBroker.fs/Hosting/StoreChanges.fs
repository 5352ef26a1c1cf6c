namespace RocketMq.Embedded

open System.Threading
open System.Threading.Tasks

/// Counts the changes of what brokers store, and tells those who wait for the next one. Safe for use by several threads.
[<Sealed>]
type internal StoreChanges() =
    let gate = obj ()
    let mutable count = 0L

    let fresh () =
        TaskCompletionSource<int64> TaskCreationOptions.RunContinuationsAsynchronously

    let mutable next = fresh ()

    /// How many there have been.
    member _.Count = lock gate (fun () -> count)

    /// There is one more.
    member _.Add() =
        let changed, number =
            lock gate (fun () ->
                let changed = next
                count <- count + 1L
                next <- fresh ()
                changed, count)

        changed.TrySetResult number |> ignore<bool>

    /// Ends when there have been more than so many, with how many there are.
    member _.WhenMoreThan(seen: int64, cancellation: CancellationToken) : Task<int64> =
        lock gate (fun () ->
            if count > seen then
                Task.FromResult count
            else
                next.Task.WaitAsync cancellation)
