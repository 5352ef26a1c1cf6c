namespace RocketMq.Protocol

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks

/// Has an application's handler work on the messages of its group: the queues are shared with the other members, positions
/// are committed as messages are done with, and what fails comes again. Safe to use from any thread.
[<Sealed>]
type PushConsumer private (options: PushConsumerOptions, handler: ConsumeHandler) =
    /// Java's interval.
    static let rebalanceInterval = TimeSpan.FromSeconds 20L

    /// Java's interval: brokers keep a lock for 60 s.
    static let lockInterval = TimeSpan.FromSeconds 20L

    /// However often brokers say that members have changed, they are asked no more often than this.
    static let notificationSpacing = TimeSpan.FromMilliseconds 200.0

    static let seekWaits = TimeSpan.FromSeconds 1L, TimeSpan.FromSeconds 20L

    let log = options.Remoting.Logger
    let clock = options.Remoting.Ports.Clock
    let group = Namespaced.wrap options.Namespace options.Group
    let retryTopic = Namespaced.retryTopic options.Namespace options.Group
    let isShared = options.Model = Clustering
    let ending = new CancellationTokenSource()
    let gate = PauseGate()
    let counts = ConsumerCounts()
    let mutable restarted = 0L
    let mutable closing: Task | null = null
    let closeGate = obj ()

    let settings: GroupSettings =
        {
            Group = group
            Type = Passively
            Model = options.Model
            ConsumeFrom = options.ConsumeFrom
            PullBatch = options.PullBatch
            Suspend = options.Suspend
            IsLite = false
        }

    let subscriptions = Subscriptions clock

    do
        for topic, filter in options.Subscriptions do
            subscriptions.Set(Namespaced.wrap options.Namespace topic, filter)

        if isShared then
            subscriptions.Set(retryTopic, Filter.all)

    /// Set before anything is sent, so before any broker asks.
    let mutable asked: IAskedMember = Unchecked.defaultof<_>

    let instance =
        ClientInstance(
            {
                NameServers = options.NameServers
                AddressServer = options.AddressServer
                Template = TopicTemplate.Default
                InstanceName = options.InstanceName
                UnitName = options.UnitName
                Remoting = options.Remoting
            },
            Consumes(fun () -> GroupRequests.membership settings subscriptions.All),
            fun _ -> GroupAnswers.handlers asked
        )

    let clientId = instance.ClientId
    let routes = instance.Routes
    let brokers = GroupBrokers(instance.Clients, routes)

    let agent =
        GroupAgent(GroupMember.create options.Model options.Strategy clientId, log)

    let store: IOffsetStore =
        if isShared then
            BrokerOffsets(settings, brokers)
        else
            LocalOffsets(options.OffsetDirectory, clientId, group, log)

    let tracing =
        options.TraceTopic
        |> Option.map (fun topic ->
            ConsumeTracing(topic, options.Namespace, options.Group, options.Remoting, instance.Clients, routes))

    let call = HandlerCall(options, handler, counts, tracing)

    let giveBack =
        GivingBack(settings, options.MaxRetries, options.Namespace, options.Remoting, brokers, routes)

    let locks =
        if options.IsOrdered && isShared then
            Some(LockKeeper(settings, clientId, options.Remoting, brokers, fun queue -> agent.Post(QueueFailed queue)))
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
            routes,
            subscriptions,
            options.Namespace,
            InnerBatch.expand options.Codecs options.InflatedLimit,
            gate,
            { new IPulled with
                member _.Hand held = handling.Hand held

                member _.Moved(queue, position) =
                    moved[queue.Queue] <- position
                    agent.Post(QueueFailed queue.Queue)
            }
        )

    let queues =
        OwnedQueues(
            options,
            (fun topic -> topic = retryTopic),
            moved,
            brokers,
            store,
            locks,
            puller,
            handling,
            fun queue -> agent.Post(QueueFailed queue)
        )

    let askMembers topic : Task =
        backgroundTask {
            match! brokers.AskOne(topic, Heartbeat.members.Request group, ending.Token) with
            | Ok(_ :: _ as members) -> agent.Post(MembersKnown(topic, members))
            | Ok [] -> agent.Post(MembersUnknown topic)
            | Error error ->
                Log.membersUnknown log group (RemotingError.describe error)
                agent.Post(MembersUnknown topic)
        }

    let startQueue queue : Task =
        backgroundTask {
            let! isStarted = queues.Start queue

            agent.Post(
                if isStarted then
                    QueueStarted queue
                else
                    QueueNotStarted queue
            )
        }

    let leaveQueue queue : Task =
        backgroundTask {
            try
                let owner = queues.TryFind queue
                do! queues.Leave queue

                match ordered, owner with
                | _, null
                | None, _ -> ()
                | Some ordered, owner -> ordered.Forget owner
            with error ->
                Log.queueFailed log queue error

            agent.Post(QueueLeft queue)
        }

    let carryOut effect =
        match effect with
        | AskMembers topic -> askMembers topic |> ignore
        | StartQueue queue -> startQueue queue |> ignore
        | LeaveQueue queue -> leaveQueue queue |> ignore
        | MembershipEnded -> ()

    let restart queue =
        Interlocked.Increment &restarted |> ignore
        agent.Post(QueueFailed queue)

    let watch =
        Watch(options, queues, handling, counts, (fun () -> not gate.IsOpen), restart)

    let isWanted topic =
        not (isNull (subscriptions.TryFind topic))

    /// Brokers know of this member before it asks them who the members are.
    let useRoute topic (route: TopicRoute) : Task =
        backgroundTask {
            do! instance.Presence.AtAll route
            agent.Post(RouteKnown(topic, TopicRoute.subscribeQueues topic route))
        }

    /// Looks for a topic until there is one, or it is not wanted any more.
    let seek topic : Task =
        backgroundTask {
            let mutable wait = fst seekWaits
            let mutable isSought = true

            while isSought && isWanted topic && not ending.IsCancellationRequested do
                match! routes.Get(topic, ending.Token) with
                | Ok route ->
                    do! useRoute topic route
                    isSought <- false
                | Error error ->
                    Log.refreshFailed log group (RemotingError.describe error)
                    do! Task.Delay(wait, clock, ending.Token)
                    wait <- min (wait * 2.0) (snd seekWaits)
        }

    /// Runs until the consumer ends.
    let run (work: unit -> Task) : Task =
        backgroundTask {
            try
                do! work ()
            with
            | :? OperationCanceledException when ending.IsCancellationRequested -> ()
            | error -> Log.memberFailed log error
        }

    let every (interval: TimeSpan) (act: unit -> Task) : Task =
        run (fun () ->
            backgroundTask {
                while not ending.IsCancellationRequested do
                    let spread = 0.9 + 0.2 * options.Remoting.Ports.Jitter()
                    do! Task.Delay(interval * spread, clock, ending.Token)
                    do! act ()
            })

    let rebalance () : Task =
        agent.Post IntervalOver
        Task.CompletedTask

    let renewLocks (locks: LockKeeper) () : Task =
        backgroundTask {
            let! held = locks.RenewAll()

            for queue in held do
                match ordered, queues.TryFind queue with
                | _, null
                | None, _ -> ()
                | Some ordered, owner -> ordered.Wake owner
        }

    /// 1 while a notification of changed members waits to be passed on.
    let mutable isNotified = 0

    /// Passes on one notification for all that come within a time.
    let membersChanged () =
        if Interlocked.Exchange(&isNotified, 1) = 0 then
            run (fun () ->
                backgroundTask {
                    do! Task.Delay(notificationSpacing, clock, ending.Token)
                    Volatile.Write(&isNotified, 0)
                    agent.Post NotifiedOfChange
                })
            |> ignore

    let reset (queue: MessageQueue) position =
        if not (isNull (queues.TryFind queue)) then
            Log.positionReset log queue position
            moved[queue] <- position
            agent.Post(QueueFailed queue)

    let report = MemberReport(options, group, subscriptions, queues, mayConsume, call)

    do
        asked <-
            { new IAskedMember with
                member _.Group = group
                member _.MembersChanged() = membersChanged ()

                member _.Reset(topic, positions) =
                    for KeyValue(queue, position) in positions.Positions do
                        if queue.Topic = topic then
                            reset queue position

                member _.Positions topic = report.Positions topic
                member _.RunningInfo() = report.RunningInfo()
                member _.Consume query = report.Consume query
            }

    /// SQL92 expressions are checked by a broker: whether it can filter so, and understands them.
    let checkExpression (topic: string) filter =
        match filter with
        | ByTag _ -> Task.FromResult(Ok())
        | BySql92 _ ->
            brokers.AskOne(
                topic,
                Heartbeat.check.Request
                    {
                        ClientId = clientId
                        Group = group
                        Subscription = Subscription.create topic filter 0L
                        Namespace = None
                    },
                ending.Token
            )

    /// The first look for a topic: one that is not there yet is no failure, name servers that cannot be asked are.
    let firstLook topic : Task<Result<TopicRoute option, RemotingError>> =
        backgroundTask {
            match! routes.Get(topic, ending.Token) with
            | Ok route -> return Ok(Some route)
            | Error(NoRoute _) -> return Ok None
            | Error error -> return Error error
        }

    let joinTopic topic (filter: Filter) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            match! firstLook topic with
            | Error error -> return Error error
            | Ok None ->
                run (fun () -> seek topic) |> ignore
                return Ok()
            | Ok(Some route) ->
                match! checkExpression topic filter with
                | Error error -> return Error error
                | Ok() ->
                    do! useRoute topic route
                    return Ok()
        }

    let rec joinAll (topics: TopicSubscription list) =
        backgroundTask {
            match topics with
            | [] -> return Ok()
            | one :: rest ->
                match! joinTopic one.Topic one.Filter with
                | Error error -> return Error error
                | Ok() -> return! joinAll rest
        }

    let start () =
        backgroundTask {
            agent.Start carryOut

            routes.Changed.Add(fun struct (topic, route) ->
                if isWanted topic && not ending.IsCancellationRequested then
                    run (fun () -> useRoute topic route) |> ignore)

            instance.Start()

            match! joinAll subscriptions.All with
            | Error error -> return Error error
            | Ok() ->
                every rebalanceInterval rebalance |> ignore

                every options.CommitInterval (fun () -> queues.CommitAll CancellationToken.None)
                |> ignore

                every watch.Interval watch.Look |> ignore

                match locks with
                | Some locks -> every lockInterval (renewLocks locks) |> ignore
                | None -> ()

                return Ok()
        }

    let close () : Task =
        backgroundTask {
            agent.Post StopAsked
            gate.Open()
            do! agent.Ended
            handling.Pool.Close()
            ending.Cancel()

            match tracing with
            | Some tracing -> do! tracing.Close()
            | None -> ()

            do! instance.Close()
        }

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
        backgroundTask {
            match PushConsumerOptions.checkSubscription topic with
            | Error error -> return Error error
            | Ok() ->
                let topic = Namespaced.wrap options.Namespace topic
                subscriptions.Set(topic, filter)
                let! outcome = joinTopic topic filter
                do! instance.Presence.Renew()
                return outcome
        }

    /// Reads a topic no more.
    member _.Unsubscribe(topic: string) : Task =
        backgroundTask {
            let topic = Namespaced.wrap options.Namespace topic

            if subscriptions.Remove topic then
                agent.Post(TopicDropped topic)
                do! instance.Presence.Renew()
        }

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
    member _.Close() : Task =
        lock closeGate (fun () ->
            match closing with
            | null ->
                let begun = close ()
                closing <- begun
                begun
            | begun -> begun)

    /// Ends as a process does that is killed: nothing is committed, nobody is told.
    member internal _.Kill() : Task =
        backgroundTask {
            ending.Cancel()
            handling.Pool.Close()

            for owner in queues.All do
                owner.Close()
                owner.Leave()

            do! instance.Clients.CloseAll()
        }

    interface IAsyncDisposable with
        member consumer.DisposeAsync() = ValueTask(consumer.Close())
