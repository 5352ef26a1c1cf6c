/// The documents of the command: the reference is what --help prints, transcripts are what commands print.
module RocketMq.Cli.Tests.DocumentTests

open System
open System.IO
open System.Text.RegularExpressions
open RocketMq.Protocol.Tests
open RocketMq.Cli
open RocketMq.Embedded

let private document name =
    Path.Combine(Repository.root, "docs", name)

let private isWriting =
    Environment.GetEnvironmentVariable "ROCKETMQ_WRITE_REFERENCE" = "1"

/// A block of a document: a command line behind "$ ", and what it prints.
type private Transcript =
    {
        Line: string
        Printed: string
        /// As it stands in the document.
        Text: string
    }

let private transcripts (text: string) : Transcript list =
    [
        for block in Regex.Matches(text, @"```console\n\$ rocketmq (?<line>[^\n]*)\n(?<printed>(?s:.*?))```") do
            {
                Line = block.Groups["line"].Value
                Printed = block.Groups["printed"].Value
                Text = block.Value
            }
    ]

/// What is different in each run: times, ids, ports, and the blanks that align them.
let private normalized (text: string) =
    [
        @"127\.0\.0\.1:\d+", "ADDRESS"
        @"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+([+-]\d\d:\d\d|Z)", "TIME"
        @"\b[0-9A-F]{32}\b", "ID"
        @"\b\d+(\.\d+)?(ms|s)\b", "SPAN"
        @"\d+(\.\d+)?%", "SHARE"
        @"[ \t]+", " "
        @" +\n", "\n"
    ]
    |> List.fold (fun text (pattern, instead) -> Regex.Replace(text, pattern, (instead: string))) text
    |> _.Trim()

/// With the ports that the document writes, whatever they were.
let private asWritten (broker: EmbeddedBroker) (text: string) =
    text.Replace(broker.NameServer, "127.0.0.1:9876").Replace(broker.BrokerAddress, "127.0.0.1:10911")

/// What the document says is there before its first command.
let private prepare (broker: EmbeddedBroker) (setup: CliSetup) : Task<unit> =
    backgroundTask {
        do! broker.CreateTopicAsync("Orders", 2)
        do! broker.CreateGroupAsync "billing"

        for index in 1..6 do
            let! sent =
                CliRig.run
                    setup
                    $"message send Orders '{{\"order\":{index}}}' --tag created --key o-{index} --group-key k{index % 2} -q"

            sent.Code |> shouldEqual 0
    }

/// Each command of a document in order, with what it prints now: output first, then what goes to standard error.
let private printed (transcripts: Transcript list) : Task<string list> =
    backgroundTask {
        use! broker = EmbeddedBroker.StartAsync()
        let setup = CliRig.against broker.NameServer CliRig.plain
        do! prepare broker setup
        let mutable results = []

        for transcript in transcripts do
            let! run = CliRig.run setup transcript.Line
            results <- results @ [ asWritten broker (run.Out + run.Error) ]

        return results
    }

let private holdTranscripts (name: string) =
    testCaseTask $"the transcripts of {name} are what commands print"
    <| fun () ->
        backgroundTask {
            let path = document name
            let text = File.ReadAllText path
            let found = transcripts text
            let! now = printed found

            if isWriting then
                let changed =
                    List.zip found now
                    |> List.fold
                        (fun (text: string) (transcript, now) ->
                            text.Replace(transcript.Text, $"```console\n$ rocketmq {transcript.Line}\n{now}```"))
                        text

                File.WriteAllText(path, changed)

            found.Length |> shouldExceed 2

            for transcript, now in List.zip found now do
                (transcript.Line, normalized now)
                |> shouldEqual (transcript.Line, normalized transcript.Printed)
        }

let tests =
    testList
        "Documents"
        [
            testCase "the reference of commands is what --help prints"
            <| fun () ->
                let path = document "cli-reference.md"
                let now = HelpText.reference Catalogue.specs

                if isWriting then
                    File.WriteAllText(path, now)

                File.ReadAllText path |> shouldEqual now

            testCaseTask "a command's help is the part of the reference under its name"
            <| fun () ->
                backgroundTask {
                    let reference = HelpText.reference Catalogue.specs

                    for spec in Catalogue.specs do
                        let! help = CliRig.runArguments CliRig.plain (spec.Path @ [ "--help" ])
                        reference |> shouldMention help.Out
                }

            holdTranscripts "cli.md"

            testCase "the picture of a terminal shows the transcripts"
            <| fun () ->
                let path = document "terminal.svg"

                let shown =
                    [
                        "topic list"
                        "message tail"
                        "group lag billing"
                        "group reset"
                        "cluster check"
                    ]

                let scenes: TerminalPicture.Scene list =
                    transcripts (File.ReadAllText(document "cli.md"))
                    |> List.filter (fun one ->
                        shown
                        |> List.exists (fun line -> one.Line.StartsWith(line, StringComparison.Ordinal)))
                    |> List.map (fun one ->
                        {
                            Line = one.Line
                            Printed = one.Printed
                        })

                let now = TerminalPicture.svg "rocketmq" scenes

                if isWriting then
                    File.WriteAllText(path, now)

                scenes.Length |> shouldExceed shown.Length
                File.ReadAllText path |> shouldEqual now

            testCase "commands that documents name exist"
            <| fun () ->
                let paths = Catalogue.specs |> List.map (fun spec -> String.concat " " spec.Path)

                for name in
                    [
                        "cli.md"
                        "getting-started.md"
                        "consuming.md"
                        "retries.md"
                        "security.md"
                        "../README.md"
                        "../README.zh-CN.md"
                    ] do
                    let text = File.ReadAllText(document name)

                    for hit in Regex.Matches(text, @"(?m)(?:^(?:\$ )?|`|\| )rocketmq (?<words>[a-z][a-z -]*[a-z])") do
                        let words = hit.Groups["words"].Value

                        paths
                        |> List.exists (fun path ->
                            words = path || words.StartsWith(path + " ", StringComparison.Ordinal))
                        |> fun isKnown ->
                            if not isKnown then
                                failtest $"{name}: rocketmq {words}"
        ]
