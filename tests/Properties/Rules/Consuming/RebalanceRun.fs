/// A member's rebalance with an acting side that does what it is told, and checks that it may be told so.
module internal RocketMq.Protocol.Tests.RebalanceRun

open RocketMq
open RocketMq.Protocol

/// What happens to a member, in any order. Numbers choose among what there is.
type RebalanceStep =
    | Subscribe of topic: byte
    | Unsubscribe of topic: byte
    | Route of topic: byte * queues: byte
    /// The answer to a query in flight.
    | Answer of place: byte * members: byte
    /// One answer to all queries in flight.
    | AnswerAll of members: byte
    | NoAnswer of place: byte
    /// Brokers assign queues of the topic, to be pulled or popped.
    | Assigns of place: byte * queues: byte * mode: byte
    /// Or they do not say, or know no such request.
    | AssignsNothingYet of place: byte
    | DoesNotAssign of place: byte
    | Notify
    | Interval
    | StopNow

/// A member and the acting side, which does what it is told.
type World =
    {
        Member: Rebalance
        Assigned: Set<MessageQueue>
        /// Popped, by topic.
        Popped: Map<string, Set<MessageQueue>>
        Modes: Map<string, RequestMode>
        /// Topics whose members are queried.
        Queries: Set<string>
        /// Topics of which brokers are asked what they assign.
        AssignmentQueries: Set<string>
        /// Topics whose members are to be queried again, when the answer is there.
        Owed: Set<string>
        /// Of the topics that are subscribed to.
        Readable: Map<string, MessageQueue list>
        IsStopped: bool
        Effects: RebalanceEffect list
    }

let own = "c1"

let topicOf (number: byte) =
    [| "T"; "U"; "%RETRY%g" |][int number % 3]

let queuesOf (topic: string) count : MessageQueue list =
    [
        for id in 0 .. count - 1 ->
            {
                Topic = topic
                BrokerName = $"broker-{id % 2}"
                QueueId = id
            }
    ]

/// Always with this member, except for one set in eight.
let membersOf (number: byte) =
    (if number % 8uy = 7uy then [] else [ own ])
    @ List.truncate (int number / 8 % 4) [ "c0"; "c2"; "c3" ]

let startSharing model sharing strategy =
    {
        Member = Rebalance.create model sharing strategy own
        Assigned = Set.empty
        Popped = Map.empty
        Modes = Map.empty
        Queries = Set.empty
        AssignmentQueries = Set.empty
        Owed = Set.empty
        Readable = Map.empty
        IsStopped = false
        Effects = []
    }

let start model strategy = startSharing model ByMembers strategy

let private checkQuery topic world =
    if world.Queries.Contains topic || world.AssignmentQueries.Contains topic then
        failtest $"two queries for {topic} are in flight"

    if world.IsStopped then
        failtest "a member that has stopped queries"

    if not (world.Readable.ContainsKey topic) then
        failtest $"{topic} is not subscribed to"

let private perform world effect =
    match effect with
    | QueryMembers topic ->
        checkQuery topic world

        { world with
            Queries = Set.add topic world.Queries
            Owed = Set.remove topic world.Owed
        }
    | QueryAssignments topic ->
        checkQuery topic world

        { world with
            AssignmentQueries = Set.add topic world.AssignmentQueries
            Owed = Set.remove topic world.Owed
        }
    | PopQueues(topic, popped) ->
        let popped = Set.ofList popped

        if popped = (Map.tryFind topic world.Popped |> Option.defaultValue Set.empty) then
            failtest $"%A{popped} are popped already"

        if
            not popped.IsEmpty
            && (world.IsStopped || not (world.Readable.ContainsKey topic))
        then
            failtest $"{topic} is popped by a member that does not read it"

        { world with
            Popped =
                if popped.IsEmpty then
                    Map.remove topic world.Popped
                else
                    Map.add topic popped world.Popped
        }
    | FollowMode(topic, mode) ->
        if Map.tryFind topic world.Modes = Some mode then
            failtest $"the mode of {topic} is no news"

        { world with
            Modes = Map.add topic mode world.Modes
        }
    | Assign queue ->
        if world.Assigned.Contains queue then
            failtest $"%A{queue} is assigned twice"

        if world.IsStopped then
            failtest "a member that has stopped is assigned a queue"

        if not (List.contains queue (Map.tryFind queue.Topic world.Readable |> Option.defaultValue [])) then
            failtest $"%A{queue} cannot be read"

        { world with
            Assigned = Set.add queue world.Assigned
        }
    | Revoke queue ->
        if not (world.Assigned.Contains queue) then
            failtest $"%A{queue} is revoked and was not assigned"

        { world with
            Assigned = Set.remove queue world.Assigned
        }

let apply world event =
    let next, effects = Rebalance.transition world.Member event
    let world = List.fold perform { world with Member = next } effects
    Rebalance.assigned next |> shouldEqual world.Assigned
    Rebalance.popped next |> shouldEqual (Set.unionMany (Map.values world.Popped))

    { world with
        Effects = world.Effects @ effects
    }

let private at (place: byte) items =
    List.tryItem (int place % max 1 (List.length items)) items

let answer topic event world =
    apply
        { world with
            Queries = Set.remove topic world.Queries
            AssignmentQueries = Set.remove topic world.AssignmentQueries
        }
        event

let private answerAll members world =
    apply { world with Queries = Set.empty } (MembersKnown(Set.toList world.Queries, members))

let private assignmentOf mode queue : Assignment =
    {
        Queue = queue
        Mode = mode
        Attachments = None
    }

/// By a byte: some queues of the topic, pulled, popped, both, or all of each broker popped together.
let assignmentsOf topic (queues: byte) (mode: byte) : Assignment list =
    let chosen =
        queuesOf topic 6
        |> List.filter (fun queue -> int queues >>> queue.QueueId &&& 1 = 1)

    match mode % 4uy with
    | 0uy -> chosen |> List.map (assignmentOf PullMode)
    | 1uy -> chosen |> List.map (assignmentOf PopMode)
    | 2uy ->
        chosen
        |> List.map (fun queue -> assignmentOf (if queue.QueueId % 2 = 0 then PullMode else PopMode) queue)
    | _ ->
        chosen
        |> List.map (fun queue -> assignmentOf PopMode { queue with QueueId = -1 })
        |> List.distinct

let private noteRoute topic queues world =
    match Map.tryFind topic world.Readable with
    | Some _ when not (List.isEmpty queues) ->
        { world with
            Readable = Map.add topic queues world.Readable
        }
    | _ -> world

let subscribe topic world =
    let world =
        if world.IsStopped || world.Readable.ContainsKey topic then
            world
        else
            { world with
                Readable = Map.add topic [] world.Readable
            }

    apply world (TopicSubscribed topic)

let unsubscribe topic world =
    apply
        { world with
            Readable = Map.remove topic world.Readable
            Owed = Set.remove topic world.Owed
            Modes = Map.remove topic world.Modes
        }
        (TopicUnsubscribed topic)

let route topic queues world =
    apply (noteRoute topic queues world) (RouteKnown(topic, queues))

let step world step =
    match step with
    | Subscribe topic -> subscribe (topicOf topic) world
    | Unsubscribe topic -> unsubscribe (topicOf topic) world
    | Route(topic, queues) -> route (topicOf topic) (queuesOf (topicOf topic) (int queues % 6)) world
    | Answer(place, members) ->
        match at place (Set.toList world.Queries) with
        | Some topic -> answer topic (MembersKnown([ topic ], membersOf members)) world
        | None -> world
    | AnswerAll members -> answerAll (membersOf members) world
    | NoAnswer place ->
        match at place (Set.toList world.Queries) with
        | Some topic -> answer topic (MembersUnknown topic) world
        | None -> world
    | Assigns(place, queues, mode) ->
        match at place (Set.toList world.AssignmentQueries) with
        | Some topic -> answer topic (AssignmentsKnown(topic, assignmentsOf topic queues mode)) world
        | None -> world
    | AssignsNothingYet place ->
        match at place (Set.toList world.AssignmentQueries) with
        | Some topic -> answer topic (MembersUnknown topic) world
        | None -> world
    | DoesNotAssign place ->
        match at place (Set.toList world.AssignmentQueries) with
        | Some topic -> answer topic (AssignmentsUnsupported topic) world
        | None -> world
    | Notify ->
        let withQueues =
            world.Readable
            |> Map.filter (fun _ queues -> not queues.IsEmpty)
            |> Map.keys
            |> Set.ofSeq

        apply
            { world with
                Owed =
                    if world.IsStopped then
                        Set.empty
                    else
                        Set.union world.Owed withQueues
            }
            RebalanceEvent.MembersChanged
    | Interval -> apply world RebalanceDue
    | StopNow ->
        apply
            { world with
                IsStopped = true
                Owed = Set.empty
                Readable = Map.empty
            }
            StopRequested

let runSharing sharing steps =
    List.fold step (startSharing MessageModel.Clustering sharing AllocationStrategy.Averagely) steps

let run model steps =
    List.fold step (start model AllocationStrategy.Averagely) steps

let withoutStop steps =
    steps |> List.filter (fun step -> step <> StopNow)

/// All queries in flight are answered with `members`.
let rec settle members world =
    match Set.toList world.Queries with
    | topic :: _ -> answer topic (MembersKnown([ topic ], members)) world |> settle members
    | [] -> world

/// All brokers that are asked assign this.
let rec settleAssignments (assign: string -> Assignment list) world =
    match Set.toList world.AssignmentQueries with
    | topic :: _ ->
        answer topic (AssignmentsKnown(topic, assign topic)) world
        |> settleAssignments assign
    | [] -> world

/// The next interval, and all that follows.
let throughInterval members world = step world Interval |> settle members

let readable world =
    world.Readable |> Map.toList |> List.map snd

let shareOf members world =
    readable world
    |> List.filter (List.isEmpty >> not)
    |> List.collect (QueueAllocation.assign AllocationStrategy.Averagely own members)
    |> Set.ofList

/// A settled member of a topic with so many queues.
let settled model queues members =
    start model AllocationStrategy.Averagely
    |> subscribe "T"
    |> route "T" (queuesOf "T" queues)
    |> settle members

let effectsOf event (world: World) =
    Rebalance.transition world.Member event |> snd
