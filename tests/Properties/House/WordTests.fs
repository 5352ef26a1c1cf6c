/// The words that code and documents may not use. The field has words for all of these, see docs/glossary.md.
module RocketMq.Protocol.Tests.WordTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto

/// Coined words and phrases, as they would stand in prose, and what the field says.
let private phrases =
    [
        @"done with", "consumed, finished"
        @"hand(s|ed)? out", "deliver"
        @"g(i|a)ve(s|n)? back", "send back, release, return"
        @"anew", "again"
        @"signs? of life", "ping"
        @"farewells?", "drain, graceful close"
        @"goodbyes?", "unregister"
        @"greet(s|ed|ing)?", "register, heartbeat"
        @"doors?", "connection slot"
        @"as the other", "the sentence itself"
        @"(the|C#|its) face", "facade"
        @"nobody is told", "who is not notified, of what"
    ]

/// The same as parts of identifiers.
let private identifiers =
    [
        "Door"
        "Farewell"
        "Goodbye"
        "Greet"
        "Anew"
        "SignOfLife"
        "DoneWith"
        "HandedOut"
        "GivenBack"
        "GiveBack"
        "InHand"
        "Gathering"
        "Watchdog"
    ]

let private prose =
    Regex(
        @"\b(" + String.Join("|", phrases |> List.map fst) + @")\b",
        RegexOptions.IgnoreCase ||| RegexOptions.CultureInvariant
    )

/// At the beginning of a word within an identifier, as in `isDoorShut`.
let private coined =
    let words = String.Join("|", identifiers)

    let small =
        String.Join(
            "|",
            identifiers
            |> List.map (fun word -> word.Substring(0, 1).ToLowerInvariant() + word.Substring 1)
        )

    Regex(@"\b[A-Za-z0-9]*(" + words + @")(?![a-z])|\b(" + small + @")(?![a-z])")

let private faults (line: string) =
    [
        for hit in prose.Matches line -> hit.Value
        for hit in coined.Matches line -> hit.Value
    ]

/// What walks through bytes or text has positions; a queue has offsets.
let private walksBytes =
    [
        "Wire"
        "Messages/Records"
        "Messages/Bodies"
        "Messages/Properties.fs"
        "Operations/Codec"
        "Sql92"
        "Faults/AnswerFraming.fs"
        "Storage/QueueReading.fs"
        "Rules/Consuming/QueueAllocation.fs"
        "Transport"
    ]

let private position =
    Regex(@"\b([Pp]ositions?|[a-z]+Positions?)\b|[A-Za-z]+Positions?\b")

let private isCode (path: string) =
    path.EndsWith(".fs", StringComparison.Ordinal)
    || path.EndsWith(".cs", StringComparison.Ordinal)

let private isBuilt (path: string) =
    Regex.IsMatch(path, @"[\\/](bin|obj)[\\/]")

/// Sources and documents. Decisions are a record of their time, and the glossary may name what it replaces.
let private files =
    let all folder pattern =
        Directory.GetFiles(Path.Combine(Repository.root, folder), pattern, SearchOption.AllDirectories)

    [
        yield! all "src" "*.fs"
        yield! all "src" "*.cs"
        yield! all "samples" "*.fsx"
        yield! all "samples" "*.cs"
        yield! Directory.GetFiles(Path.Combine(Repository.root, "docs"), "*.md")
        Path.Combine(Repository.root, "README.md")
        Path.Combine(Repository.root, "CONTRIBUTING.md")
        Path.Combine(Repository.root, "build.fsx")
    ]
    |> List.filter (fun file -> not (isBuilt file))

[<Tests>]
let tests =
    testList
        "Words"
        [
            test "no source and no document uses a coined word" {
                files.Length |> shouldExceed 250

                [
                    for file in files do
                        for index, line in File.ReadAllLines file |> Array.indexed do
                            for fault in faults line do
                                $"{Path.GetRelativePath(Repository.root, file)}:{index + 1}: {fault}"
                ]
                |> shouldEqual []
            }

            test "a queue has offsets, never positions" {
                [
                    for file in files do
                        let name = Path.GetRelativePath(Repository.root, file).Replace('\\', '/')

                        if
                            isCode file
                            && not (walksBytes |> List.exists (fun place -> name.Contains $"/{place}"))
                        then
                            for index, line in File.ReadAllLines file |> Array.indexed do
                                if position.IsMatch line then
                                    $"{name}:{index + 1}: {line.Trim()}"
                ]
                |> shouldEqual []
            }

            test "each coined word is found" {
                for line in
                    [
                        "/// What the consumer is done with."
                        "// Messages are handed out in order."
                        "/// Given back to brokers."
                        "/// Begins anew."
                        "It asks for a sign of life."
                        "/// Says goodbye to brokers."
                        "/// As the other, to one queue."
                        "The C# face converts."
                        "    let isDoorShut = true"
                        "    let beginFarewell () ="
                        "    member _.Greet(topic) ="
                        "    | GiveBack of level: int"
                        "    let watchdog = 1"
                    ] do
                    faults line |> List.length |> shouldExceed 0
            }

            test "words of the field are not reported" {
                for line in
                    [
                        "/// A doorbell, a surface and the outdoors."
                        "/// What is handed to the handler, and what a test hands over."
                        "let gathered = 1"
                    ] do
                    faults line |> shouldEqual []
            }
        ]
