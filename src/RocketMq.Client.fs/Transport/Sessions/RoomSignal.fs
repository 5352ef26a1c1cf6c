namespace RocketMq

open System.Threading
open System.Threading.Tasks

/// Wakes all who wait for room, together. Safe to use from any thread.
[<Sealed>]
type internal RoomSignal(hasRoom: unit -> bool) =
    /// Null while no call waits.
    let mutable waiting: TaskCompletionSource | null = null

    let wake () =
        match Interlocked.Exchange(&waiting, null) with
        | null -> ()
        | waiting -> waiting.TrySetResult() |> ignore<bool>

    /// Ends when there may be room. Only by one at a time.
    member _.Await() : Task =
        let signal =
            match Volatile.Read &waiting with
            | null ->
                let signal = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

                Interlocked.Exchange(&waiting, signal) |> ignore<TaskCompletionSource | null>
                signal
            // Never put back: it may just have been taken out to be ended, and a signal that has ended would be all that later calls find.
            | signal -> signal

        // Those who made room meanwhile saw no call waiting.
        if hasRoom () then
            wake ()

        signal.Task

    /// Something has been taken out.
    member _.Taken() =
        if not (isNull (Volatile.Read &waiting)) && hasRoom () then
            wake ()

    /// No call is to wait any more.
    member _.Release() = wake ()
