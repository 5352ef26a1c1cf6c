/// Many topics and groups: what administrators ask for answers no slower for each of them.
module RocketMq.Protocol.Tests.AdminScaleTests

open RocketMq.Protocol.Admin
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open AdminRig

let private topics = 2_000
let private groups = 400

/// What a broker has: topics, and groups that have committed something of five each.
let private crowded =
    lazy
        let store = (BrokerRig.fresh ()).Store

        let store =
            (store, [ 1..topics ])
            ||> List.fold (fun store number -> Store.withTopic $"topic{number}" 8 store)

        (store, [ 1..groups ])
        ||> List.fold (fun store number ->
            let store =
                StoredSettings.withGroup (SubscriptionGroups.create $"group{number}") store

            (store,
             [
                 for topic in 1..5 do
                     for queueId in 0..7 -> topic, queueId
             ])
            ||> List.fold (fun store (topic, queueId) ->
                Store.commit
                    {
                        ConsumerGroup = $"group{number}"
                        Topic = $"topic{(number + topic) % topics + 1}"
                        QueueId = queueId
                    }
                    1L
                    store))

let private read (operation: Operation<'Query, 'Answer>) query =
    let state =
        { BrokerRig.fresh () with
            Store = crowded.Value
        }

    let _, effects = BrokerRig.ask 0L 1 (Examples.ask query operation) state

    operation.DecodeAnswer(BrokerRig.answerIn effects)
    |> Result.toOption
    |> Option.get

let private many =
    testList
        "many"
        [
            testCase "all topics are listed"
            <| fun () ->
                let table = read Topics.all ()

                table.Topics.Keys
                |> Seq.filter (fun name -> name.StartsWith("topic", System.StringComparison.Ordinal))
                |> Seq.length
                |> shouldEqual topics

            testCase "the progress of each group is that of its own topics"
            <| fun () ->
                for number in 1..groups do
                    let stats =
                        read
                            Statistics.ofGroup
                            {
                                ConsumerGroup = $"group{number}"
                                Topic = None
                                Topics = None
                            }

                    stats.Queues.Count |> shouldEqual 40

            testCase "the progress of all groups at once has one entry a topic"
            <| fun () ->
                let all = read Statistics.ofGroups false

                all.Groups
                |> List.sumBy (fun group -> group.Values |> Seq.sumBy _.Length)
                |> shouldEqual (5 * groups)
        ]

let private offsets =
    testList
        "offsets"
        [
            property "what is committed is found by group and by topic"
            <| fun (commits: (byte * byte * byte) list) ->
                let queueOf (group: byte, topic: byte, queueId: byte) : GroupQueue =
                    {
                        ConsumerGroup = $"g{group % 4uy}"
                        Topic = $"t{topic % 4uy}"
                        QueueId = int (queueId % 3uy)
                    }

                let flat =
                    commits
                    |> List.indexed
                    |> List.map (fun (index, commit) -> queueOf commit, int64 index)
                    |> Map.ofList

                let offsets: CommittedOffsets =
                    (Map.empty, List.indexed commits)
                    ||> List.fold (fun offsets (index, commit) ->
                        CommittedOffsets.add (queueOf commit) (int64 index) offsets)

                let remaining isThere =
                    flat |> Map.filter (fun queue _ -> isThere queue)

                let same (expected: Map<GroupQueue, int64>) (offsets: CommittedOffsets) =
                    for queue in flat.Keys do
                        CommittedOffsets.tryFind queue offsets
                        |> shouldEqual (Map.tryFind queue expected |> Option.toValueOption)

                same flat offsets

                CommittedOffsets.withoutGroup "g1" offsets
                |> same (remaining (fun queue -> queue.ConsumerGroup <> "g1"))

                CommittedOffsets.withoutTopic "t1" offsets
                |> same (remaining (fun queue -> queue.Topic <> "t1"))

                CommittedOffsets.groupsOf "t1" offsets
                |> shouldEqual (
                    flat.Keys
                    |> Seq.filter (fun queue -> queue.Topic = "t1")
                    |> Seq.map _.ConsumerGroup
                    |> Seq.distinct
                    |> Seq.sort
                    |> List.ofSeq
                )
        ]

[<Tests>]
let tests = testList "Administration of many" [ many; offsets ]
