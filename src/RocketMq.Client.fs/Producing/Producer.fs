namespace RocketMq

open System
open System.Runtime.CompilerServices
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Sends messages. Safe to use from any thread; one for each group of a process is enough.
[<Sealed>]
type Producer internal (options: ProducerOptions, handlersOf: Endpoint -> Map<RequestCode, RequestHandler>) =
    let clock = options.Client.Remoting.Ports.Clock
    let replies = PendingReplies options.Client.Namespace

    /// Requests whose replies are waited for.
    let asking = WaitingSends(options.Client.Remoting, ReplyTo)

    let group = Namespaced.wrap options.Client.Namespace options.Group

    let instance =
        ClientInstance(
            options.Client,
            options.Template,
            Produces [ group ],
            fun endpoint ->
                Map.add
                    RequestCode.PushReplyMessageToClient
                    (fun command -> replies.Receive command)
                    (handlersOf endpoint)
        )

    let uniqueIds = UniqueIds clock

    let sender =
        Sender(options, group, instance.Clients, instance.Routes, instance.Outcomes)

    /// Messages on their way, which `Close` waits for.
    let mutable onTheirWay = 0

    let mutable drained: TaskCompletionSource | null = null
    let mutable isClosed = false

    let closed = AlreadyClosed $"The producer of group {options.Group}"

    let identify (message: Message) =
        let id = uniqueIds.Next()
        struct (OutgoingMessage.identified options id message, id)

    /// Counted as long as it lasts; the sender says when it ends.
    let dispatch prepared target cancellation =
        Interlocked.Increment &onTheirWay |> ignore<int>
        sender.Send(prepared, target, cancellation)

    let sendNow prepared target cancellation =
        match prepared with
        | Error error -> Task.FromResult(Error error)
        | Ok prepared -> dispatch prepared target cancellation

    let sendGathered (tickets: Gathered[]) =
        match tickets with
        | [| single |] ->
            sendNow
                (OutgoingMessage.ofIdentified options single.UniqueId single.Message)
                AnyQueue
                CancellationToken.None
        | tickets ->
            let batch =
                OutgoingMessage.ofBatch options [ for ticket in tickets -> ticket.Message ]

            sendNow batch AnyQueue CancellationToken.None

    let batcher =
        options.Batching
        |> Option.map (fun limits -> new ProducerBatcher(limits, clock, options.Client.Remoting.Logger, sendGathered))

    let tracing =
        options.TraceTopic
        |> Option.map (fun topic ->
            Tracing.Start(topic, options, group, "PRODUCE", uniqueIds, instance.Clients, instance.Routes))

    do
        tracing
        |> Option.iter (fun tracing -> sender.OnAttempt(fun attempt -> tracing.Sent(group, attempt)))

    let arrived () =
        if Interlocked.Decrement &onTheirWay = 0 && Volatile.Read &isClosed then
            match Volatile.Read &drained with
            | null -> ()
            | drained -> drained.TrySetResult() |> ignore<bool>

    do sender.OnEnd arrived

    /// Counts what is more than a send as long as it lasts.
    let tracked (send: unit -> Task<Result<'T, RemotingError>>) : Task<Result<'T, RemotingError>> =
        Interlocked.Increment &onTheirWay |> ignore<int>

        if Volatile.Read &isClosed then
            arrived ()
            Task.FromResult(Error closed)
        else
            let sending = send ()

            sending.GetAwaiter().UnsafeOnCompleted(arrived)
            sending

    let waitForBatch (gathered: Gathered) (cancellation: CancellationToken) =
        backgroundTask {
            try
                return! gathered.Task.WaitAsync cancellation
            with :? OperationCanceledException ->
                return Error(Cancelled(RequestCode.SendMessageV2, true))
        }

    /// The message is with the others when this returns; it counts as on its way until its batch has been sent.
    let gather (batcher: ProducerBatcher) (message: Message) (cancellation: CancellationToken) =
        let struct (message, id) = identify message

        match OutgoingMessage.checkIdentified message with
        | Error error -> Task.FromResult(Error(Invalid error))
        | Ok() ->
            let gathered = Gathered(message, id)
            Interlocked.Increment &onTheirWay |> ignore<int>
            gathered.Task.GetAwaiter().UnsafeOnCompleted arrived

            batcher.Add(gathered, ValueNone, message.Body.Length >= options.CompressFromBytes)
            waitForBatch gathered cancellation

    let sendPlain target (cancellation: CancellationToken) (message: Message) =
        match Message.check message with
        | Error error -> Task.FromResult(Error(Invalid error))
        | Ok _ when cancellation.IsCancellationRequested ->
            Task.FromResult(Error(Cancelled(RequestCode.SendMessageV2, false)))
        | Ok message ->
            match batcher, target with
            | Some batcher, AnyQueue -> gather batcher message cancellation
            | _ -> sendNow (OutgoingMessage.ofMessage options (uniqueIds.Next()) message) target cancellation

    /// One interceptor around the others and the send.
    let intercepted (send: Message -> Task<Result<SendReceipt, RemotingError>>) : Message -> Task<_> =
        let around (interceptor: SendInterceptor) (next: Message -> Task<Result<SendReceipt, RemotingError>>) =
            fun message ->
                backgroundTask {
                    // Sends that have begun, but for those that came to nothing.
                    let sends = StrongBox<int> 0

                    let next (message: Message) : Task<Result<SendReceipt, RemotingError>> =
                        backgroundTask {
                            Interlocked.Increment &sends.Value |> ignore<int>
                            let! outcome = next message

                            match outcome with
                            | Error error when RemotingError.outcome error = NotExecuted ->
                                Interlocked.Decrement &sends.Value |> ignore<int>
                            | _ -> ()

                            return outcome
                        }

                    try
                        return! interceptor message next
                    with error ->
                        return Error(InterceptorFailed(error, Volatile.Read &sends.Value > 0))
                }

        List.foldBack around options.Interceptors send

    let send (message: Message) target cancellation =
        if Volatile.Read &isClosed then
            Task.FromResult(Error closed)
        elif options.Interceptors.IsEmpty then
            sendPlain target cancellation message
        else
            tracked (fun () -> intercepted (sendPlain target cancellation) message)

    let checkAll (messages: Message list) =
        (Ok(), messages)
        ||> List.fold (fun result message ->
            result
            |> Result.bind (fun () -> Message.check message |> Result.map ignore<Message>))

    let sendBatch (messages: Message list) target cancellation =
        let identified = messages |> List.map identify
        let travelling = [ for struct (message, _) in identified -> message ]

        match
            checkAll messages
            |> Result.bind (fun () -> OutgoingMessage.checkBatch travelling)
        with
        | Error error -> Task.FromResult(Error(Invalid error))
        | Ok() ->
            match OutgoingMessage.ofBatch options travelling with
            | Error error -> Task.FromResult(Error error)
            | Ok prepared ->
                backgroundTask {
                    let! receipt = dispatch prepared target cancellation

                    return
                        receipt
                        |> Result.map (BatchReceipt.split [ for struct (_, id) in identified -> id ])
                }

    let routeOf topic cancellation =
        sender.RouteFor(Namespaced.wrap options.Client.Namespace topic, 0L, cancellation)

    /// Has the masters of a topic know this client, so that they can push replies to it.
    let introduce topic cancellation : Task<Result<unit, RemotingError>> =
        backgroundTask {
            match! routeOf topic cancellation with
            | Error error -> return Error error
            | Ok view ->
                for broker in view.Route.Brokers do
                    match TopicRoute.masterAddress broker.BrokerName view.Route with
                    | Some address ->
                        // A broker that does not know the client pushes no reply to it: the request then ends with that.
                        let! (_: Result<unit, RemotingError>) = instance.HeartbeatService.At address
                        ()
                    | None -> ()

                return Ok()
        }

    let request (message: Message) (timeout: TimeSpan) target (cancellation: CancellationToken) =
        backgroundTask {
            let id = string (Guid.NewGuid())
            let begun = clock.GetTimestamp()
            let reply = replies.Expect id

            try
                try
                    let message =
                        message
                        |> Message.withSystemProperty PropertyName.correlationId id
                        |> Message.withSystemProperty PropertyName.replyToClient instance.ClientId
                        |> Message.withSystemProperty PropertyName.timeToLive (string (int64 timeout.TotalMilliseconds))

                    match! introduce message.Topic cancellation with
                    | Error error -> return Error error
                    | Ok() ->
                        match! sendPlain target cancellation message with
                        | Error error -> return Error error
                        | Ok receipt ->
                            let rest = timeout - clock.GetElapsedTime begun

                            try
                                let! reply = reply.WaitAsync(max rest TimeSpan.Zero, clock, cancellation)
                                return Ok reply
                            with :? TimeoutException ->
                                return Error(NoReply(message.Topic, receipt.UniqueId, timeout))
                with :? OperationCanceledException ->
                    return Error(Cancelled(RequestCode.SendMessageV2, true))
            finally
                replies.Forget id
        }

    let recall (topic: string) (handle: string) cancellation =
        backgroundTask {
            match RecallHandle.brokerName handle with
            | Error error -> return Error(Invalid error)
            | Ok brokerName ->
                let fullTopic = Namespaced.wrap options.Client.Namespace topic

                match! sender.MasterOf(fullTopic, brokerName, cancellation) with
                | Error error -> return Error error
                | Ok client ->
                    let query =
                        {
                            ProducerGroup = Some group
                            Topic = fullTopic
                            Handle = handle
                        }

                    let request = Recall.operation.Request query

                    let request =
                        { request with
                            Command = Command.withField "bname" brokerName request.Command
                        }

                    let! answer = client.AskWithin(request, options.SendTimeout, cancellation)

                    match tracing, answer with
                    | Some tracing, _ ->
                        tracing.Add(
                            RecallTraced
                                {
                                    Timestamp = clock.GetUtcNow().ToUnixTimeMilliseconds()
                                    Region = answer |> Result.map _.Region |> Result.defaultValue None
                                    Group = tracing.NameOf group
                                    Topic = tracing.NameOf topic
                                    MessageId = answer |> Result.map _.MessageId |> Result.defaultValue ""
                                    IsSuccess = answer.IsOk
                                }
                        )
                    | None, _ -> ()

                    return answer |> Result.map _.MessageId
        }

    do instance.Start()

    /// Checks the options. Nothing is connected before the first message.
    static member Start(options: ProducerOptions) : Result<Producer, RemotingError> =
        ProducerOptions.check options
        |> Result.map (fun () ->
            let options =
                { options with
                    Client.Remoting = GuardedLogger.protect options.Client.Remoting
                }

            new Producer(options, (fun _ -> Map.empty)))

    member internal _.Options = options
    member internal _.Group = group
    member internal _.Sender = sender
    member internal _.Tracing = tracing
    member internal _.Introduce(topic: string, cancellation: CancellationToken) = introduce topic cancellation
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
            OnTheirWay = Volatile.Read &onTheirWay
            AvoidedBrokers = sender.Avoided
            DroppedTraces = producer.DroppedTraces
            SinceSuccess = instance.Outcomes.SinceSuccess
            LastFailure = instance.Outcomes.LastFailure
            Problems = unanswered @ instance.Outcomes.Problems instance.Routes.Masters
        }

    /// The queues that a topic's messages may go to, by broker and number.
    member _.Queues(topic: string, cancellation: CancellationToken) : Task<Result<MessageQueue list, RemotingError>> =
        backgroundTask {
            if Volatile.Read &isClosed then
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
    member _.Send(message: Message, cancellation: CancellationToken) : Task<Result<SendReceipt, RemotingError>> =
        send message AnyQueue cancellation

    /// As `Send`, to a queue that is chosen; then there is one attempt.
    member _.SendTo(target: SendTarget, message: Message, cancellation: CancellationToken) =
        send message target cancellation

    /// Sends messages of one topic as one, all or none, and gives each a receipt, in their order. Refused before anything
    /// is sent if they cannot be in a batch.
    member _.SendBatch
        (messages: Message list, target: SendTarget, cancellation: CancellationToken)
        : Task<Result<SendReceipt list, RemotingError>> =
        tracked (fun () -> sendBatch messages target cancellation)

    /// Puts a message on its way and does not wait for the broker. It may be lost, without any error.
    member _.SendOneWay
        (message: Message, target: SendTarget, cancellation: CancellationToken)
        : Task<Result<unit, RemotingError>> =
        match Message.check message with
        | Error error -> Task.FromResult(Error(Invalid error))
        | Ok message ->
            tracked (fun () ->
                match OutgoingMessage.ofMessage options (uniqueIds.Next()) message with
                | Error error -> Task.FromResult(Error error)
                | Ok prepared -> sender.SendOneWay(prepared, target, cancellation))

    /// Takes a timed message back before its time. Gives its unique id. Since 5.3.
    member _.Recall
        (topic: string, handle: string, cancellation: CancellationToken)
        : Task<Result<string, RemotingError>> =
        tracked (fun () -> recall topic handle cancellation)

    /// Sends a request and waits for the reply of whichever consumer answers it (see `Reply.create`), until `timeout` is
    /// over: then it fails with `NoReply`.
    member _.Request
        (message: Message, timeout: TimeSpan, target: SendTarget, cancellation: CancellationToken)
        : Task<Result<StoredMessage, RemotingError>> =
        match Message.check message with
        | Error error -> Task.FromResult(Error(Invalid error))
        | Ok message ->
            let ask () =
                request message timeout target cancellation

            tracked (fun () -> asking.While(message.Topic, int64 message.Body.Length, ask))

    /// Takes no more messages, waits for those on their way within the options' `DrainTimeout`, unregisters from brokers and
    /// closes the connections. Messages that are still on their way then fail with an unknown outcome.
    member _.Close() : Task =
        backgroundTask {
            let waiting =
                TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

            Volatile.Write(&drained, waiting)
            Volatile.Write(&isClosed, true)
            batcher |> Option.iter _.End()
            let limit = Task.Delay(options.DrainTimeout, clock)

            if Volatile.Read &onTheirWay > 0 then
                let! (_: Task) = Task.WhenAny(waiting.Task, limit)
                ()

            match tracing with
            | Some tracing ->
                let! (_: Task) = Task.WhenAny(tracing.Close(), limit)
                ()
            | None -> ()

            batcher |> Option.iter (fun batcher -> (batcher :> IDisposable).Dispose())
            do! instance.Close()
        }

    interface IAsyncDisposable with
        member producer.DisposeAsync() = ValueTask(producer.Close())
