/// Pull consumers that are told where to go on, and what to read.
module RocketMq.Protocol.Tests.PullOffsetTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open PullRig

let private seeks =
    [
        liveWith (withQueues 1) "a seek moves back and forward, and drops cached messages" (fun _ cluster ->
            task {
                do! sendTo cluster 0 (numbered 0 100)
                let queue = queueOf cluster 0
                let! consumer = startPull (subscribed cluster system)
                do! receives consumer (numbered 0 20)
                consumer.Seek(queue, 5L) |> Buffers.ok
                do! receives consumer (numbered 5 3)
                consumer.Seek(queue, 90L) |> Buffers.ok
                do! receives consumer (numbered 90 3)
                let! outcome = consumer.SeekToBegin(queue, none)
                outcome |> Buffers.ok
                do! receives consumer [ "m0" ]
                let! outcome = consumer.SeekToEnd(queue, none)
                outcome |> Buffers.ok
                let next = receive consumer
                do! sendTo cluster 0 [ "new" ]
                let! text = next
                text |> shouldEqual "new"
                do! consumer.Close()
                do! hasCommitted cluster 0 100L
            })

        liveWith (withQueues 1) "a seek does not wait for a long poll at the broker" (fun clock cluster ->
            task {
                do! sendTo cluster 0 (numbered 0 10)
                let! consumer = startPull (subscribed cluster clock)
                let! _ = receiveMany consumer 10
                // Nobody moves the clock, so the broker would hold the pull for ever.
                let next = receive consumer
                do! until (fun () -> consumer.Queues.Head.Next = 10L)
                consumer.Seek(queueOf cluster 0, 4L) |> Buffers.ok
                let! text = next
                text |> shouldEqual "m4"
                do! consumer.Close()
            })

        liveWith
            (withQueues 1)
            "a seek beyond the queue continues at the offset that the broker names"
            (fun _ cluster ->
                task {
                    do! sendTo cluster 0 (numbered 0 10)
                    let! consumer = startPull (subscribed cluster system)
                    let! _ = receive consumer
                    consumer.Seek(queueOf cluster 0, 1000L) |> Buffers.ok
                    do! until (fun () -> consumer.Queues.Head.Next = 10L)
                    do! sendTo cluster 0 [ "new" ]
                    do! receives consumer [ "new" ]
                    do! consumer.Close()
                })
    ]

let private earlyAndInvalidSeeks =
    [
        liveWith (withQueues 1) "a seek before the queue is assigned takes effect when it is assigned" (fun _ cluster ->
            task {
                do! sendTo cluster 0 (numbered 0 10)
                let asked = TaskCompletionSource()
                let answer = TaskCompletionSource<int64 option>()

                let startAt _ _ =
                    asked.TrySetResult() |> ignore
                    answer.Task

                let! consumer =
                    pullerOf cluster system
                    |> PullConsumerOptions.assign [ queueOf cluster 0 ] Filter.all
                    |> (fun options -> { options with StartAt = Some startAt })
                    |> startPull

                do! asked.Task
                consumer.Seek(queueOf cluster 0, 5L) |> Buffers.ok
                answer.SetResult None
                do! receives consumer [ "m5" ]
                do! consumer.Close()
            })

        liveWith
            (withQueues 1)
            "a seek of a queue that is not assigned is an error, and so is a negative offset"
            (fun _ cluster ->
                task {
                    let! consumer = startPull (subscribed cluster system)
                    do! until (fun () -> consumer.Queues.Length = 1)

                    for refused in [ consumer.Seek(queueOf cluster 7, 0L); consumer.Seek(queueOf cluster 0, -1L) ] do
                        match refused with
                        | Error(RemotingError.Invalid _) -> ()
                        | other -> failtest $"%A{other}"

                    do! consumer.Close()
                })
    ]

let private resets =
    [
        liveWith
            (withQueues 1)
            "an offset reset of an administrator moves a pull consumer like a push consumer"
            (fun clock cluster ->
                task {
                    do! sendTo cluster 0 (numbered 0 10)
                    let! consumer = startPull (subscribed cluster clock)
                    let! _ = receiveMany consumer 10
                    let next = receive consumer
                    let endpoint = (endpointsOf cluster.Brokers[0].Address).Head
                    use client = RemotingClient.Create(endpoint, RemotingOptions.Default) |> Buffers.ok

                    let! answer =
                        client.Request(
                            ConsumerOffsets.resetAll.Request
                                {
                                    Topic = "T"
                                    Group = "C"
                                    TimestampMillis = 0L
                                    IsForced = true
                                    QueueId = None
                                    Offset = None
                                },
                            none
                        )

                    answer |> Result.mapError RemotingError.describe |> Buffers.ok |> ignore
                    let! text = next
                    text |> shouldEqual "m0"
                    do! consumer.Close()
                })
    ]

let private pausesAndLimits =
    [
        liveWith
            (withQueues 2)
            "a paused queue returns nothing until it is resumed, and other queues go on"
            (fun _ cluster ->
                task {
                    let! consumer = startPull (subscribed cluster system)
                    do! until (fun () -> consumer.Queues.Length = 2)
                    consumer.Pause [ queueOf cluster 0 ]
                    do! sendTo cluster 0 (numbered 0 10)
                    do! sendTo cluster 1 (numbered 10 10)
                    do! receives consumer (numbered 10 10)
                    let next = receive consumer
                    next.IsCompleted |> shouldBeFalse
                    consumer.Resume [ queueOf cluster 0 ]
                    let! first = next
                    let! others = receiveMany consumer 9
                    first :: others |> shouldEqual (numbered 0 10)
                    do! consumer.Close()
                })

        liveWith (withQueues 1) "the cache holds no more than its limit" (fun _ cluster ->
            task {
                do! sendTo cluster 0 (numbered 0 100)

                let! consumer =
                    subscribed cluster system
                    |> (fun options ->
                        { options with
                            PullBatch = 8
                            FlowControl =
                                {
                                    Messages = 20
                                    Bytes = 1_000_000L
                                    Span = Int64.MaxValue
                                }
                        })
                    |> startPull

                do! until (fun () -> consumer.Queues.Length = 1 && consumer.Queues.Head.IsFull)
                consumer.Queues.Head.CachedMessages |> shouldEqual 24
                do! receives consumer (numbered 0 100)
                do! consumer.Close()
            })
    ]

let private moving = seeks @ earlyAndInvalidSeeks @ resets @ pausesAndLimits

let private assignedQueues =
    [
        liveWith (withQueues 3) "assigned queues are read from the offsets given, and no others are" (fun _ cluster ->
            task {
                for queueId in 0..2 do
                    do! sendTo cluster queueId (numbered (10 * queueId) 10)

                let! consumer =
                    pullerOf cluster system
                    |> PullConsumerOptions.assign [ queueOf cluster 0; queueOf cluster 2 ] Filter.all
                    |> startPull

                // Whether it is being read already or not.
                consumer.Seek(queueOf cluster 2, 5L) |> Buffers.ok
                do! until (fun () -> consumer.Queues.Length = 2)
                let texts = ResizeArray<string>()

                while texts.Count < 15 do
                    let! text = receive consumer

                    // What was delivered before the seek.
                    if not (List.contains text (numbered 20 5)) then
                        texts.Add text

                set texts |> shouldEqual (set (numbered 0 10 @ numbered 25 5))
                do! commit consumer
                let! outcome = consumer.Assign([ queueOf cluster 1; queueOf cluster 2 ], Filter.all)
                outcome |> Buffers.ok
                do! receives consumer (numbered 10 10)
                do! until (fun () -> (consumer.Queues |> List.map _.Queue.QueueId) = [ 1; 2 ])
                let! outcome = consumer.Assign([], Filter.all)
                outcome |> Buffers.ok
                do! until (fun () -> consumer.Queues.IsEmpty)

                for refused in [ consumer.Subscribe("T", Filter.all); consumer.Unsubscribe "T" ] do
                    match! refused with
                    | Error(RemotingError.InvalidCall _) -> ()
                    | other -> failtest $"%A{other}"

                do! consumer.Close()
                do! hasCommitted cluster 0 10L
                // The last one was in hand when the queue was left.
                do! hasCommitted cluster 1 9L
            })
    ]

let private polling =
    [
        liveWith (withQueues 1) "a poll returns the available messages, and none at its timeout" (fun clock cluster ->
            task {
                let! consumer = startPull (subscribed cluster clock)
                do! until (fun () -> consumer.Queues.Length = 1)
                let empty = consumer.Poll(10, TimeSpan.FromSeconds 5L, none)
                empty.IsCompleted |> shouldBeFalse

                while not empty.IsCompleted do
                    clock.Advance(TimeSpan.FromSeconds 1L)
                    do! Task.Yield()

                let! found = empty
                found |> Buffers.ok |> shouldEqual [||]
                do! sendTo cluster 0 (numbered 0 25)
                do! until (fun () -> consumer.Queues.Head.CachedMessages = 25)
                let! found = consumer.Poll(10, TimeSpan.FromSeconds 5L, none)

                found
                |> Buffers.ok
                |> Array.map textOf
                |> List.ofArray
                |> shouldEqual (numbered 0 10)

                let! found = consumer.Poll(100, TimeSpan.FromSeconds 5L, none)
                (Buffers.ok found).Length |> shouldEqual 15

                match! consumer.Poll(0, TimeSpan.FromSeconds 5L, none) with
                | Error(RemotingError.Invalid _) -> ()
                | other -> failtest $"%A{other}"

                use giving = new CancellationTokenSource()
                let given = consumer.Poll(1, TimeSpan.FromSeconds 5L, giving.Token)
                giving.Cancel()

                match! given with
                | Error(RemotingError.Cancelled _) -> ()
                | other -> failtest $"%A{other}"

                do! consumer.Close()
            })
    ]

let private pullClient =
    [
        liveWith
            (withQueues 2)
            "a pull client pulls at its own offsets and leaves those of groups unchanged"
            (fun _ cluster ->
                task {
                    do! sendTo cluster 1 (numbered 0 50)
                    use client = pullClientOf cluster system |> PullClient.Create |> Buffers.ok
                    let! queues = client.Queues("T", none)
                    queues |> Buffers.ok |> shouldEqual [ queueOf cluster 0; queueOf cluster 1 ]
                    let queue = queueOf cluster 1
                    let! last = client.MaxOffset(queue, none)
                    Buffers.ok last |> shouldEqual 50L
                    let! first = client.MinOffset(queue, none)
                    Buffers.ok first |> shouldEqual 0L
                    let! found = client.Pull(queue, Filter.all, 45L, 32, none)
                    let found = Buffers.ok found
                    found.Status |> shouldEqual PullStatus.Found

                    found.Messages
                    |> Array.map textOf
                    |> List.ofArray
                    |> shouldEqual (numbered 45 5)

                    (found.NextOffset, found.MinOffset, found.MaxOffset)
                    |> shouldEqual (50L, 0L, 50L)

                    let! found = client.Pull(queue, Filter.all, 50L, 32, none)
                    (Buffers.ok found).Status |> shouldEqual PullStatus.NoNewMessage
                    let! found = client.Pull(queue, Filter.all, 60L, 32, none)
                    (Buffers.ok found).Status |> shouldEqual PullStatus.OffsetMoved
                    let! found = client.Pull(queue, ByTag "x", 0L, 32, none)
                    (Buffers.ok found).Status |> shouldEqual PullStatus.NoMatch
                    let waiting = client.PullOrWait(queue, Filter.all, 50L, 32, none)
                    do! sendTo cluster 1 [ "new" ]
                    let! found = waiting
                    (Buffers.ok found).Messages |> Array.map textOf |> shouldEqual [| "new" |]
                    let! committed = client.Committed(queueOf cluster 1, none)
                    // Its first message is still there, which counts as committed at 0.
                    Buffers.ok committed |> shouldEqual (Some 0L)
                    let! outcome = client.Commit(queue, 12L, none)
                    outcome |> Buffers.ok
                    let! committed = client.Committed(queue, none)
                    Buffers.ok committed |> shouldEqual (Some 12L)

                    match! client.Pull(queue, Filter.all, 0L, 0, none) with
                    | Error(RemotingError.Invalid _) -> ()
                    | other -> failtest $"%A{other}"
                })
    ]

let private assigning = assignedQueues @ polling @ pullClient

[<Tests>]
let tests = testList "Pull consumer's positions" (moving @ assigning)
