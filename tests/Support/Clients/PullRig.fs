/// Pull consumers of an embedded cluster, and what came to them.
module internal RocketMq.Protocol.Tests.PullRig

open System
open RocketMq
open RocketMq.Embedded

let none = CancellationToken.None
let system = TimeProvider.System

let pullerOf (cluster: EmbeddedCluster) clock : PullConsumerOptions =
    let push = consumerOf cluster clock "C"

    { PullConsumerOptions.create "C" push.Consumer.Client.NameServers with
        Consumer.ConsumeFrom = FirstOffset
        Consumer.Client.Remoting = push.Consumer.Client.Remoting
    }

let pullClientOf (cluster: EmbeddedCluster) clock : PullClientOptions =
    let push = consumerOf cluster clock "C"

    { PullClientOptions.create "C" push.Consumer.Client.NameServers with
        Client.Remoting = push.Consumer.Client.Remoting
    }

let subscribed cluster clock =
    pullerOf cluster clock |> PullConsumerOptions.subscribe "T" Filter.all

let queueOf (cluster: EmbeddedCluster) queueId : MessageQueue =
    {
        Topic = "T"
        BrokerName = cluster.Brokers[0].Name
        QueueId = queueId
    }

let startPull options =
    task {
        let! started = PullConsumer.Start options
        return started |> Result.mapError RemotingError.describe |> Buffers.ok
    }

let receive (consumer: PullConsumer) =
    task {
        let! received = consumer.Receive none
        return received |> Result.mapError RemotingError.describe |> Buffers.ok |> textOf
    }

let receiveMany (consumer: PullConsumer) count =
    task {
        let texts = ResizeArray<string>()

        for _ in 1..count do
            let! text = receive consumer
            texts.Add text

        return List.ofSeq texts
    }

/// Sends to one queue, in order.
let sendTo (cluster: EmbeddedCluster) queueId (texts: string list) : Task =
    task {
        use producer = start (producerOf cluster system)

        for text in texts do
            let! sent =
                producer.SendTo(OneQueue(queueOf cluster queueId), Message.ofText "T" text, none)

            sent |> Buffers.ok |> ignore
    }

let committedOf (cluster: EmbeddedCluster) queueId =
    task {
        let! found = positions cluster "C" "T" (queueId + 1)
        return fst found[(cluster.Brokers[0].Name, queueId)]
    }

/// The next messages are these.
let receives consumer (texts: string list) : Task =
    task {
        let! received = receiveMany consumer texts.Length
        received |> shouldEqual texts
    }

/// The group has committed this offset of a queue.
let hasCommitted cluster queueId (offset: int64) : Task =
    task {
        let! committed = committedOf cluster queueId
        committed |> shouldEqual offset
    }

/// Moves the clock until the group has committed a position.
let passUntilCommitted (clock: EmbeddedClock) cluster expected : Task =
    task {
        let mutable committed = -1L

        while committed <> expected do
            clock.Advance(TimeSpan.FromSeconds 1L)
            let! found = committedOf cluster 0
            committed <- found
    }

let commit (consumer: PullConsumer) : Task =
    task {
        let! outcome = consumer.Commit none
        outcome |> Result.mapError RemotingError.describe |> Buffers.ok
    }
