namespace RocketMq.Protocol

open System
open System.Threading.Tasks

/// Looks after queues that are not read.
[<Sealed>]
type internal QueueWatch
    (remoting: RemotingOptions, queues: OwnedQueues, isPaused: ProcessQueue -> bool, restart: MessageQueue -> unit) =
    let judge (queue: ProcessQueue) =
        let reading: QueueReading =
            {
                SincePull = remoting.Ports.Clock.GetElapsedTime queue.LastPull
                IsFull = queue.IsFull
                IsPaused = isPaused queue
            }

        match Watchdog.judgeQueue reading with
        | ReadingStuck time when not queue.IsLeft ->
            Log.queueStuck remoting.Logger queue.Queue time
            restart queue.Queue
        | _ -> ()

    member _.Look() = queues.All |> List.iter judge

/// Looks after handlers that do not return and queues that are not read.
[<Sealed>]
type internal Watch(options: PushConsumerOptions, handling: IHandling, counts: ConsumerCounts, queues: QueueWatch) =
    let clock = options.Remoting.Ports.Clock
    let log = options.Remoting.Logger

    let judgeHandler (run: HandlerRun) : Task =
        backgroundTask {
            let stamp = run.Stamp

            let watch: HandlerWatch =
                {
                    Took = clock.GetElapsedTime run.Started
                    IsCancelled = run.IsCancelled
                }

            match Watchdog.judgeHandler options.ConsumeTimeout watch with
            | TakesTooLong when stamp <> 0L ->
                counts.Overdue()
                Log.handlerOverdue log options.Group run.Queue.Queue watch.Took
                run.Cancel stamp
            | DoesNotReturn -> do! handling.GiveUp(run, stamp)
            | _ -> ()
        }

    /// How often it looks: often enough for the consume timeout to be kept within a tenth.
    member _.Interval =
        options.ConsumeTimeout / 10.0
        |> max (TimeSpan.FromMilliseconds 50.0)
        |> min (TimeSpan.FromSeconds 30L)

    member _.Look() : Task =
        backgroundTask {
            for run in handling.Pool.Running do
                do! judgeHandler run

            queues.Look()
        }
