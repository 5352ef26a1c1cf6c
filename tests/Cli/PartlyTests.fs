module RocketMq.Cli.Tests.PartlyTests

open System
open System.Text.Json
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Tests
open RocketMq.Embedded

let private withCluster (options: EmbeddedClusterOptions) test : Task<unit> =
    backgroundTask {
        use! cluster = EmbeddedCluster.StartAsync options
        do! test cluster (CliRig.against cluster.NameServers CliRig.plain)
    }

let private refuse (code: RequestCode) (broker: EmbeddedClusterBroker) =
    broker.Faults.On(code).Refuse(ResponseCode.SystemError, "not today")

let tests =
    testList
        "Some servers do not answer"
        [
            testCaseTask "a name server that is down beside one that is up is no obstacle"
            <| fun () ->
                CliRig.withBroker (fun broker _ ->
                    backgroundTask {
                        do! broker.CreateTopicAsync "Orders"
                        let setup = CliRig.against $"127.0.0.1:1;{broker.NameServer}" CliRig.plain
                        let! listed = CliRig.run setup "topic list"
                        listed.Code |> shouldEqual 0
                        listed.Out |> shouldMention "Orders"
                    })

            testCaseTask "what must be written to every name server is partly done where one is down"
            <| fun () ->
                CliRig.withBroker (fun broker _ ->
                    backgroundTask {
                        let setup = CliRig.against $"127.0.0.1:1;{broker.NameServer}" CliRig.plain
                        let! set = CliRig.run setup "ns kv set SPACE key value"
                        set.Error |> shouldMention "127.0.0.1:1"
                        set.Code |> shouldEqual 3
                    })

            testCaseTask "a broker that does not answer is a row with '?', named on standard error: exit code 3"
            <| fun () ->
                withCluster (EmbeddedClusterOptions(Masters = 2)) (fun cluster setup ->
                    backgroundTask {
                        refuse RequestCode.GetBrokerRuntimeInfo cluster.Brokers[1]
                        let! list = CliRig.run setup "cluster list -o json"
                        list.Code |> shouldEqual 3
                        list.Error |> shouldMention "broker-b"
                        use json = JsonDocument.Parse list.Out
                        let rows = json.RootElement.GetProperty "rows"
                        rows.GetArrayLength() |> shouldEqual 2
                        rows[1].GetProperty("putsToday").ValueKind |> shouldEqual JsonValueKind.Null
                        let! table = CliRig.run setup "cluster list"
                        table.Out |> shouldMention "?"
                    })

            testCaseTask "a topic that half of the brokers refuse is partly made: a row for each, exit code 3"
            <| fun () ->
                withCluster (EmbeddedClusterOptions(Masters = 2)) (fun cluster setup ->
                    backgroundTask {
                        refuse RequestCode.UpdateAndCreateTopic cluster.Brokers[1]
                        let! created = CliRig.run setup "topic create Orders -o json"
                        created.Code |> shouldEqual 3
                        created.Error |> shouldMention "not today"
                        use json = JsonDocument.Parse created.Out

                        [
                            for row in json.RootElement.GetProperty("changes").GetProperty("rows").EnumerateArray() ->
                                row.GetProperty("result").GetString()
                        ]
                        |> shouldEqual [ "done"; "failed" ]
                    })

            testCaseTask "where no server answers nothing is shown, and the exit code is 1"
            <| fun () ->
                backgroundTask {
                    for line in
                        [
                            "topic list"
                            "group list"
                            "cluster list"
                            "group lag g"
                            "topic create a"
                            "message tail a"
                        ] do
                        let! result = CliRig.run (CliRig.against "127.0.0.1:1" CliRig.plain) line
                        (line, result.Code, result.Out) |> shouldEqual (line, 1, "")
                        (CliRig.lines result.Error).Length |> shouldEqual 1
                }
        ]
