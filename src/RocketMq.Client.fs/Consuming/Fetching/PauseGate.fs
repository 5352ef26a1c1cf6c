namespace RocketMq

open System.Threading
open System.Threading.Tasks

/// An asynchronous manual-reset event: callers wait while it is closed.
[<Sealed>]
type internal PauseGate() =
    let gate = obj ()
    let mutable opened: TaskCompletionSource | null = null

    member _.Close() =
        lock gate (fun () ->
            if isNull opened then
                opened <- TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously)

    member _.Open() =
        let waiting =
            lock gate (fun () ->
                let waiting = opened
                opened <- null
                waiting)

        match waiting with
        | null -> ()
        | waiting -> waiting.TrySetResult() |> ignore<bool>

    member _.IsOpen = isNull (Volatile.Read &opened)

    /// Throws OperationCanceledException if it is cancelled first.
    member _.WhenOpen(cancellation: CancellationToken) : Task =
        match Volatile.Read &opened with
        | null -> Task.CompletedTask
        | opened -> opened.Task.WaitAsync cancellation
