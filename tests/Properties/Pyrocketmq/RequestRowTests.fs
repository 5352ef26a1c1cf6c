/// pyrocketmq's request factory, row by row: the code and the names of the fields that Java reads.
module RocketMq.Protocol.Tests.RequestRowTests

open System
open Expecto
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Protocol.Tests.Examples

let private group = "group"
let private queue: TopicQueue = { Topic = "T"; QueueId = 3 }

let private groupQueue: GroupQueue =
    {
        ConsumerGroup = group
        Topic = "T"
        QueueId = 3
    }

let private sendFields =
    "producerGroup topic defaultTopic defaultTopicQueueNums queueId sysFlag bornTimestamp flag"

let private sendOptional =
    "properties reconsumeTimes unitMode batch maxReconsumeTimes bname"

let private letters = "a b c d e f g h"
let private optionalLetters = "i j k l m n"

let private split (names: string) =
    names.Split(' ', StringSplitOptions.RemoveEmptyEntries) |> Set.ofArray

/// A row: what the request must be. `required` and `optional` are the names of its fields.
let private row (name: string) (code: int) required optional (command: RemotingCommand) =
    testCase name
    <| fun () ->
        command.Code |> shouldEqual code
        command.Kind |> shouldNotEqual Response
        let names = Fields.toMap command.Fields |> Map.toSeq |> Seq.map fst |> Set.ofSeq
        let required, optional = split required, split optional
        Set.difference required names |> shouldBeEmpty
        Set.difference names (required + optional) |> shouldBeEmpty
        Commands.check command |> shouldEqual (Ok command)

let private text (command: RemotingCommand) =
    Text.Encoding.UTF8.GetString command.Body.Span

let private heartbeat: Heartbeat =
    {
        ClientId = "127.0.0.1@1"
        ProducerGroups = [ "P" ]
        Consumers =
            [
                {
                    Group = group
                    Type = ConsumePassively
                    Model = Clustering
                    Start = FromLastOffset
                    Subscriptions = [ Subscription.create "T" (ByTag "a || b") 7L ]
                    IsUnit = false
                }
            ]
        Fingerprint = None
        IsWithoutSubscriptions = None
    }

let private reset: OffsetReset =
    {
        Group = group
        Topic = "T"
        QueueId = None
        Offset = None
        TimestampMillis = 1700000000000L
        IsForced = true
    }

let private locks: LockRequest =
    {
        ConsumerGroup = group
        ClientId = "c"
        Queues =
            [
                {
                    Topic = "T"
                    BrokerName = "b"
                    QueueId = 1
                }
            ]
        OnlyThisBroker = None
    }

[<Tests>]
let tests =
    testList
        "pyrocketmq request"
        [
            row "R1 send" 10 sendFields sendOptional (ask send Send.withLongNames)
            row "R2 send with letters has a code of its own" 310 letters optionalLetters (ask send Send.message)

            row "R3 batch" 320 letters optionalLetters (ask { send with IsBatch = true } Send.batch)

            testCase "R3 a batch says so, and its body is the batch encoding"
            <| fun () ->
                let messages = [ Message.ofText "T" "one"; Message.ofText "T" "two" ]
                let body = BatchCodec.encode messages |> Buffers.ok

                let command =
                    Send.batch
                    |> ask
                        { send with
                            IsBatch = true
                            Body = ReadOnlyMemory body
                        }

                Fields.tryFind "m" command.Fields |> shouldEqual (ValueSome "true")
                BatchCodec.decode "T" command.Body |> shouldEqual (Ok messages)

            row
                "R4 pull"
                11
                "consumerGroup topic queueId queueOffset maxMsgNums sysFlag commitOffset suspendTimeoutMillis subVersion"
                "subscription expressionType maxMsgBytes requestSource proxyFrowardClientId"
                (ask pull Pull.messages)

            row "R5 members of a group" 38 "consumerGroup" "" (ask group Heartbeat.members)

            row "R6 max offset" 30 "topic queueId" "committed" (ask { Queue = queue; IsCommitted = None } Offsets.max)

            row "R7 min offset" 31 "topic queueId" "" (ask queue Offsets.min)

            row
                "R8 committed offset"
                14
                "consumerGroup topic queueId"
                "setZeroIfNotFound"
                (ask
                    {
                        Queue = groupQueue
                        ZeroIfNone = Some false
                    }
                    Offsets.queryCommitted)

            row
                "R9 commit"
                15
                "consumerGroup topic queueId commitOffset"
                ""
                (Offsets.commit.OneWay { Queue = groupQueue; Offset = 9L })

            row
                "R10 offset by time"
                29
                "topic queueId timestamp"
                "boundaryType"
                (ask
                    {
                        Queue = queue
                        TimestampMillis = 1700000000000L
                        Boundary = Some Boundary.Upper
                    }
                    Offsets.search)

            row
                "R11 route asks for standard JSON"
                105
                "topic acceptStandardJsonOnly"
                ""
                (ask
                    {
                        Topic = "T"
                        AcceptStandardJsonOnly = Some true
                    }
                    GetRoute.operation)

            row "R12 cluster" 106 "" "" (ask () Cluster.info)
            row "R13 all topics" 206 "" "" (ask () NameServerTopics.all)
            row "R14 heartbeat" 34 "" "" (ask heartbeat Heartbeat.send)

            testCase "R14 a heartbeat has the body that brokers register clients by"
            <| fun () ->
                let body = text (ask heartbeat Heartbeat.send)

                for part in
                    [
                        "\"clientID\":\"127.0.0.1@1\""
                        "\"producerDataSet\":[{\"groupName\":\"P\"}]"
                        "\"consumeType\":\"CONSUME_PASSIVELY\""
                        "\"messageModel\":\"CLUSTERING\""
                        "\"tagsSet\":[\"a\",\"b\"]"
                        "\"codeSet\":[97,98]"
                    ] do
                    body |> shouldMention part

            row
                "R15 end of a transaction"
                37
                "producerGroup tranStateTableOffset commitLogOffset commitOrRollback msgId"
                "fromTransactionCheck transactionId topic bname"
                (Transactions.finish.OneWay
                    {
                        Topic = None
                        ProducerGroup = group
                        QueueOffset = 1L
                        CommitLogOffset = 2L
                        Decision = Commit
                        IsCheckAnswer = Some true
                        MessageId = "id"
                        TransactionId = None
                    })

            row
                "R16 a broker asks for the state of a transaction"
                39
                "tranStateTableOffset commitLogOffset"
                "msgId transactionId offsetMsgId topic"
                (Transactions.check.OneWay
                    {
                        Topic = None
                        QueueOffset = 1L
                        CommitLogOffset = 2L
                        MessageId = Some "id"
                        TransactionId = None
                        OffsetMessageId = None
                        Record = ReadOnlyMemory "record"B
                    })

            row
                "R17 send back"
                36
                "offset group delayLevel"
                "originMsgId originTopic unitMode maxReconsumeTimes"
                (ask
                    {
                        CommitLogOffset = 5L
                        Group = group
                        DelayLevel = 3
                        OriginMessageId = Some "id"
                        OriginTopic = Some "T"
                        IsUnit = Some false
                        MaxReconsumeTimes = Some 16
                    }
                    SendBack.operation)

            row
                "R18 running info"
                307
                "consumerGroup clientId"
                "jstackEnable"
                (ask
                    {
                        ConsumerGroup = group
                        ClientId = "c"
                        WithStacks = Some true
                    }
                    RunningInfo.operation)

            row
                "R19 consume directly"
                309
                "consumerGroup"
                "clientId msgId brokerName topic topicSysFlag groupSysFlag"
                (ask
                    {
                        ConsumerGroup = group
                        ClientId = Some "c"
                        MessageId = Some "id"
                        BrokerName = None
                        Topic = Some "T"
                        TopicSysFlag = None
                        GroupSysFlag = None
                        Record = ReadOnlyMemory.Empty
                    }
                    DirectConsumption.operation)

            row
                "R20 create a topic"
                17
                "topic defaultTopic readQueueNums writeQueueNums perm topicFilterType order"
                "topicSysFlag attributes force"
                (ask
                    {
                        Topic = "T"
                        DefaultTopic = Send.defaultTopic
                        ReadQueues = 8
                        WriteQueues = 8
                        Permission = 6
                        FilterType = SingleTag
                        SysFlag = Some 0
                        IsOrderly = false
                        Attributes = Some "+message.type=FIFO"
                        IsForced = Some false
                    }
                    Topics.create)

            row "R21 delete a topic on a broker" 215 "topic" "" (ask "T" Topics.delete)

            row
                "R21 delete a topic on a name server"
                216
                "topic"
                "clusterName"
                (ask { Topic = "T"; ClusterName = Some "c" } NameServerTopics.delete)

            row
                "R22 messages by key"
                12
                "topic key maxNum beginTimestamp endTimestamp _UNIQUE_KEY_QUERY"
                ""
                (ask
                    {
                        Topic = "T"
                        Key = "k"
                        MaxMessages = 32
                        BeginMillis = 0L
                        EndMillis = 1700000000000L
                        IsUniqueId = Some false
                    }
                    MessageQuery.byKey)

            row
                "R23 message by place"
                33
                "offset"
                "topic"
                (ask { Topic = None; CommitLogOffset = 77L } MessageQuery.byOffset)

            row
                "R24 reset positions"
                222
                "topic group timestamp isForce"
                "queueId offset"
                (ask reset ConsumerOffsets.resetAll)

            testCase "R25 there is no save of message numbers: 1001 is a controller's, and no operation of clients"
            <| fun () ->
                Operations.tryFind (enum<RequestCode> 1001) |> Option.isNone |> shouldBeTrue

                Operations.tryDirection RequestCode.ControllerAlterSyncStateSet
                |> shouldEqual (Some BetweenServers)

            testCase
                "R26 there is no reading of message numbers: 1011 cleans a broker's data, and is no operation of clients"
            <| fun () ->
                Operations.tryFind (enum<RequestCode> 1011) |> Option.isNone |> shouldBeTrue

                Operations.tryDirection RequestCode.CleanBrokerData
                |> shouldEqual (Some BetweenServers)

            row "R27 lock queues" 41 "" "" (ask locks QueueLocks.acquire)
            row "R27 unlock queues" 42 "" "" (ask locks QueueLocks.release)

            testCase "R27 the body names group, client and queues"
            <| fun () ->
                text (ask locks QueueLocks.acquire)
                |> shouldEqual
                    """{"clientId":"c","consumerGroup":"group","mqSet":[{"brokerName":"b","queueId":1,"topic":"T"}]}"""

            row
                "R28 unregister"
                35
                "clientID"
                "producerGroup consumerGroup"
                (ask
                    {
                        ClientId = "c"
                        ProducerGroup = Some "P"
                        ConsumerGroup = None
                    }
                    Heartbeat.unregister)

            row
                "R29 a broker tells that members changed"
                40
                "consumerGroup"
                ""
                (ConsumerOffsets.membersChanged.OneWay group)
        ]
