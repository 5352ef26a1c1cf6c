/// Batches that are sent as soon as none of their target is on its way.
module RocketMq.Protocol.Tests.IdleBatchTests

open RocketMq

/// What a producer does, in random order.
type IdleStep =
    | AddOne of topic: byte * bytes: uint16 * isAlone: bool
    /// A batch that is on its way ends.
    | EndOne of place: byte

let private limits =
    {
        MaxMessages = 5
        MaxBytes = 1000
        MaxWaitMillis = 10L
        SendsWhenIdle = true
    }

let private targetOf (topic: byte) : BatchTarget =
    {
        Topic = [| "a"; "b" |][int topic % 2]
        Queue = ValueNone
    }

/// A producer with batches on their way, in the order in which they left.
type private World() =
    let accumulator = BatchAccumulator<int> limits
    let onTheirWay = ResizeArray<ReadyBatch<int>>()
    let left = ResizeArray<ReadyBatch<int>>()
    let added = ResizeArray<BatchTarget * int>()

    let leave (batches: ReadyBatch<int> list) =
        left.AddRange batches
        onTheirWay.AddRange batches

    member _.Add(target, bytes, gatherable) =
        let ticket = added.Count
        added.Add(target, ticket)
        accumulator.Add(target, gatherable, ticket, bytes, 0L) |> leave

    member _.End(place: int) =
        if onTheirWay.Count > 0 then
            let batch = onTheirWay[place % onTheirWay.Count]
            onTheirWay.RemoveAt(place % onTheirWay.Count)
            accumulator.Ended batch.Target |> leave

    member world.EndAll() =
        while onTheirWay.Count > 0 do
            world.End 0

    member _.OnTheirWay target =
        onTheirWay |> Seq.filter (fun batch -> batch.Target = target) |> Seq.length

    member _.Waiting = accumulator.Waiting

    /// What was added of a target, and what has left of it, in order.
    member _.Of target =
        [
            for other, ticket in added do
                if other = target then
                    ticket
        ],
        [
            for batch in left do
                if batch.Target = target then
                    yield! batch.Tickets
        ]

let private step (world: World) step =
    match step with
    | AddOne(topic, bytes, isAlone) ->
        world.Add(targetOf topic, 1 + int bytes % 400, (if isAlone then NotBatchable else Batchable true))
    | EndOne place -> world.End(int place)

let private both = [ targetOf 0uy; targetOf 1uy ]

[<Tests>]
let tests =
    testList
        "Batches when idle"
        [
            property "nothing waits while no batch is on its way, and what waits leaves with the last one's end"
            <| fun (steps: IdleStep list) ->
                let world = World()

                steps
                |> List.forall (fun one ->
                    step world one

                    world.Waiting = 0
                    || both |> List.exists (fun target -> world.OnTheirWay target > 0))

            property "every message leaves once, in order, when all batches have ended"
            <| fun (steps: IdleStep list) ->
                let world = World()
                List.iter (step world) steps
                world.EndAll()

                world.Waiting = 0
                && both |> List.forall (world.Of >> (fun (added, left) -> added = left))

            testCase "the first message leaves alone, and those that come meanwhile as one batch"
            <| fun () ->
                let world = World()

                for _ in 1..4 do
                    world.Add(targetOf 0uy, 10, Batchable true)

                world.Of(targetOf 0uy) |> shouldEqual ([ 0; 1; 2; 3 ], [ 0 ])
                world.OnTheirWay(targetOf 0uy) |> shouldEqual 1
                world.End 0
                world.Of(targetOf 0uy) |> snd |> shouldEqual [ 0; 1; 2; 3 ]
                world.OnTheirWay(targetOf 0uy) |> shouldEqual 1

            testCase "a message of another target waits for none"
            <| fun () ->
                let world = World()
                world.Add(targetOf 0uy, 10, Batchable true)
                world.Add(targetOf 1uy, 10, Batchable true)
                world.Waiting |> shouldEqual 0

            testCase "a batch that ends and was none changes nothing"
            <| fun () ->
                let accumulator = BatchAccumulator<int> limits
                accumulator.Ended(targetOf 0uy) |> shouldBeEmpty

                accumulator.Add(targetOf 0uy, Batchable true, 1, 10, 0L)
                |> List.length
                |> shouldEqual 1
        ]
