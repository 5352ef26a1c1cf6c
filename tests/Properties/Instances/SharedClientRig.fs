/// Producers and consumers of all kinds that share one client of an embedded cluster, and what they connect to.
module internal RocketMq.Protocol.Tests.SharedClientRig

open System
open RocketMq
open RocketMq.Embedded

let none = CancellationToken.None

/// The error in words.
let take (result: Result<'T, RemotingError>) : 'T =
    result |> Result.mapError RemotingError.describe |> Buffers.ok

/// A client, and the addresses that it connected to, in order.
[<Sealed>]
type SharedClient(cluster: EmbeddedCluster, clock: TimeProvider, change: ClientOptions -> ClientOptions) =
    let dials = ConcurrentQueue<Endpoint>()

    let options =
        let options = ClientOptions.shared (endpointsOf cluster.NameServers)
        let remoting = patiently clock options.Remoting

        change
            { options with
                Remoting.Ports =
                    { remoting.Ports with
                        Connect =
                            fun endpoint cancellation ->
                                dials.Enqueue endpoint
                                Ports.system.Connect endpoint cancellation
                    }
                Remoting.RequestTimeout = remoting.RequestTimeout
                Remoting.ConnectTimeout = remoting.ConnectTimeout
                Remoting.KeepAlive = remoting.KeepAlive
            }

    let client = RocketMqClient.Create options |> take

    member _.Client = client

    /// How often each address was connected to.
    member _.Dials = dials |> Seq.countBy id |> List.ofSeq |> List.map snd

    member _.Producer(group: string) : Producer =
        Producer.Start(
            client,
            { ProducerOptions.create group [] with
                SendTimeout = TimeSpan.FromHours 2
            }
        )
        |> take

    member _.Transactions(group: string, checker: TransactionChecker) : Task<TransactionProducer> =
        task {
            let! started =
                TransactionProducer.Start(client, ProducerOptions.create group [], [], checker)

            return take started
        }

    member _.TryPush(group: string, topic: string, handler: ConsumeHandler) =
        let options =
            PushConsumerOptions.create group []
            |> PushConsumerOptions.subscribe topic Filter.all

        PushConsumer.Start(
            client,
            { options with
                Consumer.ConsumeFrom = FirstOffset
            },
            handler
        )

    member shared.Push(group: string, topic: string, handler: ConsumeHandler) : Task<PushConsumer> =
        task {
            let! started = shared.TryPush(group, topic, handler)
            return take started
        }

    member _.Pull(group: string, topic: string) : Task<PullConsumer> =
        task {
            let options =
                PullConsumerOptions.create group []
                |> PullConsumerOptions.subscribe topic Filter.all

            let! started =
                PullConsumer.Start(
                    client,
                    { options with
                        Consumer.ConsumeFrom = FirstOffset
                    }
                )

            return take started
        }

    member _.TryPop(group: string, topic: string, seen: Seen) =
        let options =
            PopConsumerOptions.create group []
            |> PopConsumerOptions.subscribe topic Filter.all
            |> PopConsumerOptions.enablingPopMode

        PopConsumer.Start(
            client,
            { options with
                Consumer.ConsumeFrom = FirstOffset
            },
            fun received _ ->
                seen.Add(textOf received)
                Task.FromResult ConsumeResult.Success
        )

    member _.Simple(group: string, topic: string) : Task<SimpleConsumer> =
        task {
            let options =
                SimpleConsumerOptions.create group []
                |> SimpleConsumerOptions.subscribe topic Filter.all

            let! started =
                SimpleConsumer.Start(
                    client,
                    { options with
                        Consumer.ConsumeFrom = FirstOffset
                    }
                )

            return take started
        }

    /// Consumers of all kinds, each of its own group, that read the topic "T".
    member shared.OneOfEach(pushed: Seen, popped: Seen) =
        task {
            let! push = shared.Push("push", "T", remember pushed)
            let! pull = shared.Pull("pull", "T")
            let! pop = shared.TryPop("pop", "T", popped)
            let! simple = shared.Simple("simple", "T")
            return struct (push, pull, take pop, simple)
        }

/// One broker with the topics "T" and "U", a clock that the test moves, and a client that is closed at the end.
let withShared (test: EmbeddedClock -> EmbeddedCluster -> SharedClient -> Task) : Task =
    withQueues 4 (fun clock cluster ->
        task {
            do! cluster.CreateTopicAsync("U", 1)
            let shared = SharedClient(cluster, clock, id)
            do! test clock cluster shared
            do! shared.Client.Close()
        })

/// The text of each message that a pull consumer gives.
let pullAll (consumer: PullConsumer) count =
    task {
        let! texts = PullRig.receiveMany consumer count
        return set texts
    }

/// Takes and acknowledges messages until there were so many.
let leaseAll (consumer: SimpleConsumer) count =
    task {
        let mutable texts = Set.empty

        while texts.Count < count do
            let! leased = consumer.Receive(32, TimeSpan.FromMinutes 1L, none)
            let leased = take leased
            let! failures = consumer.AckAll(leased, none)
            failures |> shouldBeEmpty

            for one in leased do
                texts <- texts.Add(textOf one.Received)

        return texts
    }

let sendText (producer: Producer) (topic: string) (text: string) : Task =
    task {
        let! sent = send producer (Message.ofText topic text)
        take sent |> ignore<SendReceipt>
    }
