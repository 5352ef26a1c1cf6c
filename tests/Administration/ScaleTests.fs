/// Thousands of topics and groups: one request to each broker, however many there are.
module RocketMq.Administration.Tests.ScaleTests

open System
open System.Threading
open System.Threading.Tasks
open Expecto
open RocketMq
open RocketMq.Protocol
open RocketMq.Protocol.Admin
open RocketMq.Embedded
open RocketMq.Administration
open RocketMq.Administration.Tests.Rig

let private topics = 10_000
let private groups = 2_000
let private topicsOfGroup = 5
let private queues = 4

let private endpointsOf (text: string) = ok (Endpoint.parseList text)

/// A busy machine is no failure.
let private patient =
    { RemotingOptions.Default with
        RequestTimeout = TimeSpan.FromSeconds 60L
    }

let private config number : TopicConfig =
    {
        Name = $"topic{number}"
        ReadQueues = queues
        WriteQueues = queues
        Permission = 6
        FilterType = TopicFilterType.SingleTag
        SysFlag = 0
        IsOrderly = number % 10 = 0
        Attributes = None
    }

let private fill (client: RemotingClient) : Task<unit> =
    task {
        for numbers in Seq.chunkBySize 1000 (seq { 1..topics }) do
            let! made =
                client.Request(
                    Topics.createMany.Request(numbers |> Seq.map config |> List.ofSeq),
                    CancellationToken.None
                )

            ok made

        let! made =
            client.Request(
                SubscriptionGroups.updateMany.Request(
                    [ 1..groups ]
                    |> List.map (fun number -> SubscriptionGroups.create $"group{number}")
                ),
                CancellationToken.None
            )

        ok made

        let commits =
            [|
                for group in 1..groups do
                    for topic in 1..topicsOfGroup do
                        for queueId in 0 .. queues - 1 ->
                            Offsets.commit.Request
                                {
                                    Queue =
                                        {
                                            ConsumerGroup = $"group{group}"
                                            Topic = $"topic{(group * topicsOfGroup + topic) % topics + 1}"
                                            QueueId = queueId
                                        }
                                    Offset = 0L
                                }
            |]

        for some in Array.chunkBySize 1000 commits do
            let! answers =
                some
                |> Array.map (fun commit -> client.Request(commit, CancellationToken.None))
                |> Task.WhenAll

            for answer in answers do
                ok answer
    }

[<Tests>]
let tests =
    testList
        "Scale"
        [
            testCaseTask "10,000 topics and 2,000 groups are listed by a handful of requests"
            <| fun () ->
                task {
                    let options = EmbeddedClusterOptions(Masters = 1)
                    let! cluster = EmbeddedCluster.StartAsync(options, CancellationToken.None)

                    let broker =
                        endpointsOf cluster.Brokers[0].Address
                        |> List.head
                        |> fun endpoint -> RemotingClient.Create(endpoint, patient)
                        |> ok

                    let client =
                        endpointsOf cluster.NameServers
                        |> ClientOptions.shared
                        |> fun options -> RocketMqClient.Create { options with Remoting = patient }
                        |> ok

                    let calls = ref 0

                    let admin =
                        Administrator.Create(
                            client,
                            { AdministratorOptions.Default with
                                Observer = Some(CallObserver(fun _ _ _ -> Interlocked.Increment calls |> ignore))
                            }
                        )
                        |> ok

                    do! fill broker

                    let! list = admin.Run(TopicQueries.list BrokerScope.All true, CancellationToken.None)
                    let! totals = admin.Run(GroupTotals.all BrokerScope.All, CancellationToken.None)

                    let created =
                        (ok list).Topics
                        |> List.filter (fun row -> row.Topic.StartsWith("topic", StringComparison.Ordinal))

                    Expect.equal created.Length topics "all topics"
                    Expect.all created (fun row -> row.ReadQueues = Some queues) "with their queues"

                    let committed =
                        (ok totals).Groups
                        |> List.filter (fun one -> one.Group.StartsWith("group", StringComparison.Ordinal))

                    Expect.equal committed.Length groups "all groups"

                    Expect.all
                        committed
                        (fun one -> one.Topics = topicsOfGroup && one.Queues = topicsOfGroup * queues)
                        "with their topics"

                    Expect.isLessThan calls.Value 10 "requests"

                    do! broker.Close()
                    do! client.Close()
                    do! cluster.StopAsync()
                }
        ]
