/// What clients report, direct consumption and producers, without a socket.
module RocketMq.Administration.Tests.ClientTests

open System
open System.Net
open Expecto
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration
open RocketMq.Administration.Tests.FakeServers

let private info: ConsumerRunningInfo =
    {
        Properties = Map.ofList [ "PROP_CONSUME_TYPE", "CONSUME_PASSIVELY" ]
        Subscriptions = []
        Queues = Map.empty
        PopQueues = None
        Status = Map.empty
        UserInfo = None
        Stacks = Some "main\n  at Handler"
    }

/// Running info by broker and client; a client that is not there is refused by its broker with a code.
let private infos (table: (BrokerAddress * string * Result<ConsumerRunningInfo, ResponseCode>) list) : Answering =
    ofBrokers RunningInfo.operation (fun broker query ->
        table
        |> List.tryFind (fun (other, clientId, _) -> other = broker && clientId = query.ClientId)
        |> Option.map (fun (_, _, answer) -> answer)
        |> Option.defaultValue (Error ResponseCode.SystemError))

let private billing = SubscriptionGroups.create "billing"

let private group extra =
    extra @ [ cluster [ masterA; masterB ]; groups [ masterA, [ billing ] ] ]

let private both = [ masterA, [ "client-1"; "client-2" ]; masterB, [ "client-1" ] ]

let private requestedFrom (code: RequestCode) (rounds: Call list list) =
    rounds
    |> List.concat
    |> List.filter (fun call -> call.Code = code)
    |> List.map _.Target

[<Tests>]
let reports =
    testList
        "Client reports"
        [
            testCase "a member is asked through the first broker that gets its answer"
            <| fun () ->
                let result, rounds =
                    run
                        (group
                            [
                                members MessageModel.Clustering both
                                infos
                                    [
                                        masterA, "client-1", Error ResponseCode.SystemError
                                        masterB, "client-1", Ok info
                                    ]
                            ])
                        (ClientReports.ofClient BrokerScope.All "billing" "client-1" true)

                let reports = valueOf (result, rounds)
                Expect.equal (reports.Clients |> List.map _.Info) [ Ok info ] "its answer"

                Expect.equal
                    (requestedFrom RequestCode.GetConsumerRunningInfo rounds)
                    [ Target.Broker masterA; Target.Broker masterB ]
                    "one after the other"

            testCase "a member that is silent is a row with its reason, and no other broker waits for it"
            <| fun () ->
                let result, rounds =
                    run
                        (group
                            [
                                members MessageModel.Clustering both
                                infos
                                    [
                                        masterA, "client-1", Error ResponseCode.ConsumeMessageTimeout
                                        masterB, "client-1", Ok info
                                        masterA, "client-2", Ok info
                                    ]
                            ])
                        (ClientReports.ofGroup BrokerScope.All "billing")

                let reports = valueOf (result, rounds)

                Expect.equal
                    (reports.Clients
                     |> List.map (fun one -> one.Member.ClientId, Result.isOk one.Info))
                    [ "client-1", false; "client-2", true ]
                    "a row each"

                Expect.equal (reports.AllFailures |> List.map _.Server) [ "client-1" ] "who is silent"

                Expect.equal
                    (requestedFrom RequestCode.GetConsumerRunningInfo rounds)
                    [ Target.Broker masterA; Target.Broker masterA ]
                    "one broker for each"

            testCase "a broker that does not say who is connected is a failure beside the members of others"
            <| fun () ->
                let reports =
                    run
                        (silent masterB
                         :: group
                             [
                                 members MessageModel.Clustering both
                                 infos [ masterA, "client-1", Ok info; masterA, "client-2", Ok info ]
                             ])
                        (ClientReports.ofGroup BrokerScope.All "billing")
                    |> valueOf

                Expect.equal reports.Clients.Length 2 "members"
                Expect.equal (reports.Failures |> List.map _.Server) [ masterB.ToString() ] "who did not say"

            testCase
                "a group without members has none; a group or a member that is not there is an error with those that are"
            <| fun () ->
                let report group' =
                    ClientReports.ofGroup BrokerScope.All group'

                let reports =
                    run (group [ members MessageModel.Clustering [] ]) (report "billing") |> valueOf

                Expect.isEmpty reports.Clients "none is online"

                let noGroup =
                    run (group [ members MessageModel.Clustering [] ]) (report "nobody") |> errorOf

                Expect.equal noGroup.Message "There is no group nobody. There are: billing." "the group"

                let noMember =
                    run
                        (group [ members MessageModel.Clustering both ])
                        (ClientReports.ofClient BrokerScope.All "billing" "client-3" false)
                    |> errorOf

                Expect.equal noMember.Message "There is no member client-3. There are: client-1, client-2." "the member"
        ]

let private stored: StoredMessage =
    let host = Host.create IPAddress.Loopback 10911

    StoredMessage.create
        {
            BrokerName = "broker-a"
            Topic = "Orders"
            QueueId = 1
            QueueOffset = 7L
            PhysicalOffset = 4096L<commitLog>
            Flag = 0
            SysFlag = 0
            BornTimestamp = 1L
            BornHost = host
            StoreTimestamp = 2L
            StoreHost = host
            ReconsumeTimes = 0
            PreparedTransactionOffset = 0L<commitLog>
            BodyCrc = 0
            StoredBody = ReadOnlyMemory [| 1uy |]
            Properties = Properties.empty
        }

let private store = commitLogs [ masterA, stored ]

let private consumption outcome : Answering =
    answering DirectConsumption.operation (fun call query ->
        Expect.equal call.Target (Target.Broker masterA) "the broker that stores it"
        Expect.equal query.ClientId (Some "client-1") "the member"
        Expect.equal query.MessageId (Some stored.OffsetId) "by its place"
        Expect.isTrue query.Record.IsEmpty "the broker adds the message"

        {
            IsOrderly = false
            IsAutoCommit = true
            Outcome = Some outcome
            Remark = Some "because"
            SpentMillis = 12L
        })

let private prepare servers clientId =
    run
        (group (servers @ [ store; routes [ "Orders", [ masterA ] ] ]))
        (DirectConsumptions.prepare "billing" clientId "Orders" stored.OffsetId)

[<Tests>]
let direct =
    testList
        "Direct consumption"
        [
            testCase "trap 33: the broker that stores the message has one member consume it, and says how that ended"
            <| fun () ->
                let planned = prepare [ members MessageModel.Clustering both ] "client-1" |> valueOf
                Expect.isTrue planned.Change.Destroys "it asks first"
                Expect.equal (planned.Change.Writes |> List.map (fun write -> write.Call.IsWrite)) [ true ] "one write"

                Expect.exists
                    planned.Change.Warnings
                    (fun warning -> warning.Contains "does not subscribe to Orders")
                    "members that do not subscribe"

                for outcome in [ DirectOutcome.Succeeded; DirectOutcome.ToBeRetried; DirectOutcome.Threw ] do
                    let result =
                        run [ consumption outcome ] (DirectConsumptions.carryOut planned) |> valueOf

                    Expect.equal (result.Outcome, result.SpentMillis) (Some outcome, 12L) "as the member says"

            testCase "a member that is not connected to that broker cannot get the message"
            <| fun () ->
                prepare
                    [
                        members MessageModel.Clustering [ masterA, [ "client-2" ]; masterB, [ "client-1" ] ]
                    ]
                    "client-1"
                |> errorOf
                |> expectNotAllowed
                |> ignore

            testCase "a member that is not there, and a message that is not there, are errors"
            <| fun () ->
                let name =
                    prepare [ members MessageModel.Clustering both ] "client-9"
                    |> errorOf
                    |> expectNotFound

                Expect.equal name "client-9" "the member"

                let lost =
                    prepare
                        [
                            members MessageModel.Clustering both
                            refusing RequestCode.ViewMessageById ResponseCode.SystemError
                            refusing RequestCode.QueryMessage ResponseCode.QueryNotFound
                        ]
                        "client-1"
                    |> errorOf
                    |> expectNotFound

                Expect.equal lost stored.OffsetId "the message"

            testCase "a message of another topic is not taken for one of this"
            <| fun () ->
                run
                    (group [ members MessageModel.Clustering both; store ])
                    (DirectConsumptions.prepare "billing" "client-1" "Payments" stored.OffsetId)
                |> errorOf
                |> expectInvalid
                |> ignore
        ]

let private producerOf clientId millis : ProducerConnection =
    {
        ClientId = clientId
        Address = "/127.0.0.1:40000"
        Language = "JAVA"
        Version = 399
        LastUpdateTimestamp = millis
    }

let private allProducers (table: (BrokerAddress * (string * ProducerConnection list) list) list) : Answering =
    ofBrokers Connections.ofAllProducers (fun broker () ->
        table
        |> List.filter (fun (other, _) -> other = broker)
        |> List.collect snd
        |> Map.ofList
        |> Ok)

[<Tests>]
let producers =
    testList
        "Producers"
        [
            testCase "producers are those of all brokers, each once with its last heartbeat"
            <| fun () ->
                let found =
                    run
                        [
                            cluster [ masterA; masterB ]
                            allProducers
                                [
                                    masterA, [ "shop", [ producerOf "client-1" 10L ] ]
                                    masterB, [ "shop", [ producerOf "client-1" 30L; producerOf "client-2" 20L ] ]
                                ]
                        ]
                        (Producers.all BrokerScope.All)
                    |> valueOf

                Expect.equal
                    (found.Producers
                     |> List.map (fun one -> one.ClientId, one.Brokers, one.LastHeartbeatMillis))
                    [
                        "client-1", [ "broker-a"; "broker-b" ], Some 30L
                        "client-2", [ "broker-b" ], Some 20L
                    ]
                    "merged"

                Expect.equal found.Producers.Head.Address "127.0.0.1:40000" "without Java's slash"

            testCase "a broker before 4.9.4 is a failure that says so, and where all are the action is not supported"
            <| fun () ->
                let codes = [ RequestCode.GetAllProducerInfo ]
                let servers = [ cluster [ masterA; masterB ]; allProducers [] ]

                let found =
                    run (older masterB codes :: servers) (Producers.all BrokerScope.All) |> valueOf

                Expect.equal
                    (found.Failures |> List.map _.Reason)
                    [
                        "GetAllProducerInfo (328) is not supported: it needs brokers of 4.9.4 or later."
                    ]
                    "the reason"

                match
                    run (older masterA codes :: older masterB codes :: servers) (Producers.all BrokerScope.All)
                    |> errorOf
                with
                | AdminError.NotSupported(_, servers) as error ->
                    Expect.equal servers [ masterA.ToString(); masterB.ToString() ] "both"
                    Expect.stringContains error.Message "needs brokers of 4.9.4 or later" "the version"
                | error -> failtest error.Message

            testCase "a group's producers are those that any broker knows; a group that none knows is an error"
            <| fun () ->
                let ofGroup: Answering =
                    fun call ->
                        if call.Code <> RequestCode.GetProducerConnectionList then
                            None
                        else
                            match call.Target, Connections.ofProducers.Decode call.Command with
                            | Target.Broker broker, Ok "shop" when broker = masterB ->
                                Some(Ok(Connections.ofProducers.Answer([ connection "client-1" ], call.Command)))
                            | _ ->
                                Some(
                                    Error(
                                        RemotingError.Refused(
                                            endpoint 1,
                                            call.Code,
                                            TimeSpan.Zero,
                                            ResponseCode.SystemError,
                                            "the producer group[x] not exist"
                                        )
                                    )
                                )

                let servers =
                    [
                        cluster [ masterA; masterB ]
                        ofGroup
                        allProducers [ masterB, [ "shop", [ producerOf "client-1" 1L ] ] ]
                    ]

                let found = run servers (Producers.ofGroup None "shop") |> valueOf
                Expect.equal (found.Producers |> List.map _.Brokers) [ [ "broker-b" ] ] "one broker"
                Expect.isEmpty found.Failures "no producer is no failure"

                let error = run servers (Producers.ofGroup None "nobody") |> errorOf
                Expect.equal error.Message "There is no producer group nobody. There are: shop." "the message"
        ]
