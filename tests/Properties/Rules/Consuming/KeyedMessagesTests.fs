/// Messages in order of their keys, whatever comes in between.
module RocketMq.Protocol.Tests.KeyedMessagesTests

open System
open System.Collections.Generic
open RocketMq

/// What happens to a queue. A place chooses among what there is.
type KeyedStep =
    /// A pull of messages with these keys, and of so many that nobody wants before each.
    | Arrive of keys: (byte * byte) list
    /// A free handler takes the first messages of a line that is ready, up to so many.
    | Take of place: uint16 * most: byte
    /// A handler has consumed what it was given.
    | Succeed of place: uint16
    /// A handler has failed. The first messages it was given, so many, are dead letters, and the others are handled again, perhaps after a rest.
    | Fail of place: uint16 * buried: byte * rests: bool
    | RestEnds of place: uint16
    | LoseLock
    | RegainLock
    /// An operator moves the queue.
    | Move

[<Struct>]
type private Ticket =
    {
        Batch: OffsetBatch
        Index: int
        Key: string
        Offset: int64
    }

/// A handler at work, with messages of one key.
type private Work = { Line: KeyLine; Tickets: Ticket list }

/// A queue with its offsets, and what is true of it.
type private World() =
    let offsets = OffsetTracker 0L
    let waiting = KeyedMessages<Ticket, KeyLine>()
    let ready = List<KeyLine>()
    let working = List<Work>()
    let resting = List<KeyLine>()

    /// Of each key, the offsets that are not consumed.
    let unfinished = Dictionary<string, SortedSet<int64>>(StringComparer.Ordinal)

    let mutable isLocked = true
    let mutable arrived = 0
    let mutable ended = 0

    let ofKey key =
        match unfinished.TryGetValue key with
        | true, offsets -> offsets
        | _ ->
            let offsets = SortedSet<int64>()
            unfinished[key] <- offsets
            offsets

    let at (place: uint16) (items: List<'T>) =
        if items.Count = 0 then
            ValueNone
        else
            let index = int place % items.Count
            let item = items[index]
            items.RemoveAt index
            ValueSome item

    let finish (tickets: Ticket list) =
        for ticket in tickets do
            if offsets.Finish(ticket.Batch, ticket.Index) then
                (ofKey ticket.Key).Remove ticket.Offset |> shouldBeTrue
                ended <- ended + 1

    let goOn (line: KeyLine) mayGoOn =
        if mayGoOn then
            ready.Add line

    let endWork (work: Work) (again: Ticket list) rests =
        let mayGoOn = waiting.End(work.Line, Array.ofList again, rests)
        goOn work.Line mayGoOn

        if work.Line.Phase = LinePhase.Resting then
            resting.Add work.Line

    member _.Offsets = offsets
    member _.Waiting = waiting
    member _.Unfinished = unfinished
    member _.Ready = ready
    member _.Working = working
    member _.Resting = resting
    member _.IsLocked = isLocked
    member _.Left = arrived - ended

    member _.Arrive(keys: (byte * byte) list) =
        let pulled =
            keys
            |> List.scan
                (fun (_, _, next) (key, gap) ->
                    $"k{key % 5uy}", next + int64 (gap % 3uy), next + int64 (gap % 3uy) + 1L)
                ("", 0L, offsets.Next)
            |> List.tail

        let batch =
            offsets.Pulled(
                ReadOnlySpan(pulled |> List.map (fun (_, offset, _) -> offset) |> Array.ofList),
                pulled |> List.fold (fun _ (_, _, next) -> next) offsets.Next
            )

        pulled
        |> List.iteri (fun index (key, offset, _) ->
            (ofKey key).Add offset |> shouldBeTrue
            arrived <- arrived + 1

            let ticket =
                {
                    Batch = batch
                    Index = index
                    Key = key
                    Offset = offset
                }

            match waiting.Add(key, ticket, KeyLine) with
            | ValueSome line -> ready.Add line
            | ValueNone -> ())

    member _.Take(place, most) =
        match at place ready with
        | ValueSome line when not isLocked -> waiting.Park line
        | ValueSome line ->
            let before = line.Phase = LinePhase.Ready
            let tickets = waiting.Begin(line, max 1 (int most % 4)) |> List.ofArray
            // What was scheduled before a move is nothing any more.
            tickets.IsEmpty |> shouldEqual (not before)

            if not tickets.IsEmpty then
                // The first of its key that are not consumed, in their order, and no other handler has the key.
                tickets
                |> List.map _.Offset
                |> shouldEqual (ofKey line.Key |> Seq.truncate tickets.Length |> List.ofSeq)

                working |> Seq.exists (fun work -> work.Line.Key = line.Key) |> shouldBeFalse
                working.Add { Line = line; Tickets = tickets }
        | ValueNone -> ()

    member _.Succeed place =
        match at place working with
        | ValueSome work ->
            finish work.Tickets
            endWork work [] false
        | ValueNone -> ()

    member _.Fail(place, buried, rests) =
        match at place working with
        | ValueSome work ->
            let dead, again =
                work.Tickets |> List.splitAt (int buried % (work.Tickets.Length + 1))

            finish dead
            endWork work again rests
        | ValueNone -> ()

    member _.RestEnds place =
        match at place resting with
        | ValueSome line -> goOn line (waiting.Wake line)
        | ValueNone -> ()

    member _.LoseLock() = isLocked <- false

    member _.RegainLock() =
        isLocked <- true
        ready.AddRange(waiting.Release())

    member _.Move() =
        offsets.Reset(max 0L (offsets.Next - 3L))
        waiting.Clear()
        unfinished.Clear()
        arrived <- 0
        ended <- 0

let private apply (world: World) step =
    match step with
    | Arrive keys -> world.Arrive keys
    | Take(place, most) -> world.Take(place, most)
    | Succeed place -> world.Succeed place
    | Fail(place, buried, rests) -> world.Fail(place, buried, rests)
    | RestEnds place -> world.RestEnds place
    | LoseLock -> world.LoseLock()
    | RegainLock -> world.RegainLock()
    | Move -> world.Move()

let private check (world: World) =
    world.Waiting.Count |> shouldEqual world.Left
    world.Offsets.Count |> shouldEqual world.Left

    let all = world.Unfinished.Values |> Seq.collect id

    world.Offsets.Committable
    |> shouldEqual (if Seq.isEmpty all then world.Offsets.Next else Seq.min all)

let private run steps =
    let world = World()

    for step in steps do
        apply world step
        check world

    world

/// What happens in a while, by chance: messages come and are handled about as fast.
let private walk (seed: int) : KeyedStep list =
    let chance = Random seed
    let place () = uint16 (chance.Next 1000)
    let number () = byte (chance.Next 256)

    [
        for _ in 1..150 ->
            match chance.Next 100 with
            | kind when kind < 25 -> Arrive [ for _ in 0 .. chance.Next 4 -> number (), number () ]
            | kind when kind < 55 -> Take(place (), number ())
            | kind when kind < 70 -> Succeed(place ())
            | kind when kind < 80 -> Fail(place (), number (), chance.Next 2 = 0)
            | kind when kind < 90 -> RestEnds(place ())
            | kind when kind < 93 -> LoseLock
            | kind when kind < 98 -> RegainLock
            | _ -> Move
    ]

/// Has all that is left handled, but for a key that fails for ever.
let private drain (stubborn: string) (world: World) =
    world.RegainLock()

    while world.Ready.Count + world.Working.Count > 0 do
        while world.Ready.Count > 0 do
            world.Take(0us, 3uy)

        while world.Working.Count > 0 do
            if world.Working[0].Line.Key = stubborn then
                world.Fail(0us, 0uy, true)
            else
                world.Succeed 0us

        check world

let private isOver (world: World) =
    world.Left = 0
    && world.Waiting.Keys = 0
    && world.Offsets.Committable = world.Offsets.Next

let private order =
    testList
        "order"
        [
            property
                "the messages of a key are handled in the order of the queue, by one handler at a time, until each is consumed"
            <| fun (seed: int) ->
                let world = run (walk seed)

                while world.Left > 0 || world.Working.Count > 0 do
                    while world.Resting.Count > 0 do
                        world.RestEnds 0us

                    drain "" world

                isOver world

            property "a key that fails for ever stops no other, and the offset does not pass it"
            <| fun (seed: int) ->
                let world = run (walk seed)
                world.Arrive [ 0uy, 0uy; 1uy, 0uy; 0uy, 0uy ]

                for _ in 1..3 do
                    while world.Resting.Count > 0 do
                        world.RestEnds 0us

                    drain "k0" world

                world.Unfinished
                |> Seq.filter (fun pair -> pair.Value.Count > 0)
                |> Seq.map _.Key
                |> List.ofSeq
                |> shouldEqual [ "k0" ]

                world.Offsets.Committable |> shouldEqual world.Unfinished["k0"].Min
                world.Unfinished["k0"].Count >= 2
        ]

let private moves =
    testList
        "moves"
        [
            testCase
                "after a move a key waits for the handler that has it, and what that makes of its message does not count"
            <| fun () ->
                let world = World()
                world.Arrive [ 0uy, 0uy; 0uy, 0uy ]
                world.Take(0us, 1uy)
                world.Move()
                world.Arrive [ 0uy, 0uy ]
                world.Ready.Count |> shouldEqual 0
                world.Fail(0us, 0uy, true)
                world.Ready.Count |> shouldEqual 1
                check world
                drain "" world
                isOver world |> shouldBeTrue
        ]

let private cost =
    testList
        "cost"
        [
            testCase "a message of a key that has others allocates nothing but the list that a handler is given"
            <| fun () ->
                let waiting = KeyedMessages<int, KeyLine>()
                let line = (waiting.Add("k", 0, KeyLine)).Value

                let round () =
                    for number in 1..32 do
                        waiting.Add("k", number, KeyLine) |> ignore<KeyLine voption>

                    for _ in 1..32 do
                        waiting.Begin(line, 1) |> ignore<int[]>
                        waiting.End(line, [||], false) |> ignore<bool>

                for _ in 1..10 do
                    round ()

                let before = GC.GetAllocatedBytesForCurrentThread()

                for _ in 1..100 do
                    round ()

                // An array of one number, and what creates lines.
                (GC.GetAllocatedBytesForCurrentThread() - before) / 3200L |> shouldStayBelow 81L
        ]

[<Tests>]
let tests = testList "Order of keys" [ order; moves; cost ]
