/// Bodies that say much with few bytes are refused before they cost memory: faults.md B6.
module RocketMq.Protocol.Tests.BodyLimitTests

open System
open System.Text
open Expecto
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

[<Tests>]
let tests =
    testList
        "Body limits"
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
