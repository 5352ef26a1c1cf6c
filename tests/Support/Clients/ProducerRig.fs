/// Producers of an embedded cluster, and what lies in its brokers afterwards.
[<AutoOpen>]
module internal RocketMq.Protocol.Tests.ProducerRig

open System
open System.Collections.Generic
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let endpointsOf (text: string) = Endpoint.parseList text |> Buffers.ok

let startCluster (change: EmbeddedClusterOptions -> unit) =
    let options = EmbeddedClusterOptions()
    change options
    EmbeddedCluster.StartAsync(options, CancellationToken.None)

let private long = TimeSpan.FromHours 2

/// Nothing runs out of time, whatever the machine has to do meanwhile, and a clock may be moved without harm to connections.
let patiently (clock: TimeProvider) (remoting: RemotingOptions) =
    { remoting with
        RequestTimeout = long
        ConnectTimeout = long
        KeepAlive =
            {
                ProbeAfter = long
                DeadAfter = long
                IdleAfter = long
            }
        Ports = { remoting.Ports with Clock = clock }
    }

let patient (clock: TimeProvider) (options: ProducerOptions) =
    { options with
        SendTimeout = long
        Client.Remoting = patiently clock options.Client.Remoting
    }

let producerOf (cluster: EmbeddedCluster) clock =
    ProducerOptions.create "G" (endpointsOf cluster.NameServers) |> patient clock

let start options = Producer.Start options |> Buffers.ok

let send (producer: Producer) (message: Message) =
    producer.Send(message, CancellationToken.None)

let uniqueIdOf (message: StoredMessage) =
    Properties.tryFind PropertyName.uniqueKey message.Properties
    |> ValueOption.defaultValue ""

/// All messages of one queue of a broker, by pulls.
let readQueue (client: RemotingClient) topic queueId : Task<StoredMessage list> =
    let rec from offset found =
        task {
            let pull =
                { Examples.pull with
                    ConsumerGroup = "readers"
                    Topic = topic
                    QueueId = queueId
                    QueueOffset = offset
                    Filter = Some Filter.all
                }

            match! client.Call(Pull.messages, pull, TimeSpan.FromSeconds 30L, CancellationToken.None) with
            | Ok answer when answer.Status = PullStatus.Found ->
                let messages = MessageCodec.decodeAll "x" answer.Records |> Buffers.ok
                return! from answer.NextOffset (List.rev (List.ofArray messages) @ found)
            | Ok _ -> return List.rev found
            | Error error -> return failtest (RemotingError.describe error)
        }

    from 0L []

/// All messages of a topic, by broker name, whether routes show the broker or not.
let readAll (cluster: EmbeddedCluster) topic queues : Task<Map<string, StoredMessage list>> =
    task {
        let found = Dictionary<string, StoredMessage list>()

        for broker in cluster.Brokers do
            let endpoint = (endpointsOf broker.Address).Head

            use client = RemotingClient.Create(endpoint, RemotingOptions.Default) |> Buffers.ok

            for queueId in 0 .. queues - 1 do
                let! messages = readQueue client topic queueId

                match found.TryGetValue broker.Name with
                | true, others -> found[broker.Name] <- others @ messages
                | _ -> found[broker.Name] <- messages

        return Map.ofSeq (found |> Seq.map (fun entry -> entry.Key, entry.Value))
    }

/// Has `callers` loops do something until it has been done `count` times; `each` gets the numbers from `first` on.
let inCrowd callers first count (each: int -> Task) : Task =
    let mutable next = first - 1

    let one () : Task =
        backgroundTask {
            let mutable number = Interlocked.Increment &next

            while number < first + count do
                do! each number
                number <- Interlocked.Increment &next
        }

    Task.WhenAll [| for _ in 1..callers -> one () |]

/// A test that hangs is a failure, not a stopped run.
let live (name: string) (body: unit -> Task) =
    testCaseTask name (fun () ->
        task { do! (body ()).WaitAsync(TimeSpan.FromMinutes(if LongForm.isWanted then 15.0 else 2.0)) })

/// The same for a test that something is set up for first, as by `withQueues 1`.
let liveWith (setUp: 'Body -> Task) (name: string) (body: 'Body) = live name (fun () -> setUp body)

/// A cluster of so many brokers.
let withMasters count (test: EmbeddedCluster -> Task) : Task =
    task {
        use! cluster = startCluster (fun options -> options.Masters <- count)
        do! test cluster
    }

let until = OnNetwork.until
