module RocketMq.Protocol.Tests.OffsetTrackerTests

open System
open RocketMq

/// What happens to a queue.
type OffsetStep =
    /// A pull of so many messages with such gaps before them, and a gap after them.
    | PullGaps of gaps: byte list * tail: byte
    /// The message at this place among all that were ever pulled is consumed, once more if it was before.
    | FinishAny of place: uint16
    /// One that is not consumed yet.
    | FinishHeld of place: uint16
    | ResetTo of position: byte

/// A message that was pulled, and how to name it.
type private Ticket =
    {
        Batch: OffsetBatch
        Index: int
        Offset: int64
    }

type private Model =
    {
        Unfinished: Set<int64>
        Next: int64
        /// Since the last reset.
        Current: Ticket list
        /// Before it.
        Former: Ticket list
    }

let private offsetsAfter next (gaps: byte list) =
    gaps
    |> List.scan
        (fun (_, at) gap -> let offset = at + int64 (max 0 (int gap % 5 - 2)) in offset, offset + 1L)
        (0L, next)
    |> List.tail
    |> List.map fst
    |> Array.ofList

let private check (queue: OffsetTracker) model =
    queue.Next |> shouldEqual model.Next
    queue.Count |> shouldEqual model.Unfinished.Count

    if model.Unfinished.IsEmpty then
        queue.Committable |> shouldEqual model.Next
        queue.Span |> shouldEqual 0L
    else
        queue.Committable |> shouldEqual model.Unfinished.MinimumElement

        queue.Span
        |> shouldEqual (model.Unfinished.MaximumElement - model.Unfinished.MinimumElement)

let private finish (queue: OffsetTracker) model ticket =
    let isHeld =
        List.contains ticket model.Current && model.Unfinished.Contains ticket.Offset

    queue.Finish(ticket.Batch, ticket.Index) |> shouldEqual isHeld

    if isHeld then
        { model with
            Unfinished = Set.remove ticket.Offset model.Unfinished
        }
    else
        model

let private at (place: uint16) items =
    List.tryItem (int place % max 1 (List.length items)) items

let private apply (queue: OffsetTracker) model step =
    match step with
    | PullGaps(gaps, tail) ->
        let offsets = offsetsAfter model.Next gaps

        let next =
            (if offsets.Length = 0 then
                 model.Next
             else
                 Array.last offsets + 1L)
            + int64 (tail % 3uy)

        let batch = queue.Pulled(ReadOnlySpan offsets, next)
        batch.Count |> shouldEqual offsets.Length

        { model with
            Unfinished = Set.union model.Unfinished (Set.ofArray offsets)
            Next = next
            Current =
                model.Current
                @ [
                    for index, offset in Array.indexed offsets ->
                        {
                            Batch = batch
                            Index = index
                            Offset = offset
                        }
                ]
        }
    | FinishAny place ->
        match at place (model.Current @ model.Former) with
        | Some ticket -> finish queue model ticket
        | None -> model
    | FinishHeld place ->
        match
            at
                place
                (model.Current
                 |> List.filter (fun ticket -> model.Unfinished.Contains ticket.Offset))
        with
        | Some ticket -> finish queue model ticket
        | None -> model
    | ResetTo position ->
        queue.Reset(int64 position)

        {
            Unfinished = Set.empty
            Next = int64 position
            Current = []
            Former = model.Current @ model.Former
        }

let private run (steps: OffsetStep list) =
    let queue = OffsetTracker 100L

    ({
        Unfinished = Set.empty
        Next = 100L
        Current = []
        Former = []
     },
     steps)
    ||> List.fold (fun model step ->
        let before = queue.Committable
        let after = apply queue model step
        check queue after

        match step with
        | ResetTo _ -> ()
        | _ when queue.Committable < before -> failtest $"the position went back from {before} to {queue.Committable}"
        | _ -> ()

        after)

let private pulled (queue: OffsetTracker) (offsets: int64 list) next =
    queue.Pulled(ReadOnlySpan(Array.ofList offsets), next)

let private offsetsTests =
    testList
        "offsets"
        [
            property "the tracker equals a set of offsets in every order, with duplicates and resets"
            <| fun (steps: OffsetStep list) ->
                run steps |> ignore
                true

            property "when all messages are consumed in any order, the offset is that of the next pull"
            <| fun (pulls: (byte list * byte) list) (seed: int) ->
                let queue = OffsetTracker 7L
                let chance = Random seed

                let tickets =
                    [
                        for gaps, tail in pulls do
                            let offsets = offsetsAfter queue.Next gaps
                            let next = Array.fold (fun _ offset -> offset + 1L) queue.Next offsets
                            let batch = queue.Pulled(ReadOnlySpan offsets, next + int64 tail)

                            for index in 0 .. offsets.Length - 1 do
                                batch, index
                    ]

                let results =
                    tickets |> List.sortBy (fun _ -> chance.Next()) |> List.map queue.Finish

                List.forall id results && queue.Count = 0 && queue.Committable = queue.Next
        ]

let private hostileAnswers =
    testList
        "hostile answers"
        [
            property "answers out of order move no offset back and pass no cached message"
            <| fun (pulls: (int16 list * int16) list) (order: uint16 list) ->
                let queue = OffsetTracker 0L
                let held = ResizeArray<struct (OffsetBatch * int * int64)>()
                let mutable position = 0L

                let look () =
                    let lowest =
                        if held.Count = 0 then
                            queue.Next
                        else
                            held |> Seq.map (fun (struct (_, _, at)) -> at) |> Seq.min

                    let isSo =
                        queue.Committable >= position
                        && queue.Committable <= lowest
                        && queue.Count = held.Count

                    position <- queue.Committable
                    isSo && queue.Next >= position

                let pull (offsets: int16 list, next: int16) =
                    let start = queue.Next
                    let batch = pulled queue (List.map int64 offsets) (int64 next)
                    // One that the position is past already cannot hold it back.
                    offsets
                    |> List.iteri (fun index offset -> held.Add(struct (batch, index, max start (int64 offset))))

                    look ()

                let finish (place: uint16) =
                    if held.Count > 0 then
                        let struct (batch, index, _) = held[int place % held.Count]
                        held.RemoveAt(int place % held.Count)
                        queue.Finish(batch, index) |> shouldBeTrue

                    look ()

                List.forall pull pulls && List.forall finish order

            testCase "batches of other queues or from before a reset and unknown messages change nothing"
            <| fun () ->
                let queue = OffsetTracker 0L
                let other = OffsetTracker 0L
                let former = pulled queue [ 0L; 1L ] 2L
                queue.Reset 5L
                let batch = pulled queue [ 5L; 6L ] 7L
                let foreign = pulled other [ 5L; 6L ] 7L

                for batch, index in [ former, 0; former, 1; foreign, 0; batch, -1; batch, 2 ] do
                    queue.Finish(batch, index) |> shouldBeFalse

                queue.Count |> shouldEqual 2
                queue.Committable |> shouldEqual 5L
        ]

let private cost =
    testList
        "cost"
        [
            testCase "tracking a message allocates almost nothing"
            <| fun () ->
                let queue = OffsetTracker 0L
                let offsets = Array.init 32 int64

                let round () =
                    for index in 0..31 do
                        offsets[index] <- queue.Next + int64 index

                    let batch = queue.Pulled(ReadOnlySpan offsets, offsets[31] + 1L)

                    for index in 31..-1..0 do
                        queue.Finish(batch, index) |> ignore

                for _ in 1..10 do
                    round ()

                let before = GC.GetAllocatedBytesForCurrentThread()

                for _ in 1..100 do
                    round ()

                (GC.GetAllocatedBytesForCurrentThread() - before) / 3200L |> shouldStayBelow 8L
        ]

[<Tests>]
let tests = testList "OffsetTracker" [ offsetsTests; hostileAnswers; cost ]
