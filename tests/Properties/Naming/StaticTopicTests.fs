/// Clients of a static topic: they know its queues wherever these are, and follow them when they move.
module RocketMq.Protocol.Tests.StaticTopicTests

open System
open RocketMq.Protocol
open RocketMq
open StaticTopicRig

let private queues = 4
let private all = [ for queueId in 0 .. queues - 1 -> logical queueId ]

/// A cluster, and what requests had wrong in the end.
let private onStaticTopic name (test: StaticTopic -> Task) =
    live name (fun () ->
        task {
            let cluster = StaticTopic queues
            do! test cluster
            cluster.Faults |> shouldBeEmpty
        })

let private ok (outcome: Result<'T, RemotingError>) =
    outcome |> Result.mapError RemotingError.describe |> Buffers.ok

/// No clock need move: a queue that has moved is looked for at once.
let private sendTo (producer: Producer) target text =
    producer.SendTo(target, Message.ofText topic text, none)

let private store (cluster: StaticTopic) (producer: Producer) queueId text : Task =
    task {
        let! sent = cluster.Pass(sendTo producer (OneQueue(logical queueId)) text)
        ok sent |> ignore<SendReceipt>
    }

let private moveAll (cluster: StaticTopic) =
    for queueId in 0 .. queues - 1 do
        cluster.Move queueId

    cluster.HearAll()
    // Routes may be asked for again.
    cluster.Clock.Advance second

let private placesOf (cluster: StaticTopic) text =
    [
        for queueId in 0 .. queues - 1 do
            for offset, body in cluster.Stored queueId do
                if body = text then
                    queueId, offset
    ]

let private placeOf (receipt: SendReceipt) =
    receipt.Queue.BrokerName |> shouldEqual logicalName
    receipt.Queue.QueueId, receipt.QueueOffset

let private sendsInTurn (cluster: StaticTopic) : Task =
    task {
        use producer = producerAt cluster id
        let! found = producer.Queues(topic, none)
        ok found |> shouldEqual all

        for number in 1 .. 2 * queues do
            let! sent = sendTo producer AnyQueue $"m{number}"
            placesOf cluster $"m{number}" |> shouldEqual [ placeOf (ok sent) ]

        cluster.Ends |> shouldEqual (List.replicate queues 2L)
    }

let private sendsAfterMove target (cluster: StaticTopic) : Task =
    task {
        use producer = producerAt cluster id
        let! _ = sendTo producer target "before"
        moveAll cluster
        let! sent = sendTo producer target "after"
        let receipt = ok sent
        placesOf cluster "after" |> shouldEqual [ placeOf receipt ]
        receipt.Attempts |> shouldEqual 2
        // The new place is known from then on.
        let! sent = sendTo producer target "later"
        (ok sent).Attempts |> shouldEqual 1
    }

let private sendsBeforeNameServerHears (cluster: StaticTopic) : Task =
    task {
        use producer = producerAt cluster (fun options -> { options with Attempts = 10 })
        do! store cluster producer 1 "before"
        cluster.Move 1

        let sendsNow () =
            cluster.Servers.CountOf RequestCode.SendMessageV2

        let before = sendsNow ()

        let sending =
            producer.SendTo(OneQueue(logical 1), Message.ofText topic "after", none)

        do! cluster.PassUntil(fun () -> sendsNow () = before + 2)
        cluster.HearAll()
        let! sent = cluster.Pass sending
        (ok sent).Attempts |> shouldEqual 3
        placesOf cluster "after" |> shouldEqual [ placeOf (ok sent) ]
    }

let private sendsInVain (cluster: StaticTopic) : Task =
    task {
        use producer = producerAt cluster (fun options -> { options with Attempts = 2 })
        do! store cluster producer 1 "before"
        let before = cluster.Servers.CountOf RequestCode.SendMessageV2
        cluster.Move 1
        let! sent = sendTo producer (OneQueue(logical 1)) "after"

        match sent with
        | Error(RemotingError.Refused(_, _, _, ResponseCode.NotLeaderForQueue, _) as error) ->
            RemotingError.outcome error |> shouldEqual NotExecuted
        | other -> failtest $"{other}"

        cluster.Servers.CountOf RequestCode.SendMessageV2 |> shouldEqual (before + 2)
        placesOf cluster "after" |> shouldBeEmpty
    }

let private sendsToBrokersQueue (cluster: StaticTopic) : Task =
    task {
        use producer = producerAt cluster id

        let! sent = sendTo producer (OneQueue { logical 0 with BrokerName = "a" }) "m"

        match sent with
        | Error(RemotingError.NoQueue(_, reason)) -> reason |> shouldMention "it is static"
        | other -> failtest $"{other}"
    }

let private endsTransaction (cluster: StaticTopic) : Task =
    task {
        let options =
            { ProducerOptions.create "G" cluster.NameServers with
                Client.Remoting = cluster.Remoting
            }

        let! started =
            TransactionProducer.Start(options, [], (fun _ -> Task.FromResult TransactionDecision.Undecided))

        use producer = Buffers.ok started
        let mutable host = -1

        let local (_: Message) : Task<TransactionDecision> =
            let queueId, _ = placesOf cluster "half" |> List.exactlyOne
            host <- cluster.HostOf queueId
            moveAll cluster
            Task.FromResult TransactionDecision.Commit

        let! sent = producer.Send(Message.ofText topic "half", local, none)
        sent |> Result.isOk |> shouldBeTrue
        do! until (fun () -> not cluster.Ended.IsEmpty)
        let struct (endedAt, _) = cluster.Ended.Head
        endedAt |> shouldEqual host
    }

let private sends =
    testList
        "sends"
        [
            onStaticTopic "messages go to each queue in turn, and receipts name the topic's queues" sendsInTurn

            for name, target in
                [
                    "any queue", AnyQueue
                    "one queue", OneQueue(logical 0)
                    "a selected queue", SelectedQueue(ByKey "key")
                ] do
                onStaticTopic
                    $"a message to {name} is stored once, where the queue has moved to"
                    (sendsAfterMove target)

            onStaticTopic
                "a queue whose new place the name server does not know yet is looked for again"
                sendsBeforeNameServerHears

            onStaticTopic "a send to a queue that cannot be found fails when its attempts are used up" sendsInVain
            onStaticTopic "a queue of a broker is none of a static topic" sendsToBrokersQueue
            onStaticTopic "a transaction is ended at the broker that has its message" endsTransaction
        ]

let private pullClientAt (cluster: StaticTopic) =
    PullClient.Create
        { PullClientOptions.create "C" cluster.NameServers with
            Client.Remoting = cluster.Remoting
        }
    |> ok

let private readsAcrossMove (cluster: StaticTopic) : Task =
    task {
        use producer = producerAt cluster id

        for number in 0..4 do
            do! store cluster producer 3 $"m{number}"

        moveAll cluster

        for number in 5..9 do
            do! store cluster producer 3 $"m{number}"

        let client = pullClientAt cluster
        let! found = client.Queues(topic, none)
        ok found |> shouldEqual all
        let read = ResizeArray()
        let mutable offset = 0L

        while read.Count < 10 do
            let! pulled = client.Pull(logical 3, Filter.all, offset, 3, none)
            let batch = ok pulled
            offset <- batch.NextOffset

            for message in batch.Messages do
                message.Message.Queue |> shouldEqual (logical 3)
                read.Add((message.Message.QueueOffset, textOf message))

        List.ofSeq read |> shouldEqual (cluster.Stored 3)
        offset |> shouldEqual 105L
        do! client.Close()
    }

/// Each kind of request about offsets, and what it gives.
let private offsetRequests: (string * (PullClient -> Task<Result<int64, RemotingError>>)) list =
    [
        "min", (fun client -> client.MinOffset(logical 3, none))
        "max", (fun client -> client.MaxOffset(logical 3, none))
        "by time", (fun client -> client.OffsetAt(logical 3, DateTimeOffset.UnixEpoch, none))
        "commit",
        (fun client ->
            task {
                let! outcome = client.Commit(logical 3, 7L, none)
                return outcome |> Result.map (fun () -> 7L)
            })
        "committed",
        (fun client ->
            task {
                let! outcome = client.Committed(logical 3, none)
                return outcome |> Result.map (Option.defaultValue 0L)
            })
    ]

let private findsMovedQueue (request: PullClient -> Task<Result<int64, RemotingError>>) (cluster: StaticTopic) : Task =
    task {
        let client = pullClientAt cluster
        let! before = request client
        let before = ok before
        moveAll cluster
        let! after = request client
        // Moves begin at the next hundred.
        [ before; before + 100L ] |> List.contains (ok after) |> shouldBeTrue
        do! client.Close()
    }

let private pulls =
    testList
        "pulls"
        [
            onStaticTopic "messages have the topic's queue and its offsets, before and after a move" readsAcrossMove

            for name, request in offsetRequests do
                onStaticTopic $"a request for offsets ({name}) follows a queue that has moved" (findsMovedQueue request)
        ]

/// What handlers were given of each queue, in their order.
[<Sealed>]
type private Handled() =
    let texts = ConcurrentQueue<struct (int * int64 * string)>()
    let failed = ConcurrentDictionary<string, bool>(StringComparer.Ordinal)
    let mutable mistakes = 0

    member _.Handler(failsFirst: bool) =
        ConsumeHandler.EachMessage(fun received _ ->
            let text = textOf received

            if received.Message.BrokerName <> logicalName then
                Interlocked.Increment &mistakes |> ignore

            if failsFirst && failed.TryAdd(text, true) then
                ValueTask<ConsumeResult> ConsumeResult.Retry
            else
                texts.Enqueue(struct (received.Message.QueueId, received.Message.QueueOffset, text))
                ValueTask<ConsumeResult> ConsumeResult.Success)

    member _.Count = texts.Count

    /// Messages under another broker name than the topic's.
    member _.Mistakes = Volatile.Read &mistakes

    member _.Of(queueId: int) =
        [
            for struct (queue, offset, text) in texts do
                if queue = queueId then
                    offset, text
        ]

let private close (cluster: StaticTopic) (consumer: PushConsumer) : Task =
    cluster.Pass(
        task {
            do! consumer.Close()
            return ()
        }
    )

type Step =
    | Sends of count: byte
    /// A queue moves, and the name server hears of it from the new broker alone, or from both.
    | Moves of queueId: byte * hearsBoth: bool

let private runSteps isOrderly (steps: Step list) =
    task {
        let cluster = StaticTopic queues
        let handled = Handled()
        use producer = producerAt cluster id
        let! consumer = consumerAt cluster isOrderly (handled.Handler false)
        let mutable sent = 0

        for step in steps do
            match step with
            | Sends count ->
                for _ in 0 .. int count % 8 do
                    do! store cluster producer (sent % queues) $"m{sent}"
                    sent <- sent + 1
            | Moves(queueId, hearsBoth) ->
                let queueId = int queueId % queues
                cluster.Move queueId
                cluster.Hear(cluster.HostOf queueId)

                if hearsBoth then
                    cluster.HearAll()

        let expected = [ for queueId in 0 .. queues - 1 -> cluster.Stored queueId ]
        do! cluster.PassUntil(fun () -> handled.Count >= sent)
        // What is consumed is committed, wherever the queue is.
        let ends = expected |> List.map (List.fold (fun _ (offset, _) -> offset + 1L) 0L)
        do! cluster.PassUntil(fun () -> List.forall2 (>=) cluster.Committed ends)
        do! close cluster consumer
        cluster.Faults |> shouldBeEmpty
        handled.Mistakes |> shouldEqual 0

        for queueId in 0 .. queues - 1 do
            let seen = handled.Of queueId
            (if isOrderly then seen else List.sort seen) |> shouldEqual expected[queueId]

        return true
    }

let private locksAtHosts (cluster: StaticTopic) : Task =
    task {
        let! consumer = consumerAt cluster true (Handled().Handler false)
        do! cluster.PassUntil(fun () -> PushRig.queuesOf consumer topic = queues)

        let expected =
            [
                for queueId in 0 .. queues - 1 -> struct (cluster.HostOf queueId, logical queueId)
            ]

        cluster.Locked |> List.distinct |> List.sort |> shouldEqual (List.sort expected)
        do! close cluster consumer
    }

let private copiesFailures (cluster: StaticTopic) : Task =
    task {
        use producer = producerAt cluster id
        let! consumer = consumerAt cluster false (Handled().Handler true)
        do! store cluster producer 2 "fails"
        do! cluster.PassUntil(fun () -> not cluster.Copies.IsEmpty)
        let copy = cluster.Copies.Head
        copy.Topic |> shouldEqual "%RETRY%C"
        copy.ReconsumeTimes |> shouldEqual 1

        Properties.tryFind PropertyName.retryTopic copy.Properties
        |> shouldEqual (ValueSome topic)

        do! cluster.PassUntil(fun () -> cluster.Committed[2] = 1L)
        do! close cluster consumer
    }

let private members =
    testList
        "members"
        [
            propertyOf 20 "whatever moves, each message is handled once, in order where that is wanted, and committed"
            <| fun isOrderly (steps: Step list) ->
                let steps = Sends 3uy :: List.truncate 8 steps
                (runSteps isOrderly steps).WaitAsync(TimeSpan.FromMinutes 5L).Result

            onStaticTopic "locks are taken at the brokers that have the queues" locksAtHosts
            onStaticTopic "a message that fails goes to the retry topic as a copy" copiesFailures
        ]

[<Tests>]
let tests = testList "Static topics" [ sends; pulls; members ]
