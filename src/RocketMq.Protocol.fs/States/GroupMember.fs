namespace RocketMq.Protocol

/// Where a queue is in its life at one member. A queue that is in none of these is absent.
type QueuePhase =
    /// Its start was asked for and has not been reported.
    | Starting
    | Running
    /// Its end was asked for and has not been reported.
    | Leaving

type GroupEvent =
    /// The queues of a topic that can be read now. The first of a topic subscribes to it. None at all counts as no news.
    | RouteKnown of topic: string * queues: MessageQueue list
    /// The topic is not subscribed to any more.
    | TopicDropped of topic: string
    /// The client ids of the group's members. None at all counts as `MembersUnknown`.
    | MembersKnown of topic: string * members: string list
    /// They could not be asked for: what is stays as it is.
    | MembersUnknown of topic: string
    /// A broker says that members came or went.
    | NotifiedOfChange
    /// Time to look again: every 20 s, as in Java.
    | IntervalOver
    | QueueStarted of MessageQueue
    /// No offset was to be had, or no lock. It is tried again when the members are known again, at the latest after the next
    /// interval.
    | QueueNotStarted of MessageQueue
    /// It is drained, committed and unlocked. Every `LeaveQueue` is answered with this, also if the start had failed meanwhile.
    | QueueLeft of MessageQueue
    /// It wants to be dropped and made anew.
    | QueueFailed of MessageQueue
    | StopAsked

type GroupEffect =
    /// Ask a broker of the topic for the members, and report what came of it.
    | AskMembers of topic: string
    /// Find where to begin and read, and report what came of it.
    | StartQueue of MessageQueue
    /// Stop reading, also while it starts, and report its end.
    | LeaveQueue of MessageQueue
    /// After `StopAsked`, once: all queues are left.
    | MembershipEnded

/// Whether a member goes on.
type internal Membership =
    | Staying
    | Stopping
    | Ended

/// What a member knows of one topic.
type internal TopicView =
    {
        Readable: Set<MessageQueue>
        /// The queues that are this member's by the last division.
        Own: Set<MessageQueue>
    }

/// One member of a group: which queues it reads. Immutable.
type GroupMember =
    internal
        {
            Model: MessageModel
            Strategy: AssignmentStrategy
            ClientId: string
            Topics: Map<string, TopicView>
            /// The topics whose members are being asked for, and whether to ask once more after the answer.
            Asking: Map<string, bool>
            Queues: Map<MessageQueue, QueuePhase>
            /// Queues that failed since the last interval.
            Failed: Set<MessageQueue>
            /// Those of them that failed more than once. They wait for the next.
            HeldBack: Set<MessageQueue>
            Problems: Map<string, InputError>
            Membership: Membership
        }

/// The rules by which members of a group take up and leave queues. A queue that stays assigned is not touched, one that is
/// being left is taken up again only when it has been left, and nothing that could not be asked changes anything. Source:
/// RebalanceImpl.java.
module GroupMember =
    /// A member that knows of no topic. Broadcasting reads all queues and asks nobody; `strategy` and `clientId` do not matter
    /// then.
    let create (model: MessageModel) (strategy: AssignmentStrategy) (clientId: string) : GroupMember =
        {
            Model = model
            Strategy = strategy
            ClientId = clientId
            Topics = Map.empty
            Asking = Map.empty
            Queues = Map.empty
            Failed = Set.empty
            HeldBack = Set.empty
            Problems = Map.empty
            Membership = Staying
        }

    /// The queues that are not absent.
    let queues (state: GroupMember) : (MessageQueue * QueuePhase) list = Map.toList state.Queues

    /// The queues that are this member's by the last division, whatever they are doing.
    let assigned (state: GroupMember) : MessageQueue list =
        [
            for KeyValue(_, view) in state.Topics do
                yield! view.Own
        ]

    /// By topic, why its last division failed and changed nothing.
    let problems (state: GroupMember) : Map<string, InputError> = state.Problems

    let private isAssigned (queue: MessageQueue) state =
        match Map.tryFind queue.Topic state.Topics with
        | Some view -> view.Own.Contains queue
        | None -> false

    /// Leaves what is not assigned and takes up what is, among the queues that `concerns` is true of.
    let private reconcile concerns (state: GroupMember) : GroupMember * GroupEffect list =
        let surplus =
            [
                for KeyValue(queue, phase) in state.Queues do
                    if phase <> Leaving && concerns queue && not (isAssigned queue state) then
                        queue
            ]

        // What cannot be read any more is kept until the next division, but not taken up anew.
        let missing =
            [
                for KeyValue(_, view) in state.Topics do
                    for queue in Set.intersect view.Own view.Readable do
                        if
                            concerns queue
                            && not (state.Queues.ContainsKey queue)
                            && not (state.HeldBack.Contains queue)
                        then
                            queue
            ]

        let inPhase phase =
            List.fold (fun queues queue -> Map.add queue phase queues)

        { state with
            Queues = missing |> inPhase Starting (surplus |> inPhase Leaving state.Queues)
        },
        List.map LeaveQueue surplus @ List.map StartQueue missing

    let private ofTopic (topic: string) (queue: MessageQueue) = queue.Topic = topic

    let private withView topic view (state: GroupMember) =
        { state with
            Topics = Map.add topic view state.Topics
        }

    /// Asks for the members of a topic that is subscribed to. While they are being asked for, `isNews` asks once more.
    let private ask isNews topic (state: GroupMember) : GroupMember * GroupEffect list =
        match Map.tryFind topic state.Asking with
        | Some isAskedAgain ->
            { state with
                Asking = Map.add topic (isAskedAgain || isNews) state.Asking
            },
            []
        | None ->
            { state with
                Asking = Map.add topic false state.Asking
            },
            [ AskMembers topic ]

    let private askAll isNews (state: GroupMember) =
        match state.Model with
        | Broadcasting -> state, []
        | Clustering ->
            ((state, []), Map.keys state.Topics)
            ||> Seq.fold (fun (state, effects) topic ->
                let state, more = ask isNews topic state
                state, effects @ more)

    let private divide topic members (state: GroupMember) =
        match Map.tryFind topic state.Topics with
        | None -> state, []
        | Some view ->
            match QueueAssignment.tryAssign state.Strategy state.ClientId members (Set.toList view.Readable) with
            | Ok own ->
                { withView topic { view with Own = Set.ofList own } state with
                    Problems = Map.remove topic state.Problems
                }
                |> reconcile (ofTopic topic)
            | Error problem ->
                { state with
                    Problems = Map.add topic problem state.Problems
                },
                []

    let private routeKnown topic readable (state: GroupMember) =
        match state.Model, Map.tryFind topic state.Topics with
        | _, Some view when view.Readable = readable -> state, []
        | Broadcasting, _ ->
            state
            |> withView topic { Readable = readable; Own = readable }
            |> reconcile (ofTopic topic)
        | Clustering, Some view -> withView topic { view with Readable = readable } state |> ask false topic
        | Clustering, None ->
            // A question from before the topic was dropped may be under way: its answer is not new enough.
            withView topic { Readable = readable; Own = Set.empty } state |> ask true topic

    /// The answer to a question has come; asks again if there was news meanwhile.
    let private answered topic (state: GroupMember, effects: GroupEffect list) =
        let settled =
            { state with
                Asking = Map.remove topic state.Asking
            }

        match Map.tryFind topic state.Asking with
        | Some true when settled.Topics.ContainsKey topic ->
            let state, more = ask false topic settled
            state, effects @ more
        | _ -> settled, effects

    let private leave queue (state: GroupMember) =
        { state with
            Queues = Map.add queue Leaving state.Queues
        },
        [ LeaveQueue queue ]

    let private failed queue (state: GroupMember) =
        let state, effects = leave queue state

        // Made anew at once, but not over and over.
        if state.Failed.Contains queue then
            { state with
                HeldBack = Set.add queue state.HeldBack
            },
            effects
        else
            { state with
                Failed = Set.add queue state.Failed
            },
            effects

    let private endIfEmpty (state: GroupMember, effects: GroupEffect list) =
        if state.Membership = Stopping && state.Queues.IsEmpty then
            { state with Membership = Ended }, effects @ [ MembershipEnded ]
        else
            state, effects

    let private without queue (state: GroupMember) =
        { state with
            Queues = Map.remove queue state.Queues
        }

    let private staying event (state: GroupMember) =
        match event with
        | RouteKnown(topic, queues) ->
            let readable = queues |> List.filter (ofTopic topic) |> Set.ofList

            if readable.IsEmpty then
                state, []
            else
                routeKnown topic readable state
        | TopicDropped topic ->
            { state with
                Topics = Map.remove topic state.Topics
                Problems = Map.remove topic state.Problems
            }
            |> reconcile (ofTopic topic)
        | MembersKnown(topic, []) -> answered topic (state, [])
        | MembersKnown(topic, members) -> answered topic (divide topic members state)
        | MembersUnknown topic -> answered topic (state, [])
        | NotifiedOfChange -> askAll true state
        | IntervalOver ->
            let state, effects =
                { state with
                    Failed = Set.empty
                    HeldBack = Set.empty
                }
                |> reconcile (fun _ -> true)

            let state, questions = askAll false state
            state, effects @ questions
        | StopAsked ->
            { state with
                Topics = Map.empty
                Membership = Stopping
            }
            |> reconcile (fun _ -> true)
            |> endIfEmpty
        | QueueStarted _
        | QueueNotStarted _
        | QueueLeft _
        | QueueFailed _ -> state, []

    /// What an event makes of a member, and what is to be done. Total: news that no longer matters changes nothing.
    let step (event: GroupEvent) (state: GroupMember) : GroupMember * GroupEffect list =
        let phaseOf queue = Map.tryFind queue state.Queues

        match event with
        | QueueStarted queue when phaseOf queue = Some Starting ->
            { state with
                Queues = Map.add queue Running state.Queues
            },
            []
        | QueueNotStarted queue when phaseOf queue = Some Starting -> without queue state, []
        | QueueLeft queue when phaseOf queue = Some Leaving ->
            without queue state |> reconcile ((=) queue) |> endIfEmpty
        | QueueFailed queue when phaseOf queue = Some Running || phaseOf queue = Some Starting -> failed queue state
        | _ when state.Membership = Staying -> staying event state
        | _ -> state, []
