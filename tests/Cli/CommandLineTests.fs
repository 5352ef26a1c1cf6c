module RocketMq.Cli.Tests.CommandLineTests

open System
open RocketMq.Protocol.Tests
open RocketMq.Cli

let private run line = CliRig.run CliRig.plain line

let private words before current =
    match Completer.candidates Catalogue.specs before current with
    | Candidates.Words words -> words
    | Candidates.Names _ -> failtest "names of a cluster"

let private refusals =
    testList
        "refusals"
        [
            for line, part in
                [
                    "nonsense", "there is no command 'nonsense'"
                    "topic nonsense", "there is no command 'topic nonsense'"
                    "topic list --nonsense", "--nonsense"
                    "topic describe", "argument"
                    "topic list -o yaml", "none of table, json, jsonl, csv"
                    "topic list", "no name server is named"
                    "topic list -n nonsense", "nonsense"
                    "topic list -n a:9876 --timeout 5", "no span of time"
                    "topic list -n a:9876 --map a", "host:port=host:port"
                    "topic list -n a:9876 --settings requestTimeuot=5s", "requestTimeuot"
                    "topic list -n a:9876 --context there", "no context 'there'"
                    "topic list -n a:9876 --cluster a --broker b", "do not go together"
                    "message tail a --tag x --sql y -n a:9876", "do not go together"
                    "message tail a -f -o json -n a:9876", "jsonl"
                    "message send a --count 3 -n a:9876", "--count"
                    "group reset g --to-latest -n a:9876", "--topic"
                    "group reset g --topic t -n a:9876", "--to-earliest"
                    "group reset g --topic t --to-latest --to-earliest -n a:9876", "do not go together"
                    "broker config set nonsense -n a:9876", "name=value"
                    "topic update t --ordered maybe -n a:9876", "neither yes nor no"
                    "completion tcsh", "none of bash"
                ] do
                testCaseTask $"'{line}' is refused with exit code 2"
                <| fun () ->
                    backgroundTask {
                        let! result = run line
                        result.Code |> shouldEqual 2
                        result.Out |> shouldEqual ""
                        result.Error |> shouldMention part
                        (CliRig.lines result.Error).Length |> shouldEqual 1
                    }
        ]

let private help =
    testList
        "help"
        [
            testCaseTask "without arguments all commands are shown"
            <| fun () ->
                backgroundTask {
                    let! result = run ""
                    result.Code |> shouldEqual 0

                    for spec in Catalogue.specs do
                        result.Out |> shouldMention (String.concat " " spec.Path)
                }

            testCaseTask "a noun alone is half a command: its verbs go to standard error"
            <| fun () ->
                backgroundTask {
                    let! result = run "topic"
                    result.Code |> shouldEqual 2
                    result.Out |> shouldEqual ""
                    result.Error |> shouldMention "topic describe"
                }

            testCaseTask "help of a command names its options, and all options that there are"
            <| fun () ->
                backgroundTask {
                    for spec in Catalogue.specs do
                        let! result = CliRig.runArguments CliRig.plain (spec.Path @ [ "--help" ])
                        result.Code |> shouldEqual 0

                        for option in spec.Options @ GlobalOptions.all do
                            result.Out |> shouldMention option.Name
                }

            testCase "no command's path, option or letter is there twice"
            <| fun () ->
                Catalogue.specs
                |> List.map _.Path
                |> List.distinct
                |> List.length
                |> shouldEqual Catalogue.specs.Length

                for spec in Catalogue.specs do
                    let names =
                        spec.Options @ GlobalOptions.all
                        |> List.collect (fun option -> option.Name :: Option.toList option.Alias)

                    names |> List.distinct |> shouldEqual names
        ]

let private completion =
    testList
        "completion"
        [
            testCase "nouns, verbs and options are completed from the specifications"
            <| fun () ->
                words [] "to" |> shouldEqual [ "topic"; "top" ]
                words [ "topic" ] "de" |> shouldEqual [ "describe"; "delete" ]
                words [ "broker"; "config" ] "" |> shouldEqual [ "get"; "set" ]
                words [ "topic"; "list" ] "--cl" |> shouldEqual [ "--cluster" ]
                words [ "topic"; "list"; "-o" ] "js" |> shouldEqual [ "json"; "jsonl" ]
                words [ "completion" ] "" |> shouldEqual [ "bash"; "zsh"; "fish"; "pwsh" ]

            testCase "options before the command and their values do not count as its words"
            <| fun () -> words [ "-n"; "topic"; "--quiet"; "topic" ] "li" |> shouldEqual [ "list" ]

            testCase "where a topic or a group stands, names are looked up"
            <| fun () ->
                for before, expected in
                    [
                        [ "topic"; "describe" ], TopicNames
                        [ "group"; "lag" ], GroupNames
                        [ "group"; "reset"; "g"; "--topic" ], TopicNames
                        [ "topic"; "list"; "--context" ], ContextNames
                    ] do
                    match Completer.candidates Catalogue.specs before "" with
                    | Candidates.Names found -> found |> shouldEqual expected
                    | Candidates.Words words -> failtest (String.concat "," words)

            testCaseTask "live names come from name servers; nothing is said where there is none"
            <| fun () ->
                CliRig.withBroker (fun broker setup ->
                    backgroundTask {
                        do! broker.CreateTopicAsync "Orders"
                        do! broker.CreateTopicAsync "Other"
                        let! result = CliRig.run setup "__complete Or topic describe --timeout 30s"
                        result.Out |> shouldEqual "Orders\n"

                        let! away =
                            CliRig.run (CliRig.against "127.0.0.1:1" CliRig.plain) "__complete Or topic describe"

                        (away.Code, away.Out, away.Error) |> shouldEqual (0, "", "")
                    })

            testCaseTask "each shell gets a script that calls the hidden command"
            <| fun () ->
                backgroundTask {
                    for shell in [ "bash"; "zsh"; "fish"; "pwsh" ] do
                        let! result = run $"completion {shell}"
                        result.Code |> shouldEqual 0
                        result.Out |> shouldMention CompletionCommand.hiddenName
                }
        ]

let tests = testList "Command line" [ refusals; help; completion ]
