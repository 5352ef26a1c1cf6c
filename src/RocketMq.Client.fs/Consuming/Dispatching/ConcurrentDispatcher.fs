namespace RocketMq

open System
open System.Threading.Tasks
open RocketMq.Protocol

/// One message of a pull that is to be handled again.
[<Sealed>]
type internal RetryWork(held: FetchedBatch, index: int) =
    interface IWorkSource with
        member _.Take run =
            run.Held <- held
            run.First <- index
            run.Count <- 1
            false

/// Messages in any order: a failed one goes back to a broker and holds up none.
[<Sealed>]
type internal ConcurrentDispatcher
    (options: PushConsumerOptions, call: HandlerCall, counts: ConsumerCounts, sendBack: SendBackService) =
    /// As Java waits before it handles a message again that no broker took back.
    static let keptFor = TimeSpan.FromSeconds 5L

    let clock = options.Remoting.Ports.Clock
    let log = options.Remoting.Logger

    let handleAgain (pool: HandlerPool) (held: FetchedBatch) index : Task =
        backgroundTask {
            try
                do! Task.Delay(keptFor, clock, held.Queue.Ending)
                pool.Add(RetryWork(held, index))
            with :? OperationCanceledException ->
                ()
        }

    /// Sends a message back, and counts it as consumed when a broker has it.
    let settleFailed (pool: HandlerPool) (held: FetchedBatch) index level : Task =
        backgroundTask {
            let queue = held.Queue
            let message = held.Messages[index]

            if queue.IsCurrent held then
                match! sendBack.SendBack(message, level) with
                | Ok() ->
                    counts.SentBack()
                    queue.Finish(held, index)
                | Error error ->
                    counts.Kept()

                    ConsumerLog.retriedLocally
                        log
                        message.Topic
                        message.QueueId
                        message.QueueOffset
                        (RemotingError.describe error)

                    Supervised.run log queue.Ending (fun () -> handleAgain pool held index)
        }

    let settleAllFailed pool (held: FetchedBatch) first count level : Task =
        backgroundTask {
            for index in first .. first + count - 1 do
                do! settleFailed pool held index level
        }

    /// What `result` asks for: nothing more, or the level at which messages are sent back.
    let settle pool (held: FetchedBatch) first count result : Task =
        match ReconsumePolicy.concurrent options.Model result with
        | Done -> Task.CompletedTask
        | Dropped ->
            for index in first .. first + count - 1 do
                let message = held.Messages[index]
                ConsumerLog.messageDropped log options.Group message.Topic message.QueueId message.QueueOffset
                held.Queue.Finish(held, index)

            Task.CompletedTask
        | SendBack level -> settleAllFailed pool held first count level

    let work (pool: HandlerPool) (run: HandlerWorker) : Task =
        backgroundTask {
            while pool.Take run do
                do! pool.WhenPlaced
                let held = run.Held
                let first = run.First
                let count = run.Count
                let queue = held.Queue

                if queue.TryBegin(held, count) then
                    run.Result <- ConsumeResult.Retry

                    try
                        let! returned = call.Begin(run, queue, held.Messages, first, count)
                        run.Result <- call.Returned(run, returned)
                    with error ->
                        call.Threw(run, held.Messages[first], error)

                    if run.End() then
                        call.Counted(run.Result, count)
                        queue.LastConsume <- clock.GetTimestamp()

                        match run.Result with
                        | ConsumeResult.Success -> queue.FinishAndEnd(held, first, count)
                        | failed ->
                            do! settle pool held first count failed
                            queue.End count
        }

    let pool = HandlerPool(options.Group, options.Concurrency, log, work)

    interface IHandlerDispatcher with
        member _.Pool = pool

        member _.Dispatch held =
            pool.Add(BatchWork(held, call.BatchSize))

        // What is old is left out when a handler would begin with it.
        member _.Drop _ = ()
        member _.Resume _ = ()
        member _.CancelHandlers queue = call.CancelAll(pool, queue)

        // The pull that failed has been logged.
        member _.Refused _ = ()

        /// The messages of a handler that does not return go back to brokers; another handler takes its place.
        member _.GiveUp(run, stamp) =
            let held, first, count = run.Held, run.First, run.Count

            if pool.GiveUp(run, stamp) then
                backgroundTask {
                    counts.GivenUp()
                    do! settle pool held first count ConsumeResult.Retry
                    held.Queue.End count
                }
            else
                Task.CompletedTask
