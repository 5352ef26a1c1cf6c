/// How far groups are, and who consumes what. Java: AdminBrokerProcessor, ConsumerOffsetManager.
module RocketMq.Protocol.Tests.ProgressTests

open System
open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open AdminRig

let private statsOf topic topics rig =
    ask
        Statistics.ofGroup
        {
            ConsumerGroup = "G"
            Topic = topic
            Topics = topics
        }
        rig

let private subscribed topics rig =
    task {
        let! _ =
            ask Heartbeat.send (heartbeatOf "me" [ "P" ] [ membershipOf "G" topics ]) rig

        return ()
    }

let private consumeStats =
    testList
        "consume stats"
        [
            admin "a group's progress by queue, with what it has pulled and not committed" release5
            <| fun rig ->
                task {
                    do! ask Topics.create (topicOf "T" 2) rig
                    do! sendTo "T" 0 3 rig
                    let stored = millisOf rig
                    rig.Clock.Advance(seconds 10)
                    let! _ = pull "G" "T" 0 0L rig
                    do! commit "G" "T" 0 1L rig
                    let! stats = statsOf None None rig

                    stats.Queues[queueOf "T" 0]
                    |> shouldEqual
                        {
                            BrokerOffset = 3L
                            ConsumerOffset = 1L
                            PullOffset = Some 3L
                            LastTimestamp = stored
                        }

                    // Trap 23: a queue that nothing was committed of counts as committed at 0.
                    stats.Queues[queueOf "T" 1]
                    |> shouldEqual
                        {
                            BrokerOffset = 0L
                            ConsumerOffset = 0L
                            PullOffset = Some 0L
                            LastTimestamp = 0L
                        }

                    stats.ConsumedPerSecond |> shouldEqual 0.3
                }

            admin "brokers of 4.x have no pull offsets, and do not know a list of topics" release4
            <| fun rig ->
                task {
                    do! sendTo "T" 0 1 rig
                    do! sendTo "U" 0 1 rig
                    do! commit "G" "T" 0 1L rig
                    let! stats = statsOf None (Some "U") rig

                    stats.Queues.Keys
                    |> Seq.map _.Topic
                    |> Seq.distinct
                    |> List.ofSeq
                    |> shouldEqual [ "T" ]

                    stats.Queues[queueOf "T" 0].PullOffset |> shouldEqual None
                }
        ]

let private onlineGroups =
    testList
        "groups that are online"
        [
            admin
                "while members are online, what they do not subscribe to is left out, unless a list asks for it"
                release5
            <| fun rig ->
                task {
                    for topic in [ "T"; "U" ] do
                        do! sendTo topic 0 1 rig
                        do! commit "G" topic 0 1L rig

                    let topicsIn (stats: ConsumeStats) =
                        stats.Queues.Keys |> Seq.map _.Topic |> Seq.distinct |> List.ofSeq

                    let! offline = statsOf None None rig
                    topicsIn offline |> shouldEqual [ "T"; "U" ]
                    do! subscribed [ "U" ] rig
                    let! online = statsOf None None rig
                    topicsIn online |> shouldEqual [ "U" ]
                    let! named = statsOf (Some "T") None rig
                    topicsIn named |> shouldBeEmpty
                    let! listed = statsOf None (Some "T;unknown;") rig
                    topicsIn listed |> shouldEqual [ "T" ]
                }
        ]

let private brokerConsumeStats =
    testList
        "broker consume stats"
        [
            admin "all groups of a broker, of ordered topics alone if that is asked for" release5
            <| fun rig ->
                task {
                    do! ask Topics.create { topicOf "O" 1 with IsOrderly = true } rig
                    do! ask SubscriptionGroups.update (SubscriptionGroups.create "G") rig

                    for topic in [ "O"; "T" ] do
                        do! sendTo topic 0 3 rig
                        do! commit "G" topic 0 1L rig

                    let! all = ask Statistics.ofGroups false rig
                    all.TotalLag |> shouldEqual 4L
                    all.TotalInFlight |> shouldEqual (Some -2L)
                    all.BrokerAddress |> shouldEqual (Some rig.Broker.BrokerAddress)
                    let! ordered = ask Statistics.ofGroups true rig
                    ordered.TotalLag |> shouldEqual 2L
                    let ofG = ordered.Groups |> List.pick (Map.tryFind "G")

                    ofG
                    |> List.collect (fun stats -> List.ofSeq stats.Queues.Keys)
                    |> shouldEqual [ queueOf "O" 0 ]
                }

            admin "time spans of a group say how long the next message has waited" release5
            <| fun rig ->
                task {
                    do! ask Topics.create (topicOf "T" 1) rig
                    do! sendTo "T" 0 1 rig
                    let first = millisOf rig
                    rig.Clock.Advance(seconds 3)
                    do! sendTo "T" 0 1 rig
                    let second = millisOf rig
                    rig.Clock.Advance(seconds 4)
                    do! commit "G" "T" 0 1L rig
                    let! spans = ask GroupProgress.timeSpans { Group = "G"; Topic = "T" } rig

                    spans
                    |> shouldEqual
                        [
                            {
                                Queue = queueOf "T" 0
                                MinTimestamp = first
                                MaxTimestamp = second
                                ConsumeTimestamp = first
                                DelayMillis = 4_000L
                            }
                        ]

                    let! unknown = codeOf GroupProgress.timeSpans { Group = "G"; Topic = "unknown" } rig
                    unknown |> shouldEqual ResponseCode.TopicNotExist
                }
        ]

let private whoConsumes =
    testList
        "who consumes"
        [
            admin
                "a topic's groups are those that subscribe and those that have committed; a group's topics the latter"
                release5
            <| fun rig ->
                task {
                    do! sendTo "T" 0 1 rig
                    do! commit "H" "T" 0 1L rig
                    do! subscribed [ "T" ] rig
                    let! groups = ask GroupProgress.groupsOf "T" rig
                    List.sort groups |> shouldEqual [ "G"; "H" ]
                    let! topics = ask GroupProgress.topicsOf "H" rig
                    topics.Topics |> shouldEqual [ "T" ]
                    topics.BrokerAddress |> shouldEqual (Some rig.Broker.BrokerAddress)
                    let! none = ask GroupProgress.topicsOf "unknown" rig
                    none.Topics |> shouldBeEmpty
                    let! one = ask GroupProgress.subscriptionOf { Group = "G"; Topic = Some "T" } rig

                    (one.Subscription.Value.Topic, one.Subscription.Value.Expression)
                    |> shouldEqual ("T", "*")

                    let! other = ask GroupProgress.subscriptionOf { Group = "H"; Topic = Some "T" } rig
                    other.Subscription |> shouldEqual None
                }

            admin "all producers, by group, with their address as Java shows it and their last heartbeat" release5
            <| fun rig ->
                task {
                    let! none = ask Connections.ofAllProducers () rig
                    none |> shouldEqual Map.empty
                    do! subscribed [ "T" ] rig
                    let at = millisOf rig
                    rig.Clock.Advance(seconds 3)
                    let! producers = ask Connections.ofAllProducers () rig
                    let one = List.exactlyOne producers["P"]

                    (one.ClientId, one.Language, one.LastUpdateTimestamp)
                    |> shouldEqual ("me", "DOTNET", at)

                    one.Address.StartsWith("/127.0.0.1:", StringComparison.Ordinal) |> shouldBeTrue
                }

            admin "brokers of 4.x do not know a group's topics and subscription" release4
            <| fun rig ->
                task {
                    let! topics = codeOf GroupProgress.topicsOf "G" rig
                    topics |> shouldEqual ResponseCode.RequestCodeNotSupported
                    let! one = codeOf GroupProgress.subscriptionOf { Group = "G"; Topic = None } rig
                    one |> shouldEqual ResponseCode.RequestCodeNotSupported
                }
        ]

let private cloneOf topic isOffline : OffsetClone =
    {
        FromGroup = "G"
        ToGroup = "H"
        Topic = topic
        IsOffline = Some isOffline
    }

let private moving =
    testList
        "moving offsets"
        [
            admin "offsets of one topic are cloned; without a topic none, and that is a success" release5
            <| fun rig ->
                task {
                    do! ask Topics.create (topicOf "T" 2) rig
                    do! commit "G" "T" 0 5L rig
                    do! commit "G" "T" 1 6L rig
                    do! ask GroupProgress.clone (cloneOf None true) rig
                    do! ask GroupProgress.clone (cloneOf (Some "unknown") true) rig
                    let! before = ask GroupProgress.allOffsets () rig
                    before.Offsets.ContainsKey "T@H" |> shouldBeFalse
                    do! ask GroupProgress.clone (cloneOf (Some "T") true) rig
                    let! after = ask GroupProgress.allOffsets () rig
                    after.Offsets["T@H"] |> shouldEqual (Map.ofList [ 0, 5L; 1, 6L ])
                    after.Topics.Value["H"] |> shouldEqual [ "T" ]
                }

            admin "a group that is online does not hand on what it does not subscribe to" release5
            <| fun rig ->
                task {
                    do! ask Topics.create (topicOf "T" 1) rig
                    do! commit "G" "T" 0 5L rig
                    do! subscribed [ "U" ] rig
                    do! ask GroupProgress.clone (cloneOf (Some "T") false) rig
                    let! offsets = ask GroupProgress.allOffsets () rig
                    offsets.Offsets.ContainsKey "T@H" |> shouldBeFalse
                }

            admin "5.x resets a group that is offline, and refuses one that nobody knows; 4.x wants members" release5
            <| fun rig ->
                task {
                    do! ask Topics.create (topicOf "T" 1) rig
                    do! sendTo "T" 0 3 rig

                    let reset group : OffsetReset =
                        {
                            Group = group
                            Topic = "T"
                            QueueId = None
                            Offset = None
                            TimestampMillis = -1L
                            IsForced = true
                        }

                    let! unknown = codeOf ConsumerOffsets.resetAll (reset "G") rig
                    unknown |> shouldEqual ResponseCode.SubscriptionGroupNotExist
                    do! commit "G" "T" 0 1L rig
                    let! table = ask ConsumerOffsets.resetAll (reset "G") rig
                    table |> shouldEqual (OffsetTable.ByQueue(Map.ofList [ queueOf "T" 0, 3L ]))
                    let! offsets = ask GroupProgress.allOffsets () rig
                    offsets.Offsets["T@G"] |> shouldEqual (Map.ofList [ 0, 3L ])
                }
        ]

let private reset4 =
    testList
        "resets of 4.x"
        [
            admin "4.x refuses a group that has committed nothing, and one that nobody is online of" release4
            <| fun rig ->
                task {
                    do! ask Topics.create (topicOf "T" 1) rig
                    do! sendTo "T" 0 3 rig

                    let reset rig =
                        codeOf
                            ConsumerOffsets.resetAll
                            {
                                Group = "G"
                                Topic = "T"
                                QueueId = None
                                Offset = None
                                TimestampMillis = -1L
                                IsForced = true
                            }
                            rig

                    let! unknown = reset rig
                    unknown |> shouldEqual ResponseCode.SystemError
                    do! commit "G" "T" 0 1L rig
                    let! offline = reset rig
                    offline |> shouldEqual ResponseCode.ConsumerNotOnline
                    do! subscribed [ "T" ] rig
                    let! online = reset rig
                    online |> shouldEqual ResponseCode.Success
                    // The members commit where they go on.
                    let! offsets = ask GroupProgress.allOffsets () rig
                    offsets.Offsets["T@G"] |> shouldEqual (Map.ofList [ 0, 1L ])
                }
        ]

[<Tests>]
let tests =
    testList "Progress requests" [ consumeStats; onlineGroups; brokerConsumeStats; whoConsumes; moving; reset4 ]
