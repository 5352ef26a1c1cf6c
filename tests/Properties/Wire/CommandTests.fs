/// Commands as values, and where their parts are in a frame.
module RocketMq.Protocol.Tests.CommandTests

open System
open RocketMq.Protocol

let private request = Command.request RequestCode.SendMessageV2

let private command =
    Command.withFields (Fields.ofList [ ("b", "T"); ("a", "P") ]) request

let private frame = Frame.encode Header.Json command |> Buffers.ok

let private values =
    testList
        "values"
        [
            testCase "a new request has the defaults of this library"
            <| fun () ->
                request.Language |> shouldEqual LanguageCode.DotNet
                request.Version |> shouldEqual 409
                (request.Opaque, request.Flag, request.Remark) |> shouldEqual (0, 0, None)
                request.Fields |> shouldEqual Fields.absent
                request.Body.IsEmpty |> shouldBeTrue

            testCase "a command without the answer bit is a request"
            <| fun () ->
                [ 0; 1; 2; 3; 4 ]
                |> List.map (fun flag -> (Command.withFlag flag (Command.request RequestCode.HeartBeat)).Kind)
                |> shouldEqual
                    [
                        CommandKind.Request
                        CommandKind.Response
                        CommandKind.OneWay
                        CommandKind.Response
                        CommandKind.Request
                    ]

            testCase "fields are added, found, removed and cleared without changing the command before"
            <| fun () ->
                let fields = Fields.empty |> Fields.add "a" "1" |> Fields.add "b" "2"
                Fields.tryFind "a" fields |> shouldEqual (ValueSome "1")

                Fields.tryFind "c" fields
                |> ValueOption.defaultValue "default"
                |> shouldEqual "default"

                Fields.contains "b" fields |> shouldBeTrue
                let removed = Fields.remove "a" fields
                Fields.contains "a" removed |> shouldBeFalse
                Fields.contains "a" fields |> shouldBeTrue
                Fields.toMap fields |> shouldEqual (Map.ofList [ ("a", "1"); ("b", "2") ])

                (Command.withFields fields request |> Command.withoutFields).Fields
                |> shouldEqual Fields.absent

            testCase "a body is kept without a copy"
            <| fun () ->
                let bytes = "x"B
                let command = Command.withBody (ReadOnlyMemory bytes) request
                bytes[0] <- 'y'B
                command.Body.Span[0] |> shouldEqual 'y'B
        ]

let private layout =
    testList
        "layout"
        [
            testCase "the length of a frame counts all its bytes; equal commands have equal hashes"
            <| fun () ->
                let info = Frame.tryInfo frame |> Buffers.ok
                info.FrameBytes |> shouldEqual frame.Length
                let other = Command.withField "x" "1" request
                let same = Command.withField "x" "1" (Command.request RequestCode.SendMessageV2)
                other |> shouldEqual same
                hash other |> shouldEqual (hash same)
                string other |> shouldMention "SendMessageV2 (310)"

            testCase "a frame without its length decodes to the same command"
            <| fun () ->
                match Frame.decode frame with
                | Decoded.Complete(read, consumed) ->
                    consumed |> shouldEqual frame.Length
                    read.Command |> shouldEqual command
                | other -> failtest $"%A{other}"

                (Frame.decodeStripped frame[4..] |> Buffers.ok).Command |> shouldEqual command

            testCase "a frame that lacks or exceeds a byte is not whole"
            <| fun () ->
                Frame.isWhole frame |> shouldBeTrue

                for length in 0 .. frame.Length - 1 do
                    Frame.isWhole frame[.. length - 1] |> shouldBeFalse

                Frame.isWhole (Array.append frame [| 0uy |]) |> shouldBeFalse

            testCase "the lengths and the type of a header are read without decoding it"
            <| fun () ->
                let binary = Frame.encode Header.Binary command |> Buffers.ok
                let info = Frame.tryInfo binary |> Buffers.ok
                info.Header |> shouldEqual Header.Binary
                info.FrameBytes |> shouldEqual binary.Length
                info.HeaderBytes |> shouldEqual (binary.Length - 8)
        ]

let private bytes =
    testList
        "bytes"
        [
            testCase "a frame is its length, the length of its header with the type, header and body"
            <| fun () ->
                let body = "body"B

                let frame =
                    Frame.encode Header.Json (Command.withBody (ReadOnlyMemory body) request)
                    |> Buffers.ok

                let number (start: int) = Buffers.int32At frame start
                number 0 |> shouldEqual (frame.Length - 4)
                frame[4] |> shouldEqual 0uy
                frame[8] |> shouldEqual '{'B
                frame[8 + (number 4 &&& 0xFFFFFF) ..] |> shouldEqual body

            testCase "the top byte of the header length is the type of the header"
            <| fun () ->
                let binary = Frame.encode Header.Binary command |> Buffers.ok
                binary[4] |> shouldEqual 1uy

                match Frame.decode binary with
                | Decoded.Complete(frame, _) -> frame.Header |> shouldEqual Header.Binary
                | other -> failtest $"%A{other}"

            testCase "frame limits have defaults, and a smaller one refuses the frame"
            <| fun () ->
                FrameLimits.Default.SendFrameBytes |> shouldEqual (16 * 1024 * 1024)
                FrameLimits.Default.ReceiveFrameBytes |> shouldEqual (32 * 1024 * 1024)
                FrameLimits.Default.ReceiveHeaderBytes |> shouldEqual 0xFFFFFF

                let small =
                    { FrameLimits.Default with
                        SendFrameBytes = 10
                    }

                Frame.encodeWithin small Header.Json request |> Result.isError |> shouldBeTrue
        ]

let private errors =
    testList
        "errors"
        [
            testCase "a size that is the beginning of a text is reported with that text"
            <| fun () ->
                (DecodeError.TooLarge("frame", 1213486164L, 1024L)).Message
                |> shouldMention "'HTTP'"

                for size in [ 5L; 0x01020304L; -1L; Int64.MaxValue; 0x7FFFFFFFL ] do
                    (DecodeError.TooLarge("frame", size, 4L)).Message.Contains("text", StringComparison.Ordinal)
                    |> shouldBeFalse

            testCase "each codec error has a message of its own"
            <| fun () ->
                [
                    (DecodeError.TooLarge("frame", 5L, 4L)).Message
                    (DecodeError.Malformed("header", "why", 3)).Message
                    (EncodedTooLarge("header", 5L, 4L)).Message
                    (NotEncodable("field 'a'", "why")).Message
                ]
                |> List.distinct
                |> List.length
                |> shouldEqual 4
        ]

[<Tests>]
let tests = testList "Commands" [ values; layout; bytes; errors ]
