module RocketMq.Protocol.Tests.InFlightTableTests

open System
open RocketMq.Protocol
open RocketMq

/// What happens to a table of calls in flight.
type Step =
    | Ask
    /// One of the waiting calls, by its place, is answered; then perhaps answered again.
    | Answer of place: byte * twice: bool
    | AnswerUnknown of opaque: int
    | TakeAll

let private limit = 8

/// Waits for no answer.
let internal nobody =
    { new ICaller with
        member _.TakeBack(_, _) = ()
        member _.Settle(_, _) = true
    }

/// Every third may be answered late.
let private pending opaque : PendingRequest =
    PendingRequest<RemotingCommand>(
        opaque,
        OutgoingCommand(
            Command.request (
                if opaque % 3 = 0 then
                    RequestCode.PullMessage
                else
                    RequestCode.GetMaxOffset
            )
        ),
        nobody,
        false,
        TimeSpan.FromSeconds 1L,
        int64 opaque * 1L<tick>,
        0L
    )

let private ask (table: InFlightTable) =
    match table.TryNumber() with
    | ValueSome opaque ->
        let call = pending opaque
        table.Add call
        Some call
    | ValueNone -> None

let private take (table: InFlightTable) (call: PendingRequest) =
    match table.TryTake call.Opaque with
    | ValueSome taken -> obj.ReferenceEquals(taken, call)
    | ValueNone -> false

/// Gives the calls that wait afterwards, and whether all went as it must.
let private apply (table: InFlightTable) (waiting: PendingRequest list, isRight) step =
    match step with
    | Ask ->
        match ask table with
        | Some call ->
            let isNew = waiting |> List.forall (fun other -> other.Opaque <> call.Opaque)
            call :: waiting, isRight && isNew && waiting.Length < limit
        | None -> waiting, isRight && waiting.Length = limit
    | Answer(place, twice) when not waiting.IsEmpty ->
        let chosen = waiting[int place % waiting.Length]
        let first = take table chosen
        let second = twice && take table chosen
        List.except [ chosen ] waiting, isRight && first && not second
    | Answer _ -> waiting, isRight
    | AnswerUnknown opaque when waiting |> List.exists (fun call -> call.Opaque = opaque) -> waiting, isRight
    | AnswerUnknown opaque -> waiting, isRight && (table.TryTake opaque).IsNone
    | TakeAll ->
        let taken = ResizeArray<PendingRequest>()
        table.TakeWhere((fun _ -> true), taken.Add) |> ignore
        let all = Set.ofList (waiting |> List.map _.Opaque)

        [],
        isRight
        && Set.ofSeq (taken |> Seq.map _.Opaque) = all
        && taken.Count = all.Count

let private numbering =
    testList
        "numbers"
        [
            property "every call is taken exactly once, wherever the numbers begin"
            <| fun (steps: Step list) (fromMax: byte) ->
                let table = InFlightTable(limit, Int32.MaxValue - int fromMax)
                let waiting, isRight = List.fold (apply table) ([], true) steps
                let prompt = waiting |> List.filter (fun call -> not call.IsLongPoll)
                isRight && table.Count = waiting.Length && table.PromptCount = prompt.Length

            testCase "opaques continue past the largest integer"
            <| fun () ->
                let table = InFlightTable(limit, Int32.MaxValue)
                let opaques = [ for _ in 1..3 -> (ask table).Value.Opaque ]

                opaques |> shouldEqual [ Int32.MaxValue; Int32.MinValue; Int32.MinValue + 1 ]

            testCase "10,000 calls have 10,000 opaques, also where they wrap"
            <| fun () ->
                for first in [ 1; Int32.MaxValue - 5000 ] do
                    let table = InFlightTable(16_384, first)

                    let numbers =
                        [
                            for _ in 1..10_000 do
                                let number = table.TryNumber() |> ValueOption.get

                                table.Add(pending number)
                                number
                        ]

                    List.distinct numbers |> List.length |> shouldEqual 10_000
        ]

let private deadlines =
    testList
        "calls that stay"
        [
            testCase "an opaque whose slot belongs to a long call is skipped"
            <| fun () ->
                let table = InFlightTable(limit, 1)
                let long = (ask table).Value

                for _ in 1..1000 do
                    let call = (ask table).Value
                    call.Opaque |> shouldNotEqual long.Opaque
                    take table call |> shouldBeTrue

                take table long |> shouldBeTrue

            testCase "the earliest deadline of the remaining calls is returned"
            <| fun () ->
                let table = InFlightTable(limit, 5)
                let all = [ for _ in 1..3 -> (ask table).Value ]
                let earliest = table.TakeWhere((fun call -> call.Deadline = 5L<tick>), ignore)
                earliest |> shouldEqual 6L<tick>
                table.Count |> shouldEqual (all.Length - 1)
        ]

[<Tests>]
let tests = testList "InFlightTable" [ numbering; deadlines ]
