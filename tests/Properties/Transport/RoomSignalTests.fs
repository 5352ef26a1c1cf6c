/// Who waits for room is woken, and nobody is told of room that is not there.
module RocketMq.Protocol.Tests.RoomSignalTests

open System
open System.Threading
open RocketMq

/// Spins: mostly without a pause, so that two threads come as close to each other as can be.
let private awaitRound (counter: int ref) round =
    let mutable spins = 0

    while Volatile.Read &counter.contents < round do
        spins <- spins + 1

        if spins % 10_000 = 0 then
            Thread.Yield() |> ignore<bool>

/// While one thread, which sees room, wakes those who wait, a caller comes who sees none. Gives whether that caller was told of room.
let private isToldOfOthersRoom rounds : bool =
    let caller = Environment.CurrentManagedThreadId
    let signal = RoomSignal(fun () -> Environment.CurrentManagedThreadId <> caller)
    let begun = ref 0
    let ended = ref 0

    let other =
        Thread(fun () ->
            for round in 1..rounds do
                awaitRound begun round
                signal.Taken()
                Volatile.Write(&ended.contents, round))

    other.Start()
    let mutable isTold = false

    for round in 1..rounds do
        signal.Await() |> ignore<Task>
        Volatile.Write(&begun.contents, round)

        for _ in 1 .. round % 300 do
            Volatile.Read &ended.contents |> ignore<int>

        signal.Await() |> ignore<Task>
        awaitRound ended round
        isTold <- isTold || signal.Await().IsCompleted

    other.Join()
    isTold

[<Tests>]
let tests =
    testList
        "Room signal"
        [
            testCase "all who wait go on together when there is room"
            <| fun () ->
                let room = ref false
                let signal = RoomSignal(fun () -> room.Value)
                let first = signal.Await()
                let second = signal.Await()
                signal.Taken()
                (first.IsCompleted || second.IsCompleted) |> shouldBeFalse
                room.Value <- true
                signal.Taken()
                (first.IsCompleted && second.IsCompleted) |> shouldBeTrue

            testCase "who comes when there is room already does not wait"
            <| fun () ->
                let signal = RoomSignal(fun () -> true)
                signal.Await().IsCompleted |> shouldBeTrue

            testCase "who comes while others are woken still waits for room of its own"
            <| fun () -> isToldOfOthersRoom 100_000 |> shouldBeFalse
        ]
