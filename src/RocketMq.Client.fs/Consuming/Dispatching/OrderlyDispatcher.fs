namespace RocketMq

open System
open System.Collections.Generic
open System.Runtime.CompilerServices
open System.Threading.Tasks
open RocketMq.Protocol

/// One message of an ordered queue, and how often it has failed here.
[<Struct>]
type internal OrderedMessage =
    {
        Batch: FetchedBatch
        Index: int
        Failures: int
    }

    member message.Stored =
        let stored = message.Batch.Messages[message.Index]

        if message.Failures = 0 then
            stored
        else
            { stored with
                ReconsumeTimes = stored.ReconsumeTimes + message.Failures
            }

/// The messages of one queue in their order. One handler works on them at a time: the queue is scheduled or it is not.
[<Sealed>]
type internal OrderedQueue(queue: ProcessQueue) =
    let gate = obj ()
    let waiting = LinkedList<OrderedMessage>()
    let mutable isScheduled = false

    /// Grows when the queue is moved: what a handler began before does not count.
    let mutable generation = 0

    member _.Queue = queue

    /// Nothing of what was pulled before counts.
    member _.Clear() =
        lock gate (fun () ->
            generation <- generation + 1
            waiting.Clear())

    /// True: the caller has to schedule the queue.
    member _.Add(batch: FetchedBatch) : bool =
        lock gate (fun () ->
            for index in 0 .. batch.Messages.Length - 1 do
                waiting.AddLast
                    {
                        Batch = batch
                        Index = index
                        Failures = 0
                    }
                |> ignore<LinkedListNode<OrderedMessage>>

            let isNew = not isScheduled
            isScheduled <- true
            isNew)

    /// The first messages, which stay, and the generation that they are of. None: the queue is scheduled no more.
    member _.First(most: int) : struct (int * OrderedMessage[]) =
        lock gate (fun () ->
            // A pull may have been dispatched just after the queue was moved.
            let isStale (first: LinkedListNode<OrderedMessage> | null) =
                match first with
                | null -> false
                | first -> not (queue.IsCurrent first.Value.Batch)

            while isStale waiting.First do
                waiting.RemoveFirst()

            let first =
                waiting
                |> Seq.takeWhile (fun message -> queue.IsCurrent message.Batch)
                |> Seq.truncate most
                |> Array.ofSeq

            if first.Length = 0 then
                isScheduled <- false

            struct (generation, first))

    /// The first messages become these, if they still are what they were.
    member _.Replace(taken: int, count: int, messages: OrderedMessage list) =
        lock gate (fun () ->
            if taken = generation then
                for _ in 1..count do
                    waiting.RemoveFirst()

                for message in List.rev messages do
                    waiting.AddFirst message |> ignore<LinkedListNode<OrderedMessage>>)

    /// The queue waits until somebody calls `Wake`.
    member _.Rest() =
        lock gate (fun () -> isScheduled <- false)

    /// True: the caller has to schedule the queue.
    member _.Wake() : bool =
        lock gate (fun () ->
            let isNew = not isScheduled && waiting.Count > 0

            if isNew then
                isScheduled <- true

            isNew)

    interface IHandlerWork with
        member _.Take() = WorkPart.Only

/// Messages in the order of their queues: one that fails holds its queue up until it succeeds or is a dead letter.
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

    /// Leaves a queue alone for the time that failures ask for.
    let suspend (pool: HandlerPool) (ordered: OrderedQueue) (time: TimeSpan) : Task =
        backgroundTask {
            try
                do! Task.Delay(time, clock, ordered.Queue.Ending)
                pool.Add ordered
            with :? OperationCanceledException ->
                ()
        }

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

    /// What is left of messages that failed, and how long their queue rests.
    let settleFailed (failed: OrderedMessage[]) result =
        backgroundTask {
            let left = ResizeArray<OrderedMessage>()
            let mutable rest = TimeSpan.Zero

            for message in failed do
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

            return struct (List.ofSeq left, rest)
        }

    /// Has a handler work on the first messages of a queue. True: the queue may go on at once.
    let handle (pool: HandlerPool) (run: HandlerWorker) (ordered: OrderedQueue) taken (first: OrderedMessage[]) =
        backgroundTask {
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
            call.Counted(run.Result, messages.Length)

            // Whoever has the queue now has these messages as well; after a move they come again, or are not wanted.
            if not (queue.IsCurrent first[0].Batch) then
                return not queue.IsClosed
            else
                match run.Result with
                | ConsumeResult.Success ->
                    for message in first do
                        queue.Finish(message.Batch, message.Index)

                    ordered.Replace(taken, first.Length, [])
                    return true
                | failed ->
                    let! struct (left, rest) = settleFailed first failed
                    ordered.Replace(taken, first.Length, left)

                    if rest > TimeSpan.Zero then
                        Supervised.run log queue.Ending (fun () -> suspend pool ordered rest)
                        return false
                    else
                        return true
        }

    /// Works on a queue until it has nothing more, may not go on, or has had its turn.
    let workOn (pool: HandlerPool) (run: HandlerWorker) (ordered: OrderedQueue) : Task =
        backgroundTask {
            let queue = ordered.Queue
            let began = clock.GetTimestamp()
            let mutable continues = true

            while continues do
                do! pool.WhenPlaced

                if pool.IsPaused || clock.GetElapsedTime began > turn then
                    pool.Add ordered
                    continues <- false
                elif not (mayConsume queue) then
                    ordered.Rest()
                    // It may have become possible in between, with no event to notice it by.
                    continues <- mayConsume queue && ordered.Wake()
                else
                    let struct (taken, first) = ordered.First call.BatchSize

                    if first.Length = 0 then
                        continues <- false
                    elif not (queue.TryBegin(first[0].Batch, first.Length)) then
                        // Moved just now: what comes after the move is next.
                        continues <- not queue.IsLeft
                    else
                        let! mayContinue = handle pool run ordered taken first
                        queue.End first.Length
                        continues <- mayContinue
        }

    override pool.Handle(run: HandlerWorker) : Task =
        backgroundTask {
            while pool.Take run do
                match run.Work with
                | :? OrderedQueue as ordered -> do! workOn pool run ordered
                | _ -> ()
        }

    interface IHandlerDispatcher with
        member pool.Pool = pool

        member pool.Dispatch batch =
            let ordered = queues.GetValue(batch.Queue, (fun queue -> OrderedQueue queue))

            if ordered.Add batch then
                pool.Add ordered

        member _.Drop queue =
            match queues.TryGetValue queue with
            | true, ordered -> ordered.Clear()
            | _ -> ()

        /// A queue that rested because it might not be consumed may go on.
        member pool.Resume queue =
            match queues.TryGetValue queue with
            | true, ordered when ordered.Wake() -> pool.Add ordered
            | _ -> ()

        member pool.CancelHandlers queue = call.CancelAll(pool, queue)

        // The pull that failed has been logged.
        member _.Refused _ = ()

        /// A queue must not go past a message, so its handler is waited for.
        member _.Abandon(_, _) = Task.CompletedTask
