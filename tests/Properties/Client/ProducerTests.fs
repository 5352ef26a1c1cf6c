/// What a producer says when it is closed, and what its traces say.
module RocketMq.Protocol.Tests.ProducerTests

open System
open System.Threading
open System.Threading.Tasks
open Expecto
open RocketMq.Protocol
open RocketMq.Protocol.Tests.ProducerRig

let private message = Message.ofText "T" "body"

let private shouldBeClosed (result: Result<'T, RemotingError>) =
    match result with
    | Error(AlreadyClosed what as error) ->
        what |> shouldMention "G"
        RemotingError.outcome error |> shouldEqual NotExecuted
        RemotingError.isFatal error |> shouldBeTrue
    | Error error -> failtest (RemotingError.describe error)
    | Ok _ -> failtest "done by a closed producer"

let private commit (_: Message) = Task.FromResult Commit
let private check (_: StoredMessage) = Task.FromResult Rollback

[<Tests>]
let tests =
    testList
        "Producer"
        [
            live "a closed producer says that it is closed, whatever it is asked for" (fun () ->
                task {
                    use! cluster = startCluster ignore
                    let clock = TimeProvider.System
                    let! started = TransactionProducer.Start(producerOf cluster clock, [], check)
                    let transactions = Buffers.ok started
                    let producer = transactions.Producer
                    let none = CancellationToken.None
                    do! producer.Close()
                    let! sent = producer.Send(message, none)
                    shouldBeClosed sent
                    let! batch = producer.SendBatch([ message ], AnyQueue, none)
                    shouldBeClosed batch
                    let! oneWay = producer.SendOneWay(message, AnyQueue, none)
                    shouldBeClosed oneWay
                    let! recalled = producer.Recall("T", "handle", none)
                    shouldBeClosed recalled
                    let! reply = producer.Request(message, TimeSpan.FromSeconds 1L, AnyQueue, none)
                    shouldBeClosed reply
                    let! transaction = transactions.Send(message, commit, none)
                    shouldBeClosed transaction
                })

            live "traces name topic and group as the application does, without the namespace" (fun () ->
                task {
                    use! cluster = startCluster ignore

                    let options =
                        { producerOf cluster TimeProvider.System with
                            Namespace = "NS"
                        }
                        |> ProducerOptions.withTrace TraceRecords.defaultTopic

                    let! started = TransactionProducer.Start(options, [], check)
                    let transactions = Buffers.ok started
                    let none = CancellationToken.None
                    let! transaction = transactions.Send(message, commit, none)
                    transaction |> Buffers.ok |> ignore

                    let! timed =
                        transactions.Producer.Send(Message.withDelay (TimeSpan.FromHours 1) message, none)

                    let handle = (Buffers.ok timed).RecallHandle |> Option.get
                    let! recalled = transactions.Producer.Recall("T", handle, none)
                    recalled |> Buffers.ok |> ignore
                    do! transactions.Close()
                    let! stored = readAll cluster TraceRecords.defaultTopic 1

                    let traces =
                        [
                            for messages in stored.Values do
                                for message in messages do
                                    let body =
                                        MessageBody.decode MessageBody.defaultInflatedLimit message |> Buffers.ok

                                    yield! TraceRecords.decode body |> List.map Buffers.ok
                        ]

                    let named =
                        traces
                        |> List.map (fun trace ->
                            match trace with
                            | SendTraced trace -> "send", trace.Group, trace.Topic
                            | TransactionTraced trace -> "end", trace.Group, trace.Topic
                            | RecallTraced trace -> "recall", trace.Group, trace.Topic
                            | other -> failtest $"%A{other}")

                    List.sort named
                    |> shouldEqual [ "end", "G", "T"; "recall", "G", "T"; "send", "G", "T"; "send", "G", "T" ]
                })
        ]
