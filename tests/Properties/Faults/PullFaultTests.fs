/// Pull consumers: seeks, commits by hand, queues that are assigned, and records that cannot be read.
module RocketMq.Protocol.Tests.PullFaultTests

open System
open System.Buffers
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private pullOf (cluster: EmbeddedCluster) clock = PullRig.pullerOf cluster clock

let private assigned cluster clock queueIds =
    pullOf cluster clock
    |> PullConsumerOptions.assign (queueIds |> List.map (PullRig.queueOf cluster)) Filter.all

let private startNow clock options : Task<PullConsumer> =
    waitFor clock (PullRig.startPull options)

let private readsQueues clock (consumer: PullConsumer) count : Task =
    ChaosRig.pass clock (fun () -> consumer.Queues.Length = count)

let private described result =
    result |> Result.mapError RemotingError.describe |> Buffers.ok

let private seeksName = "[seeks] seeks keep nothing until the queue is left"
let private seekCount = 50_000

let private seeks () : Task =
    withQueues 1 (fun clock cluster ->
        task {
            let queue = PullRig.queueOf cluster 0
            let! consumer = startNow clock (assigned cluster clock [ 0 ])
            do! readsQueues clock consumer 1
            // No pull goes out meanwhile.
            consumer.Pause [ queue ]
            let seek () = consumer.Seek(queue, 0L) |> described

            for _ in 1..1_000 do
                seek ()

            let before = GC.GetTotalMemory true

            for _ in 1..seekCount do
                seek ()

            let grown = GC.GetTotalMemory true - before
            do! ChaosRig.finish clock (consumer.Close())
            // A linked source of a token takes far more than this for each.
            grown |> shouldStayBelow (int64 seekCount * 30L)
        })

/// One record as a broker stores it, at an offset.
let private record offset : byte[] =
    let output = ArrayBufferWriter<byte>()
    let body = Text.Encoding.UTF8.GetBytes $"m{offset}"

    { Parts.emptyFields with
        Topic = "T"
        QueueOffset = offset
        StoredBody = ReadOnlyMemory body
        BodyCrc = Crc32.ofBody (ReadOnlySpan body)
    }
    |> StoredMessage.create
    |> fun message -> MessageCodec.write message output
    |> Buffers.ok
    |> ignore

    output.WrittenSpan.ToArray()

/// With another body than the one that its checksum is of.
let private withOtherBody (record: byte[]) =
    let copy = Array.copy record
    let body = Text.Encoding.UTF8.GetBytes "m1"
    let place = MemoryExtensions.IndexOf(ReadOnlySpan copy, ReadOnlySpan body)
    copy[place] <- copy[place] ^^^ 1uy
    copy

/// With another magic number: nothing of it can be read but its length.
let private withOtherMagic (record: byte[]) =
    let copy = Array.copy record
    copy[4] <- 0uy
    copy

/// A broker with four messages, the second of which is damaged.
let private damagedBroker clock damage =
    let records = [ record 0L; damage (record 1L); record 2L; record 3L ]

    FakeServers.answering clock (fun _ command ->
        match command.RequestCode with
        | RequestCode.GetRouteInfoByTopic -> FakeServers.routed (FakeServers.routeOver [ "b", 100, 1 ]) command
        | RequestCode.QueryConsumerOffset -> Answers(Offsets.queryCommitted.Answer(Some 0L, command))
        | RequestCode.PullMessage ->
            let from = (Pull.messages.Decode command |> Buffers.ok).QueueOffset

            if from >= 4L then
                IsMute
            else
                let answer =
                    { Examples.pullAnswer with
                        Status = PullStatus.Found
                        NextOffset = 4L
                        Records = ReadOnlyMemory(records |> List.skip (int from) |> Array.concat)
                    }

                Answers(Pull.messages.Answer(answer, command))
        | _ -> FakeServers.success command)

/// A consumer to which the one queue of these servers is assigned.
let private assignedAt (servers: FakeServers) clock : PullConsumerOptions =
    { PullConsumerOptions.create "C" [ FakeServers.at 1 ] with
        Consumer.Client.Remoting = patiently clock servers.Options
    }
    |> PullConsumerOptions.assign
        [
            {
                Topic = "T"
                BrokerName = "b"
                QueueId = 0
            }
        ]
        Filter.all

/// All that can be read comes, beside a record that is damaged.
let private comesBeside damage : Task =
    task {
        let clock = EmbeddedClock()
        let servers = damagedBroker clock damage

        let! consumer = startNow clock (assignedAt servers clock)
        let mutable texts: string list = []
        let until = clock.GetUtcNow() + seconds 120

        while texts.Length < 3 && clock.GetUtcNow() < until do
            let! polled = waitFor clock (consumer.Poll(10, seconds 10, CancellationToken.None))

            match polled with
            | Ok messages ->
                texts <-
                    texts
                    @ [
                        for message in messages do
                            if Result.isOk message.Body then
                                textOf message
                    ]
            // The damage may be told, once or more.
            | Error _ -> do! ChaosRig.passFor clock (seconds 1)

        do! ChaosRig.finish clock (consumer.Close())
        texts |> shouldEqual [ "m0"; "m2"; "m3" ]
    }

/// The route of a queue whose master is away, or is back.
let private routeWith hasMaster : TopicRoute =
    FakeServers.routeOfOne
        [
            if hasMaster then
                0L, FakeServers.at 100
            1L, FakeServers.at 101
        ]

/// Committed is 50, which the slave has not yet: it says that the queue ends at 20. Where the consumer is after that, and where it
/// pulls once the master is back.
let private behindSlave () : Task<struct (int64 list * int64)> =
    task {
        let clock = EmbeddedClock()
        let hasMaster = ref false
        let ofSlave = ref 0
        let atMaster = TaskCompletionSource<int64>()

        let pull (endpoint: Endpoint) (command: RemotingCommand) =
            let offset = (Pull.messages.Decode command |> Buffers.ok).QueueOffset

            if endpoint = FakeServers.at 101 then
                Interlocked.Increment(&ofSlave.contents) |> ignore<int>

                Answers(
                    Pull.messages.Answer(
                        { Examples.pullAnswer with
                            Status = PullStatus.OffsetMoved
                            NextOffset = 20L
                        },
                        command
                    )
                )
            else
                atMaster.TrySetResult offset |> ignore<bool>
                IsMute

        let servers =
            FakeServers.answering clock (fun endpoint command ->
                match command.RequestCode with
                | RequestCode.GetRouteInfoByTopic -> FakeServers.routed (routeWith hasMaster.Value) command
                | RequestCode.QueryConsumerOffset -> Answers(Offsets.queryCommitted.Answer(Some 50L, command))
                | RequestCode.PullMessage -> pull endpoint command
                | _ -> FakeServers.success command)

        let! consumer = startNow clock (assignedAt servers clock)
        do! ChaosRig.pass clock (fun () -> ofSlave.Value >= 3)
        let next = [ for queue in consumer.Queues -> queue.Next ]
        hasMaster.Value <- true
        let! pulled = waitFor clock atMaster.Task
        do! ChaosRig.finish clock (consumer.Close())
        return struct (next, pulled)
    }

let private slavesAndDamagedRecords =
    testList
        "slaves and damaged records"
        [
            live "[slave] a slave's answer for an offset that it does not have yet moves nothing back" (fun () ->
                task {
                    let! struct (next, pulled) = behindSlave ()
                    (next, pulled) |> shouldEqual ([ 50L ], 50L)
                })

            live seeksName (fun () -> inOwnProcess seeksName seeks)

            live "[D2] a message with a damaged body is reported, and the others of its queue are delivered" (fun () ->
                comesBeside withOtherBody)

            live "[D2] a damaged record does not keep the others of its queue from being delivered" (fun () ->
                comesBeside withOtherMagic)
        ]

/// A consumer of the first queue that has received the ten messages there.
let private startAndReceiveTen clock cluster : Task<PullConsumer> =
    task {
        do! PullRig.sendTo cluster 0 (numbered 0 10)
        let! consumer = startNow clock (assigned cluster clock [ 0 ])
        let! texts = waitFor clock (PullRig.receiveMany consumer 10)
        texts |> shouldEqual (numbered 0 10)
        return consumer
    }

let private committedOffsets =
    testList
        "committed offsets"
        [
            liveWith
                (withStrictQueues 1)
                "[D8] an offset that the application commits stays, though commits are automatic"
                (fun clock cluster ->
                    task {
                        let! consumer = startAndReceiveTen clock cluster
                        do! ChaosRig.finish clock (PullRig.commit consumer)
                        let queue = PullRig.queueOf cluster 0
                        let! committed = waitFor clock (consumer.Commit(queue, 3L, CancellationToken.None))
                        described committed
                        do! ChaosRig.passFor clock (seconds 60)
                        let! afterIntervals = PullRig.committedOf cluster 0
                        do! ChaosRig.finish clock (consumer.Close())
                        let! afterClose = PullRig.committedOf cluster 0
                        (afterIntervals, afterClose) |> shouldEqual (3L, 3L)
                    })

            liveWith
                (withStrictQueues 2)
                "[D8] a commit for a revoked queue changes no offset of its new owner"
                (fun clock cluster ->
                    task {
                        let! consumer = startAndReceiveTen clock cluster

                        let! moved =
                            waitFor clock (consumer.Assign([ PullRig.queueOf cluster 1 ], Filter.all))

                        described moved
                        // What it has committed of the queue for the last time.
                        let! isLeft = isCommittedWithin clock (seconds 60) cluster 0 9L
                        isLeft |> shouldBeTrue

                        do!
                            ChaosRig.pass clock (fun () ->
                                consumer.Queues |> List.forall (fun queue -> queue.Queue.QueueId = 1))

                        let queue = PullRig.queueOf cluster 0
                        let! committed = waitFor clock (consumer.Commit(queue, 7L, CancellationToken.None))
                        described committed
                        do! ChaosRig.passFor clock (seconds 60)
                        let! afterwards = PullRig.committedOf cluster 0
                        do! ChaosRig.finish clock (consumer.Close())
                        afterwards |> shouldEqual 7L
                    })
        ]

let private slowBrokersAndSeeks =
    testList
        "slow brokers and seeks"
        [
            liveWith
                (withStrictCluster (fun options -> options.Masters <- 2))
                "[D11] the queues that are assigned last are read, however slow brokers are"
                (fun clock cluster ->
                    task {
                        do! cluster.CreateTopicAsync("T", 4)
                        let! consumer = startNow clock (assigned cluster clock [ 0 ])
                        do! readsQueues clock consumer 1

                        for round in 1..10 do
                            let faults = cluster.Brokers[1].Faults.On(RequestCode.HeartBeat)
                            faults.AnswerLate(seconds 2, Int32.MaxValue)
                            cluster.Brokers[1].DisconnectClients()
                            let wanted = round % 4

                            let first =
                                consumer.Assign([ PullRig.queueOf cluster ((round + 1) % 4) ], Filter.all)
                            // The route changes, too.
                            do! cluster.CreateTopicAsync("T", 4 + round)
                            clock.Advance(seconds 31)
                            let second = consumer.Assign([ PullRig.queueOf cluster wanted ], Filter.all)
                            let! first = waitFor clock first
                            let! second = waitFor clock second
                            described first
                            described second
                            cluster.Brokers[1].Faults.Heal()
                            do! ChaosRig.passFor clock (seconds 35)

                            let read () =
                                consumer.Queues |> List.map _.Queue.QueueId

                            let! _ = happensWithin clock (seconds 60) (fun () -> read () = [ wanted ])
                            read () |> shouldEqual [ wanted ]

                        do! ChaosRig.finish clock (consumer.Close())
                    })

            liveWith
                (withStrictQueues 1)
                "[D15] messages of a pull from before a seek are not delivered"
                (fun clock cluster ->
                    task {
                        let queue = PullRig.queueOf cluster 0
                        do! PullRig.sendTo cluster 0 (numbered 0 10)
                        cluster.Brokers[0].Faults.On(RequestCode.PullMessage).AnswerLate(seconds 5)
                        let! consumer = startNow clock (assigned cluster clock [ 0 ])
                        do! readsQueues clock consumer 1
                        consumer.Seek(queue, 5L) |> described
                        do! ChaosRig.passFor clock (seconds 10)
                        let! texts = waitFor clock (PullRig.receiveMany consumer 5)
                        do! ChaosRig.finish clock (consumer.Close())
                        texts |> shouldEqual (numbered 5 5)
                    })
        ]

[<Tests>]
let tests =
    testList "Proven faults" [ slavesAndDamagedRecords; committedOffsets; slowBrokersAndSeeks ]
