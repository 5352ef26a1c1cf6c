namespace RocketMq

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// What members of groups of all kinds are set up with.
type internal MembershipOptions =
    {
        Client: ClientOptions
        /// The group's name has the client's namespace already.
        Settings: GroupSettings
        /// Whether a topic that does not exist can be subscribed to while the member runs. At its start it always can.
        AwaitsTopics: bool
        /// Whether heartbeats name the topics, so that brokers count this member among those that share them.
        SendsSubscriptions: bool
        /// How brokers share the queues; none: the members do by themselves.
        Sharing: BrokerSharing option
    }

/// Belongs to a group: brokers know of it, and its topics are found and followed. What it learns becomes events for `Rebalance`.
[<Sealed>]
type internal RebalanceService
    (
        options: MembershipOptions,
        instance: ClientInstance,
        subscriptions: Subscriptions,
        events: MemberEvents,
        table: ProcessQueueTable,
        problems: MemberProblems,
        refusals: GroupRefusals,
        refused: RemotingError -> unit,
        callbacks: IConsumerCallbacks
    ) =
    /// Java's interval.
    static let rebalanceInterval = TimeSpan.FromSeconds 20L

    let remoting = options.Client.Remoting
    let log = remoting.Logger
    let settings = options.Settings
    let group = settings.Group
    let ending = new CancellationTokenSource()

    /// One change of subscriptions at a time.
    let changing = new SemaphoreSlim(1, 1)

    let subscriptionsToSend () =
        if options.SendsSubscriptions then subscriptions.All else []

    let participant =
        Participant(
            Consumes
                {
                    Membership = fun () -> GroupRequests.membership settings (subscriptionsToSend ())
                    Callbacks = callbacks
                }
        )

    let routes = instance.Routes
    let brokers = GroupBrokers(instance.Clients, routes)
    let post event = events.Post(RebalanceEvent event)
    let run work = Supervised.run log ending.Token work

    let queries =
        MemberQueries(
            settings,
            options.Sharing,
            instance,
            remoting,
            brokers,
            subscriptions,
            problems,
            refusals,
            refused,
            options.SendsSubscriptions,
            post,
            ending.Token
        )

    let isSubscribed topic =
        not (isNull (subscriptions.TryFind topic))

    /// Brokers know of this member before it queries them for the members.
    let useRoute topic (route: TopicRoute) : Task =
        backgroundTask {
            do! instance.HeartbeatService.AtAll route
            post (RouteKnown(topic, TopicRoute.subscribeQueues topic route))
        }

    let topicOf (topic: string) = $"topic {topic}"

    let retryTopic = Namespaced.retryTopic "" group

    let missing =
        MissingTopics(
            log,
            group,
            // Brokers make it when they know of the group, of which the other topics tell, or when what was popped comes again.
            (fun topic -> topic = retryTopic || PopRetryTopics.isOne retryTopic topic),
            (fun topic error -> problems.Report(topicOf topic, RemotingError.describe error)),
            (fun topic -> problems.Clear(topicOf topic))
        )

    let joining = TopicJoining(missing, remoting, ending.Token)

    let every (interval: TimeSpan) (act: unit -> Task) =
        PeriodicTask.run remoting interval ending.Token act

    let rebalance () : Task =
        post RebalanceDue
        Task.CompletedTask

    let notifications =
        MemberNotifications(
            remoting,
            ending.Token,
            fun () ->
                post RebalanceEvent.MembersChanged
                Task.CompletedTask
        )

    /// SQL92 expressions are checked by a broker: whether it can filter so, and understands them.
    let checkExpression (topic: string) filter =
        match filter with
        | ByTag _ -> Task.FromResult(Ok())
        | BySql92 _ ->
            brokers.RequestFromFirst(topic, GroupRequests.check instance.ClientId group topic filter, ending.Token)

    /// Whether a topic can be subscribed to, and its route. Changes nothing.
    let check topic (filter: Filter) : Task<Result<TopicRoute, RemotingError>> =
        taskResult {
            do!
                Filter.check filter
                |> Result.mapError RemotingError.Invalid
                |> Result.map ignore<Filter>

            let! route = routes.Get(topic, ending.Token)
            do! checkExpression topic filter
            return route
        }

    /// Reads a topic, if it can be and is still subscribed to.
    let joinTopic topic () : Task<Result<unit, RemotingError>> =
        taskResult {
            match subscriptions.TryFind topic with
            | null -> ()
            | subscribed ->
                let! route = check topic subscribed.Subscription.Filter
                do! useRoute topic route
        }

    let join (subscription: TopicSubscription) : Task<Result<unit, RemotingError>> =
        post (TopicSubscribed subscription.Topic)
        joining.JoinOrSeek(subscription.Topic, joinTopic subscription.Topic)

    /// A subscription that cannot be had changes nothing of what is subscribed to.
    let subscribe topic (filter: Filter) (cancellation: CancellationToken) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            do! changing.WaitAsync cancellation

            try
                let! found = check topic filter

                let isTaken =
                    match found with
                    | Error(RemotingError.NoRoute _) -> options.AwaitsTopics
                    | found -> found.IsOk

                if isTaken then
                    subscriptions.Set(topic, filter)
                    table.SubscriptionChanged topic

                    post (TopicSubscribed topic)

                match found with
                | Ok route ->
                    missing.Found topic
                    do! useRoute topic route
                    do! instance.HeartbeatService.Renew()
                    return Ok()
                | Error error when isTaken ->
                    joining.Seek(topic, error, joinTopic topic)
                    do! instance.HeartbeatService.Renew()
                    return Ok()
                | Error error -> return Error error
            finally
                changing.Release() |> ignore<int>
        }

    let leaveTopics (topics: string list) : Task =
        backgroundTask {
            topics |> List.iter missing.Forget

            match topics |> List.filter subscriptions.Remove with
            | [] -> ()
            | removed ->
                removed |> List.iter (TopicUnsubscribed >> post)
                do! instance.HeartbeatService.Renew()
        }

    let popRetriesOf topic =
        if options.Sharing.IsSome then
            PopRetryTopics.ofTopic group topic
        else
            []

    let unsubscribe topic : Task =
        backgroundTask {
            do! changing.WaitAsync()

            try
                do! leaveTopics (topic :: popRetriesOf topic)
            finally
                changing.Release() |> ignore<int>
        }

    /// How brokers hand topics out to this member.
    let modes = ConcurrentDictionary<string, RequestMode>(StringComparer.Ordinal)

    let joinQuietly topic : Task =
        backgroundTask {
            match! join (subscriptions.Of topic).Subscription with
            | Ok() -> ()
            | Error error -> missing.Report(topic, error)
        }

    /// What was popped of a topic and not acknowledged comes again in topics of its own: they are popped with the topic, and pulled like
    /// others where the topic is pulled. Java's members do so too.
    let followMode topic : Task =
        backgroundTask {
            do! changing.WaitAsync ending.Token

            try
                match modes[topic] with
                | PopMode -> do! leaveTopics (popRetriesOf topic)
                | PullMode when isSubscribed topic ->
                    for retries in popRetriesOf topic do
                        if not (isSubscribed retries) then
                            subscriptions.Set(retries, Filter.all)
                            do! joinQuietly retries
                | PullMode -> ()
            finally
                changing.Release() |> ignore<int>
        }

    let registration: ClientName =
        {
            NameServers = options.Client.NameServers
            Group = group
            ClientId = instance.ClientId
        }

    let mutable isRegistered = false

    /// Routes that are shared go on to change.
    let mutable watching: IDisposable | null = null

    let unregister () =
        match watching with
        | null -> ()
        | watching -> watching.Dispose()

        if isRegistered then
            ClientNames.release registration

    let tryJoin close : Result<unit, RemotingError> =
        instance.Join(participant, close)
        |> Result.bind (fun () -> ClientNames.tryTake registration)

    /// What brokers know this member by.
    member _.ClientId = instance.ClientId

    member _.Routes = routes
    member _.Brokers = brokers
    member _.Clients = instance.Clients

    /// Cancelled at the very end.
    member _.Ending = ending.Token

    /// The members of the group are others than before, a broker says.
    member _.MembersChanged() = notifications.Notify()

    /// Does something again and again until the membership ends, each time about an interval after the last.
    member _.Every(interval: TimeSpan, act: unit -> Task) = every interval act

    /// Why nothing can be read, if none of the topics can be.
    member _.WhyNothing: RemotingError option =
        missing.WhyNothing [ for one in subscriptions.All -> one.Topic ]

    /// Joins the group. Topics that are not there, or whose route cannot be queried, are looked for until they can be read. `close` is
    /// called when a client that it shares is closed.
    member _.Start(close: CancellationToken -> Task) : Task<Result<unit, RemotingError>> =
        taskResult {
            do! tryJoin close
            isRegistered <- true

            watching <-
                routes.Changed.Subscribe(fun struct (topic, route) ->
                    if isSubscribed topic && not ending.IsCancellationRequested then
                        run (fun () -> useRoute topic route))

            do! OneByOne.untilError join subscriptions.All
            every rebalanceInterval rebalance

            if options.Sharing.IsSome then
                every rebalanceInterval queries.Look
        }

    /// Reads a topic too, or changes what is wanted of one. One that fails changes nothing.
    member _.Subscribe(topic: string, filter: Filter, cancellation) : Task<Result<unit, RemotingError>> =
        match Names.checkTopic topic with
        | Error error -> Task.FromResult(Error(RemotingError.Invalid error))
        | Ok _ -> subscribe (Namespaced.wrap options.Client.Namespace topic) filter cancellation

    /// Reads a topic no more.
    member _.Unsubscribe(topic: string) : Task =
        unsubscribe (Namespaced.wrap options.Client.Namespace topic)

    /// Gives up all queues.
    member _.LeaveAll() = post StopRequested

    /// Unregisters from brokers and closes the connections that it does not share.
    member _.Close() : Task =
        ending.Cancel()
        unregister ()
        instance.Leave participant

    /// Ends as a process does that is killed: brokers are not told.
    member _.Kill() : Task =
        ending.Cancel()
        unregister ()
        instance.Kill participant

    interface IRebalanceActions with
        member _.QueryMembers topics = queries.Members topics
        member _.QueryAssignments topics = queries.Assignments topics

        member _.FollowMode(topic, mode) =
            if not (Names.isRetryTopic topic) then
                ConsumerLog.modeFollowed log topic group (if mode = PopMode then "pop" else "pull")
                modes[topic] <- mode
                run (fun () -> followMode topic)
