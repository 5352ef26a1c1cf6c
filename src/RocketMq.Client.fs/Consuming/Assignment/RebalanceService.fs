namespace RocketMq

open System
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

    let membersOf = $"members of group {group}"
    let equalIds = $"client id {instance.ClientId}"

    let checkEqualIds (members: string list) =
        if members |> List.filter ((=) instance.ClientId) |> List.length > 1 then
            ConsumerLog.equalClientIds log group instance.ClientId

            problems.Report(
                equalIds,
                "another member of the group has the same one, so queues are read twice or not at all; give each an instance name of its own"
            )
        else
            problems.Clear equalIds

    /// Why the members are not known. Brokers of 5.x take the heartbeats of a group that does not exist, and forget them.
    let explain topic (error: RemotingError) : Task =
        backgroundTask {
            let! missing =
                match error, subscriptions.TryFind topic with
                | RemotingError.Refused _, NonNull subscribed ->
                    MissingGroup.find
                        brokers
                        routes
                        settings
                        subscribed.Subscription
                        remoting.RequestTimeout
                        ending.Token
                | _ -> Task.FromResult None

            let struct (brokerName, error) = Option.defaultValue (struct ("", error)) missing

            let reason = RemotingError.describe error

            problems.Report(membersOf, reason)

            if refusals.Report(topic, brokerName, error) then
                refused error
            elif refusals.IsMissing then
                // It has just been created: brokers have forgotten the heartbeats from before.
                do! instance.HeartbeatService.Renew()
            else
                ConsumerLog.membersUnknown log group reason
        }

    let comparison =
        MemberComparison(log, group, subscriptions, problems, brokers, ending.Token)

    let compareSubscriptions topics members : Task =
        if options.SendsSubscriptions && settings.Model = MessageModel.Clustering then
            comparison.MembersKnown(topics, members)
        else
            Task.CompletedTask

    /// Always answers, for each of the topics, whatever happens. They are of the same brokers, which say of all of them the same.
    let queryMembersOf (topics: string list) : Task =
        backgroundTask {
            let topic = topics.Head
            let mutable known = []

            try
                match! brokers.RequestFromFirst(topic, Heartbeat.members.Request group, ending.Token) with
                | Ok members ->
                    problems.Clear membersOf
                    checkEqualIds members
                    known <- members
                    run (fun () -> compareSubscriptions topics members)
                | Error error -> do! explain topic error
            finally
                for topic in topics do
                    post (
                        if known.IsEmpty then
                            MembersUnknown topic
                        else
                            MembersKnown(topic, known)
                    )
        }

    /// Once for all topics of the same brokers. The retry topic is last: a failure is reported under the name of the first.
    let queryMembers (topics: string list) =
        let brokersOf topic =
            match routes.TryKnown topic with
            | ValueSome route -> route.Brokers |> List.map _.BrokerName
            | ValueNone -> []

        topics
        |> List.groupBy brokersOf
        |> List.collect (fun (brokers, topics) ->
            match brokers with
            | [] -> topics |> List.map List.singleton
            | _ -> [ topics |> List.sortBy Names.isRetryTopic ])
        |> List.iter (fun topics -> run (fun () -> queryMembersOf topics))

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
            // Brokers make it when they know of the group, of which the other topics tell.
            (fun topic -> topic = retryTopic),
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

    let unsubscribe topic : Task =
        backgroundTask {
            do! changing.WaitAsync()

            try
                missing.Forget topic

                if subscriptions.Remove topic then
                    post (TopicUnsubscribed topic)
                    do! instance.HeartbeatService.Renew()
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

    /// Queries the members of topics; each answer becomes an event.
    member _.QueryMembers(topics: string list) = queryMembers topics

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
