/// Figures that a broker counts, against the same from a list of all that came. Java: StatsItem, StoreStatsService, BrokerStats.
module RocketMq.Protocol.Tests.MeterTests

open RocketMq.Protocol.Admin
open RocketMq.Embedded

/// What came when, from steps and values.
let private timed (steps: (uint16 * byte) list) : (int64 * int64) list =
    ((0L, []), steps)
    ||> List.fold (fun (now, events) (step, value) ->
        // Now and then a long pause.
        let pause =
            if step % 13us = 0us then
                int64 step * 5_000L
            else
                int64 step * 7L

        let now = now + pause
        now, (now, int64 value) :: events)
    |> snd
    |> List.rev

let private isWithin slotMillis slots now (time, _) =
    now / slotMillis - time / slotMillis < int64 slots

let private sumOf events = events |> List.sumBy snd

let private windows =
    testList
        "windows"
        [
            property "a window has what came in its slots, whatever came before, and its mean"
            <| fun (steps: (uint16 * byte) list) ->
                let window = MeterWindow(10_000L, 6)
                let events = timed steps

                for time, value in events do
                    window.Add(time, value, 1L)

                match List.tryLast events with
                | None -> window.Read(0L, 0L).Sum |> shouldEqual 0L
                | Some(now, _) ->
                    let inside = events |> List.filter (isWithin 10_000L 6 now)
                    let item = window.Read(now, 0L)
                    item.Sum |> shouldEqual (sumOf inside)
                    item.Average |> shouldEqual (float (sumOf inside) / float inside.Length)

            testCase "a second's share is of the time that the window has run, and no less than of one slot"
            <| fun () ->
                let window = MeterWindow(10_000L, 6)
                window.Add(100_000L, 30L, 1L)
                window.Read(100_000L, 100_000L).PerSecond |> shouldEqual 3.0
                window.Read(130_000L, 100_000L).PerSecond |> shouldEqual 1.0
                window.Read(159_999L, 0L).PerSecond |> shouldEqual 0.5
                window.Read(160_000L, 0L).PerSecond |> shouldEqual 0.0
        ]

let private rates =
    testList
        "rates"
        [
            property "a rate is of the seconds that are over"
            <| fun (steps: (uint16 * byte) list) ->
                let counter = RateCounter()
                let events = timed steps

                for time, value in events do
                    counter.Add(time, value)

                let now = events |> List.tryLast |> Option.map fst |> Option.defaultValue 0L

                for seconds in [ 10; 60; 600 ] do
                    let over =
                        events
                        |> List.filter (fun (time, _) ->
                            let age = now / 1_000L - time / 1_000L
                            age >= 1L && age <= int64 seconds)

                    counter.PerSecond(now, seconds)
                    |> shouldEqual (float (sumOf over) / float seconds)

            testCase "totals are told apart by days, also over days on which nothing came"
            <| fun () ->
                let day = 86_400_000L
                let total = DayTotal(5L * day)
                total.Add(5L * day, 3L)
                total.Read(5L * day) |> shouldEqual (struct (0L, 0L, 3L))
                total.Add(6L * day + 1L, 4L)
                total.Read(6L * day + 1L) |> shouldEqual (struct (0L, 3L, 7L))
                total.Read(7L * day) |> shouldEqual (struct (3L, 7L, 7L))
                total.Read(9L * day) |> shouldEqual (struct (7L, 7L, 7L))
        ]

[<Tests>]
let tests = testList "Broker figures" [ windows; rates ]
