module RocketMq.Protocol.Tests.GroupMemberTests

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
type private World =
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

let private own = "c1"

let private topicOf (number: byte) =
    [| "T"; "U"; "%RETRY%g" |][int number % 3]

let private queuesOf (topic: string) count : MessageQueue list =
    [
        for id in 0 .. count - 1 ->
            {
                Topic = topic
                BrokerName = $"broker-{id % 2}"
                QueueId = id
            }
    ]

/// Always with this member, except for one set in eight.
let private membersOf (number: byte) =
    (if number % 8uy = 7uy then [] else [ own ])
    @ List.truncate (int number / 8 % 4) [ "c0"; "c2"; "c3" ]

let private start model strategy =
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

let private perform world effect =
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

let private apply world event =
    let member', effects = GroupMember.step event world.Member
    let world = List.fold perform { world with Member = member' } effects
    GroupMember.queues member' |> shouldEqual (Map.toList world.Live)

    { world with
        Effects = world.Effects @ effects
    }

let private at (place: byte) items =
    List.tryItem (int place % max 1 (List.length items)) items

let private inPhase phases world =
    [
        for KeyValue(queue, phase) in world.Live do
            if List.contains phase phases then
                queue
    ]

let private answer topic event world =
    apply
        { world with
            Questions = Set.remove topic world.Questions
        }
        event

/// An acting side that has nothing to act on does nothing.
let private onQueue place phases change event world =
    match at place (inPhase phases world) with
    | Some queue ->
        apply
            { world with
                Live = change queue world.Live
            }
            (event queue)
    | None -> world

let private noteRoute topic queues world =
    if world.IsStopped || List.isEmpty queues then
        world
    else
        { world with
            Readable = Map.add topic queues world.Readable
        }

let private step world step =
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

let private run model steps =
    List.fold step (start model Averagely) steps

let private withoutStop steps =
    steps |> List.filter (fun step -> step <> StopNow)

/// Everything that is under way ends well: questions are answered with `members`, starts succeed, ends are reached.
let rec private settle members world =
    match Set.toList world.Questions, inPhase [ Starting ] world, inPhase [ Leaving ] world with
    | topic :: _, _, _ -> answer topic (MembersKnown(topic, members)) world |> settle members
    | [], _ :: _, _ -> step world (StartSucceeds 0uy) |> settle members
    | [], [], _ :: _ -> step world (EndReached 0uy) |> settle members
    | [], [], [] -> world

/// The next interval, and all that follows.
let private throughInterval members world = step world Interval |> settle members

let private running world = inPhase [ Running ] world

let private readable world =
    world.Readable |> Map.toList |> List.map snd

let private shareOf members world =
    readable world
    |> List.collect (QueueAssignment.assign Averagely own members)
    |> List.sort

/// A settled member of a topic with so many queues.
let private settled model queues members =
    step (start model Averagely) (Route(0uy, byte queues)) |> settle members

let private effectsOf event (world: World) =
    GroupMember.step event world.Member |> snd

let private four = queuesOf "T" 4

[<Tests>]
let tests =
    testList
        "GroupMember"
        [
            property
                "clustering: whatever happens, queues are started when absent, left when started, and asked for once at a time"
            <| fun (steps: MemberStep list) ->
                run Clustering steps |> ignore
                true

            property "broadcasting: the same, and nobody is asked"
            <| fun (steps: MemberStep list) ->
                (run Broadcasting steps).Effects
                |> List.forall (fun effect -> not effect.IsAskMembers)

            property "when all is well again, the member reads its share and nothing else"
            <| fun (steps: MemberStep list) (members: byte) ->
                let members = membersOf (members &&& 0xF8uy)

                let world =
                    run Clustering (withoutStop steps) |> settle members |> throughInterval members

                running world = shareOf members world
                && GroupMember.assigned world.Member |> List.sort = running world

            property "broadcasting: when all is well again, it reads all queues"
            <| fun (steps: MemberStep list) ->
                let world = run Broadcasting (withoutStop steps) |> settle [] |> throughInterval []
                running world = List.sort (List.concat (readable world))

            property "after a stop the membership ends once, when all queues are left"
            <| fun (before: MemberStep list) (after: MemberStep list) ->
                let ended steps =
                    (List.fold step (run Clustering before) (StopNow :: steps) |> settle [ own ]).Ends

                ended after = 1 && ended (StopNow :: after) = 1

            property "a notification is followed by a question, now or after the answer"
            <| fun (steps: MemberStep list) ->
                let world = run Clustering steps
                world.IsStopped || Set.isSubset world.Owed world.Questions

            property "members that settle with one view share the queues, none read by two"
            <| fun (steps: MemberStep list list) (queues: byte) ->
                let names = [ "c1"; "c2"; "c3" ]
                let route = Route(0uy, 1uy + queues % 5uy)

                let shares =
                    names
                    |> List.mapi (fun index name ->
                        let history = List.tryItem index steps |> Option.defaultValue [] |> withoutStop

                        let world =
                            { start Clustering Averagely with
                                Member = GroupMember.create Clustering Averagely name
                            }

                        step (List.fold step world history) route
                        |> settle names
                        |> throughInterval names
                        |> running
                        |> List.filter (fun queue -> queue.Topic = "T"))

                List.concat shares |> List.sort = List.sort (queuesOf "T" (int (1uy + queues % 5uy) % 6))

            property "a new division leaves and takes up what has changed, and touches nothing else"
            <| fun (queues: byte) (before: byte) (after: byte) ->
                let before = membersOf (before &&& 0xF8uy)
                let after = membersOf after
                let world = settled Clustering (1 + int queues % 5) before
                let had = Set.ofList (running world)

                let has =
                    if after.IsEmpty then
                        had
                    else
                        Set.ofList (shareOf after world)

                let effects = effectsOf (MembersKnown("T", after)) world

                Set.ofList effects = Set.union (Set.map LeaveQueue (had - has)) (Set.map StartQueue (has - had))
                && effects.Length = (had - has).Count + (has - had).Count

            property "the same events give the same effects"
            <| fun (steps: MemberStep list) -> (run Clustering steps).Effects = (run Clustering steps).Effects

            testCase "a route is asked about, then divided; the same route again says nothing"
            <| fun () ->
                let world = start Clustering Averagely
                effectsOf (RouteKnown("T", four)) world |> shouldEqual [ AskMembers "T" ]
                let asked = apply (noteRoute "T" four world) (RouteKnown("T", four))

                effectsOf (MembersKnown("T", [ own; "c0" ])) asked
                |> shouldEqual [ StartQueue four[1]; StartQueue four[3] ]

                settled Clustering 4 [ own ]
                |> effectsOf (RouteKnown("T", List.rev four))
                |> shouldBeEmpty

            testCase "news that there is none of changes nothing: no route, no members, no answer"
            <| fun () ->
                let world = settled Clustering 4 [ own ]
                effectsOf (RouteKnown("T", [])) world |> shouldBeEmpty
                effectsOf (MembersKnown("T", [])) world |> shouldBeEmpty
                effectsOf (MembersUnknown "T") world |> shouldBeEmpty
                running (throughInterval [] world) |> shouldEqual (List.sort four)
                effectsOf (RouteKnown("T", [])) (settled Broadcasting 4 []) |> shouldBeEmpty

            testCase "one that is not among the members leaves all queues"
            <| fun () ->
                settled Clustering 4 [ own ]
                |> effectsOf (MembersKnown("T", [ "c0" ]))
                |> shouldEqual (List.map LeaveQueue (List.sort four))

            testCase "a notification while a question is under way asks once more, not twice, answered or not"
            <| fun () ->
                for event in [ MembersKnown("T", [ own ]); MembersUnknown "T"; MembersKnown("T", []) ] do
                    let asking = step (settled Clustering 4 [ own ]) Interval
                    let notified = List.fold step asking [ Notify; Notify; Interval ]
                    notified.Effects |> shouldEqual asking.Effects
                    let again = answer "T" event notified
                    again.Questions |> shouldEqual (set [ "T" ])
                    (answer "T" event again).Questions |> shouldBeEmpty

            testCase "a queue that is being left and assigned again is started when it has been left"
            <| fun () ->
                let leaving = apply (settled Clustering 4 [ own ]) (MembersKnown("T", [ "c0" ]))
                effectsOf (MembersKnown("T", [ own ])) leaving |> shouldBeEmpty
                let again = apply leaving (MembersKnown("T", [ own ]))
                effectsOf (QueueLeft four[0]) again |> shouldEqual [ StartQueue four[0] ]
                effectsOf (QueueLeft four[0]) leaving |> shouldBeEmpty

            testCase "a queue that did not start is tried at the next interval, and not before"
            <| fun () ->
                let world =
                    apply (start Broadcasting Averagely |> noteRoute "T" four) (RouteKnown("T", four))

                let world = step world (StartFails 0uy)
                let lost = four |> List.find (world.Live.ContainsKey >> not)
                effectsOf (QueueNotStarted lost) world |> shouldBeEmpty
                effectsOf NotifiedOfChange world |> shouldBeEmpty
                effectsOf IntervalOver world |> shouldEqual [ StartQueue lost ]

            testCase "a queue that fails is made anew at once, and after that once an interval"
            <| fun () ->
                let world = settled Broadcasting 1 []
                let queue = four[0]
                let failing = apply world (QueueFailed queue)
                failing.Live |> shouldEqual (Map [ queue, Leaving ])
                let anew = step failing (EndReached 0uy)
                anew.Live |> shouldEqual (Map [ queue, Starting ])
                let twice = step (apply (settle [] anew) (QueueFailed queue)) (EndReached 0uy)
                twice.Live |> shouldBeEmpty
                (step twice Interval).Live |> shouldEqual (Map [ queue, Starting ])

            testCase
                "a topic that is dropped is left; subscribed to again while a question is under way, it is asked about anew"
            <| fun () ->
                let world = settled Clustering 4 [ own ]

                effectsOf (TopicDropped "T") world
                |> shouldEqual (List.map LeaveQueue (List.sort four))

                let dropped = List.fold step world [ Interval; Drop 0uy ]
                let back = step dropped (Route(0uy, 4uy))
                back.Effects |> shouldEqual dropped.Effects

                (answer "T" (MembersKnown("T", [ own ])) back).Questions
                |> shouldEqual (set [ "T" ])

                (answer "T" (MembersKnown("T", [ own ])) dropped).Questions |> shouldBeEmpty

            testCase "a stop leaves queues that run and queues that start; without any it ends at once"
            <| fun () ->
                let world = step (start Clustering Averagely) (Route(0uy, 2uy))
                let starting = answer "T" (MembersKnown("T", [ own ])) world
                let one = step starting (StartSucceeds 0uy)

                effectsOf StopAsked one
                |> shouldEqual [ for queue in List.sort (queuesOf "T" 2) -> LeaveQueue queue ]

                effectsOf StopAsked (start Clustering Averagely)
                |> shouldEqual [ MembershipEnded ]

            testCase "a division that fails changes nothing and says why"
            <| fun () ->
                let fails = ref false

                let strategy =
                    CustomAssignment("MINE", (fun _ _ queues -> if fails.Value then failwith "no plan" else queues))

                let world = step (start Clustering strategy) (Route(0uy, 4uy)) |> settle [ own ]
                GroupMember.problems world.Member |> shouldBeEmpty
                fails.Value <- true
                let failed = throughInterval [ own ] world
                failed.Live |> shouldEqual world.Live

                match Map.tryFind "T" (GroupMember.problems failed.Member) with
                | Some problem -> problem.Message |> shouldMention "no plan"
                | None -> failtest "no word about it"

                fails.Value <- false
                GroupMember.problems (throughInterval [ own ] failed).Member |> shouldBeEmpty
        ]
