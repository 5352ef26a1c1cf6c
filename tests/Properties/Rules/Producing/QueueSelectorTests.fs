module RocketMq.Protocol.Tests.QueueSelectorTests

open System
open RocketMq

let private queues count =
    [|
        for id in 0 .. count - 1 ->
            {
                Topic = "T"
                BrokerName = "a"
                QueueId = id
            }
    |]

let private message = Message.ofText "T" "x"

let private idOf selected =
    match selected with
    | Ok(queue: MessageQueue) -> queue.QueueId
    | Error(error: InputError) -> failwith error.Message

let private keys =
    testList
        "keys"
        [
            // The indexes are those of SelectMessageQueueByHash in Java's client 5.3.3, run for these keys.
            testCase "keys choose the queues that they choose in Java"
            <| fun () ->
                let expected =
                    [
                        "", [ 0; 0; 0; 0; 0; 0; 0; 0 ]
                        "a", [ 0; 1; 1; 1; 6; 1; 1; 97 ]
                        "order-1", [ 0; 0; 2; 2; 6; 6; 14; 10 ]
                        "order-2", [ 0; 1; 1; 1; 5; 5; 13; 9 ]
                        "customer 77", [ 0; 0; 0; 2; 1; 6; 14; 50 ]
                        "polygenelubricants", [ 0; 0; 2; 0; 2; 0; 0; 48 ]
                        "DESIGNING WORKHOUSES", [ 0; 0; 2; 0; 2; 0; 0; 48 ]
                        "中文", [ 0; 0; 2; 2; 0; 2; 10; 94 ]
                        "😀", [ 0; 1; 1; 3; 2; 3; 3; 99 ]
                        "-9223372036854775808", [ 0; 0; 2; 2; 6; 6; 6; 58 ]
                    ]

                for key, indexes in expected do
                    [
                        for count in [ 1; 2; 3; 4; 7; 8; 16; 100 ] -> idOf (QueueSelector.byKey key (queues count))
                    ]
                    |> shouldEqual indexes

            testCase "numbers choose the queues that they choose in Java"
            <| fun () ->
                for number, indexes in
                    [
                        0L, [ 0; 0; 0; 0; 0; 0; 0; 0 ]
                        1L, [ 0; 1; 1; 1; 1; 1; 1; 1 ]
                        -1L, [ 0; 0; 0; 0; 0; 0; 0; 0 ]
                        12345678901L, [ 0; 1; 0; 1; 0; 1; 9; 85 ]
                        Int64.MinValue, [ 0; 0; 2; 0; 2; 0; 0; 48 ]
                        9223372036854775807L, [ 0; 0; 2; 0; 2; 0; 0; 48 ]
                        2147483648L, [ 0; 0; 2; 0; 2; 0; 0; 48 ]
                        -2147483649L, [ 0; 0; 2; 0; 2; 0; 0; 48 ]
                    ] do
                    [
                        for count in [ 1; 2; 3; 4; 7; 8; 16; 100 ] ->
                            idOf (QueueSelector.select (QueueSelector.ofNumber number) (queues count) message 0)
                    ]
                    |> shouldEqual indexes
        ]

let private hashes =
    testList
        "hashes"
        [
            property "any hash finds a queue, and the smallest int is no exception"
            <| fun (hash: int) (count: byte) ->
                let count = int count + 1

                [ hash; Int32.MinValue; Int32.MaxValue ]
                |> List.forall (fun hash ->
                    let index = idOf (QueueSelector.byHash hash (queues count))
                    index >= 0 && index < count)

            property "messages with one sharding key share a queue"
            <| fun (PropertyText key) (count: byte) ->
                let queues = queues (int count + 1)
                let sharded = Message.withShardingKey key message

                Message.shardingKey sharded = ValueSome key
                && idOf (QueueSelector.select ByShardingKey queues sharded 0) = idOf (QueueSelector.byKey key queues)
                && idOf (QueueSelector.select (ByKey key) queues message 0) = idOf (QueueSelector.byKey key queues)

            testCase "a message without a sharding key, or with an empty one, is refused"
            <| fun () ->
                match QueueSelector.select ByShardingKey (queues 4) message 0 with
                | Error error -> error.Message |> shouldMention "no sharding key"
                | Ok queue -> failtest $"%A{queue}"

                Message.withShardingKey "" message
                |> Message.check
                |> Result.isError
                |> shouldBeTrue
        ]

let private functionsAndChance =
    testList
        "functions and chance"
        [
            testCase "random selection reaches every queue, and any int selects one"
            <| fun () ->
                [
                    for chance in 0..99 -> idOf (QueueSelector.select RandomQueue (queues 4) message chance)
                ]
                |> List.countBy id
                |> List.sort
                |> shouldEqual [ 0, 25; 1, 25; 2, 25; 3, 25 ]

                for chance in [ Int32.MinValue; -1; Int32.MaxValue ] do
                    idOf (QueueSelector.select RandomQueue (queues 3) message chance)
                    |> shouldStayBelow 3

            testCase "a selector function chooses among the queues, and its fault is an error"
            <| fun () ->
                let select choose =
                    QueueSelector.select (ByFunction choose) (queues 4) message 0

                idOf (select (fun queues _ -> queues.Length - 1)) |> shouldEqual 3

                let errorOf choose =
                    match select choose with
                    | Error error -> error.Message
                    | Ok queue -> failwith $"%A{queue}"

                errorOf (fun _ _ -> 4) |> shouldMention "index 4 among 4"
                errorOf (fun _ _ -> -1) |> shouldMention "index -1"
                errorOf (fun _ _ -> failwith "no idea") |> shouldMention "no idea"

            testCase "a function that changes its array changes nothing"
            <| fun () ->
                let mine = queues 2

                let spoil (queues: MessageQueue[]) _ =
                    queues[0] <- { queues[1] with QueueId = 77 }
                    0

                idOf (QueueSelector.select (ByFunction spoil) mine message 0) |> shouldEqual 0
                mine |> shouldEqual (queues 2)
        ]

let private noQueue =
    testList
        "no queue"
        [
            testCase "every selector without queues is an error"
            <| fun () ->
                let sharded = Message.withShardingKey "k" message

                for selector in [ ByKey "k"; ByShardingKey; RandomQueue; ByFunction(fun _ _ -> 0) ] do
                    match QueueSelector.select selector [||] sharded 0 with
                    | Error error -> error.Message |> shouldMention "no queue"
                    | Ok queue -> failtest $"%A{queue}"

                QueueSelector.byHash 1 [||] |> Result.isError |> shouldBeTrue
        ]

[<Tests>]
let tests = testList "QueueSelector" [ keys; hashes; functionsAndChance; noQueue ]
