/// Push consumers of an embedded cluster.
module internal RocketMq.Protocol.Tests.PushRig

open System
open RocketMq
open RocketMq.Embedded

let queues = 4
let system = TimeProvider.System

let withTopic (test: EmbeddedCluster -> Task) : Task =
    task {
        use! cluster = startCluster (fun options -> options.Masters <- 2)
        do! cluster.CreateTopicAsync("T", queues)
        do! test cluster
    }

let subscribed cluster clock =
    consumerOf cluster clock "C" |> PushConsumerOptions.subscribe "T" Filter.all

/// Moves the clock to just before a message is due that has been sent back, and then past it.
let passDelay (clock: EmbeddedClock) (seconds: float) =
    clock.Advance(TimeSpan.FromSeconds(seconds - 1.0))
    clock.Advance(TimeSpan.FromSeconds 2L)

/// How many queues of a topic a consumer reads; those of its retry topic come later.
let queuesOf (consumer: PushConsumer) topic =
    consumer.Health.Queues
    |> List.filter (fun queue -> queue.Queue.Topic = topic)
    |> List.length
