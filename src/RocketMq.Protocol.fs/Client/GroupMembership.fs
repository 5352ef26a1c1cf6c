namespace RocketMq.Protocol

open System
open System.Threading
open System.Threading.Tasks

/// What members of groups of all kinds are set up with.
type internal MembershipOptions =
    {
        Instance: InstanceOptions
        /// What topics belong to, see `Namespaced`. The group's name in `Settings` has it already.
        Namespace: string
        Settings: GroupSettings
        /// Who divides the queues: the members, or nobody as each reads all of its own.
        Division: MessageModel
        Strategy: AssignmentStrategy
        /// Whether a topic that does not exist is looked for until it does, or is an error at the start.
        AwaitsTopics: bool
        /// Whether heartbeats name the topics, so that brokers count this member among those that share them.
        TellsSubscriptions: bool
    }

/// What a member does with the queues that become its own. `Start` gives false for one that cannot be read now.
type internal IMemberQueues =
    abstract Start: MessageQueue -> Task<bool>
    /// Ends when it is drained, committed and unlocked.
    abstract Leave: MessageQueue -> Task
    /// What is wanted of a topic is something else now: pulls of its queues that are under way do not count.
    abstract SubscriptionChanged: topic: string -> unit

/// Belongs to a group: brokers know of it, its topics are found and followed, and queues are taken up and left as
/// `GroupMember` decides.
[<Sealed>]
type internal GroupMembership(options: MembershipOptions) =
    /// Java's interval.
    static let rebalanceInterval = TimeSpan.FromSeconds 20L

    /// However often brokers say that members have changed, they are asked no more often than this.
    static let notificationSpacing = TimeSpan.FromMilliseconds 200.0

    static let seekWaits = TimeSpan.FromSeconds 1L, TimeSpan.FromSeconds 20L

    let remoting = options.Instance.Remoting
    let log = remoting.Logger
    let clock = remoting.Ports.Clock
    let settings = options.Settings
    let group = settings.Group
    let ending = new CancellationTokenSource()
    let subscriptions = Subscriptions clock

    /// Set before anything is sent, so before any broker asks.
    let mutable asked: IAskedMember = Unchecked.defaultof<_>

    let mutable queues: IMemberQueues = Unchecked.defaultof<_>

    let told () =
        if options.TellsSubscriptions then subscriptions.All else []

    let instance =
        ClientInstance(
            options.Instance,
            Consumes(fun () -> GroupRequests.membership settings (told ())),
            fun _ -> GroupAnswers.handlers asked
        )

    let routes = instance.Routes
    let brokers = GroupBrokers(instance.Clients, routes)

    let agent =
        GroupAgent(GroupMember.create options.Division options.Strategy instance.ClientId, log)

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
                do! queues.Leave queue
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

    let isWanted topic =
        not (isNull (subscriptions.TryFind topic))

    /// Which queues of a topic are this member's to divide.
    let mutable readable: string -> TopicRoute -> MessageQueue list =
        TopicRoute.subscribeQueues

    /// Brokers know of this member before it asks them who the members are.
    let useRoute topic (route: TopicRoute) : Task =
        backgroundTask {
            do! instance.Presence.AtAll route
            agent.Post(RouteKnown(topic, readable topic route))
        }

    /// Runs until the membership ends.
    let run (work: unit -> Task) : unit =
        backgroundTask {
            try
                do! work ()
            with
            | :? OperationCanceledException when ending.IsCancellationRequested -> ()
            | error -> Log.memberFailed log error
        }
        |> ignore

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

    let every (interval: TimeSpan) (act: unit -> Task) =
        run (fun () -> Recurrence.every remoting.Ports interval ending.Token act)

    let rebalance () : Task =
        agent.Post IntervalOver
        Task.CompletedTask

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

    /// SQL92 expressions are checked by a broker: whether it can filter so, and understands them.
    let checkExpression (topic: string) filter =
        match filter with
        | ByTag _ -> Task.FromResult(Ok())
        | BySql92 _ -> brokers.AskOne(topic, GroupRequests.check instance.ClientId group topic filter, ending.Token)

    /// The first look for a topic: one that is not there yet may be no failure, name servers that cannot be asked are.
    let firstLook topic : Task<Result<TopicRoute option, RemotingError>> =
        backgroundTask {
            match! routes.Get(topic, ending.Token) with
            | Ok route -> return Ok(Some route)
            | Error(NoRoute _) when options.AwaitsTopics -> return Ok None
            | Error error -> return Error error
        }

    let joinTopic topic (filter: Filter) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            match! firstLook topic with
            | Error error -> return Error error
            | Ok None ->
                run (fun () -> seek topic)
                return Ok()
            | Ok(Some route) ->
                match! checkExpression topic filter with
                | Error error -> return Error error
                | Ok() ->
                    do! useRoute topic route
                    return Ok()
        }

    let rejoin topic =
        backgroundTask {
            match subscriptions.TryFind topic with
            | null -> return Ok()
            | wanted ->
                let! outcome = joinTopic topic wanted.Subscription.Filter
                do! instance.Presence.Renew()
                return outcome
        }

    /// What brokers know this member by.
    member _.ClientId = instance.ClientId

    /// What it reads, by the names that travel. To be filled before the start.
    member _.Subscriptions = subscriptions

    member _.Routes = routes
    member _.Brokers = brokers
    member _.Clients = instance.Clients

    /// The queue is to be dropped and made anew.
    member _.Failed(queue: MessageQueue) = agent.Post(QueueFailed queue)

    /// The members of the group are others than before, a broker says.
    member _.MembersChanged() = membersChanged ()

    /// Does something again and again until the membership ends, each time about an interval after the last.
    member _.Every(interval: TimeSpan, act: unit -> Task) = every interval act

    /// Chooses which queues of a topic count, in place of all that can be read. Before the start.
    member _.ChooseBy(choose: string -> TopicRoute -> MessageQueue list) = readable <- choose

    /// Joins the group.
    member _.Start(memberQueues: IMemberQueues, askedMember: IAskedMember) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            queues <- memberQueues
            asked <- askedMember
            agent.Start carryOut

            routes.Changed.Add(fun struct (topic, route) ->
                if isWanted topic && not ending.IsCancellationRequested then
                    run (fun () -> useRoute topic route))

            instance.Start()

            match! OneByOne.untilError (fun one -> joinTopic one.Topic one.Filter) subscriptions.All with
            | Error error -> return Error error
            | Ok() ->
                every rebalanceInterval rebalance
                return Ok()
        }

    /// Reads a topic too, or changes what is wanted of one.
    member _.Subscribe(topic: string, filter: Filter) : Task<Result<unit, RemotingError>> =
        match Names.checkTopic topic with
        | Error error -> Task.FromResult(Error(Invalid error))
        | Ok _ ->
            let topic = Namespaced.wrap options.Namespace topic
            subscriptions.Set(topic, filter)
            queues.SubscriptionChanged topic
            rejoin topic

    /// Reads a topic no more.
    member _.Unsubscribe(topic: string) : Task =
        backgroundTask {
            let topic = Namespaced.wrap options.Namespace topic

            if subscriptions.Remove topic then
                agent.Post(TopicDropped topic)
                do! instance.Presence.Renew()
        }

    /// Ends when all queues are left.
    member _.LeaveAll() : Task =
        agent.Post StopAsked
        agent.Ended

    /// Says goodbye to brokers and closes the connections.
    member _.Close() : Task =
        ending.Cancel()
        instance.Close()

    /// Ends as a process does that is killed: nobody is told.
    member _.Kill() : Task =
        ending.Cancel()
        instance.Clients.CloseAll()
