namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Has an application's handler work on the messages of its group: the queues are shared with the other members, offsets
/// are committed as messages are consumed, and what fails comes again. Safe to use from any thread.
[<Sealed>]
type PushConsumer private (options: PushConsumerOptions, instance: ClientInstance, handler: ConsumeHandler) =
    /// Java's interval: brokers keep a lock for 60 s.
    static let lockInterval = TimeSpan.FromSeconds 20L

    let remoting = options.Consumer.Client.Remoting
    let space = options.Consumer.Client.Namespace
    let log = remoting.Logger
    let group = Namespaced.wrap space options.Consumer.Group

    let retryTopic = Namespaced.retryTopic space options.Consumer.Group

    let isShared = options.Model = MessageModel.Clustering
    let gate = PauseGate()
    let counts = ConsumerCounts()

    let settings: GroupSettings =
        {
            Group = group
            Type = ConsumeType.ConsumePassively
            Model = options.Model
            ConsumeFrom = options.Consumer.ConsumeFrom
            PullBatch = options.PullBatch
            LongPollTimeout = options.LongPollTimeout
        }

    let clock = MemberClock remoting.Ports.Clock

    let drain = Drain(options.DrainTimeout, remoting.Ports.Clock)

    let needsLock = options.IsOrderly && isShared
    let sharing = BrokerSharing.ofPush options
    let events = MemberEvents()
    let table = ProcessQueueTable()
    let problems = MemberProblems remoting.Ports.Clock
    let subscriptions = Subscriptions clock.Provider
    let refusals = GroupRefusals(remoting, settings.Group)

    do
        for topic, filter in options.Consumer.Subscriptions do
            subscriptions.Set(Namespaced.wrap space topic, filter)

        if isShared then
            subscriptions.Set(retryTopic, Filter.all)

    let report =
        ConsumerRunningInfoBuilder(
            {
                Type = settings.Type
                IsOrderly = options.IsOrderly
                NeedsLock = needsLock
                NameServers = options.Consumer.Client.NameServers
                Concurrency = options.Concurrency
                Clock = clock.Provider
            },
            subscriptions,
            table
        )

    let handlers = HandlerSettings.ofPush options
    let invoker = HandlerInvoker(handlers, handler)

    let telemetry =
        ConsumerTelemetry(options.Consumer.Client, options.Consumer.Group, options.Model)

    let membership =
        RebalanceService(
            {
                Client = options.Consumer.Client
                Settings = settings
                AwaitsTopics = true
                SendsSubscriptions = true
                Sharing = sharing
            },
            instance,
            subscriptions,
            events,
            table,
            problems,
            refusals,
            ignore<RemotingError>,
            BrokerCallbacks(
                group,
                events,
                report,
                remoting,
                ConsumeDirectly.consume options retryTopic invoker telemetry
            )
        )

    let clientId = membership.ClientId
    let brokers = membership.Brokers

    let localOffsets =
        if isShared then
            None
        else
            let client = PushConsumer.NamedAgain options
            let name = ClientId.create client.InstanceName client.UnitName
            Some(LocalOffsets(options.OffsetDirectory, name, group, log))

    let store: IOffsetStore =
        match localOffsets with
        | Some offsets -> offsets
        | None -> BrokerOffsets(settings, brokers)

    let tracing =
        options.TraceTopic
        |> Option.map (fun topic ->
            ConsumeTracing(
                topic,
                options.Consumer.Client,
                options.Consumer.Group,
                membership.Clients,
                membership.Routes
            ))

    let sendBack =
        SendBackService(settings, options.MaxRetries, space, remoting, brokers, membership.Routes, telemetry)

    let call = HandlerCall(handlers, invoker, counts, tracing, telemetry)

    let handling: IHandlerDispatcher =
        if options.IsOrderly then
            OrderlyDispatcher(options, call, counts, sendBack, (fun queue -> not needsLock || queue.IsLocked))
        else
            ConcurrentDispatcher(options, call, counts, sendBack)

    let puller =
        PullService(
            settings,
            remoting,
            brokers,
            membership.Routes,
            subscriptions,
            space,
            InnerBatch.expand options.Consumer.Client.Codecs options.Consumer.MaxDecompressedBodySize,
            options.Consumer.Client.Codecs,
            gate,
            problems,
            refusals,
            handling
        )

    let queues =
        AssignedQueues(
            {
                Rules =
                    {
                        NeedsLock = needsLock
                        AutoCommit = true
                    }
                ConsumeFrom = options.Consumer.ConsumeFrom
                IsRetryTopic = (fun topic -> topic = retryTopic || PopRetryTopics.isOne retryTopic topic)
                StartAt = None
                // Handlers in order of a queue leave no gaps behind them.
                FlowControl =
                    if options.IsOrderly && options.OrderBy = OrderBy.Queue then
                        { options.FlowControl with
                            Span = Int64.MaxValue
                        }
                    else
                        options.FlowControl
                BoundsGaps = options.IsOrderly && options.OrderBy = OrderBy.Key
                TopicFlowControl = options.TopicFlowControl
                PullBatch = options.PullBatch
                Drain = drain
                Remoting = remoting
            },
            clock,
            events,
            table,
            problems,
            QueueControl(),
            brokers,
            store,
            QueueLockRequests(settings, clientId, remoting, brokers, clock),
            puller,
            handling,
            membership.Ending
        )

    let pops =
        PushPops.TryCreate(options, subscriptions, instance, gate, call, counts, drain)

    let agent =
        RebalanceAgent(
            Rebalance.create options.Model (BrokerSharing.queueSharing sharing) options.Strategy clientId,
            events,
            queues,
            (fun _ queues -> queues),
            membership,
            PushPops.OrNone pops,
            remoting,
            membership.Ending
        )

    let queueWatch =
        StuckQueueMonitor(remoting, options.LongPollTimeout, table, events, (fun _ -> not gate.IsOpen))

    let overdue = OverdueHandlers(handlers, handling, call, counts)

    let look () : Task =
        overdue.Look()
        pops |> Option.iter _.Look()
        queueWatch.Look()
        Task.CompletedTask

    let post event : Task =
        events.Post event
        Task.CompletedTask

    let openOffsets () =
        match localOffsets with
        | Some offsets -> offsets.TryOpen()
        | None -> Ok()

    let ofPops none (get: PushPops -> 'Value) =
        pops |> Option.map get |> Option.defaultValue none

    let gauged =
        { new IGaugedConsumer with
            member _.Group = options.Consumer.Group

            member _.Queues =
                GaugedQueues.ofTable space table
                @ GaugedQueues.ofPopped space (ofPops [] _.Queues)

            member _.InFlight = ofPops [] _.InFlightByTopic

            member _.RunningHandlers =
                ValueSome(handling.Pool.RunningCalls + ofPops 0 _.RunningCalls)
        }

    let start (close: CancellationToken -> Task) =
        taskResult {
            ConsumerGauges.register gauged
            pops |> Option.iter _.Start()
            agent.Start()
            do! openOffsets ()
            do! membership.Start close
            membership.Every(options.CommitInterval, (fun () -> post CommitInterval))
            membership.Every(overdue.Interval, look)

            if needsLock then
                membership.Every(lockInterval, (fun () -> post RenewInterval))
        }

    let close () : Task =
        backgroundTask {
            ConsumerGauges.forget gauged
            // The queues are given up a moment later: no handler begins meanwhile.
            handling.Pool.Stop()
            membership.LeaveAll()
            gate.Open()
            let popping = ofPops Task.CompletedTask _.Close()
            do! agent.Ended
            do! popping
            handling.Pool.Close()

            match tracing with
            | Some tracing -> do! tracing.Close()
            | None -> ()

            do! membership.Close()
            localOffsets |> Option.iter _.Close()
        }

    /// However often it is asked for, it happens once.
    let closing = lazy (close ())

    /// A broadcasting member finds its offsets again by its name, so it has the same one at each start. Java's default.
    static member private NamedAgain(options: PushConsumerOptions) : ClientOptions =
        let client = options.Consumer.Client

        if options.Model = MessageModel.Clustering then
            client
        else
            { client with
                InstanceName = Some(Option.defaultValue "DEFAULT" client.InstanceName)
            }

    /// With a client that it shares, or one of its own.
    static member internal StartWith
        (client: RocketMqClient | null, options: PushConsumerOptions, handler: ConsumeHandler)
        : Task<Result<PushConsumer, RemotingError>> =
        let consumer =
            RocketMqClient.Made(
                client,
                (fun shared -> PushConsumerOptions.checkWith shared options),
                PushConsumer.NamedAgain,
                (fun options instance -> new PushConsumer(options, instance, handler))
            )

        RocketMqClient.Joined(consumer, (fun consumer -> consumer.Begin()), (fun consumer -> consumer.Close()))

    /// Joins the group and begins to read. A topic that is not there, or whose route cannot be queried, is looked for until it can
    /// be read: `Health` says so until then. Fails if the options make no sense or a server refuses, such as an SQL92 expression.
    static member Start
        (options: PushConsumerOptions, handler: ConsumeHandler)
        : Task<Result<PushConsumer, RemotingError>> =
        PushConsumer.StartWith(null, options, handler)

    /// As `Start`, over the connections of a client that others share too, none of them of the same group. What of the options
    /// belongs to the client is as it is there, or is not set.
    static member Start
        (client: RocketMqClient, options: PushConsumerOptions, handler: ConsumeHandler)
        : Task<Result<PushConsumer, RemotingError>> =
        PushConsumer.StartWith(client, options, handler)

    member private consumer.Begin() = start consumer.Stop

    /// What brokers know this member by.
    member _.ClientId = clientId

    /// Reads another topic too, or changes what is wanted of one.
    member _.Subscribe(topic: string, filter: Filter) : Task<Result<unit, RemotingError>> =
        membership.Subscribe(topic, filter, CancellationToken.None)

    /// Reads a topic no more.
    member _.Unsubscribe(topic: string) : Task = membership.Unsubscribe topic

    /// Nothing is pulled and no handler begins until `Resume`; handlers at work go on. The member keeps its queues.
    member _.Pause() =
        gate.Close()
        handling.Pool.Pause()
        pops |> Option.iter _.Pause()

    /// Messages are consumed again after `Pause`.
    member _.Resume() =
        gate.Open()
        handling.Pool.Resume()
        pops |> Option.iter _.Resume()

    /// Commits what is consumed now. Fails with the first failure; offsets of other queues may have been committed all the same.
    member _.Commit(cancellation: CancellationToken) : Task<Result<unit, RemotingError>> =
        let wait = CommitWait()
        events.Post(CommitAllRequested wait)
        wait.Ended.WaitAsync cancellation

    /// How the consumer is doing, for a health check.
    member _.Health: PushConsumerHealth =
        {
            ClientId = clientId
            Queues = report.Queues
            Popped = ofPops [] _.Queues
            Consumed = counts.AllConsumed
            Failed = counts.AllFailed
            SentBack = counts.AllSentBack
            RetriedLocally = counts.AllRetriedLocally
            StuckHandlers = overdue.Stuck + ofPops 0 _.Stuck
            OverdueHandlers = counts.AllOverdue
            AbandonedHandlers = counts.AllAbandoned
            RestartedQueues = queueWatch.Restarted
            DroppedTraces = tracing |> Option.map _.Dropped |> Option.defaultValue 0L
            IsPaused = not gate.IsOpen
            Problems = problems.All @ ofPops [] _.Problems
        }

    /// Stops: no handler begins, those at work may end within `DrainTimeout`, and are told to then; what is consumed is
    /// committed, locks are released, brokers are told, connections that it does not share closed.
    member _.Close() : Task = closing.Value

    /// As `Close`, but handlers are waited for until the token is cancelled, whatever `DrainTimeout` says.
    member _.Stop(cancellation: CancellationToken) : Task =
        drain.During(cancellation, (fun () -> closing.Value))

    /// Ends as a process does that is killed: nothing is committed, and brokers do not learn of it.
    member internal _.Kill() : Task =
        backgroundTask {
            ConsumerGauges.forget gauged
            handling.Pool.Close()
            pops |> Option.iter _.Kill()

            for owner in table.All do
                owner.Close()
                owner.Leave()

            localOffsets |> Option.iter _.Close()
            do! membership.Kill()
        }

    interface IAsyncDisposable with
        member consumer.DisposeAsync() = ValueTask(consumer.Close())
