namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open RocketMq.Protocol

/// A message that waits for others, and its caller. `ended` is called once, when its batch has been sent.
[<Sealed>]
type internal Gathered(message: Message, uniqueId: PackedId, ended: unit -> unit) =
    inherit TaskCompletionSource<Result<SendReceipt, RemotingError>>(TaskCreationOptions.RunContinuationsAsynchronously)
    member _.Message = message
    member _.UniqueId = uniqueId

    member gathered.End(result: Result<SendReceipt, RemotingError>) : unit =
        if gathered.TrySetResult result then
            ended ()

/// Gathers messages and has each batch sent when it is full or its time has come; each caller gets a receipt of its own.
[<Sealed>]
type internal ProducerBatcher
    (
        limits: BatchingLimits,
        clock: TimeProvider,
        log: ILogger,
        send: BatchTarget -> Gathered[] -> Task<Result<SendReceipt, RemotingError>>
    ) =
    let gate = obj ()
    let accumulator = BatchAccumulator<Gathered> limits
    let started = clock.GetTimestamp()

    let nowMillis () =
        int64 (clock.GetElapsedTime(started).TotalMilliseconds)

    let trySend target (tickets: Gathered[]) : Task<Result<SendReceipt, RemotingError>> =
        backgroundTask {
            try
                return! send target tickets
            with error ->
                return Error(RemotingError.Unexpected("Sending a batch", error))
        }

    /// A batch that was refused for what may be wrong with one message is sent in halves, until that one is alone.
    let rec run target (tickets: Gathered[]) : Task =
        backgroundTask {
            match! trySend target tickets with
            | Error error when tickets.Length > 1 && SendRetry.mayBePartsFault error ->
                let half = tickets.Length / 2
                do! Task.WhenAll(run target tickets[.. half - 1], run target tickets[half..])
            | Error error ->
                for gathered in tickets do
                    gathered.End(Error error)
            | Ok receipt ->
                let receipts = BatchReceipt.split (tickets |> Array.map _.UniqueId) receipt

                for index in 0 .. tickets.Length - 1 do
                    tickets[index].End(Ok receipts[index])
        }

    /// Then nothing waits any more. Only under the gate.
    let mutable isEnding = false

    let mutable timer: ITimer | null = null

    /// Only under the gate.
    let setAlarm () =
        match timer, accumulator.NextDeadline with
        | NonNull timer, ValueSome deadline ->
            let wait = TimeSpan.FromMilliseconds(float (max 0L (deadline - nowMillis ())))
            timer.Change(wait, Timeout.InfiniteTimeSpan) |> ignore<bool>
        | _ -> ()

    /// Has batches sent and, once those who come at the same time have had their turn, looks at the one that is deferred.
    let rec proceed (batches: ReadyBatch<Gathered> list) (deferred: BatchTarget voption) =
        for batch in batches do
            Supervised.run log CancellationToken.None (fun () -> runWhole batch)

        match deferred with
        | ValueSome target -> Supervised.run log CancellationToken.None (fun () -> look target)
        | ValueNone -> ()

    and look (target: BatchTarget) : Task =
        backgroundTask {
            let mutable seen = 0
            let mutable isDeferred = true

            while isDeferred do
                do! Task.Yield()

                match lock gate (fun () -> accumulator.Look(target, seen)) with
                | DeferredBatch.Grows count -> seen <- count
                | DeferredBatch.Ready batch ->
                    isDeferred <- false
                    proceed [ batch ] ValueNone
                | DeferredBatch.Gone -> isDeferred <- false
        }

    and runWhole (batch: ReadyBatch<Gathered>) : Task =
        backgroundTask {
            try
                do! run batch.Target batch.Tickets
            finally
                let struct (batches, deferred) =
                    lock gate (fun () -> struct (accumulator.Ended batch.Target, accumulator.TakeDeferred()))

                proceed batches deferred
        }

    let runAll batches = proceed batches ValueNone

    let tick () =
        let due =
            lock gate (fun () ->
                let due = accumulator.Tick(nowMillis ())
                setAlarm ()
                due)

        runAll due

    do timer <- clock.CreateTimer((fun _ -> tick ()), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan)

    /// Takes a message that has its id. `queue` if it has been chosen.
    member _.Add(gathered: Gathered, queue: MessageQueue voption, isCompressed: bool) =
        let message = gathered.Message

        let struct (batches, deferred) =
            lock gate (fun () ->
                let before = accumulator.NextDeadline

                let batches =
                    accumulator.Add(
                        { Topic = message.Topic; Queue = queue },
                        Batchability.ofMessage isCompressed message,
                        gathered,
                        BatchCodec.recordBytes message,
                        nowMillis ()
                    )

                if isEnding then
                    struct (batches @ accumulator.Flush(), ValueNone)
                else
                    if accumulator.NextDeadline <> before then
                        setAlarm ()

                    struct (batches, accumulator.TakeDeferred()))

        proceed batches deferred

    /// Has everything sent that waits, and at once what is added later: sends that had begun before the producer was closed
    /// may come here after this.
    member _.End() =
        lock gate (fun () ->
            isEnding <- true
            accumulator.Flush())
        |> runAll

    interface IDisposable with
        member _.Dispose() =
            match timer with
            | null -> ()
            | timer -> timer.Dispose()
