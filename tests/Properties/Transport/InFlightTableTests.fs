module RocketMq.Protocol.Tests.InFlightTableTests

open System
open Expecto
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

let private waiter opaque =
    PendingRequest(
        opaque,
        OutgoingCommand(Command.request RequestCode.PullMessage),
        false,
        TimeSpan.FromSeconds 1L,
        int64 opaque,
        0L
    )

let private ask (waiters: InFlightTable) =
    match waiters.TryNumber() with
    | ValueSome opaque ->
        let waiter = waiter opaque
        waiters.Add waiter
        Some waiter
    | ValueNone -> None

let private take (waiters: InFlightTable) (waiter: PendingRequest) =
    match waiters.TryTake waiter.Opaque with
    | ValueSome taken -> obj.ReferenceEquals(taken, waiter)
    | ValueNone -> false

/// Gives the calls that wait afterwards, and whether all went as it must.
let private apply (waiters: InFlightTable) (waiting: PendingRequest list, isRight) step =
    match step with
    | Ask ->
        match ask waiters with
        | Some waiter ->
            let isNew = waiting |> List.forall (fun other -> other.Opaque <> waiter.Opaque)
            waiter :: waiting, isRight && isNew && waiting.Length < limit
        | None -> waiting, isRight && waiting.Length = limit
    | Answer(place, twice) when not waiting.IsEmpty ->
        let chosen = waiting[int place % waiting.Length]
        let first = take waiters chosen
        let second = twice && take waiters chosen
        List.except [ chosen ] waiting, isRight && first && not second
    | Answer _ -> waiting, isRight
    | AnswerUnknown opaque when waiting |> List.exists (fun waiter -> waiter.Opaque = opaque) -> waiting, isRight
    | AnswerUnknown opaque -> waiting, isRight && (waiters.TryTake opaque).IsNone
    | TakeAll ->
        let taken = ResizeArray<PendingRequest>()
        waiters.TakeWhere((fun _ -> true), taken.Add) |> ignore
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
                let waiters = InFlightTable(limit, Int32.MaxValue - int fromMax)
                let waiting, isRight = List.fold (apply waiters) ([], true) steps
                isRight && waiters.Count = waiting.Length

            testCase "opaques continue past the largest integer"
            <| fun () ->
                let waiters = InFlightTable(limit, Int32.MaxValue)
                let opaques = [ for _ in 1..3 -> (ask waiters).Value.Opaque ]

                opaques |> shouldEqual [ Int32.MaxValue; Int32.MinValue; Int32.MinValue + 1 ]

            testCase "10,000 calls have 10,000 opaques, also where they wrap"
            <| fun () ->
                for first in [ 1; Int32.MaxValue - 5000 ] do
                    let waiters = InFlightTable(16_384, first)

                    let numbers =
                        [
                            for _ in 1..10_000 do
                                let number = waiters.TryNumber() |> ValueOption.get

                                waiters.Add(
                                    PendingRequest(
                                        number,
                                        OutgoingCommand(Command.request RequestCode.HeartBeat),
                                        false,
                                        TimeSpan.Zero,
                                        0L,
                                        0L
                                    )
                                )

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
                let waiters = InFlightTable(limit, 1)
                let long = (ask waiters).Value

                for _ in 1..1000 do
                    let waiter = (ask waiters).Value
                    waiter.Opaque |> shouldNotEqual long.Opaque
                    take waiters waiter |> shouldBeTrue

                take waiters long |> shouldBeTrue

            testCase "the earliest deadline of the remaining calls is returned"
            <| fun () ->
                let waiters = InFlightTable(limit, 5)
                let all = [ for _ in 1..3 -> (ask waiters).Value ]
                let earliest = waiters.TakeWhere((fun waiter -> waiter.Deadline = 5L), ignore)
                earliest |> shouldEqual 6L
                waiters.Count |> shouldEqual (all.Length - 1)
        ]

[<Tests>]
let tests = testList "InFlightTable" [ numbering; deadlines ]
