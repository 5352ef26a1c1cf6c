namespace RocketMq

open System
open System.Collections.Concurrent

/// What a member cannot do now, and since when. Whoever tries something reports that it failed, or that it went well.
[<Sealed>]
type internal MemberProblems(clock: TimeProvider) =
    let problems =
        ConcurrentDictionary<string, struct (int64 * string)>(StringComparer.Ordinal)

    /// The time of the first failure in a row stays.
    member _.Report(what: string, reason: string) =
        problems.AddOrUpdate(
            what,
            (fun _ -> struct (clock.GetTimestamp(), reason)),
            (fun _ struct (since, _) -> struct (since, reason))
        )
        |> ignore<struct (int64 * string)>

    /// Usually false; then a caller of `Clear` can spare making its text.
    member _.Any = not problems.IsEmpty

    member _.Clear(what: string) =
        if not problems.IsEmpty then
            problems.TryRemove what |> ignore<bool * struct (int64 * string)>

    /// In the order of what is not done.
    member _.All: ClientProblem list =
        [
            for KeyValue(what, struct (since, reason)) in problems do
                {
                    What = what
                    Reason = reason
                    Since = clock.GetElapsedTime since
                }
        ]
        |> List.sortBy _.What
