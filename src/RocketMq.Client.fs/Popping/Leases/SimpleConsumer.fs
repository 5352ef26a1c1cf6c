namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Gets messages when it is asked to, and acknowledges each that is consumed. Others of the group do not get a message
/// meanwhile, for a time. Since RocketMQ 5.0. Safe to use from any thread.
[<Sealed>]
type SimpleConsumer private (options: SimpleConsumerOptions, instance: ClientInstance) =
    let clock = options.Consumer.Client.Remoting.Ports.Clock

    let client =
        PopClient(options.Consumer, PopClient.SubscriptionsOf options.Consumer, instance, 0)

    let inner = InnerBatchReceipts()
    let leases = LeaseTable()
    let receiver = LeaseReceiver(options, client, inner, leases)
    let acks = LeaseAcks(clock, client, inner, leases)
    let mutable isClosed = false

    let closed =
        RemotingError.AlreadyClosed $"The simple consumer of group {options.Consumer.Group}"

    let closedError = Error closed

    /// Nothing is asked for any more once this is closed, whether the connections end or not.
    let receiveUntilClosed count invisible (cancellation: CancellationToken) =
        backgroundTask {
            use either =
                CancellationTokenSource.CreateLinkedTokenSource(cancellation, client.Ending)

            match! receiver.Receive(count, invisible, either.Token) with
            | Error(RemotingError.Cancelled _) when isClosed && not cancellation.IsCancellationRequested ->
                return closedError
            | outcome -> return outcome
        }

    let topic = ConsumerTelemetry.OnlyTopic options.Consumer.Subscriptions

    let receive count invisible cancellation =
        if MessageTelemetry.areReceivesObserved () then
            client.Telemetry.Receive(
                topic,
                (fun received -> [| for message in received -> message.Received.Message |]),
                (fun received ->
                    match received with
                    | first :: _ -> client.TryBroker first.Receipt.BrokerName
                    | [] -> ValueNone),
                fun () -> receiveUntilClosed count invisible cancellation
            )
        else
            receiveUntilClosed count invisible cancellation

    let gauged =
        { new IGaugedConsumer with
            member _.Group = options.Consumer.Group

            member _.Queues =
                GaugedQueues.ofPopped options.Consumer.Client.Namespace receiver.Queried

            // Of several topics it is not known which they are of.
            member _.InFlight = [ struct (topic, leases.Count clock.Timestamp) ]
            member _.RunningHandlers = ValueNone
        }

    let ackOpen (messages: LeasedMessage list) cancellation =
        if isClosed then
            Task.FromResult [ for message in messages -> { Message = message; Error = closed } ]
        else
            acks.AckAll(messages, cancellation)

    let checkTime time =
        match InvisibleTime.check "the invisible time" time with
        | None -> Ok()
        | Some problem -> Error(RemotingError.InvalidCall problem)

    /// With a client that it shares, or one of its own.
    static member internal StartWith
        (client: RocketMqClient | null, options: SimpleConsumerOptions)
        : Task<Result<SimpleConsumer, RemotingError>> =
        let consumer =
            RocketMqClient.Made(
                client,
                (fun shared -> SimpleConsumerOptions.checkWith shared options),
                _.Consumer.Client,
                (fun options instance -> new SimpleConsumer(options, instance))
            )

        RocketMqClient.Joined(consumer, (fun consumer -> consumer.Join()), (fun consumer -> consumer.Close()))

    /// Joins the group. A topic that is not there, or whose route cannot be queried, is looked for until it can be read: `Health` says
    /// so until then. Fails if the options make no sense or a server refuses, such as an SQL92 expression.
    static member Start(options: SimpleConsumerOptions) : Task<Result<SimpleConsumer, RemotingError>> =
        SimpleConsumer.StartWith(null, options)

    /// As `Start`, over the connections of a client that others share too, none of them of the same group. What of the options
    /// belongs to the client is as it is there, or is not set.
    static member Start
        (client: RocketMqClient, options: SimpleConsumerOptions)
        : Task<Result<SimpleConsumer, RemotingError>> =
        SimpleConsumer.StartWith(client, options)

    member private consumer.Join() =
        ConsumerGauges.register gauged

        match client.Start(fun _ -> consumer.Close()) with
        | Error error -> Task.FromResult(Error error)
        | Ok() ->
            client.Topics
            |> OneByOne.untilError (fun topic ->
                client.Joining.JoinOrSeek(topic, (fun () -> client.RegisterAndCheck(topic, CancellationToken.None))))

    /// Brokers know the consumer by this.
    member _.ClientId = client.ClientId

    /// At most so many messages, 32 at most, that others of the group do not get for `invisible`; none if there are none
    /// within the options' time. If none of the topics can be read until that is over, because it is not there or no server can be
    /// asked for it, that is the error. Messages of a call that is cancelled may come again only after that time.
    member _.Receive
        (maxMessages: int, invisible: TimeSpan, cancellation: CancellationToken)
        : Task<Result<LeasedMessage list, RemotingError>> =
        match checkTime invisible with
        | _ when isClosed -> Task.FromResult closedError
        | _ when maxMessages < 1 ->
            Task.FromResult(Error(RemotingError.InvalidCall "at least one message must be asked for"))
        | Error error -> Task.FromResult(Error error)
        | Ok() -> receive maxMessages invisible cancellation

    /// Acknowledges the message. Fails with `ReceiptExpired` if its time is over: it is delivered again.
    member _.Ack(message: LeasedMessage, cancellation: CancellationToken) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            match! ackOpen [ message ] cancellation with
            | [] -> return Ok()
            | failure :: _ -> return Error failure.Error
        }

    /// As `Ack`, with one request to each broker. Gives those that failed.
    member _.AckAll(messages: LeasedMessage list, cancellation: CancellationToken) : Task<AckFailure list> =
        ackOpen messages cancellation

    /// Hides a message for a time from now on, longer or shorter. Gives it with its new receipt; the old one is dead.
    member _.ChangeInvisible
        (message: LeasedMessage, time: TimeSpan, cancellation: CancellationToken)
        : Task<Result<LeasedMessage, RemotingError>> =
        match checkTime time with
        | _ when isClosed -> Task.FromResult closedError
        | Error error -> Task.FromResult(Error error)
        | Ok() -> acks.ChangeInvisible(message, time, cancellation)

    /// How the consumer is doing, for a health check.
    member _.Health: SimpleConsumerHealth =
        {
            ClientId = client.ClientId
            Queues = receiver.Queried
            InFlight = leases.Count clock.Timestamp
            Acknowledged = acks.Acknowledged
            SinceSuccess = client.Outcomes.SinceSuccess
            LastFailure = client.Outcomes.LastFailure
            Problems = client.Outcomes.Problems
        }

    /// Leaves the group and closes the connections that it does not share. Messages that were not acknowledged come again.
    member _.Close() : Task =
        isClosed <- true
        ConsumerGauges.forget gauged
        client.Close()

    /// Ends as a process does that is killed: brokers do not learn of it.
    member internal _.Kill() : Task =
        isClosed <- true
        ConsumerGauges.forget gauged
        client.Kill()

    interface IAsyncDisposable with
        member consumer.DisposeAsync() = ValueTask(consumer.Close())
