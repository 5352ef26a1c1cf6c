namespace RocketMq.Protocol

open System
open System.Threading
open System.Threading.Tasks

/// What clients do again and again.
module internal Recurrence =
    /// Does something again and again until it is cancelled, each time about an interval after the last: up to a tenth sooner or
    /// later, so that clients that began together do not go on together.
    let every (ports: Ports) (interval: TimeSpan) (ending: CancellationToken) (act: unit -> Task) : Task =
        backgroundTask {
            try
                while not ending.IsCancellationRequested do
                    let spread = 0.9 + 0.2 * ports.Jitter()
                    do! Task.Delay(interval * spread, ports.Clock, ending)
                    do! act ()
            with :? OperationCanceledException when ending.IsCancellationRequested ->
                ()
        }
