/// Cleaning, request modes, POP's rollback and settings of name servers, without a socket.
module RocketMq.Administration.Tests.UpkeepTests

open Expecto
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration
open RocketMq.Administration.Tests.FakeServers

let private billing = SubscriptionGroups.create "billing"

[<Tests>]
let cleaning =
    testList
        "Cleaning"
        [
            testCase "each target is a request of its own to masters and slaves, and asks first"
            <| fun () ->
                for target, code in
                    [
                        CleanTarget.ExpiredQueues, RequestCode.CleanExpiredConsumeQueue
                        CleanTarget.ExpiredLog, RequestCode.DeleteExpiredCommitLog
                        CleanTarget.UnusedTopics, RequestCode.CleanUnusedTopic
                    ] do
                    let change =
                        run [ cluster [ masterA; slaveOfA; masterB ] ] (BrokerUpkeep.clean BrokerScope.All target)
                        |> valueOf

                    Expect.isTrue change.Destroys "it asks"

                    Expect.equal
                        (change.Writes |> List.map (fun write -> write.Call.Code, write.Call.Target))
                        [ for broker in [ masterA; slaveOfA; masterB ] -> code, Target.Broker broker ]
                        "a row each"

            testCase "a broker that does not know the request is a row that says which brokers do"
            <| fun () ->
                let change =
                    run [ cluster [ masterA; masterB ] ] (BrokerUpkeep.clean BrokerScope.All CleanTarget.ExpiredLog)
                    |> valueOf

                let result =
                    run [ older masterB [ RequestCode.DeleteExpiredCommitLog ]; takesWrites ] (Change.carryOut change)
                    |> valueOf

                Expect.equal result.Status ChangeStatus.Partly "one of two"
                let outcomes = result.Writes |> List.map snd
                Expect.equal (outcomes |> List.map _.IsNotSupported) [ false; true ] "which"

                Expect.equal
                    (outcomes |> List.choose _.Reason)
                    [
                        "DeleteExpiredCommitLog (329) is not supported: it needs brokers of 4.9.4 or later."
                    ]
                    "why"
        ]

[<Tests>]
let popRollback =
    testList
        "POP rollback"
        [
            testCase "masters alone are sent it, and those that have nothing to move, or still write, are named"
            <| fun () ->
                let settings: Answering =
                    ofBrokers Settings.ofBroker (fun broker () ->
                        Ok
                            {
                                Version = "{}"
                                Settings =
                                    [
                                        for name in [ "popConsumerKVServiceInit"; "popConsumerKVServiceEnable" ] do
                                            {
                                                Name = name
                                                Value = (if broker = masterA then "true" else "false")
                                            }
                                    ]
                            })

                let change =
                    run [ cluster [ masterA; slaveOfA; masterB ]; settings ] (BrokerUpkeep.rollBackPop BrokerScope.All)
                    |> valueOf

                Expect.equal
                    (change.Writes |> List.map (fun write -> write.Call.Target))
                    [ Target.Broker masterA; Target.Broker masterB ]
                    "masters"

                let warning part =
                    Expect.exists change.Warnings (fun text -> text.Contains(part: string)) part

                warning "broker-a goes on to write to RocksDB"
                warning "broker-b does not use RocksDB"
        ]

let private codes =
    [ RequestCode.GetAllMessageRequestMode; RequestCode.SetMessageRequestMode ]

let private modes (table: (BrokerAddress * RequestModeSetting) list) : Answering =
    ofBrokers Assignments.allModes (fun broker () ->
        table
        |> List.filter (fun (other, _) -> other = broker)
        |> List.map (fun (_, setting) -> setting.Topic, Map.ofList [ setting.ConsumerGroup, setting ])
        |> Map.ofList
        |> Ok)

let private modeOf mode sharing : RequestModeSetting =
    {
        Topic = "Orders"
        ConsumerGroup = "billing"
        Mode = mode
        SharingMembers = sharing
    }

let private setMode servers mode sharing =
    run
        (servers
         @ [
             cluster [ masterA; masterB ]
             routes [ "Orders", [ masterA; masterB ] ]
             groups [ masterA, [ billing ]; masterB, [ billing ] ]
         ])
        (RequestModes.set BrokerScope.All "billing" "Orders" mode sharing)

[<Tests>]
let requestModes =
    testList
        "Request modes"
        [
            testCase "a mode is set on all masters of the topic where it differs, and read again"
            <| fun () ->
                let before = [ modes [ masterA, modeOf PopMode 2; masterB, modeOf PullMode 0 ] ]
                let change = setMode before PopMode 2 |> valueOf

                Expect.equal
                    (rowsOf change)
                    [
                        masterB.ToString(), Some "pull", Some "pop, a member reads the queues of 2 others too"
                    ]
                    "the one that differs"

                Expect.equal
                    (change.Writes
                     |> List.map (fun write -> Assignments.setMode.Decode write.Call.Command))
                    [ Ok(modeOf PopMode 2) ]
                    "what is sent"

                let notTaken = run (takesWrites :: before) (Change.carryOut change) |> valueOf
                Expect.equal notTaken.Status ChangeStatus.Partly "what is not there afterwards is seen"

                let taken =
                    run
                        [ takesWrites; modes [ masterA, modeOf PopMode 2; masterB, modeOf PopMode 2 ] ]
                        (Change.carryOut change)
                    |> valueOf

                Expect.equal taken.Status ChangeStatus.CarriedOut "and what is"

            testCase "a broker of 4.9 is a row that is not supported; where there is no other the action is not"
            <| fun () ->
                let change = setMode [ older masterB codes; modes [] ] PopMode 0 |> valueOf

                let result =
                    run
                        [ older masterB codes; takesWrites; modes [ masterA, modeOf PopMode 0 ] ]
                        (Change.carryOut change)
                    |> valueOf

                Expect.equal
                    (result.Writes
                     |> List.map (fun (write, outcome) -> write.Call.Target, outcome.IsNotSupported))
                    [ Target.Broker masterA, false; Target.Broker masterB, true ]
                    "a row each"

                Expect.equal result.Status ChangeStatus.Partly "partly"

                match setMode [ older masterA codes; older masterB codes ] PopMode 0 |> errorOf with
                | AdminError.NotSupported _ as error ->
                    Expect.stringContains error.Message "needs brokers of 5.0 or later" "the version"
                | error -> failtest error.Message

            testCase "a master that does not answer, and a retry topic, are refused"
            <| fun () ->
                match setMode [ silent masterB; modes [] ] PopMode 0 |> errorOf with
                | AdminError.Failed failures ->
                    Expect.equal (failures |> List.map _.Server) [ masterB.ToString() ] "the one that is silent"
                | error -> failtest error.Message

                run [ cluster [ masterA ] ] (RequestModes.set BrokerScope.All "billing" "%RETRY%billing" PopMode 0)
                |> errorOf
                |> expectInvalid
                |> ignore
        ]

let private nameServerSettings (table: (Endpoint * (string * string) list) list) : Answering =
    fun call ->
        match call.Target with
        | Target.NameServer server when call.Code = RequestCode.GetNameServerConfig ->
            match table |> List.tryFind (fun (other, _) -> other = server) with
            | Some(_, pairs) ->
                let settings =
                    pairs |> List.map (fun (name, value) -> { Name = name; Value = value })

                Some(Ok(Settings.ofNameServer.Answer(settings, call.Command)))
            | None -> Some(silence call)
        | Target.NameServer server when
            call.Code = RequestCode.UpdateNameServerConfig
            && not (table |> List.exists (fun (other, _) -> other = server))
            ->
            Some(silence call)
        | _ -> None

let private changeOf pairs =
    NameServerSettings.change nameServers (pairs |> List.map (fun (name, value) -> { Name = name; Value = value }))

[<Tests>]
let nameServerConfiguration =
    testList
        "Name server settings"
        [
            testCase "trap 3: each name server is written to where it differs, and read again"
            <| fun () ->
                let one, other = nameServers[0], nameServers[1]

                let before =
                    nameServerSettings
                        [
                            one, [ "orderMessageEnable", "false"; "productEnvName", "center" ]
                            other, [ "orderMessageEnable", "true"; "productEnvName", "center" ]
                        ]

                let change = run [ before ] (changeOf [ "orderMessageEnable", "true" ]) |> valueOf

                Expect.equal
                    (rowsOf change)
                    [
                        $"name server {one}", Some "orderMessageEnable=false", Some "orderMessageEnable=true"
                    ]
                    "the one that differs"

                let result = run [ before; takesWrites ] (Change.carryOut change) |> valueOf
                Expect.equal result.Status ChangeStatus.Partly "what was not taken is seen"
                Expect.hasLength result.Verifications 2 "each"

            testCase "a name server that is down is a row all the same; a name that none has gives warnings"
            <| fun () ->
                let servers = nameServerSettings [ nameServers[0], [ "a", "1" ] ]
                let change = run [ servers ] (changeOf [ "a", "2"; "b", "x" ]) |> valueOf
                Expect.hasLength change.Writes 2 "both"
                Expect.hasLength change.Warnings 2 "the one that is down, and the setting"

                let result = run [ servers; takesWrites ] (Change.carryOut change) |> valueOf

                Expect.equal
                    (result.Writes |> List.map (fun (_, outcome) -> outcome.Reason.IsSome))
                    [ false; true ]
                    "the second failed"

            testCase "secrets are not shown, and no setting is no change"
            <| fun () ->
                let servers =
                    nameServerSettings [ for server in nameServers -> server, [ "rootPassword", "old" ] ]

                let change = run [ servers ] (changeOf [ "rootPassword", "new" ]) |> valueOf

                for write in change.Writes do
                    Expect.equal (write.Before, write.After) (Some "rootPassword=***", Some "rootPassword=***") "stars"

                run [ servers ] (changeOf []) |> errorOf |> expectInvalid |> ignore
        ]

[<Tests>]
let mended =
    testList
        "Groups, asked once"
        [
            testCase "a deletion asks for the brokers once"
            <| fun () ->
                let _, rounds =
                    run
                        [
                            cluster [ masterA ]
                            groups [ masterA, [ billing ] ]
                            members MessageModel.Clustering []
                            routes []
                        ]
                        (GroupChanges.delete BrokerScope.All "billing" false)

                let codes = rounds |> List.concat |> List.map _.Code

                Expect.equal
                    (codes
                     |> List.filter (fun code -> code = RequestCode.GetBrokerClusterInfo)
                     |> List.length)
                    1
                    "once"

            testCase "the error of an unknown group leaves out groups of the brokers' own"
            <| fun () ->
                let all =
                    [ "TOOLS_CONSUMER"; "CID_ONSAPI_OWNER"; "CID_RMQ_SYS_TRANS"; "billing" ]
                    |> List.map SubscriptionGroups.create

                let error =
                    run
                        [ cluster [ masterA ]; groups [ masterA, all ] ]
                        (GroupChanges.update BrokerScope.All "nobody" GroupSettings.Unchanged)
                    |> errorOf

                Expect.equal error.Message "There is no group nobody. There are: billing." "the message"
        ]
