/// Messages that Java's producers sent, built and sent again by ours: the requests are the same.
module RocketMq.Protocol.Tests.RecordedProducerTests

open System
open RocketMq.Protocol
open RocketMq
open Captures
open RecordedSends

/// The setter of 4.9.8 writes a flag that is not true of the body.
let private isKnownBug (capture: Capture) =
    capture.Scenario = "send-compress-zstd-via-setter" && capture.Server = "4.9.8"

let private plain scenario =
    live $"{scenario}: each request is the one that Java made" (fun () ->
        task {
            let captures =
                recorded scenario [ RequestCode.SendMessageV2 ]
                |> Array.filter (isKnownBug >> not)

            captures |> shouldNotBeEmpty

            for capture in captures do
                let java = read capture
                let send = java.Send
                let message = rebuilt send.Topic java.Body send.Flag java.Properties

                let! servers =
                    again java (fun producer ->
                        task {
                            let! outcome = producer.SendTo(queueOf send, message, CancellationToken.None)

                            match outcome, answers.Value.TryGetValue capture.Id with
                            | Ok receipt, (true, answer) when answer.Code = 0 ->
                                Fields.tryFind "msgId" answer.Fields |> shouldEqual (ValueSome receipt.OffsetId)
                            | Ok _, _ -> ()
                            | Error error, _ -> failtest $"frame {capture.Id}: {RemotingError.describe error}"
                        })

                sameSend java.Command (requests servers sends |> List.exactlyOne)

            Console.Out.WriteLine $"{scenario}: {captures.Length} requests are Java's"
        })

let private members (command: RemotingCommand) =
    BatchCodec.decode "T" command.Body
    |> Buffers.ok
    |> List.map (fun message ->
        message.Flag, Convert.ToHexString message.Body.Span, Properties.toMap message.Properties |> Map.map masked)

let private singleMessages =
    testList
        "single messages"
        [
            for scenario in
                [
                    "send-sync"
                    "send-async"
                    "send-properties"
                    "send-body-sizes"
                    "send-ordered"
                    "send-delay-level"
                    "send-compress-zlib"
                    "send-compress-zstd"
                    "send-compress-lz4"
                    "send-compress-zstd-via-setter"
                    "send-timed"
                    "send-autocreate-topic"
                ] do
                plain scenario

            live "send-oneway: each request is the one that Java made" (fun () ->
                forEachOf "send-oneway" RequestCode.SendMessageV2 (fun capture ->
                    task {
                        let java = read capture
                        let message = rebuilt java.Send.Topic java.Body java.Send.Flag java.Properties

                        let! servers =
                            again java (fun producer ->
                                task {
                                    let! outcome =
                                        producer.SendOneWay(message, queueOf java.Send, CancellationToken.None)

                                    outcome |> shouldEqual (Ok())
                                })

                        do! until (fun () -> not (requests servers sends).IsEmpty)
                        sameSend java.Command (requests servers sends |> List.exactlyOne)
                    }))
        ]

let private batches =
    testList
        "batches"
        [
            live "send-batch: each member and the envelope are Java's" (fun () ->
                forEachOf "send-batch" RequestCode.SendBatchMessage (fun capture ->
                    task {
                        let java = read capture

                        let messages =
                            BatchCodec.decode java.Send.Topic java.Send.Body
                            |> Buffers.ok
                            |> List.map (fun message ->
                                rebuilt
                                    java.Send.Topic
                                    message.Body
                                    message.Flag
                                    (Properties.toMap message.Properties))

                        let! servers =
                            again java (fun producer ->
                                task {
                                    let! receipts =
                                        producer.SendBatch(messages, queueOf java.Send, CancellationToken.None)

                                    match receipts with
                                    | Ok receipts ->
                                        receipts.Length |> shouldEqual messages.Length

                                        receipts
                                        |> List.map _.UniqueId
                                        |> List.distinct
                                        |> List.length
                                        |> shouldEqual messages.Length
                                    | Error error -> failtest (RemotingError.describe error)
                                })

                        let ours = requests servers sends |> List.exactlyOne
                        same java.Command ours
                        members ours |> shouldEqual (members java.Command)
                        // 5.3.3 gives the envelope an id of its own too, which brokers would add to each message.
                        propertiesOf ours
                        |> shouldEqual (propertiesOf java.Command |> Map.remove PropertyName.uniqueKey)
                    }))
        ]

let private idsTests =
    testList
        "ids"
        [
            testCase "unique ids have the parts of Java's, with this process and the current time"
            <| fun () ->
                let clock = ManualClock()
                let ids = UniqueIds clock
                let first = ids.Next()
                clock.Advance(TimeSpan.FromMilliseconds 1L)
                let second = ids.Next()
                let others = UniqueIds clock

                let part start length (id: string) = id.Substring(start, length)

                let start =
                    let local = TimeZoneInfo.ConvertTime(clock.GetUtcNow(), clock.LocalTimeZone)
                    let midnight = DateTime(local.Year, local.Month, 1)
                    TimeZoneInfo.ConvertTimeToUtc(midnight, clock.LocalTimeZone)

                let millis = int64 (clock.GetUtcNow().UtcDateTime - start).TotalMilliseconds

                let address = Convert.ToHexString(UniqueIds.LocalAddress.GetAddressBytes())
                first.Length |> shouldEqual 32
                part 0 8 first |> shouldEqual address
                part 8 4 first |> shouldEqual (Environment.ProcessId.ToString("X8").Substring 4)
                // The salt is one for a source, and another for the next source.
                part 12 8 second |> shouldEqual (part 12 8 first)
                part 12 8 (others.Next()) |> shouldNotEqual (part 12 8 first)
                Convert.ToInt64(part 20 8 second, 16) |> shouldEqual millis
                Convert.ToInt64(part 20 8 first, 16) |> shouldEqual (millis - 1L)

                (Convert.ToInt32(part 28 4 first, 16) + 1) &&& 0xFFFF
                |> shouldEqual (Convert.ToInt32(part 28 4 second, 16))
        ]

[<Tests>]
let tests = testList "Recorded producer" [ singleMessages; batches; idsTests ]
