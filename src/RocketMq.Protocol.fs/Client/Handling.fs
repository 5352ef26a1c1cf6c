namespace RocketMq.Protocol

open System
open System.Threading
open System.Threading.Tasks

/// Has handlers work on messages.
type internal IHandling =
    inherit IMessageDispatcher
    abstract Pool: HandlerPool
    /// A call of a handler, by its stamp, has not returned although its token has been cancelled for some time.
    abstract GiveUp: run: HandlerRun * stamp: int64 -> Task

/// Calls the application's handler.
[<Sealed>]
type internal HandlerInvoker(options: PushConsumerOptions, handler: ConsumeHandler) =
    let receive (message: StoredMessage) : ReceivedMessage =
        {
            Message = message
            Body = MessageBody.decodeWith options.Codecs options.InflatedLimit message
        }

    let receiveAll (messages: StoredMessage[]) first count =
        Array.init count (fun index -> receive messages[first + index])

    /// The most messages for one call.
    member _.BatchSize =
        match handler with
        | EachMessage _ -> 1
        | Batches _ -> options.BatchSize

    /// What the handler throws by itself, it throws here.
    member _.Invoke
        (messages: StoredMessage[], first: int, count: int, cancellation: CancellationToken)
        : ValueTask<ConsumeResult> =
        match handler with
        | EachMessage handle -> handle (receive messages[first]) cancellation
        | Batches handle -> handle (receiveAll messages first count) cancellation

/// Counts and traces the calls of a handler that works on queues.
[<Sealed>]
type internal HandlerCall
    (options: PushConsumerOptions, invoker: HandlerInvoker, counts: ConsumerCounts, tracing: ConsumeTracing option) =
    let clock = options.Remoting.Ports.Clock
    let log = options.Remoting.Logger

    /// The callbacks of a token are the application's: they may throw or block, and nothing here waits for them.
    let cancel (run: HandlerRun) (stamp: int64) =
        Supervised.run log CancellationToken.None (fun () ->
            backgroundTask {
                try
                    do! run.Cancel stamp
                with error ->
                    ConsumerLog.callbackFailed log options.Group error
            })

    let isOverdue (run: HandlerRun) =
        clock.GetElapsedTime run.Started >= options.ConsumeTimeout

    /// The most messages for one call.
    member _.BatchSize = invoker.BatchSize

    /// Begins a call of a run with messages; what it throws by itself it throws here.
    member _.Begin
        (run: HandlerRun, queue: ProcessQueue, messages: StoredMessage[], first: int, count: int)
        : ValueTask<ConsumeResult> =
        run.Begin(queue, clock.GetTimestamp())

        match tracing with
        | Some tracing -> run.Trace <- tracing.Begin(ReadOnlySpan(messages, first, count))
        | None -> ()

        invoker.Invoke(messages, first, count, run.Token)

    /// The handler has returned, whether anybody still waits for it or not. What it said; an exception if that was nothing.
    member _.Returned(run: HandlerRun, result: ConsumeResult) : ConsumeResult =
        let result = ConsumeResult.checkedOf result

        match tracing with
        | None -> ()
        | Some tracing ->
            match result with
            | ConsumeResult.Success when isOverdue run -> tracing.End(run.Trace, true, ConsumeTimedOut)
            | ConsumeResult.Success -> tracing.End(run.Trace, true, ConsumeSuccess)
            | _ when isOverdue run -> tracing.End(run.Trace, false, ConsumeTimedOut)
            | _ -> tracing.End(run.Trace, false, ConsumeFailed)

        result

    member _.Threw(run: HandlerRun, message: StoredMessage, error: exn) =
        tracing
        |> Option.iter (fun tracing -> tracing.End(run.Trace, false, ConsumeException))

        ConsumerLog.consumeFailed log options.Group message.Topic message.QueueId message.QueueOffset error

    /// Tells the handlers that work on a queue to end.
    member _.CancelAll(pool: HandlerPool, queue: ProcessQueue) =
        for run in pool.Running do
            let stamp = run.Stamp

            if stamp <> 0L && Object.ReferenceEquals(run.Queue, queue) then
                cancel run stamp

    /// Tells the handler of one call to end.
    member _.Cancel(run: HandlerRun, stamp: int64) = cancel run stamp

    member _.Counted(result: ConsumeResult, count: int) =
        match result with
        | ConsumeResult.Success -> counts.Consumed count
        | _ -> counts.Failed count
