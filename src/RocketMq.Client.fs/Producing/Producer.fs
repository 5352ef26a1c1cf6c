namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Sends messages. Safe to use from any thread; one for each group of a process is enough.
[<Sealed>]
type Producer
    internal
    (
        options: ProducerOptions,
        instance: ClientInstance,
        check: (TransactionQuestion -> Task) option,
        watch: (Attempt -> unit) option
    ) =
    let clock = options.Client.Remoting.Ports.Clock
    let group = Namespaced.wrap options.Client.Namespace options.Group

    let outcomes = SendOutcomes clock

    let participant =
        Participant(
            Produces
                {
                    Group = group
                    Outcomes = outcomes
                    Check = check
                }
        )

    let uniqueIds = UniqueIds clock

    let tracing =
        options.TraceTopic
        |> Option.map (fun topic ->
            Tracing.Start(topic, options, group, "PRODUCE", uniqueIds, instance.Clients, instance.Routes))

    /// Who is told of each attempt to send.
    let watch =
        match tracing, watch with
        | None, watch -> watch
        | Some tracing, None -> Some(fun attempt -> tracing.Sent(group, attempt))
        | Some tracing, Some watch ->
            Some(fun attempt ->
                tracing.Sent(group, attempt)
                watch attempt)

    /// What `Close` waits for.
    let sends = SendsInFlight()

    let sender =
        Sender(options, group, instance.Clients, instance.Routes, outcomes, sends, watch)

    let requests = RequestReply(options, instance, sender)
    let recalls = Recalls(options, group, sender, tracing)
    let closed = RemotingError.AlreadyClosed $"The producer of group {options.Group}"

    let identify (message: Message) =
        let id = uniqueIds.NextPacked()
        struct (OutgoingMessage.identified options id message, id)

    let sendNow prepared target cancellation =
        match prepared with
        | Error error -> Task.FromResult(Error error)
        | Ok prepared -> sender.Send(prepared, target, cancellation)

    let sendGathered (target: BatchTarget) (tickets: Gathered[]) =
        let target =
            match target.Queue with
            | ValueSome queue -> OneQueue queue
            | ValueNone -> AnyQueue

        match tickets with
        | [| single |] ->
            sendNow (OutgoingMessage.ofIdentified options single.UniqueId single.Message) target CancellationToken.None
        | tickets ->
            let batch =
                OutgoingMessage.ofBatch options [ for ticket in tickets -> ticket.Message ]

            sendNow batch target CancellationToken.None

    let batcher =
        options.Batching
        |> Option.map (fun limits -> new ProducerBatcher(limits, clock, options.Client.Remoting.Logger, sendGathered))

    /// Counts what is more than a send as long as it lasts.
    let tracked (send: unit -> Task<Result<'T, RemotingError>>) : Task<Result<'T, RemotingError>> =
        sends.Begin()

        if sends.IsClosed then
            sends.End()
            Task.FromResult(Error closed)
        else
            let sending = send ()

            sending.GetAwaiter().UnsafeOnCompleted(fun () -> sends.End())
            sending

    /// Bound once: a send makes no function.
    let endSend = fun () -> sends.End()

    let waitForBatch (gathered: Gathered) (cancellation: CancellationToken) =
        backgroundTask {
            try
                return! gathered.Task.WaitAsync cancellation
            with :? OperationCanceledException ->
                return Error(RemotingError.Cancelled(RequestCode.SendMessageV2, true))
        }

    /// The message is with the others when this returns; it counts as on its way until its batch has been sent.
    let gather (batcher: ProducerBatcher) queue (message: Message) (cancellation: CancellationToken) =
        let struct (message, id) = identify message

        match OutgoingMessage.checkIdentified message with
        | Error error -> Task.FromResult(Error(RemotingError.Invalid error))
        | Ok() ->
            sends.Begin()
            let gathered = Gathered(message, id, endSend)
            batcher.Add(gathered, queue, message.Body.Length >= options.CompressFromBytes)

            if cancellation.CanBeCanceled then
                waitForBatch gathered cancellation
            else
                gathered.Task

    /// The addresses of masters that messages go to.
    let sentTo (routed: (string * Endpoint list) list) =
        if options.UseVipChannel then
            routed
            |> List.map (fun (topic, masters) ->
                topic, masters |> List.choose (VipChannel.tryOf >> ValueOption.toOption))
        else
            routed

    let telemetry =
        SendTelemetry(
            options.Client,
            fun queue -> sender.TryBroker(Namespaced.wrap options.Client.Namespace queue.Topic, queue)
        )

    let sendChecked target (cancellation: CancellationToken) (message: Message) =
        match Message.check message with
        | Error error -> Task.FromResult(Error(RemotingError.Invalid error))
        | Ok _ when cancellation.IsCancellationRequested ->
            Task.FromResult(Error(RemotingError.Cancelled(RequestCode.SendMessageV2, false)))
        | Ok message ->
            match batcher, target with
            | Some batcher, AnyQueue -> gather batcher ValueNone message cancellation
            | Some batcher, OneQueue queue -> gather batcher (ValueSome queue) message cancellation
            | _ -> sendNow (OutgoingMessage.ofMessage options (uniqueIds.NextPacked()) message) target cancellation

    /// Whether anybody observes sends is looked up once for each.
    let sendPlain target (cancellation: CancellationToken) (message: Message) =
        if MessageTelemetry.areSendsObserved () then
            telemetry.Send(message, sendChecked target cancellation)
        else
            sendChecked target cancellation message

    let sendOneWay target (cancellation: CancellationToken) (message: Message) =
        match OutgoingMessage.ofMessage options (uniqueIds.NextPacked()) message with
        | Error error -> Task.FromResult(Error error)
        | Ok prepared -> sender.SendOneWay(prepared, target, cancellation)

    let checkAll (messages: Message list) =
        (Ok(), messages)
        ||> List.fold (fun result message ->
            result
            |> Result.bind (fun () -> Message.check message |> Result.map ignore<Message>))

    let sendBatch target cancellation (messages: Message list) =
        let identified = messages |> List.map identify
        let travelling = [ for struct (message, _) in identified -> message ]

        match
            checkAll messages
            |> Result.bind (fun () -> OutgoingMessage.checkBatch travelling)
        with
        | Error error -> Task.FromResult(Error(RemotingError.Invalid error))
        | Ok() ->
            match OutgoingMessage.ofBatch options travelling with
            | Error error -> Task.FromResult(Error error)
            | Ok prepared ->
                backgroundTask {
                    let! receipt = sender.Send(prepared, target, cancellation)

                    return
                        receipt
                        |> Result.map (fun receipt ->
                            BatchReceipt.split [| for struct (_, id) in identified -> id |] receipt
                            |> List.ofArray)
                }

    let routeOf topic cancellation =
        sender.RouteFor(Namespaced.wrap options.Client.Namespace topic, 0L, cancellation)

    /// With a client that it shares, or one of its own.
    static member internal StartWith
        (client: RocketMqClient | null, options: ProducerOptions)
        : Result<Producer, RemotingError> =
        RocketMqClient.Made(
            client,
            (fun shared -> ProducerOptions.checkWith shared options),
            _.Client,
            (fun options instance -> new Producer(options, instance, None, None))
        )
        |> Result.bind (fun producer -> producer.Join() |> Result.map (fun () -> producer))

    /// Checks the options. Nothing is connected before the first message.
    static member Start(options: ProducerOptions) : Result<Producer, RemotingError> = Producer.StartWith(null, options)

    /// As `Start`, over the connections of a client that others share too. What of the options belongs to the client is as it is
    /// there, or is not set.
    static member Start(client: RocketMqClient, options: ProducerOptions) : Result<Producer, RemotingError> =
        Producer.StartWith(client, options)

    member internal producer.Join() : Result<unit, RemotingError> =
        instance.Join(participant, producer.Stop)

    member internal _.Options = options
    member internal _.Group = group
    member internal _.Sender = sender
    member internal _.Tracing = tracing

    member internal _.Introduce(topic: string, cancellation: CancellationToken) =
        if sends.IsClosed then
            Task.FromResult(Error closed)
        else
            requests.Introduce(topic, cancellation)

    member internal _.ClientOf(endpoint: Endpoint) = instance.Clients.Get endpoint
    member internal _.Tracked(send: unit -> Task<Result<'T, RemotingError>>) = tracked send

    /// Brokers know the producer by this.
    member _.ClientId = instance.ClientId

    /// Brokers that messages avoid now, because they failed or were slow.
    member _.AvoidedBrokers: AvoidedBroker list = sender.Avoided

    /// Traces that were lost because they came too fast, or could not be stored.
    member _.DroppedTraces: int64 =
        tracing |> Option.map _.Dropped |> Option.defaultValue 0L

    /// Whether it could send now, and what became of its sends.
    member producer.Health: ProducerHealth =
        let unanswered: ClientProblem list =
            match instance.Routes.IdleState with
            | ValueSome(struct (since, reason)) ->
                [
                    {
                        What = "name servers"
                        Reason = reason
                        Since = since
                    }
                ]
            | ValueNone -> []

        {
            ClientId = instance.ClientId
            OnTheirWay = sends.Count
            AvoidedBrokers = sender.Avoided
            DroppedTraces = producer.DroppedTraces
            SinceSuccess = outcomes.SinceSuccess
            LastFailure = outcomes.LastFailure
            Problems = unanswered @ outcomes.Problems(sentTo instance.Routes.Masters)
        }

    /// The queues that a topic's messages may go to, by broker and number.
    member _.Queues(topic: string, cancellation: CancellationToken) : Task<Result<MessageQueue list, RemotingError>> =
        backgroundTask {
            if sends.IsClosed then
                return Error closed
            else
                let! view = routeOf topic cancellation

                return
                    view
                    |> Result.map (fun view ->
                        List.ofArray (SendDestinations.KnownAs(options.Client.Namespace, view.Queues)))
        }

    /// Sends a message and waits until a broker has stored it. Failed attempts are repeated at another broker where that
    /// may help; `RemotingError.outcome` tells whether the message may be stored all the same.
    member producer.Send(message: Message, cancellation: CancellationToken) : Task<Result<SendReceipt, RemotingError>> =
        producer.SendTo(AnyQueue, message, cancellation)

    /// As `Send`, to a queue that is chosen; then there is one attempt. With `Batching`, messages to one queue are gathered; those
    /// whose queue a selector chooses go at once.
    member _.SendTo
        (target: SendTarget, message: Message, cancellation: CancellationToken)
        : Task<Result<SendReceipt, RemotingError>> =
        if sends.IsClosed then
            Task.FromResult(Error closed)
        elif options.Interceptors.IsEmpty then
            sendPlain target cancellation message
        else
            tracked (fun () -> SendInterceptors.around options.Interceptors (sendPlain target cancellation) message)

    /// Sends messages of one topic as one, all or none, and gives each a receipt, in their order. Refused before anything
    /// is sent if they cannot be in a batch.
    member _.SendBatch
        (messages: Message list, target: SendTarget, cancellation: CancellationToken)
        : Task<Result<SendReceipt list, RemotingError>> =
        tracked (fun () ->
            if MessageTelemetry.areSendsObserved () then
                telemetry.SendBatch(messages, sendBatch target cancellation)
            else
                sendBatch target cancellation messages)

    /// Puts a message on its way and does not wait for the broker. It may be lost, without any error.
    member _.SendOneWay
        (message: Message, target: SendTarget, cancellation: CancellationToken)
        : Task<Result<unit, RemotingError>> =
        match Message.check message with
        | Error error -> Task.FromResult(Error(RemotingError.Invalid error))
        | Ok message ->
            tracked (fun () ->
                if MessageTelemetry.areSendsObserved () then
                    telemetry.SendOneWay(message, sendOneWay target cancellation)
                else
                    sendOneWay target cancellation message)

    /// Takes a timed message back before its time. Gives its unique id. Since 5.3.
    member _.Recall
        (topic: string, handle: string, cancellation: CancellationToken)
        : Task<Result<string, RemotingError>> =
        let recall () =
            recalls.Recall(topic, handle, cancellation)

        tracked (fun () ->
            if MessageTelemetry.areSettlementsObserved () then
                telemetry.Recall(topic, handle, recall)
            else
                recall ())

    /// Sends a request and waits for the reply of whichever consumer answers it (see `Reply.create`), until `timeout` is
    /// over: then it fails with `NoReply`.
    member _.Request
        (message: Message, timeout: TimeSpan, target: SendTarget, cancellation: CancellationToken)
        : Task<Result<StoredMessage, RemotingError>> =
        match Message.check message with
        | Error error -> Task.FromResult(Error(RemotingError.Invalid error))
        | Ok message ->
            tracked (fun () -> requests.Request(message, timeout, sendPlain target cancellation, cancellation))

    /// Takes no more messages, waits for those on their way within the options' `DrainTimeout`, unregisters from brokers and
    /// closes the connections. Messages that are still on their way then fail with an unknown outcome. Connections that it shares
    /// stay, and such messages end as they would have.
    member producer.Close() : Task = producer.Stop CancellationToken.None

    /// As `Close`, but messages on their way are waited for until the token is cancelled, whatever `DrainTimeout` says.
    member _.Stop(cancellation: CancellationToken) : Task =
        backgroundTask {
            sends.Close()
            batcher |> Option.iter _.End()
            let drain = Drain(options.DrainTimeout, clock)

            let waitForSends () : Task =
                backgroundTask {
                    let! isDrained = drain.WaitFor(sends.Drained, CancellationToken.None)

                    match tracing with
                    | Some tracing when isDrained ->
                        let! (_: bool) = drain.WaitFor(tracing.Close(), CancellationToken.None)
                        ()
                    | Some tracing ->
                        Supervised.run options.Client.Remoting.Logger CancellationToken.None (fun () -> tracing.Close())
                    | None -> ()
                }

            do! drain.During(cancellation, waitForSends)
            batcher |> Option.iter (fun batcher -> (batcher :> IDisposable).Dispose())
            do! instance.Leave participant
        }

    interface IAsyncDisposable with
        member producer.DisposeAsync() = ValueTask(producer.Close())
