/// What administrators ask a broker and a name server about themselves. Java: AdminBrokerProcessor, DefaultRequestProcessor.
module RocketMq.Protocol.Tests.BrokerRequestTests

open System
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open AdminRig

let private figure name key rig =
    ask Statistics.ofBroker { Name = name; Key = key } rig

let private statistics =
    testList
        "statistics"
        [
            admin "figures of topics, groups and the broker over a minute, an hour and a day" release5
            <| fun rig ->
                task {
                    do! sendTo "T" 0 6 rig
                    let! _ = pull "G" "T" 0 0L rig
                    let! puts = figure "TOPIC_PUT_NUMS" "T" rig
                    (puts.Minute.Sum, puts.Hour.Sum, puts.Day.Sum) |> shouldEqual (6L, 6L, 6L)
                    (puts.Minute.PerSecond, puts.Minute.Average) |> shouldEqual (0.6, 1.0)
                    let! size = figure "TOPIC_PUT_SIZE" "T" rig
                    size.Day.Sum |> shouldExceed 600L
                    let! gets = figure "GROUP_GET_NUMS" "T@G" rig
                    (gets.Day.Sum, gets.Day.Average) |> shouldEqual (6L, 6.0)
                    let! broker = figure "BROKER_PUT_NUMS" "DefaultCluster" rig
                    broker.Day.Sum |> shouldEqual 6L
                    rig.Clock.Advance(seconds 120)
                    let! later = figure "TOPIC_PUT_NUMS" "T" rig
                    (later.Minute.Sum, later.Hour.Sum) |> shouldEqual (0L, 6L)
                    rig.Clock.Advance(TimeSpan.FromHours 2)
                    let! muchLater = figure "TOPIC_PUT_NUMS" "T" rig
                    (muchLater.Hour.Sum, muchLater.Day.Sum) |> shouldEqual (0L, 6L)
                }

            admin "a figure that the broker does not have is SystemError" release5
            <| fun rig ->
                task {
                    for name, key in
                        [
                            "TOPIC_PUT_NUMS", "unknown"
                            "GROUP_GET_NUMS", "T"
                            "GROUP_GET_NUMS", "T@unknown"
                            "BROKER_PUT_NUMS", "elsewhere"
                            "NOTHING", "T"
                            "", ""
                        ] do
                        let! code = codeOf Statistics.ofBroker { Name = name; Key = key } rig
                        Expecto.Expect.equal code ResponseCode.SystemError name
                }
        ]

let private valueOf name (settings: Setting list) =
    settings |> List.tryFind (fun one -> one.Name = name) |> Option.map _.Value

let private setting name value = [ { Name = name; Value = value } ]

let private configuration =
    testList
        "configuration"
        [
            admin
                "settings that the broker has are applied, others are remembered, unknown ones are passed over"
                release5
            <| fun rig ->
                task {
                    let! before = ask Settings.ofBroker () rig
                    valueOf "brokerName" before.Settings |> shouldEqual (Some "broker-embedded")

                    do!
                        ask
                            Settings.updateBroker
                            [
                                {
                                    Name = "autoCreateTopicEnable"
                                    Value = "false"
                                }
                                {
                                    Name = "fileReservedTime"
                                    Value = "5"
                                }
                                { Name = "deleteWhen"; Value = "05 06" }
                                { Name = "nobodyKnowsIt"; Value = "1" }
                                {
                                    Name = "transactionCheckMax"
                                    Value = "many"
                                }
                                { Name = "brokerName"; Value = "other" }
                            ]
                            rig

                    let! after = ask Settings.ofBroker () rig

                    [
                        "autoCreateTopicEnable"
                        "fileReservedTime"
                        "deleteWhen"
                        "nobodyKnowsIt"
                        "transactionCheckMax"
                        "brokerName"
                    ]
                    |> List.map (fun name -> valueOf name after.Settings)
                    |> shouldEqual
                        [
                            Some "false"
                            Some "5"
                            Some "05 06"
                            None
                            Some "15"
                            Some "broker-embedded"
                        ]

                    after.Version |> shouldNotEqual before.Version
                    let! send = codeOf Send.message (BrokerRig.messageOf "T" "id" []) rig
                    send |> shouldEqual ResponseCode.TopicNotExist
                }
        ]

let private retention =
    testList
        "settings with an effect"
        [
            admin "messages go when a shorter time to keep them is set" release5
            <| fun rig ->
                task {
                    do! sendTo "T" 0 1 rig
                    rig.Clock.Advance(TimeSpan.FromHours 6)
                    do! ask Settings.updateBroker (setting "fileReservedTime" "5") rig
                    do! ask Maintenance.deleteCommitLog () rig
                    let! stats = ask Statistics.ofTopic "T" rig
                    stats.Queues[queueOf "T" 0].MinOffset |> shouldEqual 1L
                }

            admin "settings that a broker guards are refused" release5
            <| fun rig ->
                task {
                    let! guarded = codeOf Settings.updateBroker (setting "brokerConfigPath" "x") rig
                    guarded |> shouldEqual ResponseCode.NoPermission
                }

            admin "a broker without write permission is written to by nobody who goes by routes" release5
            <| fun rig ->
                task {
                    do! ask Topics.create { topicOf "T" 1 with IsOrderly = true } rig
                    do! ask Settings.updateBroker (setting "brokerPermission" "4") rig

                    let query =
                        {
                            Topic = "T"
                            AcceptStandardJsonOnly = Some true
                        }

                    let! route = askNames GetRoute.operation query rig
                    route.Queues |> List.map _.Permission |> shouldEqual [ 4 ]
                    let! send = codeOf Send.message (BrokerRig.messageOf "T" "id" []) rig
                    send |> shouldEqual ResponseCode.NoPermission
                    do! ask Settings.updateBroker (setting "brokerPermission" "6") rig
                    let! restored = askNames GetRoute.operation query rig
                    restored.Queues |> List.map _.Permission |> shouldEqual [ 6 ]
                }
        ]

let private nameServers =
    testList
        "settings of name servers"
        [
            admin "a name server's settings are read back, and switch lists off" release5
            <| fun rig ->
                task {
                    let! before = askNames Settings.ofNameServer () rig
                    valueOf "productEnvName" before |> shouldEqual (Some "center")
                    do! askNames Settings.updateNameServer (setting "enableAllTopicList" "false") rig
                    let! after = askNames Settings.ofNameServer () rig
                    valueOf "enableAllTopicList" after |> shouldEqual (Some "false")
                    let! topics = codeOfNames NameServerTopics.all () rig
                    topics |> shouldEqual ResponseCode.SystemError
                    let! guarded = codeOfNames Settings.updateNameServer (setting "kvConfigPath" "x") rig
                    guarded |> shouldEqual ResponseCode.NoPermission
                    do! askNames Settings.updateNameServer (setting "nobodyKnowsIt" "1") rig
                }
        ]

let private queueTests =
    testList
        "queues"
        [
            admin "a piece of a queue's index; what is not there is refused, or a success without a body" release5
            <| fun rig ->
                task {
                    do! sendTo "T" 0 5 rig

                    let query topic index group : ConsumeQueueQuery =
                        {
                            Topic = Some topic
                            QueueId = Some 0
                            Index = Some index
                            Count = Some 3
                            ConsumerGroup = group
                        }

                    let! page = ask GroupProgress.consumeQueue (query "T" 1L (Some "G")) rig

                    (page.MinIndex, page.MaxIndex, page.Entries.Value.Length)
                    |> shouldEqual (0L, 5L, 3)

                    page.Filter |> shouldEqual (Some "G@T is not online!")

                    for topic in [ "unknown"; "%RETRY%none" ] do
                        let! code = codeOf GroupProgress.consumeQueue (query topic 0L None) rig
                        code |> shouldEqual ResponseCode.SystemError

                    for index in [ -1L; 5L; Int64.MaxValue ] do
                        let! answer =
                            invoke rig.ToBroker (Examples.ask (query "T" index None) GroupProgress.consumeQueue) rig

                        (answer.ResponseCode, answer.Body.Length)
                        |> shouldEqual (ResponseCode.Success, 0)
                }
        ]

let private upkeep =
    testList
        "upkeep"
        [
            admin "the first message's time, how far delays are, and what is cleaned" release5
            <| fun rig ->
                task {
                    let! none = ask Offsets.earliestStoreTime { Topic = "T"; QueueId = 0 } rig
                    none |> shouldEqual -1L
                    do! sendTo "T" 0 1 rig
                    let! first = ask Offsets.earliestStoreTime { Topic = "T"; QueueId = 0 } rig
                    first |> shouldEqual (millisOf rig)
                    let delayed = BrokerRig.send "T" "late" [ PropertyName.delayLevel, "3" ]
                    let! _ = invoke rig.ToBroker delayed rig
                    let! before = ask GroupProgress.delayOffsets () rig
                    before.Offsets |> shouldEqual (Map.ofList [ 3, 0L ])
                    rig.Clock.Advance(seconds 10)
                    let! after = ask GroupProgress.delayOffsets () rig
                    after.Offsets |> shouldEqual (Map.ofList [ 3, 1L ])
                    let! info = ask Maintenance.runtimeInfo () rig
                    info["scheduleMessageOffset_3"] |> shouldEqual "1,1"
                    do! ask Maintenance.cleanConsumeQueues () rig
                    do! ask Maintenance.cleanTopics () rig
                    let! stats = ask Statistics.ofTopic "T" rig
                    stats.Queues[queueOf "T" 0].MaxOffset |> shouldEqual 2L
                }

            admin "modes in which messages come are listed by topic and group" release5
            <| fun rig ->
                task {
                    do! ask Topics.create (topicOf "T" 1) rig

                    let setting: RequestModeSetting =
                        {
                            Topic = "T"
                            ConsumerGroup = "G"
                            Mode = PopMode
                            SharingMembers = 2
                        }

                    do! ask Assignments.setMode setting rig
                    let! modes = ask Assignments.allModes () rig
                    modes["T"]["G"] |> shouldEqual setting
                }
        ]

let private replication =
    testList
        "replication"
        [
            testCase "a master shows its slaves and how far they lag, a slave its master"
            <| fun () ->
                let cluster = ClusterRig.clusterWith id 1_000L 1 [ "a" ] [ 0 ]

                let behind, _ =
                    ClusterRig.askAt 1L (BrokerAt 0) (ClusterRig.sendTo "T" 0 "id" []) cluster

                let master = ClusterRig.read 2L (BrokerAt 0) Maintenance.replication () behind
                let slave = List.exactlyOne master.Connections

                (master.IsMaster, master.InSyncSlaves, slave.Address)
                |> shouldEqual (true, 1, Some "127.0.0.1:2")

                (slave.Lag, slave.AckOffset) |> shouldEqual (master.MaxOffset, 0L)
                let level, _ = Servers.transition 1_001L behind ClusterTicked
                let master = ClusterRig.read 1_002L (BrokerAt 0) Maintenance.replication () level
                (List.exactlyOne master.Connections).Lag |> shouldEqual 0L
                let slave = ClusterRig.read 1_003L (BrokerAt 1) Maintenance.replication () level

                (slave.IsMaster, slave.Client.Value.MasterAddress)
                |> shouldEqual (false, Some "127.0.0.1:1")

                slave.Client.Value.MaxOffset |> shouldEqual master.MaxOffset

            testCase "a slave changes neither topics nor groups nor offsets"
            <| fun () ->
                let cluster = ClusterRig.cluster 1 [ "a" ] [ 0 ]

                let refusal command =
                    (ClusterRig.askAt 1L (BrokerAt 1) command cluster |> snd |> BrokerRig.answerIn).ResponseCode

                [
                    Examples.ask (topicOf "T" 1) Topics.create
                    Examples.ask "T" Topics.delete
                    Examples.ask (SubscriptionGroups.create "G") SubscriptionGroups.update
                    Examples.ask [ SubscriptionGroups.create "G" ] SubscriptionGroups.updateMany
                    Examples.ask
                        {
                            Group = "G"
                            RemoveOffsets = None
                            CleanOffsets = None
                        }
                        SubscriptionGroups.delete
                ]
                |> List.map refusal
                |> shouldEqual (List.replicate 5 ResponseCode.SystemError)

            admin "brokers of 4.x do not know it" release4
            <| fun rig ->
                task {
                    let! code = codeOf Maintenance.replication () rig
                    code |> shouldEqual ResponseCode.RequestCodeNotSupported
                }
        ]

[<Tests>]
let tests =
    testList
        "Broker requests"
        [
            statistics
            configuration
            retention
            nameServers
            queueTests
            upkeep
            replication
        ]
