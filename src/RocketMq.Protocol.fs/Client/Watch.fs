namespace RocketMq.Protocol

open System
open System.Threading
open System.Threading.Tasks

/// Looks after queues that nothing is pulled of.
[<Sealed>]
type internal QueueWatch
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

        match Watchdog.judgeQueue suspend (clock.GetElapsedTime queue.LastPull) with
        | ReadingStuck time when not queue.IsLeft ->
            ConsumerLog.queueStuck remoting.Logger queue.Queue time
            Interlocked.Increment &restarted |> ignore<int64>
            events.Post(QueueEvent(queue.Queue, QueueEvent.FetchStuck))
        | _ -> ()

    /// How often pulling was begun again.
    member _.Restarted = Volatile.Read &restarted

    member _.Look() = table.All |> List.iter judge

/// Looks after handlers that do not return and queues that are not read.
[<Sealed>]
type internal Watch
    (options: PushConsumerOptions, handling: IHandling, call: HandlerCall, counts: ConsumerCounts, queues: QueueWatch) =
    let clock = options.Remoting.Ports.Clock
    let log = options.Remoting.Logger

    let judgeHandler (run: HandlerRun) =
        let stamp = run.Stamp

        let watch: HandlerWatch =
            {
                Took = clock.GetElapsedTime run.Started
                IsCancelled = run.IsCancelled
            }

        match Watchdog.judgeHandler options.ConsumeTimeout watch with
        | TakesTooLong when stamp <> 0L ->
            counts.Overdue()
            ConsumerLog.handlerOverdue log options.Group run.Queue.Queue watch.Took
            call.Cancel(run, stamp)
        // Brokers may take long to take the messages back.
        | DoesNotReturn when stamp <> 0L ->
            Supervised.run log CancellationToken.None (fun () -> handling.GiveUp(run, stamp))
        | _ -> ()

    /// How often it looks: often enough for the consume timeout to be kept within a tenth.
    member _.Interval =
        options.ConsumeTimeout / 10.0
        |> max (TimeSpan.FromMilliseconds 50.0)
        |> min (TimeSpan.FromSeconds 30L)

    member _.Look() : Task =
        List.iter judgeHandler handling.Pool.Running
        queues.Look()
        Task.CompletedTask
