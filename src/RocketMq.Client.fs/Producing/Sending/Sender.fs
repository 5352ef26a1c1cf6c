namespace RocketMq.Protocol

open System
open System.Threading
open System.Threading.Tasks

/// Which queue a message goes to.
[<NoEquality; NoComparison>]
type SendTarget =
    /// Each in turn. Only such a message is tried again at another one.
    | AnyQueue
    | OneQueue of MessageQueue
    | SelectedQueue of QueueSelector

/// Where an attempt went and how it ended, for those who look on.
type internal Attempt =
    {
        Prepared: Prepared
        Queue: MessageQueue
        Broker: Endpoint
        /// Of this attempt.
        Took: TimeSpan
        Outcome: Result<SendAnswer, RemotingError>
    }

/// Sends what is prepared: chooses queues, tries again where that may help, and remembers which brokers failed.
[<Sealed>]
type internal Sender
    (options: ProducerOptions, group: string, clients: RemotingClients, routes: Routes, outcomes: SendOutcomes) =
    /// What a new route is waited for where the old one has no other broker.
    static let refreshTime = TimeSpan.FromSeconds 0.5

    let clock = options.Remoting.Ports.Clock
    let jitter = options.Remoting.Ports.Jitter
    let started = clock.GetTimestamp()
    let mutable turn = Random.Shared.Next()
    let mutable latency = BrokerLatency.empty
    let mutable onAttempt: (Attempt -> unit) voption = ValueNone
    let mutable onEnd: (unit -> unit) voption = ValueNone

    let nowMillis () =
        int64 (clock.GetElapsedTime(started).TotalMilliseconds)

    let rec record broker (took: TimeSpan) isFailure =
        match options.Avoidance with
        | None -> ()
        | Some table ->
            let before = Volatile.Read &latency

            let after =
                BrokerLatency.record table broker (int64 took.TotalMilliseconds) isFailure (nowMillis ()) before

            let isUnchanged = obj.ReferenceEquals(before, after)

            if
                not isUnchanged
                && not (obj.ReferenceEquals(Interlocked.CompareExchange(&latency, after, before), before))
            then
                record broker took isFailure

    /// Whether it says something of the broker, not of the message.
    let isBrokersFault error =
        match error with
        | TooManyWaiting _ -> false
        | error ->
            RemotingError.isConnection error
            || RemotingError.isTimeout error
            || RemotingError.isOverload error

    let queueFor target (view: PublishView) (prepared: Prepared) last : Result<MessageQueue, RemotingError> =
        match target with
        | AnyQueue
        | SelectedQueue _ when view.Queues.Length = 0 ->
            Error(NoQueue(prepared.Topic, RouteProblems.ofSending view.Route))
        | AnyQueue ->
            match BrokerLatency.choose view.Queues (Interlocked.Increment &turn) last (nowMillis ()) latency with
            | ValueSome queue -> Ok queue
            | ValueNone -> Error(NoRoute(prepared.Topic, routes.NameServers))
        | OneQueue queue when
            queue.Topic <> prepared.Topic
            && Namespaced.wrap options.Namespace queue.Topic <> prepared.Topic
            ->
            Error(Invalid(InvalidInput("the queue", $"it is one of {queue.Topic}, the message is to {prepared.Topic}")))
        | OneQueue queue -> Ok queue
        | SelectedQueue selector ->
            let queues = Sender.KnownAs(options.Namespace, view.Queues)

            QueueSelector.select selector queues prepared.Source (Interlocked.Increment &turn)
            |> Result.mapError Invalid

    /// The queue for a message, and the master that it is sent to; or what is wrong, and with which broker if it is one's.
    let destination
        target
        (view: PublishView)
        prepared
        last
        : Result<struct (MessageQueue * RemotingClient), struct (string option * RemotingError)> =
        match queueFor target view prepared last with
        | Error error -> Error(struct (None, error))
        | Ok queue ->
            match view.MasterOf queue.BrokerName with
            | Ok client -> Ok(struct (queue, client))
            | Error error -> Error(struct (Some queue.BrokerName, error))

    let tell (prepared: Prepared) queue (client: RemotingClient) took (answer: Result<RemotingCommand, RemotingError>) =
        if onAttempt.IsSome then
            let decoded =
                match answer with
                | Error error -> Error error
                | Ok command ->
                    prepared.Operation.DecodeAnswer command
                    |> Result.mapError (RemotingError.ofAnswer client.Endpoint prepared.Operation.Code took)

            onAttempt.Value
                {
                    Prepared = prepared
                    Queue = queue
                    Broker = client.Endpoint
                    Took = took
                    Outcome = decoded
                }

    /// The error of an answer that says no place.
    let errorOf (prepared: Prepared) (client: RemotingClient) took (command: RemotingCommand) =
        match prepared.Operation.DecodeAnswer command with
        | Error error -> RemotingError.ofAnswer client.Endpoint prepared.Operation.Code took error
        | Ok _ ->
            let error = WrongValue("answer", "it does not say where the message is stored")
            NotDecoded(client.Endpoint, prepared.Operation.Code, error)

    /// What became of an attempt, for the message and for what is known of the broker.
    let settle
        (prepared: Prepared)
        (queue: MessageQueue)
        (client: RemotingClient)
        sent
        answer
        : Result<SendReceipt, RemotingError> =
        let now = clock.GetTimestamp()
        let took = clock.GetElapsedTime(sent, now)
        tell prepared queue client took answer

        let outcome =
            match answer with
            | Error error -> Error error
            | Ok command ->
                match prepared.TryReceipt command with
                | ValueSome receipt -> Ok receipt
                | ValueNone -> Error(errorOf prepared client took command)

        match outcome with
        | Ok _ ->
            record queue.BrokerName took false
            outcomes.Stored(client.Endpoint, prepared.Topic, now)
        | Error error ->
            record queue.BrokerName took (isBrokersFault error)
            outcomes.Failed(client.Endpoint, error)

        outcome

    /// Whether another broker is tried if this attempt fails.
    let hasAlternative target (view: PublishView) attempt =
        match target with
        | AnyQueue -> view.HasSeveral && attempt < options.Attempts
        | OneQueue _
        | SelectedQueue _ -> false

    let start (prepared: Prepared) (queue: MessageQueue) (client: RemotingClient) attempt hasOther rest cancellation =
        let limit =
            match options.AttemptTimeout with
            | Some limit -> min limit rest
            | None -> rest

        let now = clock.GetUtcNow().ToUnixTimeMilliseconds()
        prepared.Address(group, now, queue, attempt, hasOther, onAttempt.IsNone)
        client.Begin(prepared, limit, cancellation)

    let wait (span: TimeSpan) (cancellation: CancellationToken) : Task<bool> =
        backgroundTask {
            try
                do! Task.Delay(span, clock, cancellation)
                return true
            with :? OperationCanceledException ->
                return false
        }

    /// Looks for a better route: for a moment, if there is no other broker to go to meanwhile.
    let lookAround topic hasOther : Task =
        let refreshing = routes.Refresh topic

        if hasOther || refreshing.IsCompleted then
            Task.CompletedTask
        else
            Task.WhenAny(refreshing, Task.Delay(refreshTime, clock))

    let tooLate (client: RemotingClient) =
        NotConnected(client.Endpoint, FailureReason.ofText "finding the route took all the time that the message has")

    let afterFailure target hasOther attempt rest earlier error =
        match target, error with
        // Without another broker that has room it fails at once.
        | AnyQueue, TooManyWaiting _ when not hasOther -> GiveUp(SendRetry.graver earlier error)
        | AnyQueue, _ -> SendRetry.decide options.Attempts attempt rest earlier error
        | OneQueue _, _
        | SelectedQueue _, _ -> GiveUp error

    /// The queue and its broker, if they can be told without asking anybody.
    let firstAttempt (prepared: Prepared) target : struct (MessageQueue * RemotingClient * bool) voption =
        match routes.TryPublish prepared.Topic with
        | ValueNone -> ValueNone
        | ValueSome view ->
            match destination target view prepared None with
            | Ok(struct (queue, client)) -> ValueSome(struct (queue, client, hasAlternative target view 1))
            | Error _ -> ValueNone

    /// From the first attempt that failed on, which is given, or from the beginning.
    let sendSlowly
        (prepared: Prepared)
        target
        begun
        (failed: struct (MessageQueue * RemotingError) voption)
        cancellation
        =
        backgroundTask {
            let mutable attempt = 1
            let mutable last = None
            let mutable earlier = None
            let mutable hasOther = true
            let mutable failure = ValueNone
            let mutable outcome = ValueNone

            match failed with
            | ValueNone -> ()
            | ValueSome(struct (queue, error)) ->
                last <- Some queue.BrokerName
                failure <- ValueSome error

                match routes.TryPublish prepared.Topic with
                | ValueSome view -> hasOther <- view.HasOther queue.BrokerName
                | ValueNone -> ()

            while outcome.IsNone do
                if failure.IsNone then
                    let mutable view = routes.TryPublish prepared.Topic

                    if view.IsNone then
                        let rest = options.SendTimeout - clock.GetElapsedTime begun

                        match! routes.Publish(prepared.Topic, max rest TimeSpan.Zero, cancellation) with
                        | Ok found ->
                            outcomes.TopicFound prepared.Topic
                            view <- ValueSome found
                        | Error error ->
                            outcomes.TopicFailed(prepared.Topic, error)
                            failure <- ValueSome error

                    match view with
                    | ValueNone -> ()
                    | ValueSome view ->
                        match destination target view prepared last with
                        | Error(struct (brokerName, error)) ->
                            // The next attempt goes to another broker, if there is one.
                            if brokerName.IsSome then
                                last <- brokerName
                                hasOther <- view.HasOther brokerName.Value

                            failure <- ValueSome error
                        | Ok(struct (queue, client)) ->
                            let sent = clock.GetTimestamp()
                            let rest = options.SendTimeout - clock.GetElapsedTime(begun, sent)

                            if rest <= TimeSpan.Zero then
                                // The route has taken the time; nothing is begun that cannot be waited for.
                                failure <- ValueSome(Option.defaultWith (fun () -> tooLate client) earlier)
                            else
                                let mayGoOn = hasAlternative target view attempt
                                let! answer = start prepared queue client attempt mayGoOn rest cancellation

                                match settle prepared queue client sent answer with
                                | Ok receipt -> outcome <- ValueSome(Ok receipt)
                                | Error error ->
                                    last <- Some queue.BrokerName
                                    hasOther <- view.HasOther queue.BrokerName
                                    failure <- ValueSome error

                match failure with
                | ValueNone -> ()
                | ValueSome error ->
                    failure <- ValueNone
                    let rest = options.SendTimeout - clock.GetElapsedTime begun

                    match afterFailure target hasOther attempt rest earlier error with
                    | GiveUp final ->
                        // Those that follow are to know of a broker that is gone, although this one does not try again.
                        if last.IsSome && RemotingError.isTransient error then
                            Supervised.run options.Remoting.Logger CancellationToken.None (fun () ->
                                routes.Refresh prepared.Topic)

                        outcome <- ValueSome(Error final)
                    | TryAgain ->
                        do! lookAround prepared.Topic hasOther
                        let pause = SendRetry.pause attempt hasOther (jitter ()) error
                        earlier <- Some(SendRetry.graver earlier error)
                        attempt <- attempt + 1

                        if pause > TimeSpan.Zero then
                            let! hasWaited = wait (min pause rest) cancellation

                            if not hasWaited then
                                let code = prepared.Operation.Code
                                outcome <- ValueSome(Error(RemotingError.cancelledAfter code earlier.Value))

            if onEnd.IsSome then
                onEnd.Value()

            return outcome.Value
        }

    /// The usual way: the first attempt succeeds.
    let sendQuickly
        (prepared: Prepared)
        target
        queue
        client
        begun
        (calling: Task<Result<RemotingCommand, RemotingError>>)
        cancellation
        =
        backgroundTask {
            let! answer = calling

            match settle prepared queue client begun answer with
            | Error error -> return! sendSlowly prepared target begun (ValueSome(struct (queue, error))) cancellation
            | receipt ->
                if onEnd.IsSome then
                    onEnd.Value()

                return receipt
        }

    /// Queues as applications know them: without the namespace.
    static member KnownAs(ns: string, queues: MessageQueue[]) : MessageQueue[] =
        if ns = "" then
            queues
        else
            queues
            |> Array.map (fun queue ->
                { queue with
                    Topic = Namespaced.unwrap ns queue.Topic
                })

    /// Each attempt is told to this function, on the thread that goes on with the send.
    member _.OnAttempt(action: Attempt -> unit) = onAttempt <- ValueSome action

    /// This function is called at the end of each send.
    member _.OnEnd(action: unit -> unit) = onEnd <- ValueSome action

    /// The brokers that are avoided now.
    member _.Avoided = BrokerLatency.avoided (nowMillis ()) latency

    member _.Send
        (prepared: Prepared, target: SendTarget, cancellation: CancellationToken)
        : Task<Result<SendReceipt, RemotingError>> =
        let begun = clock.GetTimestamp()

        match firstAttempt prepared target with
        | ValueSome(struct (queue, client, hasOther)) ->
            let calling =
                start prepared queue client 1 hasOther options.SendTimeout cancellation

            sendQuickly prepared target queue client begun calling cancellation
        | ValueNone -> sendSlowly prepared target begun ValueNone cancellation

    /// Puts a message on its way to one broker. Success means that it will be written, not that it arrives.
    member _.SendOneWay
        (prepared: Prepared, target: SendTarget, cancellation: CancellationToken)
        : Task<Result<unit, RemotingError>> =
        backgroundTask {
            match! routes.ForSending(prepared.Topic, options.SendTimeout, cancellation) with
            | Error error -> return Error error
            | Ok view ->
                match destination target view prepared None with
                | Error(struct (_, error)) -> return Error error
                | Ok(struct (queue, client)) ->
                    prepared.Address(group, clock.GetUtcNow().ToUnixTimeMilliseconds(), queue, 1, false, false)
                    return! client.InvokeOneWay(Command.asOneWay (prepared.ToCommand()), cancellation)
        }

    /// The master of a broker that a message was sent to.
    member _.MasterOf
        (topic: string, brokerName: string, cancellation: CancellationToken)
        : Task<Result<RemotingClient, RemotingError>> =
        backgroundTask {
            let! view = routes.ForSending(topic, options.SendTimeout, cancellation)
            return view |> Result.bind (fun view -> view.MasterOf brokerName)
        }
