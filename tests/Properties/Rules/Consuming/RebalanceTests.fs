module RocketMq.Protocol.Tests.RebalanceTests

open RocketMq.Protocol
open RocketMq
open RebalanceRun

let private four = queuesOf "T" 4

/// On 10,000 random sequences of events in the long form.
let private law name body =
    propertyOf (LongForm.count 400 10_000) name body

let private oneMember =
    [
        law "clustering: whatever happens, queues are assigned and revoked in turn, and members queried once at a time"
        <| fun (steps: RebalanceStep list) ->
            run MessageModel.Clustering steps |> ignore<World>
            true

        law "broadcasting: the same, and no members are queried"
        <| fun (steps: RebalanceStep list) ->
            (run MessageModel.Broadcasting steps).Effects
            |> List.forall (fun effect -> not effect.IsQueryMembers)

        law "after faults end, the member has its share and nothing else"
        <| fun (steps: RebalanceStep list) (members: byte) ->
            let members = membersOf (members &&& 0xF8uy)

            let world =
                run MessageModel.Clustering (withoutStop steps)
                |> settle members
                |> throughInterval members

            world.Assigned = shareOf members world

        law "broadcasting: after faults end, the member has all queues"
        <| fun (steps: RebalanceStep list) ->
            let world = run MessageModel.Broadcasting (withoutStop steps) |> throughInterval []
            world.Assigned = Set.ofList (List.concat (readable world))

        law "after a stop the member has no queue, whatever events follow"
        <| fun (before: RebalanceStep list) (after: RebalanceStep list) ->
            let world = List.fold step (run MessageModel.Clustering before) (StopNow :: after)
            world.Assigned.IsEmpty && Rebalance.isStopped world.Member

        law "a notification is followed by a query, now or after the answer"
        <| fun (steps: RebalanceStep list) ->
            let world = run MessageModel.Clustering steps
            world.IsStopped || Set.isSubset world.Owed world.Queries

        law "what brokers say of several topics at once is the same as if they said it of one after the other"
        <| fun (steps: RebalanceStep list) (members: byte) ->
            let world = run MessageModel.Clustering steps
            let members = membersOf members
            let topics = Set.toList world.Queries

            let together, effects =
                Rebalance.transition world.Member (MembersKnown(topics, members))

            let apart, effectsApart =
                ((world.Member, []), topics)
                ||> List.fold (fun (state, effects) topic ->
                    let next, more = Rebalance.transition state (MembersKnown([ topic ], members))
                    next, effects @ more)

            (together.Topics, together.Querying, effects) = (apart.Topics, apart.Querying, effectsApart)
    ]

let private severalMembers =
    [
        law "members with the same view share the queues, and none is read by two"
        <| fun (steps: RebalanceStep list list) (queues: byte) ->
            let names = [ "c1"; "c2"; "c3" ]
            let wanted = queuesOf "T" (1 + int queues % 5)

            let shares =
                names
                |> List.mapi (fun index name ->
                    let history = List.tryItem index steps |> Option.defaultValue [] |> withoutStop

                    let world =
                        { start MessageModel.Clustering AllocationStrategy.Averagely with
                            Member =
                                Rebalance.create MessageModel.Clustering ByMembers AllocationStrategy.Averagely name
                        }

                    List.fold step world history
                    |> subscribe "T"
                    |> route "T" wanted
                    |> settle names
                    |> throughInterval names
                    |> fun world -> world.Assigned |> Set.filter (fun queue -> queue.Topic = "T") |> Set.toList)

            List.concat shares |> List.sort = List.sort wanted

        law "a new allocation revokes and assigns what has changed, and touches nothing else"
        <| fun (queues: byte) (before: byte) (after: byte) ->
            let before = membersOf (before &&& 0xF8uy)
            let after = membersOf after
            let world = settled MessageModel.Clustering (1 + int queues % 5) before

            let has =
                if after.IsEmpty then
                    world.Assigned
                else
                    shareOf after world

            let effects = effectsOf (MembersKnown([ "T" ], after)) world

            Set.ofList effects =
                Set.union (Set.map Revoke (world.Assigned - has)) (Set.map Assign (has - world.Assigned))
            && effects.Length = (world.Assigned - has).Count + (has - world.Assigned).Count

        law "the same events give the same effects"
        <| fun (steps: RebalanceStep list) ->
            (run MessageModel.Clustering steps).Effects = (run MessageModel.Clustering steps).Effects
    ]

let private routesAndMembers =
    [
        testCase "members are queried about a route, then queues are allocated; the same route again is no news"
        <| fun () ->
            let world =
                start MessageModel.Clustering AllocationStrategy.Averagely |> subscribe "T"

            effectsOf (RouteKnown("T", four)) world |> shouldEqual [ QueryMembers "T" ]
            let querying = route "T" four world

            effectsOf (MembersKnown([ "T" ], [ own; "c0" ])) querying
            |> shouldEqual [ Assign four[1]; Assign four[3] ]

            settled MessageModel.Clustering 4 [ own ]
            |> effectsOf (RouteKnown("T", List.rev four))
            |> shouldBeEmpty

        testCase "the route of a topic that is not subscribed to, or not any more, is no news"
        <| fun () ->
            effectsOf (RouteKnown("T", four)) (start MessageModel.Clustering AllocationStrategy.Averagely)
            |> shouldBeEmpty

            let dropped = settled MessageModel.Clustering 4 [ own ] |> unsubscribe "T"
            effectsOf (RouteKnown("T", four)) dropped |> shouldBeEmpty

            effectsOf (RouteKnown("T", four)) (subscribe "T" dropped)
            |> shouldEqual [ QueryMembers "T" ]

            let broadcasting = settled MessageModel.Broadcasting 4 [] |> unsubscribe "T"
            effectsOf (RouteKnown("T", four)) broadcasting |> shouldBeEmpty

        testCase "a route without queues, no members and no answer change nothing"
        <| fun () ->
            let world = settled MessageModel.Clustering 4 [ own ]
            effectsOf (RouteKnown("T", [])) world |> shouldBeEmpty
            effectsOf (MembersKnown([ "T" ], [])) world |> shouldBeEmpty
            effectsOf (MembersUnknown "T") world |> shouldBeEmpty
            (throughInterval [] world).Assigned |> shouldEqual (Set.ofList four)

            effectsOf (RouteKnown("T", [])) (settled MessageModel.Broadcasting 4 [])
            |> shouldBeEmpty

        testCase "members that come back bring their queues back"
        <| fun () ->
            let world =
                settled MessageModel.Clustering 4 [ own ] |> throughInterval [ own; "c0" ]

            world.Assigned |> shouldEqual (Set.ofList [ four[1]; four[3] ])
            (throughInterval [ own; "c0" ] world).Assigned |> shouldEqual world.Assigned
            (throughInterval [ own ] world).Assigned |> shouldEqual (Set.ofList four)

        testCase "a client that is not among the members revokes all its queues"
        <| fun () ->
            settled MessageModel.Clustering 4 [ own ]
            |> effectsOf (MembersKnown([ "T" ], [ "c0" ]))
            |> shouldEqual (List.map Revoke (List.sort four))
    ]

let private notifications =
    [
        testCase "a notification while a query is in flight queries once more, not twice, answered or not"
        <| fun () ->
            for event in
                [
                    MembersKnown([ "T" ], [ own ])
                    MembersUnknown "T"
                    MembersKnown([ "T" ], [])
                ] do
                let querying = step (settled MessageModel.Clustering 4 [ own ]) Interval
                let notified = List.fold step querying [ Notify; Notify; Interval ]
                notified.Effects |> shouldEqual querying.Effects
                let again = answer "T" event notified
                again.Queries |> shouldEqual (set [ "T" ])
                (answer "T" event again).Queries |> shouldBeEmpty

        testCase "a queue that a new route lacks is kept until the next allocation"
        <| fun () ->
            let world = step (settled MessageModel.Clustering 4 [ own ]) (Route(0uy, 1uy))
            world.Assigned |> shouldEqual (Set.ofList four)
            (settle [ own ] world).Assigned |> shouldEqual (Set.ofList [ four[0] ])

        testCase "an allocation that fails changes nothing and says why"
        <| fun () ->
            let fails = ref false

            let strategy =
                AllocationStrategy.CustomAssignment(
                    "MINE",
                    (fun _ _ queues -> if fails.Value then failwith "no plan" else queues)
                )

            let world =
                start MessageModel.Clustering strategy
                |> subscribe "T"
                |> route "T" four
                |> settle [ own ]

            Rebalance.problems world.Member |> shouldBeEmpty
            fails.Value <- true
            let failed = throughInterval [ own ] world
            failed.Assigned |> shouldEqual world.Assigned

            match Map.tryFind "T" (Rebalance.problems failed.Member) with
            | Some problem -> problem.Message |> shouldMention "no plan"
            | None -> failtest "no word about it"

            fails.Value <- false
            Rebalance.problems (throughInterval [ own ] failed).Member |> shouldBeEmpty
    ]

let private cases = routesAndMembers @ notifications

[<Tests>]
let tests = testList "Rebalance" (oneMember @ severalMembers @ cases)
