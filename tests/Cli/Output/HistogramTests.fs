module RocketMq.Cli.Tests.HistogramTests

open System
open RocketMq.Protocol.Tests
open RocketMq.Cli

let private micros (value: int) = TimeSpan.FromMicroseconds(int64 value)

let private recorded (values: int list) =
    let histogram = LatencyHistogram()

    for value in values do
        histogram.Record(micros value)

    histogram

let tests =
    testList
        "Latencies"
        [
            property "a quantile is at most a sixteenth above the value that it is, and never below"
            <| fun (values: int list) (share: byte) ->
                let values = values |> List.map (fun value -> abs (value % 100_000_000))
                let share = float share / 255.0

                values.IsEmpty
                || (let sorted = List.sort values
                    let rank = max 1 (int (Math.Ceiling(share * float sorted.Length)))
                    let exact = float sorted[rank - 1]
                    let found = (recorded values).Quantile(share).TotalMicroseconds
                    found >= exact && found <= exact * (1.0 + 1.0 / 16.0) + 1.0)

            property "what several have counted is what one would have"
            <| fun (one: int list) (other: int list) ->
                let one = one |> List.map (fun value -> abs (value % 1_000_000))
                let other = other |> List.map (fun value -> abs (value % 1_000_000))
                let sum = recorded one
                sum.Add(recorded other)
                let all = recorded (one @ other)

                sum.Count = all.Count
                && sum.Longest = all.Longest
                && sum.Shortest = all.Shortest
                && sum.Doublings = all.Doublings

            property "every call is in one of the doublings"
            <| fun (values: int list) ->
                let histogram = recorded (values |> List.map (fun value -> abs (value % 1_000_000)))
                histogram.Doublings |> List.sumBy snd = histogram.Count
        ]
