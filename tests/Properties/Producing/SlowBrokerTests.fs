/// A broker that answers late gets no messages while it is avoided.
module RocketMq.Protocol.Tests.SlowBrokerTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private topic = "Slow"
let private queues = 4

/// How many of so many messages went to each broker.
let private spread (producer: Producer) count : Task<Map<string, int>> =
    task {
        let went = ConcurrentBag<string>()

        do!
            inCrowd 8 0 count (fun number ->
                backgroundTask {
                    match! send producer (Message.ofText topic (string number)) with
                    | Ok receipt -> went.Add receipt.Queue.BrokerName
                    | Error error -> failtest (RemotingError.describe error)
                })

        return went |> Seq.countBy id |> Map.ofSeq
    }

/// Has a broker take so long for one message, by the clock that it shares with the producer.
let private slowDown
    (clock: EmbeddedClock)
    (broker: EmbeddedClusterBroker)
    (producer: Producer)
    (delay: TimeSpan)
    body
    =
    task {
        broker.Faults.On(RequestCode.SendMessageV2).AnswerLate(delay)

        let target =
            OneQueue
                {
                    Topic = topic
                    BrokerName = broker.Name
                    QueueId = 0
                }

        let sending =
            producer.SendTo(target, Message.ofText topic body, CancellationToken.None)

        use client =
            RemotingClient.Create((endpointsOf broker.Address).Head, RemotingOptions.Default)
            |> Buffers.ok

        let mutable hasCome = false

        while not hasCome do
            let! messages = readQueue client topic 0

            hasCome <-
                messages
                |> List.exists (fun message -> Text.Encoding.UTF8.GetString message.StoredBody.Span = body)

        clock.Advance delay
        let! outcome = sending
        outcome.IsOk |> shouldBeTrue
    }

/// A producer that avoids slow brokers, at a cluster that goes by the test's clock.
let private withAvoiding (test: EmbeddedClock -> EmbeddedCluster -> Producer -> Task) : Task =
    task {
        let clock = EmbeddedClock()
        use! cluster = startCluster (fun options -> options.Clock <- clock)
        do! cluster.CreateTopicAsync(topic, queues)

        use producer =
            start
                { producerOf cluster clock with
                    Avoidance = Some LatencyTable.java533
                }

        do! test clock cluster producer
    }

let private oneSlowBroker =
    testList
        "one slow broker"
        [
            for millis, avoidMillis in [ 600, 2_000; 1_900, 5_000; 5_500, 10_000 ] do
                liveWith
                    withAvoiding
                    $"an answer after {millis} ms has its broker avoided for {avoidMillis} ms"
                    (fun clock cluster producer ->
                        task {
                            let names = [ for broker in cluster.Brokers -> broker.Name ]
                            let slow = cluster.Brokers[1]
                            let! before = spread producer 120
                            before |> shouldEqual (Map.ofList [ for name in names -> name, 40 ])
                            do! slowDown clock slow producer (TimeSpan.FromMilliseconds(float millis)) "late"

                            match producer.AvoidedBrokers with
                            | [ avoided ] ->
                                avoided.Name |> shouldEqual slow.Name
                                avoided.LatencyMillis |> shouldEqual (int64 millis)
                                avoided.IsReachable |> shouldBeTrue
                            | other -> failtest $"%A{other}"

                            let! during = spread producer 120
                            during.ContainsKey slow.Name |> shouldBeFalse
                            // To the last millisecond.
                            clock.Advance(TimeSpan.FromMilliseconds(float (avoidMillis - 1)))
                            let! still = spread producer 120
                            still.ContainsKey slow.Name |> shouldBeFalse
                            clock.Advance(TimeSpan.FromMilliseconds 1L)
                            let! after = spread producer 120
                            after |> shouldEqual before
                            producer.AvoidedBrokers |> shouldBeEmpty
                        })
        ]

let private slowBrokersOnly =
    testList
        "slow brokers only"
        [
            liveWith withAvoiding "when all are slow, messages go on to all of them" (fun clock cluster producer ->
                task {
                    for broker in cluster.Brokers do
                        do! slowDown clock broker producer (TimeSpan.FromSeconds 1L) "late"

                    // The first one's time is over by now.
                    producer.AvoidedBrokers
                    |> List.map _.Name
                    |> List.sort
                    |> shouldEqual [ cluster.Brokers[1].Name; cluster.Brokers[2].Name ]

                    do! slowDown clock cluster.Brokers[0] producer (TimeSpan.FromMilliseconds 600L) "late again"
                    producer.AvoidedBrokers.Length |> shouldExceed 1
                    let! went = spread producer 120
                    went.Values |> Seq.sum |> shouldEqual 120
                })
        ]

[<Tests>]
let tests = testList "Slow broker" [ oneSlowBroker; slowBrokersOnly ]
