/// pyrocketmq's builder, method by method.
module RocketMq.Protocol.Tests.BuilderRowTests

open System
open Expecto
open RocketMq.Protocol
open RocketMq

let private request = Command.request RequestCode.SendMessageV2

let private field name (command: RemotingCommand) = Fields.tryFind name command.Fields

let private property' name (command: RemotingCommand) =
    Fields.tryFindUtf8 "i" command.Fields
    |> ValueOption.defaultValue ReadOnlyMemory.Empty
    |> Properties.ofText
    |> Properties.tryFind name

let private has expected actual =
    actual |> shouldEqual (ValueSome expected)

[<Tests>]
let tests =
    testList
        "pyrocketmq builder"
        [
            testCase "B1 with_code"
            <| fun () -> (Command.withCode 4711 request).Code |> shouldEqual 4711

            testCase "B2 with_language"
            <| fun () ->
                (Command.withLanguage LanguageCode.Go request).Language
                |> shouldEqual LanguageCode.Go

            testCase "B3 with_version"
            <| fun () -> (Command.withVersion 479 request).Version |> shouldEqual 479
            testCase "B4 with_opaque"
            <| fun () -> (Command.withOpaque -5 request).Opaque |> shouldEqual -5
            testCase "B5 with_flag"
            <| fun () -> (Command.withFlag 3 request).Flag |> shouldEqual 3

            testCase "B6 with_remark"
            <| fun () -> (Command.withRemark "why" request).Remark |> shouldEqual (Some "why")

            testCase "B7 with_ext_field"
            <| fun () -> Command.withField "x" "1" request |> field "x" |> has "1"

            testCase "B8 with_ext_fields"
            <| fun () ->
                let command =
                    request
                    |> Command.withField "x" "1"
                    |> Command.withAddedFields [ ("y", "2"); ("x", "3") ]

                field "x" command |> has "3"
                field "y" command |> has "2"

            testCase "B9 with_body"
            <| fun () ->
                (Command.withBody (ReadOnlyMemory "b"B) request).Body.ToArray()
                |> shouldEqual "b"B

            testCase "B10 as_request"
            <| fun () -> (request |> Command.asOneWay |> Command.asRequest).Kind |> shouldEqual Request

            testCase "B11 as_response"
            <| fun () -> (Command.asResponse request).Kind |> shouldEqual Response

            testCase "B12 as_oneway sets bit 1, which is 2"
            <| fun () -> (Command.asOneWay request).Flag |> shouldEqual 2

            testCase "B13 with_topic"
            <| fun () ->
                Commands.withTopic "T" request |> field "b" |> has "T"

                Command.request RequestCode.PullMessage
                |> Commands.withTopic "T"
                |> field "topic"
                |> has "T"

            testCase "B14 with_producer_group"
            <| fun () ->
                Commands.withProducerGroup "P" request |> field "a" |> has "P"

                Command.request RequestCode.EndTransaction
                |> Commands.withProducerGroup "P"
                |> field "producerGroup"
                |> has "P"

            testCase "B15 with_consumer_group"
            <| fun () ->
                Command.request RequestCode.PullMessage
                |> Commands.withConsumerGroup "G"
                |> field "consumerGroup"
                |> has "G"

                Command.request RequestCode.ConsumerSendMessageBack
                |> Commands.withConsumerGroup "G"
                |> field "group"
                |> has "G"

            testCase "B16 with_queue_id"
            <| fun () -> Commands.withQueueId 3 request |> field "e" |> has "3"

            testCase "B17 with_offset"
            <| fun () ->
                for code, name in
                    [
                        RequestCode.PullMessage, "queueOffset"
                        RequestCode.UpdateConsumerOffset, "commitOffset"
                        RequestCode.ViewMessageById, "offset"
                    ] do
                    Command.request code |> Commands.withOffset 9L |> field name |> has "9"

            testCase "B18 with_tags is a property of the message, not a field"
            <| fun () ->
                let command = Commands.withTags "a" request
                property' "TAGS" command |> has "a"
                field "i" command |> has "TAGS\001a"

            testCase "B19 with_keys is a property of the message, not a field"
            <| fun () -> Commands.withKeys "k1 k2" request |> property' "KEYS" |> has "k1 k2"

            testCase "B20 with_wait_store_msg_ok is a property of the message, not a field"
            <| fun () ->
                let command = request |> Commands.withTags "a" |> Commands.withWaitStoreOk false
                property' "WAIT" command |> has "false"
                property' "TAGS" command |> has "a"

            testCase "B21 with_batch"
            <| fun () -> Commands.withBatch true request |> field "m" |> has "true"

            testCase "B22 clear_ext_fields"
            <| fun () ->
                (request |> Command.withField "x" "1" |> Command.withoutFields).Fields
                |> shouldEqual Fields.absent

            testCase "B23 copy shares nothing that can change"
            <| fun () ->
                let command = Command.withField "x" "1" request
                let changed = Command.withField "x" "2" command
                field "x" command |> has "1"
                field "x" changed |> has "2"

            testCase "B24 build refuses what has no form on the wire"
            <| fun () ->
                let whole = Examples.ask Examples.send Send.message
                Commands.check whole |> Result.isOk |> shouldBeTrue

                for broken, reason in
                    [
                        Commands.withTags "a\001b" whole, "U+0001"
                        // Not a literal: the compiler would replace it.
                        Commands.withTopic (string (char 0xD800)) whole, "surrogate"
                        Command.withField "" "1" whole, "1 to 32767 bytes"
                        Command.withoutField "b" whole, "'b'"
                    ] do
                    match Commands.check broken with
                    | Error text -> text |> shouldMention reason
                    | Ok command -> failtest $"%O{command}"
        ]
