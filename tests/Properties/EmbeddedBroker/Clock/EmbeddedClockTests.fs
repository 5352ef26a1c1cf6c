module RocketMq.Protocol.Tests.EmbeddedClockTests

open System
open System.Threading
open Expecto
open RocketMq.Embedded

/// A timer that notes its name and the time at which it fires.
let private noting (clock: EmbeddedClock) (noted: ResizeArray<string * TimeSpan>) name due period =
    let start = clock.GetTimestamp()

    clock.CreateTimer((fun _ -> noted.Add((name, TimeSpan.FromTicks(clock.GetTimestamp() - start)))), null, due, period)
    |> ignore

let private timeTests =
    testList
        "time"
        [
            testCase "a clock begins now, stands still, and advances by what it is advanced"
            <| fun () ->
                let before = TimeProvider.System.GetUtcNow()
                let clock = EmbeddedClock()
                let beginning = clock.GetUtcNow()
                let after = TimeProvider.System.GetUtcNow()
                (beginning >= before && beginning <= after) |> shouldBeTrue
                clock.GetUtcNow() |> shouldEqual beginning
                clock.Advance(seconds 7_200)
                clock.GetUtcNow() |> shouldEqual (beginning + seconds 7_200)
                clock.GetElapsedTime 0L |> shouldEqual (seconds 7_200)

            testCase "a clock does not go back"
            <| fun () ->
                let clock = EmbeddedClock()

                Expect.throwsT<ArgumentOutOfRangeException> (fun () -> clock.Advance(seconds -1)) "negative"

            testCase "a running clock advances by itself, and its timers fire"
            <| fun () ->
                let clock = EmbeddedClock true
                let rang = new ManualResetEventSlim()

                use _ =
                    clock.CreateTimer(
                        (fun _ -> rang.Set()),
                        null,
                        TimeSpan.FromMilliseconds 1L,
                        Timeout.InfiniteTimeSpan
                    )

                rang.Wait(seconds 30) |> shouldBeTrue
                clock.GetTimestamp() |> shouldExceed (TimeSpan.FromMilliseconds(1L).Ticks - 1L)

            testCase "a running clock can be advanced too"
            <| fun () ->
                let clock = EmbeddedClock true
                let noted = ResizeArray()
                noting clock noted "a" (seconds 100) Timeout.InfiniteTimeSpan
                clock.Advance(seconds 101)
                noted.Count |> shouldEqual 1
                clock.GetTimestamp() |> shouldExceed ((seconds 101).Ticks - 1L)
        ]

let private timersTests =
    testList
        "timers"
        [
            testCase "a timer that is due at once fires without an advance"
            <| fun () ->
                let clock = EmbeddedClock()
                let rang = new ManualResetEventSlim()

                use _ =
                    clock.CreateTimer((fun _ -> rang.Set()), null, TimeSpan.Zero, Timeout.InfiniteTimeSpan)

                rang.Wait(seconds 30) |> shouldBeTrue

            testCase "a timer that was changed or disposed of does not fire at its old time"
            <| fun () ->
                let clock = EmbeddedClock()
                let mutable fired = 0
                let callback = TimerCallback(fun _ -> fired <- fired + 1)
                let changed = clock.CreateTimer(callback, null, seconds 1, Timeout.InfiniteTimeSpan)
                let gone = clock.CreateTimer(callback, null, seconds 1, Timeout.InfiniteTimeSpan)
                changed.Change(seconds 5, Timeout.InfiniteTimeSpan) |> shouldBeTrue
                gone.Dispose()
                gone.Change(seconds 1, Timeout.InfiniteTimeSpan) |> shouldBeFalse
                clock.Advance(seconds 4)
                fired |> shouldEqual 0
                clock.Advance(seconds 1)
                fired |> shouldEqual 1

            testCase "a timer that is set while another fires, and is due, fires in the same move"
            <| fun () ->
                let clock = EmbeddedClock()
                let noted = ResizeArray()

                let set () =
                    noting clock noted "second" (seconds 1) Timeout.InfiniteTimeSpan

                use _ =
                    clock.CreateTimer((fun _ -> set ()), null, seconds 1, Timeout.InfiniteTimeSpan)

                clock.Advance(seconds 2)
                noted |> List.ofSeq |> shouldEqual [ "second", seconds 1 ]

            testCase "delays of .NET end when the clock passes them"
            <| fun () ->
                let clock = EmbeddedClock()
                let delay = Task.Delay(seconds 3_600, clock)
                clock.Advance(seconds 3_599)
                delay.IsCompleted |> shouldBeFalse
                clock.Advance(seconds 1)
                delay.Wait(seconds 30) |> shouldBeTrue
        ]

let private timerModel =
    testList
        "timer model"
        [
            property
                "timers fire when they are due, the first first, as often as their periods say, however the clock is moved"
            <| fun (timers: (byte * byte) list) (moves: byte list) ->
                let clock = EmbeddedClock()
                let noted = ResizeArray()
                let moves = List.truncate 10 moves

                let timers =
                    timers
                    |> List.truncate 6
                    |> List.map (fun (due, period) -> 1 + int due, int period % 40)

                timers
                |> List.iteri (fun index (due, period) ->
                    let period =
                        if period = 0 then
                            Timeout.InfiniteTimeSpan
                        else
                            seconds period

                    noting clock noted (string index) (seconds due) period)

                for move in moves do
                    clock.Advance(seconds (int move))

                let total = moves |> List.sumBy int

                let expected =
                    timers
                    |> List.mapi (fun index (due, period) ->
                        if period = 0 then
                            [
                                if due <= total then
                                    string index, seconds due
                            ]
                        else
                            [ for time in due..period..total -> string index, seconds time ])
                    |> List.concat

                let times = noted |> Seq.map snd |> List.ofSeq
                List.sort (List.ofSeq noted) = List.sort expected && times = List.sort times
        ]

[<Tests>]
let tests = testList "Embedded clock" [ timeTests; timersTests; timerModel ]
