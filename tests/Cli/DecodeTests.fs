module RocketMq.Cli.Tests.DecodeTests

open System
open System.Net
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Tests

let private run text =
    CliRig.runArguments CliRig.plain [ "decode"; text; "-o"; "jsonl" ]

let tests =
    testList
        "Decode"
        [
            testCaseTask "an offset id says where a message lies"
            <| fun () ->
                backgroundTask {
                    let id =
                        OffsetMessageId.encode
                            {
                                StoreHost = Host.create (IPAddress.Parse "10.0.0.7") 10911
                                PhysicalOffset = 4711L<commitLog>
                            }

                    let! result = run id

                    result.Out
                    |> shouldMention "\"kind\":\"offset id\",\"broker\":\"10.0.0.7:10911\",\"commitLogOffset\":4711"
                }

            testCaseTask "a unique id says who sent it, and when"
            <| fun () ->
                backgroundTask {
                    let source =
                        {
                            Address = IPAddress.Parse "192.168.1.2"
                            ProcessId = 4711
                            Salt = 99
                        }

                    let! result = run (UniqueId.create source 60_000L 7)

                    result.Out
                    |> shouldMention "\"kind\":\"unique id\",\"sender\":\"192.168.1.2\",\"processId\":4711"

                    result.Out |> shouldMention "\"counter\":7"
                    result.Out |> shouldMention ":01:00.000Z"
                }

            testCaseTask "a recall handle and a receipt are read"
            <| fun () ->
                backgroundTask {
                    let! handle = run (RecallHandle.create "Orders" "broker-a" 1_740_830_399_999L "ID")

                    handle.Out
                    |> shouldMention
                        "\"kind\":\"recall handle\",\"topic\":\"Orders\",\"broker\":\"broker-a\",\"deliversAt\":\"2025-03-01T12:00:00.000Z\""

                    let! receipt = run "10 1740830400000 60000 3 1 broker-a 2 17"
                    receipt.Code |> shouldEqual 0
                    receipt.Out |> shouldMention "\"hiddenUntil\":\"2025-03-01T12:01:00.000Z\""
                    receipt.Out |> shouldMention "\"source\":\"retry topic\""
                }

            testCaseTask "what is none of them is refused in one line"
            <| fun () ->
                backgroundTask {
                    let! result = run "nonsense"
                    result.Code |> shouldEqual 1
                    (CliRig.lines result.Error).Length |> shouldEqual 1
                }
        ]
