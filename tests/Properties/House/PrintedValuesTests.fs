/// What values say of themselves in FSI, and wherever a program makes texts of them: our assemblies have no printing that the
/// compiler makes, so that each type must say it.
module RocketMq.Protocol.Tests.PrintedValuesTests

open System
open System.Diagnostics
open System.IO
open Expecto
open Microsoft.Extensions.Logging
open RocketMq
open RocketMq.Protocol

let private script =
    """
open System
open System.Net
open RocketMq
open RocketMq.Protocol

let queue: MessageQueue = { Topic = "Orders"; BrokerName = "broker-a"; QueueId = 3 }
let host = Host.create (IPAddress.Parse "192.0.2.7") 10911
let id = { StoreHost = host; PhysicalOffset = 4096L<commitLog> }

let receipt =
    SendReceipt(SendOk, queue, 17L, "7F00000100012A0000000000", OffsetMessageId.encode id, None, 1)

let stored =
    StoredMessage.create
        {
            BrokerName = "broker-a"
            Topic = "Orders"
            QueueId = 3
            QueueOffset = 17L
            PhysicalOffset = 4096L<commitLog>
            Flag = 0
            SysFlag = 0
            BornTimestamp = 0L
            BornHost = host
            StoreTimestamp = 0L
            StoreHost = host
            ReconsumeTimes = 0
            PreparedTransactionOffset = 0L<commitLog>
            BodyCrc = 0
            StoredBody = ReadOnlyMemory [| 1uy; 2uy |]
            Properties = Properties.empty
        }

let received = ReceivedMessage.Create(stored, Ok(ReadOnlyMemory [| 1uy; 2uy |]))

let route =
    {
        Queues = [ { BrokerName = "broker-a"; ReadQueues = 4; WriteQueues = 2; Permission = 6; TopicSysFlag = 0 } ]
        Brokers =
            [
                {
                    Cluster = "c"
                    BrokerName = "broker-a"
                    Addresses = Map [ 0L, "192.0.2.7:10911"; 1L, "192.0.2.8:10911" ]
                    HasActingMaster = None
                    Zone = None
                }
            ]
        FilterServers = Map.empty
        OrderedTopic = None
        QueueMappings = None
    }

let failure = RemotingError.ReceiptExpired("id-1", false)
let values: obj list = [ failure; id; queue; receipt; stored; received; route; SendOk; ByTag "a"; stored.Properties ]

for value in values do
    printfn $"{value}"

printfn "%A" failure
printfn "%A" queue
printfn "%A" id
printfn "%A" host
"""

let private expected =
    [
        "The receipt of id-1 has expired: the message is delivered again. Handle messages faster, or hide them for longer."
        "C000020700002A9F0000000000001000"
        "queue 3 of Orders at broker-a"
        "SendOk, queue 3 of Orders at broker-a, offset 17, id 7F00000100012A0000000000"
        "message at offset 17 of queue 3 of Orders at broker-a, stored body 2 bytes"
        "Orders 3@17: 2 bytes"
        "broker-a: 4 queues to read, 2 to write, permission 6; brokers broker-a (0 192.0.2.7:10911, 1 192.0.2.8:10911)"
        "SendOk"
        "ByTag a"
        "[]"
        "ReceiptExpired (\"id-1\", false)"
        "{ Topic = \"Orders\""
        "  BrokerName = \"broker-a\""
        "  QueueId = 3 }"
        "{ StoreHost = 192.0.2.7:10911"
        "  PhysicalOffset = 4096L }"
        "192.0.2.7:10911"
    ]

/// What FSI prints that runs a script with our assemblies.
let private printed (script: string) : string list =
    let folder = Directory.CreateTempSubdirectory "rocketmq-fsi-"

    try
        let file = Path.Combine(folder.FullName, "printed.fsx")

        let references =
            [ typeof<ILogger>; typeof<RemotingCommand>; typeof<RemotingClient> ]
            |> List.map (fun one -> $"#r @\"{one.Assembly.Location}\"\n")
            |> String.concat ""

        File.WriteAllText(file, references + script)

        let start =
            ProcessStartInfo("dotnet", [ "fsi"; "--nologo"; file ], RedirectStandardOutput = true)

        start.WorkingDirectory <- folder.FullName

        match Process.Start start with
        | null -> failtest "dotnet fsi does not start"
        | fsi ->
            use fsi = fsi
            let text = fsi.StandardOutput.ReadToEnd()
            fsi.WaitForExit()
            fsi.ExitCode |> shouldEqual 0
            text.ReplaceLineEndings("\n").TrimEnd().Split '\n' |> List.ofArray
    finally
        folder.Delete true

[<Tests>]
let tests =
    testList
        "Printed values"
        [
            testCase "errors, ids, queues, receipts, messages and routes say in FSI what they are"
            <| fun () -> printed script |> shouldEqual expected
        ]
