module RocketMq.Administration.Tests.GroupTests

open Expecto
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration
open RocketMq.Administration.Tests.FakeServers

let private one = queue "Orders" masterA 0
let private other = queue "Orders" masterA 1
let private billing = SubscriptionGroups.create "billing"

let private progress brokerOffset consumerOffset pullOffset : QueueProgress =
    {
        BrokerOffset = brokerOffset
        ConsumerOffset = consumerOffset
        PullOffset = pullOffset
        LastTimestamp = 0L
    }

let private stats queues : Answering =
    answering Statistics.ofGroup (fun call _ ->
        {
            Queues =
                if call.Target = Target.Broker masterA then
                    Map.ofList queues
                else
                    Map.empty
            ConsumedPerSecond = 2.5
        })

let private noDelays: Answering = answering GroupProgress.timeSpans (fun _ _ -> [])

let private lag extra =
    run
        (extra
         @ [
             cluster [ masterA; masterB ]
             noDelays
             groups [ masterA, [ billing ] ]
             members MessageModel.Clustering []
         ])
        (GroupLags.ofGroup BrokerScope.All "billing")

let private group extra =
    extra
    @ [
        cluster [ masterA; masterB ]
        groups [ masterA, [ billing ]; masterB, [ billing ] ]
        members MessageModel.Clustering []
        routes []
    ]

[<Tests>]
let lags =
    testList
        "Group lag"
        [
            testCase "trap 23: a queue without a committed offset has none, and lags by what is there"
            <| fun () ->
                let lag =
                    lag
                        [
                            stats [ one, progress 100L 0L None; other, progress 50L 20L (Some 25L) ]
                            ranges [ one, 30L, 100L; other, 0L, 50L ]
                            offsets []
                        ]
                    |> valueOf

                Expect.equal
                    (lag.Queues |> List.map (fun queue -> queue.Committed, queue.Lag, queue.InFlight))
                    [ None, Some 70L, None; Some 20L, Some 30L, Some 5L ]
                    "none is not 0"

                Expect.equal lag.Total 100L "the total"

            testCase "an offset that is committed at 0 is 0"
            <| fun () ->
                let lag =
                    lag
                        [
                            stats [ one, progress 100L 0L None ]
                            ranges [ one, 0L, 100L ]
                            offsets [ "billing", one, 0L ]
                        ]
                    |> valueOf

                Expect.equal (lag.Queues |> List.map _.Committed) [ Some 0L ] "committed"

            testCase "trap 24: a group beyond the end has a negative lag"
            <| fun () ->
                let lag =
                    lag [ stats [ one, progress 100L 120L None ]; ranges [ one, 0L, 100L ]; offsets [] ]
                    |> valueOf

                Expect.equal (lag.Queues |> List.map _.Lag) [ Some -20L ] "the sign stays"

            testCase "trap 26: a group without a route of its retry topic is found on its brokers"
            <| fun () ->
                let result, rounds =
                    lag [ stats [ one, progress 100L 40L None ]; ranges [ one, 0L, 100L ]; offsets [] ]

                Expect.isOk result "it is found"

                let codes = rounds |> List.concat |> List.map _.Code
                Expect.isFalse (List.contains RequestCode.GetRouteInfoByTopic codes) "no route is asked for"

            testCase
                "a broker that does not answer is a row with its reason, and the total says that it is not complete"
            <| fun () ->
                let lag =
                    lag
                        [
                            silent masterB
                            stats [ one, progress 100L 40L None ]
                            ranges [ one, 0L, 100L ]
                            offsets []
                        ]
                    |> valueOf

                Expect.equal lag.Total 60L "what is known"
                Expect.isFalse lag.IsComplete "not complete"
                Expect.equal (lag.Failures |> List.map _.Server |> List.distinct) [ masterB.ToString() ] "who"
                Expect.isNone lag.DeadLetters "unknown is not 0"

            testCase "dead letters are those that are there on all masters"
            <| fun () ->
                let topic = TopicKind.deadLetterTopicOf "billing"

                let lag =
                    lag
                        [
                            stats [ one, progress 100L 40L None ]
                            ranges [ one, 0L, 100L; queue topic masterA 0, 5L, 8L; queue topic masterB 0, 0L, 2L ]
                            offsets []
                        ]
                    |> valueOf

                Expect.equal lag.DeadLetters (Some 5L) "both masters"

            testCase "delays are those that brokers say, by their own clock; trap 27: one since 1970 is none"
            <| fun () ->
                let longest delay =
                    let spans: Answering =
                        answering GroupProgress.timeSpans (fun _ _ ->
                            [
                                {
                                    Queue = one
                                    MinTimestamp = 0L
                                    MaxTimestamp = 0L
                                    ConsumeTimestamp = 0L
                                    DelayMillis = delay
                                }
                            ])

                    let lag =
                        lag
                            [
                                spans
                                stats [ one, progress 100L 40L None ]
                                ranges [ one, 0L, 100L ]
                                offsets []
                            ]
                        |> valueOf

                    lag.DelayMillis

                Expect.equal (longest 90_000L) (Some 90_000L) "the longest"
                Expect.isNone (longest 1_796_000_669_001L) "a broker of 5.3.3, for an offset without a message"

            testCase "an unknown group is an error that names those there are"
            <| fun () ->
                let error =
                    run
                        [
                            cluster [ masterA ]
                            stats []
                            groups [ masterA, [ billing ] ]
                            members MessageModel.Clustering []
                            noDelays
                            ranges []
                        ]
                        (GroupLags.ofGroup BrokerScope.All "nobody")
                    |> errorOf

                Expect.equal error.Message "There is no group nobody. There are: billing." "the message"
        ]

/// What each master says of all its groups: the lag of one queue of each.
let private totals (table: (BrokerAddress * (string * int64) list) list) : Answering =
    ofBrokers Statistics.ofGroups (fun broker _ ->
        match table |> List.tryFind (fun (other, _) -> other = broker) with
        | None -> Error ResponseCode.SystemError
        | Some(_, groups) ->
            Ok
                {
                    BrokerAddress = Some broker.Address
                    Groups =
                        [
                            for group, lag in groups ->
                                Map.ofList
                                    [
                                        group,
                                        [
                                            {
                                                Queues = Map.ofList [ queue "Orders" broker 0, progress lag 0L None ]
                                                ConsumedPerSecond = 1.0
                                            }
                                        ]
                                    ]
                        ]
                    TotalLag = 0L
                    TotalInFlight = None
                })

[<Tests>]
let allGroups =
    testList
        "Lag of all groups"
        [
            testCase "trap 28: lags beyond 2^31 are added and compared as they are, and no retry topic is needed"
            <| fun () ->
                let most = int64 System.Int32.MaxValue

                let found =
                    run
                        [
                            // No route, so no retry topic of any group.
                            cluster [ masterA; masterB ]
                            totals
                                [
                                    masterA, [ "small", 1L; "vast", most ]
                                    masterB, [ "large", most + 2L; "vast", most ]
                                ]
                        ]
                        (GroupTotals.all BrokerScope.All)
                    |> valueOf

                Expect.equal
                    (found.Groups |> List.map (fun total -> total.Group, total.Queues, total.Lag))
                    [ "vast", 2, 2L * most; "large", 1, most + 2L; "small", 1, 1L ]
                    "the furthest behind first"

            testCase "a master that does not answer is a failure beside the groups of others"
            <| fun () ->
                let found =
                    run
                        [ cluster [ masterA; masterB ]; totals [ masterA, [ "billing", 3L ] ] ]
                        (GroupTotals.all BrokerScope.All)
                    |> valueOf

                Expect.equal (found.Groups |> List.map _.Lag) [ 3L ] "what is known"
                Expect.equal (found.Failures |> List.map _.Server) [ masterB.ToString() ] "what is not"
        ]

[<Tests>]
let membership =
    testList
        "Group members"
        [
            testCase "trap 29: members are those of all brokers, each once"
            <| fun () ->
                let members =
                    run
                        [
                            members
                                MessageModel.Clustering
                                [ masterA, [ "client-1"; "client-2" ]; masterB, [ "client-2"; "client-3" ] ]
                        ]
                        (GroupMembers.ofGroup [ masterA; masterB ] "billing" false)
                    |> valueOf

                Expect.equal
                    (members.Members |> List.map (fun one -> one.ClientId, one.Brokers))
                    [
                        "client-1", [ "broker-a" ]
                        "client-2", [ "broker-a"; "broker-b" ]
                        "client-3", [ "broker-b" ]
                    ]
                    "merged"

            testCase "clients that call themselves the same are a disagreement"
            <| fun () ->
                let members =
                    run
                        [ members MessageModel.Clustering [ masterA, [ "client-1"; "client-1" ] ] ]
                        (GroupMembers.ofGroup [ masterA ] "billing" false)
                    |> valueOf

                Expect.hasLength members.Disagreements 1 "one"
        ]

[<Tests>]
let changes =
    testList
        "Group changes"
        [
            testCase "trap 5: an update changes what is named and leaves the rest"
            <| fun () ->
                let before =
                    { billing with
                        IsBroadcastEnabled = false
                        RetryQueues = 3
                        Attributes = Some(Map.ofList [ "a", "b" ])
                    }

                let change =
                    run
                        [ cluster [ masterA ]; groups [ masterA, [ before ] ] ]
                        (GroupChanges.update
                            BrokerScope.All
                            "billing"
                            { GroupSettings.Unchanged with
                                RetryMaxTimes = Some 3
                            })
                    |> valueOf

                let sent =
                    change.Writes
                    |> List.map (fun write -> SubscriptionGroups.update.Decode write.Call.Command)

                Expect.equal sent [ Ok { before with RetryMaxTimes = 3 } ] "all else as it was"

            testCase "trap 9: a deletion takes the offsets unless they are to stay, and says what stays"
            <| fun () ->
                let deleted retainOffsets =
                    run
                        (routes [ TopicKind.deadLetterTopicOf "billing", [ masterA ] ] :: group [])
                        (GroupChanges.delete BrokerScope.All "billing" retainOffsets)
                    |> valueOf

                for retainOffsets in [ true; false ] do
                    let change = deleted retainOffsets

                    for write in change.Writes do
                        match SubscriptionGroups.delete.Decode write.Call.Command with
                        | Ok removal ->
                            Expect.equal removal.RemoveOffsets (Some(not retainOffsets)) "as 4.9 names it"
                            Expect.equal removal.CleanOffsets (Some(not retainOffsets)) "as 5 names it"
                        | Error error -> failtest error.Message

                    Expect.contains change.Warnings "Its dead letters stay, in %DLQ%billing." "dead letters"
                    Expect.hasLength change.Writes 2 "both masters, and no topic"

            testCase "a group with members online is not deleted"
            <| fun () ->
                match
                    run
                        (members MessageModel.Clustering [ masterB, [ "client-1" ] ] :: group [])
                        (GroupChanges.delete BrokerScope.All "billing" false)
                    |> errorOf
                with
                | AdminError.NotAllowed reason -> Expect.stringContains reason "1 members online" "why"
                | error -> failtest error.Message
        ]
