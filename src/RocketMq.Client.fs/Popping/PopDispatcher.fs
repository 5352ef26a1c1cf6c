namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Messages for one handler, one after the other: one message or, in order, those of one queue.
[<Sealed>]
type internal PopWork(messages: (int64 * PopTicket) list) =
    /// Those that are not settled. A handler works on the first.
    member val Left = messages with get, set

    interface IHandlerWork with
        member _.Take() = WorkPart.Only

/// Has handlers work on messages that were popped.
[<Sealed>]
type internal PopDispatcher
    (
        settings: HandlerSettings,
        isOrderly: bool,
        // Closed while nothing is to be popped and no handler is to begin.
        paused: PauseGate,
        call: HandlerCall,
        counts: ConsumerCounts,
        acks: PopAckAgent,
        client: PopClient
    ) =
    inherit HandlerPool(settings.Group, settings.Concurrency, settings.Remoting.Logger)

    /// How soon a message is redelivered that was not handled, through no fault of its own.
    static let returnMillis = 1_000L

    let log = settings.Remoting.Logger

    /// Closed while each handler has taken too long: what is popped then would wait for an unknown time.
    let gate = PauseGate()

    let redeliver (time: TimeSpan) = Redeliver(int64 time.TotalMilliseconds)

    let retry (ticket: PopTicket) : PopVerdict =
        if isOrderly then
            redeliver PopRetry.orderlyDelay
        else
            redeliver (PopRetry.delay ticket.Popped.Message.ReconsumeTimes)

    let verdictOf (ticket: PopTicket) (result: ConsumeResult) : PopVerdict =
        match result with
        | ConsumeResult.Success -> IsDone
        | ConsumeResult.Retry -> retry ticket
        | ConsumeResult.RetryAfter time -> redeliver (max TimeSpan.Zero time)
        | ConsumeResult.RetryAtLevel level when level < 1 -> retry ticket
        | ConsumeResult.RetryAtLevel level -> redeliver (DelayLevels.timeOf level)
        | ConsumeResult.DeadLetter ->
            PopLog.noDeadLetters log settings.Group ticket.MessageId
            retry ticket

    let placeOf (ticket: PopTicket) : MessageQueue =
        {
            Topic = ticket.Popped.Message.Topic
            BrokerName = ticket.Popped.Receipt.BrokerName
            QueueId = ticket.Popped.Receipt.QueueId
        }

    let settle verdict messages =
        for id, _ in messages do
            acks.Handled(id, verdict)

    /// One call of the handler. Nothing if it was given up while it lasted: its message has been nacked then.
    let handleOne (run: HandlerWorker) (ticket: PopTicket) (messages: StoredMessage[]) index =
        backgroundTask {
            run.Result <- ConsumeResult.Retry
            call.Prepare(run, placeOf ticket, messages, index)

            if ticket.Begin run then
                call.Cancel(run, run.Stamp)

            try
                let! returned = call.Invoke(run, messages, index)
                run.Result <- call.Returned(run, returned)
            with error ->
                call.Threw(run, messages[index], error)

            ticket.End()

            if run.End() then
                gate.Open()
                call.Counted(run, 1)
                return ValueSome(verdictOf ticket run.Result)
            else
                return ValueNone
        }

    /// Inner messages have one receipt: the first that is redelivered has all of them redelivered.
    let handle (pool: HandlerPool) (run: HandlerWorker) (ticket: PopTicket) : Task<PopVerdict voption> =
        backgroundTask {
            let messages = client.Messages ticket.Popped
            let mutable verdict = ValueSome IsDone
            let mutable index = 0

            while index < messages.Length && verdict = ValueSome IsDone do
                do! pool.WhenPlaced
                let! next = handleOne run ticket messages index
                verdict <- next
                index <- index + 1

            return verdict
        }

    /// One after the other. What is behind a message that is redelivered is redelivered with it, or would overtake it.
    let handleAll (pool: HandlerPool) (run: HandlerWorker) (work: PopWork) : Task =
        backgroundTask {
            let mutable continues = true

            while continues do
                match work.Left with
                | [] -> continues <- false
                | (id, ticket) :: rest ->
                    if pool.IsClosed || not (acks.IsInFlight id) then
                        settle (Redeliver returnMillis) work.Left
                        continues <- false
                    else
                        match! handle pool run ticket with
                        | ValueNone -> continues <- false
                        | ValueSome verdict ->
                            work.Left <- rest
                            acks.Handled(id, verdict)

                            if verdict <> IsDone then
                                settle verdict rest
                                continues <- false
        }

    let queueOf (_: int64, ticket: PopTicket) =
        let receipt = ticket.Popped.Receipt
        receipt.BrokerName, receipt.QueueId

    override pool.Handle(run: HandlerWorker) : Task =
        backgroundTask {
            while pool.Take run do
                match run.Work with
                | :? PopWork as work -> do! handleAll pool run work
                | _ -> ()
        }

    /// Ends when a handler may become free, as far as is known.
    member _.WhenFree(cancellation: CancellationToken) : Task =
        if paused.IsOpen then
            gate.WhenOpen cancellation
        else
            backgroundTask {
                do! paused.WhenOpen cancellation
                do! gate.WhenOpen cancellation
            }

    /// Takes messages of one pop. Those of a pop that was sent before all handlers took too long go back at once.
    member pool.Dispatch(messages: (int64 * PopTicket) list) =
        if not gate.IsOpen then
            settle (Redeliver returnMillis) messages
        elif isOrderly then
            for _, messages in List.groupBy queueOf messages do
                pool.Add(PopWork messages)
        else
            for message in messages do
                pool.Add(PopWork [ message ])

    /// Whether all handlers have taken too long. While they have, nothing more is popped, and what waits for one of them goes
    /// back, for other members.
    member pool.AllAreOverdue(areAll: bool) =
        if areAll then
            gate.Close()

            for waiting in pool.TakeBack() do
                match waiting with
                | :? PopWork as work -> settle (Redeliver returnMillis) work.Left
                | _ -> ()
        else
            gate.Open()

    /// No handler begins any more, and those at work are told to end. What is in flight goes back.
    member pool.End() =
        pool.Close()
        call.CancelAll pool
        acks.SendBack returnMillis

    /// Ends when nothing is in flight any more. What still is when the drain is over goes back, which may take as long as a request.
    member pool.WhenDrained(drain: Drain) : Task =
        backgroundTask {
            let! isIdle = acks.WaitUntilIdle drain

            if not isIdle then
                pool.End()

                let! (_: bool) =
                    acks.WaitUntilIdle(Drain(client.Options.RequestTimeout, client.Options.Ports.Clock))

                ()
        }

    interface IHandlers with
        member pool.Pool = pool

        /// Another handler takes the place of one that does not return; its message, and in order those behind it, are redelivered.
        member pool.Abandon(run, stamp) =
            match run.Work with
            | :? PopWork as work when pool.Abandon(run, stamp) ->
                counts.Abandoned()

                match work.Left with
                | (_, ticket) :: _ -> settle (retry ticket) work.Left
                | [] -> ()
            | _ -> ()

            Task.CompletedTask
