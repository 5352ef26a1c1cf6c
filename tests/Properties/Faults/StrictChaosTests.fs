/// All at once that may go wrong for a group: what its members' handlers do, what brokers do not answer, and a master that is away
/// while a slave serves which lags behind. Nothing is lost, and every offset ends where it should.
module RocketMq.Protocol.Tests.StrictChaosTests

open System
open System.Globalization
open System.Threading
open System.Threading.Tasks
open Expecto
open RocketMq.Embedded
open RocketMq.Protocol
open ProducerRig
open GroupRig
open ProvenFaultRig
open ChaosRig

let private rounds = 40
let private most = 4

/// What a group's member asks brokers for, besides messages.
let private requests =
    [
        RequestCode.PullMessage
        RequestCode.HeartBeat
        RequestCode.GetConsumerListByGroup
        RequestCode.QueryConsumerOffset
        RequestCode.UpdateConsumerOffset
        RequestCode.LockBatchMq
        RequestCode.UnlockBatchMq
        RequestCode.ConsumerSendMessageBack
        RequestCode.GetMaxOffset
        RequestCode.UnregisterClient
    ]

type private Happening =
    | Joins
    | Leaves
    | IsKilled
    | IsCutOff
    | MasterIsAway
    | Pauses
    | SubscribesInVain
    | LosesAnswers
    | LosesRequests
    | AnswersLate
    | Refuses
    | TwinComes

/// Each happening comes up as often as its weight says.
let private weighted =
    [
        5, Joins
        3, Leaves
        3, IsKilled
        3, IsCutOff
        2, MasterIsAway
        2, Pauses
        2, SubscribesInVain
        4, LosesAnswers
        3, LosesRequests
        4, AnswersLate
        4, Refuses
        2, TwinComes
    ]
    |> List.collect (fun (weight, happening) -> List.replicate weight happening)

let private choose (random: Random) members =
    match weighted[random.Next weighted.Length] with
    | Leaves
    | IsKilled when members < 2 -> Joins
    | Joins when members >= most -> IsCutOff
    | happening -> happening

/// The number that a message carries.
let private numberOf (message: StoredMessage) =
    Int32.Parse(Text.Encoding.UTF8.GetString(message.StoredBody.Span).AsSpan 1, CultureInfo.InvariantCulture)

/// Handlers that throw, that take seconds, and that leave callbacks which throw when they are told to end.
let private handler (clock: EmbeddedClock) (ledger: Ledger<int>) (order: OrderWatch) isOrdered : ConsumeHandler =
    let handle (received: ReceivedMessage) (cancellation: CancellationToken) =
        task {
            let number = numberOf received.Message
            let count = ledger.Began received.Message

            if isOrdered then
                order.Began received.Message

            if number % 97 = 0 && count = 1 then
                failwith "a handler that throws, on purpose"

            if number % 101 = 0 then
                cancellation.Register(fun () -> failwith "a callback that throws, on purpose")
                |> ignore<CancellationTokenRegistration>

            if number % 211 = 0 then
                do! Task.Delay(TimeSpan.FromSeconds 3L, clock, CancellationToken.None)
            elif number % 7 = 0 then
                do! Task.Yield()

            if isOrdered then
                order.Ended received.Message

            ledger.Ended received.Message
            return ConsumeResult.Success
        }

    EachMessage(fun received cancellation -> ValueTask<ConsumeResult>(handle received cancellation))

/// A second process with a member's name, as brokers see it.
let private twinOf (cluster: EmbeddedCluster) (clientId: string) : Task<RemotingClient> =
    task {
        let client =
            RemotingClient.Create((endpointsOf cluster.Brokers[0].Address).Head, RemotingOptions.Default)
            |> Buffers.ok

        let subscriptions =
            [
                for topic in [ "T"; "%RETRY%C" ] ->
                    {
                        Topic = topic
                        Filter = Filter.all
                        Version = 1L
                    }
            ]

        let twin = GroupRequests.memberOf "C" Passively Clustering LastOffset subscriptions

        let request =
            Heartbeat.send.Request
                {
                    ClientId = clientId
                    ProducerGroups = []
                    Consumers = [ twin ]
                    Fingerprint = None
                    IsWithoutSubscriptions = None
                }

        let! answer = client.Ask(request, CancellationToken.None)
        answer |> Result.mapError RemotingError.describe |> Buffers.ok |> ignore
        return client
    }

/// Stores a message, however often it takes.
let rec private store (producer: Producer) number : Task =
    task {
        match! producer.Send(Message.ofText "T" $"m{number}", CancellationToken.None) with
        | Ok _ -> ()
        | Error _ -> do! store producer number
    }

/// The group: its members, and what befalls them.
[<Sealed>]
type private Group(clock: EmbeddedClock, cluster: EmbeddedCluster, isOrdered: bool) =
    let master = cluster.Brokers[0]
    let ledger = Ledger numberOf
    let order = OrderWatch()
    let random = Random 20261128
    let members = ResizeArray<PushConsumer>()
    let mutable names = 0

    let optionsOf name =
        let options = consumerOf cluster clock "C"

        { options with
            IsOrdered = isOrdered
            ConsumeFrom = LastOffset
            Subscriptions = [ "T", Filter.all ]
            InstanceName = Some name
            Remoting =
                { options.Remoting with
                    RequestTimeout = TimeSpan.FromSeconds 10L
                }
        }

    let join () : Task =
        task {
            names <- names + 1
            let options = optionsOf $"member{names}"
            let mutable isIn = false

            // A start may run out of the moved time, as on a real cluster.
            while not isIn do
                match! waitFor clock (PushConsumer.Start(options, handler clock ledger order isOrdered)) with
                | Ok consumer ->
                    members.Add consumer
                    isIn <- true
                | Error error when RemotingError.isTransient error -> ()
                | Error error -> failtest (RemotingError.describe error)
        }

    let anyone () = members[random.Next members.Count]

    let remove (ending: PushConsumer -> Task) : Task =
        task {
            let leaving = anyone ()
            members.Remove leaving |> ignore<bool>
            do! finish clock (ending leaving)
        }

    let isAway () : Task =
        task {
            do! master.StopAsync()
            do! passFor clock (seconds 45)
            do! master.StartAsync()
        }

    /// Longer than a queue may go without a pull.
    let pauses (consumer: PushConsumer) : Task =
        task {
            consumer.Pause()
            do! passFor clock (seconds 150)
            consumer.Resume()
        }

    let subscribesInVain (consumer: PushConsumer) : Task =
        task {
            let faults = cluster.NameServerNodes[0].Faults
            let topic = $"Other{names}"
            faults.On(RequestCode.GetRouteInfoByTopic).Refuse(ResponseCode.SystemError, "on purpose", 3)
            let subscribing = consumer.Subscribe(topic, Filter.all)
            do! pass clock (fun () -> subscribing.IsCompleted)
            faults.Heal()
            do! finish clock (consumer.Unsubscribe topic)
        }

    let twinComes (consumer: PushConsumer) : Task =
        task {
            let! twin = twinOf cluster consumer.ClientId
            do! passFor clock (seconds 60)
            do! twin.Close()
        }

    let harm (how: RequestFaults -> unit) : Task =
        how (master.Faults.On requests[random.Next requests.Length])
        Task.CompletedTask

    member _.Ledger = ledger
    member _.Inversions = order.Inversions
    member _.Members: PushConsumer list = List.ofSeq members
    member _.Join() = join ()

    /// Something happens by chance, and is over in the end. What it was.
    member _.Happen() : Task<Happening> =
        task {
            let happening = choose random members.Count

            do!
                match happening with
                | Joins -> join ()
                | Leaves -> remove _.Close()
                | IsKilled -> remove _.Kill()
                | IsCutOff ->
                    master.DisconnectClients()
                    Task.CompletedTask
                | MasterIsAway -> isAway ()
                | Pauses -> pauses (anyone ())
                | SubscribesInVain -> subscribesInVain (anyone ())
                | LosesAnswers -> harm _.LoseAnswers(3)
                | LosesRequests -> harm _.LoseRequests(3)
                | AnswersLate -> harm _.AnswerLate(seconds 15, 3)
                | Refuses -> harm _.Refuse(ResponseCode.SystemError, "on purpose", 3)
                | TwinComes -> twinComes (anyone ())

            return happening
        }

    /// Waits for no longer than faults of a minute or two can explain, and says what it has waited for.
    member group.Reaches (what: string) (condition: unit -> bool) : Task =
        task {
            let! isReached = happensWithin clock (TimeSpan.FromMinutes 30L) condition

            if not isReached then
                let states =
                    group.Members
                    |> List.map (fun consumer -> consumer.ClientId, consumer.Health.Problems, consumer.Health.Queues)

                failtest $"{what}: {ledger.Done} consumed; %A{states}"
        }

/// A strict cluster: a slave that lags, nothing in memory, and less kept than is sent, though far more than waits at any time.
let private startStrict clock : Task<EmbeddedCluster> =
    startCluster (fun options ->
        options.Masters <- 1
        options.Slaves <- 1
        options.Clock <- clock
        options.MemoryBytes <- 0L
        options.SlaveCopyInterval <- TimeSpan.FromSeconds 20L
        options.RetentionBytes <- int64 messages * 120L)

/// What the master has of the group's offsets.
let private committedAt client : Task<int64 option list> =
    task {
        let offsets: int64 option[] = Array.zeroCreate queues

        for queueId in 0 .. queues - 1 do
            let! offset = committedOf client "C" "T" queueId
            offsets[queueId] <- offset

        return List.ofArray offsets
    }

let private chaos isOrdered : Task =
    task {
        let clock = EmbeddedClock()
        use! cluster = startStrict clock
        do! cluster.CreateTopicAsync("T", queues)
        let group = Group(clock, cluster, isOrdered)
        let happened = ResizeArray<Happening>()

        use client =
            RemotingClient.Create(
                (endpointsOf cluster.Brokers[0].Address).Head,
                { RemotingOptions.Default with
                    RequestTimeout = TimeSpan.FromMinutes 1L
                }
            )
            |> Buffers.ok

        let areCommitted (expected: int64 option list -> bool) limit =
            becomesWithin clock limit (fun () ->
                task {
                    let! offsets = committedAt client
                    return expected offsets
                })

        // From the end on: what is sent from now on counts, once the group's beginning is known to the broker.
        do! group.Join()
        let! hasBegun = areCommitted (List.forall Option.isSome) (seconds 120)
        hasBegun |> shouldBeTrue

        use producer =
            start (
                ProducerOptions.create "G" (endpointsOf cluster.NameServers)
                |> patient TimeProvider.System
            )

        for round in 0 .. rounds - 1 do
            do! inCrowd 16 (round * messages / rounds) (messages / rounds) (store producer)
            let! happening = group.Happen()
            happened.Add happening
            // What waits stays far below what is kept.
            let goal = (round + 1) * messages / rounds - messages / 10
            do! group.Reaches $"{goal} consumed after %A{happening}" (fun () -> group.Ledger.Done >= goal)

        cluster.Brokers[0].Faults.Heal()
        do! group.Reaches "all consumed" (fun () -> group.Ledger.Done = messages)
        let! ends = ends client
        let ends = ends |> Array.map Some |> List.ofArray
        let! isCommitted = areCommitted ((=) ends) (seconds 900)
        do! group.Reaches "all are well" (fun () -> group.Members |> List.forall _.Health.IsWell)

        for leaving in group.Members do
            do! finish clock (leaving.Close())

        let! final = committedAt client

        printfn
            $"Strict chaos, in order {isOrdered}: {messages} messages, {describe happened}; \
            {group.Ledger.Deliveries - messages} delivered again"

        isCommitted |> shouldBeTrue
        final |> shouldEqual ends

        if isOrdered then
            group.Inversions |> shouldEqual 0
    }

[<Tests>]
let tests =
    testSequenced
    <| testList
        "Strict chaos"
        [
            live "concurrent members lose nothing, whatever happens, and commit all" (fun () -> chaos false)
            live "ordered members lose nothing either, and no message passes one before it" (fun () -> chaos true)
        ]
