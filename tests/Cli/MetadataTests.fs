module RocketMq.Cli.Tests.MetadataTests

open System.IO
open System.Text.Json
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration
open RocketMq.Protocol.Tests
open RocketMq.Administration.Tests.FakeServers
open RocketMq.Cli

let private names (run: CliRun) =
    [
        for row in (JsonDocument.Parse run.Out).RootElement.GetProperty("rows").EnumerateArray() ->
            string (row.GetProperty "name")
    ]

let private table (config: TopicConfig) : TopicTable =
    {
        Topics = Map.ofList [ config.Name, config ]
        Version = None
        MappingVersion = None
        MappingInfos = None
        MappingDetails = None
    }

/// "Orders" with 4 queues on one master and 8 on the other, and a group on both.
let private uneven =
    [
        cluster [ masterA; masterB ]
        ofBrokers Topics.all (fun broker () -> Ok(table (config "Orders" (if broker = masterA then 4 else 8))))
        groups
            [
                masterA, [ SubscriptionGroups.create "billing" ]
                masterB, [ SubscriptionGroups.create "billing" ]
            ]
    ]

let tests =
    testList
        "Metadata"
        [
            testCaseTask "what one cluster exports makes another one the same"
            <| fun () ->
                CliRig.withBroker (fun old setup ->
                    backgroundTask {
                        do! old.CreateTopicAsync("Orders", 3)
                        let! _ = CliRig.run setup "group create billing --retries 3"
                        let! exported = CliRig.run setup "metadata export -o json"
                        exported.Code |> shouldEqual 0
                        let file = Path.Combine(CliRig.newFolder (), "old.json")
                        File.WriteAllText(file, exported.Out)

                        do!
                            CliRig.withBroker (fun _ fresh ->
                                backgroundTask {
                                    let! differs = CliRig.run fresh $"metadata diff {file} -o json"
                                    differs.Code |> shouldEqual 4
                                    names differs |> List.contains "Orders" |> shouldBeTrue
                                    let! planned = CliRig.run fresh $"metadata apply {file} --dry-run"
                                    planned.Code |> shouldEqual 0
                                    let! applied = CliRig.run fresh $"metadata apply {file}"
                                    (applied.Error, applied.Code) |> shouldEqual ("", 0)
                                    let! same = CliRig.run fresh $"metadata diff {file}"
                                    (same.Out.Trim(), same.Code) |> shouldEqual ("(none)", 0)
                                })
                    })

            testCaseTask "a file that is none is one line"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        for text in [ ""; "[]"; "{\"topics\":7}"; "{\"topics\":{\"rows\":[{}]}}" ] do
                            let! result = CliRig.run { setup with Input = text } "metadata diff -"
                            (text, result.Code) |> shouldEqual (text, 1)
                            (CliRig.lines result.Error).Length |> shouldEqual 1
                    })

            testCase "trap 40: what masters have is said of each and never added up"
            <| fun () ->
                let found, failures = run uneven (Metadata.read BrokerScope.All) |> valueOf
                failures |> shouldEqual []

                found
                |> List.map (fun one ->
                    one.Broker.Name, one.Topics["Orders"].ReadQueues, one.Groups["billing"].RetryQueues)
                |> shouldEqual [ "broker-a", Some 4, Some 1; "broker-b", Some 8, Some 1 ]

            testCase "trap 40: a master gets what it had; a new one gets what those of the file agree on, or nothing"
            <| fun () ->
                let found, _ = run uneven (Metadata.read BrokerScope.All) |> valueOf

                let entries select =
                    found
                    |> List.map (fun one ->
                        {
                            BrokerName = one.Broker.Name
                            Name = "n"
                            Settings = select one
                        })

                let orders = entries (fun (one: BrokerMetadata) -> one.Topics["Orders"])
                let billing = entries (fun (one: BrokerMetadata) -> one.Groups["billing"])
                let fresh = broker "new" "broker-n" 0L 10951

                Metadata.settingsFor masterB orders
                |> Result.map _.ReadQueues
                |> shouldEqual (Ok(Some 8))

                Metadata.settingsFor fresh billing
                |> Result.map _.RetryQueues
                |> shouldEqual (Ok(Some 1))

                Metadata.settingsFor fresh orders |> Result.isError |> shouldBeTrue
        ]
