/// Queues that go from one member to another: locks, and the offsets of the member that gives them up.
module RocketMq.Protocol.Tests.HandOverTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

/// Two queues, and a handler of the first member that hangs on the eleventh of a hundred messages of the second queue. The second
/// member takes that queue over, consumes the rest and commits it; then the handler returns. Gives the committed offset before and
/// after the members have gone, and what the first one was given after the second one had gone.
let private handOver (test: int64 -> int64 -> Seen -> unit) : Task =
    withStrictQueues 2 (fun clock cluster ->
        task {
            let release = TaskCompletionSource()
            let seenByA, seenByB = Seen(), Seen()
            do! PullRig.sendTo cluster 1 (numbered 0 100)

            let slow =
                handling (fun text _ ->
                    task {
                        seenByA.Add text

                        if text = "m10" then
                            do! release.Task
                    })

            let options name =
                memberOf cluster clock name
                |> (fun options ->
                    { options with
                        Concurrency = 1
                        DrainTimeout = seconds 600
                    })

            let! a = startMember clock (options "a") slow
            do! ChaosRig.pass clock (fun () -> seenByA.Of "m10" = 1)
            let! b = startMember clock (options "b") (remember seenByB)
            do! ChaosRig.pass clock (fun () -> seenByB.Of "m99" = 1)
            let! isCommitted = isCommittedWithin clock (seconds 60) cluster 1 100L
            isCommitted |> shouldBeTrue
            release.SetResult()
            do! ChaosRig.pass clock (fun () -> readBy a "T" = [ 0 ])
            do! ChaosRig.passFor clock (seconds 20)
            let! afterwards = PullRig.committedOf cluster 1
            do! close clock b
            do! reads clock a [ 0; 1 ]
            do! ChaosRig.passFor clock (seconds 20)
            do! close clock a
            let! atTheEnd = PullRig.committedOf cluster 1
            test afterwards atTheEnd seenByA
        })

/// Ordered, from the first message, and not for long at work once a queue goes.
let private ordered cluster clock name =
    memberOf cluster clock name |> PushConsumerOptions.orderly

let private handOverTests =
    testList
        "hand-over"
        [
            for code in [ RequestCode.QueryConsumerOffset; RequestCode.GetMaxOffset ] do
                liveWith
                    (withStrictQueues 2)
                    $"[lock] the lock of a queue whose start failed with {code} is released, and the next member reads it"
                    (fun clock cluster ->
                        task {
                            let seenByA, seenByB = Seen(), Seen()

                            let options name =
                                ordered cluster clock name
                                |> (fun options ->
                                    { options with
                                        Consumer.ConsumeFrom = LastOffset
                                    })

                            cluster.Brokers[0]
                                .Faults.On(code)
                                .Refuse(ResponseCode.SystemError, "on purpose", Int32.MaxValue)

                            let! a = startMember clock (options "a") (remember seenByA)
                            // The locks have been taken, and offsets asked for in vain.
                            do! ChaosRig.passFor clock (seconds 10)
                            let! b = startMember clock (options "b") (remember seenByB)
                            do! ChaosRig.passFor clock (seconds 5)
                            cluster.Brokers[0].Faults.Heal()

                            let! areRead =
                                happensWithin clock (seconds 150) (fun () ->
                                    readBy a "T" = [ 0 ] && readBy b "T" = [ 1 ])

                            for queueId in [ 0; 1 ] do
                                do! PullRig.sendTo cluster queueId (numbered (queueId * 3) 3)

                            let! _ =
                                happensWithin clock (seconds 60) (fun () -> seenByA.Count + seenByB.Count = 6)

                            do! close clock a
                            do! close clock b

                            (areRead, seenByA.Texts, seenByB.Texts)
                            |> shouldEqual (true, set (numbered 0 3), set (numbered 3 3))
                        })

            live
                "[regress] the last commit of the previous owner of a queue does not lower that of the new owner"
                (fun () -> handOver (fun afterwards atTheEnd _ -> (afterwards, atTheEnd) |> shouldEqual (100L, 100L)))

            live "[regress2] a member that gets a queue back does not receive committed messages again" (fun () ->
                handOver (fun _ _ seen -> [ for text in numbered 11 89 -> seen.Of text ] |> List.sum |> shouldEqual 0))
        ]

let private slaveMovesNothingBack () : Task =
    withStrictCluster
        (fun options ->
            options.Slaves <- 1
            options.MemoryBytes <- Int64.MaxValue
            options.SlaveCopyInterval <- TimeSpan.FromMinutes 90L)
        (fun clock cluster ->
            task {
                let master, slave = cluster.Brokers[0], cluster.Brokers[1]
                let seen = Seen()
                do! cluster.CreateTopicAsync("T", 1)
                do! PullRig.sendTo cluster 0 (numbered 0 20)

                use ofMaster =
                    RemotingClient.Create((endpointsOf master.Address).Head, RemotingOptions.Default)
                    |> Buffers.ok

                use ofSlave =
                    RemotingClient.Create((endpointsOf slave.Address).Head, RemotingOptions.Default)
                    |> Buffers.ok

                let endAtSlave () =
                    task {
                        let! answer =
                            ofSlave.Request(GroupRequests.max (PullRig.queueOf cluster 0), CancellationToken.None)

                        return answer |> Result.defaultValue -1L
                    }

                clock.Advance(TimeSpan.FromMinutes 91L)

                let! hasCopied =
                    becomesWithin clock (seconds 60) (fun () ->
                        task {
                            let! last = endAtSlave ()
                            return last = 20L
                        })

                hasCopied |> shouldBeTrue
                do! PullRig.sendTo cluster 0 (numbered 20 30)
                let! consumer = startMember clock (memberOf cluster clock "one") (remember seen)
                do! ChaosRig.pass clock (fun () -> seen.Count = 50)

                let committed () = ChaosRig.committedOf ofMaster "C" "T" 0

                let! isCommitted =
                    becomesWithin clock (seconds 60) (fun () ->
                        task {
                            let! offset = committed ()
                            return offset = Some 50L
                        })

                isCommitted |> shouldBeTrue
                do! master.StopAsync()
                do! ChaosRig.passFor clock (seconds 120)

                let next =
                    [
                        for queue in consumer.Health.Queues do
                            if queue.Queue.Topic = "T" then
                                queue.Next
                    ]

                do! master.StartAsync()
                do! ChaosRig.passFor clock (seconds 120)
                let! afterwards = committed ()
                do! close clock consumer
                (next, seen.Total, afterwards) |> shouldEqual ([ 50L ], 50, Some 50L)
            })

let private laggingSlave =
    testList
        "lagging slave"
        [
            live
                "[slave] a lagging slave that serves while its master is away does not move the group back"
                slaveMovesNothingBack
        ]

[<Tests>]
let tests = testList "Proven faults" [ handOverTests; laggingSlave ]
