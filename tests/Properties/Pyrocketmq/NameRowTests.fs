/// pyrocketmq's names outside of its request factory, row by row: the model.
module RocketMq.Protocol.Tests.NameRowTests

open System
open System.IO
open System.Reflection
open Expecto
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Protocol.Tests.Examples

let private request = Command.request RequestCode.SendMessageV2

let private libraries =
    [ typeof<RemotingCommand>.Assembly; typeof<RemotingClient>.Assembly ]

/// Types and modules of protocol and client by name; F# adds "Module" to the name of a module that shares it with a type.
let private has (names: string list) =
    let known =
        libraries
        |> Seq.collect _.GetExportedTypes()
        |> Seq.map (fun exported -> exported.Name.Split('`')[0])
        |> Set.ofSeq

    for name in names do
        if not (known.Contains name || known.Contains(name + "Module")) then
            failtest $"there is no {name}"

let private sendOf topic group =
    Send.message
    |> ask
        { send with
            Topic = topic
            ProducerGroup = group
        }

let private refusal =
    Command.response ResponseCode.TopicNotExist request |> Command.withRemark "none"

let private frame = Frame.encode Header.Json (sendOf "T" "P") |> Buffers.ok

[<Tests>]
let tests =
    testList
        "pyrocketmq model"
        [
            testCase "S1 modules of the model"
            <| fun () ->
                has
                    [
                        "Command"
                        "Frame"
                        "RequestCode"
                        "Operation"
                        "Operations"
                        "Fields"
                        "Commands"
                        "DecodeError"
                        "EncodeError"
                    ]

            testCase "S2 modules of the transport"
            <| fun () -> has [ "Ports"; "RemotingOptions"; "ConnectionState"; "RemotingError" ]

            testCase "S3 modules of remote calls"
            <| fun () ->
                has
                    [
                        "RemotingClient"
                        "RemotingOptions"
                        "ConnectionPool"
                        "PoolOptions"
                        "OptionText"
                    ]

            testCase "S4 logging goes through ILogger, and nowhere by default"
            <| fun () ->
                RemotingOptions.Default.Logger
                |> shouldEqual Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance

            testCase "S6 a command has the defaults of this library"
            <| fun () ->
                request.Language |> shouldEqual LanguageCode.DotNet
                request.Version |> shouldEqual 409
                (request.Opaque, request.Flag, request.Remark) |> shouldEqual (0, 0, None)
                request.Fields |> shouldEqual Fields.absent
                request.Body.IsEmpty |> shouldBeTrue

            testCase "S7 the kind follows the bits"
            <| fun () ->
                request.Kind |> shouldEqual Request
                (Command.asOneWay request).Kind |> shouldEqual OneWay
                refusal.Kind |> shouldEqual Response

            testCase "S8 fields: add, get, default, remove, has, clear, copy"
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

            testCase "S9 lengths count all bytes; equality, hash and text"
            <| fun () ->
                let info = Frame.tryInfo frame |> Buffers.ok
                info.FrameBytes |> shouldEqual frame.Length
                let other = Command.withField "x" "1" request
                let same = Command.withField "x" "1" (Command.request RequestCode.SendMessageV2)
                other |> shouldEqual same
                hash other |> shouldEqual (hash same)
                string other |> shouldMention "SendMessageV2 (310)"

            testCase "S10 serialize"
            <| fun () ->
                Frame.encode Header.Json request |> Result.isOk |> shouldBeTrue
                Frame.encode Header.Binary request |> Result.isOk |> shouldBeTrue

            testCase "S11 deserialize takes what serialize gives, and a frame without its length"
            <| fun () ->
                match Frame.decode frame with
                | Complete(read, consumed) ->
                    consumed |> shouldEqual frame.Length
                    read.Command |> shouldEqual (sendOf "T" "P")
                | other -> failtest $"%A{other}"

                (Frame.decodeStripped frame[4..] |> Buffers.ok).Command
                |> shouldEqual (sendOf "T" "P")

            testCase "S12 a frame that is cut, by however little, is not whole"
            <| fun () ->
                Frame.isWhole frame |> shouldBeTrue

                for length in 0 .. frame.Length - 1 do
                    Frame.isWhole frame[.. length - 1] |> shouldBeFalse

                Frame.isWhole (Array.append frame [| 0uy |]) |> shouldBeFalse

            testCase "S13 a frame's lengths and the type of its header"
            <| fun () ->
                let binary = Frame.encode Header.Binary (sendOf "T" "P") |> Buffers.ok
                let info = Frame.tryInfo binary |> Buffers.ok
                info.Header |> shouldEqual Header.Binary
                info.FrameBytes |> shouldEqual binary.Length
                info.HeaderBytes |> shouldEqual (binary.Length - 8)

            testCase "S14 limits are options, with Java's as the default for what is sent"
            <| fun () ->
                FrameLimits.Default.SendFrameBytes |> shouldEqual (16 * 1024 * 1024)
                FrameLimits.Default.ReceiveFrameBytes |> shouldEqual (32 * 1024 * 1024)
                FrameLimits.Default.ReceiveHeaderBytes |> shouldEqual 0xFFFFFF

                let small =
                    { FrameLimits.Default with
                        SendFrameBytes = 10
                    }

                Frame.encodeWithin small Header.Json request |> Result.isError |> shouldBeTrue

            testCase "S15 length, header length with its type, header, body"
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

            testCase "S16 languages 0 to 13"
            <| fun () ->
                [ 0..13 ]
                |> List.map (fun number -> LanguageCode.name (enum number))
                |> List.filter ((<>) "")
                |> List.length
                |> shouldEqual 14

                LanguageCode.ofName "OMS" |> int |> shouldEqual 11
                LanguageCode.ofName "NODE_JS" |> int |> shouldEqual 13

            testCase "S17 all request codes of both lines"
            <| fun () -> Enum.GetValues<RequestCode>().Length |> shouldEqual 157

            testCase "S18 flags are bits"
            <| fun () ->
                (Command.asOneWay request).Flag |> shouldEqual 2
                (Command.asResponse request).Flag |> shouldEqual 1

            testCase "S19 response codes have Java's meaning"
            <| fun () ->
                int ResponseCode.TransactionStateGroupWrong |> shouldEqual 203
                int ResponseCode.ConsumerNotOnline |> shouldEqual 206
                int ResponseCode.FlowControl |> shouldEqual 215
                int ResponseCode.GoAway |> shouldEqual 1500

            testCase "S20 a request factory: every operation makes requests of its code"
            <| fun () ->
                Operations.all.Length |> shouldExceed 120

                (ask "T" Topics.delete).RequestCode
                |> shouldEqual RequestCode.DeleteTopicInBroker

            testCase "S21 a builder"
            <| fun () ->
                let command =
                    Command.request RequestCode.SendMessageV2
                    |> Commands.withTopic "T"
                    |> Commands.withProducerGroup "P"
                    |> Command.withBody (ReadOnlyMemory "x"B)

                (Commands.tryTopic command, Commands.tryGroup command)
                |> shouldEqual (ValueSome "T", ValueSome "P")

            testCase "S22 a command is a record that anyone can make"
            <| fun () ->
                let command: RemotingCommand =
                    {
                        Code = 105
                        Language = LanguageCode.Python
                        Version = 1
                        Opaque = 7
                        Flag = 0
                        Remark = None
                        Fields = Fields.ofList [ ("topic", "T") ]
                        Body = ReadOnlyMemory.Empty
                    }

                command.RequestCode |> shouldEqual RequestCode.GetRouteInfoByTopic

            testCase "S23 a command can be checked before it is sent"
            <| fun () ->
                Commands.check (sendOf "T" "P") |> Result.isOk |> shouldBeTrue

                match Commands.check (Command.withoutField "b" (sendOf "T" "P")) with
                | Error reason -> reason |> shouldMention "'b'"
                | Ok _ -> failtest "a send without a topic passed"

            testCase "S24 numbers of calls are their own, 10,000 of them and where they wrap"
            <| fun () ->
                for first in [ 1; Int32.MaxValue - 5000 ] do
                    let table = InFlightTable(16_384, first)

                    let nobody =
                        { new ICaller with
                            member _.TakeBack(_, _) = ()
                        }

                    let numbers =
                        [
                            for _ in 1..10_000 do
                                let number = table.TryNumber() |> ValueOption.get

                                table.Add(
                                    PendingRequest<RemotingCommand>(
                                        number,
                                        OutgoingCommand(Command.request RequestCode.HeartBeat),
                                        nobody,
                                        false,
                                        TimeSpan.Zero,
                                        0L,
                                        0L
                                    )
                                )

                                number
                        ]

                    List.distinct numbers |> List.length |> shouldEqual 10_000

            testCase "S25 success is an answer with code 0, not a request with it"
            <| fun () ->
                Commands.isSuccess (Command.response ResponseCode.Success request)
                |> shouldBeTrue

                Commands.isSuccess (Command.request (enum 0)) |> shouldBeFalse
                Commands.isSuccess refusal |> shouldBeFalse

            testCase "S26 the topic is found under each of its names"
            <| fun () ->
                Commands.tryTopic (sendOf "T" "P") |> shouldEqual (ValueSome "T")
                Commands.tryTopic (ask "T" Topics.delete) |> shouldEqual (ValueSome "T")

                Commands.tryTopic (Command.request RequestCode.HeartBeat)
                |> shouldEqual ValueNone

            testCase "S27 a summary tells requests, one-way requests and answers apart"
            <| fun () ->
                Commands.summary (sendOf "T" "P")
                |> shouldEqual "Request SendMessageV2 (310), opaque 0, topic T, group P, body 0 bytes"

                Commands.summary (Command.asOneWay (ask "T" Topics.delete))
                |> shouldMention "OneWay DeleteTopicInBroker (215)"

                Commands.summary refusal
                |> shouldEqual "Response TopicNotExist (17), opaque 0, \"none\", body 0 bytes"

            testCase "S28 the other tools for commands"
            <| fun () ->
                Commands.isRefusal refusal |> shouldBeTrue
                Commands.tryGroup (ask "G" Heartbeat.members) |> shouldEqual (ValueSome "G")
                Commands.tryQueueId (sendOf "T" "P") |> shouldEqual (ValueSome 1)
                Commands.tryOffset (ask pull Pull.messages) |> shouldEqual (ValueSome 17L)
                (Command.withOpaque 5 (sendOf "T" "P")).Opaque |> shouldEqual 5

                (Command.response ResponseCode.Success (Command.withOpaque 5 request)).Opaque
                |> shouldEqual 5

                let all = [ sendOf "T" "P"; sendOf "U" "Q"; ask pull Pull.messages; refusal ]
                Commands.ofTopic "T" all |> List.length |> shouldEqual 2
                Commands.ofGroup "Q" all |> shouldEqual [ sendOf "U" "Q" ]
                let stats = Commands.stats all
                (stats.Requests, stats.Responses, stats.Refusals) |> shouldEqual (3, 1, 1)

                stats.ByCode
                |> shouldEqual (Map.ofList [ (RequestCode.PullMessage, 1); (RequestCode.SendMessageV2, 2) ])

                Commands.fieldsText (ask "G" Heartbeat.members) |> shouldEqual "consumerGroup=G"
                Commands.isHeartbeat (Command.request RequestCode.HeartBeat) |> shouldBeTrue
                Commands.isSend (sendOf "T" "P") |> shouldBeTrue
                Commands.isPull (ask pull Pull.lite) |> shouldBeTrue

            property "S28 a command survives its JSON"
            <| fun (command: RemotingCommand) ->
                let named =
                    { command with
                        Language = LanguageCode.ofName (LanguageCode.name command.Language)
                    }

                match command.Fields.Fault, Commands.ofJson (Commands.toJson named) with
                | ValueSome _, _ -> true
                | ValueNone, Ok read -> read = named
                | ValueNone, Error error -> failtest error.Message

            testCase "S28 a list of commands survives its JSON"
            <| fun () ->
                let all = [ sendOf "T" "P"; refusal ]
                Commands.listOfJson (Commands.listToJson all) |> shouldEqual (Ok all)

            testCase "S28 no text of a command shows a secret"
            <| fun () ->
                let signed =
                    Signature.sign
                        {
                            AccessKey = "ak"
                            SecretKey = "sk-secret"
                            SecurityToken = Some "token-secret"
                        }
                        (sendOf "T" "P")

                let signature = Fields.tryFind "Signature" signed.Fields |> ValueOption.get

                for text in
                    [
                        Commands.summary signed
                        Commands.fieldsText signed
                        string signed
                        $"%A{signed}"
                    ] do
                    for secret in [ "sk-secret"; "token-secret"; signature ] do
                        text.Contains(secret, StringComparison.Ordinal) |> shouldBeFalse

            testCase "a size that is text is told as what it is"
            <| fun () ->
                (TooLarge("frame", 1213486164L, 1024L)).Message |> shouldMention "'HTTP'"

                for size in [ 5L; 0x01020304L; -1L; Int64.MaxValue; 0x7FFFFFFFL ] do
                    (TooLarge("frame", size, 4L)).Message.Contains("text", StringComparison.Ordinal)
                    |> shouldBeFalse

            testCase "S47 errors of commands are one union, each with a message"
            <| fun () ->
                [
                    (TooLarge("frame", 5L, 4L)).Message
                    (Malformed("header", "why", 3)).Message
                    (EncodedTooLarge("header", 5L, 4L)).Message
                    (NotEncodable("field 'a'", "why")).Message
                ]
                |> List.distinct
                |> List.length
                |> shouldEqual 4
        ]
