/// Batches up to what brokers take: a receipt for each message, each stored once, and nobody else the worse for it.
module RocketMq.Protocol.Tests.LargeBatchTests

open System
open RocketMq.Protocol
open RocketMq

let private none = CancellationToken.None

/// As many of the shortest messages as a batch of 4 MiB holds, with the id and the WAIT that each gets.
let private shortest =
    let id = UniqueIds(TimeProvider.System).Next()
    let added = "UNIQ_KEY=" + id + ";WAIT=true"

    Message.maxBodyBytes
    / (BatchCodec.recordBytes (Message.ofText "T" "0") + added.Length)

let private stored (cluster: RocketMq.Embedded.EmbeddedCluster) topic =
    task {
        let! messages = readAll cluster topic 4
        return messages.Values |> Seq.concat |> List.ofSeq
    }

let private shouldBeStoredOnce (receipts: SendReceipt list) (messages: StoredMessage list) =
    let placeOf (receipt: SendReceipt) =
        receipt.UniqueId, receipt.OffsetId, receipt.Queue.QueueId, receipt.QueueOffset

    let placeIn (message: StoredMessage) =
        uniqueIdOf message, message.OffsetId, message.QueueId, message.QueueOffset

    receipts
    |> List.map placeOf
    |> List.sort
    |> shouldEqual (messages |> List.map placeIn |> List.sort)

    receipts |> List.forall (fun receipt -> receipt.Attempts = 1) |> shouldBeTrue

let private batch count =
    live $"a batch of {count} messages, with 200 sends beside it" (fun () ->
        task {
            for header in [ Header.Json; Header.Binary ] do
                use! cluster = startCluster (fun options -> options.Masters <- 1)

                let options = producerOf cluster TimeProvider.System

                let producer =
                    start
                        { options with
                            Client.Remoting =
                                { options.Client.Remoting with
                                    RemotingOptions.Header = header
                                }
                        }

                let! first = send producer (Message.ofText "T" "makes the topic")

                let messages =
                    List.init count (fun index -> Message.ofText "T" (string (index % 10)))

                let batch = producer.SendBatch(messages, AnyQueue, none)

                let! others =
                    Task.WhenAll [| for number in 1..200 -> send producer (Message.ofText "T" $"{number}") |]

                let! receipts = batch
                let receipts = Buffers.ok receipts
                receipts.Length |> shouldEqual count
                let others = others |> Array.map Buffers.ok |> List.ofArray
                let! messages = stored cluster "T"
                shouldBeStoredOnce (Buffers.ok first :: others @ receipts) messages
                do! producer.Close()
        })

let private sizes =
    testList
        "sizes"
        [
            for count in [ 1; 1_000; 1_990; shortest ] do
                batch count

            liveWith (withMasters 1) "a batch of 4 MiB and one byte is refused before it is sent" (fun cluster ->
                task {
                    let producer = producerOf cluster TimeProvider.System |> start
                    let messages = List.init (shortest + 1) (fun _ -> Message.ofText "T" "0")
                    let! result = producer.SendBatch(messages, AnyQueue, none)

                    match result with
                    | Error(RemotingError.Invalid error) -> error.Message |> shouldMention $"{Message.maxBodyBytes}"
                    | other -> failtest $"%A{other}"

                    do! producer.Close()
                })
        ]

let private unknownOutcomes =
    testList
        "unknown outcomes"
        [
            live
                "where the answer cannot be read, a batch is stored once, its outcome unknown, and other sends go on"
                (fun () ->
                    task {
                        use! cluster = startCluster (fun options -> options.Masters <- 1)
                        let options = producerOf cluster TimeProvider.System

                        // As pyrocketmq's.
                        let limits =
                            { FrameLimits.Default with
                                ReceiveHeaderBytes = 64 * 1024
                            }

                        let producer =
                            start
                                { options with
                                    Client.Remoting =
                                        { options.Client.Remoting with
                                            Limits = limits
                                        }
                                }

                        let! first = send producer (Message.ofText "T" "makes the topic")
                        first.IsOk |> shouldBeTrue
                        let messages = List.init 2_100 (fun index -> Message.ofText "T" $"{index}")
                        let batch = producer.SendBatch(messages, AnyQueue, none)

                        let! others =
                            Task.WhenAll [| for number in 1..200 -> send producer (Message.ofText "T" $"{number}") |]

                        let! result = batch

                        match result with
                        | Error(RemotingError.NotDecoded(_, RequestCode.SendBatchMessage, DecodeError.TooLarge _) as error) ->
                            RemotingError.outcome error |> shouldEqual UnknownOutcome
                        | other -> failtest $"%A{other}"

                        others |> Array.filter _.IsOk |> Array.length |> shouldEqual 200
                        let! messages = stored cluster "T"
                        messages.Length |> shouldEqual 2_301
                        do! producer.Close()
                    })
        ]

let private escapes =
    testList
        "escapes"
        [
            liveWith
                (withMasters 1)
                "32 KB of newlines in a property are delivered unchanged, in a message and in a batch"
                (fun cluster ->
                    task {
                        let producer = producerOf cluster TimeProvider.System |> start

                        let linesOf count =
                            Message.ofText "T" "body" |> Message.withProperty "lines" (String('\n', count))

                        let! single = send producer (linesOf 32_000)
                        let! batch = producer.SendBatch([ linesOf 31_000; linesOf 31_000 ], AnyQueue, none)
                        let! messages = stored cluster "T"
                        shouldBeStoredOnce (Buffers.ok single :: Buffers.ok batch) messages

                        messages
                        |> List.map (fun message -> Properties.tryFind "lines" message.Properties)
                        |> List.sort
                        |> shouldEqual (
                            [ 31_000; 31_000; 32_000 ]
                            |> List.map (fun count -> ValueSome(String('\n', count)))
                        )

                        do! producer.Close()
                    })
        ]

[<Tests>]
let tests = testList "Large batch" [ sizes; unknownOutcomes; escapes ]
