module RocketMq.Protocol.Tests.HostileFrameTests

open System
open System.Buffers.Binary
open RocketMq.Protocol
open Buffers

let private survives (bytes: byte[]) =
    match Frame.decode bytes with
    | Decoded.Complete(_, consumed) -> consumed > 0 && consumed <= bytes.Length
    | Decoded.NeedMore missing -> missing > 0
    | Decoded.Corrupt error -> error.Message <> ""

let private withLength (length: int) (word: int) (size: int) =
    let bytes: byte[] = Array.zeroCreate size
    BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(), length)

    if size >= 8 then
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan 4, word)

    bytes

let private isCorrupt bytes =
    match Frame.decode bytes with
    | Decoded.Corrupt error -> error.Message
    | other -> failwith $"expected a refusal, not %A{other}"

let private jsonFrame (header: string) =
    let text = Text.Encoding.UTF8.GetBytes header
    Array.append (withLength (text.Length + 4) text.Length 8) text

let private decodeJson header =
    match Frame.decode (jsonFrame header) with
    | Decoded.Complete(frame, _) -> Ok frame.Command
    | Decoded.Corrupt error -> Error error.Message
    | Decoded.NeedMore _ -> Error "more"

let private garbage =
    testList
        "garbage"
        [
            property "garbage is refused without an exception"
            <| fun (Bytes bytes) -> survives bytes

            property "garbage after a plausible length is refused without an exception"
            <| fun (isBinary: bool) (headerBytes: uint16) (Bytes rest) ->
                let bytes = Array.append (Array.zeroCreate 8) rest
                BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(), bytes.Length - 4)

                let word =
                    (if isBinary then 1 <<< 24 else 0) ||| (int headerBytes % (rest.Length + 2))

                BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan 4, word)
                survives bytes

            property "a frame with flipped bits is read or refused without an exception"
            <| fun (header: Header) (command: RemotingCommand) (bits: int list) ->
                Frame.encode header command |> ok |> damaged bits |> survives
        ]

let private lengths =
    testList
        "lengths"
        [
            testCase "lengths that no frame can have are refused with the first four bytes"
            <| fun () ->
                for length in [ Int32.MinValue; -1; 0; 1; 3; 32 * 1024 * 1024 - 3; Int32.MaxValue ] do
                    isCorrupt (withLength length 0 4)
                    |> shouldMention (string length |> fun text -> text[..3])

            testCase "a frame over the limit is refused by its length, with size and limit"
            <| fun () ->
                let message = isCorrupt (withLength (40 * 1024 * 1024) 0 4)
                message |> shouldMention "41943044"
                message |> shouldMention "33554432"

            testCase "a header over the limit is refused by its length, with size and limit"
            <| fun () ->
                let limits =
                    { FrameLimits.Default with
                        ReceiveHeaderBytes = 64 * 1024
                    }

                match Frame.decodeWithin limits (withLength 1_000_000 100_000 8) with
                | Decoded.Corrupt error ->
                    error.Message |> shouldMention "100000"
                    error.Message |> shouldMention "65536"
                | other -> failtest $"%A{other}"

            testCase "configured limits take effect"
            <| fun () ->
                let limits =
                    { FrameLimits.Default with
                        ReceiveFrameBytes = 100
                        ReceiveHeaderBytes = 50
                    }

                let isRefused bytes =
                    match Frame.decodeWithin limits bytes with
                    | Decoded.Corrupt(DecodeError.TooLarge _) -> true
                    | _ -> false

                isRefused (withLength 97 10 8) |> shouldBeTrue
                isRefused (withLength 96 10 8) |> shouldBeFalse
                isRefused (withLength 96 51 8) |> shouldBeTrue
                isRefused (withLength 96 50 8) |> shouldBeFalse
        ]

let private headers =
    testList
        "headers"
        [
            testCase "a header longer than its frame is refused"
            <| fun () -> isCorrupt (withLength 20 17 8) |> shouldMention "does not fit"

            testCase "an empty header is refused"
            <| fun () -> isCorrupt (withLength 20 0 8) |> shouldMention "empty"

            testCase "an unknown header type is refused by name"
            <| fun () ->
                isCorrupt (withLength 20 (7 <<< 24 ||| 5) 8) |> shouldMention "type 7"
                isCorrupt (withLength 20 (0xFF <<< 24 ||| 5) 8) |> shouldMention "type 255"

            testCase "JSON other than an object is refused"
            <| fun () ->
                for header in
                    [
                        "null"
                        "[]"
                        "1"
                        "\"x\""
                        "true"
                        "{"
                        "{}x"
                        "{} {}"
                        "{\"code\":}"
                        "\uFEFF{}"
                    ] do
                    decodeJson header |> Result.isError |> shouldBeTrue
        ]

let private values =
    testList
        "values"
        [
            testCase "field values that are numbers or truth values count as texts, and null as absent"
            <| fun () ->
                let command =
                    decodeJson """{"extFields":{"a":1,"b":true,"c":null,"d":-2.5e3}}""" |> ok

                Fields.toList command.Fields
                |> shouldEqual [ ("a", "1"); ("b", "true"); ("d", "-2.5e3") ]

            testCase "a field value that is an object or an array is refused, and the refusal names the field"
            <| fun () ->
                for value in [ "{}"; "[]"; "{\"x\":1}"; "[1,2]" ] do
                    match decodeJson $"{{\"extFields\":{{\"topic\":{value}}}}}" with
                    | Error message -> message |> shouldMention "'topic'"
                    | Ok command -> failtest $"%A{command}"

            testCase "extFields other than an object is refused"
            <| fun () ->
                for value in [ "[]"; "1"; "\"x\"" ] do
                    decodeJson $"{{\"extFields\":{value}}}" |> Result.isError |> shouldBeTrue

            testCase "numbers may be texts, members come in any order, and unknown ones are skipped"
            <| fun () ->
                let command =
                    decodeJson
                        """ {"version":"409","x":{"y":[1,{"code":9}]},"opaque":"-7","code":"105","flag":1,"language":"GO"} """
                    |> ok

                (command.Version, command.Opaque, command.Code, command.Flag, command.Language)
                |> shouldEqual (409, -7, 105, 1, LanguageCode.Go)
        ]

let private numbers =
    testList
        "numbers"
        [
            testCase "absent members have Java's defaults"
            <| fun () ->
                let command = decodeJson "{}" |> ok

                (command.Code, command.Version, command.Flag, command.Language, command.Remark)
                |> shouldEqual (0, 0, 0, LanguageCode.Java, (None: string option))

                command.Fields |> shouldEqual Fields.absent

            testCase "numbers beyond 32 bits are refused"
            <| fun () ->
                for value in [ "2147483648"; "1e400"; "1.5"; "\"9999999999\""; "[]"; "true" ] do
                    decodeJson $"{{\"code\":{value}}}" |> Result.isError |> shouldBeTrue

            testCase "a language may be a number, and one without a name is kept"
            <| fun () ->
                (decodeJson """{"language":12}""" |> ok).Language
                |> shouldEqual LanguageCode.Rust

                (decodeJson """{"language":77}""" |> ok).Language
                |> shouldEqual (enum<LanguageCode> 77)

                (decodeJson """{"language":"KLINGON"}""" |> ok).Language
                |> shouldEqual LanguageCode.Unnamed

            testCase "deep nesting is refused"
            <| fun () ->
                let deep = String('[', 10_000)
                decodeJson $"{{\"x\":{deep}" |> Result.isError |> shouldBeTrue

            testCase "bytes left over in a binary header are refused"
            <| fun () ->
                let bytes =
                    Frame.encode Header.Binary (Command.request RequestCode.PullMessage) |> ok

                let longer = Array.append bytes [| 0uy; 0uy |]
                BinaryPrimitives.WriteInt32BigEndian(longer.AsSpan(), longer.Length - 4)
                BinaryPrimitives.WriteInt32BigEndian(longer.AsSpan 4, 1 <<< 24 ||| (longer.Length - 8))
                isCorrupt longer |> shouldMention "left over"
        ]

[<Tests>]
let tests = testList "Hostile frame" [ garbage; lengths; headers; values; numbers ]
