/// Transactions with whatever decisions: exactly the committed ones are there in the end, each once.
module RocketMq.Protocol.Tests.TransactionProducerTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private topic = "Tx"
let private queues = 4
let private count = 1_000

/// What becomes of one transaction.
type private FaultOutcome =
    {
        /// What the local part says; nothing if it throws.
        Local: TransactionDecision option
        /// How often the check knows nothing yet, or throws, before it decides.
        VainChecks: int
        /// What the check says then.
        Final: TransactionDecision
    }

let private fates =
    let random = Random 20260101

    [|
        for _ in 1..count ->
            {
                Local =
                    match random.Next 4 with
                    | 0 -> Some TransactionDecision.Commit
                    | 1 -> Some TransactionDecision.Rollback
                    | 2 -> Some TransactionDecision.Undecided
                    | _ -> None
                VainChecks = random.Next 3
                Final =
                    if random.Next 2 = 0 then
                        TransactionDecision.Commit
                    else
                        TransactionDecision.Rollback
            }
    |]

let private isOpen fate =
    match fate.Local with
    | Some TransactionDecision.Undecided
    | None -> true
    | _ -> false

let private isCommitted fate =
    fate.Local = Some TransactionDecision.Commit
    || (isOpen fate && fate.Final = TransactionDecision.Commit)

let private numberOf (message: StoredMessage) =
    int (Text.Encoding.UTF8.GetString message.StoredBody.Span)

let private servers answer =
    FakeServers.answering TimeProvider.System (fun _ command ->
        match command.RequestCode with
        | RequestCode.GetRouteInfoByTopic -> FakeServers.routed (FakeServers.routeOver [ "a", 11, 1 ]) command
        | RequestCode.SendMessageV2 -> answer command
        | RequestCode.EndTransaction -> IsMute
        | _ -> FakeServers.success command)

let private producerAt (servers: FakeServers) change =
    task {
        let options =
            { ProducerOptions.create "G" [ FakeServers.at 1 ] with
                Client.Remoting = servers.Options
            }

        let! started =
            TransactionProducer.Start(change options, [], (fun _ -> Task.FromResult TransactionDecision.Undecided))

        return Buffers.ok started
    }

let private stored (command: RemotingCommand) =
    Answers(Send.message.Answer(Examples.sendAnswer, command))

/// Sends a message in a transaction that must not be sent.
let private shouldRefuse (producer: TransactionProducer) (servers: FakeServers) (message: Message) (reason: string) =
    task {
        let local (_: Message) : Task<TransactionDecision> = failtest "the local part has run"
        let! outcome = producer.Send(message, local, CancellationToken.None)

        match outcome with
        | Error(RemotingError.Invalid error) ->
            error.Message.Contains(reason, StringComparison.Ordinal) |> shouldBeTrue
            servers.CountOf RequestCode.SendMessageV2 |> shouldEqual 0
            servers.CountOf RequestCode.EndTransaction |> shouldEqual 0
        | other -> failtest $"{other}"
    }

/// What brokers cannot make part of a transaction, and what the reason names.
let private unfit =
    [
        Message.withDelayLevel 3, "a delay level"
        Message.withDelay (TimeSpan.FromSeconds 5L), "a delay,"
        Message.withDeliveryAt (DateTimeOffset.UtcNow.AddHours 1.0), "a delivery time"
        Message.withSystemProperty PropertyName.timerDelaySeconds "5", "a delay,"
        Message.withSystemProperty PropertyName.messageType "reply", "a reply"
    ]

/// Answers checks, and counts them.
type private Checker() =
    let asked = ConcurrentDictionary<int, int>()

    member _.Count = asked.Values |> Seq.sum
    member _.Asked = asked

    member _.Answer(half: StoredMessage) : Task<TransactionDecision> =
        let number = numberOf half
        let times = asked.AddOrUpdate(number, 1, (fun _ times -> times + 1))
        let fate = fates[number]

        if times <= fate.VainChecks then
            if number % 2 = 0 then
                failwith "the database is away"
            else
                Task.FromResult TransactionDecision.Undecided
        else
            Task.FromResult fate.Final

let private startOf cluster (checker: Checker) =
    task {
        let! started =
            TransactionProducer.Start(producerOf cluster TimeProvider.System, [ topic ], checker.Answer)

        return Buffers.ok started
    }

let private sendAll (producer: TransactionProducer) first number =
    inCrowd 16 first number (fun number ->
        backgroundTask {
            let fate = fates[number]

            let local (_: Message) =
                match fate.Local with
                | Some decision -> Task.FromResult decision
                | None -> failwith "the local part fails"

            match! producer.Send(Message.ofText topic (string number), local, CancellationToken.None) with
            | Ok receipt ->
                receipt.Decision
                |> shouldEqual (Option.defaultValue TransactionDecision.Undecided fate.Local)

                receipt.LocalFailure.IsSome |> shouldEqual fate.Local.IsNone
            | Error error -> failtest (RemotingError.describe error)
        })

/// The numbers of the messages that consumers can read.
let private storedNumbers (cluster: EmbeddedCluster) : Task<int list> =
    task {
        let! stored = readAll cluster topic queues

        return
            [
                for KeyValue(_, messages) in stored do
                    yield! List.map numberOf messages
            ]
    }

let private untilStored (cluster: EmbeddedCluster) (count: int) : Task =
    task {
        let mutable found = 0

        while found < count do
            let! numbers = storedNumbers cluster
            found <- numbers.Length
    }

let private thousandTransactions () : Task =
    task {
        let clock = EmbeddedClock()
        use! cluster = startCluster (fun options -> options.Clock <- clock)
        do! cluster.CreateTopicAsync(topic, queues)

        let firstChecker, secondChecker = Checker(), Checker()
        let! first = startOf cluster firstChecker
        do! sendAll first 0 (count / 2)
        do! first.Close()
        use! second = startOf cluster secondChecker
        do! sendAll second (count / 2) (count - count / 2)

        let decidedAtOnce =
            fates
            |> Array.filter (fun fate -> fate.Local = Some TransactionDecision.Commit)
            |> Array.length

        do! untilStored cluster decidedAtOnce
        let opened = fates |> Array.filter isOpen

        // Each round asks about what is still open, and its answers are waited for.
        for round in 1..3 do
            clock.Advance(TimeSpan.FromSeconds 40L)

            let askedBy = opened |> Array.sumBy (fun fate -> min round (fate.VainChecks + 1))

            do! until (fun () -> secondChecker.Count >= askedBy)

            let committed =
                opened
                |> Array.filter (fun fate -> fate.Final = TransactionDecision.Commit && fate.VainChecks < round)
                |> Array.length

            do! untilStored cluster (decidedAtOnce + committed)

        // Nobody is asked any more, and nothing comes after.
        for _ in 1..5 do
            clock.Advance(TimeSpan.FromSeconds 40L)

        let! found = storedNumbers cluster

        let expected =
            [
                for number, fate in Array.indexed fates do
                    if isCommitted fate then
                        number
            ]

        Console.Out.WriteLine
            $"{count} transactions, {expected.Length} committed, {opened.Length} decided by {secondChecker.Count} checks"

        List.sort found |> shouldEqual expected
        firstChecker.Count |> shouldEqual 0
    }

let private outcomes =
    testList
        "outcomes"
        [
            live
                "of a thousand transactions the committed ones are stored once, whichever producer was checked"
                thousandTransactions
        ]

let private batching (options: ProducerOptions) =
    { options with
        Batching =
            Some
                {
                    MaxMessages = 8
                    MaxBytes = 32_768
                    MaxWaitMillis = 10L
                    SendsWhenIdle = false
                }
    }

let private halfMessages =
    testList
        "half messages"
        [
            live
                "a half message that was not stored safely is rolled back, and its local transaction is not run"
                (fun () ->
                    task {
                        let answered (command: RemotingCommand) =
                            Answers(
                                Send.message.Answer(
                                    { Examples.sendAnswer with
                                        Status = FlushDiskTimedOut
                                    },
                                    command
                                )
                            )

                        let servers = servers answered
                        use! producer = producerAt servers id
                        let mutable hasRun = false

                        let local (_: Message) =
                            hasRun <- true
                            Task.FromResult TransactionDecision.Commit

                        let! outcome = producer.Send(Message.ofText "T" "x", local, CancellationToken.None)
                        (Buffers.ok outcome).Decision |> shouldEqual TransactionDecision.Rollback
                        hasRun |> shouldBeFalse
                        do! until (fun () -> servers.CountOf RequestCode.EndTransaction = 1)

                        servers.Requests
                        |> List.filter (fun (struct (_, command)) -> command.RequestCode = RequestCode.EndTransaction)
                        |> List.map (fun (struct (_, command)) ->
                            (Transactions.finish.Decode command |> Buffers.ok).Decision)
                        |> shouldEqual [ TransactionDecision.Rollback ]
                    })

            live
                "a delayed, timed or reply message is refused in a transaction with the reason before anything is sent"
                (fun () ->
                    task {
                        let servers = servers stored

                        for change in [ id; batching ] do
                            use! producer = producerAt servers change

                            for held, reason in unfit do
                                do! shouldRefuse producer servers (held (Message.ofText "T" "x")) reason
                    })
        ]

let private localTransactions =
    testList
        "local transactions"
        [
            live
                "a local transaction that throws leaves the message undecided, and is reported in the receipt and the log"
                (fun () ->
                    task {
                        let log = LogLines()
                        let servers = servers stored

                        use! producer =
                            producerAt servers (fun options ->
                                { options with
                                    Client.Remoting =
                                        { options.Client.Remoting with
                                            Logger = log
                                        }
                                })

                        let local (_: Message) : Task<TransactionDecision> = failwith "the database is away"
                        let! outcome = producer.Send(Message.ofText "T" "x", local, CancellationToken.None)
                        let receipt = Buffers.ok (Result.mapError RemotingError.describe outcome)
                        receipt.Decision |> shouldEqual TransactionDecision.Undecided
                        receipt.LocalFailure.Value.Message |> shouldEqual "the database is away"
                        log.Count 1011 |> shouldEqual 1

                        log.All
                        |> List.exists (fun (struct (_, event, text)) ->
                            event = 1011 && text.Contains("the database is away", StringComparison.Ordinal))
                        |> shouldBeTrue
                    })

            live "an interceptor that holds a transaction's message back has it refused" (fun () ->
                task {
                    for held, reason in unfit do
                        let servers = servers stored

                        let interceptor: SendInterceptor = fun message next -> next (held message)

                        use! producer = producerAt servers (ProducerOptions.withInterceptor interceptor)
                        do! shouldRefuse producer servers (Message.ofText "T" "x") reason
                })
        ]

let private otherMessages =
    testList
        "other messages"
        [
            live "a transaction producer sends other messages with delays" (fun () ->
                task {
                    let servers = servers stored
                    use! producer = producerAt servers id

                    for held, _ in List.truncate 3 unfit do
                        let! outcome =
                            producer.Producer.Send(held (Message.ofText "T" "x"), CancellationToken.None)

                        outcome |> Buffers.ok |> ignore

                    servers.CountOf RequestCode.SendMessageV2 |> shouldEqual 3
                })
        ]

[<Tests>]
let tests =
    testList "Transaction producer" [ outcomes; halfMessages; localTransactions; otherMessages ]
