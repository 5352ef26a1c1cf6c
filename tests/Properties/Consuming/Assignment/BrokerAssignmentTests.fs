/// Push consumers whose queues an embedded cluster assigns.
module RocketMq.Protocol.Tests.BrokerAssignmentTests

open System
open RocketMq
open RocketMq.Protocol
open RocketMq.Embedded
open PushRig

let private assigned options : PushConsumerOptions =
    options
    |> PushConsumerOptions.subscribe "T" Filter.all
    |> PushConsumerOptions.brokerRebalance

let private subscribedAt cluster clock = assigned (consumerOf cluster clock "C")

let private allAt (cluster: EmbeddedCluster) code act =
    for broker in cluster.Brokers do
        act (broker.Faults.On(code: RequestCode))

let private refuseAll code (answer: ResponseCode) cluster =
    allAt cluster code (fun faults -> faults.Refuse(answer, "not now", Int32.MaxValue))

/// Two brokers with four queues each, and a clock that the test moves.
let private withTwo (test: EmbeddedClock -> EmbeddedCluster -> Task) : Task =
    withTopicOf queues (fun options -> options.Masters <- 2) test

let private withOne (test: EmbeddedClock -> EmbeddedCluster -> Task) : Task = withQueues queues test

let private timed setUp name (body: EmbeddedClock -> EmbeddedCluster -> Task) = live name (fun () -> setUp body)

let private close (clock: EmbeddedClock) (consumer: PushConsumer) : Task =
    ChaosRig.finish clock (consumer.Close())

let private sharing =
    [
        timed
            withTwo
            "members share the queues as brokers assign them, and who leaves leaves its own to the others"
            (fun clock cluster ->
                task {
                    // So nobody could work out its share by itself.
                    refuseAll RequestCode.GetConsumerListByGroup ResponseCode.SystemError cluster
                    let seen = Seen()
                    let! first = startConsumer (subscribedAt cluster clock) (remember seen)
                    do! ChaosRig.pass clock (fun () -> queuesOf first "T" = 2 * queues)
                    let! second = startConsumer (subscribedAt cluster clock) (remember seen)
                    do! ChaosRig.pass clock (fun () -> queuesOf first "T" = queues && queuesOf second "T" = queues)
                    do! sendAll cluster "T" (numbered 0 200)
                    do! ChaosRig.pass clock (fun () -> seen.Count = 200)
                    first.Health.Consumed |> shouldExceed 0L
                    second.Health.Consumed |> shouldExceed 0L
                    do! close clock first
                    do! ChaosRig.pass clock (fun () -> queuesOf second "T" = 2 * queues)
                    do! sendAll cluster "T" (numbered 200 200)
                    do! ChaosRig.pass clock (fun () -> seen.Count = 400)
                    do! close clock second
                    seen.Total |> shouldEqual 400
                    let! isCommitted = isAllCommitted cluster "C" "T" queues
                    isCommitted |> shouldBeTrue
                })

        timed withTwo "consumers in order share and lock the queues that brokers assign" (fun clock cluster ->
            task {
                refuseAll RequestCode.GetConsumerListByGroup ResponseCode.SystemError cluster
                let seen = Seen()
                let options = PushConsumerOptions.orderly (subscribedAt cluster clock)
                let! first = startConsumer options (remember seen)
                let! second = startConsumer options (remember seen)

                let isLocked (consumer: PushConsumer) =
                    queuesOf consumer "T" = queues
                    && consumer.Health.Queues |> List.forall _.IsLocked

                do! ChaosRig.pass clock (fun () -> isLocked first && isLocked second)
                do! sendAll cluster "T" (numbered 0 200)
                do! ChaosRig.pass clock (fun () -> seen.Count = 200)
                do! close clock first
                do! close clock second
                seen.Total |> shouldEqual 200
            })
    ]

let private faults =
    [
        timed
            withTwo
            "where brokers know no such request the members share the queues by themselves"
            (fun clock cluster ->
                task {
                    refuseAll RequestCode.QueryAssignment ResponseCode.RequestCodeNotSupported cluster
                    let seen = Seen()
                    let! first = startConsumer (subscribedAt cluster clock) (remember seen)
                    let! second = startConsumer (subscribedAt cluster clock) (remember seen)
                    do! ChaosRig.pass clock (fun () -> queuesOf first "T" = queues && queuesOf second "T" = queues)
                    first.Health.Problems |> shouldBeEmpty
                    do! sendAll cluster "T" (numbered 0 200)
                    do! ChaosRig.pass clock (fun () -> seen.Count = 200)
                    do! close clock first
                    do! ChaosRig.pass clock (fun () -> queuesOf second "T" = 2 * queues)
                    do! close clock second
                    seen.Total |> shouldEqual 200
                })

        timed withTwo "a broker that cannot say is passed over for one that can" (fun clock cluster ->
            task {
                cluster.Brokers[0]
                    .Faults.On(RequestCode.QueryAssignment)
                    .Refuse(ResponseCode.InvalidParameter, "not now", Int32.MaxValue)

                let! consumer = startConsumer (subscribedAt cluster clock) (remember (Seen()))
                do! ChaosRig.pass clock (fun () -> queuesOf consumer "T" = 2 * queues)
                do! close clock consumer
            })

        timed withTwo "queries that fail cost no queue, and are told until one does not" (fun clock cluster ->
            task {
                let seen = Seen()
                let! consumer = startConsumer (subscribedAt cluster clock) (remember seen)
                do! ChaosRig.pass clock (fun () -> queuesOf consumer "T" = 2 * queues)
                refuseAll RequestCode.QueryAssignment ResponseCode.InvalidParameter cluster
                do! ChaosRig.pass clock (fun () -> not consumer.Health.IsHealthy)
                do! ChaosRig.passFor clock (seconds 60)
                queuesOf consumer "T" |> shouldEqual (2 * queues)
                do! sendAll cluster "T" (numbered 0 100)
                do! ChaosRig.pass clock (fun () -> seen.Count = 100)

                for broker in cluster.Brokers do
                    broker.Faults.Heal()

                do! ChaosRig.pass clock (fun () -> consumer.Health.IsHealthy)
                do! close clock consumer
                seen.Total |> shouldEqual 100
            })
    ]

let private setMode (cluster: EmbeddedCluster) mode : Task =
    task {
        for broker in cluster.Brokers do
            use client =
                RemotingClient.Create((endpointsOf broker.Address).Head, RemotingOptions.Default)
                |> Buffers.ok

            let! answer =
                client.Request(
                    Assignments.setMode.Request
                        {
                            Topic = "T"
                            ConsumerGroup = "C"
                            Mode = mode
                            SharingMembers = 0
                        },
                    CancellationToken.None
                )

            answer |> Result.mapError RemotingError.describe |> shouldEqual (Ok())
    }

/// Members follow a mode one by one: what is not committed by then may come twice.
let private committed clock cluster : Task =
    task {
        let! isSo =
            ProvenFaultRig.becomesWithin clock (seconds 120) (fun () -> isAllCommitted cluster "C" "T" queues)

        isSo |> shouldBeTrue
    }

let private isPulling (consumer: PushConsumer) count =
    queuesOf consumer "T" = count && consumer.Health.Popped.IsEmpty

let private isPopping (consumer: PushConsumer) brokers =
    queuesOf consumer "T" = 0 && consumer.Health.Popped.Length = brokers

let private modes =
    [
        timed
            withTwo
            "a topic is pulled, popped and pulled again, as its mode says, and each message is consumed once"
            (fun clock cluster ->
                task {
                    let seen = Seen()
                    let! first = startConsumer (subscribedAt cluster clock) (remember seen)
                    let! second = startConsumer (subscribedAt cluster clock) (remember seen)
                    do! ChaosRig.pass clock (fun () -> isPulling first queues && isPulling second queues)
                    do! sendAll cluster "T" (numbered 0 200)
                    do! ChaosRig.pass clock (fun () -> seen.Count = 200)
                    do! committed clock cluster
                    do! setMode cluster PopMode
                    do! ChaosRig.pass clock (fun () -> isPopping first 2 && isPopping second 2)
                    do! sendAll cluster "T" (numbered 200 200)
                    do! ChaosRig.pass clock (fun () -> seen.Count = 400)
                    do! committed clock cluster
                    do! setMode cluster PullMode
                    do! ChaosRig.pass clock (fun () -> isPulling first queues && isPulling second queues)
                    // Pops that wait at a broker would bring some of what is sent now.
                    do! ChaosRig.passFor clock (seconds 20)
                    do! sendAll cluster "T" (numbered 400 200)
                    do! ChaosRig.pass clock (fun () -> seen.Count = 600)
                    do! close clock first
                    do! close clock second
                    seen.Total |> shouldEqual 600
                })
    ]

let private handOver =
    [
        timed withOne "what is pulled is consumed and committed before the topic is popped" (fun clock cluster ->
            task {
                let release = TaskCompletionSource()
                let seen = Seen()

                let handler =
                    ConsumeHandler.EachMessage(fun received _ ->
                        ValueTask<ConsumeResult>(
                            task {
                                seen.Add(textOf received)
                                do! release.Task
                                return ConsumeResult.Success
                            }
                        ))

                do! sendAll cluster "T" (numbered 0 10)
                let! consumer = startConsumer (subscribedAt cluster clock) handler
                do! ChaosRig.pass clock (fun () -> seen.Count = 10)
                do! setMode cluster PopMode

                do!
                    ChaosRig.pass clock (fun () ->
                        consumer.Health.Queues
                        |> List.forall (fun one -> one.Queue.Topic <> "T" || one.Running > 0))

                release.SetResult()
                do! ChaosRig.pass clock (fun () -> isPopping consumer 1)
                do! ChaosRig.passFor clock (seconds 60)
                do! close clock consumer
                seen.Total |> shouldEqual 10
            })
    ]

let private retries =
    [
        timed
            withOne
            "a message that failed when it was popped comes again when the topic is pulled"
            (fun clock cluster ->
                task {
                    let failed = ConcurrentQueue<string * int>()

                    let handler =
                        ConsumeHandler.EachMessage(fun received _ ->
                            failed.Enqueue(received.Message.Topic, received.Message.ReconsumeTimes)

                            ValueTask<ConsumeResult>(
                                if received.Message.ReconsumeTimes = 0 then
                                    ConsumeResult.RetryAfter(seconds 40)
                                else
                                    ConsumeResult.Success
                            ))

                    do! setMode cluster PopMode
                    let! consumer = startConsumer (subscribedAt cluster clock) handler
                    do! ChaosRig.pass clock (fun () -> isPopping consumer 1)
                    do! sendAll cluster "T" [ "a" ]
                    do! ChaosRig.pass clock (fun () -> failed.Count = 1)
                    do! setMode cluster PullMode
                    do! ChaosRig.pass clock (fun () -> isPulling consumer queues)
                    do! ChaosRig.pass clock (fun () -> failed.Count = 2)
                    List.ofSeq failed |> shouldEqual [ "T", 0; "T", 1 ]
                    do! close clock consumer
                })
    ]

let private behaviour =
    [
        timed
            withOne
            "consumers in order pull what brokers deliver by pop, and share it by themselves"
            (fun clock cluster ->
                task {
                    do! setMode cluster PopMode
                    let seen = Seen()
                    let options = PushConsumerOptions.orderly (subscribedAt cluster clock)
                    let! first = startConsumer options (remember seen)
                    let! second = startConsumer options (remember seen)
                    do! ChaosRig.pass clock (fun () -> isPulling first (queues / 2) && isPulling second (queues / 2))
                    do! sendAll cluster "T" (numbered 0 100)
                    do! ChaosRig.pass clock (fun () -> seen.Count = 100)
                    do! close clock first
                    do! close clock second
                    seen.Total |> shouldEqual 100
                })

        timed
            withOne
            "what another group has sent back is not taken for what was popped, though its topic has the same name"
            (fun clock cluster ->
                task {
                    do! cluster.CreateTopicAsync("U", 1)
                    let seen = Seen()
                    let others = Seen()

                    let handler =
                        ConsumeHandler.EachMessage(fun received _ ->
                            others.Add(textOf received)

                            ValueTask<ConsumeResult>(
                                if received.Message.ReconsumeTimes = 0 then
                                    ConsumeResult.Retry
                                else
                                    ConsumeResult.Success
                            ))

                    let! other =
                        startConsumer
                            (consumerOf cluster clock "C_T" |> PushConsumerOptions.subscribe "U" Filter.all)
                            handler

                    do! sendAll cluster "U" [ "x" ]
                    do! ChaosRig.pass clock (fun () -> others.Total = 2)
                    let! consumer = startConsumer (subscribedAt cluster clock) (remember seen)

                    let readsRetries () =
                        consumer.Health.Queues
                        |> List.exists (fun one -> one.Queue.Topic = "%RETRY%C_T" && one.Committable > 0L)

                    do! ChaosRig.pass clock readsRetries
                    seen.Total |> shouldEqual 0
                    do! close clock consumer
                    do! close clock other
                })
    ]

let private pauses =
    [
        timed withOne "a consumer that is paused pops nothing, and goes on" (fun clock cluster ->
            task {
                do! setMode cluster PopMode
                let seen = Seen()
                let! consumer = startConsumer (subscribedAt cluster clock) (remember seen)
                do! ChaosRig.pass clock (fun () -> isPopping consumer 1)
                consumer.Pause()
                do! sendAll cluster "T" (numbered 0 50)
                do! ChaosRig.passFor clock (seconds 60)
                seen.Count |> shouldEqual 0
                consumer.Resume()
                do! ChaosRig.pass clock (fun () -> seen.Count = 50)
                do! close clock consumer
                seen.Total |> shouldEqual 50
            })
    ]

let private refused name change part =
    testCase $"brokers cannot assign queues {name}"
    <| fun () ->
        let options =
            PushConsumerOptions.create "C" (endpointsOf "127.0.0.1:9876")
            |> assigned
            |> change

        match PushConsumerOptions.check options with
        | Error error -> RemotingError.describe error |> shouldMention part
        | Ok() -> failtest "it is taken"

let private settings =
    [
        refused "of a group that broadcasts" PushConsumerOptions.broadcasting "broadcasting"
        refused
            "by a strategy that they do not know"
            (fun options ->
                { options with
                    Strategy = AllocationStrategy.ConsistentHash 10
                })
            "CONSISTENT_HASH"
        refused
            "from a time on"
            (fun options ->
                { options with
                    Consumer.ConsumeFrom = AtTime DateTimeOffset.UnixEpoch
                })
            "consumeFromWhere"
    ]

[<Tests>]
let tests =
    testList "Broker assignments" (sharing @ faults @ modes @ handOver @ retries @ behaviour @ pauses @ settings)
