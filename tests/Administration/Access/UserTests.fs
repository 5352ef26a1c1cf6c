module RocketMq.Administration.Tests.UserTests

open Expecto
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration
open RocketMq.Administration.Tests.FakeServers
open RocketMq.Administration.Tests.FakeAccess

let private brokers = [ masterA; slaveOfA; masterB ]
let private alice = user "alice" "alices-secret" "Normal" "enable"
let private root = user "root" "roots-secret" "Super" "enable"

/// Three brokers that have the same users.
let private access () =
    let access = FakeAccess()

    for broker in brokers do
        access.With(broker, [ alice; root ], [ rulesOf "User:alice" [ entry "Topic:orders" [ "Pub" ] ] ])

    access

let private serversOf (access: FakeAccess) = cluster brokers :: access.Answers

let private carriedOut (access: FakeAccess) (plan: Plan<Change>) =
    let change = run (serversOf access) plan |> valueOf
    change, run (serversOf access) (Change.carryOut change) |> valueOf

let private unchanged = UserSettings.Unchanged

let private lists =
    testList
        "Users are listed"
        [
            testCase "a row for each broker, slaves too, and nothing differs"
            <| fun () ->
                let found =
                    run (serversOf (access ())) (AccessUsers.list BrokerScope.All None) |> valueOf

                Expect.equal
                    (found.Rows |> List.map (fun row -> row.Key, row.Broker))
                    [
                        for name in [ "alice"; "root" ] do
                            for broker in brokers do
                                name, broker
                    ]
                    "by name, then by broker"

                Expect.isEmpty found.Differing "the same everywhere"

            testCase "what is not the same everywhere is marked, passwords too, and none is shown"
            <| fun () ->
                let access = access ()

                access.With(
                    masterB,
                    [
                        { alice with
                            Password = Some "another-secret"
                            Status = Some "disable"
                        }
                    ],
                    []
                )

                let found =
                    run (serversOf access) (AccessUsers.list BrokerScope.All None) |> valueOf

                Expect.equal
                    (found.Differing
                     |> List.map (fun row -> row.Key, row.Broker.Address, row.Differences))
                    [
                        for broker in brokers do
                            "alice", broker.Address, [ "status"; "password" ]
                        "root", masterB.Address, [ "missing" ]
                    ]
                    "what differs"

                Expect.isFalse ((string found).Contains "secret") "no password"

            testCase "a broker of 4.9 and one that does not answer stand beside the others"
            <| fun () ->
                let servers =
                    silent masterB
                    :: (fun call ->
                        if call.Target = Target.Broker slaveOfA then
                            Some(refusal ResponseCode.RequestCodeNotSupported "no" call)
                        else
                            None)
                    :: serversOf (access ())

                let found = run servers (AccessUsers.list BrokerScope.All None) |> valueOf
                Expect.equal (found.Rows |> List.map _.Broker |> List.distinct) [ masterA ] "one has users"
                Expect.equal found.NotSupported [ slaveOfA ] "one is too old"
                Expect.equal (found.Failures |> List.map fst) [ masterB ] "one is silent"

            testCase "where all are of 4.9 the error says which version is needed"
            <| fun () ->
                let error =
                    run
                        [
                            cluster brokers
                            refusing RequestCode.AuthListUser ResponseCode.RequestCodeNotSupported
                        ]
                        (AccessUsers.list BrokerScope.All None)
                    |> errorOf

                match error with
                | AdminError.NotSupported(what, servers) ->
                    Expect.stringContains what "5.3" "the version"
                    Expect.equal servers.Length 3 "all of them"
                | error -> failwith error.Message

            testCase "a broker of 5.3 whose settings leave it off says so, and not that something went wrong"
            <| fun () ->
                let off (call: Call) =
                    if call.Code = RequestCode.AuthListUser then
                        Some(refusal ResponseCode.SystemError "An system error occurred" call)
                    elif call.Code = RequestCode.AuthListAcl then
                        Some(refusal ResponseCode.SystemError "The provider is not configured." call)
                    else
                        None

                let reason =
                    run [ cluster brokers; off ] (AccessUsers.list BrokerScope.All None)
                    |> errorOf
                    |> expectNotAllowed

                Expect.stringContains reason "authenticationEnabled" "what to set"
        ]

let private changes =
    testList
        "Users are changed"
        [
            testCase "a user is made on every broker, and its password is in no text"
            <| fun () ->
                let access = access ()

                let change, result =
                    carriedOut
                        access
                        (UserChanges.create
                            BrokerScope.All
                            "bob"
                            { unchanged with
                                Password = Some "bobs-secret"
                            })

                Expect.equal result.Status ChangeStatus.CarriedOut "all of it"

                for broker in brokers do
                    Expect.contains (access.UsersOf broker) (user "bob" "bobs-secret" "Normal" "enable") "there"

                Expect.isFalse ((textsOf change result).Contains "secret") "no password"

            testCase "an update changes what is named, and sends no password that stays"
            <| fun () ->
                let access = access ()

                let change, result =
                    carriedOut
                        access
                        (UserChanges.update
                            (BrokerScope.Broker "broker-a")
                            "alice"
                            { unchanged with
                                Status = Some UserStatus.Disabled
                            })

                Expect.equal result.Status ChangeStatus.CarriedOut "all of it"
                Expect.equal (access.UsersOf slaveOfA).Head { alice with Status = Some "disable" } "the slave's too"
                Expect.equal (access.UsersOf masterB).Head alice "not the other broker's"

                for write in change.Writes do
                    let body = System.Text.Encoding.UTF8.GetString write.Call.Command.Body.Span
                    Expect.isFalse (body.Contains "secret") "the password does not travel"

            testCase "a new password is a change, is said so, and is compared when it is read again"
            <| fun () ->
                let access = access ()

                let plan =
                    UserChanges.update
                        BrokerScope.All
                        "alice"
                        { unchanged with
                            Password = Some "new-secret"
                        }

                let change, result = carriedOut access plan
                Expect.equal result.Status ChangeStatus.CarriedOut "all of it"

                Expect.equal
                    (rowsOf change |> List.map (fun (_, _, after) -> after) |> List.distinct)
                    [ Some "normal, enabled, a new password" ]
                    "what is seen of it"

                // A broker that says it has taken it, and has not.
                let lost =
                    run (takesWrites :: serversOf (ofUsers brokers [ alice ])) (Change.carryOut change)
                    |> valueOf

                Expect.equal lost.Status ChangeStatus.Partly "it is not there"
                Expect.isFalse ((textsOf change lost).Contains "secret") "no password"

            testCase "what is as it should be is not written"
            <| fun () ->
                let change =
                    run
                        (serversOf (access ()))
                        (UserChanges.update
                            BrokerScope.All
                            "alice"
                            { unchanged with
                                Password = alice.Password
                            })
                    |> valueOf

                Expect.isFalse (Change.isNeeded change) "the same password"

            testCase "a user that is there is not made, one that is not there is not changed"
            <| fun () ->
                let servers = serversOf (access ())

                let again =
                    UserChanges.create BrokerScope.All "alice" { unchanged with Password = Some "x" }

                Expect.stringContains (run servers again |> errorOf |> expectNotAllowed) "there already" "it is there"

                for plan in
                    [
                        UserChanges.update BrokerScope.All "nobody" unchanged
                        UserChanges.delete BrokerScope.All "nobody"
                    ] do
                    Expect.equal (run servers plan |> errorOf |> expectNotFound) "nobody" "it is not"

            testCase "a user without a password, and a change where a broker is silent, are refused"
            <| fun () ->
                let servers = serversOf (access ())

                run servers (UserChanges.create BrokerScope.All "bob" unchanged)
                |> errorOf
                |> expectInvalid
                |> ignore

                match
                    run
                        (silent masterB :: servers)
                        (UserChanges.update
                            BrokerScope.All
                            "alice"
                            { unchanged with
                                Type = Some UserType.Super
                            })
                    |> errorOf
                with
                | AdminError.Failed [ _ ] -> ()
                | error -> failwith error.Message

            testCase "a user is deleted with its rules; the last one that may do everything is warned of"
            <| fun () ->
                let access = access ()
                let change, result = carriedOut access (UserChanges.delete BrokerScope.All "alice")
                Expect.isTrue change.Destroys "it is asked about"
                Expect.equal result.Status ChangeStatus.CarriedOut "all of it"
                Expect.equal (access.UsersOf masterB) [ root ] "gone"

                let last =
                    run (serversOf access) (UserChanges.delete BrokerScope.All "root") |> valueOf

                Expect.equal
                    (last.Warnings |> List.filter _.Contains("no other super user") |> List.length)
                    brokers.Length
                    "on each broker"
        ]

[<Tests>]
let tests = testList "Users" [ lists; changes ]
