namespace RocketMq

open RocketMq.Protocol

type internal RebalanceEvent =
    /// The topic is subscribed to from now on. Routes of other topics are no news.
    | TopicSubscribed of topic: string
    /// The topic is not subscribed to any more.
    | TopicUnsubscribed of topic: string
    /// The queues of a topic that can be read now. None at all counts as no news.
    | RouteKnown of topic: string * queues: MessageQueue list
    /// The client ids of the group's members. None at all counts as `MembersUnknown`.
    | MembersKnown of topic: string * members: string list
    /// The members could not be queried: the assignment stays as it is.
    | MembersUnknown of topic: string
    /// A broker says that members came or went.
    | MembersChanged
    /// Time to rebalance: every 20 s, as in Java.
    | RebalanceDue
    /// All queues are given up, for good.
    | StopRequested

type internal RebalanceEffect =
    /// Query a broker of the topic for the members, and report the answer.
    | QueryMembers of topic: string
    /// The queue is this member's from now on.
    | Assign of MessageQueue
    /// The queue is not this member's any more.
    | Revoke of MessageQueue

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
    }

/// Which queues a member of a group has. Immutable.
type internal Rebalance =
    internal
        {
            Model: MessageModel
            Strategy: AllocationStrategy
            ClientId: string
            Topics: Map<string, TopicView>
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
        }

    /// A member that subscribes to nothing. Broadcasting reads all queues and queries no members; `strategy` and `clientId` do not
    /// matter then.
    let create (model: MessageModel) (strategy: AllocationStrategy) (clientId: string) : Rebalance =
        {
            Model = model
            Strategy = strategy
            ClientId = clientId
            Topics = Map.empty
            Querying = Map.empty
            Problems = Map.empty
            IsStopped = false
        }

    /// The queues that are this member's.
    let assigned (state: Rebalance) : Set<MessageQueue> =
        state.Topics |> Map.values |> Seq.map _.Assigned |> Set.unionMany

    /// By topic, why its last allocation failed and changed nothing.
    let problems (state: Rebalance) : Map<string, InputError> = state.Problems

    let private ofTopic (topic: string) (queue: MessageQueue) = queue.Topic = topic

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

    /// Queries the members of a topic. While they are being queried, `isNews` queries once more.
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
            [ QueryMembers topic ]

    /// Of the topics that have queues.
    let private queryAll isNews (state: Rebalance) =
        match state.Model with
        | MessageModel.Broadcasting -> state, []
        | MessageModel.Clustering ->
            let mutable next = state
            let effects = ResizeArray()

            for KeyValue(topic, view) in state.Topics do
                if not view.Readable.IsEmpty then
                    let queried, more = query isNews topic next
                    next <- queried
                    effects.AddRange more

            next, List.ofSeq effects

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
                Problems = Map.remove topic state.Problems
            },
            [ for queue in view.Assigned -> Revoke queue ]
        | RouteKnown(topic, queues) ->
            match queues |> List.filter (ofTopic topic) |> Set.ofList with
            | readable when readable.IsEmpty -> state, []
            | readable -> routeKnown topic readable state
        | MembersKnown(topic, (_ :: _ as members)) -> answered topic (allocate topic members state)
        | MembersKnown(topic, [])
        | MembersUnknown topic -> answered topic (state, [])
        | MembersChanged -> queryAll true state
        | RebalanceDue -> queryAll false state
        | StopRequested ->
            { state with
                Topics = Map.empty
                IsStopped = true
            },
            [
                for KeyValue(_, view) in state.Topics do
                    for queue in view.Assigned -> Revoke queue
            ]

    /// Whether all queues have been given up, for good.
    let isStopped (state: Rebalance) : bool = state.IsStopped
