module RocketMq.Cli.Tests.AccessTests

open System.Text
open System.Threading.Tasks
open RocketMq.Administration
open RocketMq.Protocol.Tests
open RocketMq.Cli

/// A command that says what it has read, which no command of ours does.
let private revealing: CommandSpec<Invocation> =
    Spec.command [ "reveal" ] "Says the password" [] (Secret.options "--password" "the password") (fun invocation ->
        Secret.read "--password" "the password" invocation
        |> Result.bind (fun text -> CommandHost.writeText invocation.Host text |> Result.map (fun () -> 0))
        |> Task.FromResult)

let private reveal (setup: CliSetup) (line: string) =
    CliRig.runSpecs [ revealing ] setup (CliRig.split line)

let private plain = CliRig.plain

let private atTerminal =
    { plain with
        Terminal = Some 80
        InputIsTerminal = true
        Secret = "typed"
    }

let private secrets =
    testList
        "secrets"
        [
            testCaseTask "a secret comes from standard input, a variable, the terminal or the command line"
            <| fun () ->
                backgroundTask {
                    let withInput = { plain with Input = "piped\nmore\n" }

                    let withVariable =
                        { plain with
                            Variables = Map.ofList [ "SECRET", "from-variable" ]
                        }

                    for setup, line, expected in
                        [
                            withInput, "reveal --password-stdin", "piped"
                            withVariable, "reveal --password-env SECRET", "from-variable"
                            atTerminal, "reveal --password-prompt", "typed"
                            atTerminal, "reveal", "typed"
                            plain, "reveal --password given-here", "given-here"
                        ] do
                        let! run = reveal setup line
                        (line, run.Code, run.Out) |> shouldEqual (line, 0, expected)
                        run.Error.Contains expected |> shouldBeFalse
                }

            testCaseTask "what makes no sense is one line, and exit code 2"
            <| fun () ->
                backgroundTask {
                    for setup, line, part in
                        [
                            plain, "reveal", "no terminal"
                            plain, "reveal --password-prompt", "no terminal"
                            plain, "reveal --password-stdin", "is empty"
                            plain, "reveal --password-env NOWHERE", "there is no variable"
                            { atTerminal with Secret = " " }, "reveal", "is empty"
                            plain, "reveal --password a --password-stdin", "do not go together"
                            { plain with Input = "x" }, "reveal --password-stdin --settings -", "both read"
                        ] do
                        let! run = reveal setup line
                        (line, run.Code, run.Out) |> shouldEqual (line, 2, "")
                        run.Error |> shouldMention part
                }
        ]

let private broker name id port : BrokerAddress =
    {
        Cluster = "c"
        Name = name
        Id = id
        Address = $"127.0.0.1:{port}"
    }

let private text (report: Report) =
    let text = StringBuilder()
    TableText.write System.TimeZoneInfo.Utc None [ report ] text
    CliRig.lines (text.ToString()) |> List.map _.TrimEnd()

let private alice: AccessUser =
    {
        Name = "alice"
        Type = UserType.Normal
        Status = UserStatus.Enabled
    }

let private tables =
    testList
        "tables"
        [
            testCase "a broker without users, or that says nothing, is a row with what stands in its way"
            <| fun () ->
                let one, other, old, off =
                    broker "a" 0L 1, broker "b" 0L 2, broker "c" 0L 3, broker "d" 0L 4

                let report =
                    AccessReports.users
                        {
                            Rows =
                                [
                                    {
                                        Key = "alice"
                                        Broker = one
                                        Value = Some alice
                                        Differences = []
                                    }
                                    {
                                        Key = "alice"
                                        Broker = other
                                        Value = None
                                        Differences = [ "missing" ]
                                    }
                                ]
                            NotSupported = [ old ]
                            NotEnabled = [ off ]
                            Failures = []
                        }

                text report
                |> shouldEqual
                    [
                        "USER   BROKER  ADDRESS      TYPE    STATUS   DIFFERS"
                        "alice  a       127.0.0.1:1  normal  enabled  -"
                        "alice  b       127.0.0.1:2  -       -        missing"
                        "?      c       127.0.0.1:3  ?       ?        not supported: needs RocketMQ 5.3 or later"
                        "?      d       127.0.0.1:4  ?       ?        off: authenticationEnabled and authenticationMetadataProvider"
                    ]

                report.Failures |> List.map _.Server |> shouldEqual [ string old; string off ]
                ExitCode.ofReports [ report ] |> shouldEqual ExitCode.partly
        ]

let private commands =
    testList
        "commands"
        [
            testCaseTask "a broker that has no such access control is named with the version that it would need"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        for line in
                            [
                                "user list"
                                "user describe alice"
                                "user create alice --password first-secret"
                                "user update alice --status disabled"
                                "user delete alice --yes"
                                "acl list"
                                "acl describe alice"
                                "acl set alice --resource Topic:a --action Pub"
                                "acl delete alice --yes"
                                "acl diff"
                                "acl sync --from broker-embedded --yes"
                            ] do
                            let! run = CliRig.run setup line
                            (line, run.Code, run.Out) |> shouldEqual (line, 1, "")
                            run.Error |> shouldMention "5.3 and later"
                            run.Error.Contains "first-secret" |> shouldBeFalse

                        for line in
                            [
                                "acl-file list"
                                "acl-file describe broker-embedded"
                                "acl-file set some-account --secret-key first-secret"
                                "acl-file delete some-account --yes"
                                "acl-file whitelist 10.0.0.1 --yes"
                            ] do
                            let! run = CliRig.run setup line
                            (line, run.Code, run.Out) |> shouldEqual (line, 1, "")
                            run.Error |> shouldMention "4.x"
                            run.Error.Contains "first-secret" |> shouldBeFalse
                    })

            testCaseTask "what makes no sense is exit code 2 before a broker is written to"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        for line, part in
                            [
                                "user create alice", "no terminal"
                                "user update alice", "Nothing is named"
                                "user create alice --password x --type king", "neither normal nor super"
                                "user create alice --password x --status asleep", "neither enabled nor disabled"
                                "acl set alice --action Pub", "No resource"
                                "acl set alice --resource Topics:a --action Pub", "of no type"
                                "acl set alice --resource Topic:a --action Publish", "none of All"
                                "acl set alice --resource Topic:a --source-ip 1.1.1.1 --from-anywhere",
                                "do not go together"
                                "acl delete alice --resource orders --yes", "neither '*' nor type:name"
                                "acl sync", "--from"
                                "acl-file set some-account --secret-key short", "shorter"
                                "acl-file set some-account --secret-key long-enough --topic a=ALL", "PUB|SUB"
                            ] do
                            let! run = CliRig.run setup line
                            (line, run.Code, run.Out) |> shouldEqual (line, 2, "")
                            run.Error |> shouldMention part
                    })
        ]

let tests = testList "Access control" [ secrets; tables; commands ]
