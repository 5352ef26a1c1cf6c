module RocketMq.Protocol.Tests.InnerBatchTests

open System
open System.Text
open FsCheck
open RocketMq.Protocol
open RocketMq
open Buffers

let private limit = 1 <<< 20

let private unwrap message =
    InnerBatch.unwrap BodyCodecs.standard limit message

let private expand position messages =
    InnerBatch.expand BodyCodecs.standard limit position messages

/// As a broker marks them: NEED_UNWRAP is 0x40, INNER_BATCH 0x80.
let private outerFlags = 0xC0

let private outerOf (body: byte[]) : StoredMessage =
    { Parts.emptyFields with
        BrokerName = "broker-a"
        Topic = "T"
        QueueId = 3
        QueueOffset = 100L
        PhysicalOffset = 7000L<commitLog>
        SysFlag = outerFlags
        BornTimestamp = 11L
        StoreTimestamp = 12L
        ReconsumeTimes = 2
        StoredBody = ReadOnlyMemory body
        BodyCrc = Crc32.ofBody (ReadOnlySpan body)
        Properties = Properties.empty |> Properties.add "INNER_NUM" "2"
    }
    |> StoredMessage.create

/// Two messages as MessageDecoder.encodeMessage lays them out, byte by byte.
let private javaBytes =
    [|
        // Size: 4 * 5 + 1 + 2 + 7.
        yield! [| 0uy; 0uy; 0uy; 30uy |]
        // No magic number, no checksum.
        yield! Array.zeroCreate 8
        // Flag.
        yield! [| 0uy; 0uy; 0uy; 9uy |]
        yield! [| 0uy; 0uy; 0uy; 1uy |]
        yield! "a"B
        yield! [| 0uy; 7uy |]
        yield! "TAGS\001A\002"B
        // Size: 4 * 5 + 2 + 2 + 0.
        yield! [| 0uy; 0uy; 0uy; 24uy |]
        yield! Array.zeroCreate 8
        yield! [| 0uy; 0uy; 0uy; 0uy |]
        yield! [| 0uy; 0uy; 0uy; 2uy |]
        yield! "bc"B
        yield! [| 0uy; 0uy |]
    |]

let private bodyOf (message: StoredMessage) =
    MessageBody.decode limit message |> ok |> _.ToArray()

let private batch (parts: (Bytes * int * (PropertyText * PropertyText) list) list) : Message list =
    parts
    |> List.map (fun (body, flag, pairs) -> Parts.toMessage ("T", body, flag, pairs))

let private unpacking =
    testList
        "unpacking"
        [
            test "an outer message of a broker is unpacked as in Java" {
                let outer = outerOf javaBytes
                let inner = unwrap outer |> ok

                inner |> List.map bodyOf |> shouldEqual [ "a"B; "bc"B ]
                inner |> List.map _.QueueOffset |> shouldEqual [ 100L; 101L ]
                inner |> List.map _.Flag |> shouldEqual [ 9; 0 ]

                inner
                |> List.map (fun message -> Properties.toMap message.Properties)
                |> shouldEqual [ Map.ofList [ "TAGS", "A" ]; Map.empty ]

                for message in inner do
                    InnerBatch.isOuter message |> shouldBeFalse
                    InnerBatch.isInner message |> shouldBeTrue

                    { StoredMessage.fields message with
                        QueueOffset = outer.QueueOffset
                        Flag = outer.Flag
                        SysFlag = outer.SysFlag
                        BodyCrc = outer.BodyCrc
                        StoredBody = outer.StoredBody
                        Properties = outer.Properties
                    }
                    |> StoredMessage.create
                    |> shouldEqual outer
            }

            test "a message with one of the flags only holds no others" {
                for flags in [ 0; 0x40; 0x80 ] do
                    let message =
                        outerOf javaBytes
                        |> StoredMessage.change (fun fields -> { fields with SysFlag = flags })

                    unwrap message |> shouldEqual (Ok [ message ])
                    bodyOf message |> shouldEqual javaBytes
            }
        ]

let private compressedBatches =
    testList
        "compressed batches"
        [
            test "a compressed outer message is inflated, and its inner ones are not compressed" {
                let packed =
                    (BodyCodecs.compress BodyCompression.Zlib (ReadOnlyMemory javaBytes) BodyCodecs.standard
                     |> ok)
                        .ToArray()

                let outer =
                    outerOf packed
                    |> StoredMessage.change (fun fields ->
                        { fields with
                            SysFlag = SysFlag.withCompression Compression.Zlib outerFlags
                        })

                let inner = unwrap outer |> ok
                inner |> List.map bodyOf |> shouldEqual [ "a"B; "bc"B ]

                inner
                |> List.map (fun message -> SysFlag.compression message.SysFlag)
                |> shouldEqual [ Compression.Uncompressed; Compression.Uncompressed ]
            }
        ]

let private retryTopics =
    testList
        "retry topics"
        [
            test "over a retry topic, inner messages know where they were sent to first" {
                let outer =
                    outerOf javaBytes
                    |> StoredMessage.change (fun fields ->
                        { fields with
                            Topic = "%RETRY%G"
                            Properties = Properties.empty |> Properties.add PropertyName.retryTopic "T"
                        })

                for message in unwrap outer |> ok do
                    (VisibleMessage.restore "%RETRY%G" "" message).Topic |> shouldEqual "T"
                    message.ReconsumeTimes |> shouldEqual 2
            }
        ]

let private propertiesOfUnpacking =
    testList
        "properties of unpacking"
        [
            property "the messages of a batch are unpacked with consecutive offsets from that of the outer one"
            <| fun (NonEmptyArray parts: NonEmptyArray<Bytes * int * (PropertyText * PropertyText) list>) ->
                let messages = batch (List.ofArray parts)

                match BatchCodec.encode messages with
                | Error _ -> true
                | Ok body ->
                    let inner = unwrap (outerOf body) |> ok

                    let bodies = messages |> List.map (fun (message: Message) -> message.Body.ToArray())
                    let flags = messages |> List.map (fun (message: Message) -> message.Flag)
                    let properties = messages |> List.map (fun (message: Message) -> message.Properties)

                    List.map bodyOf inner = bodies
                    && inner |> List.map (fun (message: StoredMessage) -> message.Flag) = flags
                    && inner |> List.map (fun (message: StoredMessage) -> message.Properties) = properties
                    && inner |> List.map (fun (message: StoredMessage) -> message.QueueOffset) =
                        [ 100L .. 99L + int64 messages.Length ]

            test "every part of a batch that is no whole message is reported and kept" {
                for length in 0 .. javaBytes.Length - 1 do
                    let outer = outerOf javaBytes[.. length - 1]

                    if length = 30 then
                        (unwrap outer |> ok).Length |> shouldEqual 1
                    else
                        match unwrap outer with
                        | Error(NotUnwrappable _) -> ()
                        | other -> failtest $"%A{other}"

                        match expand 0L [| outer |] with
                        | [| message |] ->
                            message |> shouldEqual outer

                            match MessageBody.decode limit message with
                            | Error(NotUnwrappable reason) -> reason.Length |> shouldExceed 0
                            | other -> failtest $"%A{other}"
                        | other -> failtest $"%A{other}"
            }

            property "arbitrary bytes are unpacked or reported"
            <| fun (Bytes body) ->
                let outer = outerOf body

                match unwrap outer, expand 0L [| outer |] with
                | Ok inner, expanded -> List.ofArray expanded = inner && not inner.IsEmpty
                | Error _, expanded -> expanded = [| outer |]

            test "a body with a wrong checksum is reported" {
                let change fields : StoredFields = { fields with BodyCrc = 1 }

                match outerOf javaBytes |> StoredMessage.change change |> unwrap with
                | Error(ChecksumMismatch _) -> ()
                | other -> failtest $"%A{other}"
            }
        ]

let private offsetsTests =
    testList
        "offsets"
        [
            test "inner messages come in order among others, from the requested offset on" {
                let plain offset =
                    Parts.emptyMessage
                    |> StoredMessage.change (fun fields -> { fields with QueueOffset = offset })

                let offsets position =
                    expand position [| plain 99L; outerOf javaBytes; plain 102L |]
                    |> Array.map _.QueueOffset

                offsets 99L |> shouldEqual [| 99L; 100L; 101L; 102L |]
                // The plain ones are the broker's affair.
                offsets 101L |> shouldEqual [| 99L; 101L; 102L |]
                let none = [| plain 1L |]
                Object.ReferenceEquals(expand 0L none, none) |> shouldBeTrue
            }

            test "the offset to commit stays before an outer message until all its inner ones are consumed" {
                let offsets = OffsetTracker 100L
                let inner = unwrap (outerOf javaBytes) |> ok |> List.map _.QueueOffset
                let batch = offsets.Pulled(ReadOnlySpan(Array.ofList inner), 102L)
                offsets.Finish(batch, 1) |> shouldBeTrue
                offsets.Committable |> shouldEqual 100L
                offsets.Finish(batch, 0) |> shouldBeTrue
                offsets.Committable |> shouldEqual 102L
            }
        ]

[<Tests>]
let tests =
    testList
        "Inner batch"
        [
            unpacking
            compressedBatches
            retryTopics
            propertiesOfUnpacking
            offsetsTests
        ]
