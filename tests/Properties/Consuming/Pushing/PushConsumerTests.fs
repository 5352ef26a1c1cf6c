/// Push consumers against an embedded cluster.
module RocketMq.Protocol.Tests.PushConsumerTests

open System
open System.IO
open RocketMq
open RocketMq.Embedded
open PushRig

let private members =
    [
        liveWith withTopic "delivers each message once, and commits all of them when it stops" (fun cluster ->
            task {
                let texts = numbered 0 1000
                do! sendAll cluster "T" texts
                let seen = Seen()
                let! consumer = startConsumer (subscribed cluster system) (remember seen)
                do! until (fun () -> seen.Count = texts.Length)
                do! consumer.Close()
                seen.Texts |> shouldEqual (set texts)
                seen.Total |> shouldEqual texts.Length
                let! isCommitted = isAllCommitted cluster "C" "T" queues
                isCommitted |> shouldBeTrue
            })

        liveWith
            withTopic
            "members share the queues, and a member that closes hands over without redelivery"
            (fun cluster ->
                task {
                    let seen = Seen()
                    let! first = startConsumer (subscribed cluster system) (remember seen)
                    let! second = startConsumer (subscribed cluster system) (remember seen)

                    do! until (fun () -> queuesOf first "T" = queues && queuesOf second "T" = queues)

                    do! sendAll cluster "T" (numbered 0 500)
                    do! until (fun () -> seen.Count = 500)
                    first.Health.Consumed |> shouldExceed 0L
                    second.Health.Consumed |> shouldExceed 0L
                    do! first.Close()
                    do! until (fun () -> queuesOf second "T" = 2 * queues)
                    do! sendAll cluster "T" (numbered 500 500)
                    do! until (fun () -> seen.Count = 1000)
                    do! second.Close()
                    seen.Total |> shouldEqual 1000
                })
    ]

let private concurrency =
    [
        liveWith withTopic "handlers of one queue work at the same time, and up to the limit" (fun cluster ->
            task {
                let release = TaskCompletionSource()
                let mutable working = 0

                let handler =
                    ConsumeHandler.EachMessage(fun _ _ ->
                        ValueTask<ConsumeResult>(
                            task {
                                Interlocked.Increment &working |> ignore
                                do! release.Task
                                return ConsumeResult.Success
                            }
                        ))

                do! sendAll cluster "T" (numbered 0 64)

                let! consumer =
                    startConsumer
                        { subscribed cluster system with
                            Concurrency = 5
                        }
                        handler

                do! until (fun () -> Volatile.Read &working = 5)
                release.SetResult()
                do! until (fun () -> consumer.Health.Consumed = 64L)
                do! consumer.Close()
            })
    ]

let private flowControl =
    [
        liveWith
            withTopic
            "no more messages of a topic are cached than its limit for all queues together"
            (fun cluster ->
                task {
                    let limit = 40
                    do! sendAll cluster "T" (numbered 0 400)
                    let release = TaskCompletionSource()

                    let handler =
                        ConsumeHandler.EachMessage(fun _ _ ->
                            ValueTask<ConsumeResult>(
                                task {
                                    do! release.Task
                                    return ConsumeResult.Success
                                }
                            ))

                    let! consumer =
                        startConsumer
                            { subscribed cluster system with
                                TopicFlowControl =
                                    { TopicFlowControlLimits.None with
                                        Messages = Some limit
                                    }
                            }
                            handler

                    let held () =
                        consumer.Health.Queues |> List.filter (fun queue -> queue.Queue.Topic = "T")

                    // Each of the eight queues may hold five messages, and pulls three at a time.
                    do! until (fun () -> queuesOf consumer "T" = 2 * queues && held () |> List.forall _.IsFull)
                    let full = held ()
                    full |> List.map _.CachedMessages |> List.distinct |> shouldEqual [ 3 ]
                    release.SetResult()
                    let mutable most = 0

                    do!
                        until (fun () ->
                            most <- max most (held () |> List.sumBy _.CachedMessages)
                            consumer.Health.Consumed = 400L)

                    most <= limit |> shouldBeTrue
                    do! consumer.Close()
                })
    ]

let private tags =
    [
        liveWith
            withTopic
            "only messages with the tags are delivered, and the others leave no gap in the offsets"
            (fun cluster ->
                task {
                    use producer = start (producerOf cluster system)

                    for number in 0..99 do
                        let! sent =
                            Message.ofText "T" $"m{number}"
                            |> Message.withTag (if number % 3 = 0 then "Aa" else "BB")
                            |> send producer

                        sent |> Buffers.ok |> ignore

                    let seen = Seen()

                    let! consumer =
                        startConsumer
                            (consumerOf cluster system "C" |> PushConsumerOptions.subscribe "T" (ByTag "Aa"))
                            (remember seen)

                    do! until (fun () -> seen.Count = 34)

                    do!
                        until (fun () ->
                            consumer.Health.Queues
                            |> List.filter (fun queue -> queue.Queue.Topic = "T")
                            |> List.sumBy _.Committable
                                =
                                100L)

                    do! consumer.Close()
                    // "Aa" and "BB" have one hash: the broker lets both through.
                    seen.Total |> shouldEqual 34
                    let! isCommitted = isAllCommitted cluster "C" "T" queues
                    isCommitted |> shouldBeTrue
                })
    ]

let private pausingAndSubscribing =
    [
        liveWith
            withTopic
            "a paused consumer starts no handler; topics are subscribed to and unsubscribed from while it runs"
            (fun cluster ->
                task {
                    do! cluster.CreateTopicAsync("U", 2)
                    let seen = Seen()
                    let! consumer = startConsumer (subscribed cluster system) (remember seen)
                    do! until (fun () -> queuesOf consumer "T" = 2 * queues)
                    consumer.Pause()
                    do! sendAll cluster "T" (numbered 0 100)
                    consumer.Health.IsPaused |> shouldBeTrue
                    let before = seen.Count
                    consumer.Resume()
                    do! until (fun () -> seen.Count = 100)
                    before |> shouldStayBelow 100

                    let! subscribed = consumer.Subscribe("U", Filter.all)
                    subscribed |> shouldEqual (Ok())
                    do! sendAll cluster "U" (numbered 100 50)
                    do! until (fun () -> seen.Count = 150)
                    do! consumer.Unsubscribe "U"

                    do! until (fun () -> queuesOf consumer "U" = 0)

                    do! consumer.Close()
                })
    ]

let private sharing =
    members @ concurrency @ flowControl @ tags @ pausingAndSubscribing

let private broadcastingToMembers =
    [
        liveWith
            withTopic
            "each broadcasting member receives all messages and resumes from its local offsets"
            (fun cluster ->
                task {
                    let directory = Directory.CreateTempSubdirectory("rocketmq-broadcast").FullName

                    let member' name seen =
                        startConsumer
                            (subscribed cluster system
                             |> PushConsumerOptions.broadcasting
                             |> (fun options ->
                                 { options with
                                     Consumer.Client.InstanceName = Some name
                                     OffsetDirectory = Some directory
                                 }))
                            (remember seen)

                    let seenByOne, seenByTwo, seenAgain = Seen(), Seen(), Seen()
                    let! one = member' "one" seenByOne
                    let! two = member' "two" seenByTwo
                    do! sendAll cluster "T" (numbered 0 100)
                    do! until (fun () -> seenByOne.Count = 100 && seenByTwo.Count = 100)
                    do! one.Close()
                    do! two.Close()
                    do! sendAll cluster "T" (numbered 100 10)
                    let! again = member' "one" seenAgain
                    do! until (fun () -> seenAgain.Count = 10)
                    do! again.Close()
                    seenAgain.Texts |> shouldEqual (set (numbered 100 10))
                    Directory.Delete(directory, true)
                })
    ]

let private broadcastOffsets =
    [
        liveWith
            (withQueues 1)
            "a broadcasting member without an instance name finds its offsets again, and a second one of the group is refused"
            (fun _ cluster ->
                task {
                    let directory = Directory.CreateTempSubdirectory("offsets").FullName

                    let options = subscribed cluster system |> broadcastingFrom directory

                    do! sendAll cluster "T" [ "before" ]
                    let seen = Seen()
                    let! first = startConsumer options (remember seen)
                    do! until (fun () -> seen.Of "before" = 1)

                    match! PushConsumer.Start(options, remember seen) with
                    | Error(RemotingError.OffsetStoreFailed(reason, _)) -> reason |> shouldMention "instance name"
                    | other -> failtest $"%A{other}"

                    do! first.Close()
                    do! sendAll cluster "T" [ "while away" ]
                    let! again = startConsumer options (remember seen)
                    do! until (fun () -> seen.Of "while away" = 1)
                    do! again.Close()
                    seen.Total |> shouldEqual 2
                    Directory.GetDirectories directory |> Array.length |> shouldEqual 1
                    Directory.Delete(directory, true)
                })
    ]

let private broadcasting = broadcastingToMembers @ broadcastOffsets

let private changing =
    [
        liveWith
            (withQueues 1)
            "when a subscription changes during a long poll, no message that matches the new one is skipped"
            (fun clock cluster ->
                task {
                    use producer = start (producerOf cluster system)
                    let seen = Seen()

                    let! consumer =
                        startConsumer
                            (consumerOf cluster clock "C" |> PushConsumerOptions.subscribe "T" (ByTag "t0"))
                            (remember seen)

                    do! until (fun () -> queuesOf consumer "T" = 1)

                    for round in 1..10 do
                        let! outcome = consumer.Subscribe("T", ByTag $"t{round}")
                        outcome |> Buffers.ok

                        let! sent =
                            send producer (Message.ofText "T" $"m{round}" |> Message.withTag $"t{round}")

                        sent |> Buffers.ok |> ignore
                        do! until (fun () -> seen.Of $"m{round}" = 1)

                    do! consumer.Close()
                })
    ]

/// Gives no result the first time.
let private nullFirst () =
    let mutable calls = 0

    ConsumeHandler.EachMessage(fun _ _ ->
        if Interlocked.Increment &calls = 1 then
            ValueTask<ConsumeResult>()
        else
            ValueTask<ConsumeResult> ConsumeResult.Success)

let private redelivery =
    [
        liveWith
            (withQueues 1)
            "a failed message is redelivered with its reconsume count at growing delays, and ends in the dead-letter queue"
            (fun clock cluster ->
                task {
                    do! sendAll cluster "T" [ "good"; "bad" ]
                    let attempts = ConcurrentQueue<int * DateTimeOffset>()

                    let handler =
                        ConsumeHandler.EachMessage(fun received _ ->
                            if textOf received = "bad" then
                                attempts.Enqueue(received.Message.ReconsumeTimes, clock.GetUtcNow())
                                received.Message.Topic |> shouldEqual "T"
                                ValueTask<ConsumeResult> ConsumeResult.Retry
                            else
                                ValueTask<ConsumeResult> ConsumeResult.Success)

                    let! consumer =
                        startConsumer
                            { subscribed cluster system with
                                MaxRetries = Some 3
                            }
                            handler

                    do! until (fun () -> queuesOf consumer "%RETRY%C" = 1)

                    for times, seconds in [ 1, 10.0; 2, 30.0; 3, 60.0 ] do
                        do! until (fun () -> consumer.Health.SentBack = int64 times)
                        passDelay clock seconds
                        do! until (fun () -> attempts.Count = times + 1)

                    do! until (fun () -> consumer.Health.SentBack = 4L)
                    do! consumer.Close()
                    let times = attempts |> Seq.map fst |> List.ofSeq
                    times |> shouldEqual [ 0; 1; 2; 3 ]

                    let waits =
                        attempts
                        |> Seq.map snd
                        |> Seq.pairwise
                        |> Seq.map (fun (before, after) -> after - before)
                        |> List.ofSeq

                    for wait, level in List.zip waits [ 10.0; 30.0; 60.0 ] do
                        wait >= TimeSpan.FromSeconds level |> shouldBeTrue
                        wait <= TimeSpan.FromSeconds(level + 3.0) |> shouldBeTrue

                    let! dead = readAll cluster "%DLQ%C" 1
                    let dead = dead |> Map.values |> Seq.concat |> List.ofSeq
                    dead.Length |> shouldEqual 1

                    Properties.tryFind "RETRY_TOPIC" dead.Head.Properties
                    |> shouldEqual (ValueSome "T")
                })
    ]

let private results =
    [
        liveWith
            (withQueues 1)
            "RetryAtLevel is honoured, and DeadLetter goes to the dead-letter queue at once"
            (fun clock cluster ->
                task {
                    do! sendAll cluster "T" [ "slow"; "dead" ]
                    let slow = ConcurrentQueue<DateTimeOffset>()

                    let handler =
                        ConsumeHandler.EachMessage(fun received _ ->
                            match textOf received with
                            | "slow" when received.Message.ReconsumeTimes = 0 ->
                                slow.Enqueue(clock.GetUtcNow())
                                ValueTask<ConsumeResult>(ConsumeResult.RetryAtLevel 5)
                            | "slow" ->
                                slow.Enqueue(clock.GetUtcNow())
                                ValueTask<ConsumeResult> ConsumeResult.Success
                            | _ -> ValueTask<ConsumeResult> ConsumeResult.DeadLetter)

                    let! consumer = startConsumer (subscribed cluster system) handler
                    do! until (fun () -> queuesOf consumer "%RETRY%C" = 1 && consumer.Health.SentBack = 2L)
                    passDelay clock 60.0
                    do! until (fun () -> slow.Count = 2)
                    do! until (fun () -> consumer.Health.SentBack = 2L && consumer.Health.Consumed = 1L)
                    do! consumer.Close()
                    let times = Array.ofSeq slow
                    times[1] - times[0] >= TimeSpan.FromMinutes 1L |> shouldBeTrue
                    let! dead = readAll cluster "%DLQ%C" 1
                    dead |> Map.values |> Seq.concat |> Seq.length |> shouldEqual 1
                })

        liveWith (withQueues 1) "a message whose handler returns null is sent back to the broker" (fun clock cluster ->
            task {
                do! sendAll cluster "T" [ "a"; "b" ]
                let! consumer = startConsumer (subscribed cluster system) (nullFirst ())
                do! until (fun () -> queuesOf consumer "%RETRY%C" = 1 && consumer.Health.SentBack = 1L)
                passDelay clock 10.0
                do! until (fun () -> consumer.Health.Consumed = 2L)
                consumer.Health.Failed |> shouldEqual 1L
                do! consumer.Close()
            })
    ]

let private orderlyResults =
    [
        liveWith (withQueues 1) "in order, a message whose handler returns null is handled again" (fun _ cluster ->
            task {
                do! sendAll cluster "T" [ "a"; "b" ]

                let options =
                    { PushConsumerOptions.orderly (subscribed cluster system) with
                        SuspendCurrentQueueTime = TimeSpan.FromMilliseconds 20L
                    }

                let! consumer = startConsumer options (nullFirst ())
                do! until (fun () -> consumer.Health.Consumed = 2L)
                consumer.Health.Failed |> shouldEqual 1L
                do! consumer.Close()
            })
    ]

let private orderlyRetries =
    [
        liveWith withTopic "in order, a failed message blocks its queue, and none overtakes it" (fun cluster ->
            task {
                use producer = start (producerOf cluster system)
                let! all = producer.Queues("T", CancellationToken.None)

                for number in 0..19 do
                    let! sent =
                        producer.SendTo(
                            OneQueue (Buffers.ok all).Head,
                            Message.ofText "T" $"{number}",
                            CancellationToken.None
                        )

                    sent |> Buffers.ok |> ignore

                let handled = ConcurrentQueue<string>()
                let mutable failures = 0

                let handler =
                    ConsumeHandler.EachMessage(fun received _ ->
                        let text = textOf received

                        if text = "7" && Interlocked.Increment &failures <= 3 then
                            raise (InvalidOperationException "not yet")

                        if text = "7" then
                            received.Message.ReconsumeTimes |> shouldEqual 3

                        handled.Enqueue text
                        ValueTask<ConsumeResult> ConsumeResult.Success)

                let! consumer =
                    startConsumer
                        (subscribed cluster system
                         |> PushConsumerOptions.orderly
                         |> (fun options ->
                             { options with
                                 SuspendCurrentQueueTime = TimeSpan.FromMilliseconds 20L
                             }))
                        handler

                do! until (fun () -> handled.Count = 20)
                do! consumer.Close()
                List.ofSeq handled |> shouldEqual [ for number in 0..19 -> $"{number}" ]
                let! isCommitted = isAllCommitted cluster "C" "T" queues
                isCommitted |> shouldBeTrue
            })
    ]

let private retrying = redelivery @ results @ orderlyResults @ orderlyRetries

[<Tests>]
let tests = testList "Push consumer" (sharing @ broadcasting @ changing @ retrying)
