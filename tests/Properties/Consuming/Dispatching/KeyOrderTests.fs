/// Push consumers in order of keys: a key waits for its messages alone.
module RocketMq.Protocol.Tests.KeyOrderTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

/// Sends texts to the first queue in their order, each with its first letter as its key.
let private sendKeyed (cluster: EmbeddedCluster) (texts: string list) : Task =
    task {
        use producer = start (producerOf cluster TimeProvider.System)

        for text in texts do
            let message =
                Message.ofText "T" text |> Message.withShardingKey (text.Substring(0, 1))

            let! sent =
                producer.SendTo(OneQueue(PullRig.queueOf cluster 0), message, PullRig.none)

            sent |> Buffers.ok |> ignore<SendReceipt>
    }

let private byKey cluster clock =
    consumerOf cluster clock "C"
    |> PushConsumerOptions.subscribe "T" Filter.all
    |> PushConsumerOptions.orderlyByKey

/// What handlers were given, in the order in which they began.
[<Sealed>]
type private Begun() =
    let texts = ConcurrentQueue<string>()
    member _.Add(text: string) = texts.Enqueue text
    member _.All = List.ofSeq texts

    member _.OfKey(key: string) =
        texts |> Seq.filter _.StartsWith(key, StringComparison.Ordinal) |> List.ofSeq

let private handlerOf (begun: Begun) (handle: string -> Task<ConsumeResult>) =
    ConsumeHandler.EachMessage(fun received _ ->
        let text = textOf received
        begun.Add text
        ValueTask<ConsumeResult>(handle text))

let private commits (consumer: PushConsumer) cluster (offset: int64) : Task =
    task {
        let! committed = consumer.Commit PullRig.none
        committed |> Buffers.ok
        let! found = PullRig.committedOf cluster 0
        max 0L found |> shouldEqual offset
    }

let private failures =
    [
        liveWith
            (withQueues 1)
            "a message that fails holds up its key until it is consumed, other keys go on, and the offset does not pass it"
            (fun clock cluster ->
                task {
                    do! sendKeyed cluster [ "a0"; "b0"; "a1"; "c0"; "b1"; "a2" ]
                    let begun = Begun()
                    let mutable fails = true

                    let! consumer =
                        handlerOf begun (fun text ->
                            Task.FromResult(
                                if text = "a0" && Volatile.Read &fails then
                                    ConsumeResult.Retry
                                else
                                    ConsumeResult.Success
                            ))
                        |> startMember clock (byKey cluster clock)

                    do! ChaosRig.pass clock (fun () -> consumer.Health.Consumed = 3L && begun.OfKey("a").Length >= 3)
                    begun.OfKey "a" |> List.distinct |> shouldEqual [ "a0" ]
                    begun.OfKey "b" |> shouldEqual [ "b0"; "b1" ]
                    do! commits consumer cluster 0L
                    Volatile.Write(&fails, false)
                    do! ChaosRig.pass clock (fun () -> consumer.Health.Consumed = 6L)
                    begun.OfKey "a" |> List.skipWhile ((=) "a0") |> shouldEqual [ "a1"; "a2" ]
                    do! commits consumer cluster 6L
                    do! close clock consumer
                })
    ]

let private deadLetters =
    [
        liveWith
            (withQueues 1)
            "a message that has failed too often is a dead letter, and its key goes on"
            (fun clock cluster ->
                task {
                    do! sendKeyed cluster [ "a0"; "a1"; "b0" ]
                    let begun = Begun()

                    let! consumer =
                        handlerOf begun (fun text ->
                            Task.FromResult(
                                if text = "a0" then
                                    ConsumeResult.Retry
                                else
                                    ConsumeResult.Success
                            ))
                        |> startMember
                            clock
                            { byKey cluster clock with
                                MaxRetries = Some 2
                            }

                    do! ChaosRig.pass clock (fun () -> consumer.Health.Consumed = 2L)
                    begun.OfKey "a" |> shouldEqual [ "a0"; "a0"; "a0"; "a1" ]
                    do! commits consumer cluster 3L
                    do! close clock consumer
                    let! dead = RetryRig.deadLetters cluster "C"
                    dead |> shouldEqual [ "a0" ]
                })
    ]

let private sideBySide =
    [
        liveWith
            (withQueues 1)
            "keys of one queue are handled side by side, up to the concurrency, and messages of one key one after the other"
            (fun _ cluster ->
                task {
                    do! sendKeyed cluster [ "a0"; "a1"; "b0"; "c0"; "d0"; "b1" ]
                    let begun = Begun()
                    let release = TaskCompletionSource()

                    let! consumer =
                        handlerOf begun (fun _ ->
                            task {
                                do! release.Task
                                return ConsumeResult.Success
                            })
                        |> startConsumer
                            { byKey cluster TimeProvider.System with
                                Concurrency = 3
                            }

                    do! until (fun () -> begun.All.Length = 3)
                    begun.All |> set |> shouldEqual (set [ "a0"; "b0"; "c0" ])
                    release.SetResult()
                    do! until (fun () -> consumer.Health.Consumed = 6L)
                    begun.OfKey "a" |> shouldEqual [ "a0"; "a1" ]
                    begun.OfKey "b" |> shouldEqual [ "b0"; "b1" ]
                    do! consumer.Close()
                })
    ]

let private batches =
    [
        liveWith (withQueues 1) "a handler of several messages gets those of one key" (fun _ cluster ->
            task {
                let texts = [ for number in 0..59 -> $"{char (int 'a' + number % 3)}{number}" ]
                do! sendKeyed cluster texts
                let calls = ConcurrentQueue<string list>()

                let handler =
                    ConsumeHandler.Batches(fun received _ ->
                        calls.Enqueue(received |> Array.map textOf |> List.ofArray)
                        ValueTask<ConsumeResult> ConsumeResult.Success)

                let! consumer = startConsumer (byKey cluster TimeProvider.System) handler
                do! until (fun () -> consumer.Health.Consumed = 60L)
                do! consumer.Close()

                for call in calls do
                    call
                    |> List.map (fun text -> text[0])
                    |> List.distinct
                    |> List.length
                    |> shouldEqual 1

                for key in [ "a"; "b"; "c" ] do
                    calls
                    |> Seq.collect id
                    |> Seq.filter _.StartsWith(key, StringComparison.Ordinal)
                    |> List.ofSeq
                    |> shouldEqual (texts |> List.filter _.StartsWith(key, StringComparison.Ordinal))

                calls |> Seq.exists (fun call -> call.Length > 1) |> shouldBeTrue
            })
    ]

let private limits =
    [
        liveWith
            (withQueues 1)
            "while one key is stuck, others go on until the span of the queue is used up, and then wait for it"
            (fun _ cluster ->
                task {
                    do! sendKeyed cluster ("a" :: [ for number in 0..99 -> $"b{number}" ])
                    let begun = Begun()
                    let release = TaskCompletionSource()

                    let! consumer =
                        handlerOf begun (fun text ->
                            task {
                                if text = "a" then
                                    do! release.Task

                                return ConsumeResult.Success
                            })
                        |> startConsumer
                            { byKey cluster TimeProvider.System with
                                PullBatch = 5
                                FlowControl =
                                    { FlowControlLimits.Default with
                                        Span = 20L
                                    }
                            }

                    let held () =
                        consumer.Health.Queues |> List.filter (fun queue -> queue.Queue.Topic = "T")

                    do!
                        until (fun () ->
                            held () |> List.exists (fun queue -> queue.IsFull && queue.CachedMessages = 1))

                    begun.All.Length |> shouldStayBelow 26
                    release.SetResult()
                    do! until (fun () -> consumer.Health.Consumed = 101L)
                    do! consumer.Close()
                })
    ]

let private moves =
    [
        liveWith
            (withQueues 1)
            "after a reset a key waits for the handler that has it, and what that makes of its message does not count"
            (fun clock cluster ->
                task {
                    do! sendKeyed cluster [ "a0"; "a1"; "b0" ]
                    let begun = Begun()
                    let release = TaskCompletionSource()
                    let mutable atWork = 0
                    let mutable most = 0

                    let! consumer =
                        handlerOf begun (fun text ->
                            task {
                                if text = "a0" then
                                    most <- max most (Interlocked.Increment &atWork)
                                    do! release.Task
                                    Interlocked.Decrement &atWork |> ignore<int>

                                return ConsumeResult.Success
                            })
                        |> startMember clock (byKey cluster clock)

                    do! ChaosRig.pass clock (fun () -> begun.All.Length = 2)

                    use client =
                        RemotingClient.Create((endpointsOf cluster.Brokers[0].Address).Head, RemotingOptions.Default)
                        |> Buffers.ok

                    let! _ =
                        ConsumerOffsets.resetAll.Request
                            {
                                Group = "C"
                                Topic = "T"
                                QueueId = None
                                Offset = None
                                TimestampMillis = 0L
                                IsForced = true
                            }
                        |> ChaosRig.ask client

                    do! ChaosRig.pass clock (fun () -> begun.OfKey("b").Length = 2)
                    begun.OfKey "a" |> shouldEqual [ "a0" ]
                    release.SetResult()
                    do! ChaosRig.pass clock (fun () -> begun.OfKey("a").Length = 3)
                    begun.OfKey "a" |> shouldEqual [ "a0"; "a0"; "a1" ]
                    most |> shouldEqual 1

                    do!
                        ChaosRig.pass clock (fun () ->
                            consumer.Health.Queues |> List.forall (fun queue -> queue.CachedMessages = 0))

                    do! commits consumer cluster 3L
                    do! close clock consumer
                })
    ]

let private races =
    [
        test "what was pulled after a move stays when what was pulled before it is dropped" {
            let limits = FlowControlLimits.Default

            let queue =
                ProcessQueue(
                    {
                        Topic = "T"
                        BrokerName = "b"
                        QueueId = 0
                    },
                    0L,
                    limits,
                    MemberClock TimeProvider.System
                )

            let pulled offset =
                match
                    queue.Pulled(
                        queue.BeginPull(),
                        [|
                            { Parts.emptyFields with
                                QueueOffset = offset
                            }
                            |> StoredMessage.create
                        |],
                        offset + 1L
                    )
                with
                | null -> failtest "the pull does not count"
                | batch -> batch

            for order in [ OrderBy.Queue; OrderBy.Key ] do
                let ordered = OrderedQueue(queue, order)
                let before = pulled queue.Next
                let old = ordered.Add before
                old.Length |> shouldEqual 1
                queue.Seek 10L
                let after = pulled 10L
                let lines = ordered.Add after
                // The agent that has moved the queue comes to this only now.
                ordered.Drop()
                (ordered.Begin(old.Head, 1)).Length |> shouldEqual 0

                ordered.Begin(lines.Head, 1)
                |> Array.map _.Stored.QueueOffset
                |> shouldEqual [| 10L |]
                // What a pull brought that was not over at the move.
                queue.Seek 20L
                ordered.Add after |> shouldBeEmpty
        }
    ]

let private keys =
    testList
        "keys"
        [
            for properties, key in
                [
                    [ "KEYS", "order-1 customer-2"; PropertyName.shardingKey, "customer-2" ], "customer-2"
                    [ "KEYS", "order-1 customer-2" ], "order-1"
                    [ "KEYS", " order-1" ], "order-1"
                    [ "KEYS", "order-1" ], "order-1"
                    [ "KEYS", " " ], ""
                    [], ""
                ] do
                test $"the key of {properties} is '{key}'" {
                    let message =
                        { Parts.emptyFields with
                            Properties =
                                properties
                                |> List.fold (fun all (name, value) -> Properties.add name value all) Properties.Empty
                        }
                        |> StoredMessage.create

                    OrderBy.keyOf message |> shouldEqual key
                }
        ]

[<Tests>]
let tests =
    testList "Key order" (keys :: failures @ deadLetters @ sideBySide @ batches @ limits @ moves @ races)
