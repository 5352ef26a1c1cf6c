namespace RocketMq.Protocol

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks

/// Has an application's handler work on the messages of its group: the queues are shared with the other members, positions
/// are committed as messages are done with, and what fails comes again. Safe to use from any thread.
[<Sealed>]
type PushConsumer private (options: PushConsumerOptions, handler: ConsumeHandler) =
    /// Java's interval: brokers keep a lock for 60 s.
    static let lockInterval = TimeSpan.FromSeconds 20L

    let log = options.Remoting.Logger
    let clock = options.Remoting.Ports.Clock
    let group = Namespaced.wrap options.Namespace options.Group
    let retryTopic = Namespaced.retryTopic options.Namespace options.Group
    let isShared = options.Model = Clustering
    let gate = PauseGate()
    let counts = ConsumerCounts()
    let mutable restarted = 0L

    let settings: GroupSettings =
        {
            Group = group
            Type = Passively
            Model = options.Model
            ConsumeFrom = options.ConsumeFrom
            PullBatch = options.PullBatch
            Suspend = options.Suspend
        }

    let membership =
        GroupMembership
            {
                Instance =
                    {
                        NameServers = options.NameServers
                        AddressServer = options.AddressServer
                        Template = TopicTemplate.Default
                        InstanceName = options.InstanceName
                        UnitName = options.UnitName
                        Remoting = options.Remoting
                    }
                Namespace = options.Namespace
                Settings = settings
                Division = options.Model
                Strategy = options.Strategy
                AwaitsTopics = true
                TellsSubscriptions = true
            }

    let subscriptions = membership.Subscriptions

    do
        for topic, filter in options.Subscriptions do
            subscriptions.Set(Namespaced.wrap options.Namespace topic, filter)

        if isShared then
            subscriptions.Set(retryTopic, Filter.all)

    let clientId = membership.ClientId
    let brokers = membership.Brokers

    let store: IOffsetStore =
        if isShared then
            BrokerOffsets(settings, brokers)
        else
            LocalOffsets(options.OffsetDirectory, clientId, group, log)

    let tracing =
        options.TraceTopic
        |> Option.map (fun topic ->
            ConsumeTracing(
                topic,
                options.Namespace,
                options.Group,
                options.Remoting,
                membership.Clients,
                membership.Routes
            ))

    let call = HandlerCall(options, handler, counts, tracing)

    let giveBack =
        GivingBack(settings, options.MaxRetries, options.Namespace, options.Remoting, brokers, membership.Routes)

    let locks =
        if options.IsOrdered && isShared then
            Some(LockKeeper(settings, clientId, options.Remoting, brokers, membership.Failed))
        else
            None

    let mayConsume (queue: ProcessQueue) =
        locks |> Option.forall (fun locks -> locks.MayConsume queue.Queue)

    let ordered =
        if options.IsOrdered then
            Some(OrderedHandling(options, call, counts, giveBack, mayConsume))
        else
            None

    let handling: IHandling =
        match ordered with
        | Some ordered -> ordered
        | None -> ConcurrentHandling(options, call, counts, giveBack)

    /// The queue goes on at another position than the one that it is read at.
    let moved = ConcurrentDictionary<MessageQueue, int64>()

    let puller =
        QueuePuller(
            settings,
            options.Remoting,
            brokers,
            membership.Routes,
            subscriptions,
            options.Namespace,
            InnerBatch.expand options.Codecs options.InflatedLimit,
            gate,
            { new IPulled with
                member _.Hand held = handling.Hand held

                member _.Moved(queue, position) =
                    moved[queue.Queue] <- position
                    queue.Leave()
                    membership.Failed queue.Queue

                // The pull that failed has been logged.
                member _.Refused(_, _) = ()
            }
        )

    let cancelHandlers (queue: ProcessQueue) =
        for run in handling.Pool.Running do
            let stamp = run.Stamp

            if stamp <> 0L && Object.ReferenceEquals(run.Queue, queue) then
                run.Cancel stamp

    let queues =
        OwnedQueues(
            {
                ConsumeFrom = options.ConsumeFrom
                StartAt = None
                Prepare = ignore
                Hold = options.Hold
                HoldPerTopic = options.HoldPerTopic
                PullBatch = options.PullBatch
                DrainTimeout = options.DrainTimeout
                CommitsOnLeave = true
                Remoting = options.Remoting
            },
            (fun topic -> topic = retryTopic),
            moved,
            brokers,
            store,
            locks,
            puller,
            cancelHandlers,
            membership.Failed
        )

    let leaveQueue queue : Task =
        backgroundTask {
            let owner = queues.TryFind queue
            do! queues.Leave queue

            match ordered, owner with
            | _, null
            | None, _ -> ()
            | Some ordered, owner -> ordered.Forget owner
        }

    let memberQueues =
        { new IMemberQueues with
            member _.Start queue = queues.Start queue
            member _.Leave queue = leaveQueue queue
            member _.SubscriptionChanged topic = queues.SubscriptionChanged topic
        }

    let restart queue =
        Interlocked.Increment &restarted |> ignore
        membership.Failed queue

    let watch =
        Watch(options, handling, counts, QueueWatch(options.Remoting, queues, (fun _ -> not gate.IsOpen), restart))

    let renewLocks (locks: LockKeeper) () : Task =
        backgroundTask {
            let! held = locks.RenewAll()

            for queue in held do
                match ordered, queues.TryFind queue with
                | _, null
                | None, _ -> ()
                | Some ordered, owner -> ordered.Wake owner
        }

    let reset (queue: MessageQueue) position =
        if not (isNull (queues.TryFind queue)) then
            Log.positionReset log queue position
            moved[queue] <- position
            membership.Failed queue

    let report =
        MemberReport(
            {
                Type = settings.Type
                IsOrdered = options.IsOrdered
                NameServers = options.NameServers
                Concurrency = options.Concurrency
                Clock = clock
            },
            subscriptions,
            queues,
            mayConsume
        )

    let asked =
        { new IAskedMember with
            member _.Group = group
            member _.MembersChanged() = membership.MembersChanged()

            member _.Reset(topic, positions) =
                for KeyValue(queue, position) in positions.Positions do
                    if queue.Topic = topic then
                        reset queue position

            member _.Positions topic = report.Positions topic
            member _.RunningInfo() = report.RunningInfo()

            member _.Consume query =
                DirectHandling.consume options retryTopic call query
        }

    let start () =
        backgroundTask {
            match! membership.Start(memberQueues, asked) with
            | Error error -> return Error error
            | Ok() ->
                membership.Every(options.CommitInterval, (fun () -> queues.CommitAll CancellationToken.None :> Task))
                membership.Every(watch.Interval, watch.Look)

                locks
                |> Option.iter (fun locks -> membership.Every(lockInterval, renewLocks locks))

                return Ok()
        }

    let close () : Task =
        backgroundTask {
            let left = membership.LeaveAll()
            gate.Open()
            do! left
            handling.Pool.Close()

            match tracing with
            | Some tracing -> do! tracing.Close()
            | None -> ()

            do! membership.Close()
        }

    /// However often it is asked for, it happens once.
    let closing = lazy (close ())

    let isWellFor (run: HandlerRun) =
        run.Stamp = 0L || clock.GetElapsedTime run.Started <= options.ConsumeTimeout

    /// Joins the group and begins to read. A topic that does not exist yet is looked for until it does. Fails if no name
    /// server can be asked, or a broker does not understand an SQL92 expression.
    static member Start
        (options: PushConsumerOptions, handler: ConsumeHandler)
        : Task<Result<PushConsumer, RemotingError>> =
        backgroundTask {
            match PushConsumerOptions.check options with
            | Error error -> return Error error
            | Ok() ->
                let consumer = new PushConsumer(options, handler)

                match! consumer.Begin() with
                | Ok() -> return Ok consumer
                | Error error ->
                    do! consumer.Close()
                    return Error error
        }

    member private _.Begin() = start ()

    /// What brokers know this member by.
    member _.ClientId = clientId

    /// Reads another topic too, or changes what is wanted of one.
    member _.Subscribe(topic: string, filter: Filter) : Task<Result<unit, RemotingError>> =
        membership.Subscribe(topic, filter)

    /// Reads a topic no more.
    member _.Unsubscribe(topic: string) : Task = membership.Unsubscribe topic

    /// Nothing is pulled and no handler begins until `Resume`; handlers at work go on. The member keeps its queues.
    member _.Pause() =
        gate.Close()
        handling.Pool.Pause()

    member _.Resume() =
        gate.Open()
        handling.Pool.Resume()

    /// Commits what is done with now.
    member _.Commit(cancellation: CancellationToken) : Task = queues.CommitAll cancellation

    member _.Health: PushConsumerHealth =
        let running = handling.Pool.Running

        {
            ClientId = clientId
            Queues = report.Queues
            Consumed = counts.AllConsumed
            Failed = counts.AllFailed
            GivenBack = counts.AllGivenBack
            Kept = counts.AllKept
            StuckHandlers = running |> List.filter (isWellFor >> not) |> List.length
            OverdueHandlers = counts.AllOverdue
            AbandonedHandlers = counts.AllGivenUp
            RestartedQueues = Volatile.Read &restarted
            DroppedTraces = tracing |> Option.map _.Dropped |> Option.defaultValue 0L
            IsPaused = not gate.IsOpen
        }

    /// Stops: no handler begins, those at work may end within `DrainTimeout`, and are told to then; what is done with is
    /// committed, locks are given back, brokers are told, connections closed.
    member _.Close() : Task = closing.Value

    /// Ends as a process does that is killed: nothing is committed, nobody is told.
    member internal _.Kill() : Task =
        backgroundTask {
            handling.Pool.Close()

            for owner in queues.All do
                owner.Close()
                owner.Leave()

            do! membership.Kill()
        }

    interface IAsyncDisposable with
        member consumer.DisposeAsync() = ValueTask(consumer.Close())
