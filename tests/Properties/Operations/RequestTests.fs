module RocketMq.Protocol.Tests.RequestTests

open System
open RocketMq.Protocol
open RocketMq
open Buffers

let private route permission =
    TopicRoute.create
        [
            {
                BrokerName = "b"
                ReadQueues = 3
                WriteQueues = 2
                Permission = permission
                TopicSysFlag = 0
            }
            {
                BrokerName = "a"
                ReadQueues = 1
                WriteQueues = 1
                Permission = permission
                TopicSysFlag = 0
            }
        ]
        [
            Examples.broker "c" "a" [ (1L, "slave:1") ]
            Examples.broker "c" "b" [ (0L, "master:1"); (1L, "slave:2") ]
        ]

/// The fields of a send's answer that say where the message is, and one that does not.
type PlaceField =
    | MsgId
    | QueueId
    | QueueOffset
    | RecallHandle
    | OtherField

type PlaceValue =
    | Number of int
    | LargeNumber
    | NoNumber

let private nameOf field =
    match field with
    | MsgId -> "msgId"
    | QueueId -> "queueId"
    | QueueOffset -> "queueOffset"
    | RecallHandle -> "recallHandle"
    | OtherField -> "queueIds"

let private textOf value =
    match value with
    | Number number -> string number
    | LargeNumber -> string (1L + int64 Int32.MaxValue)
    | NoNumber -> "1x"

let private sends =
    testList
        "sends"
        [
            testCase "a send with long names reads like one with letters"
            <| fun () ->
                let command =
                    Command.request RequestCode.SendMessage
                    |> Command.withFields (
                        Fields.ofList
                            [
                                ("producerGroup", "g")
                                ("topic", "T")
                                ("queueId", "2")
                                ("properties", "a\0011\002")
                                ("batch", "true")
                            ]
                    )

                let send = Send.withLongNames.Decode command |> ok

                (send.ProducerGroup, send.Topic, send.QueueId, send.IsBatch)
                |> shouldEqual ("g", "T", 2, true)

                Properties.tryFind "a" send.Properties |> shouldEqual (ValueSome "1")

            property "the last field of each name determines where a message was stored"
            <| fun (entries: (PlaceField * PlaceValue) list) ->
                let builder = FieldsBuilder 0

                for name, value in entries do
                    builder.Add(nameOf name, textOf value) |> ignore

                let fields = builder.ToFields()

                let expected =
                    match
                        Fields.tryFind "msgId" fields,
                        Fields.tryInt32 "queueId" fields,
                        Fields.tryInt64 "queueOffset" fields
                    with
                    | ValueSome offsetId, ValueSome queueId, ValueSome queueOffset ->
                        ValueSome(offsetId, queueId, queueOffset, Fields.tryFind "recallHandle" fields)
                    | _ -> ValueNone

                let actual =
                    Send.tryPlace ResponseCode.FlushDiskTimeout fields.Wire.Span
                    |> ValueOption.map (fun place ->
                        place.OffsetId.ToString(),
                        place.QueueId,
                        place.QueueOffset,
                        ValueOption.ofOption place.RecallHandle)

                actual = expected
                && (Send.tryPlace ResponseCode.SystemBusy fields.Wire.Span).IsNone
        ]

let private refusals =
    testList
        "refusals"
        [
            testCase "a group without a committed offset is no error"
            <| fun () ->
                let absent =
                    Command.response ResponseCode.QueryNotFound (Command.request RequestCode.QueryConsumerOffset)

                Offsets.queryCommitted.DecodeAnswer absent
                |> shouldEqual (Ok None: Result<int64 option, AnswerError>)

            testCase "a refusal carries code and remark"
            <| fun () ->
                let query = GetRoute.request "T"

                let answer =
                    Command.response ResponseCode.TopicNotExist query.Command
                    |> Command.withRemark "none"

                query.Decode answer
                |> shouldEqual (
                    Error(RefusedByServer(ResponseCode.TopicNotExist, "none")): Result<TopicRoute, AnswerError>
                )

            testCase "an answer that lacks a field is not a refusal"
            <| fun () ->
                let success =
                    Command.response ResponseCode.Success (Command.request RequestCode.GetMaxOffset)

                match Offsets.max.DecodeAnswer success with
                | Error(Undecodable error) -> error.Message |> shouldMention "'offset'"
                | other -> failtest $"%A{other}"
        ]

let private routesAndFilters =
    testList
        "routes and filters"
        [
            testCase "producers see writable queues of brokers with a master, consumers all readable ones"
            <| fun () ->
                let queue broker id =
                    {
                        Topic = "T"
                        BrokerName = broker
                        QueueId = id
                    }

                TopicRoute.publishQueues "T" (route 6)
                |> shouldEqual [ queue "b" 0; queue "b" 1 ]

                TopicRoute.subscribeQueues "T" (route 6)
                |> shouldEqual [ queue "a" 0; queue "b" 0; queue "b" 1; queue "b" 2 ]

                TopicRoute.publishQueues "T" (route 4) |> shouldBeEmpty
                TopicRoute.subscribeQueues "T" (route 2) |> shouldBeEmpty
                TopicRoute.anyAddress "a" (route 6) = Some "slave:1" |> shouldBeTrue

            testCase "old clients get a route with bare broker ids"
            <| fun () ->
                let answer =
                    GetRoute.old.Answer(route 6, Command.request RequestCode.GetRouteInfoByTopic)

                Text.Encoding.UTF8.GetString answer.Body.Span
                |> shouldMention "\"brokerAddrs\":{0:\"master:1\",1:\"slave:2\"}"

                GetRoute.operation.DecodeAnswer answer |> shouldEqual (Ok(route 6))

            testCase "a consumer keeps only the tags it asked for, though hashes collide"
            <| fun () ->
                // "Aa" and "BB" have the same hash.
                let message tag =
                    { Parts.emptyFields with
                        Properties = Properties.ofList [ (PropertyName.tags, tag) ]
                    }
                    |> StoredMessage.create

                Filter.tagHash "Aa" |> shouldEqual (Filter.tagHash "BB")
                Filter.matches (ByTag "Aa || x") (message "Aa") |> shouldBeTrue
                Filter.matches (ByTag "Aa || x") (message "BB") |> shouldBeFalse
                Filter.matches Filter.all (message "BB") |> shouldBeTrue
        ]

[<Tests>]
let tests = testList "Request" [ sends; refusals; routesAndFilters ]
