module RocketMq.Protocol.Tests.AdministrationTests

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open ClusterRig

let private names = NameServerAt 0
let private two () = cluster 1 [ "a"; "b" ] []

let private create topic readQueues writeQueues permission : CreateTopic =
    {
        Topic = topic
        DefaultTopic = Send.defaultTopic
        ReadQueues = readQueues
        WriteQueues = writeQueues
        Permission = permission
        FilterType = TopicFilterType.SingleTag
        SysFlag = Some 1
        IsOrderly = true
        Attributes = None
        IsForced = None
    }

let private createAt broker create state =
    askAt 0L (BrokerAt broker) (Examples.ask create Topics.create) state

let private made () =
    createAt 0 (create "T" 6 3 6) (two ()) |> fst

let private codeOf (_, effects) =
    (BrokerRig.answerIn effects: RemotingCommand).ResponseCode

let private permissions topic state =
    match tryRoute 1L 0 topic state with
    | Some route -> route.Queues |> List.map (fun queues -> queues.BrokerName, queues.Permission)
    | None -> []

let private after server (operation: Operation<'Query, 'Answer>) query state =
    let state, effects = askAt 1L server (Examples.ask query operation) state
    let answer = BrokerRig.answerIn effects
    answer.ResponseCode |> shouldEqual ResponseCode.Success
    state, operation.DecodeAnswer answer |> Result.toOption |> Option.get

let private heartbeatOf clientId : Heartbeat =
    {
        ClientId = clientId
        ProducerGroups = [ "P" ]
        Consumers =
            [
                {
                    Group = "C"
                    Type = ConsumeType.ConsumePassively
                    Model = MessageModel.Clustering
                    Start = FromFirstOffset
                    Subscriptions = [ Subscription.create "T" Filter.all 1L ]
                    IsUnit = false
                }
            ]
        Fingerprint = None
        IsWithoutSubscriptions = None
    }

let private creatingTopics =
    testList
        "creating topics"
        [
            testCase "a created topic has its queues and permission on that broker only, and routes show it"
            <| fun () ->
                let route = (tryRoute 1L 0 "T" (made ())).Value

                route.Queues
                |> shouldEqual
                    [
                        {
                            BrokerName = "a"
                            ReadQueues = 6
                            WriteQueues = 3
                            Permission = 6
                            TopicSysFlag = 1
                        }
                    ]

                let config =
                    (read 1L (BrokerAt 0) Topics.config { Topic = "T"; IsLogical = None } (made ())).Config

                config.IsOrderly |> shouldBeTrue
                (read 1L (BrokerAt 0) Topics.all () (made ())).Topics["T"] |> shouldEqual config

            testCase "changing a topic keeps its messages, and a removed queue is not readable"
            <| fun () ->
                let state, _ = askAt 1L (BrokerAt 0) (sendTo "T" 5 "id" []) (made ())

                let pull =
                    Examples.ask
                        { Examples.pull with
                            QueueId = 5
                            QueueOffset = 0L
                            Filter = Some Filter.all
                        }
                        Pull.messages

                let fewer, _ = createAt 0 (create "T" 2 2 6) state

                askAt 2L (BrokerAt 0) pull fewer
                |> codeOf
                |> shouldEqual ResponseCode.SystemError

                askAt 2L (BrokerAt 0) (sendTo "T" 5 "id" []) fewer
                |> codeOf
                |> shouldEqual ResponseCode.SystemError

                let more, _ = createAt 0 (create "T" 8 8 6) fewer
                askAt 3L (BrokerAt 0) pull more |> codeOf |> shouldEqual ResponseCode.Success

                askAt 3L (BrokerAt 0) (sendTo "T" 7 "id" []) more
                |> codeOf
                |> shouldEqual ResponseCode.Success
        ]

let private unreadableTopics =
    testList
        "unreadable topics"
        [
            testCase "a topic without read permission is not read"
            <| fun () ->
                let state, _ = createAt 0 (create "T" 6 3 2) (made ())

                let pull =
                    Examples.ask
                        { Examples.pull with
                            QueueId = 0
                            Filter = Some Filter.all
                        }
                        Pull.messages

                askAt 2L (BrokerAt 0) pull state
                |> codeOf
                |> shouldEqual ResponseCode.NoPermission

            testCase "system topics and invalid names are not created"
            <| fun () ->
                for bad, code in
                    [
                        create "SCHEDULE_TOPIC_XXXX" 1 1 6, ResponseCode.InvalidParameter
                        create Send.defaultTopic 1 1 6, ResponseCode.InvalidParameter
                        create "T" -1 1 6, ResponseCode.SystemError
                        create "T" 1 -1 6, ResponseCode.SystemError
                        create "T" 1 65_537 6, ResponseCode.SystemError
                    ] do
                    createAt 0 bad (two ()) |> codeOf |> shouldEqual code
        ]

let private deletingTopics =
    testList
        "deleting topics"
        [
            testCase
                "a deleted topic is empty when it is created again; its route ends when it is deleted at the name server"
            <| fun () ->
                let state, _ = askAt 1L (BrokerAt 0) (sendTo "T" 0 "id" []) (made ())
                let state, () = after (BrokerAt 0) Topics.delete "T" state
                permissions "T" state |> shouldEqual [ "a", 6 ]

                let state, () =
                    after names NameServerTopics.delete { Topic = "T"; ClusterName = None } state

                tryRoute 1L 0 "T" state |> shouldEqual None
                let state, _ = askAt 1L (BrokerAt 0) (sendTo "T" 0 "again" []) state
                (Map.find ("T", 0) (recordsOf 0 state)).Length |> shouldEqual 1

            testCase "a topic is deleted in one cluster only, if one is named"
            <| fun () ->
                let delete cluster =
                    after
                        names
                        NameServerTopics.delete
                        {
                            Topic = "T"
                            ClusterName = Some cluster
                        }
                        (made ())
                    |> fst

                delete "elsewhere" |> tryRoute 1L 0 "T" |> Option.isSome |> shouldBeTrue
                delete "DefaultCluster" |> tryRoute 1L 0 "T" |> shouldEqual None
        ]

let private writePermission =
    testList
        "write permission"
        [
            testCase "write permission is removed from all topics of a broker and restored"
            <| fun () ->
                let state, _ = createAt 1 (create "T" 4 4 6) (made ())

                let onA =
                    state.NameServers[0].Names.Topics.Values
                    |> Seq.filter _.ContainsKey("a")
                    |> Seq.length

                onA |> shouldExceed 2

                let wiped, touched = after names NameServerTopics.wipeWritePermission "a" state
                touched |> shouldEqual onA
                permissions "T" wiped |> shouldEqual [ "a", 4; "b", 6 ]
                permissions Send.defaultTopic wiped |> shouldEqual [ "a", 5; "b", 7 ]
                let given, touched = after names NameServerTopics.addWritePermission "a" wiped
                touched |> shouldEqual onA
                permissions "T" given |> shouldEqual [ "a", 6; "b", 6 ]

                after names NameServerTopics.wipeWritePermission "nobody" state
                |> snd
                |> shouldEqual 0

            testCase "topics are registered without a request of a broker if all their brokers are known"
            <| fun () ->
                let queues broker =
                    {
                        BrokerName = broker
                        ReadQueues = 2
                        WriteQueues = 2
                        Permission = 6
                        TopicSysFlag = 0
                    }

                let register brokers =
                    let route = TopicRoute.create (List.map queues brokers) []

                    after names NameServerTopics.register { Topic = "N"; Route = route } (two ())
                    |> fst

                register [ "a"; "b" ] |> permissions "N" |> shouldEqual [ "a", 6; "b", 6 ]
                register [ "a"; "nobody" ] |> permissions "N" |> shouldBeEmpty

            testCase "topics are listed by cluster, and system topics are the names of clusters and brokers"
            <| fun () ->
                let ofCluster name =
                    (read 1L names NameServerTopics.ofCluster name (made ())).Topics

                ofCluster "DefaultCluster" |> List.filter ((=) "T") |> shouldEqual [ "T" ]
                ofCluster "nowhere" |> shouldBeEmpty
                let system = read 1L names NameServerTopics.system () (made ())
                system.Topics |> shouldEqual [ "DefaultCluster"; "a"; "b" ]
                system.BrokerAddress |> shouldEqual (Some "127.0.0.1:1")
        ]

let private clients =
    testList
        "clients"
        [
            testCase "clients are listed by group until they leave it"
            <| fun () ->
                let broker = BrokerAt 0

                askAt 0L broker (Examples.ask "C" Heartbeat.members) (two ())
                |> codeOf
                |> shouldEqual ResponseCode.SystemError

                askAt 0L broker (Examples.ask "P" Connections.ofProducers) (two ())
                |> codeOf
                |> shouldEqual ResponseCode.SystemError

                askAt 0L broker (Examples.ask "C" Connections.ofConsumers) (two ())
                |> codeOf
                |> shouldEqual ResponseCode.ConsumerNotOnline

                let state, _ =
                    askAt 0L broker (Examples.ask (heartbeatOf "me") Heartbeat.send) (two ())

                read 1L broker Heartbeat.members "C" state |> shouldEqual [ "me" ]
                let producer = read 1L broker Connections.ofProducers "P" state |> List.exactlyOne
                producer.ClientId |> shouldEqual "me"
                producer.Address |> shouldEqual (string BrokerRig.host)
                let consumers = read 1L broker Connections.ofConsumers "C" state
                consumers.Subscriptions.Keys |> List.ofSeq |> shouldEqual [ "T" ]

                let left, () =
                    after
                        broker
                        Heartbeat.unregister
                        {
                            ClientId = "me"
                            ProducerGroup = Some "P"
                            ConsumerGroup = None
                        }
                        state

                askAt 1L broker (Examples.ask "P" Connections.ofProducers) left
                |> codeOf
                |> shouldEqual ResponseCode.SystemError

                read 1L broker Heartbeat.members "C" left |> shouldEqual [ "me" ]
        ]

[<Tests>]
let tests =
    testList "Administration" [ creatingTopics; unreadableTopics; deletingTopics; writePermission; clients ]
