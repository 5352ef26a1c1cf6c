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
type internal Sender(options: ProducerOptions, group: string, clients: RemotingClients, routes: Routes) =
    /// What a new route is waited for where the old one has no other broker.
    static let refreshTime = TimeSpan.FromSeconds 0.5

    let clock = options.Remoting.Ports.Clock
    let jitter = options.Remoting.Ports.Jitter
    let started = clock.GetTimestamp()
    let mutable turn = Random.Shared.Next()
    let mutable latency = BrokerLatency.empty
    let mutable onAttempt: (Attempt -> unit) voption = ValueNone

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
        RemotingError.isConnection error
        || RemotingError.isTimeout error
        || RemotingError.isOverload error

    let queueFor target (view: PublishView) (prepared: Prepared) last : Result<MessageQueue, RemotingError> =
        match target with
        | AnyQueue ->
            match BrokerLatency.choose view.Queues (Interlocked.Increment &turn) last (nowMillis ()) latency with
            | ValueSome queue -> Ok queue
            | ValueNone -> Error(NoRoute prepared.Topic)
        | OneQueue queue -> Ok queue
        | SelectedQueue selector ->
            let message =
                {
                    Topic = prepared.Topic
                    Body = prepared.Body
                    Flag = prepared.Flag
                    Properties = prepared.Properties
                }

            QueueSelector.select selector view.Queues message (Interlocked.Increment &turn)
            |> Result.mapError Invalid

    let receiptOf (prepared: Prepared) (queue: MessageQueue) attempts (answer: SendAnswer) : SendReceipt =
        let topic = Namespaced.unwrap options.Namespace queue.Topic

        {
            Status = answer.Status
            Queue =
                if queue.QueueId = answer.QueueId && String.Equals(queue.Topic, topic) then
                    queue
                else
                    { queue with
                        Topic = topic
                        QueueId = answer.QueueId
                    }
            QueueOffset = answer.QueueOffset
            UniqueId = prepared.UniqueId
            OffsetId = answer.OffsetId
            RecallHandle = answer.RecallHandle
            Attempts = attempts
        }

    let readAnswer (prepared: Prepared) (client: RemotingClient) (took: TimeSpan) answer =
        match answer with
        | Error error -> Error error
        | Ok command ->
            match prepared.Operation.DecodeAnswer command with
            | Ok answer -> Ok answer
            | Error error -> Error(RemotingError.ofAnswer client.Endpoint prepared.Operation.Code took error)

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
        NotConnected(client.Endpoint, "finding the route took all the time that the message has")

    let afterFailure target attempt rest earlier error =
        match target with
        | AnyQueue -> SendRetry.decide options.Attempts attempt rest earlier error
        | OneQueue _
        | SelectedQueue _ -> GiveUp error

    /// Each attempt is told to this function, on the thread that goes on with the send.
    member _.OnAttempt(action: Attempt -> unit) = onAttempt <- ValueSome action

    /// The brokers that are avoided now.
    member _.Avoided = BrokerLatency.avoided (nowMillis ()) latency

    member _.Send
        (prepared: Prepared, target: SendTarget, cancellation: CancellationToken)
        : Task<Result<SendReceipt, RemotingError>> =
        backgroundTask {
            let begun = clock.GetTimestamp()
            let mutable attempt = 1
            let mutable last = None
            let mutable earlier = None
            let mutable hasOther = true
            let mutable outcome = ValueNone

            while outcome.IsNone do
                let mutable view = routes.TryPublish prepared.Topic
                let mutable failure = ValueNone

                if view.IsNone then
                    match! routes.Publish(prepared.Topic, cancellation) with
                    | Ok found -> view <- ValueSome found
                    | Error error -> failure <- ValueSome error

                match view with
                | ValueNone -> ()
                | ValueSome view ->
                    match queueFor target view prepared last with
                    | Error error -> failure <- ValueSome error
                    | Ok queue ->
                        match view.MasterOf queue.BrokerName with
                        | Error error -> failure <- ValueSome error
                        | Ok client ->
                            let now = clock.GetUtcNow().ToUnixTimeMilliseconds()
                            let sent = clock.GetTimestamp()
                            let rest = options.SendTimeout - clock.GetElapsedTime(begun, sent)

                            if rest <= TimeSpan.Zero then
                                // The route has taken the time; nothing is begun that cannot be waited for.
                                failure <- ValueSome(Option.defaultWith (fun () -> tooLate client) earlier)
                            else
                                let limit =
                                    match options.AttemptTimeout with
                                    | Some limit -> min limit rest
                                    | None -> rest

                                let! answer =
                                    client.Begin(
                                        prepared.Operation,
                                        Prepared.request options group now queue prepared,
                                        limit,
                                        cancellation
                                    )

                                let took = clock.GetElapsedTime sent
                                let answer = readAnswer prepared client took answer

                                if onAttempt.IsSome then
                                    onAttempt.Value
                                        {
                                            Prepared = prepared
                                            Queue = queue
                                            Broker = client.Endpoint
                                            Took = took
                                            Outcome = answer
                                        }

                                match answer with
                                | Ok answer ->
                                    record queue.BrokerName took false
                                    outcome <- ValueSome(Ok(receiptOf prepared queue attempt answer))
                                | Error error ->
                                    record queue.BrokerName took (isBrokersFault error)
                                    last <- Some queue.BrokerName
                                    hasOther <- view.HasOther queue.BrokerName
                                    failure <- ValueSome error

                match failure with
                | ValueNone -> ()
                | ValueSome error ->
                    let rest = options.SendTimeout - clock.GetElapsedTime begun

                    match afterFailure target attempt rest earlier error with
                    | GiveUp final ->
                        // Those that follow are to know of a broker that is gone, although this one does not try again.
                        if last.IsSome && RemotingError.isTransient error then
                            routes.Refresh prepared.Topic |> ignore

                        outcome <- ValueSome(Error final)
                    | TryAgain ->
                        do! lookAround prepared.Topic hasOther
                        let pause = SendRetry.pause attempt hasOther (jitter ()) error
                        earlier <- Some(SendRetry.graver earlier error)
                        attempt <- attempt + 1

                        if pause > TimeSpan.Zero then
                            let! hasWaited = wait (min pause rest) cancellation

                            if not hasWaited then
                                outcome <- ValueSome(Error earlier.Value)

            return outcome.Value
        }

    /// Puts a message on its way to one broker. Success means that it will be written, not that it arrives.
    member _.SendOneWay
        (prepared: Prepared, target: SendTarget, cancellation: CancellationToken)
        : Task<Result<unit, RemotingError>> =
        backgroundTask {
            match! routes.ForSending(prepared.Topic, cancellation) with
            | Error error -> return Error error
            | Ok view ->
                match queueFor target view prepared None with
                | Error error -> return Error error
                | Ok queue ->
                    match view.MasterOf queue.BrokerName with
                    | Error error -> return Error error
                    | Ok client ->
                        let now = clock.GetUtcNow().ToUnixTimeMilliseconds()
                        let request = Prepared.request options group now queue prepared
                        return! client.InvokeOneWay(prepared.Operation.OneWay request, cancellation)
        }

    /// The master of a broker that a message was sent to.
    member _.MasterOf
        (topic: string, brokerName: string, cancellation: CancellationToken)
        : Task<Result<RemotingClient, RemotingError>> =
        backgroundTask {
            let! view = routes.ForSending(topic, cancellation)
            return view |> Result.bind (fun view -> view.MasterOf brokerName)
        }
