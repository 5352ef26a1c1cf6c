namespace RocketMq

open RocketMq.Protocol

/// Who shares the queues among the members of a group.
type internal QueueSharing =
    /// Each member works out its share, by the strategy.
    | ByMembers
    /// Brokers do, and say whether queues are pulled or popped. A member that cannot pop, such as one in order, shares the queues of a topic
    /// that is popped by the strategy, as Java's do, and pulls its own.
    | ByBrokers of canPop: bool

/// What a member knows of one topic that it subscribes to.
type internal TopicView =
    {
        Readable: Set<MessageQueue>
        /// The queues that are this member's by the last allocation.
        Allocated: Set<MessageQueue>
        /// Assigned and not revoked.
        Assigned: Set<MessageQueue>
        /// The members of the last allocation, as long as the queues are those that it was made of.
        AllocatedAmong: string list
        /// What is popped of it.
        Popped: Set<MessageQueue>
        /// How brokers hand it out, once they have said so.
        Mode: RequestMode option
    }

/// Which queues a member of a group has. Immutable.
type internal Rebalance =
    internal
        {
            Model: MessageModel
            Sharing: QueueSharing
            Strategy: AllocationStrategy
            ClientId: string
            Topics: Map<string, TopicView>
            /// What `Querying` is when all topics that have queues are queried: made when they change, not with each query.
            QueryingAll: Map<string, bool>
            /// The topics whose members are being queried, and whether to query once more after the answer.
            Querying: Map<string, bool>
            /// By topic, why its last allocation failed and changed nothing.
            Problems: Map<string, InputError>
            IsStopped: bool
        }

/// The rules by which the members of a group share the queues. A queue that stays assigned is not touched, and nothing that could
/// not be queried changes anything. Source: RebalanceImpl.java.
module internal Rebalance =
    let private noQueues =
        {
            Readable = Set.empty
            Allocated = Set.empty
            Assigned = Set.empty
            AllocatedAmong = []
            Popped = Set.empty
            Mode = None
        }

    /// A member that subscribes to nothing. Broadcasting reads all queues and queries no members; the other arguments do not matter then.
    let create
        (model: MessageModel)
        (sharing: QueueSharing)
        (strategy: AllocationStrategy)
        (clientId: string)
        : Rebalance =
        {
            Model = model
            Sharing = sharing
            Strategy = strategy
            ClientId = clientId
            Topics = Map.empty
            QueryingAll = Map.empty
            Querying = Map.empty
            Problems = Map.empty
            IsStopped = false
        }

    /// The queues that are this member's, to be pulled.
    let assigned (state: Rebalance) : Set<MessageQueue> =
        state.Topics |> Map.values |> Seq.map _.Assigned |> Set.unionMany

    /// What this member pops.
    let popped (state: Rebalance) : Set<MessageQueue> =
        state.Topics |> Map.values |> Seq.map _.Popped |> Set.unionMany

    /// By topic, why its last allocation failed and changed nothing.
    let problems (state: Rebalance) : Map<string, InputError> = state.Problems

    let private ofTopic (topic: string) (queue: MessageQueue) = queue.Topic = topic

    /// One after the other, each on what the one before has made of the state.
    let private forEach change (topics: string seq) (state: Rebalance) : Rebalance * RebalanceEffect list =
        let mutable next = state
        let effects = ResizeArray()

        for topic in topics do
            let changed, more = change topic next
            next <- changed
            effects.AddRange more

        next, List.ofSeq effects

    let private withView topic view (state: Rebalance) =
        { state with
            Topics = Map.add topic view state.Topics
        }

    /// Revokes what is not allocated and assigns what is, of one topic. A queue that cannot be read any more is kept until the next
    /// allocation, but not assigned again.
    let private reconcile topic (view: TopicView) (state: Rebalance) : Rebalance * RebalanceEffect list =
        let surplus = view.Assigned - view.Allocated
        let missing = Set.intersect view.Allocated view.Readable - view.Assigned

        withView
            topic
            { view with
                Assigned = Set.union (view.Assigned - surplus) missing
            }
            state,
        [ for queue in surplus -> Revoke queue ]
        @ [ for queue in missing -> Assign queue ]

    /// Pops these of a topic from now on.
    let private pop topic popped (state: Rebalance) : Rebalance * RebalanceEffect list =
        match Map.tryFind topic state.Topics with
        | Some view when view.Popped <> popped ->
            withView topic { view with Popped = popped } state, [ PopQueues(topic, Set.toList popped) ]
        | _ -> state, []

    let private queryOf (state: Rebalance) topic =
        match state.Sharing with
        | ByMembers -> QueryMembers topic
        | ByBrokers _ -> QueryAssignments topic

    /// Queries who has the queues of a topic. While that is being queried, `isNews` queries once more.
    let private query isNews topic (state: Rebalance) : Rebalance * RebalanceEffect list =
        match Map.tryFind topic state.Querying with
        | Some isRepeated ->
            { state with
                Querying = Map.add topic (isRepeated || isNews) state.Querying
            },
            []
        | None ->
            { state with
                Querying = Map.add topic false state.Querying
            },
            [ queryOf state topic ]

    /// Of the topics that have queues.
    let private queryAll isNews (state: Rebalance) =
        match state.Model with
        | MessageModel.Broadcasting -> state, []
        | MessageModel.Clustering when state.Querying.IsEmpty ->
            { state with
                Querying = state.QueryingAll
            },
            [ for KeyValue(topic, _) in state.QueryingAll -> queryOf state topic ]
        | MessageModel.Clustering -> forEach (query isNews) (Map.keys state.QueryingAll) state

    /// Whether a strategy makes the same of the same members and queues: what the application has written may not.
    let private isStable (strategy: AllocationStrategy) =
        match strategy with
        | AllocationStrategy.CustomAssignment _
        | AllocationStrategy.NearbyMachineRoom _ -> false
        | _ -> true

    let private allocate topic members (state: Rebalance) =
        match Map.tryFind topic state.Topics with
        | None -> state, []
        // As it is nearly always.
        | Some view when view.AllocatedAmong = members && isStable state.Strategy -> state, []
        | Some view ->
            match QueueAllocation.tryAssign state.Strategy state.ClientId members (Set.toList view.Readable) with
            | Ok allocated ->
                let allocated = Set.ofList allocated

                let state =
                    if state.Problems.ContainsKey topic then
                        { state with
                            Problems = Map.remove topic state.Problems
                        }
                    else
                        state

                let view =
                    { view with
                        Allocated = allocated
                        AllocatedAmong = members
                    }

                if allocated = view.Assigned then
                    withView topic view state, []
                else
                    reconcile topic view state
            | Error problem ->
                withView
                    topic
                    { view with AllocatedAmong = [] }
                    { state with
                        Problems = Map.add topic problem state.Problems
                    },
                []

    let private routeKnown topic readable (state: Rebalance) =
        let state =
            if state.Topics.ContainsKey topic && not (state.QueryingAll.ContainsKey topic) then
                { state with
                    QueryingAll = Map.add topic false state.QueryingAll
                }
            else
                state

        match state.Model, Map.tryFind topic state.Topics with
        | _, None -> state, []
        | _, Some view when view.Readable = readable -> state, []
        | MessageModel.Broadcasting, Some view ->
            reconcile
                topic
                { view with
                    Readable = readable
                    Allocated = readable
                }
                state
        | MessageModel.Clustering, Some view ->
            // A query from before may be under way: its answer is not new enough for queues that were not known then.
            state
            |> withView
                topic
                { view with
                    Readable = readable
                    AllocatedAmong = []
                }
            |> query view.Readable.IsEmpty topic

    /// Queues of a topic that was popped until now are pulled.
    let private allocateInstead topic members (state: Rebalance) =
        let state, popped = pop topic Set.empty state
        let state, effects = allocate topic members state
        state, popped @ effects

    let private follow topic mode (state: Rebalance) =
        match Map.tryFind topic state.Topics with
        | Some view when view.Mode <> Some mode ->
            withView topic { view with Mode = Some mode } state, [ FollowMode(topic, mode) ]
        | _ -> state, []

    /// Takes over what brokers assign. Queues that are popped need not be known of the route: their id may stand for all of a broker's.
    let private take topic (assignments: Assignment list) (state: Rebalance) =
        match Map.tryFind topic state.Topics with
        | None -> state, []
        // Subscribed to again since the query: its route is not known yet.
        | Some view when view.Readable.IsEmpty -> state, []
        | Some view ->
            let queuesOf mode =
                set
                    [
                        for one in assignments do
                            if one.Mode = mode && ofTopic topic one.Queue then
                                one.Queue
                    ]

            let pulled = queuesOf PullMode
            let popped = queuesOf PopMode

            let state, reconciled =
                reconcile
                    topic
                    { view with
                        Allocated = Set.intersect pulled view.Readable
                        AllocatedAmong = []
                    }
                    state

            let state, pops = pop topic popped state

            // One that is assigned nothing does not learn how.
            let state, followed =
                match pulled.IsEmpty, popped.IsEmpty with
                | false, true -> follow topic PullMode state
                | true, false -> follow topic PopMode state
                | _ -> state, []

            state, reconciled @ pops @ followed

    /// The members of a topic have been queried. If there was news meanwhile, they are queried again.
    let private answered topic (state: Rebalance, effects: RebalanceEffect list) =
        match Map.tryFind topic state.Querying with
        | None -> state, effects
        | Some isRepeated ->
            let state =
                { state with
                    Querying = Map.remove topic state.Querying
                }

            if isRepeated && state.Topics.ContainsKey topic then
                let state, again = query false topic state
                state, effects @ again
            else
                state, effects

    /// Whether these are all that are being queried, and none of them is to be queried once more.
    let private areAllQueried (topics: string list) (state: Rebalance) =
        let isQueriedOnce topic =
            match state.Querying.TryGetValue topic with
            | true, isRepeated -> not isRepeated
            | _ -> false

        topics.Length = state.Querying.Count && List.forall isQueriedOnce topics

    let private membersKnown topics members (state: Rebalance) =
        let take topic (state: Rebalance) =
            if List.isEmpty members then
                state, []
            else
                allocateInstead topic members state

        if areAllQueried topics state then
            forEach take topics { state with Querying = Map.empty }
        else
            forEach (fun topic state -> answered topic (take topic state)) topics state

    /// Brokers do not share the queues of a topic among the members, or not so that this member could read them: the members do. The query
    /// goes on.
    let private shareByMembers topic (state: Rebalance) =
        match Map.tryFind topic state.Topics with
        | Some view when state.Querying.ContainsKey topic && not view.Readable.IsEmpty -> state, [ QueryMembers topic ]
        | _ -> answered topic (state, [])

    let private assignmentsKnown topic (assignments: Assignment list) (state: Rebalance) =
        match state.Sharing with
        | ByMembers -> answered topic (state, [])
        | ByBrokers false when assignments |> List.exists (fun one -> one.Mode = PopMode) -> shareByMembers topic state
        | ByBrokers _ -> answered topic (take topic assignments state)

    /// What an event makes of a member's queues, and what is to be done. Total: news that no longer matters changes nothing.
    let transition (state: Rebalance) (event: RebalanceEvent) : Rebalance * RebalanceEffect list =
        match event with
        | _ when state.IsStopped -> state, []
        | TopicSubscribed topic when state.Topics.ContainsKey topic -> state, []
        | TopicSubscribed topic -> withView topic noQueues state, []
        | TopicUnsubscribed topic ->
            let view = Map.tryFind topic state.Topics |> Option.defaultValue noQueues

            { state with
                Topics = Map.remove topic state.Topics
                QueryingAll = Map.remove topic state.QueryingAll
                Problems = Map.remove topic state.Problems
            },
            [
                for queue in view.Assigned do
                    Revoke queue

                if not view.Popped.IsEmpty then
                    PopQueues(topic, [])
            ]
        | RouteKnown(topic, queues) ->
            match queues |> List.filter (ofTopic topic) |> Set.ofList with
            | readable when readable.IsEmpty -> state, []
            | readable -> routeKnown topic readable state
        | MembersKnown(topics, members) -> membersKnown topics members state
        | AssignmentsKnown(topic, assignments) -> assignmentsKnown topic assignments state
        | AssignmentsUnsupported topic -> shareByMembers topic state
        | MembersUnknown topic -> answered topic (state, [])
        | MembersChanged -> queryAll true state
        | RebalanceDue -> queryAll false state
        | StopRequested ->
            { state with
                Topics = Map.empty
                IsStopped = true
            },
            [
                for KeyValue(topic, view) in state.Topics do
                    for queue in view.Assigned do
                        Revoke queue

                    if not view.Popped.IsEmpty then
                        PopQueues(topic, [])
            ]

    /// Whether all queues have been given up, for good.
    let isStopped (state: Rebalance) : bool = state.IsStopped
