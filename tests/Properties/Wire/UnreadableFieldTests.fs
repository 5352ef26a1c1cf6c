/// Texts of headers that are not Unicode: the field is told as unreadable, and nothing else is the worse for it.
module RocketMq.Protocol.Tests.UnreadableFieldTests

open System
open System.Buffers.Binary
open System.Text
open System.Text.Json
open RocketMq.Protocol
open Buffers
open OnNetwork

let private jsonFrame (header: byte[]) =
    let front: byte[] = Array.zeroCreate 8
    BinaryPrimitives.WriteInt32BigEndian(front.AsSpan(), 4 + header.Length)
    BinaryPrimitives.WriteInt32BigEndian(front.AsSpan 4, header.Length)
    Array.append front header

let private decode (bytes: byte[]) =
    match Frame.decode bytes with
    | Decoded.Complete(frame, consumed) ->
        consumed |> shouldEqual bytes.Length
        frame.Command
    | other -> failtest $"%A{other}"

let private decodeJson (header: string) =
    header |> Encoding.UTF8.GetBytes |> jsonFrame |> decode

/// A binary header with a field whose value ends in a byte that no UTF-8 has.
let private binary name =
    let bytes =
        Command.request RequestCode.PullMessage
        |> Command.asResponse
        |> Command.withOpaque 5
        |> Command.withField "good" "x"
        |> Command.withField name "TTTT"
        |> Frame.encode Header.Binary
        |> ok

    bytes[bytes.Length - 1] <- 0xFFuy
    bytes

/// Any UTF-16, halves of characters too.
let private escaped (units: uint16 list) =
    units |> List.map (fun unit' -> $"\\u{unit':x4}") |> String.concat ""

let private unescape (text: string) =
    let bytes = Encoding.UTF8.GetBytes text
    let destination: byte[] = Array.zeroCreate bytes.Length
    destination[.. JsonText.unescape (ReadOnlySpan bytes) (destination.AsSpan()) - 1]

let private stored (fields: string) =
    decodeJson
        $"{{\"code\":0,\"extFields\":{{{fields},\"queueId\":\"1\",\"queueOffset\":\"7\"}},\"flag\":1,\"opaque\":5}}"

let private placeOf (answer: RemotingCommand) =
    Send.tryPlace answer.ResponseCode answer.Fields.Wire.Span

let private texts =
    testList
        "texts"
        [
            property "escapes are decoded as by another reader"
            <| fun (Text text) ->
                let json = JsonSerializer.Serialize text
                unescape json[1 .. json.Length - 2] = Encoding.UTF8.GetBytes text

            property "half a surrogate pair is marked as invalid Unicode, and nothing else is"
            <| fun (units: uint16 list) ->
                let text = String(units |> List.map char |> Array.ofList)
                let found = unescape (escaped units)

                Encoding.UTF8.GetString found = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes text)
                && Utf8Text.isValid (ReadOnlySpan found) = Utf8Text.isEncodable text

            property "a field of any UTF-16 is found where that is Unicode, and named where it is not"
            <| fun (units: uint16 list) (Text other) ->
                let text = String(units |> List.map char |> Array.ofList)
                let otherJson = JsonSerializer.Serialize other

                let command =
                    decodeJson
                        $"{{\"code\":1,\"extFields\":{{\"a\":\"{escaped units}\",\"b\":{otherJson}}},\"flag\":1}}"

                let isReadable = Utf8Text.isEncodable text

                command.Code = 1
                && Fields.tryFind "b" command.Fields = ValueSome other
                && Fields.tryFind "a" command.Fields = (if isReadable then ValueSome text else ValueNone)
                && Fields.contains "a" command.Fields
                && Fields.unreadable command.Fields = (if isReadable then [] else [ "a" ])
                && (Frame.encode Header.Json command |> Result.isOk) = isReadable
        ]

let private commands =
    testList
        "commands"
        [
            testCase "in both forms the unreadable field is named, the others are found, and the code is kept"
            <| fun () ->
                let json =
                    decodeJson """{"code":0,"extFields":{"good":"x","topic":"a\ud800b"},"flag":1,"opaque":5}"""

                let raw =
                    Array.concat
                        [
                            "{\"extFields\":{\"good\":\"x\",\"topic\":\"TTT"B
                            [| 0xFFuy |]
                            "\"},\"flag\":1,\"opaque\":5}"B
                        ]

                for command in [ json; decode (jsonFrame raw); decode (binary "topic") ] do
                    command.Opaque |> shouldEqual 5
                    Fields.unreadable command.Fields |> shouldEqual [ "topic" ]
                    Fields.tryFind "topic" command.Fields |> shouldEqual ValueNone
                    Fields.toList command.Fields |> shouldEqual [ "good", "x" ]
                    Fields.toMap command.Fields |> shouldEqual (Map.ofList [ "good", "x" ])
                    command.ToString() |> shouldMention "topic cannot be read"

            testCase "a command with an unreadable field is not sent unless the field is removed or set"
            <| fun () ->
                let command = decode (binary "topic")

                match Frame.encode Header.Json command with
                | Error error -> error.Message |> shouldMention "'topic'"
                | Ok _ -> failtest "encoded"

                let isEncoded command =
                    Frame.encode Header.Binary command |> Result.isOk

                command |> Command.withField "other" "x" |> isEncoded |> shouldBeFalse
                command |> Command.withoutField "topic" |> isEncoded |> shouldBeTrue
                command |> Command.withField "topic" "T" |> isEncoded |> shouldBeTrue

            testCase "reading a required unreadable field is an error, and an optional one is not"
            <| fun () ->
                let answer =
                    decodeJson """{"extFields":{"offset":"\udc00","x":"\ud800"},"flag":1}"""

                match RequiredField.text "offset" answer with
                | Error error -> error.Message |> shouldMention "field 'offset' cannot be read"
                | Ok value -> failtest value

                let optional = Layout.single (OptionalField.text "offset" id)
                optional.Read answer |> Result.isError |> shouldBeTrue
                let other = Layout.single (OptionalField.text "other" id)
                other.Read answer |> shouldEqual (Ok None)
        ]

let private remarks =
    testList
        "remarks"
        [
            testCase "a remark and the name of a language are shown with what can be read of them"
            <| fun () ->
                let command =
                    decodeJson """{"code":1,"language":"J\ud800","remark":"a\ud800b","flag":1}"""

                command.Remark |> shouldEqual (Some "a\uFFFDb")
                command.Language |> shouldEqual LanguageCode.Unnamed

                let bytes =
                    Command.request RequestCode.PullMessage
                    |> Command.withRemark "ab"
                    |> Frame.encode Header.Binary
                    |> ok
                // The second letter of the remark, before the length of no fields.
                bytes[bytes.Length - 5] <- 0xFFuy
                (decode bytes).Remark |> shouldEqual (Some "a\uFFFD")

            testCase "a member whose name is invalid Unicode raises no exception"
            <| fun () ->
                for bytes in
                    [
                        jsonFrame "{\"\\ud800\":1,\"flag\":1,\"opaque\":5}"B
                        jsonFrame (Array.concat [ "{\""B; [| 0xFFuy |]; "\":1,\"flag\":1,\"opaque\":5}"B ])
                    ] do
                    match Frame.decode bytes with
                    | Decoded.Complete(frame, _) -> frame.Command.Opaque |> shouldEqual 5
                    | Decoded.Corrupt error ->
                        error.Message |> shouldMention "Unicode"

                        Frame.refused FrameLimits.Default (Buffers.ReadOnlySequence bytes)
                        |> shouldEqual (EndsAfter(int64 bytes.Length, ValueSome 5))
                    | Decoded.NeedMore _ -> failtest "more"
        ]

let private receipts =
    testList
        "receipts"
        [
            testCase "a stored message has its receipt, unless it is its place that cannot be read"
            <| fun () ->
                (placeOf (stored "\"msgId\":\"A\",\"MSG_REGION\":\"\\ud800\"")).IsSome
                |> shouldBeTrue

                let lost = stored "\"msgId\":\"\\ud800\""
                (placeOf lost).IsSome |> shouldBeFalse

                match Send.message.DecodeAnswer lost with
                | Error(Undecodable error) -> error.Message |> shouldMention "'msgId' cannot be read"
                | other -> failtest $"%A{other}"

                (placeOf (stored "\"msgId\":\"A\",\"recallHandle\":\"\\ud800\"")).IsSome
                |> shouldBeFalse

            testCase "a send with unreadable properties is refused and not stored without them"
            <| fun () ->
                let send fields =
                    decodeJson
                        $"{{\"code\":310,\"extFields\":{{\"a\":\"G\",\"b\":\"T\",\"e\":\"0\"{fields}}},\"opaque\":5}}"

                Send.message.Decode(send "") |> Result.isOk |> shouldBeTrue

                match Send.message.Decode(send ",\"i\":\"\\ud800\"") with
                | Error error -> error.Message |> shouldMention "'i' cannot be read"
                | Ok send -> failtest $"%A{send}"
        ]

let private calls =
    testList
        "calls"
        [
            connected "a call ends with the code of its answer, and other calls go on" (fun network client peer ->
                task {
                    let pull = Command.request RequestCode.PullMessage
                    let call = client.Invoke(pull, CancellationToken.None)
                    let! asked = peer.Next()

                    do!
                        $"{{\"code\":17,\"extFields\":{{\"a\":\"\\ud800\"}},\"flag\":1,\"opaque\":{asked.Opaque},\"remark\":\"\\udc00\"}}"
                        |> Encoding.UTF8.GetBytes
                        |> jsonFrame
                        |> peer.SendBytes

                    let! answer = call
                    let answer = ok answer
                    answer.ResponseCode |> shouldEqual ResponseCode.TopicNotExist
                    Fields.unreadable answer.Fields |> shouldEqual [ "a" ]
                    answer.Remark |> shouldEqual (Some "\uFFFD")
                    client.Health.UnexpectedAnswers |> shouldEqual 0L
                    network.Dials |> shouldEqual 1
                })
        ]

[<Tests>]
let tests =
    testList "Unreadable field" [ texts; commands; remarks; receipts; calls ]
