/// The words that code and documents may not use. The field has words for all of these, see docs/glossary.md.
module RocketMq.Protocol.Tests.WordTests

open System
open System.IO
open System.Text.RegularExpressions

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

/// Everyday words that identifiers of sources may not be made of, and what the field says.
let private everyday =
    Map
        [
            for words, instead in
                [
                    [ "held"; "hold"; "holds" ], "cached, locked, in flight, scheduled"
                    [ "kept"; "keep"; "keeps"; "keeper" ], "stored, retained, cached"
                    [ "asked"; "ask"; "asks"; "asker" ], "requested, queried"
                    [ "wanted"; "wants" ], "requested, subscribed, needed, expected"
                    [ "told"; "tell"; "tells" ], "notified, reported"
                    [ "said"; "says" ], "reported"
                    [ "handed" ], "delivered, sent"
                    [ "lent"; "lend" ], "rented"
                    [ "given" ], "abandoned, cancelled, or what it is"
                    [ "nobody"; "wish"; "beside"; "stands" ], "what it is"
                    [ "put off" ], "nacked"
                    [ "comes again" ], "redelivered"
                    [ "goes on"; "go on" ], "continues, next offset"
                ] do
                for word in words -> word, instead
        ]

/// .NET's word.
let private allowed = Regex("[Kk]eepAlive")

let private everydayFaults (identifier: string) =
    let words = Identifiers.words (allowed.Replace(identifier, "_"))
    let pairs = words |> List.pairwise |> List.map (fun (one, next) -> $"{one} {next}")
    words @ pairs |> List.filter everyday.ContainsKey

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
        yield! all "build" "*.fsx"
        yield! all "samples" "*.cs"
        yield! Directory.GetFiles(Path.Combine(Repository.root, "docs"), "*.md")
        Path.Combine(Repository.root, "README.md")
        Path.Combine(Repository.root, "CONTRIBUTING.md")
        Path.Combine(Repository.root, "build.fsx")
    ]
    |> List.filter (fun file -> not (isBuilt file))

/// Sources whose identifiers are looked at: benches too, which walk through bytes as they like.
let private programs =
    let benches =
        Directory.GetFiles(Path.Combine(Repository.root, "bench"), "*.fs", SearchOption.AllDirectories)
        |> List.ofArray
        |> List.filter (fun file -> not (isBuilt file))

    benches
    @ (files
       |> List.filter (fun file -> isCode file || file.EndsWith(".fsx", StringComparison.Ordinal)))

let private sources =
    testList
        "sources"
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

            test "identifiers of sources use the field's words" {
                programs.Length |> shouldExceed 250

                [
                    for file in programs do
                        let text = File.ReadAllText file

                        for start, identifier in Identifiers.ofSource text do
                            for word in everydayFaults identifier do
                                let line = (text.Substring(0, start).Split '\n').Length
                                let place = Path.GetRelativePath(Repository.root, file)
                                $"{place}:{line}: {identifier} says '{word}'; {everyday[word]}?"
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
        ]

let private patterns =
    testList
        "patterns"
        [
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

let private found (source: string) =
    [
        for _, identifier in Identifiers.ofSource source do
            yield! everydayFaults identifier
    ]

let private identifierPatterns =
    testList
        "identifiers"
        [
            test "each everyday word is found in identifiers" {
                for source in
                    [
                        "let held = 1"
                        "member _.HeldBytes = 1"
                        "| AskRoom of lane: int"
                        "let rec askInTurn () = ()"
                        "let mutable goesOn = true"
                        "let mayGoOn = true"
                        "let wasPutOff = ()"
                        "| ComesAgain of afterMillis: int64"
                        "private readonly int _wanted;"
                        "let private namesNobody options = ()"
                        "let text = $\"all but {held}\""
                        "let text = $\"\"\"all {{but}} {x.Kept}\"\"\""
                        "[<LoggerMessage(Message = \"{Held} messages\")>]"
                        "var text = $\"{string.Join(\", \", asked)}\";"
                    ] do
                    struct (source, (found source).Length) |> shouldEqual (struct (source, 1))
            }

            test "other identifiers, texts and comments are not reported" {
                for source in
                    [
                        "let asking, household, keepsake = 1, 2, 3"
                        "// The queue that is held."
                        "(* kept *) let x = 1"
                        "/* said */ var x = 1;"
                        "let ``nobody is told`` () = ()"
                        "let text = \"held\""
                        "let text = @\"held \"\"kept\"\" \""
                        "let text = \"\"\"the \"held\" ones\"\"\""
                        "let text = $\"{{held}} and kept\""
                        "let quote = '\"' // held \""
                        "member _.KeepAlive = options.KeepAlive"
                    ] do
                    found source |> shouldEqual []
            }
        ]

[<Tests>]
let tests = testList "Words" [ sources; patterns; identifierPatterns ]
