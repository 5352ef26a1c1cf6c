namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks

/// Hands messages to a handler, so many at a time, and acknowledges what it has consumed. The members of a group share
/// the messages, not the queues. Since RocketMQ 5.0.
[<Sealed>]
type PopConsumer private (options: PopConsumerOptions, instance: ClientInstance, handler: PopHandler) =
    let client =
        PopClient(options.Consumer, PopClient.SubscriptionsOf options.Consumer, instance, options.Concurrency)

    let group = client.Group
    let acks = PopAckAgent(PopConsumerOptions.limits options, client, group)

    let tracing =
        options.TraceTopic
        |> Option.map (fun topic ->
            ConsumeTracing(topic, options.Consumer.Client, options.Consumer.Group, client.Clients, client.Routes))

    let counts = ConsumerCounts()
    let drain = Drain(options.DrainTimeout, client.Options.Ports.Clock)
    let settings = PopConsumer.SettingsOf options

    let call =
        HandlerCall(settings, HandlerInvoker(settings, PopConsumer.Checked handler), counts, tracing, client.Telemetry)

    let handling =
        PopDispatcher(settings, options.IsOrderly, PauseGate(), call, counts, acks, client)

    let overdue = OverdueHandlers(settings, handling, call, counts)

    let look () : Task =
        overdue.Look()
        handling.AllAreOverdue overdue.AreAll
        Task.CompletedTask

    /// Cancelled when answers are not waited for any more, either.
    let ending = new CancellationTokenSource()

    let puller = PopPuller(options, client, acks, handling, ending.Token)
    let queues = PoppedQueues(puller, client.Outcomes)
    let assignments = BrokerAssignments(options, client, queues)

    let gauged =
        { new IGaugedConsumer with
            member _.Group = options.Consumer.Group
            member _.Queues = GaugedQueues.ofPopped options.Consumer.Client.Namespace queues.All
            member _.InFlight = acks.InFlightByTopic
            member _.RunningHandlers = ValueSome handling.RunningCalls
        }

    let join close =
        // It is asked when the consumer closes, also one that could not join.
        acks.Start()
        ConsumerGauges.register gauged

        match client.Start close with
        | Error error -> Task.FromResult(Error error)
        | Ok() ->
            PeriodicTask.run client.Options overdue.Interval ending.Token look
            assignments.Join()

    let close () =
        backgroundTask {
            ConsumerGauges.forget gauged
            queues.Stop()
            do! handling.WhenDrained drain
            ending.Cancel()
            do! queues.Ended
            handling.End()
            acks.Close()

            match tracing with
            | Some tracing -> do! tracing.Close()
            | None -> ()

            do! client.Close()
        }

    /// However often it is asked for, it happens once.
    let closing = lazy (close ())

    static member private SettingsOf(options: PopConsumerOptions) : HandlerSettings =
        {
            Group = options.Consumer.Group
            Concurrency = options.Concurrency
            BatchSize = 1
            ConsumeTimeout = options.ConsumeTimeout
            MaxDecompressedBodySize = options.Consumer.MaxDecompressedBodySize
            Codecs = options.Consumer.Client.Codecs
            Remoting = options.Consumer.Client.Remoting
        }

    /// A handler that gives no task has failed.
    static member private Checked(handler: PopHandler) : ConsumeHandler =
        ConsumeHandler.EachMessage(fun received cancellation ->
            let handling = handler received cancellation

            match box handling with
            | null -> invalidOp "The handler returned null instead of a task."
            | _ -> ValueTask<ConsumeResult> handling)

    /// With a client that it shares, or one of its own.
    static member internal StartWith
        (client: RocketMqClient | null, options: PopConsumerOptions, handler: PopHandler)
        : Task<Result<PopConsumer, RemotingError>> =
        let consumer =
            RocketMqClient.Made(
                client,
                (fun shared -> PopConsumerOptions.checkWith shared options),
                _.Consumer.Client,
                (fun options instance -> new PopConsumer(options, instance, handler))
            )

        RocketMqClient.Joined(consumer, (fun consumer -> consumer.Join()), (fun consumer -> consumer.Close()))

    /// Joins the group and begins to pop. A topic that is not there, or whose route cannot be queried, is looked for until it can be
    /// read: `Health` says so until then. Fails if the options make no sense, brokers hand a topic out by pull, or a server refuses,
    /// such as an SQL92 expression.
    static member Start(options: PopConsumerOptions, handler: PopHandler) : Task<Result<PopConsumer, RemotingError>> =
        PopConsumer.StartWith(null, options, handler)

    /// As `Start`, over the connections of a client that others share too, none of them of the same group. What of the options
    /// belongs to the client is as it is there, or is not set.
    static member Start
        (client: RocketMqClient, options: PopConsumerOptions, handler: PopHandler)
        : Task<Result<PopConsumer, RemotingError>> =
        PopConsumer.StartWith(client, options, handler)

    member private consumer.Join() = join consumer.Stop

    /// Brokers know the consumer by this.
    member _.ClientId = client.ClientId

    /// What is popped now: queues, or brokers with the queue id -1.
    member _.Assigned: MessageQueue list = queues.All

    /// How many messages are in flight: popped, and neither acknowledged nor lost.
    member _.InFlight = acks.InFlight

    /// How many messages were handled and acknowledged, so that brokers have taken it, since the start.
    member _.Acknowledged = acks.Acked

    /// How many messages come again because brokers could not be told of them in time, since the start.
    member _.Lost = acks.Lost

    /// How often a message was hidden for longer because its handler was not done, since the start.
    member _.Renewals = acks.Renewals

    /// Traces that were lost because they came too fast, or could not be stored.
    member _.DroppedTraces: int64 =
        tracing |> Option.map _.Dropped |> Option.defaultValue 0L

    /// How the consumer is doing, for a health check.
    member consumer.Health: PopConsumerHealth =
        {
            ClientId = client.ClientId
            Queues = queues.All
            InFlight = acks.InFlight
            Running = handling.RunningCalls
            Consumed = counts.AllConsumed
            Failed = counts.AllFailed
            Acknowledged = acks.Acked
            Lost = acks.Lost
            Renewals = acks.Renewals
            StuckHandlers = overdue.Stuck
            OverdueHandlers = counts.AllOverdue
            AbandonedHandlers = counts.AllAbandoned
            DroppedTraces = consumer.DroppedTraces
            SinceSuccess = client.Outcomes.SinceSuccess
            LastFailure = client.Outcomes.LastFailure
            Problems = client.Outcomes.Problems
        }

    /// Pops nothing more, waits for handlers up to the options' `DrainTimeout`, sends back what is not handled then, leaves the
    /// group and closes the connections. Those that it shares stay: what a broker still gives to a pop that it was asked for
    /// then comes again after the invisible time.
    member _.Close() : Task = closing.Value

    /// As `Close`, but handlers are waited for until the token is cancelled, whatever `DrainTimeout` says.
    member _.Stop(cancellation: CancellationToken) : Task =
        drain.During(cancellation, (fun () -> closing.Value))

    /// Ends as a process does that is killed: nothing is acknowledged or sent back, and brokers do not learn of it.
    member internal _.Kill() : Task =
        backgroundTask {
            ConsumerGauges.forget gauged
            queues.Stop()
            ending.Cancel()
            acks.Close()
            handling.End()
            do! client.Kill()
        }

    interface IAsyncDisposable with
        member consumer.DisposeAsync() = ValueTask(consumer.Close())
