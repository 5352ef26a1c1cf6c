module RocketMq.Cli.Tests.ContextTests

open System
open System.IO
open RocketMq.Protocol.Tests
open RocketMq.Cli

let private setup () =
    { CliRig.plain with
        Config = CliRig.newFolder ()
    }

let private fileOf (setup: CliSetup) =
    Path.Combine(setup.Config, "rocketmq", "contexts.json")

let private write (setup: CliSetup) (text: string) =
    Directory.CreateDirectory(Path.Combine(setup.Config, "rocketmq")) |> ignore
    File.WriteAllText(fileOf setup, text)

let private stored =
    testList
        "stored"
        [
            testCaseTask "contexts are added, listed, chosen, shown without secrets, and removed"
            <| fun () ->
                backgroundTask {
                    let setup = setup ()

                    let! added =
                        CliRig.run
                            setup
                            "context add prod -n a:9876;b:9876 --settings 'requestTimeout=5s;accessKey=AK;secretKey=very-secret'"

                    added.Code |> shouldEqual 0

                    let! second =
                        CliRig.run setup "context add test -n t:9876 --map t:9876=127.0.0.1:9876"

                    second.Code |> shouldEqual 0
                    let! list = CliRig.run setup "context list"

                    CliRig.lines list.Out
                    |> shouldEqual
                        [
                            "NAME  CURRENT  NAME SERVERS   SETTINGS"
                            "prod  yes      a:9876;b:9876  yes"
                            "test  no       t:9876         no"
                        ]

                    let! shown = CliRig.run setup "context show prod -o json"
                    shown.Out |> shouldMention "requestTimeout=5s;accessKey=***;secretKey=***"
                    [ shown.Out; shown.Error; list.Out ] |> shouldHide [ "very-secret"; "AK;" ]
                    let! used = CliRig.run setup "context use test"
                    used.Code |> shouldEqual 0
                    let! current = CliRig.run setup "context show -o json"
                    current.Out |> shouldMention "\"name\": \"test\""
                    let! removed = CliRig.run setup "context remove test"
                    removed.Code |> shouldEqual 0
                    let! gone = CliRig.run setup "context use test"
                    gone.Code |> shouldEqual 1
                }

            testCaseTask "the file is its owner's alone; one that others can read is pointed out"
            <| fun () ->
                backgroundTask {
                    if OperatingSystem.IsWindows() then
                        skiptest "Windows has no file modes: the user's folder is his own there."

                    let setup = setup ()
                    let! _ = CliRig.run setup "context add prod -n a:9876"

                    File.GetUnixFileMode(fileOf setup)
                    |> shouldEqual (UnixFileMode.UserRead ||| UnixFileMode.UserWrite)

                    File.SetUnixFileMode(
                        fileOf setup,
                        UnixFileMode.UserRead ||| UnixFileMode.UserWrite ||| UnixFileMode.OtherRead
                    )

                    let! list = CliRig.run setup "context list"
                    list.Error |> shouldMention "chmod 600"
                }

            testCaseTask "what makes no sense is not stored"
            <| fun () ->
                backgroundTask {
                    let setup = setup ()

                    for line in
                        [
                            "context add prod"
                            "context add prod -n nonsense"
                            "context add a/b -n a:9876"
                            "context add prod -n a:9876 --settings requestTimeuot=5s"
                        ] do
                        let! result = CliRig.run setup line
                        result.Code |> shouldEqual 2

                    File.Exists(fileOf setup) |> shouldBeFalse
                }

            testCaseTask "one of the same name is only written over if that is meant"
            <| fun () ->
                backgroundTask {
                    let setup = setup ()
                    let! _ = CliRig.run setup "context add prod -n a:9876"
                    let! again = CliRig.run setup "context add prod -n b:9876"
                    again.Code |> shouldEqual 1
                    again.Error |> shouldMention "--replace"
                    let! replaced = CliRig.run setup "context add prod -n b:9876 --replace"
                    replaced.Code |> shouldEqual 0
                }
        ]

let private damaged =
    testList
        "damaged"
        [
            for text, part in
                [
                    "{ \"contexts\": { \"prod\": { \"nameServers\": \"a:9876\"", "no JSON at line 1"
                    "[]", "it is no object"
                    "{ \"contexts\": [] }", "contexts is no object"
                    "{ \"contexts\": { \"prod\": 7 } }", "context 'prod' is no object"
                    "{ \"contexts\": { \"prod\": { \"settings\": 7 } } }", "settings of context 'prod' is no text"
                    "", "no JSON"
                ] do
                testCaseTask $"'{text}' is one line with the path, and is not written over"
                <| fun () ->
                    backgroundTask {
                        let setup = setup ()
                        write setup text

                        for line in [ "context list"; "context add other -n a:9876"; "topic list --context prod" ] do
                            let! result = CliRig.run setup line
                            result.Code |> shouldEqual 1
                            result.Error |> shouldMention (fileOf setup)
                            result.Error |> shouldMention part

                            CliRig.lines result.Error
                            |> List.filter (fun line -> not (line.Contains "chmod"))
                            |> List.length
                            |> shouldEqual 1

                        File.ReadAllText(fileOf setup) |> shouldEqual text
                    }
        ]

let private precedence =
    testList
        "precedence"
        [
            testCaseTask
                "options win over variables, and these over the current context; one that is named wins over variables"
            <| fun () ->
                CliRig.withBroker (fun broker _ ->
                    backgroundTask {
                        do! broker.CreateTopicAsync "Orders"
                        let away = "127.0.0.1:1"
                        let setup = setup ()
                        let! _ = CliRig.run setup $"context add dead -n {away}"
                        let! _ = CliRig.run setup $"context add live -n {broker.NameServer}"

                        let! byContext = CliRig.run setup "topic list"
                        byContext.Code |> shouldEqual 1
                        let! byVariable = CliRig.run (CliRig.against broker.NameServer setup) "topic list"
                        byVariable.Out |> shouldMention "Orders"
                        let! byName = CliRig.run (CliRig.against away setup) "topic list --context live"
                        byName.Out |> shouldMention "Orders"

                        let! byOption =
                            CliRig.run (CliRig.against away setup) $"topic list --context dead -n {broker.NameServer}"

                        byOption.Out |> shouldMention "Orders"
                    })
        ]

let tests = testList "Contexts" [ stored; damaged; precedence ]
