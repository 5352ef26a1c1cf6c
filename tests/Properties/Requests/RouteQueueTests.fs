/// The queues of a route that messages can be sent to, and why there are none.
module RocketMq.Protocol.Tests.RouteQueueTests

open System
open Expecto
open FsCheck
open RocketMq.Protocol

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

let private namesOf queues =
    queues
    |> List.map (fun (queue: MessageQueue) -> $"{queue.BrokerName}-{queue.QueueId}")

let private publish route =
    namesOf (TopicRoute.publishQueues "T" route)

[<Tests>]
let tests =
    testList
        "Route queues"
        [
            testCase "why nothing can be sent is told broker by broker"
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
