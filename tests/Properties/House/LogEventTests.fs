/// Events of the log, as their definitions and the table in docs/troubleshooting.md have them.
module RocketMq.Protocol.Tests.LogEventTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto

type private LogLine =
    {
        Id: int
        Name: string
        Level: string
        Values: int
        Template: string
    }

let private definition =
    Regex(@"^    let \w+: (?:Event|Failure)(\d)(?:<.*>)? = (?:event|failure)\1 (\w+) (\d+) ""(\w+)"" ""(.*)""$")

let private linesOf (files: string list) =
    [
        for file in files do
            for line in File.ReadAllLines(Path.Combine(Repository.root, "src", file)) do
                let hit = definition.Match line

                if hit.Success then
                    {
                        Id = int hit.Groups[3].Value
                        Name = hit.Groups[4].Value
                        Level = hit.Groups[2].Value
                        Values = int hit.Groups[1].Value
                        Template = hit.Groups[5].Value
                    }
    ]

let private client =
    linesOf
        [
            "RocketMq.Client.fs/Options/Log.fs"
            "RocketMq.Client.fs/Consuming/ConsumerLog.fs"
            "RocketMq.Client.fs/Popping/PopLog.fs"
        ]

let private broker = linesOf [ "RocketMq.EmbeddedBroker.fs/Hosting/BrokerLog.fs" ]

let private all = client @ broker

let private placeholders line =
    [ for hit in Regex.Matches(line.Template, @"\{(\w+)\}") -> hit.Groups[1].Value ]

/// What templates may name, so that one thing has one name in every line.
let private names =
    Set.ofList
        [
            "AccessKey"
            "After"
            "Before"
            "Broker"
            "ClientId"
            "Code"
            "Committed"
            "ConsumerGroup"
            "Count"
            "Difference"
            "Endpoint"
            "Errors"
            "Expression"
            "Group"
            "Ignored"
            "MessageId"
            "Messages"
            "Mode"
            "NewOffset"
            "Next"
            "Offset"
            "Opaque"
            "Path"
            "Queue"
            "QueueId"
            "Reason"
            "Request"
            "Session"
            "Setting"
            "Time"
            "Topic"
        ]

[<Tests>]
let tests =
    testList
        "Log events"
        [
            test "each event is defined in one line" {
                all.Length |> shouldEqual 72

                [
                    for file in
                        Directory.GetFiles(Path.Combine(Repository.root, "src"), "*.fs", SearchOption.AllDirectories) do
                        if
                            Path.GetFileName file <> "Log.fs"
                            && File.ReadAllText(file).Contains("LoggerMessage.Define", StringComparison.Ordinal)
                        then
                            file
                ]
                |> shouldEqual []
            }

            test "ids and names are unique" {
                all
                |> List.countBy _.Id
                |> List.filter (fun (_, count) -> count > 1)
                |> shouldEqual []

                all
                |> List.countBy _.Name
                |> List.filter (fun (_, count) -> count > 1)
                |> shouldEqual []
            }

            test "a template has a placeholder for each value, with a known name" {
                for line in all do
                    let found = placeholders line
                    (line.Name, found.Length) |> shouldEqual (line.Name, line.Values)

                    (line.Name, found |> List.filter (fun name -> not (names.Contains name)))
                    |> shouldEqual (line.Name, [])
            }

            for page, lines in [ "troubleshooting.md", client; "embedded-broker.md", broker ] do
                test $"the table of events in {page} is complete" {
                    let rows =
                        [
                            for line in File.ReadAllLines(Path.Combine(Repository.root, "docs", page)) do
                                let hit = Regex.Match(line, @"^\| (\d{4}) \| (\w+) \| (\w+) \| .+ \|$")

                                // Packages around the client have events of their own from 1300 on, and tests of their own.
                                if
                                    hit.Success && int hit.Groups[1].Value < 1300
                                    || hit.Success && page <> "troubleshooting.md"
                                then
                                    int hit.Groups[1].Value, hit.Groups[2].Value, hit.Groups[3].Value
                        ]

                    rows
                    |> shouldEqual (lines |> List.map (fun line -> line.Id, line.Name, line.Level) |> List.sort)
                }
        ]
