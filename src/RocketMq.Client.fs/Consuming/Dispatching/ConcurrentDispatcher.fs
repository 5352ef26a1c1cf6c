namespace RocketMq

open System
open System.Threading.Tasks
open RocketMq.Protocol

/// Messages in any order: a failed one goes back to a broker and holds up none.
[<Sealed>]
type internal ConcurrentDispatcher
    (options: PushConsumerOptions, call: HandlerCall, counts: ConsumerCounts, sendBack: SendBackService) =
    inherit HandlerPool(options.Consumer.Group, options.Concurrency, options.Consumer.Client.Remoting.Logger)

    /// As Java waits before it handles a message again that no broker took back.
    static let retryDelay = TimeSpan.FromSeconds 5L

    let clock = options.Consumer.Client.Remoting.Ports.Clock
    let log = options.Consumer.Client.Remoting.Logger

    let handleAgain (pool: HandlerPool) (batch: FetchedBatch) index : Task =
        backgroundTask {
            try
                do! Task.Delay(retryDelay, clock, batch.Queue.Ending)
                pool.Add(batch.Only index)
            with :? OperationCanceledException ->
                ()
        }

    /// Sends a message back, and counts it as consumed when a broker has it.
    let settleFailed (pool: HandlerPool) (batch: FetchedBatch) index level : Task =
        backgroundTask {
            let queue = batch.Queue
            let message = batch.Messages[index]

            if queue.IsCurrent batch then
                match! sendBack.SendBack(message, level) with
                | Ok() ->
                    counts.SentBack()
                    queue.Finish(batch, index)
                | Error error ->
                    counts.RetriedLocally()

                    ConsumerLog.retriedLocally
                        log
                        message.Topic
                        message.QueueId
                        message.QueueOffset
                        (RemotingError.describe error)

                    Supervised.run log queue.Ending (fun () -> handleAgain pool batch index)
        }

    let settleAllFailed pool (batch: FetchedBatch) first count level : Task =
        backgroundTask {
            for index in first .. first + count - 1 do
                do! settleFailed pool batch index level
        }

    /// What `result` asks for: nothing more, or the level at which messages are sent back.
    let settle pool (batch: FetchedBatch) first count result : Task =
        match ReconsumePolicy.concurrent options.Model result with
        | Done -> Task.CompletedTask
        | Dropped ->
            for index in first .. first + count - 1 do
                let message = batch.Messages[index]
                ConsumerLog.messageDropped log options.Consumer.Group message.Topic message.QueueId message.QueueOffset
                batch.Queue.Finish(batch, index)

            Task.CompletedTask
        | SendBack level -> settleAllFailed pool batch first count level

    let settleEach pool (batch: FetchedBatch) first (verdicts: ConsumeResult[]) : Task =
        backgroundTask {
            for index in 0 .. verdicts.Length - 1 do
                match verdicts[index] with
                | ConsumeResult.Success -> batch.Queue.Finish(batch, first + index)
                | failed -> do! settle pool batch (first + index) 1 failed
        }

    // One state machine for all calls of a worker: each of its own would be an object for each message.
    override pool.Handle(run: HandlerWorker) : Task =
        backgroundTask {
            while pool.Take run do
                do! pool.WhenPlaced

                match run.Work with
                | :? FetchedBatch as batch ->
                    let first = run.First
                    let count = run.Count
                    let queue = batch.Queue

                    if queue.TryBegin(batch, count) then
                        run.Result <- ConsumeResult.Retry

                        try
                            let! returned = call.Begin(run, queue, batch.Messages, first, count)
                            run.Result <- call.Returned(run, returned)
                        with error ->
                            call.Threw(run, batch.Messages[first], error)

                        if run.End() then
                            call.Counted(run, count)
                            queue.LastConsume <- clock.GetTimestamp()

                            match run.Result, run.Verdicts with
                            | ConsumeResult.Success, _ -> queue.FinishAndEnd(batch, first, count)
                            | failed, [||] ->
                                do! settle pool batch first count failed
                                queue.End count
                            | _, verdicts ->
                                do! settleEach pool batch first verdicts
                                queue.End count
                | _ -> ()
        }

    interface IHandlerDispatcher with
        member pool.Pool = pool

        member pool.Dispatch batch =
            batch.CallSize <- call.BatchSize
            pool.Add batch

        // What is old is left out when a handler would begin with it.
        member _.Drop _ = ()
        member _.Resume _ = ()
        member pool.CancelHandlers queue = call.CancelAll(pool, queue)

        // The pull that failed has been logged.
        member _.Refused _ = ()

        /// The messages of a handler that does not return go back to brokers; another handler takes its place.
        member pool.Abandon(run, stamp) =
            let first, count = run.First, run.Count

            match run.Work with
            | :? FetchedBatch as batch when pool.Abandon(run, stamp) ->
                backgroundTask {
                    counts.Abandoned()
                    do! settle pool batch first count ConsumeResult.Retry
                    batch.Queue.End count
                }
            | _ -> Task.CompletedTask
