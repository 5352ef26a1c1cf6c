/// Frames that are refused: where they end, and whose answers they are.
module RocketMq.Protocol.Tests.RefusedFrameTests

open System
open System.Buffers
open System.Buffers.Binary
open System.Text
open RocketMq.Protocol
open Buffers

/// Refuses every header.
let private noHeader =
    { FrameLimits.Default with
        ReceiveHeaderBytes = 0
    }

let private refused limits (bytes: byte[]) =
    Frame.refused limits (ReadOnlySequence bytes)

let private numberOf (command: RemotingCommand) =
    match command.Kind with
    | CommandKind.Response -> ValueSome command.Opaque
    | CommandKind.Request
    | CommandKind.OneWay -> ValueNone

let private jsonFrame (header: string) =
    let text = Encoding.UTF8.GetBytes header
    let front: byte[] = Array.zeroCreate 8
    BinaryPrimitives.WriteInt32BigEndian(front.AsSpan(), text.Length + 4)
    BinaryPrimitives.WriteInt32BigEndian(front.AsSpan 4, text.Length)
    Array.append front text

let private answers header =
    match refused FrameLimits.Default (jsonFrame header) with
    | EndsAfter(_, answers) -> answers
    | other -> failwith $"%A{other}"

let private anyFrame =
    testList
        "any frame"
        [
            property "a frame whose header exceeds the limit still has its end and its opaque, in both forms"
            <| fun (header: Header) (command: RemotingCommand) (sizes: int list) (Bytes rest) ->
                let bytes = Frame.encode header command |> ok
                let expected = EndsAfter(int64 bytes.Length, numberOf command)
                let followed = Array.append bytes rest

                Frame.decodeWithin noHeader bytes |> _.IsCorrupt
                && refused noHeader bytes = expected
                && Frame.refused noHeader (inPieces sizes followed) = expected
                && Frame.refused noHeader (inSingleBytes followed) = expected

            property "a frame is judged only when its header has arrived, and the judgement stays"
            <| fun (header: Header) (command: RemotingCommand) ->
                let bytes = Frame.encode header command |> ok
                let info = Frame.tryInfo bytes |> ok

                seq { 0 .. bytes.Length }
                |> Seq.forall (fun length ->
                    let expected =
                        if length < 8 + info.HeaderBytes then
                            EndToCome
                        else
                            EndsAfter(int64 bytes.Length, numberOf command)

                    refused noHeader (Array.take length bytes) = expected)

            property "a frame over the limit still has its end and, in binary form, its opaque"
            <| fun (command: RemotingCommand) ->
                let bytes = Frame.encode Header.Binary command |> ok

                let small =
                    { FrameLimits.Default with
                        ReceiveFrameBytes = 24
                    }

                // The byte before the length of the header names its form: 1 is binary.
                match bytes[4], refused small bytes with
                | 1uy, found -> found = EndsAfter(int64 bytes.Length, numberOf command)
                | _, EndsAfter(size, _) -> size = int64 bytes.Length
                | _ -> false
        ]

let private anyGarbage =
    testList
        "any garbage"
        [
            property "garbage raises no exception"
            <| fun (Bytes bytes) (isBinary: bool) (headerBytes: uint16) ->
                let plausible = Array.append (Array.zeroCreate 8) bytes
                BinaryPrimitives.WriteInt32BigEndian(plausible.AsSpan(), plausible.Length - 4)

                let word =
                    (if isBinary then 1 <<< 24 else 0) ||| (int headerBytes % (bytes.Length + 2))

                BinaryPrimitives.WriteInt32BigEndian(plausible.AsSpan 4, word)

                [ bytes; plausible ]
                |> List.forall (fun bytes ->
                    match refused FrameLimits.Default bytes with
                    | EndsAfter(size, _) -> size >= 8L
                    | EndToCome
                    | EndUnknown -> true)

            property "an answer keeps its opaque whatever its fields and its remark are"
            <| fun (WireInt opaque) (Text text) (bits: int list) ->
                let command =
                    Command.request RequestCode.PullMessage
                    |> Command.withOpaque opaque
                    |> Command.withField "a" (text + "some text")
                    |> Command.withRemark "some text"
                    |> Command.asResponse

                let json = Frame.encode Header.Json command |> ok
                let fieldsStart = json.AsSpan().IndexOf(ReadOnlySpan "extFields"B)
                let fieldsEnd = json.AsSpan().IndexOf(ReadOnlySpan "\"flag\":1"B)
                let harmed = damaged bits json[fieldsStart .. fieldsEnd - 1]

                let bytes = Array.concat [ json[.. fieldsStart - 1]; harmed; json[fieldsEnd..] ]

                match Frame.decode bytes, refused FrameLimits.Default bytes with
                | Decoded.Corrupt _, found -> found = EndsAfter(int64 bytes.Length, ValueSome opaque)
                | _ -> true
        ]

let private lengthsAndNumbers =
    testList
        "lengths and numbers"
        [
            testCase "lengths that make no sense leave the end unknown"
            <| fun () ->
                let frame length word =
                    let bytes: byte[] = Array.zeroCreate 8
                    BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(), length)
                    BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan 4, word)
                    bytes

                for length, word in
                    [
                        Int32.MinValue, 1
                        -1, 1
                        3, 1
                        20, 0
                        20, 17
                        20, 7 <<< 24 ||| 5
                        20, 0xFF <<< 24 ||| 5
                        Int32.MaxValue, 2 <<< 24 ||| 5
                    ] do
                    refused FrameLimits.Default (frame length word) |> shouldEqual EndUnknown

                refused FrameLimits.Default "HTTP/1.1 400"B |> shouldEqual EndUnknown
                // The alert by which a server refuses who speaks no TLS is shorter than the front of a frame.
                refused FrameLimits.Default [| 0x15uy; 3uy; 3uy; 0uy; 2uy; 2uy; 40uy |]
                |> shouldEqual EndUnknown

            testCase "the opaque is found behind invalid JSON"
            <| fun () ->
                for broken in
                    [
                        "{\"a\":\"\\q\"}"
                        "{\"a\":\"\nline\"}"
                        "{\"a\":}"
                        "oh"
                        "{\"a\":\"\\uD800\"}"
                    ] do
                    answers $"{{\"code\":0,\"extFields\":{broken},\"flag\":1,\"language\":\"JAVA\",\"opaque\":-5}}"
                    |> shouldEqual (ValueSome -5)

            testCase "a field called opaque is not the opaque"
            <| fun () ->
                answers """{"extFields":{"opaque":"7","flag":"1","x":[]},"flag":1,"opaque":5}"""
                |> shouldEqual (ValueSome 5)

                answers """{"extFields":{"opaque":7,"flag":1,"x":[]}}"""
                |> shouldEqual ValueNone

            testCase "a request is no answer"
            <| fun () ->
                answers """{"code":"?","flag":0,"opaque":5}""" |> shouldEqual ValueNone
                answers """{"code":"?","flag":2,"opaque":5}""" |> shouldEqual ValueNone
                answers """{"code":"?","opaque":5}""" |> shouldEqual ValueNone
                answers """{"code":"?","flag":1}""" |> shouldEqual ValueNone
        ]

let private largeHeaders =
    testList
        "large headers"
        [
            testCase "headers of many MiB are read in both forms, however they are split"
            <| fun () ->
                let ids = String.init 55_000 (fun _ -> "7F0000010000559700000000000004E9,")

                let command =
                    { Command.request RequestCode.SendBatchMessage with
                        Fields = Fields.ofList [ "msgId", String.init 3 (fun _ -> ids); "queueId", "3" ]
                        Opaque = 7
                    }

                for header in [ Header.Json; Header.Binary ] do
                    let bytes = Frame.encode header command |> ok
                    bytes.Length |> shouldExceed (5 * 1024 * 1024)

                    for pieces in [ []; [ 65_536; 65_536; 1; 3_000_000 ] ] do
                        match Frame.read FrameLimits.Default (inPieces pieces bytes) with
                        | Decoded.Complete(frame, consumed) ->
                            consumed |> shouldEqual bytes.Length
                            (frame.Command = command) |> shouldBeTrue
                        | other -> failtest $"%A{other}"

            testCase "nothing is allocated for a header before it has arrived"
            <| fun () ->
                // 15 MiB, says the front.
                let bytes =
                    Array.append [| 1uy; 0uy; 0uy; 0uy; 0uy; 0xF0uy; 0uy; 0uy |] (Array.zeroCreate 1000)

                let fields = FieldsBuilder 0
                let input = ReadOnlySequence bytes

                let read () =
                    match Frame.readInPlace FrameLimits.Default fields input with
                    | Decoded.NeedMore _ -> true
                    | _ -> false

                allocatedBy read |> shouldStayBelow 1_000L
        ]

[<Tests>]
let tests =
    testList "Refused frame" [ anyFrame; anyGarbage; lengthsAndNumbers; largeHeaders ]
