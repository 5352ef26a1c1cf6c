module RocketMq.Administration.Tests.BrokerTests

open Expecto
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration
open RocketMq.Administration.Tests.FakeServers

let private status figures =
    BrokerStatus.ofFigures masterA (Map.ofList figures)

let private change extra changes =
    run
        (extra @ [ cluster [ masterA ] ])
        (BrokerSettings.change
            BrokerScope.All
            BrokerRoles.Masters
            (changes |> List.map (fun (name, value) -> { Name = name; Value = value })))

[<Tests>]
let tests =
    testList
        "Brokers"
        [
            testCase "traps 37 and 38: figures of both spellings are read"
            <| fun () ->
                for name in [ "getTransferedTps"; "getTransferredTps" ] do
                    let status =
                        status
                            [
                                "putTps", "1.5 2.5 3.5"
                                name, "4.5 5 6"
                                "commitLogDiskRatio", "0.25"
                                "msgPutTotalTodayNow", "150"
                                "msgPutTotalTodayMorning", "100"
                                "earliestMessageTimeStamp", "-1"
                            ]

                    Expect.equal status.PutsPerSecond (Some 1.5) "the first of three"
                    Expect.equal status.GetsPerSecond (Some 4.5) name
                    Expect.equal status.DiskRatio (Some 0.25) "disk"
                    Expect.equal status.PutsToday (Some 50L) "today"
                    Expect.isNone status.EarliestMessageMillis "no message is not 1970"
                    Expect.isNone status.Version "unknown is not empty"

            testCase "figures that cannot be read are unknown"
            <| fun () ->
                let status =
                    status [ "putTps", ""; "commitLogDiskRatio", "NaN"; "bootTimestamp", "soon" ]

                Expect.isNone status.PutsPerSecond "no figure"
                Expect.isNone status.DiskRatio "not a number"
                Expect.isNone status.BootMillis "no time"

            testCase "a broker that does not answer is a row with its reason"
            <| fun () ->
                let rows =
                    run
                        [
                            cluster [ masterA; masterB ]
                            silent masterB
                            answering Maintenance.runtimeInfo (fun _ () -> Map.ofList [ "brokerVersionDesc", "V5_3_3" ])
                        ]
                        (BrokerStatus.list BrokerScope.All)
                    |> valueOf

                Expect.equal
                    (rows
                     |> List.map (fun row ->
                         match row.Status with
                         | Ok status -> status.Version
                         | Error _ -> None))
                    [ Some "V5_3_3"; None ]
                    "two rows"

            testCase "trap 10: settings are read again, and one that was not taken is seen"
            <| fun () ->
                let change =
                    change [ settings [ "flushDiskType", "ASYNC_FLUSH" ] ] [ "flushDiskType", "SYNC_FLUSH" ]
                    |> valueOf

                Expect.equal
                    (rowsOf change)
                    [
                        masterA.ToString(), Some "flushDiskType=ASYNC_FLUSH", Some "flushDiskType=SYNC_FLUSH"
                    ]
                    "the row"

                let result =
                    run [ takesWrites; settings [ "flushDiskType", "ASYNC_FLUSH" ] ] (Change.carryOut change)
                    |> valueOf

                Expect.equal result.Status ChangeStatus.Partly "it was not taken"

            testCase "secrets are neither shown before nor after"
            <| fun () ->
                let change =
                    change
                        [
                            settings [ "innerClientAuthenticationCredentials", "old-secret"; "tokenX", "" ]
                        ]
                        [ "innerClientAuthenticationCredentials", "new-secret"; "tokenX", "new-token" ]
                    |> valueOf

                let verified =
                    run
                        [
                            takesWrites
                            settings [ "innerClientAuthenticationCredentials", "old-secret"; "tokenX", "new-token" ]
                        ]
                        (Change.carryOut change)
                    |> valueOf

                let shown =
                    [
                        for write in change.Writes do
                            yield! Option.toList write.Before
                            yield! Option.toList write.After
                            write.Call.ToString()
                        for one in verified.Verifications do
                            one.Expected
                            yield! Option.toList one.Found
                    ]

                for text in shown do
                    Expect.isFalse (text.Contains "secret") text
                    Expect.isFalse (text.Contains "new-token") text

                Expect.equal verified.Status ChangeStatus.Partly "the one that was not taken is seen all the same"

            testCase "a setting that the broker does not have gives a warning"
            <| fun () ->
                let change = change [ settings [] ] [ "flushDisk", "x" ] |> valueOf
                Expect.hasLength change.Warnings 1 "one"

            testCase "a check finds a cluster without a master, a full disk and a silent broker"
            <| fun () ->
                let empty: TopicTable =
                    {
                        Topics = Map.empty
                        Version = None
                        MappingVersion = None
                        MappingInfos = None
                        MappingDetails = None
                    }

                let orphan = broker "DefaultCluster" "broker-c" 1L 10941

                let findings =
                    run
                        [
                            cluster [ masterA; masterB; orphan ]
                            silent masterB
                            answering Maintenance.runtimeInfo (fun _ () -> Map.ofList [ "commitLogDiskRatio", "0.95" ])
                            refusing RequestCode.GetBrokerHaStatus ResponseCode.RequestCodeNotSupported
                            settings []
                            answering Topics.all (fun _ () -> empty)
                        ]
                        (ClusterCheck.run BrokerScope.All CheckLimits.Default)
                    |> valueOf

                let bad =
                    findings
                    |> List.filter (fun one -> one.Level = FindingLevel.Bad)
                    |> List.map _.Subject
                    |> List.distinct

                Expect.equal bad [ "broker-c"; masterA.ToString(); masterB.ToString(); orphan.ToString() ] "what is bad"

            testCase
                "a check finds a broker that takes no sends, one that is drained, and a SYNC_MASTER without a slave"
            <| fun () ->
                let table: TopicTable =
                    {
                        Topics = Map.ofList [ "Orders", config "Orders" 4 ]
                        Version = None
                        MappingVersion = None
                        MappingInfos = None
                        MappingDetails = None
                    }

                let replication: ReplicationStatus =
                    {
                        IsMaster = true
                        MaxOffset = 0L
                        InSyncSlaves = 0
                        Connections = []
                        Client = None
                    }

                /// Routes that name the queues of these brokers with these permissions.
                let routed (permissions: (BrokerAddress * int) list) =
                    answering GetRoute.operation (fun _ _ ->
                        TopicRoute.create
                            [
                                for broker, permission in permissions ->
                                    {
                                        BrokerName = broker.Name
                                        ReadQueues = 4
                                        WriteQueues = 4
                                        Permission = permission
                                        TopicSysFlag = 0
                                    }
                            ]
                            [])

                let found known permissions =
                    run
                        [
                            cluster [ masterA; masterB ]
                            answering Maintenance.runtimeInfo (fun _ () -> Map.empty)
                            answering Maintenance.replication (fun _ () -> replication)
                            answering Topics.all (fun _ () -> table)
                            settings known
                            routed permissions
                        ]
                        (ClusterCheck.run BrokerScope.All CheckLimits.Default)
                    |> valueOf
                    |> List.filter (fun one -> one.Level <> FindingLevel.Good)
                    |> List.map (fun one -> one.Level, one.Subject, one.Text.Split([| ':'; '.' |])[0])

                let both = [ masterA; masterB ]
                let fine = both |> List.map (fun broker -> broker, 6)
                Expect.isEmpty (found [ "brokerPermission", "6"; "brokerRole", "ASYNC_MASTER" ] fine) "all is well"

                Expect.equal
                    (found [ "brokerPermission", "4" ] fine)
                    [
                        for broker in both -> FindingLevel.Warning, broker.ToString(), "it takes no sends"
                    ]
                    "permission"

                Expect.equal
                    (found [ "brokerRole", "SYNC_MASTER" ] fine)
                    [
                        for broker in both -> FindingLevel.Bad, broker.ToString(), "it is a SYNC_MASTER without a slave"
                    ]
                    "role"

                Expect.equal
                    (found [] [ masterA, 6; masterB, 4 ])
                    [ FindingLevel.Warning, masterB.ToString(), "routes name it as not writable" ]
                    "drained"
        ]

[<Tests>]
let drains =
    testList
        "Write permissions"
        [
            testCase "trap 3: a drain goes to every name server, and each is read again"
            <| fun () ->
                let table: TopicTable =
                    {
                        Topics = Map.ofList [ "Orders", config "Orders" 4 ]
                        Version = None
                        MappingVersion = None
                        MappingInfos = None
                        MappingDetails = None
                    }

                let servers = [ cluster [ masterA ]; answering Topics.all (fun _ () -> table) ]
                let change = run servers (WritePermissions.drain nameServers "broker-a") |> valueOf

                Expect.equal
                    (change.Writes |> List.map (fun write -> write.Call.Target))
                    (nameServers |> List.map Target.NameServer)
                    "both"

                let result =
                    run [ takesWrites; routes [ "Orders", [ masterA ] ] ] (Change.carryOut change)
                    |> valueOf

                Expect.equal result.Status ChangeStatus.Partly "routes still say that it takes sends"
                Expect.hasLength result.Verifications 2 "each name server"
        ]
