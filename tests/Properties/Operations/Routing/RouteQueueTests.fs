/// The queues of a route that messages can be sent to, and why there are none.
module RocketMq.Protocol.Tests.RouteQueueTests

open System
open Expecto
open FsCheck
open RocketMq.Protocol
open RocketMq

let private on name permission writeQueues : QueueData =
    {
        BrokerName = name
        ReadQueues = 8
        WriteQueues = writeQueues
        Permission = permission
        TopicSysFlag = 0
    }

let private master name =
    Examples.broker "c" name [ 0L, "h:1"; 1L, "h:2" ]

let private slave name = Examples.broker "c" name [ 1L, "h:2" ]

let private route queues brokers conf =
    { TopicRoute.create queues brokers with
        OrderedTopic = conf
    }

/// Eight queues each on two brokers.
let private ordered conf =
    route [ on "b1" 6 8; on "b2" 6 8 ] [ master "b1"; master "b2" ] conf

let private namesOf queues =
    queues
    |> List.map (fun (queue: MessageQueue) -> $"{queue.BrokerName}-{queue.QueueId}")

let private publish route =
    namesOf (TopicRoute.publishQueues "T" route)

let private orderedTopics =
    testList
        "ordered topics"
        [
            testCase "of an ordered topic producers see the queues of its configuration, in its order, as Java's"
            <| fun () ->
                let fixed' = [ "b2-0"; "b2-1"; "b1-0"; "b1-1" ]

                publish (ordered (Some "b2:2;b1:2")) |> shouldEqual fixed'
                publish (ordered (Some "b2:2;b1:2;")) |> shouldEqual fixed'

                publish (ordered (Some "b2:2;away:1"))
                |> shouldEqual [ "b2-0"; "b2-1"; "away-0" ]

                publish (ordered (Some "b2:1;b1:0;b1:-3")) |> shouldEqual [ "b2-0" ]
                (publish (ordered (Some ""))).Length |> shouldEqual 16
                (publish (ordered None)).Length |> shouldEqual 16

                // Whatever becomes of the brokers: keys stay with their queues.
                publish (route [ on "b1" 4 0 ] [ slave "b1" ] (Some "b2:2;b1:2"))
                |> shouldEqual fixed'

            testCase "consumers read all queues, ordered or not"
            <| fun () ->
                TopicRoute.subscribeQueues "T" (ordered (Some "b2:2;b1:2"))
                |> List.length
                |> shouldEqual 16

            property "the configuration is read as it was written, whatever the queues of the route"
            <| fun (entries: (NonEmptyString * byte) list) (permission: int) ->
                let entries =
                    entries
                    |> List.map (fun (name, count) ->
                        String.filter (fun character -> character <> ':' && character <> ';') name.Get
                        + "x",
                        int count)

                let conf =
                    entries
                    |> List.map (fun (name, count) -> $"{name}:{count}")
                    |> String.concat ";"

                let expected =
                    [
                        for name, count in entries do
                            for queueId in 0 .. count - 1 -> $"{name}-{queueId}"
                    ]

                entries.IsEmpty
                || publish (route [ on "b" permission 3 ] [ master "b" ] (Some conf)) = expected
        ]

let private invalidConfigurations =
    testList
        "invalid configurations"
        [
            property "no configuration throws, or makes more queues than a topic may have"
            <| fun (text: string | null) (count: int) ->
                let conf = string text + $":{count};{text}"
                let queues = publish (ordered (Some conf))

                queues.Length <= 65_536
                && (RouteProblems.ofSending (ordered (Some conf))).Length > 0

            testCase "an invalid configuration has no queue and is reported with the reason"
            <| fun () ->
                for conf, part in
                    [
                        "b1", "'b1'"
                        "b1:x", "'b1:x'"
                        "b1:2;;b2:2", "''"
                        ":2", "':2'"
                        "b1:2:3", "'b1:2:3'"
                        "b1:99999999999", "'b1:99999999999'"
                        "b1:65536;b2:1", "more than 65536"
                        "b1:0", "no queue"
                    ] do
                    let route = ordered (Some conf)
                    publish route |> shouldBeEmpty
                    RouteProblems.ofSending route |> shouldMention part
                    RouteProblems.ofSending route |> shouldMention "orderTopicConf"
        ]

let private reasons =
    testList
        "reasons"
        [
            testCase "the reason why nothing can be sent is given for each broker"
            <| fun () ->
                let masters = [ master "b1"; master "b2" ]

                for route, expected in
                    [
                        route [ on "b1" 0 8 ] masters None, "b1 gives it permission 0, neither read nor write"
                        route [ on "b1" 4 8 ] masters None, "b1 gives it permission 4, read only"
                        route [ on "b1" 6 0 ] masters None, "b1 has no write queues for it"
                        route [ on "b1" 6 8 ] [ slave "b1" ] None, "b1 has no master"
                        route [ on "b1" 6 8 ] [ master "b2" ] None, "b1 is known to no name server"
                        route [ on "b2" 4 8; on "b1" 6 0 ] masters None,
                        "b1 has no write queues for it; b2 gives it permission 4, read only"
                        route [ on "b1" 4 0 ] [ slave "b1" ] None,
                        "b1 gives it permission 4, read only and has no write queues for it and has no master"
                    ] do
                    publish route |> shouldBeEmpty

                    RouteProblems.ofSending route
                    |> shouldEqual $"nothing can be sent to it: {expected}"

                RouteProblems.ofReading (route [ on "b1" 2 8; on "b2" 6 8 ] [ slave "b2"; master "b1" ] None)
                |> shouldEqual "nothing of it can be read: b1 gives it permission 2, write only; b2 has no master"

            property "there is a reason for each broker of a topic whose queues cannot be written to"
            <| fun (brokers: (int * byte * bool) list) ->
                let named =
                    brokers
                    |> List.mapi (fun index (permission, queues, hasMaster) ->
                        let name = $"b{index:d3}"
                        on name (permission &&& 7) (int queues % 3), (if hasMaster then master name else slave name))

                let route = route (List.map fst named) (List.map snd named) None
                let problems = RouteProblems.ofSending route

                not (publish route).IsEmpty
                || named
                   |> List.forall (fun (queues, _) -> problems.Contains(queues.BrokerName, StringComparison.Ordinal))
        ]

[<Tests>]
let tests =
    testList "Route queues" [ orderedTopics; invalidConfigurations; reasons ]
