/// Push consumers against an embedded cluster.
module RocketMq.Protocol.Tests.PushConsumerTests

open System
open System.Threading
open System.Threading.Tasks
open Expecto
open RocketMq.Protocol
open RocketMq.Embedded
open ProducerRig
open ConsumerRig

let private queues = 4

let private withTopic (test: EmbeddedCluster -> Task) : Task =
    task {
        use! cluster = startCluster (fun options -> options.Masters <- 2)
        do! cluster.CreateTopicAsync("T", queues)
        do! test cluster
    }

let private system = TimeProvider.System

[<Tests>]
let tests =
    testList
        "Push consumer"
        [
            live "gives each message once, and commits all of them when it stops" (fun () ->
                withTopic (fun cluster ->
                    task {
                        let texts = numbered 0 1000
                        do! sendAll cluster "T" texts
                        let seen = Seen()
                        let options = consumerOf cluster system "C" |> PushConsumerOptions.subscribe "T" Filter.all
                        let! consumer = startConsumer options (remember seen)
                        do! until (fun () -> seen.Count = texts.Length)
                        do! consumer.Close()
                        seen.Texts |> shouldEqual (set texts)
                        seen.Total |> shouldEqual texts.Length
                        let! isCommitted = isAllCommitted cluster "C" "T" queues
                        isCommitted |> shouldBeTrue
                    }))
        ]
