module RocketMq.Protocol.Tests.LatencyFaultToleranceTests

open System
open RocketMq

/// A send that came back, and how much later than the one before.
type SendStep =
    {
        Broker: byte
        Latency: uint16
        IsFailure: bool
        Pause: uint16
    }

let private names = [| "a"; "b"; "c" |]
let private brokerOf (step: SendStep) = names[int step.Broker % names.Length]

let private queues =
    [|
        for broker in names do
            for id in 0..3 ->
                {
                    Topic = "T"
                    BrokerName = broker
                    QueueId = id
                }
    |]

let private table = LatencyTable.java533

/// All steps of the table, small numbers as they are.
let private latencyOf (step: SendStep) = int64 step.Latency * 37L % 20_000L

/// What Java keeps of a broker: when it is available again, and whether it was reached.
type private Item = { Until: int64; Reached: bool }

/// The state by Java's rule, which forgets nothing.
let private javaRecord now (known: Map<string, Item>) (step: SendStep) =
    let latency = if step.IsFailure then 10_000L else latencyOf step
    let avoid = LatencyTable.avoidMillis table latency

    let earlier =
        Map.tryFind (brokerOf step) known
        |> Option.map _.Until
        |> Option.defaultValue Int64.MinValue

    let item =
        {
            Until = if avoid > 0L then max earlier (now + avoid) else earlier
            Reached = not step.IsFailure
        }

    Map.add (brokerOf step) item known

/// Both states and the time after each step.
let private run (steps: SendStep list) =
    let after (now, state, known) (step: SendStep) =
        let now = now + int64 step.Pause

        now,
        LatencyFaultTolerance.record table (brokerOf step) (latencyOf step) step.IsFailure now state,
        javaRecord now known step

    List.scan after (1_000_000L, LatencyFaultTolerance.empty, Map.empty) steps

let private isAvailableIn known now broker =
    match Map.tryFind broker known with
    | Some item -> now >= item.Until
    | None -> true

let private isReachedIn known broker =
    match Map.tryFind broker known with
    | Some item -> item.Reached
    | None -> true

/// The queues that Java's strategy chooses among.
let private candidates known now last =
    let elsewhere =
        names |> Array.filter (fun broker -> Some broker <> last) |> List.ofArray

    [
        List.filter (isAvailableIn known now) elsewhere
        List.filter (isReachedIn known) elsewhere
        elsewhere
    ]
    |> List.find (List.isEmpty >> not)

let private tablesAreThoseOfJava () =
    let avoided table =
        [
            0L
            99L
            549L
            550L
            999L
            1000L
            1800L
            2000L
            3000L
            5000L
            14999L
            15000L
            99999L
        ]
        |> List.map (LatencyTable.avoidMillis table)

    avoided LatencyTable.java498
    |> shouldEqual
        [
            0L
            0L
            0L
            30_000L
            30_000L
            60_000L
            60_000L
            120_000L
            180_000L
            180_000L
            180_000L
            600_000L
            600_000L
        ]

    avoided LatencyTable.java533
    |> shouldEqual
        [
            0L
            0L
            0L
            2_000L
            2_000L
            2_000L
            5_000L
            5_000L
            6_000L
            10_000L
            10_000L
            30_000L
            30_000L
        ]

    let afterFailure (table: LatencyTable) =
        LatencyTable.avoidMillis table table.FailureMillis

    afterFailure LatencyTable.java498 |> shouldEqual 600_000L
    afterFailure LatencyTable.java533 |> shouldEqual 10_000L

let private javaTables =
    testList "Java's tables" [ testCase "the tables are those of the two Java clients" tablesAreThoseOfJava ]

let private invalidTables =
    testList
        "invalid tables"
        [
            testCase "a table that falls, or holds a negative number, is refused"
            <| fun () ->
                let step atLeast avoid =
                    {
                        AtLeastMillis = atLeast
                        AvoidMillis = avoid
                    }

                for table in
                    [
                        LatencyTable.java498
                        LatencyTable.java533
                        { Steps = []; FailureMillis = 0L }
                    ] do
                    LatencyTable.check table |> Result.isOk |> shouldBeTrue

                for steps, failure in
                    [
                        [ step 5L 1L; step 5L 2L ], 1L
                        [ step 5L -1L ], 1L
                        [ step -5L 1L ], 1L
                        [], -1L
                    ] do
                    LatencyTable.check
                        {
                            Steps = steps
                            FailureMillis = failure
                        }
                    |> Result.isError
                    |> shouldBeTrue
        ]

let private availability =
    testList
        "availability"
        [
            property "brokers are available when Java says so, now and later"
            <| fun (steps: SendStep list) ->
                run steps
                |> List.forall (fun (now, state, known) ->
                    List.allPairs (List.ofArray names) [ 0L; 1L; 1999L; 2000L; 9999L; 10_000L; 60_000L ]
                    |> List.forall (fun (broker, later) ->
                        LatencyFaultTolerance.isAvailable broker (now + later) state =
                            isAvailableIn known (now + later) broker))

            property "the queue is one of those that Java's strategy allows, each of them in turn"
            <| fun (steps: SendStep list) (last: byte) (start: int) ->
                let last =
                    if last > 200uy then
                        None
                    else
                        Some names[int last % names.Length]

                let start = start &&& 0xFFFFFF

                run steps
                |> List.forall (fun (now, state, known) ->
                    let allowed =
                        queues
                        |> Array.filter (fun queue -> List.contains queue.BrokerName (candidates known now last))

                    let chosen =
                        Array.init allowed.Length (fun turn ->
                            (LatencyFaultTolerance.choose queues (start + turn) last now state).Value)

                    Array.sort chosen = Array.sort allowed)

            property "without failures the queues come in turn and nothing is kept"
            <| fun (steps: SendStep list) (turn: int) ->
                let state =
                    (LatencyFaultTolerance.empty, steps)
                    ||> List.fold (fun state step ->
                        LatencyFaultTolerance.record table (brokerOf step) (int64 step.Latency % 550L) false 5L state)

                obj.ReferenceEquals(state, LatencyFaultTolerance.empty)
                && LatencyFaultTolerance.choose queues turn None 5L state =
                    ValueSome queues[(turn &&& Int32.MaxValue) % queues.Length]

            property "an avoided broker is forgotten once its time is over"
            <| fun (steps: SendStep list) ->
                let now, state, _ = List.last (run steps)
                let later = now + 3_600_000L

                LatencyFaultTolerance.avoided later state = []
                && obj.ReferenceEquals(
                    LatencyFaultTolerance.empty,
                    (state, names)
                    ||> Array.fold (fun state broker -> LatencyFaultTolerance.record table broker 1L false later state)
                )
        ]

let private cost =
    testList
        "cost"
        [
            testCase "a fast send costs no memory, and neither does choosing its queue"
            <| fun () ->
                let mutable state = LatencyFaultTolerance.empty
                let mutable found = 0

                let send turn =
                    state <- LatencyFaultTolerance.record table "a" 3L false (int64 turn) state

                    if (LatencyFaultTolerance.choose queues turn None (int64 turn) state).IsSome then
                        found <- found + 1

                for turn in 1..100 do
                    send turn

                let before = GC.GetAllocatedBytesForCurrentThread()

                for turn in 1..1000 do
                    send turn

                GC.GetAllocatedBytesForCurrentThread() - before |> shouldStayBelow 1000L
                found |> shouldEqual 1100

            property "any turn and any last broker find a queue while there is one"
            <| fun (steps: SendStep list) (turn: int) (last: byte) ->
                let now, state, _ = List.last (run steps)
                let last = Some names[int last % names.Length]
                let only = queues |> Array.filter (fun queue -> Some queue.BrokerName = last)

                (LatencyFaultTolerance.choose only turn last now state).IsSome
                && (LatencyFaultTolerance.choose [||] turn last now state).IsNone
        ]

[<Tests>]
let tests =
    testList "LatencyFaultTolerance" [ javaTables; invalidTables; availability; cost ]
