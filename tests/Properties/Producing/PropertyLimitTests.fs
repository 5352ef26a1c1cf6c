/// How many bytes of properties a message may have: what counts is what travels, and what brokers add to it.
module RocketMq.Protocol.Tests.PropertyLimitTests

open System
open RocketMq.Protocol
open RocketMq

let private none = CancellationToken.None

/// A message whose property text has so many bytes.
let private messageOf bytes =
    Message.ofText "T" "body" |> Message.withProperty "p" (String('x', bytes - 2))

/// What a producer adds, without a namespace.
let private addedBytes =
    (";UNIQ_KEY=" + UniqueIds(TimeProvider.System).Next() + ";WAIT=true").Length

let private withCluster (change: ProducerOptions -> ProducerOptions) body : Task =
    task {
        use! cluster = startCluster (fun options -> options.Masters <- 1)
        do! cluster.CreateTopicAsync("T", 4)
        let producer = producerOf cluster TimeProvider.System |> change |> start
        do! (body cluster producer: Task)
        do! producer.Close()
    }

let private storedIn cluster topic =
    task {
        let! messages = readAll cluster topic 4

        return messages.Values |> Seq.concat |> List.ofSeq
    }

/// The number of bytes that a refusal names.
let private refusedWith (bytes: int) (result: Result<'T, RemotingError>) =
    match result with
    | Error(RemotingError.Invalid error as refusal) ->
        error.Message |> shouldMention $"they take {bytes} bytes"
        RemotingError.outcome refusal |> shouldEqual NotExecuted
    | Error error -> failtest (RemotingError.describe error)
    | Ok _ -> failtest "sent"

let private gathering (options: ProducerOptions) =
    { options with
        Batching =
            Some
                { BatchingLimits.Default with
                    // So long that only the end, or a full batch, sends it.
                    MaxWaitMillis = 30_000L
                    SendsWhenIdle = false
                    MaxBytes = 1_000_000
                }
    }

/// Sends messages that are gathered, and has what was gathered sent.
let private sendTogether (producer: Producer) messages =
    task {
        let sending = [| for message in messages -> send producer message |]
        do! producer.Close()
        return! Task.WhenAll sending
    }

let private singleMessages =
    testList
        "single messages"
        [
            liveWith
                (withCluster id)
                "properties that no broker accepts are refused with their encoded size, and nothing is sent"
                (fun cluster producer ->
                    task {
                        let mutable stored = 0

                        for bytes in 32_600..32_767 do
                            let! result = send producer (messageOf bytes)

                            if bytes + addedBytes > 32_767 - 37 then
                                refusedWith (bytes + addedBytes) result
                            else
                                match result with
                                | Ok _ -> stored <- stored + 1
                                // The names of this broker's cluster and region are longer than one letter.
                                | Error(RemotingError.Refused(_, _, _, ResponseCode.MessageIllegal, _)) ->
                                    bytes |> shouldExceed 32_640
                                | Error error -> failtest (RemotingError.describe error)

                        stored |> shouldExceed 0
                        let! messages = storedIn cluster "T"
                        messages.Length |> shouldEqual stored
                    })

            live "bytes that a namespace adds count too" (fun () ->
                withCluster
                    (fun options ->
                        { options with
                            Client.Namespace = "space"
                        })
                    (fun _ producer ->
                        task {
                            let more = ";INSTANCE_ID=space".Length
                            let! result = send producer (messageOf (32_731 - addedBytes - more))
                            refusedWith 32_731 result
                            let! result = send producer (messageOf (32_600 - addedBytes - more))
                            result.IsOk |> shouldBeTrue
                        }))
        ]

let private halfMessages =
    testList
        "one-way sends and half messages"
        [
            liveWith
                (withCluster id)
                "one-way sends and transactions with such properties are refused too"
                (fun cluster producer ->
                    task {
                        let tooLarge = messageOf 32_700
                        let! oneWay = producer.SendOneWay(tooLarge, AnyQueue, none)
                        refusedWith (32_700 + addedBytes) oneWay

                        let check (_: StoredMessage) =
                            Task.FromResult TransactionDecision.Rollback

                        let! started =
                            TransactionProducer.Start(producerOf cluster TimeProvider.System, [], check)

                        let transactions = Buffers.ok started
                        let! result = transactions.Send(tooLarge, (fun _ -> failtest "begun"), none)
                        let more = ";TRAN_MSG=true;PGROUP=G".Length
                        refusedWith (32_700 + addedBytes + more) result
                        do! transactions.Close()
                    })
        ]

let private batches =
    testList
        "batches"
        [
            liveWith
                (withCluster id)
                "a batch leaves room for the properties that brokers add without a check"
                (fun cluster producer ->
                    task {
                        let largest = 32_767 - 1024 - addedBytes

                        let! refused =
                            producer.SendBatch([ messageOf 10; messageOf (largest + 1) ], AnyQueue, none)

                        refusedWith (largest + 1 + addedBytes) refused
                        let! taken = producer.SendBatch([ messageOf 10; messageOf largest ], AnyQueue, none)
                        (Buffers.ok taken).Length |> shouldEqual 2
                        let! messages = storedIn cluster "T"
                        messages.Length |> shouldEqual 2
                    })

            liveWith
                (withCluster gathering)
                "of ten batched messages the one that cannot be encoded fails, and the others have receipts"
                (fun cluster producer ->
                    task {
                        let bytes number = if number = 6 then 32_700 else 10

                        let! results =
                            sendTogether producer [ for number in 1..10 -> messageOf (bytes number) ]

                        refusedWith (32_700 + addedBytes) results[5]
                        results |> Array.filter _.IsOk |> Array.length |> shouldEqual 9
                        let! messages = storedIn cluster "T"
                        messages |> List.map uniqueIdOf |> List.distinct |> List.length |> shouldEqual 9
                        messages.Length |> shouldEqual 9
                    })
        ]

let private largeBatches =
    testList
        "large batches"
        [
            liveWith
                (withCluster gathering)
                "a message that only this broker refuses fails alone, and one that needs the room of a batch is sent alone"
                (fun cluster producer ->
                    task {
                        let bytes number =
                            match number with
                            | 3 -> 32_730 - addedBytes
                            | 6 -> 32_000
                            | _ -> 10

                        let! results =
                            sendTogether producer [ for number in 1..10 -> messageOf (bytes number) ]

                        match results[2] with
                        | Error(RemotingError.Refused(_, RequestCode.SendMessageV2, _, ResponseCode.MessageIllegal, _)) ->
                            ()
                        | other -> failtest $"%A{other}"

                        results |> Array.filter _.IsOk |> Array.length |> shouldEqual 9
                        let! messages = storedIn cluster "T"
                        messages.Length |> shouldEqual 9
                    })
        ]

[<Tests>]
let tests =
    testList "Property limit" [ singleMessages; halfMessages; batches; largeBatches ]
