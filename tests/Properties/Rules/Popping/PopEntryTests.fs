module RocketMq.Protocol.Tests.PopEntryTests

open System
open RocketMq.Protocol
open RocketMq

/// What happens to a consumer, in random order.
type HeldStep =
    | Pop of count: byte * lane: byte * latency: byte
    | EndHandler of index: byte * fails: bool
    /// The broker serves one of the requests on their way, and the answer comes back or not.
    | Serve of index: byte * luck: byte
    | Pass of millis: uint16
    | SendBack of isMeant: byte

let private limits =
    {
        InvisibleMillis = 1_000L
        MaxUnackedMessages = 12
        AckBatch = 4
    }

/// A message at the broker: which receipt is the good one, and until when.
type private AtBroker =
    {
        Current: PopReceipt
        Expires: int64
        IsAckedThere: bool
    }

type private Run =
    {
        Pops: PopInFlight
        Now: int64
        Next: int64
        Broker: Map<int64, AtBroker>
        /// Requests that the broker has not seen.
        Sent: PopEffect list
        Settled: Map<int64, PopEffect>
        /// Whether a request has failed, or an answer has been lost or late.
        IsUnlucky: bool
        Problems: string list
    }

let private blame problem (run: Run) =
    { run with
        Problems = problem :: run.Problems
    }

let private brokerOf lane = if lane % 2 = 0 then "a" else "b"

let private receiptOf id lane now : PopReceipt =
    {
        InitialOffset = 0L
        PopTimestamp = now
        InvisibleMillis = limits.InvisibleMillis
        ReviveQueueId = 0
        Source = OfTopic
        BrokerName = brokerOf lane
        QueueId = lane
        QueueOffset = id
    }

/// Good at the broker now: neither exchanged nor over.
let private isGood (run: Run) id receipt =
    let there = run.Broker[id]
    there.Current = receipt && there.Expires > run.Now

let private checkAck run (id, target: AckTarget) =
    // One whose answer was lost is acknowledged again.
    if isGood run id target.Receipt || run.Broker[id].IsAckedThere then
        run
    else
        blame $"{id} is acknowledged with a receipt that is dead" run

let private settle id effect (run: Run) =
    let run =
        if run.Settled.ContainsKey id then
            blame $"{id} is settled twice" run
        else
            run

    { run with
        Settled = Map.add id effect run.Settled
    }

let private perform (run: Run) effect =
    match effect with
    | SendAck(_, targets) ->
        let run = List.fold checkAck run targets

        if targets.IsEmpty || targets.Length > limits.AckBatch then
            blame $"{targets.Length} are acknowledged together" run
        else
            { run with Sent = effect :: run.Sent }
    | RenewInvisibleTime _
    | SendNack _ -> { run with Sent = effect :: run.Sent }
    | HasAcked id ->
        let run =
            if run.Broker[id].IsAckedThere then
                run
            else
                blame $"{id} is reported as acknowledged, and is not" run

        settle id effect run
    | HasNacked id -> settle id effect run
    | HasLost id ->
        let run =
            if run.IsUnlucky then
                run
            else
                blame $"{id} is lost without need" run

        settle id effect run

let private feed event (run: Run) =
    let pops, effects = PopInFlight.transition run.Now run.Pops event
    List.fold perform { run with Pops = pops } effects

let rec private passTo until (run: Run) =
    match PopInFlight.nextDue run.Pops with
    | ValueSome due when due <= until ->
        let run = feed ClockTicked { run with Now = max run.Now due }

        match PopInFlight.nextDue run.Pops with
        | ValueSome still when still <= run.Now -> blame $"{still} is due at {run.Now} still" { run with Now = until }
        | _ -> passTo until run
    | _ -> { run with Now = until }

// What the broker does

let private atBroker id change (run: Run) =
    { run with
        Broker = Map.change id (Option.map change) run.Broker
    }

/// Java takes an acknowledgement that comes too late without a word.
let private ackThere run (id, target: AckTarget) =
    if isGood run id target.Receipt then
        atBroker
            id
            (fun there ->
                { there with
                    IsAckedThere = true
                    Expires = Int64.MinValue
                })
            run
    else
        run

let private changeThere id (target: AckTarget) forMillis (run: Run) =
    let changed =
        { target.Receipt with
            InitialOffset = target.Receipt.QueueOffset
            PopTimestamp = run.Now
            InvisibleMillis = forMillis
            // Two changes in one millisecond are two receipts here.
            ReviveQueueId = target.Receipt.ReviveQueueId + 1
        }

    let run =
        if isGood run id target.Receipt then
            atBroker
                id
                (fun there ->
                    { there with
                        Current = changed
                        Expires = run.Now + forMillis
                    })
                run
        else
            run

    run, changed

type private Luck =
    | IsServed
    | IsLostOnTheWay
    | AnswerIsLost
    | IsRefused

let private serve luck effect (run: Run) =
    let run =
        if luck = IsServed then
            run
        else
            { run with IsUnlucky = true }

    let isSeen = luck = IsServed || luck = AnswerIsLost

    let answer value =
        match luck with
        | IsServed -> Taken value
        | IsRefused -> Never
        | _ -> NotNow

    match effect with
    | SendAck(brokerName, targets) ->
        let run = if isSeen then List.fold ackThere run targets else run
        feed (Acked(brokerName, List.map fst targets, answer ())) run
    | RenewInvisibleTime(id, target) ->
        let run, changed =
            if isSeen then
                changeThere id target limits.InvisibleMillis run
            else
                run, target.Receipt

        feed (Renewed(id, answer changed)) run
    | SendNack(id, target, afterMillis) ->
        let run =
            if isSeen then
                changeThere id target afterMillis run |> fst
            else
                run

        feed (Nacked(id, answer ())) run
    | _ -> run

let private popSome count lane latency (run: Run) =
    let count = min count (PopInFlight.room lane run.Pops)
    let ids = [ run.Next .. run.Next + int64 count - 1L ]

    let run =
        (run, ids)
        ||> List.fold (fun run id ->
            { run with
                Broker =
                    Map.add
                        id
                        {
                            Current = receiptOf id lane run.Now
                            Expires = run.Now + limits.InvisibleMillis
                            IsAckedThere = false
                        }
                        run.Broker
            })

    let run = passTo (run.Now + latency) run

    let targets =
        ids
        |> List.map (fun id ->
            {
                Topic = "T"
                Receipt = run.Broker[id].Current
            })

    feed
        (Came(lane, run.Next, targets))
        { run with
            Next = run.Next + int64 count
        }

let private step isLucky (run: Run) step =
    match step with
    | Pop(count, lane, latency) -> popSome (int count % 8) (int lane % 3) (int64 latency % 40L) run
    | EndHandler(index, fails) ->
        match Map.toList run.Pops.InFlight with
        | [] -> run
        | held ->
            let verdict = if fails then Redeliver 500L else IsDone
            feed (Handled(fst held[int index % held.Length], verdict)) run
    | Serve(index, luck) ->
        match run.Sent with
        | [] -> run
        | sent ->
            let effect = sent[int index % sent.Length]

            let luck =
                if isLucky then
                    IsServed
                else
                    match luck % 8uy with
                    | 0uy -> IsLostOnTheWay
                    | 1uy -> AnswerIsLost
                    | 2uy -> IsRefused
                    | _ -> IsServed

            serve
                luck
                effect
                { run with
                    Sent = sent |> List.filter (fun other -> not (obj.ReferenceEquals(other, effect)))
                }
    | Pass millis when isLucky -> passTo (run.Now + int64 millis % 100L) run
    | Pass millis -> passTo (run.Now + int64 millis % 700L) { run with IsUnlucky = true }
    | SendBack isMeant when isMeant % 16uy = 0uy -> feed (SentBack 100L) run
    | SendBack _ -> run

let private start =
    {
        Pops = PopInFlight.create limits
        Now = 1_000_000L
        Next = 0L
        Broker = Map.empty
        Sent = []
        Settled = Map.empty
        IsUnlucky = false
        Problems = []
    }

let rec private serveAll (run: Run) =
    match run.Sent with
    | [] -> run
    | effect :: rest -> serveAll (serve IsServed effect { run with Sent = rest })

let private check (run: Run) =
    let run =
        if
            run.Pops.InFlight
            |> Map.forall (fun _ held -> PopInFlight.room held.Lane run.Pops < limits.MaxUnackedMessages)
        then
            run
        else
            blame "a lane counts too few" run

    if run.Problems.IsEmpty then
        true
    else
        failtest $"%A{List.rev run.Problems}"

/// Ends all handlers and serves all requests: nothing is held then.
let private finish (run: Run) =
    let run =
        (run, Map.keys run.Pops.InFlight)
        ||> Seq.fold (fun run id -> feed (Handled(id, IsDone)) run)

    let rec settleAll times (run: Run) =
        if times = 0 then
            run
        else
            let run = serveAll run
            settleAll (times - 1) (passTo (run.Now + 100L) run)

    let run = settleAll 30 run

    let run =
        if run.Pops.InFlight.IsEmpty && PopInFlight.nextDue run.Pops = ValueNone then
            run
        else
            blame $"%A{run.Pops.InFlight} are held for ever" run

    let run =
        if
            [ 0..2 ]
            |> List.forall (fun lane -> PopInFlight.room lane run.Pops = limits.MaxUnackedMessages)
        then
            run
        else
            blame "a lane counts what is not held" run

    if run.Settled.Count = int run.Next then
        run
    else
        blame "some are never settled" run

let private hold invisible : PopInFlight * AckTarget =
    let target =
        {
            Topic = "T"
            Receipt =
                { receiptOf 0L 0 0L with
                    InvisibleMillis = invisible
                }
        }

    PopInFlight.transition
        0L
        (PopInFlight.create
            { limits with
                InvisibleMillis = invisible
            })
        (Came(0, 7L, [ target ]))
    |> fst,
    target

let private receiptsInFlight =
    testList
        "receipts in flight"
        [
            property
                "no expired receipt is acknowledged, none is reported as acknowledged wrongly, and all are settled once"
            <| fun (steps: HeldStep list) -> List.fold (step false) start steps |> finish |> check

            property "without failures and late handlers no receipt is lost"
            <| fun (steps: HeldStep list) ->
                // The broker serves at once: only handlers take their time.
                let run =
                    (start, steps) ||> List.fold (fun run next -> step true run next |> serveAll)

                finish run |> check
        ]

let private isAcked (target: AckTarget) receipt effects =
    effects
    |> shouldEqual [ SendAck("a", [ 7L, { target with Receipt = receipt } ]) ]

/// The receipt of a pop that was renewed at this time.
let private renewedAt millis (target: AckTarget) =
    { target.Receipt with
        PopTimestamp = millis
    }

let private renewal =
    testList
        "renewal"
        [
            testCase "a receipt is renewed when two thirds of its time are over, and again"
            <| fun () ->
                let pops, target = hold 60_000L
                PopInFlight.nextDue pops |> shouldEqual (ValueSome 37_000L)
                let pops, effects = PopInFlight.transition 37_000L pops ClockTicked
                effects |> shouldEqual [ RenewInvisibleTime(7L, target) ]
                PopInFlight.nextDue pops |> shouldEqual ValueNone
                let receipt = renewedAt 37_001L target
                let pops, _ = PopInFlight.transition 37_010L pops (Renewed(7L, Taken receipt))
                PopInFlight.nextDue pops |> shouldEqual (ValueSome 77_000L)
                let _, effects = PopInFlight.transition 40_000L pops (Handled(7L, IsDone))
                isAcked target receipt effects

            testCase "a handler that ends during a renewal is acknowledged with the new receipt"
            <| fun () ->
                let pops, target = hold 60_000L
                let pops, _ = PopInFlight.transition 40_000L pops ClockTicked
                let pops, effects = PopInFlight.transition 40_001L pops (Handled(7L, IsDone))
                effects |> shouldBeEmpty
                let receipt = renewedAt 40_001L target
                let _, effects = PopInFlight.transition 40_002L pops (Renewed(7L, Taken receipt))
                isAcked target receipt effects
        ]

let private unansweredRenewals =
    testList
        "unanswered renewals"
        [
            testCase "after an unanswered renewal the receipt is valid for another renewal only"
            <| fun () ->
                let pops, target = hold 60_000L
                let pops, _ = PopInFlight.transition 37_000L pops ClockTicked
                let doubtful, effects = PopInFlight.transition 38_000L pops (Renewed(7L, NotNow))
                effects |> shouldBeEmpty

                for verdict in [ IsDone; Redeliver 1L ] do
                    let pops, effects = PopInFlight.transition 38_001L doubtful (Handled(7L, verdict))

                    effects |> shouldEqual [ RenewInvisibleTime(7L, target) ]
                    let pops, effects = PopInFlight.transition 38_002L pops (Renewed(7L, NotNow))
                    effects |> shouldBeEmpty
                    let due = PopInFlight.nextDue pops |> ValueOption.get
                    let pops, effects = PopInFlight.transition due pops ClockTicked
                    effects |> shouldEqual [ RenewInvisibleTime(7L, target) ]
                    let _, effects = PopInFlight.transition due pops (Renewed(7L, Taken target.Receipt))

                    match verdict, effects with
                    | IsDone, [ SendAck("a", [ 7L, _ ]) ]
                    | Redeliver _, [ SendNack(7L, _, 1L) ] -> ()
                    | _ -> failtest $"%A{effects}"
        ]

let private leasesAndSharedReceipts =
    testList
        "leases and shared receipts"
        [
            testCase "a lease is shorter by the time that its pop took, and by a twentieth of it at most"
            <| fun () ->
                let seconds (count: float) = TimeSpan.FromSeconds count

                for took, hidden, margin in [ 0.2, 60.0, 0.2; 15.0, 60.0, 3.0; 0.0, 60.0, 0.0; 3.0, 1.0, 0.05 ] do
                    LeaseTime.margin (seconds took) (seconds hidden) |> shouldEqual (seconds margin)

            testCase "two messages with one receipt are both settled by its acknowledgement and free their room"
            <| fun () ->
                let target =
                    {
                        Topic = "T"
                        Receipt = receiptOf 0L 0 0L
                    }

                let pops, _ =
                    PopInFlight.transition 0L (PopInFlight.create limits) (Came(0, 7L, [ target; target ]))

                let pops, first = PopInFlight.transition 1L pops (Handled(7L, IsDone))
                let pops, second = PopInFlight.transition 1L pops (Handled(8L, IsDone))
                second |> shouldBeEmpty
                first |> shouldEqual [ SendAck("a", [ 7L, target ]) ]
                let pops, effects = PopInFlight.transition 2L pops (Acked("a", [ 7L ], Taken()))

                let asked =
                    effects
                    |> List.choose (fun effect ->
                        match effect with
                        | SendAck(_, targets) -> Some targets
                        | _ -> None)

                asked |> shouldEqual [ [ 8L, target ] ]
                let pops, _ = PopInFlight.transition 3L pops (Acked("a", [ 8L ], Taken()))
                PopInFlight.room 0 pops |> shouldEqual limits.MaxUnackedMessages

            property "the requests for numbered messages settle each number once, whichever receipts are the same"
            <| fun (offsets: byte list) ->
                let targets =
                    offsets
                    |> List.mapi (fun index offset ->
                        int64 index,
                        {
                            Topic = "T"
                            Receipt = receiptOf (int64 offset % 8L) 0 0L
                        })

                let requests = AckBatch.numbered "G" targets

                let settled = requests |> List.collect (fun (_, _, ids) -> ids) |> List.sort
                settled |> shouldEqual (List.map fst targets)

                for _, receipts, _ in requests do
                    List.distinct receipts |> shouldEqual receipts

                true
        ]

let private repeats =
    testList
        "repeats"
        [
            testCase "a failed acknowledgement is repeated while the receipt lives, and not one that is refused"
            <| fun () ->
                let pops, target = hold 60_000L
                let acking, _ = PopInFlight.transition 0L pops (Handled(7L, IsDone))
                let _, effects = PopInFlight.transition 1L acking (Acked("a", [ 7L ], Never))
                effects |> shouldEqual [ HasLost 7L ]
                let pops, effects = PopInFlight.transition 1L acking (Acked("a", [ 7L ], NotNow))
                effects |> shouldBeEmpty
                PopInFlight.nextDue pops |> shouldEqual (ValueSome 101L)
                let pops, effects = PopInFlight.transition 101L pops ClockTicked
                effects |> shouldEqual [ SendAck("a", [ 7L, target ]) ]
                let pops, _ = PopInFlight.transition 56_999L pops (Acked("a", [ 7L ], NotNow))
                PopInFlight.nextDue pops |> shouldEqual (ValueSome 57_000L)
                let _, effects = PopInFlight.transition 57_000L pops ClockTicked
                effects |> shouldEqual [ HasLost 7L ]

            testCase "a failed message is redelivered after 10, 30, 60, 120 s and so on up to two hours"
            <| fun () ->
                [ 0; 1; 2; 3; 11; 14; 15; 99; -1 ]
                |> List.map (fun times -> int (PopRetry.delay times).TotalSeconds)
                |> shouldEqual [ 10; 30; 60; 120; 600; 3600; 7200; 7200; 10 ]
        ]

[<Tests>]
let tests =
    testList
        "Pops in flight"
        [
            receiptsInFlight
            renewal
            unansweredRenewals
            leasesAndSharedReceipts
            repeats
        ]

/// Where a message lay and how it was popped.
type SomeTarget =
    {
        Start: byte
        Distance: uint16
        Queue: byte
        Time: byte
        IsRetry: bool
    }

let private targetOf (some: SomeTarget) : AckTarget =
    let start = int64 some.Start

    {
        Topic = "T"
        Receipt =
            {
                InitialOffset = start
                PopTimestamp = int64 some.Time % 3L
                InvisibleMillis = 60_000L
                ReviveQueueId = int some.Time % 8
                Source = if some.IsRetry then OfRetry else OfTopic
                BrokerName = brokerOf (int some.Queue)
                QueueId = int some.Queue % 4
                QueueOffset = start + int64 some.Distance % 9_000L
            }
    }

/// What a request acknowledges.
let private named (request: AckRequest) =
    match request with
    | AckAlone message -> [ message.Topic, message.QueueId, message.QueueOffset ]
    | AckTogether batch ->
        [
            for ack in batch.Acks do
                let source = PopSource.ofText ack.Retry |> ValueOption.get

                for bit in 0 .. ack.Acknowledged.Length * 8 - 1 do
                    if ack.Acknowledged[bit / 8] >>> (bit % 8) &&& 1uy = 1uy then
                        PopSource.topicOf "G" ack.Topic source, ack.QueueId, ack.InitialOffset + int64 bit
        ]

let private composition =
    testList
        "composition"
        [
            property
                "batch requests acknowledge exactly their receipts, one request for each broker if the bits are close enough"
            <| fun (some: SomeTarget list) ->
                let targets = some |> List.map targetOf |> List.distinct
                let requests = AckBatch.ofAll "G" targets

                let places (targets: AckTarget list) =
                    targets
                    |> List.map (fun target ->
                        PopSource.topicOf "G" target.Topic target.Receipt.Source,
                        target.Receipt.QueueId,
                        target.Receipt.QueueOffset)
                    |> Set.ofList

                let isWhole (request, targets) =
                    Set.ofList (named request) = places targets

                let together =
                    requests
                    |> List.filter (fun (request, _) ->
                        match request with
                        | AckTogether _ -> true
                        | AckAlone _ -> false)

                List.forall isWhole requests
                && (requests |> List.collect snd |> Set.ofList) = Set.ofList targets
                && together.Length <= 2
        ]

let private bits =
    testList
        "bits"
        [
            testCase "the bits are those that Java sets"
            <| fun () ->
                let isBatch (capture: Captures.Capture) =
                    Captures.isRequest capture && capture.Code = int RequestCode.BatchAckMessage

                let recorded =
                    Captures.all ()
                    |> Array.filter isBatch
                    |> Array.map (fun capture ->
                        PopReceipts.acknowledgeMany.Decode(Captures.commandOf capture) |> Buffers.ok)

                recorded |> shouldNotBeEmpty

                for batch in recorded do
                    let targets =
                        [
                            for ack in batch.Acks do
                                for _, _, offset in named (AckTogether { batch with Acks = [ ack ] }) do
                                    {
                                        Topic = ack.Topic
                                        Receipt =
                                            {
                                                InitialOffset = ack.InitialOffset
                                                PopTimestamp = ack.PopTimestamp
                                                InvisibleMillis = ack.InvisibleMillis
                                                ReviveQueueId = ack.ReviveQueueId
                                                Source = PopSource.ofText ack.Retry |> ValueOption.get
                                                BrokerName = batch.BrokerName
                                                QueueId = ack.QueueId
                                                QueueOffset = offset
                                            }
                                    }
                        ]

                    let group = batch.Acks.Head.ConsumerGroup

                    AckBatch.ofAll group targets
                    |> List.map fst
                    |> shouldEqual [ AckTogether batch ]
        ]

[<Tests>]
let batchTests = testList "Ack batches" [ composition; bits ]
