/// Consumers of an embedded cluster, and what came to them.
[<AutoOpen>]
module internal RocketMq.Protocol.Tests.GroupRig

open System
open System.Collections.Generic
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

/// One broker, unless the change says otherwise, and a clock that the test moves.
let withCluster (change: EmbeddedClusterOptions -> unit) (test: EmbeddedClock -> EmbeddedCluster -> Task) : Task =
    task {
        let clock = EmbeddedClock()

        use! cluster =
            startCluster (fun options ->
                options.Masters <- 1
                options.Clock <- clock
                change options)

        do! test clock cluster
    }

/// The same with a topic "T".
let withTopicOf queues change (test: EmbeddedClock -> EmbeddedCluster -> Task) : Task =
    withCluster change (fun clock cluster ->
        task {
            do! cluster.CreateTopicAsync("T", queues)
            do! test clock cluster
        })

/// One broker with a topic "T" of so many queues.
let withQueues queues test =
    withTopicOf queues ignore<EmbeddedClusterOptions> test

/// A consumer that nothing runs out of time for, by a clock that may be moved.
let consumerAt nameServers (clock: TimeProvider) group : PushConsumerOptions =
    let options = PushConsumerOptions.create group (endpointsOf nameServers)

    { options with
        Consumer.ConsumeFrom = FirstOffset
        Consumer.Client.Remoting = patiently clock options.Consumer.Client.Remoting
    }

let consumerOf (cluster: EmbeddedCluster) clock group =
    consumerAt cluster.NameServers clock group

/// A consumer that broadcasts, and keeps its offsets in this directory.
let broadcastingFrom directory options : PushConsumerOptions =
    { PushConsumerOptions.broadcasting options with
        OffsetDirectory = Some directory
    }

let startConsumer options handler =
    task {
        let! started = PushConsumer.Start(options, handler)
        return Buffers.ok started
    }

/// As `consumerAt`, of messages of the topic "T" that are popped.
let popConsumerAt nameServers (clock: TimeProvider) group : PopConsumerOptions =
    let options =
        PopConsumerOptions.create group (endpointsOf nameServers)
        |> PopConsumerOptions.subscribe "T" Filter.all
        |> PopConsumerOptions.enablingPopMode

    { options with
        Consumer.Client.Remoting = patiently clock options.Consumer.Client.Remoting
    }

let startPop (options: PopConsumerOptions) handler : Task<PopConsumer> =
    task {
        let! consumer = PopConsumer.Start(options, handler)
        return Buffers.ok (Result.mapError RemotingError.describe consumer)
    }

let textOf (received: ReceivedMessage) =
    Text.Encoding.UTF8.GetString((Buffers.ok received.Body).Span)

/// What handlers were given, by the text of the messages.
[<Sealed>]
type Seen() =
    let counts = ConcurrentDictionary<string, int>(StringComparer.Ordinal)

    member _.Add(text: string) =
        counts.AddOrUpdate(text, 1, (fun _ count -> count + 1)) |> ignore

    member _.Count = counts.Count
    member _.Total = counts.Values |> Seq.sum
    member _.Texts = set counts.Keys

    member _.Of(text: string) =
        match counts.TryGetValue text with
        | true, count -> count
        | _ -> 0

/// Consumes all that comes, and remembers it.
let remember (seen: Seen) =
    ConsumeHandler.EachMessage(fun received _ ->
        seen.Add(textOf received)
        ValueTask<ConsumeResult> ConsumeResult.Success)

let numbered first count =
    [ for number in first .. first + count - 1 -> $"m{number}" ]

/// Sends texts to a topic, many at a time, and fails if one is not stored.
let sendAll (cluster: EmbeddedCluster) topic (texts: string list) : Task =
    task {
        use producer = start (producerOf cluster TimeProvider.System)
        let texts = Array.ofList texts

        do!
            inCrowd 32 0 texts.Length (fun index ->
                task {
                    let! sent = send producer (Message.ofText topic texts[index])
                    sent |> Buffers.ok |> ignore
                })
    }

/// The same for messages that are received and acknowledged one by one.
let simpleConsumerAt nameServers (clock: TimeProvider) group : SimpleConsumerOptions =
    let options =
        SimpleConsumerOptions.create group (endpointsOf nameServers)
        |> SimpleConsumerOptions.subscribe "T" Filter.all

    { options with
        Consumer.ConsumeFrom = FirstOffset
        Consumer.Client.Remoting = patiently clock options.Consumer.Client.Remoting
    }

let startSimple options : Task<SimpleConsumer> =
    task {
        let! started = SimpleConsumer.Start options
        return started |> Result.mapError RemotingError.describe |> Buffers.ok
    }

/// Starts a simple consumer of the group "G" with these settings.
let trySimple consumer =
    SimpleConsumer.Start
        { SimpleConsumerOptions.create "G" [] with
            Consumer = consumer
        }

let lease (consumer: SimpleConsumer) count invisible : Task<LeasedMessage list> =
    task {
        let! received = consumer.Receive(count, invisible, CancellationToken.None)
        return received |> Result.mapError RemotingError.describe |> Buffers.ok
    }

let committedQuery group topic queueId =
    Offsets.queryCommitted.Request
        {
            Queue =
                {
                    ConsumerGroup = group
                    Topic = topic
                    QueueId = queueId
                }
            ZeroIfNone = None
        }

/// The committed position of each queue of a topic, and its end.
let positions (cluster: EmbeddedCluster) group topic queues : Task<Map<string * int, int64 * int64>> =
    task {
        let found = Dictionary<string * int, int64 * int64>()

        for broker in cluster.Brokers do
            let endpoint = (endpointsOf broker.Address).Head
            use client = RemotingClient.Create(endpoint, RemotingOptions.Default) |> Buffers.ok

            for queueId in 0 .. queues - 1 do
                let! committed =
                    client.Request(committedQuery group topic queueId, CancellationToken.None)

                let! last =
                    client.Request(
                        Offsets.max.Request
                            {
                                Queue = { Topic = topic; QueueId = queueId }
                                IsCommitted = None
                            },
                        CancellationToken.None
                    )

                found[(broker.Name, queueId)] <- (Buffers.ok committed |> Option.defaultValue -1L, Buffers.ok last)

        return Map.ofSeq (found |> Seq.map (fun entry -> entry.Key, entry.Value))
    }

/// All queues are committed up to their ends. Of a queue that never had a message nothing need be committed.
let isAllCommitted cluster group topic queues =
    task {
        let! positions = positions cluster group topic queues
        return positions |> Map.forall (fun _ (committed, last) -> max 0L committed = last)
    }

/// The records in a trace topic of one queue, in their order.
let tracesIn cluster topic : Task<TraceRecord list> =
    task {
        let! stored = readAll cluster topic 1

        return
            [
                for messages in stored.Values do
                    for message in messages do
                        let body =
                            MessageBody.decode MessageBody.defaultMaxDecompressedBodySize message
                            |> Buffers.ok

                        yield! TraceRecords.decode body |> List.map Buffers.ok
            ]
    }
