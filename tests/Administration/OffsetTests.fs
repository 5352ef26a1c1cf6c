module RocketMq.Administration.Tests.OffsetTests

open Expecto
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration
open RocketMq.Administration.Tests.FakeServers

let private one = queue "Orders" masterA 0
let private other = queue "Orders" masterA 1

let private everywhere =
    {
        Topic = "Orders"
        BrokerName = None
        QueueId = None
    }

let private billing = SubscriptionGroups.create "billing"

let private servers extra =
    extra
    @ [
        cluster [ masterA ]
        routes [ "Orders", [ masterA ] ]
        groups [ masterA, [ billing; SubscriptionGroups.create "audit" ] ]
        ranges [ one, 10L, 100L; other, 0L, 50L ]
        offsets [ "billing", one, 40L ]
    ]

let private serverSide = settings [ "useServerSideResetOffset", "true" ]
let private membersOnly = settings [ "brokerName", "broker-a" ]

let private online model =
    members model [ masterA, [ "client-1" ] ]

let private offline = members MessageModel.Clustering []

let private reset extra scope target =
    run (servers extra) (OffsetChanges.reset "billing" scope target)

/// Has "audit" go on where "billing" is, which has committed this.
let private clone extra topic (committed: (MessageQueue * int64) list) =
    let progress (query: ConsumeStatsQuery) : ConsumeStats =
        Expect.equal query.Topic topic "the topic"

        {
            Queues =
                Map.ofList
                    [
                        for queue, offset in committed ->
                            queue,
                            {
                                BrokerOffset = 100L
                                ConsumerOffset = offset
                                PullOffset = None
                                LastTimestamp = 0L
                            }
                    ]
            ConsumedPerSecond = 0.0
        }

    run
        (servers (answering Statistics.ofGroup (fun _ query -> progress query) :: extra))
        (OffsetChanges.clone "billing" "audit" topic)

let private codesOf (change: Change) = change.Writes |> List.map _.Call.Code

[<Tests>]
let tests =
    testList
        "Offset resets"
        [
            testCase "trap 12: a broker that resets by itself gets each queue's offset, whoever is online"
            <| fun () ->
                let change =
                    reset [ serverSide; online MessageModel.Clustering ] everywhere ResetTarget.Latest
                    |> valueOf

                let sent =
                    change.Writes
                    |> List.map (fun write ->
                        match ConsumerOffsets.resetAll.Decode write.Call.Command with
                        | Ok reset -> reset.QueueId, reset.Offset
                        | Error error -> failtest error.Message)

                Expect.equal sent [ Some 0, Some 100L; Some 1, Some 50L ] "by queue"

                Expect.equal
                    (rowsOf change)
                    [
                        masterA.ToString(), Some "40", Some "100"
                        masterA.ToString(), None, Some "50"
                    ]
                    "old and new"

            testCase
                "trap 12: a group that is offline has its committed offsets overwritten where the broker cannot reset"
            <| fun () ->
                let change =
                    reset [ membersOnly; offline ] everywhere ResetTarget.Earliest |> valueOf

                Expect.equal (codesOf change) (List.replicate 2 RequestCode.UpdateConsumerOffset) "commits"

                Expect.equal
                    (rowsOf change |> List.map (fun (_, before, after) -> before, after))
                    [ Some "40", Some "10"; None, Some "0" ]
                    "old and new"

            testCase "of the offsets that a broker keeps for a group and a topic, one is written ahead of the others"
            <| fun () ->
                // Two threads of a broker that make the table of the group and the topic at once lose what one of them wrote.
                let stages (change: Change) =
                    change.Stages
                    |> List.map (
                        List.map (fun write ->
                            match Offsets.commit.Decode write.Call.Command with
                            | Ok commit -> write.Call.Target, commit.Queue.Topic, commit.Queue.QueueId
                            | Error error -> failtest error.Message)
                    )

                let wanted =
                    [
                        [ Target.Broker masterA, "Orders", 0 ]
                        [ Target.Broker masterA, "Orders", 1 ]
                    ]

                reset [ membersOnly; offline ] everywhere ResetTarget.Latest
                |> valueOf
                |> stages
                |> fun stages -> Expect.equal stages wanted "a reset"

                clone [ offline; offsets [ "billing", one, 40L; "billing", other, 5L ] ] None [ one, 40L; other, 5L ]
                |> valueOf
                |> stages
                |> fun stages -> Expect.equal stages wanted "a clone"

            testCase "a broker that says 0 may have no offset: 0 is written all the same"
            <| fun () ->
                let reset way target =
                    reset [ way; offline; offsets [ "billing", one, 40L; "billing", other, 0L ] ] everywhere target
                    |> valueOf
                    |> rowsOf
                    |> List.map (fun (_, before, after) -> before, after)

                Expect.equal
                    (reset membersOnly ResetTarget.Earliest)
                    [ Some "40", Some "10"; Some "0", Some "0" ]
                    "a broker of 4.9, which says 0 while the first message is in memory"

                Expect.equal (reset serverSide ResetTarget.Earliest) [ Some "40", Some "10" ] "a broker that knows"

            testCase "trap 12: members that are online are told of a time"
            <| fun () ->
                let change =
                    reset [ membersOnly; online MessageModel.Clustering ] everywhere ResetTarget.Latest
                    |> valueOf

                match change.Writes with
                | [ write ] ->
                    match ConsumerOffsets.resetAll.Decode write.Call.Command with
                    | Ok reset ->
                        Expect.equal reset.TimestampMillis -1L "trap 15: the end, not the clock's time"
                        Expect.isTrue reset.IsForced "trap 14: forward too"
                        Expect.isNone reset.QueueId "all queues"
                    | Error error -> failtest error.Message
                | writes -> failtest $"{writes.Length} writes"

                Expect.isEmpty
                    (run (servers []) change.Verify |> valueOf)
                    "they go on there later: what is committed by then is what they consumed since"

            testCase "trap 13: offsets are not written under members that would commit over them"
            <| fun () ->
                for target, scope in
                    [
                        ResetTarget.Offset 20L, everywhere
                        ResetTarget.By -10L, everywhere
                        ResetTarget.Earliest, { everywhere with QueueId = Some 0 }
                    ] do
                    let extra =
                        [
                            membersOnly
                            online MessageModel.Clustering
                            offsets [ "billing", one, 40L; "billing", other, 40L ]
                        ]

                    let reason = reset extra scope target |> errorOf |> expectNotAllowed
                    Expect.stringContains reason "Stop the members" "what to do"

            testCase "trap 18: a queue can be reset to its beginning"
            <| fun () ->
                let scope = { everywhere with QueueId = Some 1 }

                let change =
                    reset [ serverSide; offline; offsets [ "billing", other, 7L ] ] scope (ResetTarget.Offset 0L)
                    |> valueOf

                Expect.equal (rowsOf change) [ masterA.ToString(), Some "7", Some "0" ] "one queue, to 0"

            testCase "trap 16: a time is asked of the broker, queue by queue"
            <| fun () ->
                let change =
                    reset
                        [
                            serverSide
                            offline
                            answering Offsets.search (fun _ query ->
                                Expect.equal query.TimestampMillis 1_000L "the time"
                                if query.Queue.QueueId = 0 then 60L else 0L)
                        ]
                        everywhere
                        (ResetTarget.Time 1_000L)
                    |> valueOf

                Expect.equal
                    (rowsOf change |> List.map (fun (_, _, after) -> after))
                    [ Some "60"; Some "0" ]
                    "what it said"

            testCase "trap 22: a broadcasting group's offsets are not the brokers'"
            <| fun () ->
                match
                    reset [ serverSide; online MessageModel.Broadcasting ] everywhere ResetTarget.Latest
                    |> errorOf
                with
                | AdminError.NotAllowed reason -> Expect.stringContains reason "broadcasting" "why"
                | error -> failtest error.Message

            testCase
                "trap 20: who waits in the retry topic comes anyway, which is said; the retry topic can be reset by name"
            <| fun () ->
                let change = reset [ serverSide; offline ] everywhere ResetTarget.Latest |> valueOf

                Expect.contains change.Warnings "Messages that wait to be handled again come anyway." "the warning"

                let retryTopic = TopicKind.retryTopicOf "billing"
                let ofRetry = { everywhere with Topic = retryTopic }

                let change =
                    reset
                        [
                            routes [ retryTopic, [ masterA ] ]
                            ranges [ queue retryTopic masterA 0, 0L, 9L ]
                            serverSide
                            offline
                        ]
                        ofRetry
                        ResetTarget.Latest
                    |> valueOf

                Expect.equal (rowsOf change |> List.map (fun (_, _, after) -> after)) [ Some "9" ] "its queue"

            testCase "targets outside of what is there are moved to its ends"
            <| fun () ->
                let after target =
                    reset
                        [ serverSide; offline; offsets [ "billing", one, 40L; "billing", other, 20L ] ]
                        everywhere
                        target
                    |> valueOf
                    |> rowsOf
                    |> List.map (fun (_, _, after) -> after)

                Expect.equal (after (ResetTarget.Offset 5L)) [ Some "10"; Some "5" ] "below the first"
                Expect.equal (after (ResetTarget.By 1_000L)) [ Some "100"; Some "50" ] "beyond the end"

            testCase "to count from an offset that was never committed is refused"
            <| fun () ->
                let reason =
                    reset [ serverSide; offline ] everywhere (ResetTarget.By 5L)
                    |> errorOf
                    |> expectNotAllowed

                Expect.stringContains reason "committed no offset" "why"

            testCase "an unknown group, topic or queue is an error that names it"
            <| fun () ->
                let message result = (errorOf result).Message

                Expect.stringContains
                    (run (servers [ serverSide; offline ]) (OffsetChanges.reset "bill" everywhere ResetTarget.Latest)
                     |> message)
                    "There is no group bill. There are: audit, billing."
                    "group"

                Expect.stringContains
                    (reset [ serverSide; offline ] { everywhere with QueueId = Some 9 } ResetTarget.Latest
                     |> message)
                    "There is no queue 9 of topic Orders"
                    "queue"

            testCase "trap 21: what is committed afterwards is read again, and a member that commits over it is seen"
            <| fun () ->
                let change = reset [ serverSide; offline ] everywhere ResetTarget.Latest |> valueOf

                let status committed =
                    (run [ takesWrites; offsets committed ] (Change.carryOut change) |> valueOf).Status

                Expect.equal
                    (status [ "billing", one, 100L; "billing", other, 50L ])
                    ChangeStatus.CarriedOut
                    "as written"

                Expect.equal
                    (status [ "billing", one, 41L; "billing", other, 50L ])
                    ChangeStatus.Partly
                    "a member committed its own"

            testCase "trap 42: a clone takes the topics that are named, and never an online group"
            <| fun () ->
                let clone extra =
                    clone extra (Some "Orders") [ one, 40L ]

                Expect.equal
                    (clone [ offline ] |> valueOf |> rowsOf)
                    [ masterA.ToString(), None, Some "40" ]
                    "what billing has committed"

                clone [ online MessageModel.Clustering ]
                |> errorOf
                |> expectNotAllowed
                |> ignore
        ]
