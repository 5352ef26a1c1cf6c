/// Consumers of messages that hold others, as brokers keep batches of topics with batch queues.
module RocketMq.Protocol.Tests.InnerBatchConsumerTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private none = CancellationToken.None
let private wanted = ByTag "A"

let private tagged tag text =
    Message.ofText "T" text |> Message.withTag tag

/// Sends a message whose body is said to hold others.
let private sendOuter (cluster: EmbeddedCluster) (tag: string) (body: byte[]) : Task =
    task {
        let endpoint = (endpointsOf cluster.Brokers[0].Address).Head
        use client = RemotingClient.Create(endpoint, RemotingOptions.Default) |> Buffers.ok

        let request =
            { Examples.send with
                QueueId = 0
                SysFlag = 0xC0
                Properties = Properties.empty |> Properties.add PropertyName.tags tag
                BrokerName = cluster.Brokers[0].Name
                Body = ReadOnlyMemory body
            }

        let! sent = client.Request(Send.message.Request request, none)
        sent |> Buffers.ok |> ignore
    }

/// Positions 0 to 2: three messages in one, of which the second has another tag; the embedded broker counts it as one, so
/// two that nobody wants make up for the others. Position 3: a message like any other.
let private sendBatch cluster : Task =
    task {
        do!
            [ tagged "A" "first"; tagged "B" "second"; tagged "A" "third" ]
            |> BatchCodec.encode
            |> Buffers.ok
            |> sendOuter cluster "A"

        use producer = start (producerOf cluster TimeProvider.System)

        for tag, text in [ "B", "filler"; "B", "filler"; "A", "last" ] do
            let! sent = send producer (tagged tag text)
            sent |> Buffers.ok |> ignore
    }

let private positionOf (consumer: PushConsumer) =
    consumer.Health.Queues
    |> List.filter (fun queue -> queue.Queue.Topic = "T")
    |> List.map _.Committable

let private push cluster =
    consumerOf cluster TimeProvider.System "C"
    |> PushConsumerOptions.subscribe "T" wanted

let private pushing =
    [
        liveWith
            (withQueues 1)
            "a push consumer receives the inner messages one by one and commits past the batch after the last of them"
            (fun _ cluster ->
                task {
                    do! sendBatch cluster
                    let release = TaskCompletionSource()
                    let seen = ConcurrentQueue<string * int64>()

                    let handler =
                        ConsumeHandler.EachMessage(fun received _ ->
                            seen.Enqueue(textOf received, received.Message.QueueOffset)

                            ValueTask<ConsumeResult>(
                                task {
                                    if textOf received = "first" then
                                        do! release.Task

                                    return ConsumeResult.Success
                                }
                            ))

                    let! consumer = startConsumer (push cluster) handler
                    do! until (fun () -> consumer.Health.Consumed = 2L)
                    positionOf consumer |> shouldEqual [ 0L ]
                    release.SetResult()
                    do! until (fun () -> positionOf consumer = [ 4L ])
                    do! consumer.Close()

                    Seq.sort seen
                    |> List.ofSeq
                    |> shouldEqual [ "first", 0L; "last", 3L; "third", 2L ]

                    let! isCommitted = isAllCommitted cluster "C" "T" 1
                    isCommitted |> shouldBeTrue
                })
    ]

let private redeliveryAndDamage =
    [
        liveWith
            (withQueues 1)
            "a failed inner message is redelivered alone, under the topic that it was sent to"
            (fun clock cluster ->
                task {
                    do! sendBatch cluster
                    let seen = ConcurrentQueue<string * int * string>()

                    let handler =
                        ConsumeHandler.EachMessage(fun received _ ->
                            let message = received.Message
                            seen.Enqueue(textOf received, message.ReconsumeTimes, message.Topic)
                            let fails = textOf received = "third" && message.ReconsumeTimes = 0
                            ValueTask<ConsumeResult>(if fails then ConsumeResult.Retry else ConsumeResult.Success))

                    let! consumer = startConsumer (push cluster) handler

                    do!
                        until (fun () ->
                            consumer.Health.SentBack = 1L
                            && consumer.Health.Queues
                               |> List.exists (fun queue -> queue.Queue.Topic = "%RETRY%C"))

                    clock.Advance(TimeSpan.FromSeconds 9L)
                    clock.Advance(TimeSpan.FromSeconds 2L)
                    do! until (fun () -> consumer.Health.Consumed = 3L)
                    do! consumer.Close()

                    Seq.sort seen
                    |> List.ofSeq
                    |> shouldEqual [ "first", 0, "T"; "last", 0, "T"; "third", 0, "T"; "third", 1, "T" ]
                })

        liveWith (withQueues 1) "a batch that cannot be unpacked is delivered as it is and reported" (fun _ cluster ->
            task {
                // Of another tag that brokers cannot tell from the one that is wanted.
                do! sendOuter cluster "BB" [| 1uy; 2uy; 3uy |]
                let seen = ConcurrentQueue<Result<int, string>>()

                let handler =
                    ConsumeHandler.EachMessage(fun received _ ->
                        seen.Enqueue(received.Body |> Result.map _.Length |> Result.mapError _.Message)
                        ValueTask<ConsumeResult> ConsumeResult.Success)

                let! consumer =
                    startConsumer (push cluster |> PushConsumerOptions.subscribe "T" (ByTag "Aa")) handler

                do! until (fun () -> seen.Count = 1)
                do! consumer.Close()

                match List.ofSeq seen with
                | [ Error reason ] -> reason |> shouldMention "messages in the body"
                | other -> failtest $"%A{other}"
            })
    ]

let private fetching =
    [
        liveWith (withQueues 1) "a pull consumer receives the inner messages in order" (fun _ cluster ->
            task {
                do! sendBatch cluster

                let! started =
                    PullConsumerOptions.create "P" (endpointsOf cluster.NameServers)
                    |> PullConsumerOptions.subscribe "T" wanted
                    |> (fun options ->
                        { options with
                            Consumer.ConsumeFrom = FirstOffset
                        })
                    |> PullConsumer.Start

                let consumer = Buffers.ok started
                let seen = ResizeArray()

                for _ in 1..3 do
                    let! received = consumer.Receive none
                    let received = Buffers.ok received
                    seen.Add(textOf received, received.Message.QueueOffset)

                do! consumer.Close()
                List.ofSeq seen |> shouldEqual [ "first", 0L; "third", 2L; "last", 3L ]
            })
    ]

let private pulling = pushing @ redeliveryAndDamage @ fetching

/// Nothing runs out of time but messages.
let private membership (clock: TimeProvider) (cluster: EmbeddedCluster) =
    let options = consumerOf cluster clock "G"

    ConsumerOptions.create "G" options.Consumer.Client.NameServers
    |> ConsumerOptions.subscribe "T" wanted
    |> (fun consumer ->
        { consumer with
            ConsumeFrom = FirstOffset
            Client.Remoting = options.Consumer.Client.Remoting
        })

let private poppingWithAHandler =
    [
        liveWith
            (withQueues 1)
            "a pop consumer handles all inner messages before it acknowledges their receipt"
            (fun clock cluster ->
                task {
                    do! sendBatch cluster
                    let release = TaskCompletionSource()
                    let seen = ConcurrentQueue<string>()

                    let handle (received: ReceivedMessage) (_: CancellationToken) =
                        task {
                            seen.Enqueue(textOf received)

                            if textOf received = "third" then
                                do! release.Task

                            return ConsumeResult.Success
                        }

                    let! started =
                        PopConsumer.Start(
                            PopConsumerOptions.create "G" []
                            |> (fun options ->
                                { options with
                                    Consumer = membership clock cluster
                                })
                            |> PopConsumerOptions.enablingPopMode,
                            handle
                        )

                    let consumer = Buffers.ok started
                    do! until (fun () -> seen.Count = 3 && consumer.Acknowledged >= 1L && consumer.InFlight <= 1)
                    consumer.Acknowledged |> shouldEqual 1L
                    consumer.InFlight |> shouldEqual 1
                    release.SetResult()
                    do! until (fun () -> consumer.Acknowledged = 2L)
                    do! consumer.Close()
                    Seq.sort seen |> List.ofSeq |> shouldEqual [ "first"; "last"; "third" ]
                })
    ]

let private poppingWithLeases =
    [
        liveWith
            (withQueues 1)
            "a simple consumer acknowledges a batch when all its inner messages are acknowledged"
            (fun clock cluster ->
                task {
                    do! sendBatch cluster

                    let! started =
                        SimpleConsumerOptions.create "G" []
                        |> (fun options ->
                            { options with
                                Consumer = membership clock cluster
                            })
                        |> SimpleConsumer.Start

                    let consumer = Buffers.ok started
                    let time = TimeSpan.FromSeconds 10L

                    let receive () =
                        task {
                            let! received = consumer.Receive(32, time, none)
                            return Buffers.ok received
                        }

                    let texts messages =
                        messages |> List.map (fun (message: LeasedMessage) -> textOf message.Received)

                    let! first = receive ()
                    texts first |> shouldEqual [ "first"; "third"; "last" ]

                    for message in [ first[0]; first[2] ] do
                        let! acked = consumer.Ack(message, none)
                        acked |> shouldEqual (Ok())

                    clock.Advance time
                    let! again = receive ()
                    texts again |> shouldEqual [ "first"; "third" ]
                    // A longer time, and a new receipt, for one is for both.
                    let! changed = consumer.ChangeInvisible(again[1], TimeSpan.FromSeconds 60L, none)
                    let! acked = consumer.Ack(again[0], none)
                    acked |> shouldEqual (Ok())
                    let! acked = consumer.Ack(Buffers.ok changed, none)
                    acked |> shouldEqual (Ok())
                    do! sendBatch cluster
                    clock.Advance(TimeSpan.FromSeconds 120L)
                    let! others = receive ()
                    texts others |> shouldEqual [ "first"; "third"; "last" ]
                    do! consumer.Close()
                })
    ]

let private popping = poppingWithAHandler @ poppingWithLeases

let private sendPrices (cluster: EmbeddedCluster) : Task =
    task {
        use producer = start (producerOf cluster TimeProvider.System)

        for name, price in [ "cheap", 3; "dear", 30; "dearer", 40 ] do
            let! sent =
                Message.ofText "T" name
                |> Message.withProperty "price" (string price)
                |> send producer

            sent |> Buffers.ok |> ignore
    }

let private bySql expression clock cluster =
    membership clock cluster |> ConsumerOptions.subscribe "T" (BySql92 expression)

let private filters =
    [
        liveWith (withQueues 1) "an SQL92 expression chooses what is popped" (fun clock cluster ->
            task {
                do! sendPrices cluster
                let seen = Seen()

                let! started =
                    PopConsumer.Start(
                        PopConsumerOptions.create "G" []
                        |> (fun options ->
                            { options with
                                Consumer = bySql "price > 10" clock cluster
                            })
                        |> PopConsumerOptions.enablingPopMode,
                        fun received _ ->
                            seen.Add(textOf received)
                            Task.FromResult ConsumeResult.Success
                    )

                let consumer = Buffers.ok started
                do! until (fun () -> consumer.Acknowledged = 2L)
                do! consumer.Close()
                seen.Texts |> shouldEqual (set [ "dear"; "dearer" ])
            })

        liveWith
            (withQueues 1)
            "an expression that the broker does not understand is refused at the start"
            (fun clock cluster ->
                task {
                    let wrong = bySql "price >" clock cluster

                    let! simple =
                        SimpleConsumerOptions.create "G" []
                        |> (fun options -> { options with Consumer = wrong })
                        |> SimpleConsumer.Start

                    let! pop =
                        PopConsumer.Start(
                            { PopConsumerOptions.create "G" [] with
                                Consumer = wrong
                            },
                            fun _ _ -> Task.FromResult ConsumeResult.Success
                        )

                    for error in [ Result.map ignore simple; Result.map ignore pop ] do
                        match error with
                        | Error(RemotingError.Refused(_, RequestCode.CheckClientConfig, _, code, _)) ->
                            code |> shouldEqual ResponseCode.SubscriptionParseFailed
                        | other -> failtest $"%A{other}"
                })
    ]

[<Tests>]
let tests =
    testList "Inner batch consumers" [ yield! pulling; yield! popping; testList "SQL92 by pop" filters ]
