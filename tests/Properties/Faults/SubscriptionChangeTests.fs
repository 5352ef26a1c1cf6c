/// Subscriptions that change while something else is under way, or that fail.
module RocketMq.Protocol.Tests.SubscriptionChangeTests

open System
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

/// A member that reads "T" of the first of two masters, which knows nothing of the second one yet.
let private withTwoMasters (test: EmbeddedClock -> EmbeddedCluster -> PushConsumer -> Seen -> Task) : Task =
    withStrictCluster (fun options -> options.Masters <- 2) (fun clock cluster ->
        task {
            do! cluster.Brokers[1].StopAsync()
            do! cluster.CreateTopicAsync("T", 1)
            do! cluster.Brokers[1].StartAsync()
            do! cluster.CreateTopicAsync("U", 1)
            let seen = Seen()
            let! consumer = startMember clock (memberOf cluster clock "one") (remember seen)
            do! reads clock consumer [ 0 ]
            do! test clock cluster consumer seen
            do! close clock consumer
        })

/// A heartbeat is answered so much later, by the clock.
let private slowly (cluster: EmbeddedCluster) =
    cluster.Brokers[1].Faults.On(RequestCode.HeartBeat).AnswerLate(seconds 2, Int32.MaxValue)

/// The member subscribes to a topic again, and gets what is sent to it after that.
let private isReadAgain clock cluster (consumer: PushConsumer) (seen: Seen) topic : Task =
    task {
        let! again = waitFor clock (consumer.Subscribe(topic, Filter.all))
        again |> Result.isOk |> shouldBeTrue
        do! sendAll cluster topic (numbered 0 4)
        let! _ = happensWithin clock (seconds 75) (fun () -> seen.Count = 4)
        seen.Texts |> shouldEqual (set (numbered 0 4))
    }

let private unsubscribingTests =
    testList
        "unsubscribing"
        [
            liveWith
                withTwoMasters
                "[resub] a topic that is unsubscribed while a broker is slow is not read until it is subscribed again"
                (fun clock cluster consumer seen ->
                    task {
                        slowly cluster
                        let subscribing = consumer.Subscribe("U", Filter.all)
                        clock.Advance(TimeSpan.FromMilliseconds 500.0)
                        let unsubscribing = consumer.Unsubscribe "U"
                        let! subscribed = waitFor clock subscribing
                        subscribed |> Result.isOk |> shouldBeTrue
                        do! ChaosRig.finish clock unsubscribing
                        do! ChaosRig.passFor clock (seconds 60)
                        readBy consumer "U" |> shouldEqual []
                        cluster.Brokers[1].Faults.Heal()
                        do! isReadAgain clock cluster consumer seen "U"
                    })

            liveWith
                withTwoMasters
                "[resub] a topic that is unsubscribed while its new route has a slow broker is not read until it is subscribed again"
                (fun clock cluster consumer seen ->
                    task {
                        slowly cluster
                        // "T" is at the second broker, too, from now on.
                        do! cluster.CreateTopicAsync("T", 1)
                        do! ChaosRig.pass clock (fun () -> true)
                        clock.Advance(seconds 30)
                        do! ChaosRig.finish clock (consumer.Unsubscribe "T")
                        do! ChaosRig.passFor clock (seconds 60)
                        readBy consumer "T" |> shouldEqual []
                        cluster.Brokers[1].Faults.Heal()
                        do! isReadAgain clock cluster consumer seen "T"
                    })
        ]

let private failedSubscriptions =
    testList
        "failed subscriptions"
        [
            liveWith
                (withStrictQueues 1)
                "[subscribe] a Subscribe that fails leaves the subscription that worked"
                (fun clock cluster ->
                    task {
                        let seen = Seen()
                        let! consumer = startMember clock (memberOf cluster clock "one") (remember seen)
                        do! sendAll cluster "T" [ "before" ]
                        do! ChaosRig.pass clock (fun () -> seen.Count = 1)
                        let! failed = waitFor clock (consumer.Subscribe("T", BySql92 "a = = ("))
                        do! ChaosRig.passFor clock (seconds 60)
                        do! sendAll cluster "T" [ "after" ]
                        let! _ = happensWithin clock (seconds 60) (fun () -> seen.Count = 2)
                        do! close clock consumer

                        (Result.isError failed, seen.Texts)
                        |> shouldEqual (true, set [ "before"; "after" ])
                    })

            liveWith
                (withStrictQueues 1)
                "[subscribe] a Subscribe that fails for a new topic is in no heartbeat"
                (fun clock cluster ->
                    task {
                        do! cluster.CreateTopicAsync("U", 1)
                        let seen = Seen()
                        let! consumer = startMember clock (memberOf cluster clock "one") (remember seen)
                        let! failed = waitFor clock (consumer.Subscribe("U", BySql92 "a = = ("))
                        do! ChaosRig.passFor clock (seconds 60)

                        use client =
                            RemotingClient.Create(
                                (endpointsOf cluster.Brokers[0].Address).Head,
                                RemotingOptions.Default
                            )
                            |> Buffers.ok

                        let! known = ChaosRig.ask client (Connections.ofConsumers.Request "C")
                        do! close clock consumer

                        (Result.isError failed, Map.containsKey "U" known.Subscriptions)
                        |> shouldEqual (true, false)
                    })
        ]

[<Tests>]
let tests = testList "Proven faults" [ unsubscribingTests; failedSubscriptions ]
