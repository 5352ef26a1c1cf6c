namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open RocketMq.Protocol

/// Handlers at work, whatever they work on.
type internal IHandlers =
    abstract Pool: HandlerPool
    /// A call of a handler, by its stamp, has not returned although its token has been cancelled for some time.
    abstract Abandon: run: HandlerWorker * stamp: int64 -> Task

/// Has handlers work on the messages of queues.
type internal IHandlerDispatcher =
    inherit IMessageDispatcher
    inherit IHandlers

/// What calls of a handler go by.
type internal HandlerSettings =
    {
        Group: string
        /// How many handlers work at a time.
        Concurrency: int
        /// The most messages for one call of a `Batches` handler.
        BatchSize: int
        /// When a handler is told to end.
        ConsumeTimeout: TimeSpan
        MaxDecompressedBodySize: int
        Codecs: BodyCodecs
        Remoting: RemotingOptions
    }

module internal HandlerSettings =
    let ofPush (options: PushConsumerOptions) : HandlerSettings =
        {
            Group = options.Consumer.Group
            Concurrency = options.Concurrency
            BatchSize = options.BatchSize
            ConsumeTimeout = options.ConsumeTimeout
            MaxDecompressedBodySize = options.Consumer.MaxDecompressedBodySize
            Codecs = options.Consumer.Client.Codecs
            Remoting = options.Consumer.Client.Remoting
        }

module internal HandlerCancellation =
    /// Tells a call of a handler to end. The callbacks of its token are the application's: they may throw or block, and nothing
    /// here waits for them.
    let request (log: ILogger) (group: string) (run: HandlerWorker) (stamp: int64) : unit =
        Supervised.run log CancellationToken.None (fun () ->
            backgroundTask {
                try
                    do! run.Cancel stamp
                with error ->
                    ConsumerLog.callbackFailed log group error
            })

/// Calls the application's handler.
[<Sealed>]
type internal HandlerInvoker(settings: HandlerSettings, handler: ConsumeHandler) =
    let receive (message: StoredMessage) : ReceivedMessage =
        ReceivedMessage.Decode(settings.Codecs, settings.MaxDecompressedBodySize, message)

    let receiveAll (messages: StoredMessage[]) first count =
        Array.init count (fun index -> receive messages[first + index])

    /// The most messages for one call.
    member _.BatchSize =
        match handler with
        | ConsumeHandler.EachMessage _ -> 1
        | ConsumeHandler.Batches _
        | ConsumeHandler.BatchesWithVerdicts _ -> settings.BatchSize

    /// Notes the verdicts for who settles them. What they come to together: the first that is none of success.
    member private _.Verdicts
        (run: HandlerWorker | null, handling: ValueTask<ConsumeResult[]>, count: int)
        : ValueTask<ConsumeResult> =
        ValueTask<ConsumeResult>(
            backgroundTask {
                let! verdicts = handling

                match box verdicts with
                | null -> return invalidOp "The handler returned null instead of a result for each message."
                | _ when verdicts.Length <> count ->
                    return invalidOp (invariant $"The handler returned {verdicts.Length} results for {count} messages.")
                | _ ->
                    let verdicts = verdicts |> Array.map ConsumeResult.checkedOf

                    match run with
                    | null -> ()
                    | run -> run.Verdicts <- verdicts

                    return
                        verdicts
                        |> Array.tryFind (fun verdict -> verdict <> ConsumeResult.Success)
                        |> Option.defaultValue ConsumeResult.Success
            }
        )

    member private invoker.Call
        (run: HandlerWorker | null, messages: StoredMessage[], first: int, count: int, cancellation: CancellationToken)
        : ValueTask<ConsumeResult> =
        match handler with
        | ConsumeHandler.EachMessage handle -> handle (receive messages[first]) cancellation
        | ConsumeHandler.Batches handle -> handle (receiveAll messages first count) cancellation
        | ConsumeHandler.BatchesWithVerdicts handle ->
            invoker.Verdicts(run, handle (receiveAll messages first count) cancellation, count)

    /// What the handler throws by itself, it throws here.
    member invoker.Invoke
        (messages: StoredMessage[], first: int, count: int, cancellation: CancellationToken)
        : ValueTask<ConsumeResult> =
        invoker.Call(null, messages, first, count, cancellation)

    /// The same for a run, which knows that its thread is held meanwhile.
    member invoker.InvokeFor
        (run: HandlerWorker, messages: StoredMessage[], first: int, count: int)
        : ValueTask<ConsumeResult> =
        run.Verdicts <- [||]
        run.Entered()

        try
            invoker.Call(run, messages, first, count, run.Token)
        finally
            run.Left()

/// Counts and traces the calls of a handler.
[<Sealed>]
type internal HandlerCall
    (
        settings: HandlerSettings,
        invoker: HandlerInvoker,
        counts: ConsumerCounts,
        tracing: ConsumeTracing option,
        telemetry: ConsumerTelemetry
    ) =
    let clock = settings.Remoting.Ports.Clock
    let log = settings.Remoting.Logger

    let cancel = HandlerCancellation.request log settings.Group

    let traceBegin (run: HandlerWorker) (messages: StoredMessage[]) first count =
        match tracing with
        | Some tracing -> run.Trace <- tracing.Begin(ReadOnlySpan(messages, first, count))
        | None -> ()

    /// The handler is called next.
    let observeBegin (run: HandlerWorker) (messages: StoredMessage[]) first count =
        if MessageTelemetry.areHandlersObserved () then
            run.Observe(telemetry.Begin(ReadOnlySpan(messages, first, count), run.Started))

    let cancelWhere (isMeant: HandlerWorker -> bool) (pool: HandlerPool) =
        for run in pool.Running do
            let stamp = run.Stamp

            if stamp <> 0L && isMeant run then
                cancel run stamp

    let isOverdue (run: HandlerWorker) =
        clock.GetElapsedTime run.Started >= settings.ConsumeTimeout

    /// The most messages for one call.
    member _.BatchSize = invoker.BatchSize

    /// Begins a call of a run with messages; what it throws by itself it throws here.
    member _.Begin
        (run: HandlerWorker, queue: ProcessQueue, messages: StoredMessage[], first: int, count: int)
        : ValueTask<ConsumeResult> =
        run.Begin(queue, clock.GetTimestamp())
        traceBegin run messages first count
        observeBegin run messages first count
        invoker.InvokeFor(run, messages, first, count)

    /// Begins a call with a message that was popped, without the handler yet: the call can be told to end before it.
    member _.Prepare(run: HandlerWorker, from: MessageQueue, messages: StoredMessage[], index: int) =
        run.Begin(from, clock.GetTimestamp())
        traceBegin run messages index 1

    /// The handler's part of a call that was prepared; what it throws by itself it throws here.
    member _.Invoke(run: HandlerWorker, messages: StoredMessage[], index: int) : ValueTask<ConsumeResult> =
        observeBegin run messages index 1
        invoker.InvokeFor(run, messages, index, 1)

    /// The handler has returned, whether anybody still waits for it or not. What it said; an exception if that was nothing.
    member _.Returned(run: HandlerWorker, result: ConsumeResult) : ConsumeResult =
        let result = ConsumeResult.checkedOf result

        match run.TakeObserved() with
        | null -> ()
        | observed -> telemetry.Returned(observed, result)

        match tracing with
        | None -> ()
        | Some tracing ->
            match result with
            | ConsumeResult.Success when isOverdue run -> tracing.End(run.Trace, true, ConsumeTimedOut)
            | ConsumeResult.Success -> tracing.End(run.Trace, true, ConsumeSuccess)
            | _ when isOverdue run -> tracing.End(run.Trace, false, ConsumeTimedOut)
            | _ -> tracing.End(run.Trace, false, ConsumeFailed)

        result

    member _.Threw(run: HandlerWorker, message: StoredMessage, error: exn) =
        match run.TakeObserved() with
        | null -> ()
        | observed -> telemetry.Threw(observed, error)

        tracing
        |> Option.iter (fun tracing -> tracing.End(run.Trace, false, ConsumeException))

        ConsumerLog.consumeFailed log settings.Group message.Topic message.QueueId message.QueueOffset error

    /// Tells the handlers that work on a queue to end.
    member _.CancelAll(pool: HandlerPool, queue: ProcessQueue) =
        cancelWhere (fun run -> Object.ReferenceEquals(run.Queue, queue)) pool

    /// Tells all handlers to end.
    member _.CancelAll(pool: HandlerPool) = cancelWhere (fun _ -> true) pool

    /// Tells the handler of one call to end.
    member _.Cancel(run: HandlerWorker, stamp: int64) = cancel run stamp

    member _.Counted(run: HandlerWorker, count: int) =
        match run.Verdicts, run.Result with
        | [||], ConsumeResult.Success -> counts.Consumed count
        | [||], _ -> counts.Failed count
        | verdicts, _ ->
            let mutable consumed = 0

            for verdict in verdicts do
                if verdict = ConsumeResult.Success then
                    consumed <- consumed + 1

            counts.Consumed consumed
            counts.Failed(count - consumed)
