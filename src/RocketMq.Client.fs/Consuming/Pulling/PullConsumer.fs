namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Hands messages out when it is asked to. It shares the queues of its topics with the other members of its group, or has
/// queues assigned to it. A message counts as consumed when the next one is asked for, or with `Commit`; no offset passes
/// one that is not. Safe to use from any thread, but messages are asked for by one caller at a time.
[<Sealed>]
type PullConsumer private (options: PullConsumerOptions, instance: ClientInstance) =
    static let watchInterval = TimeSpan.FromSeconds 10L

    let clock = MemberClock options.Consumer.Client.Remoting.Ports.Clock
    let space = options.Consumer.Client.Namespace
    let isAssigned = not options.Assigned.IsEmpty

    let settings: GroupSettings =
        {
            Group = Namespaced.wrap space options.Consumer.Group
            Type = ConsumeType.ConsumeActively
            Model = MessageModel.Clustering
            ConsumeFrom = options.Consumer.ConsumeFrom
            PullBatch = options.PullBatch
            LongPollTimeout = options.LongPollTimeout
        }

    let events = MemberEvents()
    let table = ProcessQueueTable()
    let problems = MemberProblems options.Consumer.Client.Remoting.Ports.Clock
    let subscriptions = Subscriptions clock.Provider
    let refusals = GroupRefusals(options.Consumer.Client.Remoting, settings.Group)

    let report =
        ConsumerRunningInfoBuilder(
            {
                Type = settings.Type
                IsOrderly = false
                NeedsLock = false
                NameServers = options.Consumer.Client.NameServers
                Concurrency = 1
                Clock = clock.Provider
            },
            subscriptions,
            table
        )

    let waiting = FetchBuffer()

    let closed =
        RemotingError.AlreadyClosed $"The pull consumer of group {options.Consumer.Group}"

    let polls = PollCoordinator(options, waiting, closed)

    /// The queues that are assigned, as they travel.
    let assignment = QueueSelection isAssigned

    let membership =
        RebalanceService(
            {
                Client = options.Consumer.Client
                Settings = settings
                AwaitsTopics = false
                SendsSubscriptions = not isAssigned
                Sharing = None
            },
            instance,
            subscriptions,
            events,
            table,
            problems,
            refusals,
            polls.Refused,
            BrokerCallbacks(
                settings.Group,
                events,
                report,
                options.Consumer.Client.Remoting,
                fun _ -> Task.FromResult(Error "a pull consumer has no handler")
            )
        )

    let offsets = OffsetQueries(settings, space, membership.Brokers)
    let steering = QueueControl()

    do
        if isAssigned then
            assignment.Set(options.Assigned |> List.map offsets.Inner)

            for topic in assignment.Topics do
                subscriptions.Set(topic, options.AssignedFilter)
        else
            for topic, filter in options.Consumer.Subscriptions do
                subscriptions.Set(Namespaced.wrap space topic, filter)

    let dispatcher = OnDemandDispatcher(waiting, polls)

    let puller =
        PullService(
            settings,
            options.Consumer.Client.Remoting,
            membership.Brokers,
            membership.Routes,
            subscriptions,
            space,
            InnerBatch.expand options.Consumer.Client.Codecs options.Consumer.MaxDecompressedBodySize,
            options.Consumer.Client.Codecs,
            PauseGate(),
            problems,
            refusals,
            dispatcher
        )

    let queues =
        AssignedQueues(
            {
                Rules =
                    {
                        NeedsLock = false
                        AutoCommit = options.AutoCommit
                    }
                ConsumeFrom = options.Consumer.ConsumeFrom
                IsRetryTopic = (fun _ -> false)
                StartAt =
                    options.StartAt
                    |> Option.map (fun choose -> fun queue cancellation -> choose (offsets.Outer queue) cancellation)
                FlowControl = options.FlowControl
                BoundsGaps = false
                TopicFlowControl = TopicFlowControlLimits.None
                PullBatch = options.PullBatch
                Drain = Drain(TimeSpan.Zero, options.Consumer.Client.Remoting.Ports.Clock)
                Remoting = options.Consumer.Client.Remoting
            },
            clock,
            events,
            table,
            problems,
            steering,
            membership.Brokers,
            BrokerOffsets(settings, membership.Brokers),
            QueueLockRequests(
                settings,
                membership.ClientId,
                options.Consumer.Client.Remoting,
                membership.Brokers,
                clock
            ),
            puller,
            dispatcher,
            membership.Ending
        )

    let agent =
        RebalanceAgent(
            // What is assigned is not shared.
            Rebalance.create
                (if isAssigned then
                     MessageModel.Broadcasting
                 else
                     MessageModel.Clustering)
                ByMembers
                options.Strategy
                membership.ClientId,
            events,
            queues,
            assignment.Select,
            membership,
            QueuePops.none,
            options.Consumer.Client.Remoting,
            membership.Ending
        )

    let watch =
        StuckQueueMonitor(
            options.Consumer.Client.Remoting,
            options.LongPollTimeout,
            table,
            events,
            (fun queue -> not queue.Gate.IsOpen)
        )

    let control =
        PullControl(space, assignment, offsets, steering, table, events, membership, waiting, polls, closed)

    let gauged =
        { new IGaugedConsumer with
            member _.Group = options.Consumer.Group
            member _.Queues = GaugedQueues.ofTable space table
            member _.InFlight = []
            member _.RunningHandlers = ValueNone
        }

    let traces = DeliveryTraces(options, membership.Clients, membership.Routes)

    let receives =
        ObservedReceives(
            ConsumerTelemetry(options.Consumer.Client, options.Consumer.Group, MessageModel.Clustering),
            ConsumerTelemetry.OnlyTopic options.Consumer.Subscriptions,
            membership.Brokers,
            traces
        )

    let start (close: CancellationToken -> Task) =
        taskResult {
            ConsumerGauges.register gauged
            agent.Start()
            do! membership.Start close

            membership.Every(
                watchInterval,
                fun () ->
                    watch.Look()
                    Task.CompletedTask
            )

            // Without automatic commits, too: an operator's reset may have to be saved.
            membership.Every(
                options.CommitInterval,
                fun () ->
                    events.Post CommitInterval
                    Task.CompletedTask
            )
        }

    let close () : Task =
        backgroundTask {
            ConsumerGauges.forget gauged
            polls.BeginClose()
            membership.LeaveAll()
            do! agent.Ended
            polls.Close()
            do! traces.Close()
            do! membership.Close()
        }

    /// However often it is asked for, it happens once.
    let closing = lazy (close ())

    /// With a client that it shares, or one of its own.
    static member internal StartWith
        (client: RocketMqClient | null, options: PullConsumerOptions)
        : Task<Result<PullConsumer, RemotingError>> =
        let consumer =
            RocketMqClient.Made(
                client,
                (fun shared -> PullConsumerOptions.checkWith shared options),
                _.Consumer.Client,
                (fun options instance -> new PullConsumer(options, instance))
            )

        RocketMqClient.Joined(consumer, (fun consumer -> consumer.Begin()), (fun consumer -> consumer.Close()))

    /// Joins the group, or takes up what is assigned, and begins to read. A topic that is not there, or whose route cannot be queried
    /// for, is looked for until it can be read: `Health` says so until then. Fails if the options make no sense or a server
    /// refuses, such as an SQL92 expression.
    static member Start(options: PullConsumerOptions) : Task<Result<PullConsumer, RemotingError>> =
        PullConsumer.StartWith(null, options)

    /// As `Start`, over the connections of a client that others share too, none of them of the same group. What of the options
    /// belongs to the client is as it is there, or is not set.
    static member Start
        (client: RocketMqClient, options: PullConsumerOptions)
        : Task<Result<PullConsumer, RemotingError>> =
        PullConsumer.StartWith(client, options)

    member private consumer.Begin() = start (fun _ -> consumer.Close())

    /// What brokers know this member by.
    member _.ClientId = membership.ClientId

    /// The queues that it reads now, and how far it is with each.
    member _.Queues: QueueHealth list =
        report.Queues
        |> List.map (fun queue ->
            { queue with
                Queue = offsets.Outer queue.Queue
            })

    /// How the consumer is doing, for a health check.
    member consumer.Health: PullConsumerHealth =
        {
            ClientId = membership.ClientId
            Queues = consumer.Queues
            DroppedTraces = traces.Dropped
            Problems = problems.All
        }

    /// What has been received and not finished comes again, and all that comes after it, unless commits are by hand.
    member _.Redeliver() = polls.Redeliver()

    /// Waits for the next message.
    member _.Receive(cancellation: CancellationToken) : Task<Result<ReceivedMessage, RemotingError>> =
        receives.One(fun () -> polls.Receive cancellation)

    /// Waits for messages, and gives those that are there, up to so many; none if there is none within a time. If none of the
    /// topics can be read then, because it is not there or no server can be asked for it, that is the error.
    member _.Poll
        (most: int, wait: TimeSpan, cancellation: CancellationToken)
        : Task<Result<ReceivedMessage[], RemotingError>> =
        backgroundTask {
            match! receives.Many(fun () -> polls.Poll(most, wait, cancellation)) with
            | Ok [||] ->
                match membership.WhyNothing with
                | Some error -> return Error error
                | None -> return Ok [||]
            | outcome -> return outcome
        }

    /// Commits the offsets of all messages delivered so far, the last one included. The first failure is given, and the
    /// offsets of other queues may have been committed all the same.
    member _.Commit(cancellation: CancellationToken) : Task<Result<unit, RemotingError>> =
        control.CommitAll cancellation

    /// Commits an offset of a queue, the next one to be consumed, whatever has been delivered of it.
    member _.Commit
        (queue: MessageQueue, offset: int64, cancellation: CancellationToken)
        : Task<Result<unit, RemotingError>> =
        control.Commit(queue, offset, cancellation)

    /// Goes on at an offset of a queue that it reads. What waits of the queue is dropped, and what is in hand of it does not
    /// count any more.
    member _.Seek(queue: MessageQueue, offset: int64) : Result<unit, RemotingError> = control.Seek(queue, offset)

    /// Goes on at the first message that is still there.
    member _.SeekToBegin(queue: MessageQueue, cancellation: CancellationToken) =
        control.SeekTo(queue, offsets.Min(queue, cancellation))

    /// Goes on with what is stored from now on.
    member _.SeekToEnd(queue: MessageQueue, cancellation: CancellationToken) =
        control.SeekTo(queue, offsets.Max(queue, cancellation))

    /// Goes on at the messages stored at or after a time.
    member _.SeekToTime(queue: MessageQueue, time: DateTimeOffset, cancellation: CancellationToken) =
        control.SeekTo(queue, offsets.AtTime(queue, time, cancellation))

    /// Nothing of these queues is pulled or delivered until `Resume`; they stay this consumer's.
    member _.Pause(queues: MessageQueue list) = control.SetPaused(true, queues)

    /// Queues that were paused are read again.
    member _.Resume(queues: MessageQueue list) = control.SetPaused(false, queues)

    /// The offset of the first message that is still there.
    member _.MinOffset(queue: MessageQueue, cancellation: CancellationToken) = offsets.Min(queue, cancellation)

    /// The offset that the next stored message will have.
    member _.MaxOffset(queue: MessageQueue, cancellation: CancellationToken) = offsets.Max(queue, cancellation)

    /// The offset of the first message stored at or after a time.
    member _.OffsetAt(queue: MessageQueue, time: DateTimeOffset, cancellation: CancellationToken) =
        offsets.AtTime(queue, time, cancellation)

    /// The offset that the group has committed; `None` if none.
    member _.Committed(queue: MessageQueue, cancellation: CancellationToken) = offsets.Committed(queue, cancellation)

    /// Reads another topic too, or changes what is wanted of one. All members of the group must do the same.
    member _.Subscribe(topic: string, filter: Filter) : Task<Result<unit, RemotingError>> =
        control.InMode(not isAssigned, (fun () -> membership.Subscribe(topic, filter, CancellationToken.None)))

    /// Reads a topic no more. All members of the group must do the same.
    member _.Unsubscribe(topic: string) : Task<Result<unit, RemotingError>> =
        control.InMode(
            not isAssigned,
            (fun () ->
                backgroundTask {
                    do! membership.Unsubscribe topic
                    return Ok()
                })
        )

    /// Reads these queues from now on, and none else. Those that stay go on as they are.
    member _.Assign(queues: MessageQueue list, filter: Filter) : Task<Result<unit, RemotingError>> =
        control.InMode(isAssigned, (fun () -> control.Assign(queues, filter)))

    /// Stops reading, commits what is consumed unless that is done manually, leaves the group and closes the connections
    /// that it does not share.
    member _.Close() : Task = closing.Value

    /// Ends as a process does that is killed: nothing is committed, and brokers do not learn of it.
    member internal _.Kill() : Task =
        backgroundTask {
            ConsumerGauges.forget gauged
            polls.BeginClose()

            for owner in table.All do
                owner.Close()
                owner.Leave()

            polls.Close()
            do! membership.Kill()
        }

    interface IAsyncDisposable with
        member consumer.DisposeAsync() = ValueTask(consumer.Close())
