/// Who is in a consumer group, what it reads, and who is told.
module RocketMq.Protocol.Tests.GroupTests

open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open BrokerRig

type Step =
    | Beat of connection: byte * group: bool * topics: byte
    | Leave of connection: byte * group: bool
    | Disconnect of connection: byte
    | Pass of seconds: byte

type private Run =
    {
        State: BrokerState
        Now: int64
        /// By group and connection.
        Members: Set<string * int>
        Topics: Map<string, Set<string>>
        Heard: Map<int, int64>
        Mistakes: string list
    }

let private first () =
    {
        State = fresh ()
        Now = 1_000_000L
        Members = Set.empty
        Topics = Map.empty
        Heard = Map.empty
        Mistakes = []
    }

let private wrong mistake run =
    { run with
        Mistakes = mistake :: run.Mistakes
    }

let private connectionOf (byte: byte) = 1 + int byte % 4

/// Two connections share a client.
let private clientOf connection = $"client-{connection % 3}"

let private groupOf isFirst = if isFirst then "G" else "H"

let private topicsIn (mask: byte) =
    [ "A"; "B"; "C" ]
    |> List.indexed
    |> List.filter (fun (bit, _) -> int mask &&& (1 <<< bit) <> 0)
    |> List.map snd

let private connectionsIn group (run: Run) =
    run.Members
    |> Seq.filter (fun (name, _) -> name = group)
    |> Seq.map snd
    |> List.ofSeq

/// What is asked of the broker must be what the model says.
let private compare (run: Run) =
    ([ "G"; "H" ], run)
    ||> List.foldBack (fun group run ->
        let members = connectionsIn group run |> List.map clientOf |> List.sort

        let topics = Map.tryFind group run.Topics |> Option.defaultValue Set.empty

        if List.sort (membersOf group run.State) <> members then
            wrong $"members of {group}: %A{membersOf group run.State}, expected %A{members}" run
        elif topicsOf group run.State <> topics then
            wrong $"topics of {group}: %A{topicsOf group run.State}, expected %A{topics}" run
        else
            run)

let private withoutEmpty (run: Run) =
    { run with
        Topics = run.Topics |> Map.filter (fun group _ -> not (connectionsIn group run).IsEmpty)
    }

/// All members that are left after a change, and nobody after none; of `always` all of them.
let private expectNotifiedOf always (before: Run) effects (after: Run) =
    ([ "G"; "H" ], after)
    ||> List.foldBack (fun group after ->
        let isOtherwise =
            group = always
            || connectionsIn group before <> connectionsIn group after
            || Map.tryFind group before.Topics <> Map.tryFind group after.Topics

        let expected = if isOtherwise then connectionsIn group after else []

        if List.sort (notifiedOf group effects) <> expected then
            wrong $"{group}: told %A{notifiedOf group effects}, expected %A{expected}" after
        else
            after)

let private expectNotified before effects after =
    expectNotifiedOf "" before effects after

let private request connection command (run: Run) =
    let state, effects = ask run.Now connection command run.State
    { run with State = state }, effects

let private beat connection group topics (run: Run) =
    let subscriptions =
        topics |> List.map (fun topic -> subscriptionOf 1L (topic, Filter.all))

    let command =
        consumerHeartbeat (clientOf connection) [ membership group MessageModel.Clustering subscriptions ]

    let next, effects = request connection command run

    { next with
        Members = Set.add (group, connection) run.Members
        Topics = Map.add group (Set.ofList topics) run.Topics
        Heard = Map.add connection run.Now run.Heard
    }
    |> expectNotified run effects

let private leave connection group (run: Run) =
    let next, effects = request connection (departure (clientOf connection) group) run

    { next with
        Members = Set.remove (group, connection) run.Members
    }
    |> withoutEmpty
    // As in Java (5.x), whether it was a member or not.
    |> expectNotifiedOf group run effects

let private disconnect connection (run: Run) =
    let state, effects = Broker.transition run.Now run.State (Left connection)

    { run with
        State = state
        Members = run.Members |> Set.filter (fun (_, member') -> member' <> connection)
    }
    |> withoutEmpty
    |> expectNotified run effects

/// A silent member goes after 120 s and not before, and at the latest at the look after that.
let private judgeSilence (run: Run) =
    let isThere (group, connection) =
        Map.tryFind group run.State.Groups
        |> Option.exists (fun known -> known.Members.ContainsKey connection)

    (run.Members, run)
    ||> Set.foldBack (fun (group, connection) run ->
        let silent = run.Now - run.Heard[connection]

        match isThere (group, connection) with
        | true when silent > 130_000L -> wrong $"{connection} is still there after {silent} ms" run
        | false when silent <= 120_000L -> wrong $"{connection} is gone after {silent} ms" run
        | true -> run
        | false ->
            { run with
                Members = Set.remove (group, connection) run.Members
            })
    |> withoutEmpty

let private pass seconds (run: Run) =
    let now = run.Now + 1_000L * int64 seconds
    let state, effects = passTo now run.Now run.State []
    let after = judgeSilence { run with State = state; Now = now }

    ([ "G"; "H" ], after)
    ||> List.foldBack (fun group after ->
        let left = connectionsIn group after
        let told = Set.ofList (notifiedOf group effects)

        if connectionsIn group run <> left && not (Set.isSubset (Set.ofList left) told) then
            wrong $"{group}: not all were told that somebody has gone" after
        else
            after)

let private step (run: Run) step =
    match step with
    | Beat(connection, group, topics) -> beat (connectionOf connection) (groupOf group) (topicsIn topics) run
    | Leave(connection, group) -> leave (connectionOf connection) (groupOf group) run
    | Disconnect connection -> disconnect (connectionOf connection) run
    | Pass seconds -> pass seconds run
    |> compare

let private codeOf pull state =
    (ask 0L 1 (pullCommand pull) state |> snd |> answerIn).ResponseCode

let private withMember clientId connection subscriptions state =
    ask 0L connection (consumerHeartbeat clientId [ membership "G" MessageModel.Clustering subscriptions ]) state
    |> fst

let private withTopic () = sendOk 0L "T" "m" [] (fresh ()) |> fst

let private membersTests =
    testList
        "members"
        [
            property "members, topics and notifications follow the model, whatever clients do"
            <| fun (steps: Step list) ->
                let last = List.fold step (first ()) steps
                last.Mistakes |> shouldBeEmpty

            testCase "members of a broadcasting group are not notified"
            <| fun () ->
                let beat connection state =
                    ask
                        0L
                        connection
                        (consumerHeartbeat $"c{connection}" [ membership "G" MessageModel.Broadcasting [] ])
                        state

                let state, effects = beat 1 (fresh ())
                pushesIn effects |> shouldBeEmpty
                let state, effects = beat 2 state
                pushesIn effects |> shouldBeEmpty
                Broker.transition 0L state (Left 1) |> snd |> pushesIn |> shouldBeEmpty
                membersOf "G" state |> shouldEqual [ "c1"; "c2" ]

            testCase "a silent member stays registered while the clock advances by hours"
            <| fun () ->
                let state = withMember "c" 1 [] (fresh ())
                let state, effects = tick 7_200_000L state
                effects |> shouldBeEmpty
                membersOf "G" state |> shouldEqual [ "c" ]
                // And is missed from then on as ever.
                let state, _ = passTo 7_340_000L 7_200_000L state []
                membersOf "G" state |> shouldBeEmpty
        ]

let private subscriptionsTests =
    testList
        "subscriptions"
        [
            testCase "a pull without a subscription of its own needs its group's"
            <| fun () ->
                codeOf plainPull (withTopic ()) |> shouldEqual ResponseCode.SubscriptionNotExist
                let other = withMember "c" 1 [ subscriptionOf 5L ("U", Filter.all) ] (withTopic ())
                codeOf plainPull other |> shouldEqual ResponseCode.SubscriptionNotExist
                let state = withMember "c" 1 [ subscriptionOf 5L ("T", Filter.all) ] (withTopic ())
                codeOf plainPull state |> shouldEqual ResponseCode.Success

                codeOf
                    { plainPull with
                        SubscriptionVersion = 5L
                    }
                    state
                |> shouldEqual ResponseCode.Success

                codeOf
                    { plainPull with
                        SubscriptionVersion = 6L
                    }
                    state
                |> shouldEqual ResponseCode.SubscriptionNotLatest

                // Its own needs nothing.
                codeOf
                    { plainPull with
                        SubscriptionVersion = 6L
                        Filter = Some Filter.all
                    }
                    (withTopic ())
                |> shouldEqual ResponseCode.Success

            testCase "an unknown topic is reported before other errors of a pull"
            <| fun () -> codeOf plainPull (fresh ()) |> shouldEqual ResponseCode.TopicNotExist

            testCase "the newer subscription of a topic holds, whichever member sent the last heartbeat"
            <| fun () ->
                let state =
                    withTopic ()
                    |> withMember "c1" 1 [ subscriptionOf 6L ("T", ByTag "young") ]
                    |> withMember "c2" 2 [ subscriptionOf 5L ("T", ByTag "old") ]

                codeOf
                    { plainPull with
                        SubscriptionVersion = 6L
                    }
                    state
                |> shouldEqual ResponseCode.PullRetryImmediately

            testCase "the last member takes the subscriptions along"
            <| fun () ->
                let state = withMember "c" 1 [ subscriptionOf 5L ("T", Filter.all) ] (withTopic ())
                let state, _ = Broker.transition 0L state (Left 1)
                codeOf plainPull state |> shouldEqual ResponseCode.SubscriptionNotExist
        ]

let private heartbeats =
    testList
        "heartbeats"
        [
            testCase "a heartbeat that leaves its subscriptions out keeps those that were known"
            <| fun () ->
                let state = withMember "c" 1 [ subscriptionOf 5L ("T", Filter.all) ] (withTopic ())

                let short =
                    Examples.ask
                        {
                            ClientId = "c"
                            ProducerGroups = []
                            Consumers = [ membership "G" MessageModel.Clustering [] ]
                            Fingerprint = Some 7
                            IsWithoutSubscriptions = Some true
                        }
                        Heartbeat.send

                let state, effects = ask 0L 1 short state
                pushesIn effects |> shouldBeEmpty
                topicsOf "G" state |> shouldEqual (set [ "T" ])

            testCase "the retry topic of a group exists from its first heartbeat, with one queue"
            <| fun () ->
                let state = withMember "c" 1 [] (fresh ())
                let config = state.Store.Topics["%RETRY%G"].Config

                (config.ReadQueues, config.WriteQueues, config.Permission)
                |> shouldEqual (1, 1, 6)

            testCase "a subscription by tags can be queried"
            <| fun () ->
                let check =
                    Examples.ask
                        {
                            ClientId = "c"
                            Group = "G"
                            Subscription = subscriptionOf 1L ("T", ByTag "a || b")
                            Namespace = None
                        }
                        Heartbeat.check

                (ask 0L 1 check (fresh ()) |> snd |> answerIn).ResponseCode
                |> shouldEqual ResponseCode.Success
        ]

[<Tests>]
let tests =
    testList "Consumer groups" [ membersTests; subscriptionsTests; heartbeats ]
