module RocketMq.Protocol.Tests.RequestTests

open System
open Expecto
open RocketMq.Protocol
open RocketMq.Protocol.Tests.Buffers

let private text (PropertyText text) = text

let private smallSend: SendRequest =
    {
        ProducerGroup = "group"
        Topic = "T"
        DefaultTopic = Send.defaultTopic
        DefaultTopicQueues = 4
        QueueId = 1
        SysFlag = 0x301
        BornTimestamp = 1700000000000L
        Flag = 2
        Properties = Properties.empty
        ReconsumeTimes = 3
        BrokerName = "broker-a"
        IsBatch = false
        Body = ReadOnlyMemory.Empty
    }

let private smallPull: PullRequest =
    {
        ConsumerGroup = "group"
        Topic = "T"
        QueueId = 2
        QueueOffset = 17L
        MaxMessages = 32
        CommitOffset = None
        Suspend = TimeSpan.Zero
        Filter = None
        SubscriptionVersion = 7L
    }

let private route permission =
    {
        Queues =
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
        Brokers =
            [
                {
                    Cluster = "c"
                    BrokerName = "a"
                    Addresses = Map.ofList [ (1L, "slave:1") ]
                }
                {
                    Cluster = "c"
                    BrokerName = "b"
                    Addresses = Map.ofList [ (0L, "master:1"); (1L, "slave:2") ]
                }
            ]
    }

[<Tests>]
let tests =
    testList
        "Request"
        [
            property "a send reads as it was written"
            <| fun (topic: PropertyText) (queueId: int) (born: int64) (properties: Properties) ->
                let send =
                    { smallSend with
                        Topic = text topic
                        QueueId = queueId
                        BornTimestamp = born
                        Properties = properties
                    }

                [ send; { send with IsBatch = true } ]
                |> List.forall (fun send -> Send.decode (Send.request send).Command = Ok send)

            testCase "the body of a send is that of its command"
            <| fun () ->
                let send =
                    { smallSend with
                        Body = ReadOnlyMemory "hello"B
                    }

                let request = Send.request send
                request.Command.Body.ToArray() |> shouldEqual "hello"B
                (Send.decode request.Command |> ok).Body.ToArray() |> shouldEqual "hello"B

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

                let send = Send.decode command |> ok

                (send.ProducerGroup, send.Topic, send.QueueId, send.IsBatch)
                |> shouldEqual ("g", "T", 2, true)

                Properties.tryFind "a" send.Properties |> shouldEqual (ValueSome "1")

            property "a send answer reads as it was written"
            <| fun (queueId: int) (queueOffset: int64) (status: SendStatus) ->
                let answer =
                    {
                        Status = status
                        OffsetId = "0A00000200002A9F00000000000003E8"
                        QueueId = queueId
                        QueueOffset = queueOffset
                    }

                let send = Send.request smallSend
                send.Decode(Send.answer "id" answer send.Command) = Ok answer

            property "a pull reads as it was written"
            <| fun (queueId: int) (offset: int64) (commit: int64 option) (seconds: uint16) ->
                let pull =
                    { smallPull with
                        QueueId = queueId
                        QueueOffset = offset
                        CommitOffset = commit
                        Suspend = TimeSpan.FromSeconds(int64 seconds)
                    }

                Pull.decode (Pull.request pull).Command = Ok pull

            property "a pull's filter reads as it was written"
            <| fun (expression: PropertyText) (isSql: bool) ->
                let filter =
                    if isSql then
                        BySql92(text expression)
                    else
                        ByTag(text expression)

                let pull = { smallPull with Filter = Some filter }
                Pull.decode (Pull.request pull).Command = Ok pull

            property "a pull answer reads as it was written"
            <| fun (status: PullStatus) (next: int64) (Bytes records) ->
                let answer: PullAnswer =
                    {
                        Status = status
                        NextOffset = next
                        MinOffset = 1L
                        MaxOffset = 99L
                        SuggestedBrokerId = 1L
                        Records = ReadOnlyMemory records
                    }

                let pull = Pull.request smallPull
                pull.Decode(Pull.answer answer pull.Command) = Ok answer

            property "requests about positions read as they were written"
            <| fun (queueId: int) (offset: int64) ->
                let queue: GroupQueue =
                    {
                        ConsumerGroup = "g"
                        Topic = "T"
                        QueueId = queueId
                    }

                let commit = (Offsets.commit queue offset).Command
                let max = Offsets.max "T" queueId

                Offsets.decodeGroupQueue commit = Ok queue
                && Offsets.decodeCommit commit = Ok offset
                && Offsets.decodeQueue max.Command = Ok(struct ("T", queueId))
                && max.Decode(Offsets.answer offset max.Command) = Ok offset
                && Offsets.decodeTimestamp (Offsets.search "T" queueId offset).Command = Ok offset

            testCase "a group that has committed nothing is no error"
            <| fun () ->
                let query =
                    Offsets.queryCommitted
                        {
                            ConsumerGroup = "g"
                            Topic = "T"
                            QueueId = 0
                        }

                query.Decode(Command.response ResponseCode.QueryNotFound query.Command)
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

            testCase "an answer that lacks a field is told apart from a refusal"
            <| fun () ->
                let max = Offsets.max "T" 0

                match max.Decode(Command.response ResponseCode.Success max.Command) with
                | Error(Undecodable error) -> error.Message |> shouldMention "'offset'"
                | other -> failtest $"%A{other}"

            property "a heartbeat reads as it was written"
            <| fun (id: PropertyText) (groups: PropertyText list) (expression: PropertyText) (version: int64) ->
                let heartbeat =
                    {
                        ClientId = text id
                        ProducerGroups = List.map text groups
                        Consumers =
                            [
                                {
                                    Group = "g"
                                    IsPull = true
                                    Subscriptions =
                                        [
                                            {
                                                Topic = "T"
                                                Filter = ByTag(text expression)
                                                Version = version
                                            }
                                        ]
                                }
                            ]
                    }

                Heartbeat.decode (Heartbeat.request heartbeat).Command = Ok heartbeat

            property "a route reads as it was written"
            <| fun (brokers: (PropertyText * byte * byte) list) ->
                let route =
                    {
                        Queues =
                            [
                                for name, reads, writes in brokers ->
                                    {
                                        BrokerName = text name
                                        ReadQueues = int reads
                                        WriteQueues = int writes
                                        Permission = 6
                                        TopicSysFlag = 0
                                    }
                            ]
                        Brokers =
                            [
                                for name, _, _ in brokers ->
                                    {
                                        Cluster = "c"
                                        BrokerName = text name
                                        Addresses = Map.ofList [ (0L, "127.0.0.1:1"); (1L, "127.0.0.1:2") ]
                                    }
                            ]
                    }

                TopicRoute.decode (TopicRoute.encode route) = Ok route

            property "a body that is no JSON object is refused without an accident"
            <| fun (Bytes bytes) ->
                match TopicRoute.decode (ReadOnlyMemory bytes) with
                | Ok route -> route.Queues.IsEmpty
                | Error error -> error.Message <> ""

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
                let body = TopicRoute.encodeWithBareIds (route 6)

                Text.Encoding.UTF8.GetString body.Span
                |> shouldMention "\"brokerAddrs\":{0:\"master:1\",1:\"slave:2\"}"

            testCase "a consumer keeps only the tags it asked for, though hashes collide"
            <| fun () ->
                // "Aa" and "BB" have the same hash.
                let message tag =
                    { Parts.emptyMessage with
                        Properties = Properties.ofList [ (PropertyName.tags, tag) ]
                    }

                Filter.tagHash "Aa" |> shouldEqual (Filter.tagHash "BB")
                Filter.keeps (ByTag "Aa || x") (message "Aa") |> shouldBeTrue
                Filter.keeps (ByTag "Aa || x") (message "BB") |> shouldBeFalse
                Filter.keeps Filter.all (message "BB") |> shouldBeTrue
        ]
