/// Members of one group that subscribe differently: first-use.md 18.
module RocketMq.Protocol.Tests.GroupSubscriptionTests

open System
open System.Threading.Tasks
open Expecto
open RocketMq.Protocol
open RocketMq.Embedded
open ProducerRig
open GroupRig

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
            Subscriptions = topics
            Remoting = { options.Remoting with Logger = log }
        }

    startConsumer options (remember (Seen()))

let private isUnwell (consumer: PushConsumer) =
    consumer.Health.Problems
    |> List.exists (fun problem -> problem.What.Contains("subscriptions of group", StringComparison.Ordinal))

[<Tests>]
let tests =
    testList
        "Group subscriptions"
        [
            testCase "the same in other words is no difference"
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

            testCase "another expression of a topic is a difference, unless it is an older one of this member's own"
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

            testCase "a topic more and a topic less are differences, and retry topics are not"
            <| fun () ->
                differenceOf [ "A", tags "*", 1L; "B", tags "*", 1L ] [ "A", tags "*", 1L ]
                |> Option.get
                |> shouldMention "does not read topic B"

                differenceOf [ "A", tags "*", 1L ] [ "A", tags "*", 1L; "C", tags "*", 1L ]
                |> Option.get
                |> shouldMention "reads topic C"

                differenceOf [ "A", tags "*", 1L ] [ "A", tags "*", 1L; "%RETRY%G", tags "*", 1L ]
                |> shouldEqual None

            testCaseTask
                "a broker is asked a few times after members have changed, as long as they differ, and not later"
            <| fun () ->
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

                    other <- tags "a"
                    do! rebalances 10 [ "one"; "three" ]
                    asked |> shouldEqual 25
                    problems.All |> shouldBeEmpty
                }

            for name, first, second in
                [
                    "expressions", [ "T", tags "a" ], [ "T", tags "b" ]
                    "topics", [ "T", tags "*" ], [ "U", tags "*" ]
                ] do
                live $"members with other {name} are unwell and say so once, until one of them leaves" (fun () ->
                    withQueues 4 (fun clock cluster ->
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
                        }))

            live "members with the same subscriptions in other words are well" (fun () ->
                withQueues 4 (fun clock cluster ->
                    task {
                        let log = LogLines()
                        let! one = startWith cluster clock log [ "T", tags "a||b" ]
                        let! other = startWith cluster clock log [ "T", tags "b||a" ]
                        do! ChaosRig.passFor clock (TimeSpan.FromSeconds 200L)
                        [ isUnwell one; isUnwell other ] |> shouldEqual [ false; false ]
                        log.Count differ |> shouldEqual 0
                        do! other.Close()
                        do! one.Close()
                    }))
        ]
