/// Members whose queues brokers assign.
module RocketMq.Protocol.Tests.BrokerRebalanceTests

open RocketMq.Protocol
open RocketMq
open RebalanceRun

let private four = queuesOf "T" 4

/// On 10,000 random sequences of events in the long form.
let private law name body =
    propertyOf (LongForm.count 400 10_000) name body

let private started =
    startSharing MessageModel.Clustering (ByBrokers true) AllocationStrategy.Averagely

let private pulled (queues: MessageQueue list) : Assignment list =
    [
        for queue in queues ->
            {
                Queue = queue
                Mode = PullMode
                Attachments = None
            }
    ]

let private popped (queues: MessageQueue list) =
    pulled queues |> List.map (fun one -> { one with Mode = PopMode })

let private assign assignments world =
    answer "T" (AssignmentsKnown("T", assignments)) world

/// A member of a topic with four queues, assigned these.
let private assignedTo assignments =
    started |> subscribe "T" |> route "T" four |> assign assignments

let private interval world = step world Interval

let private allPopped: MessageQueue list =
    four |> List.map (fun queue -> { queue with QueueId = -1 }) |> List.distinct

let private topics = [ "T"; "U"; "%RETRY%g" ]

/// Each of these events, for each topic, does nothing to the queues that the member has.
let private keepsAll (world: World) events =
    [
        for topic in topics do
            for event in events do
                effectsOf (event topic) world
    ]
    |> List.concat
    |> List.forall (fun effect -> effect.IsQueryMembers || effect.IsQueryAssignments)

let private transitions =
    [
        law "whatever happens, queues are assigned and revoked in turn, and brokers asked once at a time"
        <| fun (steps: RebalanceStep list) ->
            runSharing (ByBrokers true) steps |> ignore<World>
            true

        law "an answer that did not come, or says nothing, costs no queue, pulled or popped"
        <| fun (steps: RebalanceStep list) ->
            keepsAll (runSharing (ByBrokers true) steps) [ MembersUnknown; AssignmentsUnsupported ]

        law "a member that cannot pop never does, whatever brokers say"
        <| fun (steps: RebalanceStep list) ->
            let world = runSharing (ByBrokers false) steps

            world.Effects |> List.forall (fun effect -> not effect.IsPopQueues)

        law "after a stop the member has nothing, whatever events follow"
        <| fun (before: RebalanceStep list) (after: RebalanceStep list) ->
            let world = List.fold step (runSharing (ByBrokers true) before) (StopNow :: after)
            world.Assigned.IsEmpty && world.Popped.IsEmpty

        law "a notification is followed by a query, now or after the answer"
        <| fun (steps: RebalanceStep list) ->
            let world = runSharing (ByBrokers true) steps

            world.IsStopped
            || Set.isSubset world.Owed (Set.union world.Queries world.AssignmentQueries)

        law "a member that shares by itself takes no notice of what brokers assign"
        <| fun (steps: RebalanceStep list) (queues: byte) (mode: byte) ->
            keepsAll
                (run MessageModel.Clustering steps)
                [ fun topic -> AssignmentsKnown(topic, assignmentsOf topic queues mode) ]
    ]

let private outcomes =
    [
        law "after faults end, the member has what brokers assign, as far as it can be read, and nothing else"
        <| fun (steps: RebalanceStep list) (queues: byte) (mode: byte) ->
            let world =
                runSharing (ByBrokers true) (withoutStop steps)
                |> settle [ own ]
                |> settleAssignments (fun topic -> assignmentsOf topic queues mode)
                |> interval
                |> settleAssignments (fun topic -> assignmentsOf topic queues mode)

            let wanted mode' =
                [
                    for KeyValue(topic, readable) in world.Readable do
                        for one in assignmentsOf topic queues mode do
                            if one.Mode = mode' && not readable.IsEmpty then
                                if mode' = PopMode || List.contains one.Queue readable then
                                    one.Queue
                ]
                |> set

            world.Assigned = wanted PullMode
            && Rebalance.popped world.Member = wanted PopMode

        law "where no broker assigns queues, the member has its share by the strategy in the end, and pops nothing"
        <| fun (steps: RebalanceStep list) (members: byte) ->
            let members = membersOf (members &&& 0xF8uy)

            let leaveIt world =
                List.fold
                    (fun world topic -> answer topic (AssignmentsUnsupported topic) world)
                    world
                    (Set.toList world.AssignmentQueries)
                |> settle members

            let world =
                runSharing (ByBrokers true) (withoutStop steps)
                |> settle members
                |> leaveIt
                |> leaveIt
                |> interval
                |> leaveIt

            world.Assigned = shareOf members world && world.Popped.IsEmpty
    ]

let private answers =
    [
        testCase "brokers are asked what they assign, not who the members are"
        <| fun () ->
            effectsOf (RouteKnown("T", four)) (subscribe "T" started)
            |> shouldEqual [ QueryAssignments "T" ]

            started
            |> subscribe "T"
            |> route "T" four
            |> effectsOf (AssignmentsKnown("T", pulled [ four[0]; four[2] ]))
            |> shouldEqual [ Assign four[0]; Assign four[2]; FollowMode("T", PullMode) ]

        testCase "an assignment of nothing gives all queues up; one that says nothing does not"
        <| fun () ->
            let world = assignedTo (pulled four) |> interval
            effectsOf (MembersUnknown "T") world |> shouldBeEmpty

            effectsOf (AssignmentsKnown("T", [])) world
            |> shouldEqual (List.map Revoke (List.sort four))

        testCase "a topic that brokers hand out by pop from now on is not pulled any more, and the other way round"
        <| fun () ->
            let pulling = assignedTo (pulled four) |> interval

            effectsOf (AssignmentsKnown("T", popped allPopped)) pulling
            |> shouldEqual (
                List.map Revoke (List.sort four)
                @ [ PopQueues("T", allPopped); FollowMode("T", PopMode) ]
            )

            let popping = assign (popped allPopped) pulling |> interval
            effectsOf (AssignmentsKnown("T", popped allPopped)) popping |> shouldBeEmpty

            effectsOf (AssignmentsKnown("T", pulled four)) popping
            |> shouldEqual (
                List.map Assign (List.sort four)
                @ [ PopQueues("T", []); FollowMode("T", PullMode) ]
            )

    ]

let private withoutBrokers =
    [
        testCase "who cannot pop shares the queues by itself where brokers hand them out by pop"
        <| fun () ->
            let world =
                startSharing MessageModel.Clustering (ByBrokers false) AllocationStrategy.Averagely
                |> subscribe "T"
                |> route "T" four

            effectsOf (AssignmentsKnown("T", popped allPopped)) world
            |> shouldEqual [ QueryMembers "T" ]

            let sharing = assign (popped allPopped) world |> settle [ own; "c0" ]
            sharing.Assigned |> shouldEqual (set [ four[1]; four[3] ])

        testCase "brokers that assign no queues are asked again, and followed once they do"
        <| fun () ->
            let unsupported world =
                answer "T" (AssignmentsUnsupported "T") world

            let sharing =
                started |> subscribe "T" |> route "T" four |> unsupported |> settle [ own ]

            sharing.Assigned |> shouldEqual (set four)

            let followed = interval sharing |> assign (pulled [ four[1] ])
            followed.Assigned |> shouldEqual (set [ four[1] ])

        testCase "a broker that is not there may be one that assigns queues"
        <| fun () ->
            let broker: Endpoint = { Host = "broker-a"; Port = 10911 }

            let refused code =
                Error(RemotingError.Refused(broker, RequestCode.QueryAssignment, System.TimeSpan.Zero, code, ""))

            let old = refused ResponseCode.RequestCodeNotSupported
            let busy = refused ResponseCode.SystemBusy
            let eventOf = AssignmentAnswers.toEvent "T"
            eventOf [ old; old ] |> shouldEqual (AssignmentsUnsupported "T")
            eventOf [ old; busy ] |> shouldEqual (MembersUnknown "T")
            eventOf [ Ok None; old ] |> shouldEqual (MembersUnknown "T")
            eventOf [] |> shouldEqual (MembersUnknown "T")

            eventOf [ Ok(Some(pulled four)); old; busy ]
            |> shouldEqual (AssignmentsKnown("T", pulled four))

        testCase "what was popped comes again in topics of its own, under the name of the one that was popped"
        <| fun () ->
            let retries = PopRetryTopics.ofTopic "ns%g" "ns%T"
            retries |> shouldEqual [ "%RETRY%ns%g_ns%T"; "%RETRY%ns%g+ns%T" ]

            for topic in retries do
                PopRetryTopics.isOne "%RETRY%ns%g" topic |> shouldBeTrue
                PopRetryTopics.origin "%RETRY%ns%g" topic |> shouldEqual "ns%T"

            for topic in [ "T"; "%RETRY%ns%g"; "%RETRY%ns%g_"; "%RETRY%ns%group" ] do
                PopRetryTopics.origin "%RETRY%ns%g" topic |> shouldEqual topic

            PopRetryTopics.origin "" "_T" |> shouldEqual "_T"
    ]

[<Tests>]
let tests =
    testList "Broker rebalance" (transitions @ outcomes @ answers @ withoutBrokers)
