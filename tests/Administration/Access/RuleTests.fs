module RocketMq.Administration.Tests.RuleTests

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

let private access () =
    let access = FakeAccess()

    for broker in brokers do
        access.With(
            broker,
            [ alice; root ],
            [
                rulesOf "User:alice" [ entry "Topic:orders" [ "Pub" ]; entry "Group:billing" [ "Sub" ] ]
                rulesOf "User:alice2" [ entry "*" [ "All" ] ]
            ]
        )

    access

let private serversOf (access: FakeAccess) = cluster brokers :: access.Answers

let private carriedOut (access: FakeAccess) (plan: Plan<Change>) =
    let change = run (serversOf access) plan |> valueOf
    change, run (serversOf access) (Change.carryOut change) |> valueOf

let private sets =
    testList
        "Rules are set"
        [
            testCase "what is not named of a rule stays, and so do the rules for other resources"
            <| fun () ->
                let access = access ()

                let change, result =
                    carriedOut
                        access
                        (RuleChanges.set
                            BrokerScope.All
                            "alice"
                            { RuleSettings.Of [ "topic:orders" ] with
                                SourceIps = Some [ "10.0.0.0/8" ]
                            })

                Expect.equal result.Status ChangeStatus.CarriedOut "all of it"

                Expect.equal
                    (rowsOf change
                     |> List.map (fun (_, before, after) -> before, after)
                     |> List.distinct)
                    [
                        Some "Topic:orders: Allow Pub", Some "Topic:orders: Allow Pub from 10.0.0.0/8"
                    ]
                    "one rule"

                for broker in brokers do
                    Expect.equal
                        (access.RulesOf(broker, "User:alice"))
                        [ "Group:billing", [ "Sub" ]; "Topic:orders", [ "Pub" ] ]
                        "both are there"

            testCase "a broker's own rule is what its change begins with"
            <| fun () ->
                let access = access ()
                access.With(masterB, [ alice ], [ rulesOf "User:alice" [ entry "Topic:orders" [ "Sub" ] ] ])

                let change, _ =
                    carriedOut
                        access
                        (RuleChanges.set
                            BrokerScope.All
                            "User:alice"
                            { RuleSettings.Of [ "Topic:orders" ] with
                                Decision = Some "deny"
                            })

                Expect.equal
                    (rowsOf change |> List.map (fun (_, _, after) -> after))
                    [
                        Some "Topic:orders: Deny Pub"
                        Some "Topic:orders: Deny Pub"
                        Some "Topic:orders: Deny Sub"
                    ]
                    "each its own"

            testCase "a new rule allows, from anywhere; it needs an action"
            <| fun () ->
                let access = access ()
                let settings = RuleSettings.Of [ "Topic:bills*" ]

                run (serversOf access) (RuleChanges.set BrokerScope.All "alice" settings)
                |> errorOf
                |> expectInvalid
                |> ignore

                let change, result =
                    carriedOut
                        access
                        (RuleChanges.set
                            BrokerScope.All
                            "alice"
                            { settings with
                                Actions = Some [ "sub"; "PUB" ]
                            })

                Expect.equal result.Status ChangeStatus.CarriedOut "all of it"

                Expect.equal
                    (rowsOf change |> List.map (fun (_, _, after) -> after) |> List.distinct)
                    [ Some "Topic:bills*: Allow Pub, Sub" ]
                    "as brokers write it"

            testCase "a broker that does not have the user is left out, and named; if none has it, that is the error"
            <| fun () ->
                let access = access ()
                access.With(masterB, [ root ], [])

                let settings =
                    { RuleSettings.Of [ "Topic:orders" ] with
                        Actions = Some [ "All" ]
                    }

                let change =
                    run (serversOf access) (RuleChanges.set BrokerScope.All "alice" settings)
                    |> valueOf

                Expect.equal change.Writes.Length 2 "two brokers"
                Expect.exists change.Warnings _.Contains("broker-b") "the third is named"

                Expect.equal
                    (run (serversOf access) (RuleChanges.set BrokerScope.All "nobody" settings)
                     |> errorOf
                     |> expectNotFound)
                    "nobody"
                    "no such user"

            testCase "what brokers would leave out without a word, or read as something else, is refused before"
            <| fun () ->
                let settings =
                    { RuleSettings.Of [ "Topic:orders" ] with
                        Actions = Some [ "Pub" ]
                    }

                for subject, settings in
                    [
                        "Role:alice", settings
                        "", settings
                        "alice",
                        { settings with
                            Resources = [ "Topics:orders" ]
                        }
                        "alice",
                        { settings with
                            Resources = [ "orders" ]
                        }
                        "alice",
                        { settings with
                            Resources = [ "Topic:" ]
                        }
                        "alice", { settings with Resources = [] }
                        "alice",
                        { settings with
                            Actions = Some [ "Publish" ]
                        }
                        "alice",
                        { settings with
                            Actions = Some [ "Any" ]
                        }
                        "alice", { settings with Actions = Some [] }
                        "alice",
                        { settings with
                            SourceIps = Some [ "10.0.0.0/99" ]
                        }
                        "alice",
                        { settings with
                            Decision = Some "perhaps"
                        }
                        "alice", { settings with Policy = Some "mine" }
                    ] do
                    run (serversOf (access ())) (RuleChanges.set BrokerScope.All subject settings)
                    |> errorOf
                    |> expectInvalid
                    |> ignore
        ]

let private deletes =
    testList
        "Rules are deleted"
        [
            testCase "the rules for some resources alone"
            <| fun () ->
                let access = access ()

                let change, result =
                    carriedOut access (RuleChanges.delete BrokerScope.All "alice" [ "topic:orders" ] None)

                Expect.isTrue change.Destroys "it is asked about"
                Expect.equal result.Status ChangeStatus.CarriedOut "all of it"
                Expect.equal (access.RulesOf(masterA, "User:alice")) [ "Group:billing", [ "Sub" ] ] "the other is there"

            testCase "a resource of an unknown type would delete all rules of the subject: it is refused"
            <| fun () ->
                let access = access ()

                run (serversOf access) (RuleChanges.delete BrokerScope.All "alice" [ "Topics:orders" ] None)
                |> errorOf
                |> expectInvalid
                |> ignore

                run (serversOf access) (RuleChanges.delete BrokerScope.All "alice" [ "Topic:nothing" ] None)
                |> errorOf
                |> expectNotFound
                |> ignore

            testCase "all rules of a subject, and of no other whose name begins alike"
            <| fun () ->
                let access = access ()

                let _, result =
                    carriedOut access (RuleChanges.delete BrokerScope.All "alice" [] None)

                Expect.equal result.Status ChangeStatus.CarriedOut "all of it"

                for broker in brokers do
                    Expect.isEmpty (access.RulesOf(broker, "User:alice")) "gone"
                    Expect.equal (access.RulesOf(broker, "User:alice2")) [ "*", [ "All" ] ] "another one's"

            testCase "the rules of one policy leave those of the other"
            <| fun () ->
                let access = access ()

                let both: AclInfo =
                    {
                        Subject = Some "User:alice"
                        Policies =
                            [
                                {
                                    Type = Some "Custom"
                                    Entries = [ entry "Topic:a" [ "Pub" ] ]
                                }
                                {
                                    Type = Some "Default"
                                    Entries = [ entry "Topic:b" [ "Sub" ] ]
                                }
                            ]
                    }

                for broker in brokers do
                    access.With(broker, [ alice ], [ both ])

                let _, result =
                    carriedOut access (RuleChanges.delete BrokerScope.All "alice" [] (Some "custom"))

                Expect.equal result.Status ChangeStatus.CarriedOut "all of it"
                Expect.equal (access.RulesOf(masterA, "User:alice")) [ "Topic:b", [ "Sub" ] ] "the default one"
        ]

let private syncs =
    testList
        "Users and rules are compared and copied"
        [
            testCase "brokers that are alike differ in nothing"
            <| fun () ->
                let found =
                    run (serversOf (access ())) (AccessSync.differences BrokerScope.All) |> valueOf

                Expect.equal found.Count 0 "no rows"

            testCase "what one lacks and what is another one is shown with what the others have"
            <| fun () ->
                let access = access ()
                access.With(masterB, [ root ], [ rulesOf "User:alice2" [ entry "*" [ "Pub" ] ] ])

                let found =
                    run (serversOf access) (AccessSync.differences BrokerScope.All) |> valueOf

                Expect.equal
                    (found.Users.Rows |> List.map (fun row -> row.Key, row.Differences))
                    [ "alice", []; "alice", []; "alice", [ "missing" ] ]
                    "a user"

                Expect.equal
                    (found.Rules.Rows |> List.map (fun row -> row.Key.Resource, row.Differences))
                    [
                        "Group:billing", []
                        "Group:billing", []
                        "Group:billing", [ "missing" ]
                        "Topic:orders", []
                        "Topic:orders", []
                        "Topic:orders", [ "missing" ]
                        "*", [ "actions" ]
                        "*", [ "actions" ]
                        "*", [ "actions" ]
                    ]
                    "rules"

            testCase "what others lack is written there, users first; what is another one stays"
            <| fun () ->
                let access = access ()

                access.With(
                    masterB,
                    [
                        { root with
                            Password = Some "own-secret"
                        }
                    ],
                    []
                )

                let change, result =
                    carriedOut access (AccessSync.change BrokerScope.All "broker-a" false)

                Expect.equal result.Status ChangeStatus.CarriedOut "all of it"

                Expect.equal
                    (access.UsersOf masterB)
                    [
                        alice
                        { root with
                            Password = Some "own-secret"
                        }
                    ]
                    "users"

                Expect.equal (access.RulesOf(masterB, "User:alice")) (access.RulesOf(masterA, "User:alice")) "rules"
                Expect.exists change.Warnings _.Contains("root") "the other one is named"
                Expect.isFalse ((textsOf change result).Contains "secret") "no password"

                Expect.equal
                    (change.Stages |> List.map (List.map _.Call.Code >> List.distinct))
                    [ [ RequestCode.AuthCreateUser ]; [ RequestCode.AuthCreateAcl ] ]
                    "a rule needs its user"

            testCase "what is another one is overwritten if that is meant; nothing is deleted"
            <| fun () ->
                let access = access ()
                let bob = user "bob" "bobs-secret" "Normal" "enable"

                access.With(
                    masterB,
                    [
                        { alice with
                            Password = Some "own-secret"
                        }
                        bob
                        root
                    ],
                    [
                        rulesOf "User:alice" [ entry "Topic:orders" [ "Sub" ]; entry "Topic:own" [ "Pub" ] ]
                    ]
                )

                let change, result =
                    carriedOut access (AccessSync.change BrokerScope.All masterA.Address true)

                Expect.isTrue change.Destroys "it is asked about"
                Expect.equal result.Status ChangeStatus.CarriedOut "all of it"
                Expect.equal (access.UsersOf masterB) [ alice; bob; root ] "users"

                Expect.equal
                    (access.RulesOf(masterB, "User:alice"))
                    [
                        "Group:billing", [ "Sub" ]
                        "Topic:orders", [ "Pub" ]
                        "Topic:own", [ "Pub" ]
                    ]
                    "rules"

            testCase "a broker to copy from that is not there is an error that names those that are"
            <| fun () ->
                Expect.equal
                    (run (serversOf (access ())) (AccessSync.change BrokerScope.All "broker-c" false)
                     |> errorOf
                     |> expectNotFound)
                    "broker-c"
                    "no such broker"
        ]

[<Tests>]
let tests = testList "Rules" [ sets; deletes; syncs ]
