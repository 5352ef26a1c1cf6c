/// Many producers and consumers of one client: what they share, and what they do not.
module RocketMq.Protocol.Tests.SharedClientTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded
open SharedClientRig

let private allKinds () =
    withShared (fun _ _ shared ->
        task {
            let producers = [ for number in 1..3 -> shared.Producer $"P{number}" ]

            for index, producer in List.indexed producers do
                do! sendText producer "T" $"m{index}"

            let pushed, popped = Seen(), Seen()
            let! struct (push, pull, pop, simple) = shared.OneOfEach(pushed, popped)
            do! until (fun () -> pushed.Count = 3 && popped.Count = 3)
            let! pulled = pullAll pull 3
            let! leased = leaseAll simple 3
            let all = set [ "m0"; "m1"; "m2" ]
            (pushed.Texts, popped.Texts, pulled, leased) |> shouldEqual (all, all, all, all)
            // A name server and a broker.
            shared.Dials |> shouldEqual [ 1; 1 ]
            shared.Client.Connections.Length |> shouldEqual 2

            [ push.ClientId; pull.ClientId; pop.ClientId; simple.ClientId ]
            @ (producers |> List.map _.ClientId)
            |> List.distinct
            |> shouldEqual [ shared.Client.ClientId ]
        })

let private closingOne () =
    withShared (fun _ _ shared ->
        task {
            let first, second = shared.Producer "P1", shared.Producer "P2"
            let pushed, popped = Seen(), Seen()
            let! struct (push, pull, pop, simple) = shared.OneOfEach(pushed, popped)
            do! sendText first "T" "before"
            do! until (fun () -> pushed.Count = 1 && popped.Count = 1)
            let! _ = pullAll pull 1
            let! _ = leaseAll simple 1
            do! first.Close()
            do! push.Close()
            do! pop.Close()
            let! refused = send first (Message.ofText "T" "x")
            refused.IsError |> shouldBeTrue
            do! sendText second "T" "after"
            let! pulled = pullAll pull 1
            let! leased = leaseAll simple 1
            (pulled, leased) |> shouldEqual (set [ "after" ], set [ "after" ])
            (pushed.Count, popped.Count) |> shouldEqual (1, 1)
            shared.Dials |> shouldEqual [ 1; 1 ]
        })

/// What was waited for ends, and nobody takes anything more.
let private closingAll () =
    withShared (fun _ _ shared ->
        task {
            let producer = shared.Producer "P"
            let! _ = shared.Push("push", "T", remember (Seen()))
            let! pull = shared.Pull("pull", "T")
            let! simple = shared.Simple("simple", "T")
            do! sendText producer "T" "m"
            let! _ = leaseAll simple 1
            let leasing = simple.Receive(1, TimeSpan.FromMinutes 1L, none)
            do! Task.WhenAll(shared.Client.Close(), shared.Client.Close())
            let! leased = leasing
            let! sent = send producer (Message.ofText "T" "x")
            let! pulled = pull.Receive none
            let! started = shared.TryPush("other", "T", remember (Seen()))

            [
                Result.isError leased
                Result.isError sent
                Result.isError pulled
                Result.isError started
            ]
            |> shouldEqual [ true; true; true; true ]

            shared.Client.Connections
            |> List.forall (fun connection -> connection.State = ConnectionState.Closed)
            |> shouldBeTrue
        })

let private closingSimple () =
    withShared (fun _ _ shared ->
        task {
            let producer = shared.Producer "P"
            let! simple = shared.Simple("simple", "T")
            let leasing = simple.Receive(1, TimeSpan.FromMinutes 1L, none)
            do! simple.Close()
            let! leased = leasing

            match leased with
            | Error(RemotingError.AlreadyClosed _) -> ()
            | other -> failtest $"{other}"

            do! sendText producer "T" "m"
        })

let private secondMembers () =
    withShared (fun _ _ shared ->
        task {
            let! first = shared.Push("C", "T", remember (Seen()))
            let! push = shared.TryPush("C", "T", remember (Seen()))
            let! pop = shared.TryPop("C", "T", Seen())
            let expected = RemotingError.ClientNameTaken("C", shared.Client.ClientId)
            (push |> Result.map ignore<PushConsumer>) |> shouldEqual (Error expected)
            (pop |> Result.map ignore<PopConsumer>) |> shouldEqual (Error expected)
            RemotingError.describe expected |> shouldMention "group C"
            RemotingError.describe expected |> shouldMention "RocketMqClient"
            do! first.Close()
            let! again = shared.TryPush("C", "T", remember (Seen()))
            again.IsOk |> shouldBeTrue
            let producers = [ shared.Producer "P"; shared.Producer "P" ]

            for producer in producers do
                do! sendText producer "T" "m"
        })

let private runningInfos () =
    withShared (fun _ cluster shared ->
        task {
            let! _ = shared.Push("push", "T", remember (Seen()))
            let! _ = shared.Pull("pull", "U")
            let admin = (endpointsOf cluster.Brokers[0].Address).Head
            use clients = RemotingClients RemotingOptions.Default

            let info group =
                task {
                    let request =
                        RunningInfo.operation.Request
                            {
                                ConsumerGroup = group
                                ClientId = shared.Client.ClientId
                                WithStacks = None
                            }

                    let! info = clients.Request(admin, request, none)

                    return
                        info
                        |> Result.map (fun info -> info.Subscriptions |> List.map _.Topic |> List.sort)
                }

            let! push = info "push"
            let! pull = info "pull"
            let! missing = info "missing"
            take push |> shouldEqual [ "%RETRY%push"; "T" ]
            take pull |> shouldEqual [ "U" ]
            missing.IsError |> shouldBeTrue
        })

let private transactions () =
    withShared (fun clock _ shared ->
        task {
            let asked = ConcurrentQueue<string * string>()

            let checker group : TransactionChecker =
                fun half ->
                    asked.Enqueue((group, Text.Encoding.UTF8.GetString half.StoredBody.Span))
                    Task.FromResult TransactionDecision.Commit

            let! first = shared.Transactions("TX1", checker "TX1")
            let! second = shared.Transactions("TX2", checker "TX2")

            let undecided (_: Message) =
                Task.FromResult TransactionDecision.Undecided

            for producer, text in [ first, "of the first"; second, "of the second" ] do
                let! sent = producer.Send(Message.ofText "T" text, undecided, none)
                take sent |> ignore<TransactionReceipt>

            clock.Advance(TimeSpan.FromSeconds 40L)
            do! until (fun () -> asked.Count >= 2)

            asked
            |> List.ofSeq
            |> List.sort
            |> shouldEqual [ "TX1", "of the first"; "TX2", "of the second" ]

            // Both are answered: consumers see them.
            let seen = Seen()
            let! _ = shared.Push("push", "T", remember seen)
            do! until (fun () -> seen.Count = 2)
        })

let private replies () =
    withShared (fun _ _ shared ->
        task {
            let answering = shared.Producer "P"

            let reply =
                ConsumeHandler.EachMessage(fun received _ ->
                    ValueTask<ConsumeResult>(
                        task {
                            let text = textOf received
                            let body = ReadOnlyMemory(Text.Encoding.UTF8.GetBytes $"re {text}")
                            let answer = Reply.create received.Message body
                            let! sent = answering.Send(answer, none)
                            take sent |> ignore<SendReceipt>
                            return ConsumeResult.Success
                        }
                    ))

            let! _ = shared.Push("repliers", "T", reply)
            let first, second = shared.Producer "P1", shared.Producer "P2"

            let ask (producer: Producer) text =
                producer.Request(Message.ofText "T" text, TimeSpan.FromHours 1, AnyQueue, none)

            let asking = [ ask first "one"; ask second "two"; ask first "three" ]
            let! answers = Task.WhenAll asking

            answers
            |> Array.map (fun answer -> Text.Encoding.UTF8.GetString((take answer).StoredBody.Span))
            |> shouldEqual [| "re one"; "re two"; "re three" |]
        })

let private cut () =
    withQueues 4 (fun clock cluster ->
        task {
            let broker = cluster.Brokers[0].Address
            use! proxy = FaultProxy.StartAsync broker
            let at (text: string) = (endpointsOf text).Head

            let shared =
                SharedClient(
                    cluster,
                    clock,
                    fun options ->
                        { options with
                            Remoting.MapAddress =
                                fun endpoint -> if endpoint = at broker then at proxy.Address else endpoint
                            Remoting.Backoff.Spread = TimeSpan.Zero
                        }
                )

            let producers = [ shared.Producer "P1"; shared.Producer "P2" ]
            let seen = Seen()
            let! _ = shared.Push("push", "T", remember seen)
            let! pull = shared.Pull("pull", "T")

            for producer in producers do
                do! sendText producer "T" "before"

            let! _ = pullAll pull 1
            proxy.AcceptedConnections |> shouldEqual 1
            proxy.Cut()

            let sending =
                [
                    for index, producer in List.indexed producers -> sendText producer "T" $"after{index}"
                ]

            do! ChaosRig.pass clock (fun () -> sending |> List.forall _.IsCompleted)
            do! Task.WhenAll sending
            do! ChaosRig.pass clock (fun () -> seen.Texts.Contains "after0" && seen.Texts.Contains "after1")
            proxy.AcceptedConnections |> shouldEqual 2
            do! ChaosRig.finish clock (shared.Client.Close())
        })

let private healths () =
    withCluster (fun options -> options.AutoCreateTopics <- false) (fun clock cluster ->
        task {
            do! cluster.CreateTopicAsync("T", 1)
            let shared = SharedClient(cluster, clock, id)
            let well, other = shared.Producer "P1", shared.Producer "P2"
            do! sendText well "T" "m"
            let sending = send other (Message.ofText "missing" "m")
            do! ChaosRig.pass clock (fun () -> not other.Health.IsHealthy)
            (other.Health.Problems |> List.map _.What) |> shouldEqual [ "topic missing" ]
            well.Health.Problems |> shouldEqual []
            well.Health.LastFailure |> shouldEqual None
            other.Health.SinceSuccess |> shouldEqual None
            let! pull = shared.Pull("pull", "T")
            pull.Health.Problems |> shouldEqual []
            // Name servers are of all.
            do! cluster.NameServerNodes[0].StopAsync()

            do!
                ChaosRig.pass clock (fun () ->
                    well.Health.Problems |> List.exists (fun one -> one.What = "name servers"))

            other.Health.Problems
            |> List.exists (fun one -> one.What = "name servers")
            |> shouldBeTrue

            do! ChaosRig.finish clock (shared.Client.Close())
            let! _ = sending
            ()
        })

let private broadcasting () =
    withShared (fun _ _ shared ->
        task {
            let directory = IO.Directory.CreateTempSubdirectory().FullName

            let options group =
                { (PushConsumerOptions.create group []
                   |> PushConsumerOptions.subscribe "T" Filter.all
                   |> PushConsumerOptions.broadcasting) with
                    OffsetDirectory = Some directory
                }

            let! started = PushConsumer.Start(shared.Client, options "B", remember (Seen()))
            do! (take started).Close()
            // Not under the id of this run, by which nobody finds it again.
            IO.Directory.GetDirectories directory
            |> Array.exists (fun path -> path.EndsWith("@DEFAULT", StringComparison.Ordinal))
            |> shouldBeTrue

            IO.Directory.Delete(directory, true)
        })

[<Tests>]
let tests =
    testList
        "Shared client"
        [
            live "producers and consumers of all kinds work over one connection to each server" allKinds
            live "one that closes leaves the others working, on the same connections" closingOne
            live "the client closes all that share it, once" closingAll
            live "a simple consumer that closes ends its calls, though the connections stay" closingSimple
            live "a second member of a group is refused until the first has closed" secondMembers
            live "a broker's question reaches the member of the group that it names" runningInfos
            live "each producer of transactions is asked about those of its own group" transactions
            live "replies find the producer that asked" replies
            live "a lost connection is made again once, and all go on" cut
            live "what keeps one producer from sending is no problem of another" healths
            live "a broadcasting consumer finds its offsets again" broadcasting
        ]
