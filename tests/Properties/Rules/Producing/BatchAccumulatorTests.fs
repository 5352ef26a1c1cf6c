module RocketMq.Protocol.Tests.BatchAccumulatorTests

open System
open RocketMq.Protocol
open RocketMq

/// What a producer does, in random order. Each step comes some time after the one before.
type GatherStep =
    | AddMessage of topic: byte * queue: byte * bytes: uint16 * kind: byte
    | LookAtClock
    | SendAll

let private limits =
    {
        MaxMessages = 5
        MaxBytes = 1000
        MaxWaitMillis = 10L
        SendsWhenIdle = false
    }

type private Entry =
    {
        Ticket: int
        Target: BatchTarget
        Kind: Batchability
        Bytes: int
        Came: int64
    }

let private targetOf topic queue : BatchTarget =
    let topic = [| "a"; "b"; "c" |][int topic % 3]

    {
        Topic = topic
        Queue =
            if queue % 4uy = 0uy then
                ValueSome
                    {
                        Topic = topic
                        BrokerName = "x"
                        QueueId = 1
                    }
            else
                ValueNone
    }

let private kindOf kind =
    match kind % 8uy with
    | 0uy -> NotBatchable
    | 1uy -> Batchable false
    | _ -> Batchable true

/// Runs steps as a producer does, which looks at its clock when a batch is due. Gives all messages, and what left when.
let private run (steps: (byte * GatherStep) list) =
    let gathering = BatchAccumulator<int> limits
    let entries = ResizeArray<Entry>()
    let sent = ResizeArray<struct (int64 * ReadyBatch<int>)>()
    let mutable now = 1000L

    let leave batches =
        for batch in batches do
            sent.Add(struct (now, batch))

    let rec passTo until =
        match gathering.NextDeadline with
        | ValueSome deadline when deadline < until ->
            now <- deadline

            match gathering.Tick now with
            | [] -> failtest $"nothing leaves at {deadline}, when something is due"
            | batches -> leave batches

            passTo until
        | _ -> now <- until

    for pause, step in steps do
        passTo (now + int64 (pause % 8uy))

        match step with
        | LookAtClock -> leave (gathering.Tick now)
        | SendAll ->
            leave (gathering.Flush())
            gathering.Waiting |> shouldEqual 0
            gathering.NextDeadline |> shouldEqual ValueNone
        | AddMessage(topic, queue, bytes, kind) ->
            let entry =
                {
                    Ticket = entries.Count
                    Target = targetOf topic queue
                    Kind = kindOf kind
                    Bytes = int bytes * 37 % 1200 + 1
                    Came = now
                }

            entries.Add entry
            leave (gathering.Add(entry.Target, entry.Kind, entry.Ticket, entry.Bytes, now))

        let left = sent |> Seq.sumBy (fun (struct (_, batch)) -> batch.Tickets.Length)
        gathering.Waiting |> shouldEqual (entries.Count - left)

    leave (gathering.Flush())
    gathering.Flush() |> shouldEqual []
    gathering.NextDeadline |> shouldEqual ValueNone
    entries.ToArray(), List.ofSeq sent

let private target = targetOf 0uy 1uy

let private gathering () = BatchAccumulator<int> limits

let private tickets (batches: ReadyBatch<int> list) =
    batches |> List.map (fun batch -> List.ofArray batch.Tickets)

let private message = Message.ofText "T" "x"

let private orderAndLimits =
    testList
        "order and limits"
        [
            property "every message leaves once, and those of a target in the order in which they came"
            <| fun (steps: (byte * GatherStep) list) ->
                let entries, sent = run steps

                let left (target: BatchTarget) =
                    [
                        for struct (_, batch) in sent do
                            if batch.Target = target then
                                yield! batch.Tickets
                    ]

                let came target =
                    [
                        for entry in entries do
                            if entry.Target = target then
                                entry.Ticket
                    ]

                entries
                |> Array.distinctBy _.Target
                |> Array.forall (fun entry -> left entry.Target = came entry.Target)
                && (sent |> List.sumBy (fun (struct (_, batch)) -> batch.Tickets.Length)) = entries.Length

            property "no batch exceeds a limit, and a message that does is sent alone"
            <| fun (steps: (byte * GatherStep) list) ->
                let entries, sent = run steps

                sent
                |> List.forall (fun (struct (_, batch)) ->
                    batch.Tickets.Length >= 1
                    && batch.Tickets.Length <= limits.MaxMessages
                    && batch.Bytes = (batch.Tickets |> Array.sumBy (fun ticket -> entries[ticket].Bytes))
                    && (batch.Bytes <= limits.MaxBytes || batch.Tickets.Length = 1))

            property "a batch holds messages with equal topic, target and wait for the store"
            <| fun (steps: (byte * GatherStep) list) ->
                let entries, sent = run steps

                sent
                |> List.forall (fun (struct (_, batch)) ->
                    match
                        batch.Tickets
                        |> Array.map (fun ticket -> entries[ticket].Kind)
                        |> Array.distinct
                    with
                    | [| NotBatchable |] -> batch.Tickets.Length = 1
                    | kinds -> kinds.Length = 1)
        ]

let private waiting =
    testList
        "waiting"
        [
            property "no message waits longer than the limit, and one that is sent alone does not wait"
            <| fun (steps: (byte * GatherStep) list) ->
                let entries, sent = run steps

                sent
                |> List.forall (fun (struct (left, batch)) ->
                    batch.Tickets
                    |> Array.forall (fun ticket ->
                        let entry = entries[ticket]
                        let waited = left - entry.Came

                        waited >= 0L
                        && waited <= limits.MaxWaitMillis
                        && (entry.Kind <> NotBatchable || waited = 0L)
                        && (entry.Bytes < limits.MaxBytes || waited = 0L)))

            property "the same calls give the same batches"
            <| fun (steps: (byte * GatherStep) list) -> run steps = run steps
        ]

let private fullBatches =
    testList
        "full batches"
        [
            testCase "a batch leaves when it is full, by messages or by bytes"
            <| fun () ->
                let byCount = gathering ()

                for ticket in 1..4 do
                    byCount.Add(target, Batchable true, ticket, 10, 0L) |> shouldEqual []

                byCount.Add(target, Batchable true, 5, 10, 0L)
                |> tickets
                |> shouldEqual [ [ 1; 2; 3; 4; 5 ] ]

                let byBytes = gathering ()
                byBytes.Add(target, Batchable true, 1, 600, 0L) |> shouldEqual []

                byBytes.Add(target, Batchable true, 2, 600, 0L)
                |> tickets
                |> shouldEqual [ [ 1 ] ]

                byBytes.Add(target, Batchable true, 3, 400, 0L)
                |> tickets
                |> shouldEqual [ [ 2; 3 ] ]

            testCase "a batch leaves when its first message has waited long enough, not its last"
            <| fun () ->
                let gathering = gathering ()
                gathering.Add(target, Batchable true, 1, 10, 100L) |> shouldEqual []
                gathering.Add(target, Batchable true, 2, 10, 109L) |> shouldEqual []
                gathering.NextDeadline |> shouldEqual (ValueSome 110L)
                gathering.Tick 109L |> shouldEqual []
                gathering.Tick 110L |> tickets |> shouldEqual [ [ 1; 2 ] ]
                gathering.NextDeadline |> shouldEqual ValueNone

            testCase "a clock that goes back does not delay a batch"
            <| fun () ->
                let gathering = gathering ()
                gathering.Add(target, Batchable true, 1, 10, 100L) |> shouldEqual []

                gathering.Add(targetOf 1uy 1uy, Batchable true, 2, 10, 50L) |> shouldEqual []

                gathering.NextDeadline |> shouldEqual (ValueSome 110L)
                gathering.Tick 110L |> tickets |> shouldEqual [ [ 1 ]; [ 2 ] ]
        ]

let private mixing =
    testList
        "mixing"
        [
            testCase "a message with another wait for the store closes the open batch"
            <| fun () ->
                let gathering = gathering ()
                gathering.Add(target, Batchable true, 1, 10, 0L) |> shouldEqual []

                gathering.Add(target, Batchable false, 2, 10, 0L)
                |> tickets
                |> shouldEqual [ [ 1 ] ]

                gathering.Flush() |> tickets |> shouldEqual [ [ 2 ] ]

            testCase "a message that joins an open batch costs little memory"
            <| fun () ->
                let gathering =
                    BatchAccumulator<int>
                        {
                            MaxMessages = 100_000
                            MaxBytes = Int32.MaxValue
                            MaxWaitMillis = 1000L
                            SendsWhenIdle = false
                        }

                let add ticket =
                    gathering.Add(target, Batchable true, ticket, 10, 0L) |> shouldBeEmpty

                for ticket in 1..1000 do
                    add ticket

                let before = GC.GetAllocatedBytesForCurrentThread()

                for ticket in 1..1000 do
                    gathering.Add(target, Batchable true, ticket, 10, 0L) |> ignore

                (GC.GetAllocatedBytesForCurrentThread() - before) / 1000L
                |> shouldStayBelow 100L
        ]

let private eligibility =
    testList
        "eligibility"
        [
            testCase "messages with special properties are sent alone"
            <| fun () ->
                Batchability.ofMessage false message |> shouldEqual (Batchable true)
                Batchability.ofMessage true message |> shouldEqual NotBatchable

                for name in
                    [
                        "DELAY"
                        "TIMER_DELAY_MS"
                        "TIMER_DELAY_SEC"
                        "TIMER_DELIVER_MS"
                        "TRAN_MSG"
                        "PGROUP"
                        "CORRELATION_ID"
                        "MSG_TYPE"
                        "TTL"
                        "INNER_MULTI_DISPATCH"
                    ] do
                    message
                    |> Message.withProperty "colour" "red"
                    |> Message.withSystemProperty name "1"
                    |> Batchability.ofMessage false
                    |> shouldEqual NotBatchable

                Batchability.ofMessage false (Message.ofText "%RETRY%g" "x")
                |> shouldEqual NotBatchable

            testCase
                "whether to wait for the store is read from the message; keys, tags and one's own properties are no obstacle"
            <| fun () ->
                let full =
                    message
                    |> Message.withTag "t"
                    |> Message.withKeys [ "k" ]
                    |> Message.withProperty "DELAYED" "1"

                Batchability.ofMessage false full |> shouldEqual (Batchable true)

                for wait in [ true; false ] do
                    Batchability.ofMessage false (Message.withWaitStoreOk wait full)
                    |> shouldEqual (Batchable wait)
        ]

let private sizes =
    testList
        "sizes"
        [
            property "the size that counts is that of the record"
            <| fun (PropertyText topic) (Bytes body) (properties: Properties) ->
                let message =
                    { Message.ofBytes topic body with
                        Properties = properties
                    }

                match BatchCodec.encode [ message ] with
                | Ok encoded -> encoded.Length = BatchCodec.recordBytes message
                | Error _ -> properties.Text.Length > Properties.maxBytes

            testCase "limits that no batch can keep are refused"
            <| fun () ->
                BatchingLimits.check BatchingLimits.Default |> Result.isOk |> shouldBeTrue

                for limits in
                    [
                        { limits with MaxMessages = 0 }
                        { limits with MaxBytes = 0 }
                        { limits with
                            MaxBytes = Message.maxBodyBytes + 1
                        }
                        { limits with MaxWaitMillis = 0L }
                        { limits with MaxWaitMillis = 30_001L }
                    ] do
                    BatchingLimits.check limits |> Result.isError |> shouldBeTrue
        ]

[<Tests>]
let tests =
    testList "BatchAccumulator" [ orderAndLimits; waiting; fullBatches; mixing; eligibility; sizes ]
