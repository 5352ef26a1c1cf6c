/// Consumers that pop for a group that does not exist, at a broker that makes none.
module RocketMq.Protocol.Tests.PopGroupTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private missing = 1147
let private popFailed = 1141

let private refuse (cluster: EmbeddedCluster) (request: RequestCode) code remark =
    cluster.Brokers[0].Faults.On(request).Refuse((code: ResponseCode), remark, Int32.MaxValue)

let private refuseGroup cluster request =
    refuse cluster request ResponseCode.SubscriptionGroupNotExist "subscription group [G] does not exist"

/// As Apache's brokers answer the members of such a group: heartbeats are taken and count for nothing, nothing is assigned.
let private ignoreMembers cluster =
    refuse cluster RequestCode.HeartBeat ResponseCode.Success ""
    refuseGroup cluster RequestCode.PullMessage
    refuseGroup cluster RequestCode.PopMessage

let private optionsOf (cluster: EmbeddedCluster) clock log =
    { popConsumerAt cluster.NameServers clock "G" with
        Consumer.ConsumeFrom = FirstOffset
        Consumer.Client.Remoting.Logger = log
    }

let private consume (_: ReceivedMessage) (_: CancellationToken) = Task.FromResult ConsumeResult.Success

let private reasonsOf (problems: ClientProblem list) =
    problems |> List.map _.Reason |> String.concat " "

let private popConsumers =
    testList
        "pop consumers"
        [
            for name, fault in
                [
                    "refuses its pops", (fun cluster -> refuseGroup cluster RequestCode.PopMessage)
                    "assigns it nothing", ignoreMembers
                ] do
                liveWith
                    (withQueues 2)
                    $"a consumer with a handler is unhealthy and logs it once where a broker {name}, and starts when the group is created"
                    (fun clock cluster ->
                        task {
                            let log = LogLines()
                            fault cluster
                            let starting = startPop (optionsOf cluster clock log) consume
                            do! ChaosRig.pass clock (fun () -> starting.IsCompleted)
                            use! consumer = starting
                            do! ChaosRig.pass clock (fun () -> log.Count missing = 1)
                            do! sendAll cluster "T" [ "a" ]
                            do! ChaosRig.passFor clock (TimeSpan.FromMinutes 2L)
                            do! until (fun () -> not consumer.Health.IsHealthy)
                            reasonsOf consumer.Health.Problems |> shouldMention "Create the group"
                            log.Count missing |> shouldEqual 1
                            log.Count popFailed |> shouldEqual 0
                            consumer.Acknowledged |> shouldEqual 0L
                            cluster.Brokers[0].Faults.Heal()
                            do! ChaosRig.pass clock (fun () -> consumer.Acknowledged = 1L)
                            do! ChaosRig.pass clock (fun () -> consumer.Health.IsHealthy)
                        })
        ]

let private simpleConsumers =
    testList
        "simple consumers"
        [
            liveWith
                (withQueues 2)
                "receives of a simple consumer of an unknown group fail and get messages when the group is created"
                (fun clock cluster ->
                    task {
                        let log = LogLines()
                        let membership = (optionsOf cluster clock log).Consumer
                        refuseGroup cluster RequestCode.PopMessage

                        let! started =
                            SimpleConsumerOptions.create "G" []
                            |> (fun options -> { options with Consumer = membership })
                            |> SimpleConsumer.Start

                        use consumer = Buffers.ok (Result.mapError RemotingError.describe started)
                        do! sendAll cluster "T" [ "a" ]

                        for _ in 1..3 do
                            match! consumer.Receive(1, TimeSpan.FromSeconds 30L, CancellationToken.None) with
                            | Error(RemotingError.Refused(_, _, _, ResponseCode.SubscriptionGroupNotExist, _) as error) ->
                                RemotingError.describe error |> shouldMention "Create the group"
                            | other -> failtest $"%A{other}"

                        consumer.Health.IsHealthy |> shouldBeFalse
                        reasonsOf consumer.Health.Problems |> shouldMention "Create the group"
                        log.Count missing |> shouldEqual 1
                        cluster.Brokers[0].Faults.Heal()
                        let! received = consumer.Receive(1, TimeSpan.FromSeconds 30L, CancellationToken.None)

                        (Buffers.ok (Result.mapError RemotingError.describe received)).Length
                        |> shouldEqual 1

                        consumer.Health.IsHealthy |> shouldBeTrue
                    })
        ]

[<Tests>]
let tests = testList "Pop groups" [ popConsumers; simpleConsumers ]
