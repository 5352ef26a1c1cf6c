module RocketMq.Cli.Tests.CompressionTests

open System.Text.Json
open RocketMq.Protocol.Tests
open RocketMq.Client
open RocketMq.Cli
open RocketMq.Embedded

/// A message that is compressed, and so is its trace; its id.
let private send (broker: EmbeddedBroker) (compression: BodyCompression) (topic: string) (body: string) : Task<string> =
    backgroundTask {
        use! producer =
            Producer
                .Create("shop")
                .NameServers(broker.NameServer)
                .AddCompressionCodecs()
                .Compression(compression, fromBytes = 1)
                .Trace()
                .StartAsync()

        let! receipt = producer.SendAsync(Message.To(topic).Keys("o-7").Body(body))
        return receipt.MessageId
    }

let private cells (name: string) (run: CliRun) : string list =
    [
        for row in JsonDocument.Parse(run.Out).RootElement.GetProperty("rows").EnumerateArray() ->
            string (row.GetProperty name)
    ]

let tests =
    testList
        "Compression"
        [
            for compression in [ BodyCompression.Lz4; BodyCompression.Zstandard; BodyCompression.Zlib ] do
                testCaseTask $"bodies and traces in {compression} are read"
                <| fun () ->
                    CliRig.withBroker (fun broker setup ->
                        backgroundTask {
                            let! id = send broker compression "Orders" "coffee, coffee, coffee"
                            do! broker.CreateGroupAsync "billing"
                            do! broker.CreateTopicAsync("%DLQ%billing", 1)
                            let! _ = send broker compression "%DLQ%billing" "coffee, coffee, coffee"

                            for line in
                                [
                                    "message tail Orders"
                                    $"message get {id} --topic Orders"
                                    "message query Orders o-7"
                                    "dlq peek billing"
                                ] do
                                let! found = CliRig.run setup $"{line} -o json"
                                (line, found.Error, found.Code) |> shouldEqual (line, "", 0)
                                (line, cells "body" found) |> shouldEqual (line, [ "coffee, coffee, coffee" ])

                            let! trace = CliRig.run setup $"message trace {id} -o json"
                            (trace.Error, trace.Code) |> shouldEqual ("", 0)
                            cells "group" trace |> shouldEqual [ "shop" ]
                        })
        ]
