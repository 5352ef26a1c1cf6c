/// What brokers are asked to keep of a group's offsets.
module RocketMq.Protocol.Tests.OffsetStoreTests

open System
open RocketMq.Protocol
open RocketMq

let private nameServer = FakeServers.at 1

let private queueOf number : MessageQueue =
    {
        Topic = "T"
        BrokerName = "b"
        QueueId = number
    }

/// How offsets are committed.
type private Committing = GroupBrokers -> MessageQueue -> int64 -> Task<Result<unit, RemotingError>>

let private byConsumer: Committing =
    fun brokers ->
        let store: IOffsetStore = BrokerOffsets(Examples.group, brokers)
        fun queue offset -> store.Save(queue, offset, CancellationToken.None)

let private byPullClient: Committing =
    fun brokers ->
        let queries = OffsetQueries(Examples.group, "", brokers)
        fun queue offset -> queries.Commit(queue, offset, CancellationToken.None)

/// Saves of four queues at once, at a broker that answers the first one as `first` says, once it is told to. Gives how many it was
/// asked meanwhile, how many then, and how many saves succeeded.
let private savesBeside (committing: Committing) (first: RemotingCommand -> Reaction) =
    task {
        let mutable asked = 0

        let answer =
            TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)

        let react _ (command: RemotingCommand) : Task<Reaction> =
            task {
                match command.RequestCode with
                | RequestCode.GetRouteInfoByTopic ->
                    return FakeServers.routed (FakeServers.routeOver [ "b", 10, 4 ]) command
                | RequestCode.UpdateConsumerOffset when Interlocked.Increment &asked = 1 ->
                    do! answer.Task
                    return first command
                | _ -> return FakeServers.success command
            }

        let servers = FakeServers(ManualClock(), (fun _ -> Accepts), react)
        let clients = RemotingClients servers.Options

        let routes = Routes(NameServer([| nameServer |], clients), clients)

        let commit = committing (GroupBrokers(clients, routes))

        let! _ = routes.Get("T", CancellationToken.None)

        let saving = Task.WhenAll [| for number in 0..3 -> commit (queueOf number) 7L |]

        do! until (fun () -> Volatile.Read &asked = 1)

        for _ in 1..1_000 do
            do! Task.Yield()

        let alone = Volatile.Read &asked
        answer.SetResult()
        let! saved = saving
        let! again = commit (queueOf 0) 8L
        do! clients.CloseAll()
        let succeeded = saved |> Array.filter Result.isOk |> Array.length
        again |> Result.isOk |> shouldBeTrue
        return struct (alone, Volatile.Read &asked, succeeded)
    }

[<Tests>]
let tests =
    testList
        "Offset store"
        [
            for name, committing in [ "consumer", byConsumer; "pull client", byPullClient ] do
                live $"the first commit of a topic by a {name} is sent alone, and the others after it" (fun () ->
                    task {
                        let! outcome = savesBeside committing FakeServers.success
                        outcome |> shouldEqual (struct (1, 5, 4))
                    })

            live "after a failed first commit the next one is sent alone, and none waits for ever" (fun () ->
                task {
                    let! outcome =
                        savesBeside byConsumer (FakeServers.refusal ResponseCode.SystemError "on purpose")

                    let struct (alone, asked, succeeded) = outcome
                    alone |> shouldEqual 1
                    asked |> shouldEqual 5
                    succeeded |> shouldEqual 3
                })
        ]
