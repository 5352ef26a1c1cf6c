/// Clients, producers, cleaning, request modes and settings of name servers.
module RocketMq.Cli.Tests.ClientTests

open System
open System.Text.Json
open System.Threading
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Tests
open RocketMq.Cli
open RocketMq.Embedded

let private json (run: CliRun) = JsonDocument.Parse(run.Out).RootElement

let private rowsOf (part: string) (run: CliRun) =
    (json run).GetProperty(part).GetProperty("rows").EnumerateArray() |> List.ofSeq

let private text (name: string) (row: JsonElement) = string (row.GetProperty name)

let private ok (result: Result<'T, 'Error>) : 'T =
    match result with
    | Ok value -> value
    | Error error -> failtest $"{error}"

/// A message and a member that has consumed it, with the result of its next call.
let private withMember (test: CliSetup -> PushConsumer -> string -> ConsumeResult ref -> Task<unit>) : Task<unit> =
    CliRig.withBroker (fun broker setup ->
        backgroundTask {
            do! broker.CreateTopicAsync("Orders", 2)
            let! sent = CliRig.run setup "message send Orders hello -o json"
            sent.Code |> shouldEqual 0

            use client =
                RocketMqClient.Create(ClientOptions.shared (ok (Endpoint.parseList broker.NameServer)))
                |> ok

            let handled = new SemaphoreSlim 0
            let result = ref ConsumeResult.Success

            let options =
                PushConsumerOptions.create "billing" []
                |> PushConsumerOptions.subscribe "Orders" Filter.all

            let options =
                { options with
                    Consumer.ConsumeFrom = FirstOffset
                }

            let handler =
                ConsumeHandler.EachMessage(fun _ _ ->
                    handled.Release() |> ignore<int>
                    ValueTask<ConsumeResult> result.Value)

            let! consumer = PushConsumer.Start(client, options, handler)
            let consumer = ok consumer
            do! handled.WaitAsync()
            let! found = CliRig.run setup "message tail Orders --last 1 -o json"
            let id = (json found).GetProperty("rows").[0] |> text "offsetId"
            do! test setup consumer id result
            do! consumer.Close()
        })

let private clients =
    testList
        "clients"
        [
            testCaseTask "a member's queues, subscriptions and properties are shown"
            <| fun () ->
                withMember (fun setup consumer _ _ ->
                    backgroundTask {
                        let! all = CliRig.run setup "client queues billing -o json"
                        (all.Code, all.Error) |> shouldEqual (0, "")

                        rowsOf "clients" all
                        |> List.map (text "client")
                        |> shouldEqual [ consumer.ClientId ]

                        rowsOf "queues" all
                        |> List.filter (fun row -> text "topic" row = "Orders")
                        |> List.length
                        |> shouldEqual 2

                        let! one = CliRig.run setup $"client queues billing '{consumer.ClientId}' -o json"

                        rowsOf "subscriptions" one
                        |> List.map (text "topic")
                        |> List.contains "Orders"
                        |> shouldBeTrue

                        rowsOf "properties" one
                        |> List.map (text "name")
                        |> List.contains "PROP_CONSUME_TYPE"
                        |> shouldBeTrue

                        let! table = CliRig.run setup "client queues billing"
                        table.Out |> shouldMention "queues:"

                        for form in [ "csv"; "jsonl" ] do
                            let! other = CliRig.run setup $"client queues billing -o {form}"
                            other.Code |> shouldEqual 0
                            other.Out |> shouldMention consumer.ClientId
                    })

            testCaseTask "a member that does not answer is a row with the reason: exit code 3"
            <| fun () ->
                CliRig.withBroker (fun broker setup ->
                    backgroundTask {
                        do! broker.CreateTopicAsync "Orders"

                        use client =
                            RocketMqClient.Create(ClientOptions.shared (ok (Endpoint.parseList broker.NameServer)))
                            |> ok

                        let options =
                            PushConsumerOptions.create "billing" []
                            |> PushConsumerOptions.subscribe "Orders" Filter.all

                        let handler =
                            ConsumeHandler.EachMessage(fun _ _ -> ValueTask<ConsumeResult> ConsumeResult.Success)

                        let! consumer = PushConsumer.Start(client, options, handler)
                        let consumer = ok consumer

                        broker.Faults
                            .On(RequestCode.GetConsumerRunningInfo)
                            .Refuse(ResponseCode.ConsumeMessageTimeout, "no answer today")

                        let! shown = CliRig.run setup "client queues billing -o json"
                        shown.Code |> shouldEqual 3
                        shown.Error |> shouldMention consumer.ClientId
                        let rows = rowsOf "clients" shown
                        rows.Length |> shouldEqual 1
                        rows[0] |> text "reason" |> shouldMention "no answer today"
                        rows[0].GetProperty("queues").ValueKind |> shouldEqual JsonValueKind.Null
                        do! consumer.Close()
                    })

            testCaseTask "clients in .NET report no stacks, and the command says so"
            <| fun () ->
                withMember (fun setup consumer _ _ ->
                    backgroundTask {
                        let! stack = CliRig.run setup $"client stack billing '{consumer.ClientId}'"
                        (stack.Code, stack.Out) |> shouldEqual (1, "")
                        stack.Error |> shouldMention "reports no stacks"
                        let! missing = CliRig.run setup "client stack billing nobody"
                        missing.Code |> shouldEqual 1

                        missing.Error
                        |> shouldMention $"There is no member nobody. There are: {consumer.ClientId}."
                    })

            testCaseTask
                "a message is consumed by one member: preview, question, result; the exit code says whether it succeeded"
            <| fun () ->
                withMember (fun setup consumer id result ->
                    backgroundTask {
                        let line = $"client consume billing '{consumer.ClientId}' Orders {id}"
                        let! planned = CliRig.run setup $"{line} --dry-run -o json"
                        planned.Code |> shouldEqual 0
                        planned.Error |> shouldMention "nothing was written"
                        let! refused = CliRig.run setup line
                        (refused.Code, refused.Out) |> shouldEqual (2, "")
                        refused.Error |> shouldMention "--yes"
                        let! consumed = CliRig.run setup $"{line} --yes -o json"
                        consumed.Code |> shouldEqual 0

                        json consumed |> text "result" |> shouldEqual "success"

                        result.Value <- ConsumeResult.Retry
                        let! later = CliRig.run setup $"{line} --yes"
                        later.Code |> shouldEqual 1
                        later.Out |> shouldMention "later"

                        let! lost =
                            CliRig.run setup $"client consume billing '{consumer.ClientId}' Orders nothing --yes"

                        lost.Code |> shouldEqual 1
                        lost.Error |> shouldMention "There is no message nothing"
                    })

            testCaseTask "producers are listed, all and by group; what makes no sense is said"
            <| fun () ->
                CliRig.withBroker (fun broker setup ->
                    backgroundTask {
                        do! broker.CreateTopicAsync "Orders"

                        use client =
                            RocketMqClient.Create(ClientOptions.shared (ok (Endpoint.parseList broker.NameServer)))
                            |> ok

                        let producer = Producer.Start(client, ProducerOptions.create "shop" []) |> ok

                        let! sent =
                            producer.Send(Message.create "Orders" (ReadOnlyMemory [| 1uy |]), CancellationToken.None)

                        ok sent |> ignore<SendReceipt>

                        for line in
                            [
                                "producer list"
                                "producer list --group shop"
                                "producer list --group shop --topic Orders"
                            ] do
                            let! list = CliRig.run setup $"{line} -o json"
                            (line, list.Code) |> shouldEqual (line, 0)

                            (json list).GetProperty("rows").EnumerateArray()
                            |> Seq.map (text "group")
                            |> Seq.contains "shop"
                            |> shouldBeTrue

                        let! unknown = CliRig.run setup "producer list --group nobody"
                        unknown.Code |> shouldEqual 1

                        unknown.Error
                        |> shouldMention "There is no producer group nobody. There are: shop."

                        for line in
                            [
                                "producer list --topic Orders"
                                "producer list --group shop --broker broker-a"
                            ] do
                            let! wrong = CliRig.run setup line
                            (line, wrong.Code) |> shouldEqual (line, 2)

                        do! producer.Close()
                    })
        ]

let private upkeep =
    testList
        "upkeep"
        [
            testCaseTask "brokers are cleaned after a question; a target that there is not is bad usage"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        for target in [ "expired-queues"; "expired-log"; "unused-topics" ] do
                            let! refused = CliRig.run setup $"broker clean {target}"
                            (target, refused.Code) |> shouldEqual (target, 2)
                            let! cleaned = CliRig.run setup $"broker clean {target} --yes -o json"
                            cleaned.Code |> shouldEqual 0
                            rowsOf "changes" cleaned |> List.map (text "result") |> shouldEqual [ "done" ]

                        let! wrong = CliRig.run setup "broker clean everything --yes"
                        wrong.Code |> shouldEqual 2
                        wrong.Error |> shouldMention "expired-queues, expired-log, unused-topics"
                    })

            testCaseTask "a request that a broker does not know is a row 'not supported' with the release that it needs"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        // The embedded broker has no store in RocksDB.
                        let! moved = CliRig.run setup "broker pop-rollback --yes -o json"
                        moved.Code |> shouldEqual 1

                        rowsOf "changes" moved
                        |> List.map (text "result")
                        |> shouldEqual [ "not supported" ]

                        moved.Error |> shouldMention "needs brokers of 5.3.2 or later"
                        moved.Error |> shouldMention "does not use RocksDB"
                    })

            testCaseTask "a group is set to pop a topic; a broker of 4.9 cannot"
            <| fun () ->
                CliRig.withBroker (fun broker setup ->
                    backgroundTask {
                        do! broker.CreateTopicAsync "Orders"
                        do! broker.CreateGroupAsync "billing"

                        let! set =
                            CliRig.run setup "group mode billing Orders pop --pop-share-queues 2 -o json"

                        set.Code |> shouldEqual 0

                        rowsOf "changes" set
                        |> List.map (text "after")
                        |> shouldEqual [ "pop, a member reads the queues of 2 others too" ]

                        let! again = CliRig.run setup "group mode billing Orders pop --pop-share-queues 2"
                        again.Error |> shouldMention "Nothing to change"

                        for line in
                            [
                                "group mode billing Orders push"
                                "group mode billing Orders pull --pop-share-queues 2"
                            ] do
                            let! wrong = CliRig.run setup line
                            (line, wrong.Code) |> shouldEqual (line, 2)
                    })

            testCaseTask "brokers of 4.9 alone: the action is not supported, in one line"
            <| fun () ->
                backgroundTask {
                    use! broker =
                        EmbeddedBroker.StartAsync(EmbeddedBrokerOptions(Version = Version(4, 9, 8)))

                    let setup = CliRig.against broker.NameServer CliRig.plain
                    do! broker.CreateTopicAsync "Orders"
                    do! broker.CreateGroupAsync "billing"
                    let! set = CliRig.run setup "group mode billing Orders pop"
                    (set.Code, set.Out) |> shouldEqual (1, "")
                    set.Error |> shouldMention "is not supported by broker-embedded"
                    set.Error |> shouldMention "needs brokers of 5.0 or later"
                    (CliRig.lines set.Error).Length |> shouldEqual 1
                }

            testCaseTask "settings of name servers are shown, changed and read again"
            <| fun () ->
                CliRig.withBroker (fun _ setup ->
                    backgroundTask {
                        let! set = CliRig.run setup "ns config set orderMessageEnable=false -o json"
                        (set.Code, set.Error) |> shouldEqual (0, "")

                        rowsOf "changes" set
                        |> List.map (fun row -> text "before" row, text "after" row, text "result" row)
                        |> shouldEqual [ "orderMessageEnable=true", "orderMessageEnable=false", "done" ]

                        let! shown = CliRig.run setup "ns config get orderMessageEnable -o csv"
                        shown.Out |> shouldMention "orderMessageEnable,false"
                        let! all = CliRig.run setup "ns config get"
                        all.Out |> shouldMention "productEnvName"
                        let! guarded = CliRig.run setup "ns config set rocketmqHome=/tmp"
                        guarded.Code |> shouldEqual 1
                        let! unknown = CliRig.run setup "ns config set nothing=1"
                        unknown.Code |> shouldEqual 3
                        unknown.Error |> shouldMention "does not have the setting nothing"
                    })

            testCaseTask "a name server that is down is a row that failed, and the others are set: exit code 3"
            <| fun () ->
                CliRig.withBroker (fun broker _ ->
                    backgroundTask {
                        let setup = CliRig.against $"127.0.0.1:1;{broker.NameServer}" CliRig.plain
                        let! set = CliRig.run setup "ns config set orderMessageEnable=false -o json"
                        set.Code |> shouldEqual 3

                        rowsOf "changes" set
                        |> List.map (text "result")
                        |> shouldEqual [ "failed"; "done" ]
                    })

            testCaseTask "groups of the brokers' own are not among those that may have been meant"
            <| fun () ->
                CliRig.withBroker (fun broker setup ->
                    backgroundTask {
                        do! broker.CreateGroupAsync "billing"
                        let! unknown = CliRig.run setup "group members nobody"
                        unknown.Code |> shouldEqual 1

                        unknown.Error.Trim()
                        |> shouldEqual "rocketmq: There is no group nobody. There are: billing."
                    })
        ]

let tests = testList "Actions" [ clients; upkeep ]
