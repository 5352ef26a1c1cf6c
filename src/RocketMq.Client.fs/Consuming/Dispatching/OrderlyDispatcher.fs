namespace RocketMq

open System
open System.Runtime.CompilerServices
open System.Threading.Tasks
open RocketMq.Protocol

/// Messages in the order of their queues or keys: one that fails holds up its queue, or its key alone, until it succeeds or is a dead letter.
[<Sealed>]
type internal OrderlyDispatcher
    (
        options: PushConsumerOptions,
        call: HandlerCall,
        counts: ConsumerCounts,
        sendBack: SendBackService,
        mayConsume: ProcessQueue -> bool
    ) =
    inherit HandlerPool(options.Consumer.Group, options.Concurrency, options.Consumer.Client.Remoting.Logger)

    /// A queue gives way to others after so long. Java's time.
    static let turn = TimeSpan.FromSeconds 60L

    let clock = options.Consumer.Client.Remoting.Ports.Clock
    let log = options.Consumer.Client.Remoting.Logger

    /// As long as somebody has the queue.
    let queues = ConditionalWeakTable<ProcessQueue, OrderedQueue>()

    /// Leaves messages alone for the time that failures ask for.
    let suspend (pool: HandlerPool) (line: OrderedLine) (time: TimeSpan) : Task =
        backgroundTask {
            try
                do! Task.Delay(time, clock, line.Owner.Queue.Ending)

                if line.Owner.Wake line then
                    pool.Add line
            with :? OperationCanceledException ->
                ()
        }

    let release (pool: HandlerPool) (ordered: OrderedQueue) =
        for line in ordered.Release() do
            pool.Add line

    /// A dead letter is out of the way when a broker has it.
    let bury (message: OrderedMessage) =
        backgroundTask {
            match! sendBack.SendBack(message.Stored, SendBackService.deadLetter) with
            | Ok() ->
                counts.SentBack()
                message.Batch.Queue.Finish(message.Batch, message.Index)
                return true
            | Error error ->
                counts.RetriedLocally()
                let stored = message.Stored

                ConsumerLog.retriedLocally
                    log
                    stored.Topic
                    stored.QueueId
                    stored.QueueOffset
                    (RemotingError.describe error)

                return false
        }

    /// What is left of messages that failed, and how long they and those behind them rest.
    let settleFailed (failed: struct (OrderedMessage * ConsumeResult)[]) =
        backgroundTask {
            let left = ResizeArray<OrderedMessage>()
            let mutable rest = TimeSpan.Zero

            for struct (message, result) in failed do
                match
                    ReconsumePolicy.ordered
                        options.Model
                        options.MaxRetries
                        options.SuspendCurrentQueueTime
                        message.Stored.ReconsumeTimes
                        result
                with
                | Again time ->
                    rest <- max rest time

                    left.Add
                        { message with
                            Failures = message.Failures + 1
                        }
                | ToDeadLetter ->
                    let! isBuried = bury message

                    if not isBuried then
                        rest <- max rest options.SuspendCurrentQueueTime
                        left.Add message

            return struct (left.ToArray(), rest)
        }

    /// Finishes those that were consumed, if the handler has said so of each. Gives the others, each with its result.
    let finishConsumed
        (run: HandlerWorker)
        (first: OrderedMessage[])
        result
        : struct (OrderedMessage * ConsumeResult)[] =
        match run.Verdicts with
        | [||] -> first |> Array.map (fun message -> struct (message, result))
        | verdicts ->
            for index in 0 .. first.Length - 1 do
                if verdicts[index] = ConsumeResult.Success then
                    let message = first[index]
                    message.Batch.Queue.Finish(message.Batch, message.Index)

            Array.zip first verdicts
            |> Array.choose (fun (message, verdict) ->
                if verdict = ConsumeResult.Success then
                    None
                else
                    Some(struct (message, verdict)))

    /// Has a handler work on the first messages of a line. True: the line may go on at once.
    let handle (pool: HandlerPool) (run: HandlerWorker) (line: OrderedLine) (first: OrderedMessage[]) =
        backgroundTask {
            let ordered = line.Owner
            let queue = ordered.Queue
            let messages = first |> Array.map _.Stored
            run.Result <- ConsumeResult.Retry

            try
                let! returned = call.Begin(run, queue, messages, 0, messages.Length)
                run.Result <- call.Returned(run, returned)
            with error ->
                call.Threw(run, messages[0], error)

            run.End() |> ignore<bool>
            queue.LastConsume <- clock.GetTimestamp()
            call.Counted(run, messages.Length)

            // Whoever has the queue now has these messages as well; after a move they come again, or are not wanted.
            if not (queue.IsCurrent first[0].Batch) then
                return ordered.End(line, [||], false) && not queue.IsClosed
            else
                match run.Result with
                | ConsumeResult.Success ->
                    for message in first do
                        queue.Finish(message.Batch, message.Index)

                    return ordered.End(line, [||], false)
                | failed ->
                    let! struct (left, rest) = settleFailed (finishConsumed run first failed)
                    let rests = rest > TimeSpan.Zero
                    let continues = ordered.End(line, left, rests)

                    if rests && not continues then
                        Supervised.run log queue.Ending (fun () -> suspend pool line rest)

                    return continues
        }

    /// Works on a line until it has nothing more, may not go on, or has had its turn.
    let workOn (pool: HandlerPool) (run: HandlerWorker) (line: OrderedLine) : Task =
        backgroundTask {
            let ordered = line.Owner
            let queue = ordered.Queue
            let began = clock.GetTimestamp()
            let mutable continues = true

            while continues do
                do! pool.WhenPlaced

                if pool.IsPaused || clock.GetElapsedTime began > turn then
                    pool.Add line
                    continues <- false
                elif not (mayConsume queue) then
                    ordered.Park line
                    continues <- false

                    // It may have become possible in between, with no event to notice it by.
                    if mayConsume queue then
                        release pool ordered
                else
                    let first = ordered.Begin(line, call.BatchSize)

                    if first.Length = 0 then
                        continues <- false
                    elif not (queue.TryBegin(first[0].Batch, first.Length)) then
                        // Moved just now: what comes after the move is next.
                        continues <- ordered.End(line, [||], false) && not queue.IsLeft
                    else
                        let! mayContinue = handle pool run line first
                        queue.End first.Length
                        continues <- mayContinue
        }

    override pool.Handle(run: HandlerWorker) : Task =
        backgroundTask {
            while pool.Take run do
                match run.Work with
                | :? OrderedLine as line -> do! workOn pool run line
                | _ -> ()
        }

    interface IHandlerDispatcher with
        member pool.Pool = pool

        member pool.Dispatch batch =
            let ordered =
                queues.GetValue(batch.Queue, (fun queue -> OrderedQueue(queue, options.OrderBy)))

            for line in ordered.Add batch do
                pool.Add line

        member _.Drop queue =
            match queues.TryGetValue queue with
            | true, ordered -> ordered.Drop()
            | _ -> ()

        /// What waited because its queue might not be consumed may go on.
        member pool.Resume queue =
            match queues.TryGetValue queue with
            | true, ordered -> release pool ordered
            | _ -> ()

        member pool.CancelHandlers queue = call.CancelAll(pool, queue)

        // The pull that failed has been logged.
        member _.Refused _ = ()

        /// Nothing must go past a message, so its handler is waited for.
        member _.Abandon(_, _) = Task.CompletedTask
