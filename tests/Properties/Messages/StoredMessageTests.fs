module RocketMq.Protocol.Tests.StoredMessageTests

open System
open System.Buffers
open System.Buffers.Binary
open System.Net
open RocketMq.Protocol
open RocketMq
open Buffers

let private encode (message: StoredMessage) =
    let output = ArrayBufferWriter<byte>()
    MessageCodec.write message output |> ok |> ignore
    output.WrittenSpan.ToArray()

let private read (bytes: byte[]) =
    MessageCodec.read "broker-a" (ReadOnlyMemory bytes)

/// A record that the Java encoder of 4.9.8 wrote.
let private javaRecord =
    Convert.FromHexString(
        "00000093daa320a73610a6860000000300000000000000000000002a00000000000003e800000000"
        + "0000018bcfe568000a000001000004d20000018bcfe568010a00000200002a9f000000000000000000000000"
        + "0000000568656c6c6f06546f7069634100"
        + "2d6b017602554e49515f4b455901"
        + "3746303030303031303030313030303030303030303030303030303030303030"
    )

let private records =
    testList
        "records"
        [
            property "a record reads as the message it was made from"
            <| fun (message: StoredMessage) ->
                let bytes = encode message
                read bytes = Decoded.Complete(message, bytes.Length)

            testCase "the smallest record there is, and the same without room for its hosts"
            <| fun () ->
                let smallest =
                    match read javaRecord with
                    | Decoded.Complete(message, _) ->
                        message
                        |> StoredMessage.change (fun fields ->
                            { fields with
                                Topic = "t"
                                StoredBody = ReadOnlyMemory.Empty
                                Properties = Properties.empty
                            })
                    | other -> failtest $"%A{other}"

                let bytes = encode smallest
                bytes.Length |> shouldEqual 92
                read bytes |> shouldEqual (Decoded.Complete(smallest, bytes.Length))

                for cut in 76..83 do
                    let short = Array.take cut bytes
                    BinaryPrimitives.WriteInt32BigEndian(short.AsSpan(), cut)

                    match read short with
                    | Decoded.Corrupt error -> error.Message |> shouldMention "do not fit"
                    | other -> failtest $"{cut} bytes: %A{other}"

            property "every strict prefix of a record asks for more"
            <| fun (message: StoredMessage) ->
                let bytes = encode message

                seq { 0 .. bytes.Length - 1 }
                |> Seq.forall (fun length ->
                    match read (Array.take length bytes) with
                    | Decoded.NeedMore missing -> missing >= 1 && missing <= bytes.Length - length
                    | _ -> false)

            property "records in a row are read one by one"
            <| fun (messages: StoredMessage list) ->
                let bytes = messages |> List.map encode |> Array.concat
                MessageCodec.decodeAll "broker-a" (ReadOnlyMemory bytes) = Ok(Array.ofList messages)
        ]

let private damage =
    testList
        "damage"
        [
            property "a row of records that is cut short is refused"
            <| fun (messages: StoredMessage list) (cut: byte) ->
                let bytes = messages |> List.map encode |> Array.concat
                let ends = messages |> List.map (encode >> Array.length) |> List.scan (+) 0
                let length = bytes.Length - min bytes.Length (int cut)

                let result = MessageCodec.decodeAll "broker-a" (ReadOnlyMemory(bytes, 0, length))

                Result.isOk result = List.contains length ends

            property "garbage and flipped bits are refused without an exception"
            <| fun (message: StoredMessage) (bits: int list) (Bytes garbage) ->
                for bytes in [ encode message |> damaged bits; garbage ] do
                    match read bytes with
                    | Decoded.Complete(message, consumed) ->
                        // What was taken for a message can be looked at without harm.
                        MessageBody.decode 1_000_000 message |> ignore
                        Properties.toMap message.Properties |> ignore
                        consumed |> shouldExceed 0
                    | Decoded.NeedMore missing -> missing |> shouldExceed 0
                    | Decoded.Corrupt error -> error.Message |> shouldNotBeEmpty

            property "a wrong length in any field is refused without an exception"
            <| fun (message: StoredMessage) (WireInt wrong) (at: uint16) ->
                let bytes = encode message
                let position = int at % (bytes.Length - 3)
                BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan position, wrong)

                match MessageCodec.decodeAll "" (ReadOnlyMemory bytes) with
                | Ok messages -> messages.Length >= 1
                | Error error -> error.Message <> ""
        ]

let private javaRecords =
    testList
        "Java's records"
        [
            testCase "a record of Java reads field for field, and writes to the same bytes"
            <| fun () ->
                match read javaRecord with
                | Decoded.Complete(message, consumed) ->
                    consumed |> shouldEqual 0x93
                    message.Topic |> shouldEqual "TopicA"
                    message.QueueId |> shouldEqual 3
                    message.QueueOffset |> shouldEqual 42L
                    message.PhysicalOffset |> shouldEqual 1000L<commitLog>
                    message.BornTimestamp |> shouldEqual 1700000000000L
                    message.StoreTimestamp |> shouldEqual 1700000000001L
                    message.BornHost |> shouldEqual (Host.create (IPAddress.Parse "10.0.0.1") 1234)

                    message.StoreHost
                    |> shouldEqual (Host.create (IPAddress.Parse "10.0.0.2") 10911)

                    message.BodyCrc |> shouldEqual 907060870
                    message.StoredBody.ToArray() |> shouldEqual "hello"B
                    message.OffsetId |> shouldEqual "0A00000200002A9F00000000000003E8"

                    Properties.toMap message.Properties
                    |> shouldEqual (Map.ofList [ ("k", "v"); ("UNIQ_KEY", "7F000001000100000000000000000000") ])

                    MessageBody.decode 1000 message |> Result.isOk |> shouldBeTrue
                    encode message |> shouldEqual javaRecord
                | other -> failtest $"%A{other}"

            testCase "an unknown magic number is refused"
            <| fun () ->
                let bytes = Array.copy javaRecord
                bytes[7] <- 0uy

                match read bytes with
                | Decoded.Corrupt error -> error.Message |> shouldMention "DAA32000"
                | other -> failtest $"%A{other}"

            testCase "a size too small for any record is refused, so that reading always moves on"
            <| fun () ->
                for size in [ Int32.MinValue; -1; 0; 1; 79 ] do
                    let bytes = Array.copy javaRecord
                    BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(), size)

                    match read bytes with
                    | Decoded.Corrupt _ -> ()
                    | other -> failtest $"%A{other}"
        ]

[<Tests>]
let tests = testList "Stored message" [ records; damage; javaRecords ]
