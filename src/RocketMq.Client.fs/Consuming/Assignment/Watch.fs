namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks

/// Looks after queues that nothing is pulled of.
[<Sealed>]
type internal StuckQueueMonitor
    (
        remoting: RemotingOptions,
        suspend: TimeSpan,
        table: ProcessQueueTable,
        events: MemberEvents,
        isPaused: ProcessQueue -> bool
    ) =
    let clock = remoting.Ports.Clock
    let mutable restarted = 0L

    let judge (queue: ProcessQueue) =
        // The time for which a queue is paused or full is no time in which it could have been pulled.
        if isPaused queue || queue.IsFull then
            queue.LastPull <- clock.GetTimestamp()

        match StuckDetector.judgeQueue suspend (clock.GetElapsedTime queue.LastPull) with
        | ReadingStuck time when not queue.IsLeft ->
            ConsumerLog.queueStuck remoting.Logger queue.Queue time
            Interlocked.Increment &restarted |> ignore<int64>
            events.Post(QueueEvent(queue.Queue, QueueEvent.FetchStuck))
        | _ -> ()

    /// How often pulling was begun again.
    member _.Restarted = Volatile.Read &restarted

    member _.Look() = table.All |> List.iter judge

/// Looks after handlers that do not return.
[<Sealed>]
type internal OverdueHandlers(settings: HandlerSettings, handlers: IHandlers, call: HandlerCall, counts: ConsumerCounts)
    =
    let clock = settings.Remoting.Ports.Clock
    let log = settings.Remoting.Logger

    let judge (run: HandlerWorker) =
        let stamp = run.Stamp

        let watch: HandlerWatch =
            {
                Took = clock.GetElapsedTime run.Started
                IsCancelled = run.IsCancelled
            }

        match StuckDetector.judgeHandler settings.ConsumeTimeout watch with
        | TakesTooLong when stamp <> 0L ->
            counts.Overdue()
            ConsumerLog.handlerOverdue log settings.Group run.From watch.Took
            call.Cancel(run, stamp)
        // Brokers may take long to take the messages back.
        | DoesNotReturn when stamp <> 0L ->
            Supervised.run log CancellationToken.None (fun () -> handlers.Abandon(run, stamp))
        | _ -> ()

    let isStuck (run: HandlerWorker) =
        run.Stamp <> 0L && clock.GetElapsedTime run.Started > settings.ConsumeTimeout

    /// How often it looks: often enough for the consume timeout to be kept within a tenth.
    member _.Interval =
        settings.ConsumeTimeout / 10.0
        |> max (TimeSpan.FromMilliseconds 50.0)
        |> min (TimeSpan.FromSeconds 30L)

    /// How many handlers, now, have taken longer than the consume timeout.
    member _.Stuck: int = handlers.Pool.Running |> List.filter isStuck |> List.length

    /// Whether no handler is free for anything else, and each has taken too long.
    member overdue.AreAll: bool = overdue.Stuck >= settings.Concurrency

    member _.Look() = List.iter judge handlers.Pool.Running
