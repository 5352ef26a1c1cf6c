/// Two builds of this program, run in turn, so that both meet the same hours of the machine.
module RocketMq.Bench.Compare

open System
open RocketMq.Bench.Rows

/// In the order in which they run when none is chosen.
let private kinds =
    [
        "codecs"
        "typed"
        "transport"
        "producer"
        "consumer"
        "idle"
        "bodies"
        "scale"
    ]

let private number (value: float) =
    if abs value >= 100.0 then $"{value:N0}"
    elif abs value >= 1.0 then $"{value:N2}"
    else $"{value:N3}"

/// The median, and how far the rounds lie apart.
let private spread (values: float list) =
    $"{number (Samples.median values)} ({number (List.min values)} to {number (List.max values)})"

/// The median of the rounds' own ratios: a slow minute of the machine is in both halves of a round.
let private ratio (olds: float list) (news: float list) =
    let ratios =
        List.zip olds news
        |> List.choose (fun (before, after) -> if before > 0.0 then Some(after / before) else None)

    if ratios.IsEmpty then
        "-"
    else
        $"{Samples.median ratios:N2}"

let private print (olds: Table) (news: Table) =
    let line (name: string) (old: string) (new': string) (ratio: string) =
        Console.Out.WriteLine $"| {name, -44} | {old, 32} | {new', 32} | {ratio, 7} |"

    line "figure" "old: median (least to most)" "new: median (least to most)" "new/old"
    line (String('-', 44)) (String('-', 32)) (String('-', 32)) (String('-', 7))

    for name in news.Names do
        let before = olds.Find name
        let after = news.Find name

        if before.Length = after.Length then
            line name (spread before) (spread after) (ratio before after)
        else
            line name "-" (spread after) "-"

/// Runs the kinds, all if none is named, of an older build and of this one in turn.
let run (settings: Settings) (old: string) (chosen: string list) =
    match List.except kinds chosen with
    | [] ->
        let chosen = if chosen.IsEmpty then kinds else chosen
        let olds = Table()
        let news = Table()

        for round in 1 .. settings.Rounds do
            for kind in chosen do
                Console.Out.WriteLine $"Round {round} of {settings.Rounds}: {kind}"
                olds.Add(runKind old kind)
                news.Add(runKind Child.self kind)

        Console.Out.WriteLine
            $"Medians of {settings.Rounds} rounds, old and new in turn; the ratio is the median of those of the rounds."

        print olds news
        0
    | unknown ->
        let unknown = String.Join(", ", unknown)
        let known = String.Join(", ", kinds)
        raise (BenchFailed $"there is no bench {unknown}; there are {known}")
