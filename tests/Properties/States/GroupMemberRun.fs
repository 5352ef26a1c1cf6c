/// A member of a group with an acting side that does what it is told, and checks that it may be told so.
module internal RocketMq.Protocol.Tests.GroupMemberRun

open System
open Expecto
open RocketMq.Protocol

/// What happens to a member, in any order. Numbers choose among what there is.
type MemberStep =
    | Route of topic: byte * queues: byte
    | Drop of topic: byte
    /// The answer to a question that is under way.
    | Answer of place: byte * members: byte
    | NoAnswer of place: byte
    | Notify
    | Interval
    | StartSucceeds of place: byte
    | StartFails of place: byte
    | EndReached of place: byte
    | Fails of place: byte
    /// News that nobody waits for.
    | Noise of kind: byte * queue: byte
    | StopNow

/// A member and the acting side, which does what it is told.
type World =
    {
        Member: GroupMember
        Live: Map<MessageQueue, QueuePhase>
        Questions: Set<string>
        /// Topics whose members are to be asked for again, when the answer is there.
        Owed: Set<string>
        Readable: Map<string, MessageQueue list>
        IsStopped: bool
        Ends: int
        Effects: GroupEffect list
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

let start model strategy =
    {
        Member = GroupMember.create model strategy own
        Live = Map.empty
        Questions = Set.empty
        Owed = Set.empty
        Readable = Map.empty
        IsStopped = false
        Ends = 0
        Effects = []
    }

let perform world effect =
    match effect with
    | AskMembers topic ->
        if world.Questions.Contains topic then
            failtest $"two questions about {topic} are under way"

        if world.IsStopped then
            failtest "a member that stops asks"

        if not (world.Readable.ContainsKey topic) then
            failtest $"{topic} is not subscribed to"

        { world with
            Questions = Set.add topic world.Questions
            Owed = Set.remove topic world.Owed
        }
    | StartQueue queue ->
        if world.Live.ContainsKey queue then
            failtest $"%A{queue} is started while it is {world.Live[queue]}"

        if world.IsStopped then
            failtest "a member that stops starts a queue"

        if not (List.contains queue (Map.tryFind queue.Topic world.Readable |> Option.defaultValue [])) then
            failtest $"%A{queue} cannot be read"

        { world with
            Live = Map.add queue Starting world.Live
        }
    | LeaveQueue queue ->
        match Map.tryFind queue world.Live with
        | Some(Starting | Running) ->
            { world with
                Live = Map.add queue Leaving world.Live
            }
        | other -> failtest $"%A{queue} is to be left while it is %A{other}"
    | MembershipEnded ->
        if not world.IsStopped || not world.Live.IsEmpty || world.Ends > 0 then
            failtest "the membership ends too early or twice"

        { world with Ends = world.Ends + 1 }

let apply world event =
    let member', effects = GroupMember.step event world.Member
    let world = List.fold perform { world with Member = member' } effects
    GroupMember.queues member' |> shouldEqual (Map.toList world.Live)

    { world with
        Effects = world.Effects @ effects
    }

let at (place: byte) items =
    List.tryItem (int place % max 1 (List.length items)) items

let inPhase phases world =
    [
        for KeyValue(queue, phase) in world.Live do
            if List.contains phase phases then
                queue
    ]

let answer topic event world =
    apply
        { world with
            Questions = Set.remove topic world.Questions
        }
        event

/// An acting side that has nothing to act on does nothing.
let onQueue place phases change event world =
    match at place (inPhase phases world) with
    | Some queue ->
        apply
            { world with
                Live = change queue world.Live
            }
            (event queue)
    | None -> world

let noteRoute topic queues world =
    if world.IsStopped || List.isEmpty queues then
        world
    else
        { world with
            Readable = Map.add topic queues world.Readable
        }

let step world step =
    match step with
    | Route(topic, queues) ->
        let topic = topicOf topic
        let queues = queuesOf topic (int queues % 6)
        apply (noteRoute topic queues world) (RouteKnown(topic, queues))
    | Drop topic ->
        apply
            { world with
                Readable = Map.remove (topicOf topic) world.Readable
                Owed = Set.remove (topicOf topic) world.Owed
            }
            (TopicDropped(topicOf topic))
    | Answer(place, members) ->
        match at place (Set.toList world.Questions) with
        | Some topic -> answer topic (MembersKnown(topic, membersOf members)) world
        | None -> world
    | NoAnswer place ->
        match at place (Set.toList world.Questions) with
        | Some topic -> answer topic (MembersUnknown topic) world
        | None -> world
    | Notify ->
        apply
            { world with
                Owed = Set.union world.Owed (Set.ofSeq world.Readable.Keys)
            }
            NotifiedOfChange
    | Interval -> apply world IntervalOver
    | StartSucceeds place -> onQueue place [ Starting ] (fun queue -> Map.add queue Running) QueueStarted world
    | StartFails place -> onQueue place [ Starting ] Map.remove QueueNotStarted world
    | EndReached place -> onQueue place [ Leaving ] Map.remove QueueLeft world
    | Fails place ->
        match at place (inPhase [ Running; Starting ] world) with
        | Some queue -> apply world (QueueFailed queue)
        | None -> world
    | Noise(kind, queue) ->
        let queue = (queuesOf (topicOf queue) 6)[int queue % 6]

        match kind % 4uy, Map.tryFind queue world.Live with
        | 0uy, (None | Some(Running | Leaving)) -> apply world (QueueStarted queue)
        | 1uy, (None | Some(Running | Leaving)) -> apply world (QueueNotStarted queue)
        | 2uy, (None | Some(Running | Starting)) -> apply world (QueueLeft queue)
        | 3uy, (None | Some Leaving) -> apply world (QueueFailed queue)
        | _ -> world
    | StopNow ->
        apply
            { world with
                IsStopped = true
                Owed = Set.empty
            }
            StopAsked

let run model steps =
    List.fold step (start model Averagely) steps

let withoutStop steps =
    steps |> List.filter (fun step -> step <> StopNow)

/// Everything that is under way ends well: questions are answered with `members`, starts succeed, ends are reached.
let rec settle members world =
    match Set.toList world.Questions, inPhase [ Starting ] world, inPhase [ Leaving ] world with
    | topic :: _, _, _ -> answer topic (MembersKnown(topic, members)) world |> settle members
    | [], _ :: _, _ -> step world (StartSucceeds 0uy) |> settle members
    | [], [], _ :: _ -> step world (EndReached 0uy) |> settle members
    | [], [], [] -> world

/// The next interval, and all that follows.
let throughInterval members world = step world Interval |> settle members

let running world = inPhase [ Running ] world

let readable world =
    world.Readable |> Map.toList |> List.map snd

let shareOf members world =
    readable world
    |> List.collect (QueueAssignment.assign Averagely own members)
    |> List.sort

/// A settled member of a topic with so many queues.
let settled model queues members =
    step (start model Averagely) (Route(0uy, byte queues)) |> settle members

let effectsOf event (world: World) =
    GroupMember.step event world.Member |> snd
