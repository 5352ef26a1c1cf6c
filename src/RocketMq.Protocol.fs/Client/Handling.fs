namespace RocketMq.Protocol

open System
open System.Threading
open System.Threading.Tasks

/// How a consumer's handlers come to their messages.
type internal IHandling =
    /// Takes what a pull brought.
    abstract Hand: PulledMessages -> unit
    abstract Pool: HandlerPool
    /// A call of a handler, by its stamp, has not returned although its token has been cancelled for some time.
    abstract GiveUp: run: HandlerRun * stamp: int64 -> Task

/// Calls the application's handler.
[<Sealed>]
type internal HandlerCall
    (options: PushConsumerOptions, handler: ConsumeHandler, counts: ConsumerCounts, tracing: ConsumeTracing option) =
    let clock = options.Remoting.Ports.Clock
    let log = options.Remoting.Logger

    let receive (message: StoredMessage) : ReceivedMessage =
        {
            Message = message
            Body = MessageBody.decodeWith options.Codecs options.InflatedLimit message
        }

    let receiveAll (messages: StoredMessage[]) first count =
        Array.init count (fun index -> receive messages[first + index])

    let isOverdue (run: HandlerRun) =
        clock.GetElapsedTime run.Started >= options.ConsumeTimeout

    /// The most messages for one call.
    member _.BatchSize =
        match handler with
        | EachMessage _ -> 1
        | Batches _ -> options.BatchSize

    /// Begins a call of a run with messages; what it throws by itself it throws here.
    member _.Begin
        (run: HandlerRun, queue: ProcessQueue, messages: StoredMessage[], first: int, count: int)
        : ValueTask<ConsumeResult> =
        run.Begin(queue, clock.GetTimestamp())

        match tracing with
        | Some tracing -> run.Trace <- tracing.Begin(ReadOnlySpan(messages, first, count))
        | None -> ()

        match handler with
        | EachMessage handle -> handle (receive messages[first]) run.Token
        | Batches handle -> handle (receiveAll messages first count) run.Token

    /// Handles one message by itself, outside of any queue.
    member _.Once(message: StoredMessage) : Task<DirectOutcome * string option> =
        backgroundTask {
            try
                let! result =
                    match handler with
                    | EachMessage handle -> handle (receive message) CancellationToken.None
                    | Batches handle -> handle [| receive message |] CancellationToken.None

                match ConsumeResult.checkedOf result with
                | ConsumeResult.Success -> return Succeeded, None
                | _ -> return ToBeRetried, None
            with error ->
                return Threw, Some $"{error.GetType().Name}: {error.Message}"
        }

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

        Log.consumeFailed log options.Group message.Topic message.QueueId message.QueueOffset error

    member _.Counted(result: ConsumeResult, count: int) =
        match result with
        | ConsumeResult.Success -> counts.Consumed count
        | _ -> counts.Failed count
