module RocketMq.Protocol.Tests.GroupMemberTests

open Expecto
open RocketMq.Protocol
open RocketMq.Protocol.Tests.GroupMemberRun

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

            testCase "a queue that a new route lacks runs until the next division, and is not taken up again before it"
            <| fun () ->
                let world = step (settled Clustering 4 [ own ]) (Route(0uy, 1uy))
                running world |> shouldEqual (List.sort four)
                let failed = apply world (QueueFailed four[3])

                apply
                    { failed with
                        Live = Map.remove four[3] failed.Live
                    }
                    (QueueLeft four[3])
                |> effectsOf IntervalOver
                |> shouldEqual []

                settle [ own ] world |> running |> shouldEqual [ four[0] ]

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
