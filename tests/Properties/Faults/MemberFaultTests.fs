/// Members of groups whose servers fail at a bad moment: resets, locks, members that cannot be queried.
module RocketMq.Protocol.Tests.MemberFaultTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private withAdmin (cluster: EmbeddedCluster) (ask: RemotingClient -> Task<'Answer>) : Task<'Answer> =
    task {
        use client =
            RemotingClient.Create((endpointsOf cluster.Brokers[0].Address).Head, RemotingOptions.Default)
            |> Buffers.ok

        return! ask client
    }

/// An operator has the group read all queues of the topic again from the first message.
let private resetToFirst cluster : Task =
    withAdmin cluster (fun client ->
        ConsumerOffsets.resetAll.Request
            {
                Group = "C"
                Topic = "T"
                QueueId = None
                Offset = None
                TimestampMillis = 0L
                IsForced = true
            }
        |> ChaosRig.ask client)
    :> Task

let private ordered cluster (clock: TimeProvider) name =
    memberOf cluster clock name |> PushConsumerOptions.orderly

/// As the system's clock of a machine that was suspended: its count stands still, the time of day does not.
[<Sealed>]
type private SuspendedClock(counts: TimeProvider, shows: TimeProvider) =
    inherit TimeProvider()
    override _.TimestampFrequency = counts.TimestampFrequency
    override _.GetTimestamp() = counts.GetTimestamp()
    override _.GetUtcNow() = shows.GetUtcNow()

    override _.CreateTimer(callback, state, dueTime, period) =
        counts.CreateTimer(callback, state, dueTime, period)

/// A member that has consumed ten messages, and has committed them.
let private startCommitted clock cluster seen : Task<PushConsumer> =
    task {
        do! PullRig.sendTo cluster 0 (numbered 0 10)
        let! consumer = startMember clock (memberOf cluster clock "one") (remember seen)
        let! isCommitted = isCommittedWithin clock (seconds 60) cluster 0 10L
        isCommitted |> shouldBeTrue
        return consumer
    }

let private resets =
    testList
        "resets"
        [
            liveWith
                (withStrictQueues 1)
                "[D1] a reset that cannot be saved at first takes effect and is saved later"
                (fun clock cluster ->
                    task {
                        let seen = Seen()
                        let! consumer = startCommitted clock cluster seen

                        cluster.Brokers[0]
                            .Faults.On(RequestCode.UpdateConsumerOffset)
                            .Refuse(ResponseCode.SystemError, "on purpose", 2)

                        do! resetToFirst cluster
                        let! isAgain = happensWithin clock (seconds 60) (fun () -> seen.Total = 20)
                        let! isCommitted = isCommittedWithin clock (seconds 60) cluster 0 10L
                        do! close clock consumer
                        (isAgain, seen.Total, isCommitted) |> shouldEqual (true, 20, true)
                    })

            liveWith
                (withStrictQueues 1)
                "[D1] a reset of a queue that has not started yet is not dropped"
                (fun clock cluster ->
                    task {
                        let seen = Seen()
                        let! first = startCommitted clock cluster seen
                        do! close clock first
                        let faults = cluster.Brokers[0].Faults.On(RequestCode.QueryConsumerOffset)
                        faults.AnswerLate(seconds 30, Int32.MaxValue)
                        let again = Seen()
                        let! second = startMember clock (memberOf cluster clock "two") (remember again)
                        do! ChaosRig.passFor clock (seconds 5)
                        readBy second "T" |> shouldEqual []
                        do! resetToFirst cluster
                        let! _ = happensWithin clock (seconds 90) (fun () -> again.Count = 10)
                        do! close clock second
                        again.Texts |> shouldEqual (set (numbered 0 10))
                    })
        ]

let private rebalancing =
    testList
        "rebalancing"
        [
            liveWith
                (withStrictQueues 2)
                "[D3] a topic whose members could not be queried is rebalanced later"
                (fun clock cluster ->
                    task {
                        let code = RequestCode.GetConsumerListByGroup
                        cluster.Brokers[0].Faults.On(code).LoseAnswers 1
                        cluster.Brokers[0].Faults.On(code).Refuse(ResponseCode.SystemError, "on purpose", 4)
                        let options = memberOf cluster clock "one"

                        let options =
                            { options with
                                Consumer.Client.Remoting =
                                    { options.Consumer.Client.Remoting with
                                        RequestTimeout = seconds 60
                                    }
                            }

                        let! consumer = startMember clock options (remember (Seen()))
                        let! _ = happensWithin clock (seconds 600) (fun () -> readBy consumer "T" = [ 0; 1 ])
                        let read = readBy consumer "T"
                        do! close clock consumer
                        read |> shouldEqual [ 0; 1 ]
                    })
        ]

let private suspendedMembers =
    testList
        "suspended members"
        [
            liveWith
                (withStrictQueues 1)
                "[D4] a suspended member starts no message of a queue whose lock has expired"
                (fun clock cluster ->
                    task {
                        let ofA = EmbeddedClock()
                        let release = TaskCompletionSource()
                        let seenByA, seenByB = Seen(), Seen()

                        let handler =
                            handling (fun text _ ->
                                task {
                                    seenByA.Add text

                                    if text = "m0" then
                                        do! release.Task
                                })

                        let suspended = SuspendedClock(ofA, clock)
                        let! a = startMember ofA (ordered cluster suspended "a") handler
                        do! PullRig.sendTo cluster 0 (numbered 0 5)
                        do! ChaosRig.pass ofA (fun () -> seenByA.Of "m0" = 1)
                        // From here on its clock stands still. The broker forgets it, and its locks.
                        let! b = startMember clock (ordered cluster clock "b") (remember seenByB)
                        do! ChaosRig.passFor clock (seconds 130)
                        cluster.Brokers[0].DisconnectClients()
                        let! _ = happensWithin clock (seconds 120) (fun () -> seenByB.Count = 5)
                        let ofB = seenByB.Count
                        release.SetResult()

                        do!
                            until (fun () ->
                                a.Health.Queues |> List.forall (fun queue -> queue.Running = 0)
                                || seenByA.Count > 1)

                        do! ChaosRig.finish ofA (a.Close())
                        do! close clock b
                        (ofB, seenByA.Texts) |> shouldEqual (5, set [ "m0" ])
                    })
        ]

let private orderlyConsumers =
    testList
        "orderly consumers"
        [
            liveWith
                (withStrictQueues 1)
                "[D5] an ordered consumer holds as many messages as it may, whatever their offsets"
                (fun clock cluster ->
                    task {
                        let release = TaskCompletionSource()

                        let options =
                            { ordered cluster clock "one" with
                                PullBatch = 5
                                FlowControl.Span = 10L
                            }

                        let! consumer = startMember clock options (handling (fun _ _ -> release.Task))
                        do! PullRig.sendTo cluster 0 (numbered 0 100)

                        let held () =
                            consumer.Health.Queues |> List.sumBy _.CachedMessages

                        let! _ = happensWithin clock (seconds 60) (fun () -> held () = 100)
                        let outcome = held ()
                        release.SetResult()
                        do! ChaosRig.pass clock (fun () -> held () = 0)
                        do! close clock consumer
                        outcome |> shouldEqual 100
                    })

            liveWith
                (withStrictQueues 2)
                "[D6] a lock that is being renewed while its queue is revoked is released"
                (fun clock cluster ->
                    task {
                        let seenByA, seenByB = Seen(), Seen()
                        let! a = startMember clock (ordered cluster clock "a") (remember seenByA)
                        do! reads clock a [ 0; 1 ]
                        // Renewals are answered so late that the queue is given up meanwhile.
                        cluster.Brokers[0].Faults.On(RequestCode.LockBatchMq).AnswerLate(seconds 15)
                        do! ChaosRig.passFor clock (seconds 22)
                        let! b = startMember clock (ordered cluster clock "b") (remember seenByB)
                        // A broker keeps a lock that nobody sends back for 60 s.
                        let! isRead = happensWithin clock (seconds 55) (fun () -> readBy b "T" = [ 1 ])
                        do! close clock a
                        do! close clock b
                        isRead |> shouldBeTrue
                    })
        ]

[<Tests>]
let tests =
    testList "Proven faults" [ resets; rebalancing; suspendedMembers; orderlyConsumers ]
