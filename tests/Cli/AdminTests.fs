module RocketMq.Cli.Tests.AdminTests

open System
open System.Text.Json
open RocketMq.Protocol.Tests
open RocketMq.Cli
open RocketMq.Embedded

let private json (run: CliRun) = JsonDocument.Parse(run.Out).RootElement

let private column (name: string) (run: CliRun) =
    [
        for row in (json run).GetProperty("rows").EnumerateArray() -> string (row.GetProperty name)
    ]

let private topics =
    testList
        "topics"
        [
            testCaseTask "a topic is made, listed, shown, changed and deleted"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let! created = CliRig.run setup "topic create Orders --queues 3"
                        (created.Error, created.Code) |> shouldEqual ("", 0)
                        created.Out |> shouldMention "done"
                        let! listed = CliRig.run setup "topic list -o csv"
                        listed.Out |> shouldMention "Orders,normal"
                        let! updated = CliRig.run setup "topic update Orders --permission R -o json"
                        updated.Code |> shouldEqual 0
                        let! described = CliRig.run setup "topic describe Orders -o json"
                        let broker = (json described).GetProperty("brokers").GetProperty("rows")[0]
                        // What was not named is as it was: trap 5.
                        broker.GetProperty("readQueues").GetInt32() |> shouldEqual 3
                        broker.GetProperty("permission").GetString() |> shouldEqual "R"
                        let! deleted = CliRig.run setup "topic delete Orders --yes"
                        deleted.Code |> shouldEqual 0
                        let! gone = CliRig.run setup "topic describe Orders"
                        gone.Code |> shouldEqual 1
                        gone.Error |> shouldMention "There is no topic Orders"
                    })

            testCaseTask "--dry-run prints the plan and writes nothing"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let! planned = CliRig.run setup "topic create Orders --queues 3 --dry-run -o json"
                        planned.Code |> shouldEqual 0
                        planned.Error |> shouldMention "nothing was written"
                        column "request" planned |> shouldEqual [ "UpdateAndCreateTopic" ]
                        column "after" planned |> shouldEqual [ "3 queues to read, 3 to write, RW" ]
                        let! listed = CliRig.run setup "topic list -o csv"
                        listed.Out.Contains "Orders" |> shouldBeFalse
                    })

            testCaseTask "what destroys asks; without a terminal it refuses, and shows what would go"
            <| fun () ->
                CliRig.withBroker (fun broker setup ->
                    backgroundTask {
                        do! broker.CreateTopicAsync "Orders"
                        let! refused = CliRig.run setup "topic delete Orders"
                        refused.Code |> shouldEqual 2
                        refused.Error |> shouldMention "--yes"
                        refused.Error |> shouldMention "topic Orders"
                        refused.Out |> shouldEqual ""

                        let terminal =
                            { setup with
                                Terminal = Some 100
                                InputIsTerminal = true
                            }

                        let! no = CliRig.run { terminal with Input = "n\n" } "topic delete Orders"
                        no.Code |> shouldEqual 1
                        no.Error |> shouldMention "[y/N]"
                        let! listed = CliRig.run setup "topic list -o csv"
                        listed.Out |> shouldMention "Orders"
                        let! yes = CliRig.run { terminal with Input = "y\n" } "topic delete Orders"
                        yes.Code |> shouldEqual 0
                        let! gone = CliRig.run setup "topic list -o csv"
                        gone.Out.Contains "Orders" |> shouldBeFalse
                    })

            testCaseTask "what is there already, or not there, is one line"
            <| fun () ->
                CliRig.withBroker (fun broker setup ->
                    backgroundTask {
                        do! broker.CreateTopicAsync "Orders"

                        for line, part in
                            [
                                "topic create Orders", "is there already"
                                "topic update Nowhere --queues 3", "There is no topic Nowhere"
                                "topic delete Nowhere --yes", "There is no topic Nowhere"
                                "topic list --cluster Nowhere", "There is no cluster Nowhere"
                                "topic list --broker Nowhere", "There is no broker Nowhere"
                                "group lag Nowhere", "There is no group Nowhere"
                                "broker drain Nowhere", "There is no broker Nowhere"
                            ] do
                            let! result = CliRig.run setup line
                            (line, result.Code) |> shouldEqual (line, 1)
                            result.Error |> shouldMention part
                            (CliRig.lines result.Error).Length |> shouldEqual 1
                    })

            testCaseTask "an update that names nothing is refused; one that changes nothing writes nothing"
            <| fun () ->
                CliRig.withBroker (fun broker setup ->
                    backgroundTask {
                        do! broker.CreateTopicAsync("Orders", 4)
                        let! nothing = CliRig.run setup "topic update Orders"
                        nothing.Code |> shouldEqual 2
                        let! same = CliRig.run setup "topic update Orders --queues 4"
                        same.Code |> shouldEqual 0
                        same.Error |> shouldMention "Nothing to change"
                    })
        ]

let private groups =
    testList
        "groups"
        [
            testCaseTask "a group is made, listed, shown, changed and deleted"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let! created = CliRig.run setup "group create billing --retries 3"
                        (created.Error, created.Code) |> shouldEqual ("", 0)
                        let! listed = CliRig.run setup "group list -o json"
                        column "group" listed |> List.contains "billing" |> shouldBeTrue
                        let! updated = CliRig.run setup "group update billing --consume no"
                        updated.Code |> shouldEqual 0
                        let! described = CliRig.run setup "group describe billing -o json"
                        let broker = (json described).GetProperty("brokers").GetProperty("rows")[0]
                        broker.GetProperty("consumes").GetBoolean() |> shouldBeFalse
                        broker.GetProperty("retries").GetInt32() |> shouldEqual 3
                        let! deleted = CliRig.run setup "group delete billing --yes"
                        deleted.Code |> shouldEqual 0
                        let! gone = CliRig.run setup "group describe billing"
                        gone.Code |> shouldEqual 1
                    })

            testCaseTask "a reset is previewed queue by queue, carried out, and seen in the lag"
            <| fun () ->
                CliRig.withBroker (fun broker setup ->
                    backgroundTask {
                        do! broker.CreateTopicAsync("Orders", 2)
                        do! broker.CreateGroupAsync "billing"

                        for _ in 1..4 do
                            let! _ = CliRig.run setup "message send Orders hello"
                            ()

                        let! planned =
                            CliRig.run setup "group reset billing --topic Orders --to-latest --dry-run -o json"

                        (planned.Code, planned.Error.Contains "skipped") |> shouldEqual (0, true)
                        column "before" planned |> List.distinct |> shouldEqual [ "" ]
                        let! refused = CliRig.run setup "group reset billing --topic Orders --to-latest"
                        refused.Code |> shouldEqual 2
                        let! reset = CliRig.run setup "group reset billing --topic Orders --to-latest --yes"
                        reset.Code |> shouldEqual 0
                        let! lag = CliRig.run setup "group lag billing -o json --max-lag 0"
                        lag.Code |> shouldEqual 0
                        let! back = CliRig.run setup "group reset billing --topic Orders --to-earliest --yes"
                        back.Code |> shouldEqual 0
                        let! behind = CliRig.run setup "group lag billing -o json --max-lag 3"

                        (json behind).GetProperty("totals").GetProperty("lag").GetInt64()
                        |> shouldEqual 4L

                        behind.Code |> shouldEqual 4
                    })

            testCaseTask "topics with %RETRY% in their names are shown as they are"
            <| fun () ->
                CliRig.withBroker (fun broker setup ->
                    backgroundTask {
                        do! broker.CreateGroupAsync "billing"
                        do! broker.CreateTopicAsync("%RETRY%billing", 1)
                        let! hidden = CliRig.run setup "topic list -o csv"
                        hidden.Out.Contains "%RETRY%" |> shouldBeFalse
                        let! listed = CliRig.run setup "topic list --all -o csv"
                        listed.Out |> shouldMention "%RETRY%billing,retry"
                        let! described = CliRig.run setup "topic describe %RETRY%billing"
                        described.Code |> shouldEqual 0
                        let! tail = CliRig.run setup "message tail %RETRY%billing"
                        tail.Code |> shouldEqual 0
                    })
        ]

let private servers =
    testList
        "servers"
        [
            testCaseTask "clusters and brokers are shown, and checked"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let! list = CliRig.run setup "cluster list -o json"
                        list.Code |> shouldEqual 0
                        column "cluster" list |> shouldEqual [ "DefaultCluster" ]
                        let! status = CliRig.run setup "broker status broker-embedded -o json"
                        status.Code |> shouldEqual 0
                        let! check = CliRig.run setup "cluster check --all -o json"
                        check.Code |> shouldEqual 0
                        let! config = CliRig.run setup "broker config get brokerName -o json"
                        column "value" config |> shouldEqual [ "broker-embedded" ]
                    })

            testCaseTask "keys of name servers are set, shown and removed"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let! set = CliRig.run setup "ns kv set SPACE key value"
                        (set.Error, set.Code) |> shouldEqual ("", 0)
                        let! list = CliRig.run setup "ns kv list SPACE -o json"
                        column "value" list |> shouldEqual [ "value" ]
                        let! removed = CliRig.run setup "ns kv remove SPACE key --yes"
                        removed.Code |> shouldEqual 0
                        let! empty = CliRig.run setup "ns kv list SPACE -o json"
                        column "value" empty |> shouldEqual []
                    })
        ]

let tests = testList "Administration" [ topics; groups; servers ]
