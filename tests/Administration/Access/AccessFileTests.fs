module RocketMq.Administration.Tests.AccessFileTests

open System
open Expecto
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration
open RocketMq.Administration.Tests.FakeServers

let private brokers = [ masterA; slaveOfA ]

/// Versions that go up with every write, as brokers of 4.9 say them.
let private versions () : Answering list =
    let mutable counter = 0

    let written (code: RequestCode) : Answering =
        fun call ->
            if call.Code = code then
                counter <- counter + 1
                Some(Ok(AclConfig.delete.Answer((), call.Command)))
            else
                None

    [
        written RequestCode.UpdateAndCreateAclConfig
        written RequestCode.DeleteAclConfig
        written RequestCode.UpdateGlobalWhiteAddressesConfig
        answering AclConfig.versions (fun _ () ->
            {
                Version = $"{{\"counter\":{counter},\"timestamp\":1700000000000}}"
                FileVersions =
                    Some(
                        $"{{\"/conf/plain_acl.yml\":{{\"counter\":{counter},\"timestamp\":1700000000000}},"
                        + "\"/conf/acl/a.yml\":{\"counter\":2,\"timestamp\":1600000000000}}"
                    )
                BrokerName = "broker-a"
                BrokerAddress = masterA.Address
                ClusterName = "DefaultCluster"
            })
    ]

let private account: AccountSettings =
    {
        SecretKey = "the-secret-key"
        IsAdmin = false
        WhiteRemoteAddress = None
        DefaultTopicPermission = Some "DENY"
        DefaultGroupPermission = None
        TopicPermissions = [ "orders=PUB|SUB"; "bills=SUB" ]
        GroupPermissions = []
    }

let private notAnswered (call: Call) : Result<RemotingCommand, RemotingError> =
    let health: SessionHealth =
        {
            SinceHeard = ValueNone
            InFlight = 0
            UnwrittenBytes = 0L
        }

    Error(RemotingError.TimedOut(endpoint 1, call.Code, TimeSpan.FromSeconds 3L, health))

let private silentOn (code: RequestCode) : Answering =
    fun call -> if call.Code = code then Some(notAnswered call) else None

[<Tests>]
let tests =
    testList
        "Access files"
        [
            testCase "each broker's files with their versions"
            <| fun () ->
                let found =
                    run (cluster brokers :: versions ()) (AccessFiles.list BrokerScope.All)
                    |> valueOf

                Expect.equal (found.Answers |> List.map fst) brokers "slaves too"

                Expect.equal
                    (snd found.Answers.Head)
                    [
                        {
                            Path = "/conf/acl/a.yml"
                            Counter = Some 2L
                            ChangedAtMillis = Some 1_600_000_000_000L
                        }
                        {
                            Path = "/conf/plain_acl.yml"
                            Counter = Some 0L
                            ChangedAtMillis = Some 1_700_000_000_000L
                        }
                    ]
                    "by path"

            testCase "versions that cannot be read are unknown, and no failure"
            <| fun () ->
                for text in
                    [
                        ""
                        "{"
                        "[]"
                        "null"
                        "{\"a\":1}"
                        "{\"a\":{\"counter\":\"x\"}}"
                        "{\"a\":{\"counter\":1.5}}"
                    ] do
                    let files =
                        run
                            [
                                cluster [ masterA ]
                                answering AclConfig.versions (fun _ () ->
                                    {
                                        Version = text
                                        FileVersions = Some text
                                        BrokerName = ""
                                        BrokerAddress = ""
                                        ClusterName = ""
                                    })
                            ]
                            (AccessFiles.list BrokerScope.All)
                        |> valueOf

                    for _, files in files.Answers do
                        for file in files do
                            Expect.isNone file.ChangedAtMillis "no time"

            testCase "an account is set on every broker; its secret key is in no text"
            <| fun () ->
                let servers = cluster brokers :: versions ()

                let change =
                    run servers (AccessFiles.set BrokerScope.All "orders-service" account)
                    |> valueOf

                Expect.equal
                    (rowsOf change
                     |> List.map (fun (_, before, after) -> before, after)
                     |> List.distinct)
                    [
                        Some "?", Some "secret key ***, no admin, topics DENY, orders=PUB|SUB, bills=SUB"
                    ]
                    "what was there is unknown"

                let result = run servers (Change.carryOut change) |> valueOf
                Expect.equal result.Status ChangeStatus.CarriedOut "versions have changed"
                Expect.isFalse ((FakeAccess.textsOf change result).Contains "the-secret-key") "no secret key"
                Expect.isFalse ((string account).Contains "the-secret-key") "nor in the settings"

                match AclConfig.update.Decode change.Writes.Head.Call.Command with
                | Ok sent ->
                    Expect.equal sent.TopicPermissions (Some "orders=PUB|SUB,bills=SUB") "joined"
                    Expect.isNone sent.GroupPermissions "those that are there stay"
                    Expect.equal sent.IsAdmin (Some false) "it is set in any case"
                | Error error -> failwith error.Message

            testCase "a broker that took a write and whose files are as before is seen"
            <| fun () ->
                let servers = cluster brokers :: versions ()

                let change =
                    run servers (AccessFiles.delete BrokerScope.All "orders-service") |> valueOf

                Expect.isTrue change.Destroys "it is asked about"
                let result = run (takesWrites :: servers) (Change.carryOut change) |> valueOf
                Expect.equal result.Status ChangeStatus.Partly "nothing has changed"

            testCase "what a broker would answer with the secret in it, or take for DENY, is refused before"
            <| fun () ->
                for key, settings in
                    [
                        "short", account
                        "orders-service", { account with SecretKey = "short" }
                        "orders-service",
                        { account with
                            DefaultTopicPermission = Some "PUBSUB"
                        }
                        "orders-service",
                        { account with
                            TopicPermissions = [ "orders" ]
                        }
                        "orders-service",
                        { account with
                            TopicPermissions = [ "orders=ALL" ]
                        }
                        "orders-service",
                        { account with
                            GroupPermissions = [ "=SUB" ]
                        }
                    ] do
                    run (cluster brokers :: versions ()) (AccessFiles.set BrokerScope.All key settings)
                    |> errorOf
                    |> expectInvalid
                    |> ignore

            testCase "white addresses are joined, and take the place of others: it is asked about"
            <| fun () ->
                let servers = cluster brokers :: versions ()

                let change =
                    run servers (AccessFiles.setWhiteAddresses BrokerScope.All [ "10.0.0.*"; "10.1.0.1" ])
                    |> valueOf

                Expect.isTrue change.Destroys "it is asked about"
                Expect.equal (change.Writes.Head.After) (Some "10.0.0.*,10.1.0.1") "both"

                for wrong in [ []; [ "" ]; [ "10.0.0.1,10.0.0.2" ] ] do
                    run servers (AccessFiles.setWhiteAddresses BrokerScope.All wrong)
                    |> errorOf
                    |> expectInvalid
                    |> ignore

            testCase "a broker of 4.9 that leaves it off never answers: its settings say why"
            <| fun () ->
                let off value =
                    run
                        [
                            cluster brokers
                            silentOn RequestCode.GetBrokerClusterAclInfo
                            settings [ "aclEnable", value ]
                        ]
                        (AccessFiles.list BrokerScope.All)
                    |> errorOf

                Expect.stringContains (expectNotAllowed (off "false")) "aclEnable" "what to set"

                match off "true" with
                | AdminError.Failed failures -> Expect.equal failures.Length 2 "it is just silent"
                | error -> failwith error.Message

            testCase "brokers of 5.3 have none: the error says which version is needed"
            <| fun () ->
                match
                    run
                        [
                            cluster brokers
                            refusing RequestCode.GetBrokerClusterAclInfo ResponseCode.RequestCodeNotSupported
                        ]
                        (AccessFiles.list BrokerScope.All)
                    |> errorOf
                with
                | AdminError.NotSupported(what, servers) ->
                    Expect.stringContains what "4.x" "the version"
                    Expect.equal servers.Length 2 "both"
                | error -> failwith error.Message
        ]
