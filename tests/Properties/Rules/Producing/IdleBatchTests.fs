/// Batches that are sent as soon as none of their target is on its way.
module RocketMq.Protocol.Tests.IdleBatchTests

open RocketMq

/// What a producer does, in random order.
type IdleStep =
    | AddOne of topic: byte * bytes: uint16 * isAlone: bool
    /// A batch that is on its way ends.
    | EndOne of place: byte
    /// Those who came at the same time have had their turn: a deferred batch is looked at.
    | LookAt of place: byte

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

    /// What is deferred, and how many messages it had when it was looked at last.
    let deferred = ResizeArray<BatchTarget * int>()

    let leave (batches: ReadyBatch<int> list) =
        left.AddRange batches
        onTheirWay.AddRange batches

        match accumulator.TakeDeferred() with
        | ValueSome target -> deferred.Add(target, 0)
        | ValueNone -> ()

    member _.Add(target, bytes, gatherable) =
        let ticket = added.Count
        added.Add(target, ticket)
        accumulator.Add(target, gatherable, ticket, bytes, 0L) |> leave

    member _.End(place: int) =
        if onTheirWay.Count > 0 then
            let batch = onTheirWay[place % onTheirWay.Count]
            onTheirWay.RemoveAt(place % onTheirWay.Count)
            accumulator.Ended batch.Target |> leave

    member _.Look(place: int) =
        if deferred.Count > 0 then
            let target, seen = deferred[place % deferred.Count]
            deferred.RemoveAt(place % deferred.Count)

            match accumulator.Look(target, seen) with
            | DeferredBatch.Grows count ->
                if count <= seen then
                    failtest $"{count} messages are no more than {seen}"

                deferred.Add(target, count)
            | DeferredBatch.Ready batch -> leave [ batch ]
            | DeferredBatch.Gone -> ()

    member world.LookAll() =
        while deferred.Count > 0 do
            world.Look 0

    member world.EndAll() =
        while onTheirWay.Count > 0 || deferred.Count > 0 do
            world.LookAll()
            world.End 0

    member _.IsDeferred target =
        deferred |> Seq.exists (fun (other, _) -> other = target)

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
    | LookAt place -> world.Look(int place)

let private both = [ targetOf 0uy; targetOf 1uy ]

let private laws =
    testList
        "laws"
        [
            property "nothing waits but for a batch on its way, or for those who come at the same time"
            <| fun (steps: IdleStep list) ->
                let world = World()

                steps
                |> List.forall (fun one ->
                    step world one

                    both
                    |> List.forall (fun target ->
                        let added, left = world.Of target

                        added.Length = left.Length
                        || world.OnTheirWay target > 0
                        || world.IsDeferred target))

            property "nothing is deferred of what nobody came with the last time"
            <| fun (topics: byte list) ->
                let world = World()

                for topic in topics do
                    world.Add(targetOf topic, 10, Batchable true)

                    if world.IsDeferred(targetOf topic) then
                        failtest "a message alone is deferred"

                    world.EndAll()

                world.Waiting = 0

            property "every message leaves once, in order, when all batches have ended"
            <| fun (steps: IdleStep list) ->
                let world = World()
                List.iter (step world) steps
                world.EndAll()

                world.Waiting = 0
                && both |> List.forall (world.Of >> (fun (added, left) -> added = left))
        ]

let private together =
    testList
        "messages that come together"
        [
            testCase "after a batch, who comes first is deferred until no more come"
            <| fun () ->
                let world = World()
                let target = targetOf 0uy
                let add () = world.Add(target, 10, Batchable true)
                let leftLast () = world.Of target |> snd |> List.last

                for _ in 0..2 do
                    add ()

                // The first one alone, and the others when it has ended.
                world.End 0
                leftLast () |> shouldEqual 2
                world.End 0
                add ()
                leftLast () |> shouldEqual 2
                world.IsDeferred target |> shouldBeTrue
                // One is in it, then another one has come, then none.
                world.Look 0
                add ()
                world.Look 0
                leftLast () |> shouldEqual 2
                world.Look 0
                leftLast () |> shouldEqual 4
                world.OnTheirWay target |> shouldEqual 1
                world.IsDeferred target |> shouldBeFalse

            testCase "a deferred batch leaves when it is full or its time has come, whoever looks"
            <| fun () ->
                let accumulator = BatchAccumulator<int> limits
                let target = targetOf 0uy

                let add ticket now =
                    accumulator.Add(target, Batchable true, ticket, 10, now)

                let sizes (batches: ReadyBatch<int> list) = batches |> List.map _.Tickets.Length

                for ticket in 1..3 do
                    add ticket 0L |> ignore

                accumulator.Ended target |> sizes |> shouldEqual [ 2 ]
                accumulator.Ended target |> shouldBeEmpty
                add 4 0L |> shouldBeEmpty
                accumulator.Tick 9L |> shouldBeEmpty
                accumulator.Tick 10L |> sizes |> shouldEqual [ 1 ]
                accumulator.Look(target, 1).IsGone |> shouldBeTrue
        ]

let private single =
    testList
        "one after the other"
        [
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

[<Tests>]
let tests = testList "Batches when idle" [ laws; together; single ]
