module RocketMq.Protocol.Tests.RecordedMessageTests

open System
open System.Security.Cryptography
open System.Text.Json
open RocketMq.Protocol
open RocketMq
open Captures

let private listOf (name: string) (capture: Capture) =
    let mutable list = JsonElement()

    if capture.Java.TryGetProperty(name, &list) then
        List.ofSeq (list.EnumerateArray())
    else
        []

let private properties (java: JsonElement) =
    (java.GetProperty "properties").EnumerateObject()
    |> Seq.map (fun property -> property.Name, string (property.Value.GetString()))
    |> Map.ofSeq

/// Java writes hosts with a slash before the address.
let private host (java: JsonElement) (name: string) =
    (string (java.GetProperty(name).GetString())).TrimStart '/'

/// The compressed bit, which 5.3.3's decoder clears after inflating.
let private compressedBit = 0x1

let private sha256 (bytes: ReadOnlySpan<byte>) =
    Convert.ToHexStringLower(SHA256.HashData bytes)

let private codecs = RocketMq.Client.CompressionCodecs.AddTo BodyCodecs.standard

let private bodyOf (message: StoredMessage) =
    MessageBody.decodeWith codecs MessageBody.defaultMaxDecompressedBodySize message

/// Whether body length and hash are Java's.
let private isJavasBody (java: JsonElement) (message: StoredMessage) =
    let mutable hash = JsonElement()

    match bodyOf message with
    | Ok body ->
        body.Length = java.GetProperty("bodyLength").GetInt32()
        && (not (java.TryGetProperty("bodySha256", &hash))
            || sha256 body.Span = string (hash.GetString()))
    | Error _ -> false

let private differences (java: JsonElement) (message: StoredMessage) =
    let int32 (name: string) = java.GetProperty(name).GetInt32()
    let int64 (name: string) = java.GetProperty(name).GetInt64()

    let text (name: string) =
        string (java.GetProperty(name).GetString())

    [
        "topic", message.Topic = text "topic"
        "queueId", message.QueueId = int32 "queueId"
        "queueOffset", message.QueueOffset = int64 "queueOffset"
        "sysFlag", (message.SysFlag ||| compressedBit) = (int32 "sysFlag" ||| compressedBit)
        "flag", message.Flag = int32 "flag"
        "bornTimestamp", message.BornTimestamp = int64 "bornTimestamp"
        "bornHost", message.BornHost.ToString() = host java "bornHost"
        "storeTimestamp", message.StoreTimestamp = int64 "storeTimestamp"
        "storeHost", message.StoreHost.ToString() = host java "storeHost"
        // Java shows the sender's id, and the offset id only where there is none.
        "msgId",
        (Properties.tryFind PropertyName.uniqueKey message.Properties
         |> ValueOption.defaultValue message.OffsetId) =
            text "msgId"
        "commitLogOffset", message.PhysicalOffset = int64 "commitLogOffset" * 1L<commitLog>
        "bodyCRC", message.BodyCrc = int32 "bodyCRC"
        "reconsumeTimes", message.ReconsumeTimes = int32 "reconsumeTimes"
        "preparedTransactionOffset",
        message.PreparedTransactionOffset = int64 "preparedTransactionOffset" * 1L<commitLog>
        "properties", Properties.toMap message.Properties = properties java
        "body", isJavasBody java message
    ]
    |> List.choose (fun (name, isEqual) -> if isEqual then None else Some name)

let private messagesTests =
    testList
        "messages"
        [
            testCase "every recorded message decodes field for field to what Java made of it"
            <| fun () ->
                let mutable checked' = 0

                for capture in Captures.all () do
                    match listOf "messages" capture with
                    | [] -> ()
                    | javas ->
                        let messages =
                            MessageCodec.decodeAll "broker-a" (commandOf capture).Body
                            |> Buffers.ok
                            |> List.ofArray

                        messages.Length |> shouldEqual javas.Length

                        for java, message in List.zip javas messages do
                            match differences java message with
                            | [] -> checked' <- checked' + 1
                            | names -> failtest $"frame {capture.Id}: %A{names}"

                checked' |> shouldEqual 1369

                Console.Out.WriteLine $"{checked'} recorded messages decode to what Java made of them"

            testCase "every recorded message encodes to the same bytes again"
            <| fun () ->
                let mutable checked' = 0

                for capture in Captures.all () do
                    if not (listOf "messages" capture).IsEmpty then
                        let body = (commandOf capture).Body
                        let output = Buffers.ArrayBufferWriter<byte>()

                        for message in MessageCodec.decodeAll "" body |> Buffers.ok do
                            MessageCodec.write message output |> Buffers.ok |> ignore
                            checked' <- checked' + 1

                        if not (output.WrittenSpan.SequenceEqual body.Span) then
                            failtest $"frame {capture.Id}"

                checked' |> shouldEqual 1369
        ]

let private batches =
    testList
        "batches"
        [
            testCase "every recorded batch decodes to what Java made of it, and encodes to the same bytes again"
            <| fun () ->
                let mutable checked' = 0

                for capture in Captures.all () do
                    match listOf "batch" capture with
                    | [] -> ()
                    | javas ->
                        let body = (commandOf capture).Body
                        let messages = BatchCodec.decode "T" body |> Buffers.ok

                        for java, message in List.zip javas messages do
                            message.Flag |> shouldEqual (java.GetProperty("flag").GetInt32())
                            Properties.toMap message.Properties |> shouldEqual (properties java)
                            message.Body.Length |> shouldEqual (java.GetProperty("bodyLength").GetInt32())

                            sha256 message.Body.Span
                            |> shouldEqual (string (java.GetProperty("bodySha256").GetString()))

                            checked' <- checked' + 1

                        BatchCodec.encode messages |> Buffers.ok |> shouldEqual (body.ToArray())

                checked' |> shouldEqual 30
                Console.Out.WriteLine $"{checked'} recorded batch messages decode to what Java made of them"
        ]

[<Tests>]
let tests = testList "Recorded message" [ messagesTests; batches ]
