/// Queues that nothing comes to for a long time: where they began is committed, and nobody takes them for stuck.
module RocketMq.Protocol.Tests.IdleQueueTests

open System
open System.IO
open RocketMq
open RocketMq.Embedded

let private gap = [ for number in 0..4 -> $"gap{number}" ]
let private twentyIntervals = seconds 100

/// Reads from the end of a queue that has ten messages, and nothing comes.
let private idle clock (options: PushConsumerOptions) : Task =
    task {
        let seen = Seen()
        let! consumer = startMember clock options (remember seen)
        do! reads clock consumer [ 0 ]
        do! ChaosRig.passFor clock twentyIntervals
        do! close clock consumer
        seen.Count |> shouldEqual 0
    }

/// What the next member is given of what was sent meanwhile.
let private comesNext clock options : Task<Set<string>> =
    task {
        let seen = Seen()
        let! consumer = startMember clock options (remember seen)
        let! _ = happensWithin clock (seconds 60) (fun () -> seen.Count = gap.Length)
        do! close clock consumer
        return seen.Texts
    }

let private fromLast cluster clock =
    memberOf cluster clock "one"
    |> (fun options ->
        { options with
            Consumer.ConsumeFrom = LastOffset
        })

let private pullerOf (cluster: EmbeddedCluster) clock : PullConsumerOptions =
    PullRig.subscribed cluster clock
    |> (fun options ->
        { options with
            Consumer.ConsumeFrom = LastOffset
        })

let private poll clock (consumer: PullConsumer) count : Task<string list> =
    task {
        let! polled =
            waitFor clock (consumer.Poll(count, seconds 10, CancellationToken.None))

        return
            polled
            |> Result.mapError RemotingError.describe
            |> Buffers.ok
            |> Array.map textOf
            |> List.ofArray
    }

/// All that comes within some time, up to so many.
let private pollAll clock consumer count : Task<string list> =
    let rec more found tries =
        task {
            if List.length found >= count || tries = 0 then
                return found
            else
                let! next = poll clock consumer (count - found.Length)
                return! more (found @ next) (tries - 1)
        }

    more [] 6

let private readsQueue clock (consumer: PullConsumer) : Task =
    ChaosRig.pass clock (fun () -> consumer.Queues.Length = 1)

/// Pauses for longer than a queue may go without a pull, and goes on.
let private pause clock (pause: unit -> unit) (resume: unit -> unit) : Task =
    task {
        pause ()
        do! ChaosRig.passFor clock (seconds 150)
        resume ()
        do! ChaosRig.passFor clock (seconds 60)
    }

/// A pull consumer that commits nothing by itself, and reads its queue.
let private startByHand clock cluster : Task<PullConsumer> =
    task {
        let! consumer =
            pullerOf cluster clock
            |> PullConsumerOptions.manualCommit
            |> PullRig.startPull
            |> waitFor clock

        do! readsQueue clock consumer
        return consumer
    }

let private startOffsets =
    testList
        "start offsets"
        [
            liveWith
                (withStrictQueues 1)
                "[idle] the start offset of an idle queue is committed, so that messages sent while the group is away are delivered"
                (fun clock cluster ->
                    task {
                        do! PullRig.sendTo cluster 0 (numbered 0 10)
                        do! idle clock (fromLast cluster clock)
                        let! committed = PullRig.committedOf cluster 0
                        do! PullRig.sendTo cluster 0 gap
                        let! next = comesNext clock (fromLast cluster clock)
                        (committed, next) |> shouldEqual (10L, set gap)
                    })

            liveWith
                (withStrictQueues 1)
                "[idle] a pull consumer with automatic commits commits the start offset of an idle queue"
                (fun clock cluster ->
                    task {
                        do! PullRig.sendTo cluster 0 (numbered 0 10)
                        let! first = waitFor clock (PullRig.startPull (pullerOf cluster clock))
                        do! readsQueue clock first
                        do! ChaosRig.passFor clock twentyIntervals
                        do! ChaosRig.finish clock (first.Close())
                        do! PullRig.sendTo cluster 0 gap
                        let! second = waitFor clock (PullRig.startPull (pullerOf cluster clock))
                        let! next = pollAll clock second gap.Length
                        do! ChaosRig.finish clock (second.Close())
                        next |> shouldEqual gap
                    })

            liveWith
                (withStrictQueues 1)
                "[idle] a group with manual commits commits nothing by itself, idle or not"
                (fun clock cluster ->
                    task {
                        do! PullRig.sendTo cluster 0 (numbered 0 10)

                        let! consumer = startByHand clock cluster
                        do! ChaosRig.passFor clock twentyIntervals
                        do! ChaosRig.finish clock (consumer.Close())
                        let! committed = PullRig.committedOf cluster 0
                        committed |> shouldEqual -1L
                    })
        ]

let private broadcastStartOffsets =
    testList
        "broadcast start offsets"
        [
            liveWith
                (withQueues 1)
                "[idleb] a broadcasting consumer saves the start offset of an idle queue"
                (fun clock cluster ->
                    task {
                        let directory = Directory.CreateTempSubdirectory("rocketmq-idle").FullName

                        let options = fromLast cluster clock |> broadcastingFrom directory

                        try
                            do! PullRig.sendTo cluster 0 (numbered 0 10)
                            do! idle clock options
                            let files = Directory.GetFiles(directory, "*", SearchOption.AllDirectories)
                            do! PullRig.sendTo cluster 0 gap
                            let! next = comesNext clock options
                            (files.Length > 0, next) |> shouldEqual (true, set gap)
                        finally
                            Directory.Delete(directory, true)
                    })
        ]

/// Closes a member that has restarted no queue.
let private closeUnrestarted clock (consumer: PushConsumer) : Task =
    task {
        let restarted = consumer.Health.RestartedQueues
        do! close clock consumer
        restarted |> shouldEqual 0L
    }

let private pauses =
    testList
        "pauses"
        [
            liveWith
                (withQueues 4)
                "[stuck] a pause longer than a queue may go without a pull restarts no queue"
                (fun clock cluster ->
                    task {
                        let! consumer = startMember clock (memberOf cluster clock "one") (remember (Seen()))
                        do! reads clock consumer [ 0..3 ]
                        do! pause clock consumer.Pause consumer.Resume
                        do! closeUnrestarted clock consumer
                    })

            liveWith
                (withQueues 2)
                "[stuck] no queue is restarted while brokers hold its pulls for longer than that"
                (fun clock cluster ->
                    task {
                        let options =
                            memberOf cluster clock "one"
                            |> (fun options ->
                                { options with
                                    LongPollTimeout = seconds 180
                                })

                        let! consumer = startMember clock options (remember (Seen()))
                        do! reads clock consumer [ 0; 1 ]
                        do! ChaosRig.passFor clock (seconds 400)
                        do! closeUnrestarted clock consumer
                    })

            liveWith
                (withStrictQueues 1)
                "[stuckpull] a pause loses no cached message and no offset that the application has set"
                (fun clock cluster ->
                    task {
                        let queue = PullRig.queueOf cluster 0
                        do! PullRig.sendTo cluster 0 (numbered 0 10)

                        let! consumer = startByHand clock cluster
                        consumer.Seek(queue, 5L) |> Result.mapError RemotingError.describe |> Buffers.ok
                        let! before = pollAll clock consumer 5
                        do! PullRig.sendTo cluster 0 (numbered 10 10)

                        do! pause clock (fun () -> consumer.Pause [ queue ]) (fun () -> consumer.Resume [ queue ])

                        let! after = pollAll clock consumer 10
                        do! ChaosRig.finish clock (consumer.Close())
                        (before, after) |> shouldEqual (numbered 5 5, numbered 10 10)
                    })
        ]

[<Tests>]
let tests = testList "Proven faults" [ startOffsets; broadcastStartOffsets; pauses ]
