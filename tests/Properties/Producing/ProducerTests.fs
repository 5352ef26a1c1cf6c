/// What a producer says when it is closed, and what its traces say.
module RocketMq.Protocol.Tests.ProducerTests

open System
open RocketMq.Protocol
open RocketMq

let private message = Message.ofText "T" "body"

let private shouldBeClosed (result: Result<'T, RemotingError>) =
    match result with
    | Error(RemotingError.AlreadyClosed what as error) ->
        what |> shouldMention "G"
        RemotingError.outcome error |> shouldEqual NotExecuted
        RemotingError.isPermanent error |> shouldBeTrue
    | Error error -> failtest (RemotingError.describe error)
    | Ok _ -> failtest "done by a closed producer"

let private commit (_: Message) =
    Task.FromResult TransactionDecision.Commit

let private check (_: StoredMessage) =
    Task.FromResult TransactionDecision.Rollback

let private closing =
    testList
        "closing"
        [
            live "every call of a closed producer reports that it is closed" (fun () ->
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
        ]

let private namespacesOfTraces =
    testList
        "namespaces of traces"
        [
            live "traces name topic and group without the namespace" (fun () ->
                task {
                    use! cluster = startCluster ignore

                    let options =
                        { producerOf cluster TimeProvider.System with
                            Client.Namespace = "NS"
                        }
                        |> (fun options ->
                            { options with
                                TraceTopic = Some TraceRecords.defaultTopic
                            })

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
                    let! traces = tracesIn cluster TraceRecords.defaultTopic

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

let private replyTopics =
    testList
        "reply topics"
        [
            test "a reply travels to the brokers' own topic, whatever the namespace, and all else within it" {
                let request =
                    { Parts.emptyFields with
                        Properties =
                            Properties.ofList [ PropertyName.cluster, "C1"; PropertyName.replyToClient, "client" ]
                    }
                    |> StoredMessage.create

                let reply = Reply.create request (ReadOnlyMemory "x"B)

                for ns in [ ""; "NS"; "C1_REPLY_TOPIC" ] do
                    let options =
                        { ProducerOptions.create "G" [] with
                            Client.Namespace = ns
                        }

                    let topicOf message =
                        (OutgoingMessage.ofMessage options (PackedId.OfText "id") message |> Buffers.ok).Topic

                    topicOf reply |> shouldEqual "C1_REPLY_TOPIC"
                    topicOf message |> shouldEqual (Namespaced.wrap ns "T")
            }
        ]

let private shownReplies =
    testList
        "shown replies"
        [
            testCaseTask
                "a reply to a request shows its topic without the namespace that Java puts before it"
                (fun () ->
                    task {
                        let replies = PendingReplies()

                        for travelling, shown in
                            [
                                "NS%C1_REPLY_TOPIC", "C1_REPLY_TOPIC"
                                "C1_REPLY_TOPIC", "C1_REPLY_TOPIC"
                                "OTHER%C1_REPLY_TOPIC", "OTHER%C1_REPLY_TOPIC"
                            ] do
                            let waiting = replies.Expect("7", "NS")

                            let pushed: PushedReply =
                                {
                                    ProducerGroup = "G"
                                    Topic = travelling
                                    DefaultTopic = ""
                                    DefaultTopicQueues = 0
                                    QueueId = 0
                                    SysFlag = 0
                                    BornTimestamp = 0L
                                    Flag = 0
                                    Properties =
                                        Some(
                                            Text.Encoding.UTF8.GetString
                                                (Properties.ofList [ PropertyName.correlationId, "7" ]).Text.Span
                                        )
                                    ReconsumeTimes = None
                                    IsUnit = None
                                    BornHost = "10.0.0.1:1"
                                    StoreHost = "10.0.0.1:2"
                                    StoreTimestamp = 0L
                                    Body = ReadOnlyMemory.Empty
                                }

                            let! answer = replies.Receive (Replies.push.Request pushed).Command
                            answer.Value.ResponseCode |> shouldEqual ResponseCode.Success
                            let! reply = waiting
                            reply.Topic |> shouldEqual shown
                    })
        ]

[<Tests>]
let tests =
    testList "Producer" [ closing; namespacesOfTraces; replyTopics; shownReplies ]
