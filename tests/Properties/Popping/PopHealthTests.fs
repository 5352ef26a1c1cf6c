/// What consumers that pop say of themselves, by one clock that tests move.
module RocketMq.Protocol.Tests.PopHealthTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private none = CancellationToken.None

let private simpleOf (cluster: EmbeddedCluster) clock =
    startSimple (simpleConsumerAt cluster.NameServers clock "G")

let private receive consumer count = lease consumer count (seconds 30)

let private optionsOf (cluster: EmbeddedCluster) clock =
    popConsumerAt cluster.NameServers clock "G"
    |> (fun options ->
        { options with
            Consumer.ConsumeFrom = FirstOffset
        })

let private consume (_: ReceivedMessage) (_: CancellationToken) = Task.FromResult ConsumeResult.Success

let private refuse (cluster: EmbeddedCluster) (request: RequestCode) =
    cluster.Brokers[0].Faults.On(request).Refuse(ResponseCode.SystemError, "on purpose", Int32.MaxValue)

let private refuseAcks cluster =
    refuse cluster RequestCode.AckMessage
    refuse cluster RequestCode.BatchAckMessage

let private onPurpose (problems: ClientProblem list) =
    problems
    |> List.filter (fun problem -> problem.Reason.Contains("on purpose", StringComparison.Ordinal))
    |> List.map _.What

let private forgottenErrors =
    testList
        "forgotten errors"
        [
            liveWith
                (withQueues 1)
                "the refusal of an unknown group is forgotten with the connection"
                (fun clock cluster ->
                    task {
                        let faults = cluster.Brokers[0].Faults
                        let! consumer = simpleOf cluster clock

                        let acknowledge texts : Task<AckFailure list> =
                            task {
                                do! sendAll cluster "T" texts
                                let! received = receive consumer texts.Length
                                received.Length |> shouldEqual texts.Length
                                return! consumer.AckAll(received, none)
                            }

                        let unknown (code: RequestCode) =
                            faults.On(code).Refuse(ResponseCode.RequestCodeNotSupported, "on purpose", Int32.MaxValue)

                        // An older broker: each message alone.
                        unknown RequestCode.BatchAckMessage
                        let! failures = acknowledge [ "a"; "b" ]
                        failures |> shouldBeEmpty
                        faults.Heal()
                        // Until the connection ends it is not asked again.
                        unknown RequestCode.BatchAckMessage
                        let! failures = acknowledge [ "c"; "d" ]
                        failures |> shouldBeEmpty
                        // Another one at its address.
                        faults.Heal()
                        unknown RequestCode.AckMessage
                        cluster.Brokers[0].DisconnectClients()
                        let acknowledging = acknowledge [ "e"; "f" ]
                        do! ChaosRig.finish clock acknowledging
                        let! failures = acknowledging
                        do! consumer.Close()
                        failures |> shouldBeEmpty
                    })
        ]

let private unwellConsumers =
    testList
        "unwell consumers"
        [
            liveWith
                (withQueues 1)
                "a consumer whose pops fail is unhealthy, with the reason, until one succeeds"
                (fun clock cluster ->
                    task {
                        use! consumer = startPop (optionsOf cluster clock) consume
                        do! sendAll cluster "T" [ "a" ]
                        do! until (fun () -> consumer.Acknowledged = 1L && consumer.InFlight = 0)
                        let health = consumer.Health
                        health.IsHealthy |> shouldBeTrue
                        health.Queues |> shouldEqual consumer.Assigned
                        health.Consumed |> shouldEqual 1L
                        health.InFlight |> shouldEqual 0
                        health.SinceSuccess.IsSome |> shouldBeTrue
                        health.LastFailure |> shouldEqual None

                        refuse cluster RequestCode.PopMessage
                        do! ChaosRig.pass clock (fun () -> not consumer.Health.IsHealthy)
                        let health = consumer.Health
                        let what = PopDuty.pop (List.exactlyOne health.Queues)
                        onPurpose health.Problems |> shouldEqual [ what ]
                        (Option.get health.LastFailure).What |> shouldEqual what

                        cluster.Brokers[0].Faults.Heal()
                        do! ChaosRig.pass clock (fun () -> consumer.Health.IsHealthy)
                        (Option.get consumer.Health.LastFailure).What |> shouldEqual what
                    })
        ]

let private acknowledgementsAndAssignments =
    testList
        "acknowledgements and assignments"
        [
            liveWith
                (withQueues 1)
                "a consumer whose acknowledgements fail is unhealthy until they succeed"
                (fun clock cluster ->
                    task {
                        refuseAcks cluster
                        use! consumer = startPop (optionsOf cluster clock) consume
                        do! sendAll cluster "T" [ "a" ]
                        do! until (fun () -> not consumer.Health.IsHealthy)

                        onPurpose consumer.Health.Problems
                        |> shouldEqual [ PopDuty.acknowledge cluster.Brokers[0].Name ]

                        consumer.Health.InFlight |> shouldEqual 1
                        consumer.Health.Acknowledged |> shouldEqual 0L
                        cluster.Brokers[0].Faults.Heal()
                        do! ChaosRig.pass clock (fun () -> consumer.Health.IsHealthy)
                        do! ChaosRig.pass clock (fun () -> consumer.Acknowledged = 1L)
                    })

            liveWith
                (withQueues 1)
                "a consumer without assignments is unhealthy until a broker assigns queues"
                (fun clock cluster ->
                    task {
                        refuse cluster RequestCode.QueryAssignment
                        let! refused = PopConsumer.Start(optionsOf cluster clock, consume)
                        refused |> Result.isError |> shouldBeTrue
                        cluster.Brokers[0].Faults.Heal()

                        use! consumer = startPop (optionsOf cluster clock) consume
                        refuse cluster RequestCode.QueryAssignment
                        do! ChaosRig.pass clock (fun () -> not consumer.Health.IsHealthy)
                        onPurpose consumer.Health.Problems |> shouldEqual [ PopDuty.assignment "T" ]
                        cluster.Brokers[0].Faults.Heal()
                        do! ChaosRig.pass clock (fun () -> consumer.Health.IsHealthy)
                    })
        ]

let private counts =
    testList
        "counts"
        [
            liveWith (withQueues 1) "a failed handler is counted, and a running one is in flight" (fun clock cluster ->
                task {
                    let gate = TaskCompletionSource()

                    use! consumer =
                        startPop (optionsOf cluster clock) (fun received _ ->
                            task {
                                if textOf received = "fails" then
                                    return ConsumeResult.Retry
                                else
                                    do! gate.Task
                                    return ConsumeResult.Success
                            })

                    do! sendAll cluster "T" [ "waits" ]
                    do! sendAll cluster "T" [ "fails" ]
                    do! until (fun () -> consumer.Health.Failed = 1L && consumer.Health.InFlight = 1)
                    consumer.Health.Running |> shouldEqual 1
                    consumer.Health.IsHealthy |> shouldBeTrue
                    gate.SetResult()
                    do! until (fun () -> consumer.Health.Acknowledged = 1L)
                    do! until (fun () -> consumer.Health.Running = 0)
                })

            liveWith
                (withQueues 1)
                "a simple consumer counts messages in flight and acknowledged, and not expired ones"
                (fun clock cluster ->
                    task {
                        use! consumer = simpleOf cluster clock
                        do! sendAll cluster "T" (numbered 0 3)
                        let! received = receive consumer 3
                        received.Length |> shouldEqual 3
                        consumer.Health.InFlight |> shouldEqual 3

                        consumer.Health.Queues
                        |> List.map (fun queue -> queue.Topic, queue.BrokerName, queue.QueueId)
                        |> shouldEqual [ "T", cluster.Brokers[0].Name, -1 ]

                        let! acked = consumer.Ack(received[0], none)
                        acked |> Buffers.ok
                        let! changed = consumer.ChangeInvisible(received[1], seconds 3600, none)
                        changed |> Result.isOk |> shouldBeTrue
                        consumer.Health.InFlight |> shouldEqual 2
                        consumer.Health.Acknowledged |> shouldEqual 1L
                        clock.Advance(seconds 30)
                        consumer.Health.InFlight |> shouldEqual 1
                        let! acked = consumer.Ack(Buffers.ok changed, none)
                        acked |> Buffers.ok
                        consumer.Health.InFlight |> shouldEqual 0
                        consumer.Health.Acknowledged |> shouldEqual 2L
                        consumer.Health.IsHealthy |> shouldBeTrue
                    })
        ]

let private simpleConsumers =
    testList
        "simple consumers"
        [
            liveWith
                (withQueues 1)
                "a simple consumer whose receives or acknowledgements fail is unhealthy, with the reason, until they succeed"
                (fun clock cluster ->
                    task {
                        use! consumer = simpleOf cluster clock
                        do! sendAll cluster "T" [ "a" ]
                        refuse cluster RequestCode.PopMessage
                        let! refused = consumer.Receive(1, seconds 30, none)
                        refused |> Result.isError |> shouldBeTrue

                        onPurpose consumer.Health.Problems
                        |> shouldEqual [ $"T at {cluster.Brokers[0].Name}" ]

                        cluster.Brokers[0].Faults.Heal()
                        let! received = receive consumer 1
                        consumer.Health.IsHealthy |> shouldBeTrue

                        refuseAcks cluster
                        let! refused = consumer.Ack(received.Head, none)
                        refused |> Result.isError |> shouldBeTrue

                        onPurpose consumer.Health.Problems
                        |> shouldEqual [ PopDuty.acknowledge cluster.Brokers[0].Name ]

                        cluster.Brokers[0].Faults.Heal()
                        let! acked = consumer.Ack(received.Head, none)
                        acked |> Buffers.ok
                        consumer.Health.IsHealthy |> shouldBeTrue
                    })
        ]

let private leaseCounts =
    testList
        "lease counts"
        [
            property "leases are counted until they are removed or expire, whatever their order"
            <| fun (steps: (byte * byte * bool) list) ->
                let table = LeaseTable()

                let receipt: PopReceipt =
                    {
                        InitialOffset = 0L
                        PopTimestamp = 0L
                        InvisibleMillis = 1L
                        ReviveQueueId = 0
                        Source = OfTopic
                        BrokerName = "b"
                        QueueId = 0
                        QueueOffset = 0L
                    }

                let mutable model: Map<int64, int64<tick>> = Map.empty
                let mutable now = 0L<tick>

                for offset, time, isRemoved in steps do
                    let offset = int64 offset % 16L
                    now <- now + 1L<tick>

                    if isRemoved then
                        table.Remove(receipt, offset)
                        model <- Map.remove offset model
                    else
                        table.Add(receipt, offset, now + (int64 time % 20L + 1L) * 1L<tick>, now)
                        model <- Map.add offset (now + (int64 time % 20L + 1L) * 1L<tick>) model

                    let alive = model |> Map.filter (fun _ expires -> expires > now)
                    table.Count now |> shouldEqual alive.Count

                true
        ]

[<Tests>]
let tests =
    testList
        "Pop health"
        [
            forgottenErrors
            unwellConsumers
            acknowledgementsAndAssignments
            counts
            simpleConsumers
            leaseCounts
        ]
