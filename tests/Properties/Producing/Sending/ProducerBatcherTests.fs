/// Messages that are gathered: each caller has a receipt of its own, and nobody is left waiting.
module RocketMq.Protocol.Tests.ProducerBatcherTests

open System
open Microsoft.Extensions.Logging.Abstractions
open RocketMq.Protocol
open RocketMq

let private gather message id =
    Gathered(message, PackedId.OfText id, ignore)

let private idOf (gathered: Gathered) = gathered.UniqueId.ToString()

let private limits =
    {
        MaxMessages = 5
        MaxBytes = 400
        MaxWaitMillis = 10L
        SendsWhenIdle = false
    }

let private receiptFor number (tickets: Gathered[]) : SendReceipt =
    SendReceipt(
        SendOk,
        {
            Topic = tickets[0].Message.Topic
            BrokerName = "a"
            QueueId = number
        },
        100L * int64 number,
        tickets |> Array.map idOf |> String.concat ",",
        String.Join(',', [ for index in 0 .. tickets.Length - 1 -> $"{number}-{index}" ]),
        None,
        1
    )

/// What is done to a batcher.
type BatcherStep =
    | AddTo of topic: byte * queue: byte * bytes: byte * waits: bool
    | LetPass of millis: byte

let private everyCallerHasItsReceipt (steps: BatcherStep list) =
    let clock = ManualClock()
    let batches = ConcurrentQueue<Gathered[]>()
    let targets = ConcurrentDictionary<string, BatchTarget>()
    let wrong = ConcurrentQueue<string>()

    let send target (tickets: Gathered[]) =
        batches.Enqueue tickets

        for ticket in tickets do
            if targets[idOf ticket] <> target then
                wrong.Enqueue(idOf ticket)

        let number = batches.Count

        Task.FromResult(
            if number % 4 = 0 then
                Error(RemotingError.NoRoute("T", []))
            else
                Ok(receiptFor number tickets)
        )

    use batcher = new ProducerBatcher(limits, clock, NullLogger.Instance, send)
    let added = ResizeArray<Gathered>()

    for step in steps do
        match step with
        | AddTo(topic, queue, bytes, waits) ->
            let message =
                Message.ofBytes $"T{topic % 3uy}" (Array.zeroCreate (1 + int bytes))
                |> Message.withWaitStoreOk waits

            let queue =
                match int queue % 3 with
                | 0 -> ValueNone
                | id ->
                    ValueSome
                        {
                            Topic = message.Topic
                            BrokerName = "a"
                            QueueId = id
                        }

            let gathered = gather message $"id{added.Count}"
            added.Add gathered
            targets[idOf gathered] <- { Topic = message.Topic; Queue = queue }
            batcher.Add(gathered, queue, false)
        | LetPass millis -> clock.Advance(TimeSpan.FromMilliseconds(float millis))

    batcher.End()
    // Receipts are delivered elsewhere.
    let receipts = Task.WhenAll([| for gathered in added -> gathered.Task |])
    receipts.Wait(TimeSpan.FromSeconds 30L) |> shouldBeTrue
    let sent = batches.ToArray()

    let expected =
        dict
            [
                for number, tickets in Array.indexed sent do
                    for index, ticket in Array.indexed tickets do
                        (idOf ticket), (number + 1, index)
            ]

    // Each went once, and its receipt is that of its place.
    expected.Count = added.Count
    && (sent |> Array.sumBy _.Length) = added.Count
    && sent |> Array.forall (fun tickets -> tickets.Length <= limits.MaxMessages)
    && wrong.IsEmpty
    && sent
       |> Array.forall (fun tickets -> tickets |> Array.distinctBy _.Message.Topic |> Array.length = 1)
    && added
       |> Seq.forall (fun gathered ->
           let number, index = expected[idOf gathered]

           match gathered.Task.Result with
           | Error error -> number % 4 = 0 && error = RemotingError.NoRoute("T", [])
           | Ok receipt ->
               number % 4 <> 0
               && receipt.UniqueId = idOf gathered
               && receipt.OffsetId = $"{number}-{index}"
               && receipt.QueueOffset = 100L * int64 number + int64 index)

let private receiptsTests =
    testList
        "receipts"
        [
            propertyOf 100 "each caller has its own receipt, and no caller waits after a flush" everyCallerHasItsReceipt
        ]

let private refusedMessagesFailAlone (isBad: bool list) (isEncodingFault: bool) =
    let clock = ManualClock()
    let stored = ConcurrentQueue<string>()

    let error =
        if isEncodingFault then
            RemotingError.NotEncoded(RequestCode.SendBatchMessage, NotEncodable("a message", "it is bad"))
        else
            RemotingError.Refused(
                OnNetwork.endpoint,
                RequestCode.SendBatchMessage,
                TimeSpan.Zero,
                ResponseCode.MessageIllegal,
                ""
            )

    let send _ (tickets: Gathered[]) =
        if tickets |> Array.exists (fun ticket -> ticket.Message.Flag = 1) then
            Task.FromResult(Error error)
        else
            for ticket in tickets do
                stored.Enqueue(idOf ticket)

            Task.FromResult(Ok(receiptFor 1 tickets))

    use batcher =
        new ProducerBatcher(
            { limits with
                MaxBytes = 4_000
                MaxMessages = 40
            },
            clock,
            NullLogger.Instance,
            send
        )

    let added =
        [
            for index, isBad in List.indexed isBad do
                let message = Message.ofText "T" "x" |> Message.withFlag (if isBad then 1 else 0)
                let gathered = gather message $"id{index}"
                batcher.Add(gathered, ValueNone, false)
                gathered
        ]

    batcher.End()
    let outcomes = Task.WhenAll([| for gathered in added -> gathered.Task |])
    outcomes.Wait(TimeSpan.FromSeconds 30L) |> shouldBeTrue

    let good =
        added
        |> List.filter (fun gathered -> gathered.Message.Flag = 0)
        |> List.map idOf

    List.sort (List.ofSeq stored) = List.sort good
    && added
       |> List.forall (fun gathered ->
           match gathered.Task.Result with
           | Ok receipt -> gathered.Message.Flag = 0 && receipt.UniqueId = idOf gathered
           | Error found -> gathered.Message.Flag = 1 && found = error)

let private refusals =
    testList
        "refusals"
        [
            propertyOf
                100
                "of a batch that is refused for some of its messages, those fail and the others are sent once"
                refusedMessagesFailAlone
        ]

let private oneAttempt =
    testList
        "one attempt"
        [
            live "a batch that may be stored, or that all of its messages would fail with, is sent once" (fun () ->
                task {
                    let endpoint = OnNetwork.endpoint
                    let request = RequestCode.SendBatchMessage

                    for error in
                        [
                            RemotingError.NotDecoded(endpoint, request, DecodeError.WrongValue("answer", "it is odd"))
                            RemotingError.ConnectionLost(endpoint, request, TimeSpan.Zero, FailureReason.ofText "gone")
                            RemotingError.TimedOut(endpoint, request, TimeSpan.Zero, OnNetwork.unheard)
                            RemotingError.NotConnected(endpoint, FailureReason.ofText "gone")
                            RemotingError.Refused(endpoint, request, TimeSpan.Zero, ResponseCode.SystemError, "")
                            RemotingError.Refused(endpoint, request, TimeSpan.Zero, ResponseCode.NoPermission, "")
                            RemotingError.NoRoute("T", [])
                        ] do
                        let mutable sends = 0

                        let send _ (_: Gathered[]) =
                            sends <- sends + 1
                            Task.FromResult(Error error)

                        use batcher = new ProducerBatcher(limits, ManualClock(), NullLogger.Instance, send)
                        let added = [ for index in 1..3 -> gather (Message.ofText "T" "x") $"id{index}" ]

                        for gathered in added do
                            batcher.Add(gathered, ValueNone, false)

                        batcher.End()

                        for gathered in added do
                            let! outcome = gathered.Task
                            outcome |> shouldEqual (Error error)

                        sends |> shouldEqual 1
                })
        ]

let private failures =
    testList
        "failures"
        [
            live "a send that throws fails its callers, not the batcher" (fun () ->
                task {
                    let clock = ManualClock()
                    let mutable isBroken = true

                    let send _ (tickets: Gathered[]) =
                        if isBroken then
                            failwith "broken"

                        Task.FromResult(Ok(receiptFor 1 tickets))

                    use batcher = new ProducerBatcher(limits, clock, NullLogger.Instance, send)

                    let add id =
                        let gathered = gather (Message.ofText "T" "x") id
                        batcher.Add(gathered, ValueNone, false)
                        gathered

                    let first = add "a"
                    clock.Advance(TimeSpan.FromMilliseconds 10L)
                    let! failed = first.Task
                    failed.IsError |> shouldBeTrue
                    isBroken <- false
                    let second = add "b"
                    second.Task.IsCompleted |> shouldBeFalse
                    clock.Advance(TimeSpan.FromMilliseconds 10L)
                    let! sent = second.Task
                    (Buffers.ok sent).UniqueId |> shouldEqual "b"
                })
        ]

/// A producer at a cluster with a topic of four queues, which gathers within these limits.
let private gatheringAt (cluster: Embedded.EmbeddedCluster) topic limits : Task<Producer> =
    task {
        do! cluster.CreateTopicAsync(topic, 4)

        return
            start
                { producerOf cluster TimeProvider.System with
                    Batching = Some limits
                }
    }

/// So long that only a full batch or the end sends it.
let private untilFull =
    { BatchingLimits.Default with
        MaxWaitMillis = 30_000L
        SendsWhenIdle = false
    }

let private throughAProducer =
    testList
        "through a producer"
        [
            live
                "each receipt of a producer names the offset of its message, and no caller waits after Close"
                (fun () ->
                    task {
                        use! cluster = startCluster ignore
                        let! producer = gatheringAt cluster "Batched" { untilFull with MaxMessages = 16 }

                        let count = 16 * 50 + 7

                        let sending =
                            [|
                                for number in 1..count -> send producer (Message.ofText "Batched" (string number))
                            |]

                        do! producer.Close()
                        let! outcomes = Task.WhenAll sending
                        let receipts = outcomes |> Array.map Buffers.ok
                        let! stored = readAll cluster "Batched" 4

                        let places =
                            set
                                [
                                    for KeyValue(broker, messages) in stored do
                                        for message in messages do
                                            broker, message.QueueId, message.QueueOffset, uniqueIdOf message
                                ]

                        places.Count |> shouldEqual count

                        receipts
                        |> Array.map (fun receipt ->
                            receipt.Queue.BrokerName, receipt.Queue.QueueId, receipt.QueueOffset, receipt.UniqueId)
                        |> Set.ofArray
                        |> shouldEqual places

                        let! late = send producer (Message.ofText "Batched" "late")
                        late.IsError |> shouldBeTrue
                    })
        ]

/// A producer that gathers five messages, and six to each of two queues, which take turns.
let private toTwoQueues =
    testList
        "chosen queues"
        [
            liveWith
                (withMasters 1)
                "messages to one chosen queue are gathered with each other, and each is stored there"
                (fun cluster ->
                    task {
                        let! producer = gatheringAt cluster "Chosen" { untilFull with MaxMessages = 5 }

                        let! queues = producer.Queues("Chosen", CancellationToken.None)
                        let queues = Buffers.ok queues

                        let sending =
                            [|
                                for number in 0..11 ->
                                    producer.SendTo(
                                        OneQueue queues[1 + number % 2],
                                        Message.ofText "Chosen" (string number),
                                        CancellationToken.None
                                    )
                            |]

                        // Five of each queue are full batches, the sixth waits.
                        let! full = Task.WhenAll(Array.take 10 sending)
                        Seq.skip 10 sending |> Seq.exists _.IsCompleted |> shouldBeFalse
                        do! producer.Close()
                        let! last = Task.WhenAll(Array.skip 10 sending)

                        Array.append full last
                        |> Array.map (fun receipt ->
                            let receipt = Buffers.ok receipt
                            receipt.Queue, receipt.QueueOffset)
                        |> shouldEqual [| for number in 0..11 -> queues[1 + number % 2], int64 (number / 2) |]
                    })
        ]

let private oversizedBatches =
    testList
        "oversized batches"
        [
            liveWith
                (withMasters 1)
                "a batch that its broker calls illegal is sent in parts, and each message is stored once"
                (fun cluster ->
                    task {
                        let! producer = gatheringAt cluster "T" untilFull

                        let batches = cluster.Brokers[0].Faults.On RequestCode.SendBatchMessage
                        batches.Refuse(ResponseCode.MessageIllegal, "no", 3)
                        let sending = [| for _ in 1..10 -> send producer (Message.ofText "T" "body") |]
                        do! producer.Close()
                        let! results = Task.WhenAll sending
                        let receipts = results |> Array.map Buffers.ok
                        let! stored = readAll cluster "T" 4

                        stored.Values
                        |> Seq.concat
                        |> Seq.map uniqueIdOf
                        |> Seq.sort
                        |> List.ofSeq
                        |> shouldEqual (receipts |> Array.map _.UniqueId |> Array.sort |> List.ofArray)
                    })
        ]

[<Tests>]
let tests =
    testList
        "ProducerBatcher"
        [
            receiptsTests
            refusals
            oneAttempt
            failures
            throughAProducer
            toTwoQueues
            oversizedBatches
        ]
