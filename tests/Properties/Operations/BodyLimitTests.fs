/// Bodies that say much with few bytes are refused before they cost memory: faults.md B6.
module RocketMq.Protocol.Tests.BodyLimitTests

open System
open System.Text
open RocketMq.Protocol

let private megabyte = 1024L * 1024L

/// The outcome of something, and the bytes that it allocated on this thread.
let private measured (action: unit -> 'T) : struct ('T * int64) =
    let before = GC.GetAllocatedBytesForCurrentThread()
    let outcome = action ()
    struct (outcome, GC.GetAllocatedBytesForCurrentThread() - before)

let private bytesOf (json: string) =
    ReadOnlyMemory(Encoding.UTF8.GetBytes json)

let private isRefused (part: string) (outcome: Result<'T, DecodeError>) =
    match outcome with
    | Error error -> error.Message |> shouldMention part
    | Ok _ -> failtest "it was taken"

/// "[item,item,…]"
let private listOf count (item: string) =
    "[" + String.Join(',', Seq.replicate count item) + "]"

let private routeWith (counts: (int * int) list) =
    let queues =
        [
            for index, (reads, writes) in List.indexed counts ->
                $"{{\"brokerName\":\"b{index}\",\"readQueueNums\":{reads},\"writeQueueNums\":{writes},\"perm\":6}}"
        ]

    let brokers =
        [
            for index in 0 .. counts.Length - 1 ->
                $"{{\"brokerName\":\"b{index}\",\"cluster\":\"C\",\"brokerAddrs\":{{0:\"h:{index + 1}\"}}}}"
        ]

    let joined (items: string list) = String.Join(',', items)
    bytesOf $"{{\"queueDatas\":[{joined queues}],\"brokerDatas\":[{joined brokers}]}}"

let private decodeRoute body =
    Json.decode "route" TopicRoute.shape body

let private routes =
    testList
        "routes"
        [
            testCase "a route of more than 65,536 queues is refused, whichever way it comes to them"
            <| fun () ->
                for counts in
                    [
                        [ 20_000_000, 4 ]
                        [ 4, 20_000_000 ]
                        [ Int32.MaxValue, Int32.MaxValue ]
                        [ 65_537, 0 ]
                        List.replicate 17 (4_096, 4_096)
                        [ Int32.MaxValue, 1; Int32.MaxValue, 1; 3, 3 ]
                    ] do
                    let body = routeWith counts
                    let struct (outcome, bytes) = measured (fun () -> decodeRoute body)
                    outcome |> isRefused "more than 65536 queues"
                    bytes |> shouldStayBelow megabyte

            testCase "a route of 65,536 queues is read"
            <| fun () ->
                match decodeRoute (routeWith (List.replicate 16 (4_096, 4_096))) with
                | Ok route ->
                    TopicRoute.subscribeQueues "T" route |> List.length |> shouldEqual 65_536
                    TopicRoute.publishQueues "T" route |> List.length |> shouldEqual 65_536
                | Error error -> failtest error.Message
        ]

let private jsonValues =
    testList
        "JSON values"
        [
            testCase "a body of more than 1,000,000 values is refused at little cost, in strict JSON and in Java's"
            <| fun () ->
                let many = listOf 7_500_000 "0"

                for body, limit in [ many, megabyte; $"{{0:{many}}}", 200L * megabyte ] do
                    let body = bytesOf body
                    let struct (outcome, bytes) = measured (fun () -> Fastjson.toJson "body" body)
                    outcome |> isRefused "more than 1000000 values"
                    bytes |> shouldStayBelow limit

            testCase "keys count as values do"
            <| fun () ->
                let members = String.Join(',', Seq.init 600_000 (fun index -> $"\"k{index}\":0"))

                bytesOf $"{{{members}}}"
                |> Fastjson.toJson "body"
                |> isRefused "more than 1000000 values"

            testCase "strict JSON is not copied"
            <| fun () ->
                let body = bytesOf (listOf 300_000 "{\"a\":\"b\"}")
                let struct (outcome, bytes) = measured (fun () -> Fastjson.toJson "body" body)

                match outcome with
                | Ok strict -> strict.Span.SequenceEqual body.Span |> shouldBeTrue
                | Error error -> failtest error.Message

                bytes |> shouldStayBelow megabyte
        ]

let private referencesTests =
    testList
        "references"
        [
            testCase "references into long lists and large objects are resolved without reading all that precedes them"
            <| fun () ->
                let items = String.Join(',', Seq.init 20_000 (fun index -> $"\"k{index}\":{index}"))

                let references =
                    String.Join(',', Seq.init 2_000 (fun index -> $"{{\"$ref\":\"$.o.k{19_999 - index}\"}}"))

                let body = bytesOf $"{{\"o\":{{{items}}},\"r\":[{references}]}}"
                let struct (outcome, bytes) = measured (fun () -> Fastjson.toJson "body" body)

                match outcome with
                | Ok strict ->
                    Encoding.UTF8.GetString(strict.Span).EndsWith(",18001,18000]}", StringComparison.Ordinal)
                    |> shouldBeTrue
                | Error error -> failtest error.Message

                bytes |> shouldStayBelow (100L * megabyte)

            testCase "copies by reference are counted, however little each of them takes"
            <| fun () ->
                let references = listOf 400 "{\"$ref\":\"$.a\"}"
                let empty = listOf 50_000 "[]"
                let body = bytesOf $"{{\"a\":{empty},\"b\":{references}}}"
                let struct (outcome, bytes) = measured (fun () -> Fastjson.toJson "body" body)
                outcome |> isRefused "more than 1000000 values"
                bytes |> shouldStayBelow (100L * megabyte)

            testCase "a reference longer than 4,096 characters is refused"
            <| fun () ->
                let path length = "$" + String('.', length - 3) + ".a"

                let referring length =
                    bytesOf $"{{\"a\":1,\"b\":{{\"$ref\":\"{path length}\"}}}}"
                    |> Fastjson.toJson "body"

                (referring 4_096).IsOk |> shouldBeTrue
                referring 4_097 |> isRefused "a reference is longer than 4096 characters"
        ]

[<Tests>]
let tests = testList "Body limits" [ routes; jsonValues; referencesTests ]
