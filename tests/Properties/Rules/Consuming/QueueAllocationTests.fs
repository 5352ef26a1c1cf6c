module RocketMq.Protocol.Tests.QueueAllocationTests

open System
open System.IO
open System.IO.Compression
open System.Text.Json
open RocketMq

let private queueOf topic broker id : MessageQueue =
    {
        Topic = topic
        BrokerName = broker
        QueueId = id
    }

/// So many queues on each of the brokers.
let private queuesOf (counts: byte list) =
    [
        for index, count in List.indexed (List.truncate 4 counts) do
            for id in 0 .. int count % 9 - 1 -> queueOf "T" $"r{index % 2}@broker-{index}" id
    ]
    |> List.sort

let private membersOf (count: byte) =
    [
        for index in 0 .. int count % 12 -> $"r{index % 3}-10.0.0.{index}@{index * 7 % 11}"
    ]

let private roomOfBroker (name: string) = name.Split('@')[0]
let private roomOfClient (client: string) = client.Split('-')[0]

let private nearby inner =
    AllocationStrategy.NearbyMachineRoom(inner, roomOfBroker, roomOfClient)

/// Java's function for a topic whose first member reads all.
let private firstMember =
    AllocationStrategy.CustomAssignment(
        "FIRST",
        (fun own members queues -> if own = List.head members then queues else [])
    )

let private dividing =
    [
        AllocationStrategy.Averagely
        AllocationStrategy.AveragelyByCircle
        AllocationStrategy.MachineRoom [ "r0"; "r1" ]
        nearby AllocationStrategy.Averagely
        nearby AllocationStrategy.AveragelyByCircle
        nearby (AllocationStrategy.ConsistentHash 10)
        AllocationStrategy.ConsistentHash 10
        AllocationStrategy.ConsistentHash 1
        firstMember
    ]

let private shares strategy members queues =
    members
    |> List.map (fun member' -> QueueAllocation.assign strategy member' members queues)

let private eight = [ for id in 0..7 -> queueOf "T" "broker-a" id ]
let private three = [ "c1"; "c2"; "c3" ]

let private idsOf strategy =
    shares strategy three eight |> List.map (List.map _.QueueId)

let private texts (element: JsonElement) =
    [ for item in element.EnumerateArray() -> string (item.GetString()) ]

let private strategyOf (vector: JsonElement) =
    let mutable nodes = JsonElement()

    let virtualNodes =
        if vector.TryGetProperty("virtualNodes", &nodes) then
            nodes.GetInt32()
        else
            10

    match vector.GetProperty("strategy").GetString() with
    | "AVG" -> AllocationStrategy.Averagely
    | "AVG_BY_CIRCLE" -> AllocationStrategy.AveragelyByCircle
    | "MACHINE_ROOM" -> AllocationStrategy.MachineRoom [ "r1"; "R0" ]
    | "CONSISTENT_HASH" -> AllocationStrategy.ConsistentHash virtualNodes
    | "MACHINE_ROOM_NEARBY-AVG" -> nearby AllocationStrategy.Averagely
    | "MACHINE_ROOM_NEARBY-CONSISTENT_HASH" -> nearby (AllocationStrategy.ConsistentHash virtualNodes)
    | other -> failtest $"{other} is no strategy"

let private vectors () =
    use file =
        File.OpenRead(Path.Combine(AppContext.BaseDirectory, "Vectors", "assignments.jsonl.gz"))

    use reader = new StreamReader(new GZipStream(file, CompressionMode.Decompress))
    reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)

let private javaShares =
    testList
        "Java's shares"
        [
            testCase "eight queues among three members, as Java divides them"
            <| fun () ->
                idsOf AllocationStrategy.Averagely
                |> shouldEqual [ [ 0; 1; 2 ]; [ 3; 4; 5 ]; [ 6; 7 ] ]

                idsOf AllocationStrategy.AveragelyByCircle
                |> shouldEqual [ [ 0; 3; 6 ]; [ 1; 4; 7 ]; [ 2; 5 ] ]

                idsOf (AllocationStrategy.ConsistentHash 10)
                |> shouldEqual [ [ 0; 4 ]; [ 1; 2; 5; 6; 7 ]; [ 3 ] ]

            testCase "every strategy allocates Java's shares in the same order"
            <| fun () ->
                let lines = vectors ()
                lines.Length |> shouldEqual 280

                for line in lines do
                    let vector = (JsonDocument.Parse line).RootElement
                    let topic = string (vector.GetProperty("topic").GetString())

                    let queues =
                        [
                            for name in texts (vector.GetProperty "queues") do
                                let colon = name.LastIndexOf ':'
                                queueOf topic (name.Substring(0, colon)) (int (name.Substring(colon + 1)))
                        ]

                    let shares =
                        [
                            for share in vector.GetProperty("shares").EnumerateObject() -> share.Name, texts share.Value
                        ]

                    // The other way round, so that the order of what is asked does not matter.
                    let members = shares |> List.map fst |> List.rev
                    let strategy = strategyOf vector

                    string (vector.GetProperty("strategy").GetString())
                    |> shouldEqual (QueueAllocation.name strategy)

                    for client, expected in shares do
                        QueueAllocation.assign strategy client members (List.rev queues)
                        |> List.map (fun queue -> $"{queue.BrokerName}:{queue.QueueId}")
                        |> shouldEqual expected
        ]

let private laws =
    testList
        "laws"
        [
            property "each queue belongs to one member, whatever the strategy"
            <| fun (counts: byte list) (memberCount: byte) ->
                let queues = queuesOf counts
                let members = membersOf memberCount

                dividing
                |> List.forall (fun strategy -> shares strategy members queues |> List.concat |> List.sort = queues)

            property "shares by number differ by one queue at most"
            <| fun (counts: byte list) (memberCount: byte) ->
                [ AllocationStrategy.Averagely; AllocationStrategy.AveragelyByCircle ]
                |> List.forall (fun strategy ->
                    let sizes =
                        shares strategy (membersOf memberCount) (queuesOf counts)
                        |> List.map List.length

                    List.max sizes - List.min sizes <= 1)

            property "the order in which members and queues come does not matter"
            <| fun (counts: byte list) (memberCount: byte) (seed: int) ->
                let shuffled items =
                    let chance = Random seed
                    items |> List.sortBy (fun _ -> chance.Next())

                let queues = queuesOf counts
                let members = membersOf memberCount

                dividing
                |> List.forall (fun strategy ->
                    members
                    |> List.forall (fun own ->
                        QueueAllocation.assign strategy own (shuffled members) (shuffled queues)
                        |> (=) (QueueAllocation.assign strategy own members queues)))

            property "a client that is not a member gets no queue"
            <| fun (counts: byte list) (memberCount: byte) ->
                AllocationStrategy.Configured(queuesOf counts) :: dividing
                |> List.forall (fun strategy ->
                    QueueAllocation.tryAssign strategy "r0-another" (membersOf memberCount) (queuesOf counts) = Ok [])
        ]

let private ringsAndRooms =
    testList
        "rings and rooms"
        [
            property "a member that leaves a ring moves its own queues alone"
            <| fun (counts: byte list) (memberCount: byte) ->
                let queues = queuesOf counts
                let members = membersOf memberCount
                let others = List.tail members

                List.forall2
                    (fun before after -> Set.isSubset (Set.ofList before) (Set.ofList after))
                    (shares (AllocationStrategy.ConsistentHash 10) members queues |> List.tail)
                    (shares (AllocationStrategy.ConsistentHash 10) others queues)

            property "a room's queues stay in it while it has members"
            <| fun (counts: byte list) (memberCount: byte) ->
                let members = membersOf memberCount
                let occupied = members |> List.map roomOfClient |> Set.ofList

                members
                |> List.forall (fun own ->
                    QueueAllocation.assign (nearby AllocationStrategy.Averagely) own members (queuesOf counts)
                    |> List.map (_.BrokerName >> roomOfBroker)
                    |> List.forall (fun room -> room = roomOfClient own || not (occupied.Contains room)))
        ]

let private inputs =
    testList
        "inputs"
        [
            testCase "names are ordered by code units, not by a language"
            <| fun () ->
                QueueAllocation.assign
                    AllocationStrategy.Averagely
                    "a"
                    [ "a"; "B"; "_" ]
                    [ queueOf "T" "a" 0; queueOf "T" "B" 0; queueOf "T" "_" 0 ]
                |> shouldEqual [ queueOf "T" "a" 0 ]

                QueueAllocation.assign
                    AllocationStrategy.Averagely
                    "B"
                    [ "a"; "B"; "_" ]
                    [ queueOf "T" "a" 0; queueOf "T" "B" 0; queueOf "T" "_" 0 ]
                |> shouldEqual [ queueOf "T" "B" 0 ]

            testCase "configured queues are those that the topic has"
            <| fun () ->
                let elsewhere = queueOf "U" "broker-a" 0

                QueueAllocation.assign
                    (AllocationStrategy.Configured [ eight[5]; elsewhere; eight[2] ])
                    "c1"
                    three
                    eight
                |> shouldEqual [ eight[2]; eight[5] ]

            testCase "queues of brokers in no allowed room are not allocated"
            <| fun () ->
                let queues =
                    [
                        for broker in [ "r1@a"; "r2@b"; "plain"; "r1@c@d"; "r1@" ] -> queueOf "T" broker 0
                    ]

                shares (AllocationStrategy.MachineRoom [ "r1" ]) [ "c1"; "c2" ] queues
                |> shouldEqual [ [ queueOf "T" "r1@a" 0 ]; [] ]

            testCase "a member that is listed twice counts twice, as in Java"
            <| fun () ->
                QueueAllocation.assign AllocationStrategy.Averagely "c2" [ "c1"; "c1"; "c2" ] eight
                |> List.map _.QueueId
                |> shouldEqual [ 6; 7 ]
        ]

let private strategies =
    testList
        "strategies"
        [
            testCase "an invalid result of a strategy function is an error, and nothing is allocated"
            <| fun () ->
                let failing =
                    [
                        AllocationStrategy.ConsistentHash 0
                        AllocationStrategy.NearbyMachineRoom(AllocationStrategy.Averagely, (fun _ -> ""), roomOfClient)
                        AllocationStrategy.NearbyMachineRoom(AllocationStrategy.Averagely, roomOfBroker, (fun _ -> ""))
                        AllocationStrategy.NearbyMachineRoom(
                            AllocationStrategy.ConsistentHash -1,
                            (fun _ -> "r"),
                            (fun _ -> "r")
                        )
                        AllocationStrategy.CustomAssignment("THROWS", (fun _ _ _ -> failwith "out of order"))
                        AllocationStrategy.CustomAssignment("FOREIGN", (fun _ _ _ -> [ queueOf "U" "broker-a" 0 ]))
                    ]

                for strategy in failing do
                    QueueAllocation.assign strategy "c1" three eight |> shouldBeEmpty

                    match QueueAllocation.tryAssign strategy "c1" three eight with
                    | Error error -> error.Message |> shouldMention "strategy"
                    | Ok _ -> failtest $"{QueueAllocation.name strategy} divides"

            testCase "the names are Java's"
            <| fun () ->
                [
                    nearby (nearby AllocationStrategy.Averagely)
                    AllocationStrategy.Configured []
                    AllocationStrategy.AveragelyByCircle
                    firstMember
                ]
                |> List.map QueueAllocation.name
                |> shouldEqual
                    [
                        "MACHINE_ROOM_NEARBY-MACHINE_ROOM_NEARBY-AVG"
                        "CONFIG"
                        "AVG_BY_CIRCLE"
                        "FIRST"
                    ]
        ]

[<Tests>]
let tests =
    testList "QueueAllocation" [ javaShares; laws; ringsAndRooms; inputs; strategies ]
