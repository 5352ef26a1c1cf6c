/// What administrators ask a broker about topics. Java: AdminBrokerProcessor, TopicConfigManager.
module RocketMq.Protocol.Tests.TopicRequestTests

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open AdminRig

let private configOf name rig =
    task {
        let! detail = ask Topics.config { Topic = name; IsLogical = None } rig
        return detail.Config
    }

let private statistics =
    testList
        "statistics"
        [
            admin
                "each queue has its range and when it was last written; puts a second are those of the last minute"
                release5
            <| fun rig ->
                task {
                    do! ask Topics.create { topicOf "T" 2 with WriteQueues = 3 } rig
                    do! sendTo "T" 0 3 rig
                    let wrote = millisOf rig
                    rig.Clock.Advance(seconds 5)
                    let! stats = ask Statistics.ofTopic "T" rig

                    stats.Queues
                    |> shouldEqual (
                        Map.ofList
                            [
                                queueOf "T" 0,
                                {
                                    MinOffset = 0L
                                    MaxOffset = 3L
                                    LastUpdateTimestamp = wrote
                                }
                                for queueId in 1..2 do
                                    queueOf "T" queueId,
                                    {
                                        MinOffset = 0L
                                        MaxOffset = 0L
                                        LastUpdateTimestamp = 0L
                                    }
                            ]
                    )

                    stats.PutsPerSecond |> shouldEqual (Some 0.3)
                    rig.Clock.Advance(seconds 120)
                    let! later = ask Statistics.ofTopic "T" rig
                    later.PutsPerSecond |> shouldEqual (Some 0.0)
                }

            admin "brokers of 4.x give no puts a second; an unknown topic is TopicNotExist" release4
            <| fun rig ->
                task {
                    do! sendTo "T" 0 1 rig
                    let! stats = ask Statistics.ofTopic "T" rig
                    stats.PutsPerSecond |> shouldEqual None
                    let! code = codeOf Statistics.ofTopic "unknown" rig
                    code |> shouldEqual ResponseCode.TopicNotExist
                }
        ]

let private attributes =
    testList
        "attributes"
        [
            admin "attributes are set, changed and removed one by one, and those that are not named stay" release5
            <| fun rig ->
                task {
                    let change text =
                        codeOf
                            Topics.create
                            { topicOf "T" 4 with
                                Attributes = Some text
                            }
                            rig

                    let! made = change "+message.type=FIFO,+reserve.time=5"
                    made |> shouldEqual ResponseCode.Success
                    let! changed = change "+message.type=NORMAL,-reserve.time"
                    changed |> shouldEqual ResponseCode.Success
                    do! ask Topics.create { topicOf "T" 8 with IsOrderly = true } rig
                    let! config = configOf "T" rig
                    (config.ReadQueues, config.IsOrderly) |> shouldEqual (8, true)
                    config.Attributes |> shouldEqual (Some(Map.ofList [ "message.type", "NORMAL" ]))

                    for wrong in
                        [
                            "message.type=FIFO"
                            "+message.type=HUGE"
                            "+queue.type=BatchCQ"
                            "-reserve.time"
                            "+colour=red"
                            "+reserve.time=-2"
                            "+"
                            "+message.type=FIFO,+message.type=NORMAL"
                        ] do
                        let! code = change wrong
                        Expecto.Expect.equal code ResponseCode.SystemError wrong

                    let! unchanged = configOf "T" rig
                    unchanged |> shouldEqual config
                }
        ]

let private withoutAttributes =
    testList
        "topics of 4.x"
        [
            admin "brokers of 4.x have neither attributes nor an order, and do not know GET_TOPIC_CONFIG" release4
            <| fun rig ->
                task {
                    do!
                        ask
                            Topics.create
                            { topicOf "T" 4 with
                                IsOrderly = true
                                Attributes = Some "+colour=red"
                            }
                            rig

                    let! all = ask Topics.all () rig

                    (all.Topics["T"].IsOrderly, all.Topics["T"].Attributes)
                    |> shouldEqual (false, None)

                    all.MappingVersion |> shouldEqual None
                    let! code = codeOf Topics.config { Topic = "T"; IsLogical = None } rig
                    code |> shouldEqual ResponseCode.RequestCodeNotSupported
                }
        ]

let private tables =
    testList
        "tables"
        [
            admin
                "the table of all topics has the template, attributes of each, and a version that grows with changes"
                release5
            <| fun rig ->
                task {
                    let! before = ask Topics.all () rig
                    rig.Clock.Advance(seconds 7)
                    do! ask Topics.create (topicOf "T" 4) rig
                    let! after = ask Topics.all () rig
                    after.Topics["TBW102"].Permission |> shouldEqual 7
                    after.Topics["T"].Attributes |> shouldEqual (Some Map.empty)
                    after.Version.Value.Counter |> shouldExceed before.Version.Value.Counter
                    after.Version.Value.Timestamp |> shouldEqual (millisOf rig)
                    let! unknown = codeOf Topics.config { Topic = "unknown"; IsLogical = None } rig
                    unknown |> shouldEqual ResponseCode.TopicNotExist
                }
        ]

let private topicLists =
    testList
        "lists of topics"
        [
            admin "a list of topics is made as a whole or not at all" release5
            <| fun rig ->
                task {
                    let config name queues attributes : TopicConfig =
                        { RocketMq.Embedded.Store.config name queues with
                            Attributes = attributes
                        }

                    let! bad =
                        codeOf
                            Topics.createMany
                            [ config "A" 2 None; config "B" 2 (Some(Map.ofList [ "+colour", "red" ])) ]
                            rig

                    bad |> shouldEqual ResponseCode.SystemError

                    do!
                        ask
                            Topics.createMany
                            [
                                config "B" 2 (Some(Map.ofList [ "+message.type", "FIFO" ]))
                                config "C" 3 None
                            ]
                            rig

                    let! all = ask Topics.all () rig
                    all.Topics.ContainsKey "A" |> shouldBeFalse

                    all.Topics["B"].Attributes
                    |> shouldEqual (Some(Map.ofList [ "message.type", "FIFO" ]))

                    all.Topics["C"].ReadQueues |> shouldEqual 3
                }

            admin "system topics are those that every broker makes for itself" release5
            <| fun rig ->
                task {
                    let! system = ask Topics.system () rig

                    for name in
                        [
                            "TBW102"
                            "SCHEDULE_TOPIC_XXXX"
                            "DefaultCluster"
                            "broker-embedded"
                            "CHECKPOINT_TOPIC"
                        ] do
                        Expecto.Expect.contains system.Topics name name
                }
        ]

/// What is committed of a topic and a topic of retries after the topic was deleted.
let private afterDeletion rig =
    task {
        do! sendTo "T" 0 1 rig
        do! commit "G" "T" 0 1L rig
        do! ask Topics.create (topicOf "%RETRY%G_T" 1) rig
        do! ask Topics.delete "T" rig
        let! all = ask Topics.all () rig
        let! offsets = ask GroupProgress.allOffsets () rig
        let! stats = codeOf Statistics.ofBroker { Name = "TOPIC_PUT_NUMS"; Key = "T" } rig
        stats |> shouldEqual ResponseCode.SystemError
        return all.Topics.ContainsKey "T", all.Topics.ContainsKey "%RETRY%G_T", offsets.Offsets.ContainsKey "T@G"
    }

let private deleting =
    testList
        "deleting"
        [
            admin "with a topic 5.x deletes what is committed of it, and the retries of its pops" release5
            <| fun rig ->
                task {
                    let! after = afterDeletion rig
                    after |> shouldEqual (false, false, false)
                    let! blank = codeOf Topics.delete " " rig
                    blank |> shouldEqual ResponseCode.InvalidParameter
                    let! system = codeOf Topics.delete "SCHEDULE_TOPIC_XXXX" rig
                    system |> shouldEqual ResponseCode.InvalidParameter
                    let! unknown = codeOf Topics.delete "unknown" rig
                    unknown |> shouldEqual ResponseCode.Success
                }

            admin "with a topic 4.x leaves both" release4
            <| fun rig ->
                task {
                    let! after = afterDeletion rig
                    after |> shouldEqual (false, true, true)
                    let! system = codeOf Topics.delete "SCHEDULE_TOPIC_XXXX" rig
                    system |> shouldEqual ResponseCode.SystemError
                }

            admin "nonsense is refused, and nothing is changed by it" release5
            <| fun rig ->
                task {
                    let! before = ask Topics.all () rig

                    for code in
                        [
                            RequestCode.UpdateAndCreateTopic
                            RequestCode.UpdateAndCreateTopicList
                            RequestCode.GetTopicStatsInfo
                        ] do
                        let! answer = codeOfNonsense code rig
                        answer |> shouldNotEqual ResponseCode.Success

                    let! after = ask Topics.all () rig
                    after |> shouldEqual before
                }
        ]

[<Tests>]
let tests =
    testList "Topic requests" [ statistics; attributes; withoutAttributes; tables; topicLists; deleting ]
