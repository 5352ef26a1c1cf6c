module RocketMq.Administration.Tests.TopicTests

open Expecto
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration
open RocketMq.Administration.Tests.FakeServers

let private both = [ masterA; masterB ]

let private ordersEverywhere =
    configs [ masterA, [ config "Orders" 4 ]; masterB, [ config "Orders" 4 ] ]

let private update scope settings servers =
    run servers (TopicChanges.update nameServers scope "Orders" settings)

[<Tests>]
let tests =
    testList
        "Topics"
        [
            testCase "trap 5: an update changes what is named and leaves the rest, attributes and order too"
            <| fun () ->
                let before =
                    { config "Orders" 4 with
                        IsOrderly = true
                        Attributes = Some(Map.ofList [ "message.type", "FIFO" ])
                    }

                let change =
                    [ cluster both; configs [ masterA, [ before ]; masterB, [ before ] ]; texts [] ]
                    |> update
                        BrokerScope.All
                        { TopicSettings.Unchanged with
                            WriteQueues = Some 6
                        }
                    |> valueOf

                let sent =
                    change.Writes
                    |> List.map (fun write ->
                        match Topics.create.Decode write.Call.Command with
                        | Ok create -> create
                        | Error error -> failtest error.Message)

                for create in sent do
                    Expect.equal (create.ReadQueues, create.WriteQueues) (4, 6) "the queues"
                    Expect.isTrue create.IsOrderly "the order"
                    Expect.isNone create.Attributes "attributes that are not named are not sent"

                Expect.equal sent.Length 2 "both masters"

                Expect.equal
                    (change.Writes |> List.map _.After |> List.distinct)
                    [ Some "4 queues to read, 6 to write, RW, orderly, message.type=FIFO" ]
                    "what is shown"

            testCase "trap 7: a new permission leaves each master's own queues, order and attributes as they are"
            <| fun () ->
                let onA =
                    { config "Orders" 4 with
                        IsOrderly = true
                        Attributes = Some(Map.ofList [ "message.type", "FIFO" ])
                    }

                let onB =
                    { config "Orders" 8 with
                        WriteQueues = 6
                    }

                let change =
                    [ cluster both; configs [ masterA, [ onA ]; masterB, [ onB ] ]; texts [] ]
                    |> update
                        BrokerScope.All
                        { TopicSettings.Unchanged with
                            Permission = Some 4
                        }
                    |> valueOf

                let sent =
                    change.Writes
                    |> List.map (fun write ->
                        match Topics.create.Decode write.Call.Command with
                        | Ok create ->
                            write.Call.Target,
                            (create.ReadQueues, create.WriteQueues, create.Permission, create.IsOrderly)
                        | Error error -> failtest error.Message)

                Expect.equal
                    sent
                    [
                        Target.Broker masterA, (4, 4, 4, true)
                        Target.Broker masterB, (8, 6, 4, false)
                    ]
                    "to each what it had, with the permission"

                Expect.equal
                    (change.Writes |> List.map _.After)
                    [
                        Some "4 queues to read, 4 to write, R, orderly, message.type=FIFO"
                        Some "8 queues to read, 6 to write, R"
                    ]
                    "what is shown"

            testCase "an update that changes nothing writes nothing"
            <| fun () ->
                let change =
                    [ cluster both; ordersEverywhere ]
                    |> update
                        BrokerScope.All
                        { TopicSettings.Unchanged with
                            ReadQueues = Some 4
                        }
                    |> valueOf

                Expect.isFalse (Change.isNeeded change) "no write"

            testCase "a broker without the topic is named and not given it"
            <| fun () ->
                let change =
                    [ cluster both; configs [ masterA, [ config "Orders" 4 ] ] ]
                    |> update
                        BrokerScope.All
                        { TopicSettings.Unchanged with
                            ReadQueues = Some 8
                        }
                    |> valueOf

                Expect.equal
                    (rowsOf change |> List.map (fun (server, _, _) -> server))
                    [ masterA.ToString() ]
                    "one write"

                Expect.exists change.Warnings (fun text -> text.StartsWith "broker-b") "a warning"

            testCase "trap 8: queues to read and to write that shrink at once give a warning"
            <| fun () ->
                let warnings settings =
                    ([ cluster both; ordersEverywhere ] |> update BrokerScope.All settings |> valueOf).Warnings

                Expect.hasLength
                    (warnings
                        { TopicSettings.Unchanged with
                            ReadQueues = Some 2
                            WriteQueues = Some 2
                        })
                    1
                    "both"

                Expect.isEmpty
                    (warnings
                        { TopicSettings.Unchanged with
                            WriteQueues = Some 2
                        })
                    "the safe order"

            testCase "a master that does not answer stops an update: nobody knows what it would overwrite"
            <| fun () ->
                let error =
                    [ cluster both; silent masterB; ordersEverywhere ]
                    |> update
                        BrokerScope.All
                        { TopicSettings.Unchanged with
                            ReadQueues = Some 8
                        }
                    |> errorOf

                match error with
                | AdminError.Failed [ failure ] -> Expect.equal failure.Server (masterB.ToString()) "who"
                | other -> failtest other.Message

            testCase "trap 44: brokers of 4.9 are asked for all topics when they do not know the question for one"
            <| fun () ->
                let table: TopicTable =
                    {
                        Topics = Map.ofList [ "Orders", config "Orders" 4 ]
                        Version = None
                        MappingVersion = None
                        MappingInfos = None
                        MappingDetails = None
                    }

                let change =
                    [
                        cluster [ masterA ]
                        refusing RequestCode.GetTopicConfig ResponseCode.RequestCodeNotSupported
                        answering Topics.all (fun _ () -> table)
                    ]
                    |> update
                        BrokerScope.All
                        { TopicSettings.Unchanged with
                            ReadQueues = Some 8
                        }
                    |> valueOf

                Expect.equal
                    (rowsOf change)
                    [
                        masterA.ToString(),
                        Some "4 queues to read, 4 to write, RW",
                        Some "8 queues to read, 4 to write, RW"
                    ]
                    "the row"

            testCase "a topic that is there is not created again"
            <| fun () ->
                let error =
                    run
                        [ cluster both; configs [ masterB, [ config "Orders" 4 ] ] ]
                        (TopicChanges.create nameServers BrokerScope.All "Orders" TopicSettings.Unchanged)
                    |> errorOf

                Expect.stringContains (expectNotAllowed error) "broker-b" "where"

            testCase "settings that no broker takes are refused before anything is asked"
            <| fun () ->
                let result, rounds =
                    run
                        []
                        (TopicChanges.create
                            nameServers
                            BrokerScope.All
                            "no spaces"
                            { TopicSettings.Unchanged with
                                ReadQueues = Some 0
                                Permission = Some 9
                            })

                match result with
                | Error(AdminError.Invalid reason) ->
                    Expect.stringContains reason "queues to read are 0" "queues"
                    Expect.stringContains reason "the permission is 9" "permission"
                    Expect.stringContains reason "the topic" "name"
                | _ -> failtest "it is refused"

                Expect.isEmpty rounds "no round"

            testCase "trap 6: an ordered topic's order is merged in every name server, and stays for other brokers"
            <| fun () ->
                let change =
                    [
                        cluster [ masterB ]
                        configs [ masterB, [ config "Orders" 4 ] ]
                        texts [ endpoint 9876, "Orders", "broker-a:8;broker-b:2" ]
                    ]
                    |> update
                        BrokerScope.All
                        { TopicSettings.Unchanged with
                            IsOrderly = Some true
                        }
                    |> valueOf

                Expect.equal
                    (rowsOf change |> List.tail)
                    [
                        "name server 127.0.0.1:9876", Some "broker-a:8;broker-b:2", Some "broker-a:8;broker-b:4"
                        "name server 127.0.0.1:9877", None, Some "broker-b:4"
                    ]
                    "both name servers"

            testCase
                "trap 6: a topic that is no longer ordered leaves the order first, or brokers make it ordered again"
            <| fun () ->
                let change =
                    [
                        cluster [ masterB ]
                        configs
                            [
                                masterB,
                                [
                                    { config "Orders" 4 with
                                        IsOrderly = true
                                    }
                                ]
                            ]
                        texts
                            [
                                endpoint 9876, "Orders", "broker-a:8;broker-b:4"
                                endpoint 9877, "Orders", "broker-b:4"
                            ]
                    ]
                    |> update
                        BrokerScope.All
                        { TopicSettings.Unchanged with
                            IsOrderly = Some false
                        }
                    |> valueOf

                Expect.equal
                    (rowsOf change)
                    [
                        "name server 127.0.0.1:9876", Some "broker-a:8;broker-b:4", Some "broker-a:8"
                        "name server 127.0.0.1:9877", Some "broker-b:4", None
                        masterB.ToString(),
                        Some "4 queues to read, 4 to write, RW, orderly",
                        Some "4 queues to read, 4 to write, RW"
                    ]
                    "name servers, then the broker"

                Expect.equal (change.Stages |> List.map List.length) [ 2; 1; 0 ] "one after the other"

            testCase "brokers of 4.9 know no attributes: it is not written as if they did"
            <| fun () ->
                let error =
                    [ cluster both; ordersEverywhere ]
                    |> update
                        BrokerScope.All
                        { TopicSettings.Unchanged with
                            Attributes = Map.ofList [ "message.type", Some "FIFO" ]
                        }
                    |> errorOf

                match error with
                | AdminError.NotSupported(what, brokers) ->
                    Expect.stringContains what "5.0" "what it needs"
                    Expect.equal brokers [ masterA.ToString(); masterB.ToString() ] "both"
                | other -> failtest other.Message

            testCase
                "traps 2, 3 and 6: a deletion goes to brokers, then to every name server, then to the order of queues"
            <| fun () ->
                let change =
                    run
                        [
                            cluster both
                            routes [ "Orders", both ]
                            ordersEverywhere
                            texts [ endpoint 9877, "Orders", "broker-a:4" ]
                            answering GroupProgress.groupsOf (fun _ _ -> [ "billing" ])
                            ranges [ queue "Orders" masterA 0, 10L, 25L ]
                        ]
                        (TopicDeletion.delete nameServers (BrokerScope.Cluster "DefaultCluster") "Orders")
                    |> valueOf

                let servers =
                    change.Stages
                    |> List.map (List.map (fun write -> write.Call.Code, write.Call.Target.ToString()))

                Expect.equal
                    servers
                    [
                        [
                            RequestCode.DeleteTopicInBroker, masterA.ToString()
                            RequestCode.DeleteTopicInBroker, masterB.ToString()
                        ]
                        [
                            RequestCode.DeleteTopicInNameServer, "name server 127.0.0.1:9876"
                            RequestCode.DeleteTopicInNameServer, "name server 127.0.0.1:9877"
                        ]
                        [ RequestCode.DeleteKvConfig, "name server 127.0.0.1:9877" ]
                    ]
                    "the stages"

                Expect.isTrue change.Destroys "it destroys"

                Expect.equal
                    change.Warnings
                    [ "15 messages are deleted."; "Groups consume it: billing." ]
                    "what is lost"

            testCase "a topic of the brokers' own is not deleted"
            <| fun () ->
                let error =
                    run
                        [
                            cluster [ masterA ]
                            routes []
                            configs [ masterA, [ config "SCHEDULE_TOPIC_XXXX" 18 ] ]
                            texts []
                        ]
                        (TopicDeletion.delete nameServers BrokerScope.All "SCHEDULE_TOPIC_XXXX")
                    |> errorOf

                expectNotAllowed error |> ignore

            testCase "settings that are not the same on all masters are said"
            <| fun () ->
                let description =
                    run
                        [
                            cluster both
                            routes [ "Orders", both ]
                            configs [ masterA, [ config "Orders" 4 ]; masterB, [ config "Orders" 8 ] ]
                            ranges [ queue "Orders" masterA 0, 0L, 5L ]
                            answering GroupProgress.groupsOf (fun _ _ -> [])
                        ]
                        (TopicQueries.describe "Orders")
                    |> valueOf

                Expect.equal
                    description.Differences
                    [
                        "broker-a: 4 queues to read, 4 to write, RW"
                        "broker-b: 8 queues to read, 8 to write, RW"
                    ]
                    "in words"

                Expect.isNonEmpty description.Failures "broker-b has no offsets of it, which is said"

            testCase "trap 29: the groups of a topic are those of all its brokers"
            <| fun () ->
                let description =
                    run
                        [
                            cluster both
                            routes [ "Orders", both ]
                            ordersEverywhere
                            ranges [ queue "Orders" masterA 0, 0L, 5L; queue "Orders" masterB 0, 0L, 5L ]
                            answering GroupProgress.groupsOf (fun call _ ->
                                if call.Target = Target.Broker masterA then
                                    [ "billing" ]
                                else
                                    [ "billing"; "audit" ])
                        ]
                        (TopicQueries.describe "Orders")
                    |> valueOf

                Expect.equal description.Groups [ "audit"; "billing" ] "merged"
        ]
