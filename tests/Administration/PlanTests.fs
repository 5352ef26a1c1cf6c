module RocketMq.Administration.Tests.PlanTests

open Expecto
open FsCheck
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Administration
open RocketMq.Administration.Tests.FakeServers

let private ask (port: int) =
    Plan.query (Target.NameServer(endpoint port)) $"{port}" (NameServerTopics.all.Request())

/// Answers with the port of the server that is asked.
let private ports: Answering =
    answering NameServerTopics.all (fun call () ->
        {
            Topics =
                [
                    match call.Target with
                    | Target.NameServer server -> $"{server.Port}"
                    | _ -> "?"
                ]
            BrokerAddress = None
        })

let private topicsOf (answer: Result<RocketMq.Protocol.TopicList, RemotingError>) =
    match answer with
    | Ok list -> String.concat "," list.Topics
    | Error error -> error.Message

/// A plan that asks `depth` times one after the other, and gives what it was told.
let rec private chain port depth : Plan<string list> =
    if depth = 0 then
        Plan.Done []
    else
        plan {
            let! answer = ask port
            let! rest = chain port (depth - 1)
            return topicsOf answer :: rest
        }

[<Tests>]
let tests =
    testList
        "Plans"
        [
            testCase "what stands side by side goes out in one round"
            <| fun () ->
                let both =
                    plan {
                        let! one = ask 1
                        and! other = ask 2
                        return topicsOf one, topicsOf other
                    }

                let result, rounds = run [ ports ] both
                Expect.equal result (Ok("1", "2")) "each gets its own answer"
                Expect.equal (rounds |> List.map List.length) [ 2 ] "one round"

            testCase "what follows an answer goes out in a round of its own"
            <| fun () ->
                let _, rounds = run [ ports ] (chain 7 3)
                Expect.equal (rounds |> List.map List.length) [ 1; 1; 1 ] "three rounds"

            testProperty "any plans side by side give what each gives alone, in as many rounds as the longest"
            <| fun (depths: byte list) ->
                let depths = depths |> List.truncate 20 |> List.map (fun depth -> int depth % 5)
                let plans = depths |> List.mapi chain
                let alone = plans |> List.map (fun one -> valueOf (run [ ports ] one))
                let result, rounds = run [ ports ] (Plan.all plans)

                Expect.equal result (Ok alone) "the answers"
                Expect.equal rounds.Length (if depths.IsEmpty then 0 else List.max depths) "the rounds"
                Expect.equal (List.sumBy List.length rounds) (List.sum depths) "the calls"

            testCase "a plan that fails beside others fails them, and nothing more goes out"
            <| fun () ->
                let failing =
                    plan {
                        let! _ = ask 1
                        return! Plan.Failed(AdminError.Invalid "no")
                    }

                let result, rounds = run [ ports ] (Plan.all [ chain 1 3; failing ])
                Expect.equal result (Error(AdminError.Invalid "no")) "the failure"
                Expect.equal rounds.Length 1 "one round"

            testCase "a server that does not answer is a value, and its neighbours' answers stay"
            <| fun () ->
                let answers =
                    Answers.query [ masterA; masterB ] "all topics" (Admin.Topics.all.Request())

                let table: Admin.TopicTable =
                    {
                        Topics = Map.empty
                        Version = None
                        MappingVersion = None
                        MappingInfos = None
                        MappingDetails = None
                    }

                let result =
                    run [ silent masterB; answering Admin.Topics.all (fun _ () -> table) ] answers
                    |> valueOf

                Expect.equal (result.Answers |> List.map fst) [ masterA ] "who answered"
                Expect.equal (result.Failures |> List.map _.Server) [ masterB.ToString() ] "who did not"

            testCase
                "trap 1: a failure in the middle of a change stops later stages, and each write says what became of it"
            <| fun () ->
                let change =
                    run
                        [
                            cluster [ masterA; masterB ]
                            routes [ "Orders", [ masterA; masterB ] ]
                            configs [ masterA, [ config "Orders" 4 ]; masterB, [ config "Orders" 4 ] ]
                            texts []
                            refusing RequestCode.QueryTopicConsumeByWho ResponseCode.SystemError
                            ranges []
                        ]
                        (TopicDeletion.delete nameServers (BrokerScope.Cluster "DefaultCluster") "Orders")
                    |> valueOf

                let refusesOnB: Answering =
                    fun call ->
                        if call.Target = Target.Broker masterB && call.IsWrite then
                            Some(refusal ResponseCode.SystemError "disk full" call)
                        else
                            None

                let result =
                    run
                        [
                            refusesOnB
                            takesWrites
                            configs [ masterB, [ config "Orders" 4 ] ]
                            routes [ "Orders", [ masterB ] ]
                        ]
                        (Change.carryOut change)
                    |> valueOf

                let outcomes =
                    result.Writes
                    |> List.map (fun (write, outcome) ->
                        write.Call.Target.ToString(),
                        match outcome with
                        | WriteOutcome.CarriedOut -> "carried out"
                        | WriteOutcome.Failed _ -> "failed"
                        | WriteOutcome.Skipped -> "skipped")

                Expect.equal
                    outcomes
                    [
                        "broker-a (127.0.0.1:10911)", "carried out"
                        "broker-b (127.0.0.1:10921)", "failed"
                        "name server 127.0.0.1:9876", "skipped"
                        "name server 127.0.0.1:9877", "skipped"
                    ]
                    "a row for each server"

                Expect.equal result.Status ChangeStatus.Partly "partly"
        ]

[<Tests>]
let directory =
    testList
        "Directory"
        [
            testCase "an unknown cluster is an error that names those there are, never an empty set of brokers"
            <| fun () ->
                let error =
                    run [ cluster [ masterA ] ] (Directory.brokers (BrokerScope.Cluster "Prod") BrokerRoles.Masters)
                    |> errorOf

                Expect.equal error.Message "There is no cluster Prod. There are: DefaultCluster." "the message"

            testCase "a broker is found by name, with its slaves, and by address alone"
            <| fun () ->
                let find scope roles =
                    run [ cluster [ masterA; masterB; slaveOfA ] ] (Directory.brokers scope roles)
                    |> valueOf

                Expect.equal
                    (find (BrokerScope.Broker "broker-a") BrokerRoles.MastersAndSlaves)
                    [ masterA; slaveOfA ]
                    "by name"

                Expect.equal (find (BrokerScope.Broker "broker-a") BrokerRoles.Masters) [ masterA ] "its master"

                Expect.equal
                    (find (BrokerScope.Broker slaveOfA.Address) BrokerRoles.Masters)
                    [ slaveOfA ]
                    "who names a slave wants it"

            testCase "a scope with slaves alone takes no writes"
            <| fun () ->
                let error =
                    run [ cluster [ slaveOfA ] ] (Directory.brokers BrokerScope.All BrokerRoles.Masters)
                    |> errorOf

                expectNotAllowed error |> ignore

            testCase "a master of which only slaves are registered is a part that fails, not one that is left out"
            <| fun () ->
                let answering =
                    answering Statistics.ofGroups (fun _ _ ->
                        {
                            BrokerAddress = None
                            Groups = []
                            TotalLag = 0L
                            TotalInFlight = None
                        })

                let totals =
                    run [ cluster [ masterB; slaveOfA ]; answering ] (GroupTotals.all BrokerScope.All)
                    |> valueOf

                Expect.equal (totals.Failures |> List.map _.Server) [ "broker-a" ] "named"
                Expect.stringContains totals.Failures.Head.Reason "has registered" "with what to look at"

                let refused =
                    run
                        [
                            cluster [ masterB; slaveOfA ]
                            ofBrokers SubscriptionGroups.all (fun _ () ->
                                Ok
                                    {
                                        Groups = Map.empty
                                        Forbidden = None
                                        Version = None
                                    })
                        ]
                        (GroupChanges.create BrokerScope.All "g" GroupSettings.Unchanged)
                    |> errorOf

                Expect.stringContains refused.Message "broker-a" "a change of what cannot be read is refused"

            testCase "an unknown topic names topics that may have been meant"
            <| fun () ->
                let error =
                    run
                        [
                            routes []
                            answering NameServerTopics.all (fun _ () ->
                                {
                                    Topics = [ "Orders"; "Payments" ]
                                    BrokerAddress = None
                                })
                        ]
                        (Directory.route "Order")
                    |> errorOf

                Expect.equal error.Message "There is no topic Order. There are: Orders." "the message"
        ]
