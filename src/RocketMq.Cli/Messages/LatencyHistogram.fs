namespace RocketMq.Cli

open System

/// How often calls took how long: 16 steps for each doubling, so that a figure is at most 6% off, whatever its size. Of one thread.
[<Sealed>]
type LatencyHistogram() =
    static let stepBits = 4
    static let steps = 1 <<< stepBits
    let counts: int64[] = Array.zeroCreate (steps * 60)
    let mutable total = 0L
    let mutable longest = 0L
    let mutable shortest = Int64.MaxValue

    /// Microseconds up to 16 have a step each; from there on each doubling has 16 of them.
    static let indexOf (micros: int64) =
        if micros < int64 steps then
            int micros
        else
            let power = 63 - Numerics.BitOperations.LeadingZeroCount(uint64 micros)
            let step = int (micros >>> (power - stepBits)) &&& (steps - 1)
            (power - stepBits + 1) * steps + step

    /// The largest time of a step.
    static let upperOf (index: int) =
        if index < steps then
            int64 index
        else
            let power = index / steps + stepBits - 1
            let step = int64 (index % steps)
            ((int64 steps + step + 1L) <<< (power - stepBits)) - 1L

    /// Counts one call.
    member _.Record(took: TimeSpan) =
        let micros = max 0L (took.Ticks / 10L)
        let index = min (counts.Length - 1) (indexOf micros)
        counts[index] <- counts[index] + 1L
        total <- total + 1L
        longest <- max longest micros
        shortest <- min shortest micros

    /// How many calls.
    member _.Count = total

    /// The longest one; zero if there was none.
    member _.Longest = TimeSpan.FromMicroseconds(longest)

    /// The shortest one; zero if there was none.
    member _.Shortest = TimeSpan.FromMicroseconds(if total = 0L then 0L else shortest)

    member private _.Counts = counts

    /// Adds what another one has counted.
    member _.Add(other: LatencyHistogram) =
        for index in 0 .. counts.Length - 1 do
            counts[index] <- counts[index] + other.Counts[index]

        total <- total + other.Count
        longest <- max longest (other.Longest.Ticks / 10L)

        if other.Count > 0L then
            shortest <- min shortest (other.Shortest.Ticks / 10L)

    /// What so large a share of all calls took at most, 0 to 1.
    member _.Quantile(share: float) : TimeSpan =
        let rank = max 1L (int64 (Math.Ceiling(share * float total)))
        let mutable seen = 0L
        let mutable index = 0

        while index < counts.Length - 1 && seen + counts[index] < rank do
            seen <- seen + counts[index]
            index <- index + 1

        TimeSpan.FromMicroseconds(min longest (upperOf index))

    /// How many calls took at most so long as each power of two microseconds, and longer than the one before; from the first power that
    /// has any to the last.
    member _.Doublings: (TimeSpan * int64) list =
        let sums = Array.zeroCreate<int64> 61

        for index in 0 .. counts.Length - 1 do
            if counts[index] > 0L then
                let upper = upperOf index
                let power = 64 - Numerics.BitOperations.LeadingZeroCount(uint64 upper)
                sums[power] <- sums[power] + counts[index]

        match Array.tryFindIndex (fun sum -> sum > 0L) sums, Array.tryFindIndexBack (fun sum -> sum > 0L) sums with
        | Some first, Some last ->
            [
                for power in first..last -> TimeSpan.FromMicroseconds(1L <<< power), sums[power]
            ]
        | _ -> []
