module RocketMq.Protocol.Tests.IdsAndNamesTests

open System
open System.Net
open RocketMq.Protocol
open RocketMq
open Buffers

let private ids =
    testList
        "ids"
        [
            property "an offset id reads as the place it was made from"
            <| fun (message: StoredMessage) ->
                OffsetMessageId.decode message.OffsetId =
                    Ok
                        {
                            StoreHost = message.StoreHost
                            PhysicalOffset = message.PhysicalOffset
                        }

            testCase "an offset id is Java's"
            <| fun () ->
                let id =
                    {
                        StoreHost = Host.create (IPAddress.Parse "10.0.0.2") 10911
                        PhysicalOffset = 1000L<commitLog>
                    }

                OffsetMessageId.encode id |> shouldEqual "0A00000200002A9F00000000000003E8"

            testCase "an invalid offset id is refused"
            <| fun () ->
                for text in
                    [
                        ""
                        "0A"
                        String('0', 31)
                        String('0', 33)
                        String('G', 32)
                        String('0', 57)
                        String('é', 32)
                    ] do
                    OffsetMessageId.decode text |> Result.isError |> shouldBeTrue

            testCase "a unique id has Java's layout"
            <| fun () ->
                let source =
                    {
                        Address = IPAddress.Parse "10.1.2.3"
                        ProcessId = 0x12345
                        Salt = 0x0BADCAFE
                    }

                UniqueId.create source 0x01020304L 0x1FFFE
                |> shouldEqual "0A01020323450BADCAFE01020304FFFE"

                UniqueId.create source -5L 0 |> shouldEqual "0A01020323450BADCAFE000000000000"

                UniqueId.create
                    { source with
                        Address = IPAddress.IPv6Loopback
                    }
                    0L
                    1
                |> shouldEqual "0000000000000000000000000000000123450BADCAFE000000000001"
        ]

let private names =
    testList
        "names"
        [
            testCase "the hash of a tag is Java's"
            <| fun () ->
                Filter.tagHash "TagA" |> shouldEqual 2598919
                Filter.tagHash "TagB" |> shouldEqual 2598920
                Filter.tagHash "" |> shouldEqual 0
                // Overflows 32 bits: Java gives -1136171587 for this text.
                Filter.tagHash "polygenelubricants" |> shouldEqual Int32.MinValue

            testCase "names have Java's letters and lengths"
            <| fun () ->
                for good in [ "T"; "%RETRY%g"; "a-b_c|d%e"; String('t', 127); "%DLQ%" + String('g', 250) ] do
                    Names.checkTopic good |> Result.isOk |> shouldBeTrue

                for bad in
                    [
                        ""
                        "a b"
                        "../../x"
                        "tópico"
                        String('t', 128)
                        "a.b"
                        "%RETRY%" + String('g', 249)
                    ] do
                    Names.checkTopic bad |> Result.isError |> shouldBeTrue

                Names.checkGroup (String('g', 255)) |> Result.isOk |> shouldBeTrue
                Names.checkGroup (String('g', 256)) |> Result.isError |> shouldBeTrue

            testCase "a refusal of a name says which character it was"
            <| fun () ->
                match Names.checkTopic "abc def" with
                | Error error -> error.Message |> shouldMention "character 3 (U+0020)"
                | Ok _ -> failtest "took it"

            testCase "a message without a body, or with one over 4 MiB, is refused"
            <| fun () ->
                let check size =
                    Message.ofBytes "T" (Array.zeroCreate size) |> Message.check |> Result.isOk

                check 0 |> shouldBeFalse
                check 1 |> shouldBeTrue
                check Message.maxBodyBytes |> shouldBeTrue
                check (Message.maxBodyBytes + 1) |> shouldBeFalse
        ]

let private batches =
    testList
        "batches"
        [
            property "a batch decodes to the messages it was made from"
            <| fun (parts: (Bytes * int * (PropertyText * PropertyText) list) list) ->
                let messages =
                    parts
                    |> List.map (fun (body, flag, pairs) -> Parts.toMessage ("T", body, flag, pairs))

                let bytes = BatchCodec.encode messages |> ok
                BatchCodec.decode "T" (ReadOnlyMemory bytes) = Ok messages

            property "a truncated or damaged batch is refused without an exception"
            <| fun (Bytes body) (bits: int list) (cut: byte) ->
                let bytes =
                    BatchCodec.encode [ Message.ofBytes "T" body; Message.ofText "T" "x" ] |> ok

                let length = max 0 (bytes.Length - 1 - int cut)

                for bytes in [ damaged bits bytes; bytes[.. length - 1] ] do
                    match BatchCodec.decode "T" (ReadOnlyMemory bytes) with
                    | Ok messages -> messages.Length |> shouldStayBelow 3
                    | Error error -> error.Message |> shouldNotBeEmpty

            testCase "a batch message is Java's, byte for byte"
            <| fun () ->
                let message =
                    Message.ofText "T" "b1"
                    |> Message.withKeys [ "K1" ]
                    |> Message.withWaitStoreOk true
                    |> Message.withTag "TagA"

                BatchCodec.encode [ message ]
                |> ok
                |> Convert.ToHexStringLower
                |> shouldEqual
                    "00000033000000000000000000000000000000026231001b4b455953014b310257414954017472756502544147530154616741"
        ]

[<Tests>]
let tests = testList "Ids and names" [ ids; names; batches ]
