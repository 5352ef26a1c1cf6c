module RocketMq.Protocol.Tests.FrameTests

open System
open System.Buffers
open RocketMq.Protocol
open Buffers

/// The form that a header has: `wanted`, or JSON where a binary one has no room for the numbers.
let private headerFor wanted (command: RemotingCommand) =
    let isNarrow number = number >= -32768 && number <= 32767

    if isNarrow command.Code && isNarrow command.Version then
        wanted
    else
        Header.Json

/// What a header form cannot tell apart: a binary one has no empty remark and no empty fields.
let private asCarried header (command: RemotingCommand) =
    match headerFor header command with
    | Header.Json -> command
    | Header.Binary ->
        { command with
            Remark = command.Remark |> Option.filter ((<>) "")
            Fields =
                if command.Fields.Wire.IsEmpty then
                    Fields.absent
                else
                    command.Fields
        }

let private encode header command = Frame.encode header command |> ok

let private hex (text: string) =
    Convert.FromHexString(text.Replace(" ", ""))

let private decoding =
    testList
        "decoding"
        [
            property "a frame decodes to the command it was made from"
            <| fun (header: Header) (command: RemotingCommand) ->
                let bytes = encode header command

                Frame.decode bytes =
                    Decoded.Complete(
                        {
                            Header = headerFor header command
                            Command = asCarried header command
                        },
                        bytes.Length
                    )

            property "a decoded frame encodes to the same bytes"
            <| fun (header: Header) (command: RemotingCommand) ->
                let bytes = encode header command

                match Frame.decode bytes with
                | Decoded.Complete(frame, _) -> encode frame.Header frame.Command = bytes
                | _ -> false

            property "every strict prefix of a frame asks for more, and never for too much"
            <| fun (header: Header) (command: RemotingCommand) ->
                let bytes = encode header command

                seq { 0 .. bytes.Length - 1 }
                |> Seq.forall (fun length ->
                    match Frame.decode (Array.take length bytes) with
                    | Decoded.NeedMore missing -> missing >= 1 && missing <= bytes.Length - length
                    | _ -> false)

            property "a frame reads the same however it is split"
            <| fun (header: Header) (command: RemotingCommand) (sizes: int list) ->
                let bytes = encode header command
                let whole = Frame.decode bytes

                Frame.read FrameLimits.Default (inPieces sizes bytes) = whole
                && Frame.read FrameLimits.Default (inSingleBytes bytes) = whole
        ]

let private framesInPlace =
    testList
        "frames in place"
        [
            property "a frame that is read in place is the same, also after the next one overwrote the buffer"
            <| fun (header: Header) (command: RemotingCommand) (other: RemotingCommand) (sizes: int list) ->
                let limits = FrameLimits.Default
                let fields = FieldsBuilder 0
                let bytes = encode header command
                let place = Array.copy bytes
                let otherFrame = ReadOnlySequence(encode header other)
                Frame.readInPlace limits fields otherFrame |> ignore

                match Frame.readInPlace limits fields (inPieces sizes place) with
                | Decoded.Complete(frame, consumed) ->
                    let kept = frame.ToCommand()
                    Array.Fill(place, 0xFFuy)
                    Frame.readInPlace limits fields otherFrame |> ignore

                    Frame.decode bytes =
                        Decoded.Complete(
                            {
                                Header = frame.Header
                                Command = kept
                            },
                            consumed
                        )
                | Decoded.NeedMore _
                | Decoded.Corrupt _ -> false
        ]

let private streams =
    testList
        "streams"
        [
            property "bytes after a frame are left alone"
            <| fun (header: Header) (command: RemotingCommand) (Bytes rest) ->
                let bytes = encode header command

                match Frame.decode (Array.append bytes rest) with
                | Decoded.Complete(_, consumed) -> consumed = bytes.Length
                | _ -> false

            property "frames in a row are read one by one"
            <| fun (frames: (Header * RemotingCommand) list) ->
                let encoded = frames |> List.map (fun (header, command) -> encode header command)
                let bytes = Array.concat encoded

                let rec readAll position read =
                    if position = bytes.Length then
                        List.rev read
                    else
                        match Frame.decode bytes[position..] with
                        | Decoded.Complete(frame, consumed) -> readAll (position + consumed) (frame.Command :: read)
                        | other -> failwith $"%A{other}"

                readAll 0 [] = (frames |> List.map (fun (header, command) -> asCarried header command))

            property "numbers beyond sixteen bits are never cut, the header becomes JSON"
            <| fun (command: RemotingCommand) ->
                match Frame.decode (encode Header.Binary command) with
                | Decoded.Complete(frame, _) ->
                    frame.Header = headerFor Header.Binary command
                    && frame.Command.Code = command.Code
                    && frame.Command.Version = command.Version
                | _ -> false
        ]

let private javaBinaryHeaders =
    testList
        "Java's binary headers"
        [
            testCase "a route request in binary form is Java's, byte for byte"
            <| fun () ->
                let command =
                    Command.request RequestCode.GetRouteInfoByTopic
                    |> Command.withOpaque 5
                    |> Command.withField "topic" "T"

                let command =
                    { command with
                        Language = LanguageCode.Java
                        Version = 409
                    }

                let java =
                    hex "00000025 01000021 0069 00 0199 00000005 00000000 00000000 0000000c 0005 746f706963 00000001 54"

                encode Header.Binary command |> shouldEqual java

            testCase "a refusal in binary form is Java's, byte for byte"
            <| fun () ->
                let java =
                    hex (
                        "00000038 01000034 0003 00 0000 00000005 00000001 0000001f"
                        + "2072657175657374207479706520393939206e6f7420737570706f72746564 00000000"
                    )

                match Frame.decode java with
                | Decoded.Complete(frame, _) ->
                    frame.Command.ResponseCode |> shouldEqual ResponseCode.RequestCodeNotSupported
                    Option.get frame.Command.Remark |> shouldEqual " request type 999 not supported"
                    encode Header.Binary frame.Command |> shouldEqual java
                | other -> failtest $"%A{other}"
        ]

let private javaJSONHeaders =
    testList
        "Java's JSON headers"
        [
            testCase "a send request in JSON form is Java's, byte for byte"
            <| fun () ->
                let json =
                    """{"code":310,"extFields":{"a":"PG","b":"T","c":"TBW102","d":"4","e":"1","f":"0","g":"1700000000000","h":"0","i":"A\u0001b\u0002","j":"0","k":"false","m":"false","n":"broker-a"},"flag":0,"language":"JAVA","opaque":7,"serializeTypeCurrentRPC":"JSON","version":409}"""

                let fields =
                    [
                        "a", "PG"
                        "b", "T"
                        "c", "TBW102"
                        "d", "4"
                        "e", "1"
                        "f", "0"
                        "g", "1700000000000"
                        "h", "0"
                        "i", "A\001b\002"
                        "j", "0"
                        "k", "false"
                        "m", "false"
                        "n", "broker-a"
                    ]

                let command =
                    { Command.request RequestCode.SendMessageV2 with
                        Language = LanguageCode.Java
                        Version = 409
                        Opaque = 7
                        Fields = Fields.ofList fields
                        Body = ReadOnlyMemory "hi"B
                    }

                let bytes = encode Header.Json command
                bytes[..7] |> shouldEqual (hex "0000010b 00000105")
                Text.Encoding.UTF8.GetString bytes[8..] |> shouldEqual (json + "hi")
        ]

let private escapes =
    testList
        "escapes"
        [
            testCase "a character that JSON escapes is escaped wherever it stands, in names and values of any length"
            <| fun () ->
                for special in [ '"'; '\\'; '\000'; '\001'; '\031'; '\127'; 'é'; ' '; '!'; '#'; '['; ']' ] do
                    for length in 1..26 do
                        for place in 0 .. length - 1 do
                            let text = String('x', length).Remove(place, 1).Insert(place, string special)

                            let command =
                                Command.request RequestCode.HeartBeat
                                |> Command.withAddedFields [ (text, text); ("a", text); ("b", "\"" + text + "\\") ]
                                |> Command.withRemark text

                            match Frame.encode Header.Json command |> Buffers.ok |> Frame.decode with
                            | Decoded.Complete(frame, _) -> frame.Command |> shouldEqual command
                            | other -> failtest $"%A{other}"
        ]

let private exactLimit =
    testList
        "exact limit"
        [
            testCase "the send limit is exact: one byte more is refused"
            <| fun () ->
                let command =
                    Command.request RequestCode.SendMessage
                    |> Command.withField "topic" "T"
                    |> Command.withBody (ReadOnlyMemory(Array.zeroCreate 100))

                for header in [ Header.Json; Header.Binary ] do
                    let size = (Frame.encode header command |> ok).Length
                    let output = ArrayBufferWriter<byte>()

                    let write limit =
                        Frame.write
                            { FrameLimits.Default with
                                SendFrameBytes = limit
                            }
                            header
                            command
                            output

                    write size |> shouldEqual (Ok size)
                    output.WrittenCount |> shouldEqual size

                    write (size - 1)
                    |> shouldEqual (Error(EncodedTooLarge("frame", int64 size, int64 (size - 1))))

                    output.WrittenCount |> shouldEqual size
        ]

let private limitsTests =
    testList
        "limits"
        [
            testCase "a frame over the send limit is refused and leaves nothing behind"
            <| fun () ->
                let output = ArrayBufferWriter<byte>()
                let limits = FrameLimits.Default

                let command =
                    Command.request RequestCode.SendMessage
                    |> Command.withBody (ReadOnlyMemory(Array.zeroCreate limits.SendFrameBytes))

                match Frame.write limits Header.Json command output with
                | Error(EncodedTooLarge(_, size, limit)) ->
                    size |> shouldExceed limit
                    limit |> shouldEqual (16L * 1024L * 1024L)
                | other -> failtest $"%A{other}"

                output.WrittenCount |> shouldEqual 0

            testCase "the largest frame that may be sent can be received"
            <| fun () ->
                let limits = FrameLimits.Default

                let empty =
                    Frame.encode Header.Binary (Command.request RequestCode.SendMessage) |> ok

                let command =
                    Command.request RequestCode.SendMessage
                    |> Command.withBody (ReadOnlyMemory(Array.zeroCreate (limits.SendFrameBytes - empty.Length)))

                match Frame.encode Header.Binary command |> ok |> Frame.decode with
                | Decoded.Complete(frame, consumed) ->
                    consumed |> shouldEqual limits.SendFrameBytes
                    frame.Command.Body.Length |> shouldEqual command.Body.Length
                | other -> failtest $"%A{other}"
        ]

let private surrogates =
    testList
        "surrogates"
        [
            testCase "a lone surrogate is refused, and the refusal names the field"
            <| fun () ->
                let inValue =
                    Command.request RequestCode.SendMessage
                    |> Command.withField "topic" ("a" + loneSurrogate)

                let inName =
                    Command.request RequestCode.SendMessage |> Command.withField loneSurrogate "x"

                let inRemark =
                    Command.request RequestCode.SendMessage |> Command.withRemark loneSurrogate

                for header in [ Header.Json; Header.Binary ] do
                    match Frame.encode header inValue with
                    | Error error -> error.Message |> shouldMention "'topic'"
                    | Ok _ -> failtest "encoded"

                    Frame.encode header inName |> Result.isError |> shouldBeTrue

                    match Frame.encode header inRemark with
                    | Error error -> error.Message |> shouldMention "remark"
                    | Ok _ -> failtest "encoded"
        ]

let private allocations =
    testList
        "allocations"
        [
            testCase "binary headers allocate nothing to encode, and to decode no more than the command is"
            <| fun () ->
                let limits = FrameLimits.Default

                let command =
                    { Command.request RequestCode.PullMessage with
                        Fields = Fields.ofList [ "topic", "T"; "queueId", "3" ]
                    }

                let frame = Frame.encode Header.Binary command |> ok
                let output = ArrayBufferWriter<byte> 4096

                let encode () =
                    output.ResetWrittenCount()
                    Frame.write limits Header.Binary command output |> Result.isOk

                let decode () =
                    match Frame.read limits (ReadOnlySequence frame) with
                    | Decoded.Complete(frame, _) -> frame.Command.Opaque = command.Opaque
                    | _ -> false

                let bare () =
                    let payload: byte[] = Array.zeroCreate (frame.Length - 8)
                    let fields = Fields(ReadOnlyMemory payload, true, ValueNone)
                    let copy = { command with Fields = fields }
                    copy.Opaque = command.Opaque

                Buffers.allocatedBy encode |> shouldEqual 0L
                Buffers.allocatedBy decode |> shouldEqual (Buffers.allocatedBy bare)
        ]

[<Tests>]
let tests =
    testList
        "Frame"
        [
            decoding
            framesInPlace
            streams
            javaBinaryHeaders
            javaJSONHeaders
            escapes
            exactLimit
            limitsTests
            surrogates
            allocations
        ]
