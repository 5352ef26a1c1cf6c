namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Sends an encoded message: finds its route, retries on other brokers, and bounds what waits for a route or a retry.
[<Sealed>]
type internal Sender
    (
        options: ProducerOptions,
        group: string,
        clients: RemotingClients,
        routes: Routes,
        outcomes: SendOutcomes,
        sends: SendsInFlight,
        watch: (Attempt -> unit) option
    ) =
    /// What a new route is waited for where the old one has no other broker.
    static let refreshTime = TimeSpan.FromSeconds 0.5

    let clock = options.Client.Remoting.Ports.Clock
    let jitter = options.Client.Remoting.Ports.Jitter
    let avoidance = BrokerAvoidance(options.Avoidance, clock)
    let destinations = SendDestinations(options, routes, avoidance)
    let attempts = SendAttempts(options, group, avoidance, outcomes, watch)
    let waiting = WaitingSends(clients.Options, RouteOrRetry)

    /// Waits for a route, if there is room for one more that waits.
    let awaitRoute topic size limit cancellation =
        waiting.While(topic, size, (fun () -> routes.Publish(topic, options.Template, limit, cancellation)))

    /// The route, if it is known.
    let tryRoute topic : TopicPublishInfo voption =
        outcomes.Uses topic
        routes.TryPublish(topic, options.Template)

    let routeFor topic size cancellation : Task<Result<TopicPublishInfo, RemotingError>> =
        match tryRoute topic with
        | ValueSome view -> Task.FromResult(Ok view)
        | ValueNone -> awaitRoute topic size options.SendTimeout cancellation

    /// Waits for a better route, for a moment.
    let awaitRefresh topic error : Task =
        let refreshing = routes.RefreshAfter(error, topic)

        if refreshing.IsCompleted then
            Task.CompletedTask
        else
            Task.WhenAny(refreshing, Task.Delay(refreshTime, clock))

    /// Looks for a better route: for a moment, if there is no other broker to go to meanwhile.
    let lookAround topic hasOtherBroker error : Task =
        if hasOtherBroker then
            routes.RefreshSoon topic
            Task.CompletedTask
        else
            awaitRefresh topic error

    let pause (looking: Task) (span: TimeSpan) request earlier (cancellation: CancellationToken) =
        backgroundTask {
            do! looking

            try
                if span > TimeSpan.Zero then
                    do! Task.Delay(span, clock, cancellation)

                return Ok()
            with :? OperationCanceledException ->
                return Error(RemotingError.cancelledAfter request earlier)
        }

    /// Only the name servers know where a queue has moved to, and perhaps not at once: they are asked after the pause.
    let pauseAndLook topic span request error earlier cancellation =
        taskResult {
            do! pause Task.CompletedTask span request earlier cancellation
            do! awaitRefresh topic error
        }

    /// Lets time pass until the next attempt, if any need pass and there is room for one more that waits.
    let awaitNext (prepared: OutgoingMessage) hasOtherBroker attempt rest error earlier cancellation =
        let request = prepared.Operation.Code
        let span = min rest (SendRetry.pause attempt hasOtherBroker (jitter ()) error)

        if RemotingError.isMovedQueue error then
            let wait () =
                pauseAndLook prepared.Topic span request error earlier cancellation

            waiting.While(prepared.Topic, prepared.Size, wait)
        else
            let looking = lookAround prepared.Topic hasOtherBroker error

            if looking.IsCompleted && span <= TimeSpan.Zero then
                Task.FromResult(Ok())
            else
                let wait () =
                    pause looking span request earlier cancellation

                waiting.While(prepared.Topic, prepared.Size, wait)

    let tooLate (client: RemotingClient) =
        RemotingError.NotConnected(
            client.Endpoint,
            FailureReason.ofText "finding the route took all the time that the message has"
        )

    let afterFailure target hasOtherBroker attempt rest earlier error =
        match target, error with
        // It is this client that has too many sends waiting: another broker would not help.
        | _, RemotingError.TooManyWaiting(RouteOrRetry _, _) -> GiveUp(SendRetry.graver earlier error)
        // Too many wait for this broker, and no other one can be tried.
        | AnyQueue, RemotingError.TooManyWaiting _ when not hasOtherBroker -> GiveUp(SendRetry.graver earlier error)
        | AnyQueue, _ -> SendRetry.decide options.Attempts attempt rest earlier error
        // Nothing is stored, and the queue stays the same.
        | _, moved when RemotingError.isMovedQueue moved -> SendRetry.decide options.Attempts attempt rest earlier moved
        | OneQueue _, _
        | SelectedQueue _, _ -> GiveUp error

    /// Whether it may be the route that is wrong.
    let doubtsRoute error =
        match error with
        | RemotingError.TooManyWaiting _ -> false
        | error -> RemotingError.isTransient error

    /// The queue and its broker, if they can be told without asking anybody.
    let firstAttempt (prepared: OutgoingMessage) target : struct (SendDestination * bool) voption =
        match tryRoute prepared.Topic with
        | ValueNone -> ValueNone
        | ValueSome view ->
            match destinations.Find(target, view, prepared, None) with
            | Ok destination -> ValueSome(struct (destination, destinations.HasAlternative(target, view, 1)))
            | Error _ -> ValueNone

    /// From the first attempt that failed on, of which the error is given, or from the beginning.
    let sendSlowly (prepared: OutgoingMessage) target begun (failed: RemotingError voption) cancellation =
        backgroundTask {
            let mutable attempt = 1
            let mutable last = None
            let mutable earlier = None
            let mutable hasOtherBroker = true
            let mutable failure = ValueNone
            let mutable outcome = ValueNone

            match failed with
            | ValueNone -> ()
            | ValueSome error ->
                last <- Some prepared.HostName
                failure <- ValueSome error

                match tryRoute prepared.Topic with
                | ValueSome view -> hasOtherBroker <- view.HasOther prepared.HostName
                | ValueNone -> ()

            while outcome.IsNone do
                if failure.IsNone then
                    let mutable view = tryRoute prepared.Topic

                    if view.IsNone then
                        let rest = max TimeSpan.Zero (options.SendTimeout - clock.GetElapsedTime begun)

                        match! awaitRoute prepared.Topic prepared.Size rest cancellation with
                        | Ok found ->
                            outcomes.TopicFound prepared.Topic
                            view <- ValueSome found
                        | Error error ->
                            outcomes.TopicFailed(prepared.Topic, error)
                            failure <- ValueSome error

                    match view with
                    | ValueNone -> ()
                    | ValueSome view ->
                        match destinations.Find(target, view, prepared, last) with
                        | Error(struct (hostName, error)) ->
                            // The next attempt goes to another broker, if there is one.
                            if hostName.IsSome then
                                last <- hostName
                                hasOtherBroker <- view.HasOther hostName.Value

                            failure <- ValueSome error
                        | Ok destination ->
                            let sent = clock.GetTimestamp()
                            let rest = options.SendTimeout - clock.GetElapsedTime(begun, sent)

                            if rest <= TimeSpan.Zero then
                                // The route has taken the time; nothing is begun that cannot be waited for.
                                failure <- ValueSome(Option.defaultWith (fun () -> tooLate destination.Client) earlier)
                            else
                                let mayTryAnother = destinations.HasAlternative(target, view, attempt)

                                let! answer =
                                    attempts.Start(prepared, destination, attempt, mayTryAnother, rest, cancellation)

                                attempts.Settle(prepared, destination.Client, sent, answer)

                                match answer with
                                | Ok receipt -> outcome <- ValueSome(Ok receipt)
                                | Error error ->
                                    last <- Some destination.HostName
                                    hasOtherBroker <- view.HasOther destination.HostName
                                    failure <- ValueSome error

                match failure with
                | ValueNone -> ()
                | ValueSome error ->
                    failure <- ValueNone
                    let rest = options.SendTimeout - clock.GetElapsedTime begun

                    match afterFailure target hasOtherBroker attempt rest earlier error with
                    | GiveUp final ->
                        // Those that follow are to know of a broker that is gone, although this one does not try again.
                        if last.IsSome && doubtsRoute error then
                            routes.RefreshSoon prepared.Topic

                        outcome <- ValueSome(Error final)
                    | TryAgain ->
                        let gravest = SendRetry.graver earlier error

                        match! awaitNext prepared hasOtherBroker attempt rest error gravest cancellation with
                        | Ok() ->
                            earlier <- Some gravest
                            attempt <- attempt + 1
                        | Error error -> outcome <- ValueSome(Error(SendRetry.graver (Some gravest) error))

            sends.End()
            return outcome.Value
        }

    /// The usual way: the first attempt succeeds.
    let sendQuickly
        (prepared: OutgoingMessage)
        target
        client
        begun
        (calling: Task<Result<SendReceipt, RemotingError>>)
        cancellation
        =
        backgroundTask {
            let! answer = calling
            attempts.Settle(prepared, client, begun, answer)

            match answer with
            | Error error -> return! sendSlowly prepared target begun (ValueSome error) cancellation
            | receipt ->
                sends.End()
                return receipt
        }

    /// Goes on after a first attempt that settles itself and has failed.
    let sendOn (prepared: OutgoingMessage) (pending: PendingRequest<SendReceipt>) error =
        Supervised.run options.Client.Remoting.Logger CancellationToken.None (fun () ->
            backgroundTask {
                try
                    let! result =
                        sendSlowly prepared prepared.Target prepared.Begun (ValueSome error) CancellationToken.None

                    pending.Complete result
                with error ->
                    pending.CompleteWithException error
            })

    /// The brokers that are avoided now.
    member _.Avoided = avoidance.Avoided

    /// How many wait for a route, or for another attempt.
    member _.Waiting = waiting.Count

    /// The route of a topic for what is to be sent of a size. Without one that is known it is waited for.
    member _.RouteFor(topic: string, size: int64, cancellation: CancellationToken) = routeFor topic size cancellation

    /// Sends a message until it is stored or cannot be. It is on its way as long as that lasts.
    member sender.Send
        (prepared: OutgoingMessage, target: SendTarget, cancellation: CancellationToken)
        : Task<Result<SendReceipt, RemotingError>> =
        sends.Begin()
        let begun = clock.GetTimestamp()

        match firstAttempt prepared target with
        | ValueSome(struct (destination, mayTryAnother)) ->
            let sending =
                if cancellation.CanBeCanceled then
                    ValueNone
                else
                    prepared.SettleBy(sender, destination.Client, target, begun)
                    attempts.TryStart(prepared, destination, mayTryAnother)

            match sending with
            | ValueSome sending -> sending
            | ValueNone ->
                let calling =
                    attempts.Start(prepared, destination, 1, mayTryAnother, options.SendTimeout, cancellation)

                sendQuickly prepared target destination.Client begun calling cancellation
        | ValueNone -> sendSlowly prepared target begun ValueNone cancellation

    /// Puts a message on its way to one broker. Success means that it will be written, not that it arrives.
    member _.SendOneWay
        (prepared: OutgoingMessage, target: SendTarget, cancellation: CancellationToken)
        : Task<Result<unit, RemotingError>> =
        taskResult {
            let! view = routeFor prepared.Topic prepared.Size cancellation

            match destinations.Find(target, view, prepared, None) with
            | Error(struct (_, error)) -> return! Error error
            | Ok destination ->
                let now = clock.GetUtcNow().ToUnixTimeMilliseconds()
                prepared.Address(group, now, destination.Queue, destination.HostName, 1, false)
                return! destination.Client.InvokeOneWay(Command.asOneWay (prepared.ToCommand()), cancellation)
        }

    /// The address of the broker of a queue of a topic, as far as it is known.
    member _.TryBroker(topic: string, queue: MessageQueue) : Endpoint voption =
        match routes.TryPublish(topic, options.Template) with
        | ValueSome view ->
            let hostName = view.HostOf queue |> ValueOption.defaultValue queue.BrokerName

            match view.MasterOf hostName with
            | Ok client -> ValueSome client.Endpoint
            | Error _ -> ValueNone
        | ValueNone -> ValueNone

    /// The master of a broker that a message was sent to.
    member _.MasterOf
        (topic: string, brokerName: string, cancellation: CancellationToken)
        : Task<Result<RemotingClient, RemotingError>> =
        backgroundTask {
            let! view = routeFor topic 0L cancellation
            return view |> Result.bind (fun view -> view.MasterOf brokerName)
        }

    interface ISendSettler with
        member _.Settle(prepared, client, pending, outcome) =
            match outcome, pending with
            | (:? RemotingError as error), (:? PendingRequest<SendReceipt> as pending) ->
                attempts.Settle(prepared, client, prepared.Begun, Error error)
                sendOn prepared pending error
                false
            | (:? SendReceipt as receipt), _ ->
                attempts.Settle(prepared, client, prepared.Begun, Ok receipt)
                sends.End()
                true
            | _ -> true
