/// Benches as programs that print rows: run, read, and gathered over rounds.
module RocketMq.Bench.Rows

open System
open System.Collections.Generic
open System.Diagnostics
open System.Globalization

/// The longest that one kind may take in its short form.
let private limit = TimeSpan.FromMinutes 10L

/// A figure of one run: its name, and its value.
let private tryRow (line: string) =
    match line.Split '\t' with
    | [| "row"; name; value |] -> Some(name, Double.Parse(value, CultureInfo.InvariantCulture))
    | _ -> None

/// Runs a program that prints rows, with environment variables of its own. What it prints besides rows is not shown.
let runProgram
    (environment: (string * string) list)
    (what: string)
    (program: string)
    (arguments: string list)
    : (string * float) list =
    let rows = ResizeArray()
    let start = ProcessStartInfo(program, arguments, RedirectStandardOutput = true)

    for name, value in environment do
        start.Environment[name] <- value

    match Process.Start start with
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

/// Runs one kind of bench of a build of this program.
let runKindAt environment (program: string) (kind: string) (nameServer: string option) : (string * float) list =
    runProgram
        environment
        $"the bench '{kind}' of {program}"
        "dotnet"
        ([ program; kind ]
         @ Option.toList nameServer
         @ [ "--rows"; "--short"; "--broker"; Child.self ])

/// The same, against an embedded broker.
let runKind program kind = runKindAt [] program kind None

/// The figures of all rounds by name, in the order in which they came first.
type Table() =
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
