module RocketMq.Cli.Tests.LookupTests

open System
open System.IO
open System.Text.Json
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Protocol.Tests
open RocketMq.Cli

let private json (run: CliRun) = JsonDocument.Parse(run.Out).RootElement

let private field (name: string) (run: CliRun) =
    [
        for row in (json run).GetProperty("rows").EnumerateArray() -> string (row.GetProperty name)
    ]

let private messages =
    testList
        "messages"
        [
            testCaseTask "a message is found by both of its ids, by its key, and by its offset"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let! sent = CliRig.run setup "message send Orders hello --key o-7 -o json"
                        let row = (json sent).GetProperty("rows")[0]

                        let id, offsetId =
                            string (row.GetProperty "id"), string (row.GetProperty "offsetId")

                        let queue, offset =
                            string (row.GetProperty "queue"), string (row.GetProperty "offset")

                        for line in
                            [
                                $"message get {id} --topic Orders"
                                $"message get {offsetId}"
                                "message query Orders o-7"
                                $"message get --topic Orders --broker broker-embedded --queue {queue} --offset {offset}"
                            ] do
                            let! found = CliRig.run setup $"{line} -o json"
                            (line, found.Error, found.Code) |> shouldEqual (line, "", 0)
                            (line, field "body" found) |> shouldEqual (line, [ "hello" ])

                        let! shown = CliRig.run setup $"message get {offsetId}"
                        shown.Out |> shouldMention "BODY"
                        let! gone = CliRig.run setup "message query Orders nothing"
                        gone.Code |> shouldEqual 1
                        let! half = CliRig.run setup "message get --topic Orders --queue 1"
                        half.Code |> shouldEqual 2
                    })
        ]

let private send (setup: CliSetup) topic body =
    backgroundTask {
        let! sent = CliRig.run setup $"message send {topic} {body} -p DLQ_ORIGIN=x"
        sent.Code |> shouldEqual 0
    }

let private deadLetters =
    testList
        "dead letters"
        [
            testCaseTask "they are counted, shown and exported; purging says how many go"
            <| fun () ->
                CliRig.withBroker (fun broker setup ->
                    backgroundTask {
                        do! broker.CreateGroupAsync "billing"
                        do! broker.CreateTopicAsync("%DLQ%billing", 1)
                        do! send setup "%DLQ%billing" "one"
                        do! send setup "%DLQ%billing" "two"
                        let! list = CliRig.run setup "dlq list -o json"

                        (field "group" list, field "messages" list)
                        |> shouldEqual ([ "billing" ], [ "2" ])

                        let! peek = CliRig.run setup "dlq peek billing --limit 1 -o json"
                        field "body" peek |> shouldEqual [ "one" ]
                        let! export = CliRig.run setup "dlq export billing -o jsonl"
                        (CliRig.lines export.Out).Length |> shouldEqual 2
                        let! table = CliRig.run setup "dlq export billing"
                        table.Code |> shouldEqual 2
                        let! refused = CliRig.run setup "dlq purge billing"
                        refused.Code |> shouldEqual 2
                        refused.Error |> shouldMention "2 messages"
                        let! purged = CliRig.run setup "dlq purge billing --yes"
                        purged.Code |> shouldEqual 0
                    })
        ]

let private progress (stored: int64) (consumed: int64) : BrokerConsumeStats =
    let queue =
        {
            Topic = "Orders"
            BrokerName = "broker-a"
            QueueId = 0
        }

    {
        BrokerAddress = None
        Groups =
            [
                Map
                    [
                        "billing",
                        [
                            {
                                Queues =
                                    Map
                                        [
                                            queue,
                                            {
                                                BrokerOffset = stored
                                                ConsumerOffset = consumed
                                                PullOffset = None
                                                LastTimestamp = 0L
                                            }
                                        ]
                                ConsumedPerSecond = 0.0
                            }
                        ]
                    ]
            ]
        TotalLag = 0L
        TotalInFlight = None
    }

let private top =
    testList
        "top"
        [
            testCase "rates are those between two looks, unknown at the first; lag is what is not consumed"
            <| fun () ->
                let before = TopCommand.samples [ progress 100L 40L; progress 10L 10L ]
                let now = TopCommand.samples [ progress 160L 60L; progress 30L 10L ]

                (TopCommand.report None now TimeSpan.Zero 20).Rows
                |> shouldEqual [ [ Text "Orders"; Text "billing"; Unknown; Unknown; Number 120L ] ]

                (TopCommand.report (Some before) now (seconds 2) 20).Rows
                |> shouldEqual [ [ Text "Orders"; Text "billing"; Rate 40.0; Rate 10.0; Number 120L ] ]
        ]

let tests = testList "Lookups" [ messages; deadLetters; top ]
