namespace RocketMq.Protocol

open System
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks

/// Runs an application's handler, so many at a time.
[<Sealed>]
type internal PopHandling
    (
        options: PopConsumerOptions,
        handler: PopHandler,
        keeper: PopKeeper,
        client: PopClient,
        tracing: ConsumeTracing option
    ) =
    let log = client.Options.Logger

    /// Cancelled when handlers must end.
    let giveUp = new CancellationTokenSource()

    /// Each a message or, in order, messages of one queue. Bounded by what the keeper holds.
    let work = Channel.CreateUnbounded<(int64 * PopTicket) list>()

    let idOf (message: StoredMessage) =
        Properties.tryFind PropertyName.uniqueKey message.Properties
        |> ValueOption.defaultWith (fun () -> message.OffsetId)

    let comesAgain (time: TimeSpan) =
        ComesAgain(int64 time.TotalMilliseconds)

    let retry (ticket: PopTicket) : PopVerdict =
        if options.IsOrderly then
            comesAgain PopRetry.orderlyDelay
        else
            comesAgain (PopRetry.delay ticket.Popped.Message.ReconsumeTimes)

    let verdictOf (ticket: PopTicket) (result: ConsumeResult) : PopVerdict =
        match result with
        | ConsumeResult.Success -> IsDone
        | ConsumeResult.Retry -> retry ticket
        | ConsumeResult.RetryAfter time -> comesAgain (max TimeSpan.Zero time)
        | ConsumeResult.RetryAtLevel level when level < 1 -> retry ticket
        | ConsumeResult.RetryAtLevel level -> comesAgain (DelayLevels.timeOf level)
        | ConsumeResult.DeadLetter ->
            PopLog.noDeadLetters log options.Membership.Group (idOf ticket.Popped.Message)
            retry ticket

    let traceBegin (message: StoredMessage) : TracedCall | null =
        match tracing with
        | Some tracing -> tracing.Begin(ReadOnlySpan [| message |])
        | None -> null

    let traceEnd call isSuccess result =
        tracing |> Option.iter (fun tracing -> tracing.End(call, isSuccess, result))

    let handle (ticket: PopTicket) (received: ReceivedMessage) (cancellation: CancellationToken) : Task<PopVerdict> =
        backgroundTask {
            let traced = traceBegin received.Message

            try
                let! result = PopHandling.Call(handler, received, cancellation)
                let isSuccess = (ConsumeResult.checkedOf result = ConsumeResult.Success)
                traceEnd traced isSuccess (if isSuccess then ConsumeSuccess else ConsumeFailed)
                return verdictOf ticket result
            with
            | _ when giveUp.IsCancellationRequested ->
                traceEnd traced false ConsumeException
                return ComesAgain PopHandling.ReturnMillis
            | error ->
                traceEnd traced false ConsumeException
                PopLog.handlerFailed log (idOf received.Message) error
                return retry ticket
        }

    /// Inner messages have one receipt: the first that comes again has all of them come again.
    let rec handleInner (ticket: PopTicket) (messages: ReceivedMessage list) cancellation : Task<PopVerdict> =
        backgroundTask {
            match messages with
            | [] -> return IsDone
            | [ last ] -> return! handle ticket last cancellation
            | first :: rest ->
                match! handle ticket first cancellation with
                | IsDone -> return! handleInner ticket rest cancellation
                | comesAgain -> return comesAgain
        }

    let run (ticket: PopTicket) : Task<PopVerdict> =
        backgroundTask {
            use either =
                CancellationTokenSource.CreateLinkedTokenSource(ticket.Lost, giveUp.Token)

            return! handleInner ticket (client.Received ticket.Popped) either.Token
        }

    /// One after the other. What stands behind a message that comes again comes again with it, or would overtake it.
    let rec handleAll (messages: (int64 * PopTicket) list) : Task =
        backgroundTask {
            match messages with
            | [] -> ()
            | (id, ticket) :: rest ->
                if not (keeper.Holds id) || giveUp.IsCancellationRequested then
                    putOff (ComesAgain PopHandling.ReturnMillis) messages
                else
                    let! verdict = run ticket
                    keeper.Handled(id, verdict)

                    match verdict with
                    | IsDone -> do! handleAll rest
                    | ComesAgain _ -> putOff verdict rest
        }

    and putOff verdict messages =
        for id, _ in messages do
            keeper.Handled(id, verdict)

    let worker () : Task =
        backgroundTask {
            let mutable isOpen = true

            while isOpen do
                match! work.Reader.WaitToReadAsync() with
                | false -> isOpen <- false
                | true ->
                    match work.Reader.TryRead() with
                    | true, messages -> do! handleAll messages
                    | _ -> ()
        }

    let workers = [ for _ in 1 .. options.Concurrency -> worker () ]

    let queueOf (_: int64, ticket: PopTicket) =
        let receipt = ticket.Popped.Receipt
        receipt.BrokerName, receipt.QueueId

    static member private Call(handler: PopHandler, received, cancellation) : Task<ConsumeResult> =
        let handling = handler received cancellation

        match box handling with
        | null -> invalidOp "The handler returned null instead of a task."
        | _ -> handling

    /// How soon a message comes again that was not handled, through no fault of its own.
    static member ReturnMillis = 1_000L

    /// Takes messages of one pop.
    member _.Enqueue(messages: (int64 * PopTicket) list) =
        if options.IsOrderly then
            for _, messages in List.groupBy queueOf messages do
                work.Writer.TryWrite messages |> ignore
        else
            for message in messages do
                work.Writer.TryWrite [ message ] |> ignore

    /// Tells handlers to end.
    member _.GiveUp() = giveUp.Cancel()

    /// Ends when all handlers have, or with the limit.
    member _.Close(limit: TimeSpan) : Task =
        backgroundTask {
            work.Writer.TryComplete() |> ignore

            try
                do! (Task.WhenAll workers).WaitAsync(limit, client.Options.Ports.Clock)
            with :? TimeoutException ->
                ()
        }
