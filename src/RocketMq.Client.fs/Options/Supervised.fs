namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging

/// Work that no caller awaits: it is begun here and nowhere else, and what it throws is logged.
module internal Supervised =
    let private watch (log: ILogger) (cancellation: CancellationToken) (work: unit -> Task) : Task =
        backgroundTask {
            try
                do! work ()
            with
            | :? OperationCanceledException when cancellation.IsCancellationRequested -> ()
            | error -> Log.workFailed log error
        }

    /// Runs work on the pool. It may end with an `OperationCanceledException` once it is cancelled.
    let run (log: ILogger) (cancellation: CancellationToken) (work: unit -> Task) : unit =
        watch log cancellation work |> ignore<Task>

    /// The same, on the pool from its first step on: the work may block before it gives a task.
    let runApart (log: ILogger) (cancellation: CancellationToken) (work: unit -> Task) : unit =
        Task.Run(fun () -> watch log cancellation work) |> ignore<Task>

/// What clients do again and again.
module internal PeriodicTask =
    /// Does something again and again until it is cancelled, each time about an interval after the last: up to a tenth sooner or
    /// later, so that clients that began together do not go on together. What it throws is logged, and it goes on.
    let run (options: RemotingOptions) (interval: TimeSpan) (ending: CancellationToken) (act: unit -> Task) : unit =
        let loop () : Task =
            backgroundTask {
                while not ending.IsCancellationRequested do
                    let spread = 0.9 + 0.2 * options.Ports.Jitter()
                    do! Task.Delay(interval * spread, options.Ports.Clock, ending)

                    try
                        do! act ()
                    with error when not ending.IsCancellationRequested ->
                        Log.workFailed options.Logger error
            }

        Supervised.run options.Logger ending loop
