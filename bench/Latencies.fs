namespace RocketMq.Bench

open System
open System.Diagnostics

/// How long calls took, each caller's last ones, in memory that is there beforehand: what is measured allocates nothing
/// here.
[<Sealed>]
type Latencies(callers: int) =
    /// Of all callers together.
    static let samples = 1 <<< 18

    let perCaller = max 256 (samples / callers)
    let rings: int64[][] = Array.init callers (fun _ -> Array.zeroCreate perCaller)
    let counts: int[] = Array.zeroCreate callers

    let toMicroseconds (ticks: int64) =
        float ticks * 1e6 / float Stopwatch.Frequency

    /// A call of this caller has ended. Callers meet nowhere.
    member _.Add(caller: int, ticks: int64) =
        let count = counts[caller]
        rings[caller][count % perCaller] <- ticks
        counts[caller] <- count + 1

    /// Microseconds within which each of these parts of the calls had ended.
    member _.Percentiles(parts: float list) : float list =
        let sorted =
            [|
                for caller in 0 .. callers - 1 do
                    yield! Array.truncate counts[caller] rings[caller]
            |]

        Array.sortInPlace sorted

        [
            for part in parts ->
                if sorted.Length = 0 then
                    nan
                else
                    toMicroseconds sorted[min (sorted.Length - 1) (int (part * float sorted.Length))]
        ]
