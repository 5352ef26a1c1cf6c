namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks

module internal Cancellation =
    /// Cancels a source when a token is cancelled. What waits goes on elsewhere: whoever cancels is not held up by it.
    let forward (cancellation: CancellationToken) (source: CancellationTokenSource) : CancellationTokenRegistration =
        cancellation.UnsafeRegister(
            (fun state ->
                match state with
                | :? CancellationTokenSource as source ->
                    // No callback of an application hangs on it, so nothing is thrown there.
                    ThreadPool.UnsafeQueueUserWorkItem(
                        (fun (source: CancellationTokenSource) -> source.Cancel()),
                        source,
                        preferLocal = false
                    )
                    |> ignore<bool>
                | _ -> ()),
            source
        )

/// How long work at hand is waited for when a client stops, or gives up a part of its work: up to a limit. Whoever stops the client with
/// a token decides in its place: until the token is cancelled.
[<Sealed>]
type internal Drain(limit: TimeSpan, clock: TimeProvider) =
    let source = new CancellationTokenSource()
    let mutable hasLimit = true

    /// True if the work ended in time. Throws if `cancellation` is cancelled.
    member _.WaitFor(work: Task, cancellation: CancellationToken) : Task<bool> =
        backgroundTask {
            use both =
                CancellationTokenSource.CreateLinkedTokenSource(source.Token, cancellation)

            try
                let limit =
                    if Volatile.Read &hasLimit then
                        limit
                    else
                        Timeout.InfiniteTimeSpan

                do! work.WaitAsync(limit, clock, both.Token)
                return true
            with
            | :? TimeoutException -> return false
            | :? OperationCanceledException when not cancellation.IsCancellationRequested -> return false
        }

    /// Carries the stop of a client out. Work is waited for until `cancellation` is cancelled or, if it cannot be, up to the limit.
    member _.During(cancellation: CancellationToken, stop: unit -> Task) : Task =
        backgroundTask {
            if cancellation.CanBeCanceled then
                Volatile.Write(&hasLimit, false)

            use _ = Cancellation.forward cancellation source
            do! stop ()
        }
