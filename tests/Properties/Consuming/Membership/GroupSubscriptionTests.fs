/// Members of one group that subscribe differently: first-use.md 18.
module RocketMq.Protocol.Tests.GroupSubscriptionTests

open System
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private differ = 1133

let private own (topic, filter, version) : TopicSubscription =
    {
        Topic = topic
        Filter = filter
        Version = version
    }

let private kept (subscriptions: (string * Filter * int64) list) =
    Map.ofList
        [
            for topic, filter, version in subscriptions -> topic, Subscription.create topic filter version
        ]

let private differenceOf wanted held =
    GroupSubscriptions.difference (List.map own wanted) (kept held)

let private tags = ByTag
let private sql = BySql92

let private startWith (cluster: EmbeddedCluster) clock (log: LogLines) (topics: (string * Filter) list) =
    let options = consumerOf cluster clock "G"

    let options =
        { options with
            Consumer.Subscriptions = topics
            Consumer.Client.Remoting =
                { options.Consumer.Client.Remoting with
                    Logger = log
                }
        }

    startConsumer options (remember (Seen()))

let private isOfSubscriptions (problem: ClientProblem) =
    problem.What.Contains("subscriptions of group", StringComparison.Ordinal)

/// A member that pops, of either kind.
type private Popping =
    {
        Problems: unit -> ClientProblem list
        Close: unit -> Task
    }

let private popping
    : (string * (EmbeddedCluster -> EmbeddedClock -> LogLines -> (string * Filter) list -> Task<Popping>)) list =
    let membershipOf (cluster: EmbeddedCluster) clock (log: LogLines) topics =
        let membership = (popConsumerAt cluster.NameServers clock "G").Consumer

        { membership with
            Subscriptions = topics
            Client.Remoting =
                { membership.Client.Remoting with
                    Logger = log
                }
        }

    let startHandling (cluster: EmbeddedCluster) (clock: EmbeddedClock) log topics =
        task {
            let options =
                popConsumerAt cluster.NameServers clock "G"
                |> (fun options ->
                    { options with
                        Consumer = membershipOf cluster clock log topics
                    })

            let! consumer = startPop options (fun _ _ -> Task.FromResult ConsumeResult.Success)

            return
                {
                    Problems = fun () -> consumer.Health.Problems
                    Close = consumer.Close
                }
        }

    let startSimple (cluster: EmbeddedCluster) (clock: EmbeddedClock) log topics =
        task {
            let! started = trySimple (membershipOf cluster clock log topics)

            let consumer = Buffers.ok (Result.mapError RemotingError.describe started)

            return
                {
                    Problems = fun () -> consumer.Health.Problems
                    Close = consumer.Close
                }
        }

    [ "POP consumers", startHandling; "simple consumers", startSimple ]

/// Consumers may need time to pass until they have begun.
let private begun clock (starting: Task<'Consumer>) : Task<'Consumer> =
    task {
        do! ChaosRig.pass clock (fun () -> starting.IsCompleted)
        return! starting
    }

let private isUnwell (consumer: PushConsumer) =
    consumer.Health.Problems |> List.exists isOfSubscriptions

let private comparisonTests =
    testList
        "comparison"
        [
            testCase "equal subscriptions in different words do not differ"
            <| fun () ->
                for mine, others in
                    [
                        tags "*", tags ""
                        tags "a||b", tags "b || a"
                        tags "a", tags "a"
                        sql "x > 1", sql "x > 1"
                    ] do
                    differenceOf [ "T", mine, 1L; "%RETRY%G", tags "*", 1L ] [ "T", others, 2L ]
                    |> shouldEqual None

            testCase "another expression for a topic is a difference unless it is an older one of this member"
            <| fun () ->
                for mine, others in
                    [
                        tags "a", tags "b"
                        tags "a", tags "*"
                        tags "x > 1", sql "x > 1"
                        sql "x", sql "y"
                    ] do
                    let difference = differenceOf [ "T", mine, 1L ] [ "T", others, 2L ]
                    difference |> Option.get |> shouldMention "topic T"
                    differenceOf [ "T", mine, 2L ] [ "T", others, 1L ] |> shouldEqual None

            testCase "an additional or missing topic is a difference, and a retry topic is not"
            <| fun () ->
                differenceOf [ "A", tags "*", 1L; "B", tags "*", 1L ] [ "A", tags "*", 1L ]
                |> Option.get
                |> shouldMention "does not read topic B"

                differenceOf [ "A", tags "*", 1L ] [ "A", tags "*", 1L; "C", tags "*", 1L ]
                |> Option.get
                |> shouldMention "reads topic C"

                differenceOf [ "A", tags "*", 1L ] [ "A", tags "*", 1L; "%RETRY%G", tags "*", 1L ]
                |> shouldEqual None
        ]

let private brokerIsAskedWhileMembersDiffer () =
    task {
        let log = LogLines()
        let problems = MemberProblems TimeProvider.System
        let subscriptions = Subscriptions TimeProvider.System
        subscriptions.Set("T", tags "a")
        let mutable asked = 0
        let mutable other = tags "a"

        let ask (_: string) : Task<Result<GroupConnections, RemotingError>> =
            asked <- asked + 1

            Task.FromResult(
                Ok
                    {
                        Connections = []
                        Subscriptions = kept [ "T", other, Int64.MaxValue ]
                        Type = None
                        Model = None
                        Start = None
                    }
            )

        let comparison = SubscriptionComparison(log, "G", subscriptions, problems, ask)

        let rebalances count members : Task =
            task {
                for _ in 1..count do
                    do! comparison.MembersKnown("T", members)
            }

        do! rebalances 10 [ "one" ]
        asked |> shouldEqual 0
        do! rebalances 10 [ "one"; "two" ]
        do! rebalances 10 [ "two"; "one" ]
        asked |> shouldEqual 4

        other <- tags "b"
        do! rebalances 1 [ "one"; "three" ]
        problems.All |> List.length |> shouldEqual 1
        do! rebalances 19 [ "one"; "three" ]
        asked |> shouldEqual 24
        log.Count differ |> shouldEqual 1

        // The other member's heartbeat may have come before this member's own: one equal answer says little.
        other <- tags "a"
        do! rebalances 3 [ "one"; "three" ]
        problems.All |> List.length |> shouldEqual 1
        other <- tags "b"
        do! rebalances 1 [ "one"; "three" ]
        other <- tags "a"
        do! rebalances 3 [ "one"; "three" ]
        problems.All |> List.length |> shouldEqual 1
        do! rebalances 7 [ "one"; "three" ]
        asked |> shouldEqual 32
        problems.All |> shouldBeEmpty

        other <- tags "b"
        do! rebalances 1 [ "one"; "four" ]
        problems.All |> List.length |> shouldEqual 1
        do! rebalances 1 [ "one" ]
        problems.All |> shouldBeEmpty
        asked |> shouldEqual 33
    }

let private queries =
    testList
        "queries"
        [
            testCaseTask
                "a broker is queried a few times after members have changed and while they differ, and then no more"
                brokerIsAskedWhileMembersDiffer
        ]

let private agreementTests =
    testList
        "agreement"
        [
            testCase "members agree after four equal answers in a row, and a difference restarts the count"
            <| fun () ->
                let after answers =
                    (MembersAgreement.Agreed, answers)
                    ||> List.fold (fun agreement differs ->
                        MembersAgreement.after (if differs then Some "they differ" else None) agreement)

                after [] |> shouldEqual Agreed
                after [ false ] |> shouldEqual Agreed
                after [ true ] |> shouldEqual (Differed 0)
                after [ true; false; false; false ] |> shouldEqual (Differed 3)
                after [ true; false; false; false; false ] |> shouldEqual Agreed
                after [ true; false; false; false; true; false ] |> shouldEqual (Differed 1)

            property "members agree if and only if none of the last four answers shows a difference"
            <| fun (answers: bool list) ->
                let last = answers |> List.rev |> List.truncate 4

                let agreement =
                    (MembersAgreement.Agreed, answers)
                    ||> List.fold (fun agreement differs ->
                        MembersAgreement.after (if differs then Some "they differ" else None) agreement)

                (agreement = Agreed) = not (List.contains true last)
        ]

let private messages =
    testList
        "messages"
        [
            for name, first, second in
                [
                    "expressions", [ "T", tags "a" ], [ "T", tags "b" ]
                    "topics", [ "T", tags "*" ], [ "U", tags "*" ]
                ] do
                liveWith
                    (withQueues 4)
                    $"members with different {name} are unhealthy and log it once, until one of them leaves"
                    (fun clock cluster ->
                        task {
                            do! cluster.CreateTopicAsync("U", 4)
                            let log = LogLines()
                            let! one = startWith cluster clock log first
                            clock.Advance(TimeSpan.FromSeconds 1L)
                            let! other = startWith cluster clock log second

                            do! ChaosRig.pass clock (fun () -> isUnwell one || isUnwell other)
                            do! ChaosRig.passFor clock (TimeSpan.FromSeconds 90L)
                            [ 1; 2 ] |> List.contains (log.Count differ) |> shouldBeTrue
                            do! other.Close()
                            do! ChaosRig.pass clock (fun () -> not (isUnwell one))
                            do! one.Close()
                        })

            liveWith
                (withQueues 4)
                "members with different expressions are unhealthy also after a topic was added that comes before the others"
                (fun clock cluster ->
                    task {
                        do! cluster.CreateTopicAsync("A", 4)
                        let log = LogLines()
                        let! one = startWith cluster clock log [ "T", tags "a" ]
                        let! added = one.Subscribe("A", tags "*")
                        Buffers.ok added
                        clock.Advance(TimeSpan.FromSeconds 1L)
                        let! other = startWith cluster clock log [ "A", tags "*"; "T", tags "b" ]
                        do! ChaosRig.pass clock (fun () -> isUnwell one)
                        do! other.Close()
                        do! one.Close()
                    })
        ]

let private reports =
    testList
        "reports"
        [
            for name, start in popping do
                for what, first, second in
                    [
                        "expressions", [ "T", tags "a" ], [ "T", tags "b" ]
                        "topics", [ "T", tags "*" ], [ "T", tags "*"; "U", tags "*" ]
                    ] do
                    liveWith
                        (withQueues 4)
                        $"{name} with different {what} are unhealthy and log it, until one of them leaves"
                        (fun clock cluster ->
                            task {
                                do! cluster.CreateTopicAsync("U", 4)
                                let log = LogLines()
                                let! one = begun clock (start cluster clock log first)
                                clock.Advance(TimeSpan.FromSeconds 1L)
                                let! other = begun clock (start cluster clock log second)
                                let differ = List.exists isOfSubscriptions

                                do!
                                    ChaosRig.pass clock (fun () ->
                                        differ (one.Problems()) || differ (other.Problems()))

                                log.Count 1133 |> shouldStayBelow 3
                                do! other.Close()
                                do! ChaosRig.pass clock (fun () -> not (differ (one.Problems())))
                                do! one.Close()
                            })
        ]

let private equalReports =
    testList
        "equal reports"
        [
            for name, start in popping do
                liveWith
                    (withQueues 4)
                    $"{name} with equal subscriptions in different words are healthy"
                    (fun clock cluster ->
                        task {
                            let log = LogLines()
                            let! one = begun clock (start cluster clock log [ "T", tags "a||b" ])
                            let! other = begun clock (start cluster clock log [ "T", tags "b||a" ])
                            do! ChaosRig.passFor clock (TimeSpan.FromSeconds 200L)

                            one.Problems() @ other.Problems()
                            |> List.exists isOfSubscriptions
                            |> shouldBeFalse

                            log.Count differ |> shouldEqual 0
                            do! other.Close()
                            do! one.Close()
                        })

            liveWith
                (withQueues 4)
                "members with equal subscriptions in different words are healthy"
                (fun clock cluster ->
                    task {
                        let log = LogLines()
                        let! one = startWith cluster clock log [ "T", tags "a||b" ]
                        let! other = startWith cluster clock log [ "T", tags "b||a" ]
                        do! ChaosRig.passFor clock (TimeSpan.FromSeconds 200L)
                        [ isUnwell one; isUnwell other ] |> shouldEqual [ false; false ]
                        log.Count differ |> shouldEqual 0
                        do! other.Close()
                        do! one.Close()
                    })
        ]

[<Tests>]
let tests =
    testList "Group subscriptions" [ comparisonTests; queries; agreementTests; messages; reports; equalReports ]
