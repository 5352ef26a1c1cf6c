/// What can be read from a command of any code, and how it is shown.
module RocketMq.Protocol.Tests.CommandToolTests

open System
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open Examples

let private request = Command.request RequestCode.SendMessageV2

let private sendOf topic group =
    Send.message
    |> ask
        { send with
            Topic = topic
            ProducerGroup = group
        }

let private refusal =
    Command.response ResponseCode.TopicNotExist request |> Command.withRemark "none"

let private checks =
    testList
        "checks"
        [
            testCase "a send without a topic fails the check, which names the field"
            <| fun () ->
                Commands.check (sendOf "T" "P") |> Result.isOk |> shouldBeTrue

                match Commands.check (Command.withoutField "b" (sendOf "T" "P")) with
                | Error reason -> reason |> shouldMention "'b'"
                | Ok _ -> failtest "a send without a topic passed"

            testCase "a heartbeat without a body fails the check"
            <| fun () ->
                Command.request RequestCode.HeartBeat
                |> Commands.check
                |> Result.isError
                |> shouldBeTrue

            testCase "success is an answer with code 0, not a request with it"
            <| fun () ->
                Commands.isSuccess (Command.response ResponseCode.Success request)
                |> shouldBeTrue

                Commands.isSuccess (Command.request (enum 0)) |> shouldBeFalse
                Commands.isSuccess refusal |> shouldBeFalse
        ]

let private readers =
    testList
        "readers"
        [
            testCase "the topic is found under each of its names"
            <| fun () ->
                Commands.tryTopic (sendOf "T" "P") |> shouldEqual (ValueSome "T")
                Commands.tryTopic (ask "T" Topics.delete) |> shouldEqual (ValueSome "T")

                Commands.tryTopic (Command.request RequestCode.HeartBeat)
                |> shouldEqual ValueNone

            testCase "groups, queues, offsets and kinds are read from commands, one by one and counted"
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
        ]

let private texts =
    testList
        "texts"
        [
            testCase "a summary distinguishes requests, one-way requests and answers"
            <| fun () ->
                Commands.summary (sendOf "T" "P")
                |> shouldEqual "Request SendMessageV2 (310), opaque 0, topic T, group P, body 0 bytes"

                Commands.summary (Command.asOneWay (ask "T" Topics.delete))
                |> shouldMention "OneWay DeleteTopicInBroker (215)"

                Commands.summary refusal
                |> shouldEqual "Response TopicNotExist (17), opaque 0, \"none\", body 0 bytes"

            testCase "no text of a command shows a secret"
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

                [
                    Commands.summary signed
                    Commands.fieldsText signed
                    string signed
                    $"%A{signed}"
                ]
                |> shouldHide [ "sk-secret"; "token-secret"; signature ]
        ]

let private json =
    testList
        "JSON"
        [
            property "a command reads as it was written to JSON"
            <| fun (command: RemotingCommand) ->
                let named =
                    { command with
                        Language = LanguageCode.ofName (LanguageCode.name command.Language)
                    }

                match command.Fields.Fault, Commands.ofJson (Commands.toJson named) with
                | ValueSome _, _ -> true
                | ValueNone, Ok read -> read = named
                | ValueNone, Error error -> failtest error.Message

            testCase "a list of commands is written as a JSON list of what each is written as"
            <| fun () ->
                let all = [ sendOf "T" "P"; refusal ]
                let each = all |> List.map Commands.toJson |> String.concat ","
                Commands.listToJson all |> shouldEqual $"[{each}]"
        ]

[<Tests>]
let tests = testList "Command tools" [ checks; readers; texts; json ]
