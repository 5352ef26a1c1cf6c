/// Two builds of this program, run in turn, so that both meet the same hours of the machine.
module RocketMq.Bench.Compare

open System
open System.Collections.Generic
open System.Diagnostics
open System.Globalization

/// In the order in which they run when none is chosen.
let private kinds =
    [ "codecs"; "typed"; "transport"; "producer"; "consumer"; "idle" ]

/// The longest that one kind may take in its short form.
let private limit = TimeSpan.FromMinutes 10L

/// A figure of one run: its name, and its value.
let private tryRow (line: string) =
    match line.Split '\t' with
    | [| "row"; name; value |] -> Some(name, Double.Parse(value, CultureInfo.InvariantCulture))
    | _ -> None

/// Runs one kind of bench of a program. What it prints besides rows is not shown.
let private runKind (program: string) (kind: string) : (string * float) list =
    let arguments = [ program; kind; "--rows"; "--short"; "--broker"; Child.self ]

    let what = $"the bench '{kind}' of {program}"
    let rows = ResizeArray()

    match Process.Start(ProcessStartInfo("dotnet", arguments, RedirectStandardOutput = true)) with
    | null -> raise (BenchFailed $"{what} did not start")
    | started ->
        use child = started
        child.OutputDataReceived.Add(fun line -> Option.ofObj line.Data |> Option.bind tryRow |> Option.iter rows.Add)
        child.BeginOutputReadLine()

        match Limited.exit what limit child with
        | 0 ->
            // Until all of its output has been read.
            child.WaitForExit()
        | code -> raise (BenchFailed $"{what} ended with code {code}")

    if rows.Count = 0 then
        raise (BenchFailed $"{what} printed no rows")

    List.ofSeq rows

/// The figures of all rounds by name, in the order in which they came first.
type private Table() =
    let names = ResizeArray<string>()
    let values = Dictionary<string, float list>()

    member _.Add(rows: (string * float) list) =
        for name, value in rows do
            match values.TryGetValue name with
            | true, before -> values[name] <- value :: before
            | _ ->
                names.Add name
                values[name] <- [ value ]

    member _.Names = names

    /// From the first round to the last.
    member _.Find name =
        match values.TryGetValue name with
        | true, values -> List.rev values
        | _ -> []

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
