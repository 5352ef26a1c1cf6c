/// The code of each request of clients, and the names of the fields that Java reads.
module RocketMq.Protocol.Tests.RequestFieldTests

open System
open System.Text
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open Examples

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

/// What a request must be. `required` and `optional` are the names of its fields.
let private request (name: string) (code: int) required optional (command: RemotingCommand) =
    testCase name
    <| fun () ->
        command.Code |> shouldEqual code
        command.Kind |> shouldNotEqual CommandKind.Response
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
                    Type = ConsumeType.ConsumePassively
                    Model = MessageModel.Clustering
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

let private membership consumeType : ConsumerMembership =
    {
        Group = "G"
        Type = consumeType
        Model = MessageModel.Clustering
        Start = FromFirstOffset
        Subscriptions = [ Subscription.create "T" Filter.all 1L ]
        IsUnit = false
    }

let private sends =
    testList
        "sends"
        [
            request "a send with long names has code 10" 10 sendFields sendOptional (ask send Send.withLongNames)

            request "a send with short names has code 310" 310 letters optionalLetters (ask send Send.message)

            request "a batch has code 320" 320 letters optionalLetters (ask { send with IsBatch = true } Send.batch)

            testCase "a batch sets its flag, and its body is the batch encoding"
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

            testCase "tags and keys travel in the properties, not in fields"
            <| fun () ->
                let message =
                    Message.ofText "T" "x" |> Message.withTag "v" |> Message.withKeys [ "k" ]

                let command =
                    Send.message
                    |> ask
                        { send with
                            Properties = message.Properties
                        }

                Fields.tryFind "i" command.Fields
                |> shouldEqual (ValueSome "TAGS\001v\002KEYS\001k")

                Fields.contains "tags" command.Fields |> shouldBeFalse
        ]

let private pulls =
    testList
        "pulls"
        [
            request
                "a pull"
                11
                "consumerGroup topic queueId queueOffset maxMsgNums sysFlag commitOffset suspendTimeoutMillis subVersion"
                "subscription expressionType maxMsgBytes requestSource proxyFrowardClientId"
                (ask pull Pull.messages)

            testCase "the bits of a pull follow from what it asks for"
            <| fun () ->
                let flagOf pull =
                    Fields.tryFind "sysFlag" (ask pull Pull.messages).Fields |> ValueOption.get

                flagOf pull |> shouldEqual "0"

                flagOf
                    { pull with
                        CommitOffset = Some 1L
                        LongPollTimeout = TimeSpan.FromSeconds 15L
                        Filter = Some Filter.all
                        IsLite = true
                    }
                |> shouldEqual "23"

            request "the members of a group" 38 "consumerGroup" "" (ask group Heartbeat.members)

            request
                "the maximum offset"
                30
                "topic queueId"
                "committed"
                (ask { Queue = queue; IsCommitted = None } Offsets.max)

            request "the minimum offset" 31 "topic queueId" "" (ask queue Offsets.min)
        ]

let private offsets =
    testList
        "offsets"
        [
            request
                "the committed offset"
                14
                "consumerGroup topic queueId"
                "setZeroIfNotFound"
                (ask
                    {
                        Queue = groupQueue
                        ZeroIfNone = Some false
                    }
                    Offsets.queryCommitted)

            request
                "a commit of an offset"
                15
                "consumerGroup topic queueId commitOffset"
                ""
                (Offsets.commit.OneWay { Queue = groupQueue; Offset = 9L })

            request
                "an offset by time"
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

            request
                "a reset of offsets"
                222
                "topic group timestamp isForce"
                "queueId offset"
                (ask reset ConsumerOffsets.resetAll)
        ]

let private routes =
    testList
        "routes"
        [
            request
                "a route request asks for standard JSON"
                105
                "topic acceptStandardJsonOnly"
                ""
                (ask
                    {
                        Topic = "T"
                        AcceptStandardJsonOnly = Some true
                    }
                    GetRoute.operation)

            request "the cluster" 106 "" "" (ask () Cluster.info)

            request "all topics" 206 "" "" (ask () NameServerTopics.all)
        ]

let private heartbeats =
    testList
        "heartbeats"
        [
            request "a heartbeat" 34 "" "" (ask heartbeat Heartbeat.send)

            testCase "a heartbeat has the body that brokers register clients by"
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

            testCase "a heartbeat names each type of consumer as Java does, and has its subscriptions in a set"
            <| fun () ->
                let body consumeType =
                    let command =
                        Heartbeat.send
                        |> ask
                            {
                                ClientId = "c"
                                ProducerGroups = []
                                Consumers = [ membership consumeType ]
                                Fingerprint = None
                                IsWithoutSubscriptions = None
                            }

                    Encoding.UTF8.GetString command.Body.Span

                body ConsumeType.ConsumePassively |> shouldMention "\"subscriptionDataSet\":[{"

                body ConsumeType.ConsumePassively
                |> shouldMention "\"consumeType\":\"CONSUME_PASSIVELY\""

                body ConsumeType.ConsumeActively
                |> shouldMention "\"consumeType\":\"CONSUME_ACTIVELY\""

                body ConsumeType.Pop |> shouldMention "\"consumeType\":\"CONSUME_POP\""
        ]

let private changesOfMembers =
    testList
        "changes of members"
        [
            request
                "an unregistration"
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

            request
                "a notification of changed members"
                40
                "consumerGroup"
                ""
                (ConsumerOffsets.membersChanged.OneWay group)
        ]

let private transactions =
    testList
        "transactions"
        [
            request
                "the end of a transaction"
                37
                "producerGroup tranStateTableOffset commitLogOffset commitOrRollback msgId"
                "fromTransactionCheck transactionId topic bname"
                (Transactions.finish.OneWay
                    {
                        Topic = None
                        ProducerGroup = group
                        QueueOffset = 1L
                        CommitLogOffset = 2L<commitLog>
                        Decision = TransactionDecision.Commit
                        IsCheckAnswer = Some true
                        MessageId = "id"
                        TransactionId = None
                    })

            testCase "commit is 8, rollback 12 and undecided 0; any other decision is refused"
            <| fun () ->
                let decide decision =
                    let command =
                        Transactions.finish.OneWay
                            {
                                Topic = None
                                ProducerGroup = "P"
                                QueueOffset = 0L
                                CommitLogOffset = 0L<commitLog>
                                Decision = decision
                                IsCheckAnswer = None
                                MessageId = "id"
                                TransactionId = None
                            }

                    command, Fields.tryFind "commitOrRollback" command.Fields

                [
                    TransactionDecision.Commit
                    TransactionDecision.Rollback
                    TransactionDecision.Undecided
                ]
                |> List.map (decide >> snd)
                |> shouldEqual [ ValueSome "8"; ValueSome "12"; ValueSome "0" ]

                let illegal =
                    fst (decide TransactionDecision.Commit)
                    |> Command.withField "commitOrRollback" "1"

                Transactions.finish.Decode illegal |> Result.isError |> shouldBeTrue
        ]

let private transactionChecks =
    testList
        "transaction checks"
        [
            request
                "a transaction check"
                39
                "tranStateTableOffset commitLogOffset"
                "msgId transactionId offsetMsgId topic"
                (Transactions.check.OneWay
                    {
                        Topic = None
                        QueueOffset = 1L
                        CommitLogOffset = 2L<commitLog>
                        MessageId = Some "id"
                        TransactionId = None
                        OffsetMessageId = None
                        Record = ReadOnlyMemory "record"B
                    })
        ]

let private consumption =
    testList
        "consumption"
        [
            request
                "a send back"
                36
                "offset group delayLevel"
                "originMsgId originTopic unitMode maxReconsumeTimes"
                (ask
                    {
                        CommitLogOffset = 5L<commitLog>
                        Group = group
                        DelayLevel = 3
                        OriginMessageId = Some "id"
                        OriginTopic = Some "T"
                        IsUnit = Some false
                        MaxReconsumeTimes = Some 16
                    }
                    SendBack.operation)

            request
                "the running info of a consumer"
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

            request
                "consuming a message directly"
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
        ]

let private topics =
    testList
        "topics"
        [
            request
                "the creation of a topic"
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
                        FilterType = TopicFilterType.SingleTag
                        SysFlag = Some 0
                        IsOrderly = false
                        Attributes = Some "+message.type=FIFO"
                        IsForced = Some false
                    }
                    Topics.create)

            request "the deletion of a topic on a broker" 215 "topic" "" (ask "T" Topics.delete)

            request
                "the deletion of a topic on a name server"
                216
                "topic"
                "clusterName"
                (ask { Topic = "T"; ClusterName = Some "c" } NameServerTopics.delete)
        ]

let private queries =
    testList
        "queries and locks"
        [
            request
                "messages by key"
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

            request
                "a message by its offset in the commit log"
                33
                "offset"
                "topic"
                (ask
                    {
                        Topic = None
                        CommitLogOffset = 77L<commitLog>
                    }
                    MessageQuery.byOffset)

            request "locking queues" 41 "" "" (ask locks QueueLocks.acquire)

            request "unlocking queues" 42 "" "" (ask locks QueueLocks.release)

            testCase "the body of a lock request names group, client and queues"
            <| fun () ->
                text (ask locks QueueLocks.acquire)
                |> shouldEqual
                    """{"clientId":"c","consumerGroup":"group","mqSet":[{"brokerName":"b","queueId":1,"topic":"T"}]}"""
        ]

let private serverCodes =
    testList
        "codes of servers"
        [
            testCase "1001 is a code of controllers and no operation of clients"
            <| fun () ->
                Operations.tryFind (enum<RequestCode> 1001) |> Option.isNone |> shouldBeTrue

                Operations.tryDirection RequestCode.ControllerAlterSyncStateSet
                |> shouldEqual (Some Direction.BetweenServers)

            testCase "1011 cleans the data of a broker and is no operation of clients"
            <| fun () ->
                Operations.tryFind (enum<RequestCode> 1011) |> Option.isNone |> shouldBeTrue

                Operations.tryDirection RequestCode.CleanBrokerData
                |> shouldEqual (Some Direction.BetweenServers)

            testCase "no server answers QueryBrokerOffset"
            <| fun () ->
                Operations.tryDirection RequestCode.QueryBrokerOffset
                |> shouldEqual (Some Direction.Unanswered)
        ]

[<Tests>]
let tests =
    testList
        "Request fields"
        [
            sends
            pulls
            offsets
            routes
            heartbeats
            changesOfMembers
            transactions
            transactionChecks
            consumption
            topics
            queries
            serverCodes
        ]
