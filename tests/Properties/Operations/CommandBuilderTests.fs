/// The functions that make a command from another one.
module RocketMq.Protocol.Tests.CommandBuilderTests

open System
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

let private commandParts =
    testList
        "command parts"
        [
            testCase "withCode sets the code"
            <| fun () -> (Command.withCode 4711 request).Code |> shouldEqual 4711

            testCase "withLanguage sets the language"
            <| fun () ->
                (Command.withLanguage LanguageCode.Go request).Language
                |> shouldEqual LanguageCode.Go

            testCase "withVersion sets the version"
            <| fun () -> (Command.withVersion 479 request).Version |> shouldEqual 479
            testCase "withOpaque sets the opaque"
            <| fun () -> (Command.withOpaque -5 request).Opaque |> shouldEqual -5
            testCase "withFlag sets the flag"
            <| fun () -> (Command.withFlag 3 request).Flag |> shouldEqual 3

            testCase "withRemark sets the remark"
            <| fun () -> (Command.withRemark "why" request).Remark |> shouldEqual (Some "why")

            testCase "withField adds a field"
            <| fun () -> Command.withField "x" "1" request |> field "x" |> has "1"

            testCase "withAddedFields adds fields and replaces those of the same name"
            <| fun () ->
                let command =
                    request
                    |> Command.withField "x" "1"
                    |> Command.withAddedFields [ ("y", "2"); ("x", "3") ]

                field "x" command |> has "3"
                field "y" command |> has "2"

            testCase "withBody sets the body"
            <| fun () ->
                (Command.withBody (ReadOnlyMemory "b"B) request).Body.ToArray()
                |> shouldEqual "b"B
        ]

let private kinds =
    testList
        "kinds"
        [
            testCase "asRequest makes a one-way request a request"
            <| fun () ->
                (request |> Command.asOneWay |> Command.asRequest).Kind
                |> shouldEqual CommandKind.Request

            testCase "asResponse makes a request a response"
            <| fun () -> (Command.asResponse request).Kind |> shouldEqual CommandKind.Response

            testCase "asOneWay sets the second bit of the flag"
            <| fun () -> (Command.asOneWay request).Flag |> shouldEqual 2
        ]

let private fields =
    testList
        "fields"
        [
            testCase "withTopic sets the topic under the name that the code has for it"
            <| fun () ->
                Commands.withTopic "T" request |> field "b" |> has "T"

                Command.request RequestCode.PullMessage
                |> Commands.withTopic "T"
                |> field "topic"
                |> has "T"

            testCase "withProducerGroup sets the group under the name that the code has for it"
            <| fun () ->
                Commands.withProducerGroup "P" request |> field "a" |> has "P"

                Command.request RequestCode.EndTransaction
                |> Commands.withProducerGroup "P"
                |> field "producerGroup"
                |> has "P"

            testCase "withConsumerGroup sets the group under the name that the code has for it"
            <| fun () ->
                Command.request RequestCode.PullMessage
                |> Commands.withConsumerGroup "G"
                |> field "consumerGroup"
                |> has "G"

                Command.request RequestCode.ConsumerSendMessageBack
                |> Commands.withConsumerGroup "G"
                |> field "group"
                |> has "G"

            testCase "withQueueId sets the queue"
            <| fun () -> Commands.withQueueId 3 request |> field "e" |> has "3"

            testCase "withOffset sets the offset under the name that the code has for it"
            <| fun () ->
                for code, name in
                    [
                        RequestCode.PullMessage, "queueOffset"
                        RequestCode.UpdateConsumerOffset, "commitOffset"
                        RequestCode.ViewMessageById, "offset"
                    ] do
                    Command.request code |> Commands.withOffset 9L |> field name |> has "9"
        ]

let private properties =
    testList
        "properties"
        [
            testCase "withTags sets a property of the message, not a field"
            <| fun () ->
                let command = Commands.withTags "a" request
                property' "TAGS" command |> has "a"
                field "i" command |> has "TAGS\001a"

            testCase "withKeys sets a property of the message, not a field"
            <| fun () -> Commands.withKeys "k1 k2" request |> property' "KEYS" |> has "k1 k2"

            testCase "withWaitStoreOk sets a property of the message and keeps the others"
            <| fun () ->
                let command = request |> Commands.withTags "a" |> Commands.withWaitStoreOk false
                property' "WAIT" command |> has "false"
                property' "TAGS" command |> has "a"

            testCase "withBatch sets the batch flag"
            <| fun () -> Commands.withBatch true request |> field "m" |> has "true"

            testCase "withoutFields removes all fields"
            <| fun () ->
                (request |> Command.withField "x" "1" |> Command.withoutFields).Fields
                |> shouldEqual Fields.absent
        ]

let private building =
    testList
        "building"
        [
            testCase "a changed command leaves the first one as it was"
            <| fun () ->
                let command = Command.withField "x" "1" request
                let changed = Command.withField "x" "2" command
                field "x" command |> has "1"
                field "x" changed |> has "2"

            testCase "check refuses what cannot be encoded, with the reason"
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

[<Tests>]
let tests =
    testList "Command builder" [ commandParts; kinds; fields; properties; building ]
