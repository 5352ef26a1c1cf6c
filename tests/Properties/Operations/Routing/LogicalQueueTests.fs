/// The queues of static topics: which there are, and where each of them is.
module RocketMq.Protocol.Tests.LogicalQueueTests

open System
open System.Text
open RocketMq.Protocol
open RocketMq

/// What one broker says of a topic: how many queues there are, its epoch, and the queues that it has.
let private mapping scope brokerName total epoch queueIds : string * QueueMapping =
    brokerName,
    {
        Topic = "T"
        Scope = scope
        TotalQueues = total
        BrokerName = brokerName
        Epoch = epoch
        IsDirty = false
        CurrentIds = Map.ofList [ for queueId in queueIds -> queueId, queueId / 2 ]
        HostedQueues = None
    }

let private usual = mapping (Some "__global__")

let private routeOf mappings =
    { FakeServers.routeOver [ "a", 11, 2; "b", 12, 2 ] with
        QueueMappings = Some(Map.ofList mappings)
    }

let private logical queueId : MessageQueue =
    {
        Topic = "T"
        BrokerName = "__syslo__global__"
        QueueId = queueId
    }

let private hostOf queue route =
    TopicRoute.hostOf queue route |> ValueOption.toOption

let private bytesOf (text: string) =
    ReadOnlyMemory(Encoding.UTF8.GetBytes text)

/// As a name server of 5.3.3 writes it, with what matters here.
let private written =
    """{"brokerDatas":[{"brokerAddrs":{"0":"127.0.0.1:27911"},"brokerName":"broker-a","cluster":"C","enableActingMaster":false},
{"brokerAddrs":{"0":"127.0.0.1:27921"},"brokerName":"broker-b","cluster":"C","enableActingMaster":false}],"filterServerTable":{},
"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":2,"topicSysFlag":0,"writeQueueNums":2},
{"brokerName":"broker-b","perm":6,"readQueueNums":2,"topicSysFlag":0,"writeQueueNums":2}],"topicQueueMappingByBroker":{
"broker-a":{"bname":"broker-a","currIdMap":{KEY0:0,KEY3:1},"dirty":false,"epoch":1732960000000,"scope":"__global__","topic":"T","totalQueues":4},
"broker-b":{"bname":"broker-b","currIdMap":{KEY1:0,KEY2:1},"dirty":false,"epoch":1732960000000,"scope":"__global__","topic":"T","totalQueues":4}}}"""

let private decoded (text: string) =
    Json.decode "route" TopicRoute.shape (bytesOf text)

let private queues =
    testList
        "queues"
        [
            testCase "the queues of a static topic are numbered over all brokers, and each is where its mapping says"
            <| fun () ->
                for quote in [ ""; "\"" ] do
                    let text =
                        Seq.fold
                            (fun (text: string) number ->
                                text.Replace($"KEY{number}", $"{quote}{number}{quote}", StringComparison.Ordinal))
                            written
                            [ 0..3 ]

                    let route = decoded text |> Buffers.ok
                    let expected = [ for queueId in 0..3 -> logical queueId ]
                    TopicRoute.publishQueues "T" route |> shouldEqual expected
                    TopicRoute.subscribeQueues "T" route |> shouldEqual expected

                    [ for queue in expected -> hostOf queue route ]
                    |> shouldEqual [ Some "broker-a"; Some "broker-b"; Some "broker-b"; Some "broker-a" ]

                    TopicRoute.masterOf (logical 1) route |> shouldEqual (Some "127.0.0.1:27921")

            testCase "a queue that no broker has stays, and is nowhere"
            <| fun () ->
                let route = routeOf [ usual "a" 3 7L [ 0; 2 ] ]
                TopicRoute.publishQueues "T" route |> List.length |> shouldEqual 3
                TopicRoute.subscribeQueues "T" route |> List.length |> shouldEqual 3
                hostOf (logical 1) route |> shouldEqual None

                RouteProblems.ofQueue (logical 1) route
                |> shouldMention "queue 1 of __syslo__global__"

            testCase "a queue whose broker is away keeps its place"
            <| fun () ->
                let route =
                    { routeOf [ usual "a" 2 7L [ 0 ]; usual "b" 2 7L [ 1 ] ] with
                        Brokers = [ Examples.broker "C" "a" [ 0L, "h:1" ] ]
                    }

                TopicRoute.publishQueues "T" route |> shouldEqual [ logical 0; logical 1 ]
                hostOf (logical 1) route |> shouldEqual (Some "b")
                TopicRoute.masterOf (logical 1) route |> shouldEqual None

                RouteProblems.ofQueue (logical 1) route
                |> shouldMention "b is known to no name server"

        ]

let private mappingsTests =
    testList
        "mappings"
        [
            testCase "the newer of two mappings counts, and of two equally new ones the last by name"
            <| fun () ->
                for epochs, expected in [ (2L, 1L), "a"; (1L, 2L), "b"; (1L, 1L), "b"; (-1L, Int64.MinValue), "a" ] do
                    let route =
                        routeOf [ usual "a" 1 (fst epochs) [ 0 ]; usual "b" 1 (snd epochs) [ 0 ] ]

                    hostOf (logical 0) route |> shouldEqual (Some expected)

            testCase "the highest number of queues counts"
            <| fun () ->
                let route = routeOf [ usual "a" 4 2L [ 0 ]; usual "b" 6 1L [ 5 ] ]
                TopicRoute.publishQueues "T" route |> List.length |> shouldEqual 6
                hostOf (logical 5) route |> shouldEqual (Some "b")

            testCase "a mapping without a scope is global, and another scope has queues of its own"
            <| fun () ->
                let route =
                    routeOf [ mapping None "a" 1 1L [ 0 ]; mapping (Some "east") "b" 1 1L [ 0 ] ]

                let east =
                    { logical 0 with
                        BrokerName = "__syslo__east"
                    }

                TopicRoute.subscribeQueues "T" route |> shouldEqual [ east; logical 0 ]
                hostOf (logical 0) route |> shouldEqual (Some "a")
                hostOf east route |> shouldEqual (Some "b")

            testCase "a static topic has no queues of brokers, and another one none of static topics"
            <| fun () ->
                let plain = FakeServers.routeOver [ "a", 11, 2 ]
                let own: MessageQueue = { logical 0 with BrokerName = "a" }
                let isStatic = routeOf [ usual "a" 2 1L [ 0; 1 ] ]
                hostOf own plain |> shouldEqual (Some "a")
                hostOf (logical 0) plain |> shouldEqual None
                hostOf own isStatic |> shouldEqual None
                RouteProblems.ofQueue own isStatic |> shouldMention "it is static"

            testCase "an empty mapping is none"
            <| fun () ->
                let route = routeOf []
                TopicRoute.isStatic route |> shouldBeFalse

                TopicRoute.publishQueues "T" route
                |> shouldEqual (TopicRoute.publishQueues "T" (FakeServers.routeOver [ "a", 11, 2; "b", 12, 2 ]))
        ]

/// One broker's mapping: its number, its epoch, how many queues it knows of, and which of them it says it has.
type private Said = byte * byte * byte * byte list

let private routeOfSaid (said: Said list) =
    said
    |> List.map (fun (broker, epoch, total, queueIds) ->
        let queueIds = queueIds |> List.map (fun queueId -> int queueId % 12)
        usual $"b{broker % 5uy}" (int total % 12) (int64 (epoch % 4uy)) queueIds)
    |> routeOf

/// Where Java's client finds a queue: it goes through the mappings from the newest to the oldest, and takes one that is not older
/// than what it has. Brokers that come first here win among equals there.
let private asJava (route: TopicRoute) queueId =
    let mappings = Option.get route.QueueMappings |> Map.values |> List.ofSeq
    let newestFirst = mappings |> List.sortBy (fun mapping -> -mapping.Epoch)

    (None, newestFirst)
    ||> List.fold (fun found mapping ->
        match found with
        | Some(known: QueueMapping) when known.Epoch > mapping.Epoch -> found
        | _ when mapping.CurrentIds.ContainsKey queueId -> Some mapping
        | _ -> found)

let private laws =
    testList
        "laws"
        [
            property "queues are those that Java's client sees, each at an equally new broker"
            <| fun (said: Said list) ->
                let route = routeOfSaid said

                let total =
                    route.QueueMappings.Value.Values |> Seq.map _.TotalQueues |> Seq.fold max 0

                said.IsEmpty
                || (TopicRoute.publishQueues "T" route = [ for queueId in 0 .. total - 1 -> logical queueId ]
                    && [ 0 .. total - 1 ]
                       |> List.forall (fun queueId ->
                           match hostOf (logical queueId) route, asJava route queueId with
                           | None, None -> true
                           | Some name, Some java ->
                               let host = route.QueueMappings.Value[name]
                               host.Epoch = java.Epoch && host.CurrentIds.ContainsKey queueId
                           | _ -> false))

            property "a move makes a queue be where the newest mapping says, and leaves the others where they are"
            <| fun (said: Said list) (queueId: byte) (target: byte) ->
                let route = routeOfSaid said
                let moved = int queueId % 12
                let name = $"b{target % 5uy}"
                let before = route.QueueMappings.Value

                let kept =
                    match Map.tryFind name before with
                    | Some mapping -> mapping.CurrentIds.Keys |> List.ofSeq
                    | None -> []

                let stays =
                    [ 0..11 ]
                    |> List.filter (fun other -> other <> moved && not (List.contains other kept))

                let after =
                    { route with
                        QueueMappings = Some(Map.add name (snd (usual name 12 1_000L (moved :: kept))) before)
                    }

                hostOf (logical moved) after = Some name
                && stays
                   |> List.forall (fun other -> hostOf (logical other) after = hostOf (logical other) route)
        ]

let private limits =
    testList
        "limits"
        [
            testCase "a static topic of more than 65,536 queues is refused, at little cost"
            <| fun () ->
                for totals in [ [ 65_537 ]; [ Int32.MaxValue; 1 ]; [ 1; Int32.MaxValue ] ] do
                    let mappings =
                        totals
                        |> List.mapi (fun index total ->
                            $"\"b{index}\":{{\"bname\":\"b{index}\",\"currIdMap\":{{}},\"totalQueues\":{total}}}")
                        |> String.concat ","

                    match decoded $"{{\"topicQueueMappingByBroker\":{{{mappings}}}}}" with
                    | Error error -> error.Message |> shouldMention "more than 65536 queues"
                    | Ok route -> failtest $"%A{route}"

            testCase "as many as that are read, and a negative number is none"
            <| fun () ->
                for total, expected in [ 65_536, 65_536; -5, 0 ] do
                    let text =
                        $"{{\"topicQueueMappingByBroker\":{{\"a\":{{\"bname\":\"a\",\"currIdMap\":{{}},\"totalQueues\":{total}}}}}}}"

                    TopicRoute.subscribeQueues "T" (decoded text |> Buffers.ok)
                    |> List.length
                    |> shouldEqual expected

            property "no damaged route throws, and none has too many queues"
            <| fun (place: uint16) (value: byte) (drop: bool) ->
                let bytes =
                    Encoding.UTF8.GetBytes(written.Replace("KEY", "", StringComparison.Ordinal))

                let place = int place % bytes.Length

                let damaged =
                    if drop then
                        Array.removeAt place bytes
                    else
                        Array.updateAt place value bytes

                match Json.decode "route" TopicRoute.shape (ReadOnlyMemory damaged) with
                | Error _ -> true
                | Ok route ->
                    let queues = TopicRoute.subscribeQueues "T" route
                    let hosts = queues |> List.map (fun queue -> hostOf queue route)
                    hosts.Length <= 65_536
        ]

[<Tests>]
let tests = testList "Logical queues" [ queues; mappingsTests; laws; limits ]
