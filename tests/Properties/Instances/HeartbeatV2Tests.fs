/// Heartbeats of version 2, by which a client leaves its subscriptions out.
module RocketMq.Protocol.Tests.HeartbeatV2Tests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private broker = FakeServers.at 11

let private react (supports: bool) (isChanged: unit -> bool) (_: Endpoint) (command: RemotingCommand) =
    match command.RequestCode with
    | RequestCode.GetRouteInfoByTopic when FakeServers.topicOf command = "T" ->
        FakeServers.routed (FakeServers.routeOver [ "a", 11, 4 ]) command
    | RequestCode.GetRouteInfoByTopic -> FakeServers.unknownTopic command
    // Nobody gets queues.
    | RequestCode.GetConsumerListByGroup -> Answers(Heartbeat.members.Answer([ "another" ], command))
    | RequestCode.HeartBeat when supports ->
        Answers(
            Heartbeat.send.Answer(
                {
                    SupportsFingerprints = Some true
                    IsSubscriptionChanged = Some(isChanged ())
                },
                command
            )
        )
    | _ -> FakeServers.success command

type private Rig =
    {
        Clock: ManualClock
        Servers: FakeServers
        Consumer: PushConsumer
    }

    member rig.Heartbeats: Heartbeat list =
        [
            for struct (endpoint, command) in rig.Servers.Requests do
                if endpoint = broker && command.RequestCode = RequestCode.HeartBeat then
                    Heartbeat.send.Decode command |> Buffers.ok
        ]

    /// Lets the time of one heartbeat pass, until so many have come.
    member rig.PassTo(count: int) : Task =
        task {
            while rig.Heartbeats.Length < count do
                rig.Clock.Advance second
                let mutable turns = 0

                while turns < 500 && rig.Heartbeats.Length < count do
                    turns <- turns + 1
                    do! Task.Yield()
        }

let private withRig supports (isChanged: unit -> bool) (test: Rig -> Task) : Task =
    task {
        let clock = ManualClock()
        let servers = FakeServers.answering clock (react supports isChanged)

        let options =
            PushConsumerOptions.create "G" [ FakeServers.at 1 ]
            |> PushConsumerOptions.subscribe "T" Filter.all

        let! consumer =
            startConsumer
                { options with
                    Consumer.Client.UseHeartbeatV2 = true
                    Consumer.Client.Remoting = patiently clock servers.Options
                }
                (remember (Seen()))

        do!
            test
                {
                    Clock = clock
                    Servers = servers
                    Consumer = consumer
                }

        do! consumer.Close()
    }

let private isShort (heartbeat: Heartbeat) =
    heartbeat.IsWithoutSubscriptions = Some true
    && heartbeat.Fingerprint.IsSome
    && heartbeat.Consumers |> List.forall _.Subscriptions.IsEmpty
    && not heartbeat.Consumers.IsEmpty

let private isWhole (heartbeat: Heartbeat) =
    heartbeat.IsWithoutSubscriptions = Some false
    && heartbeat.Consumers
       |> List.forall (fun membership -> not membership.Subscriptions.IsEmpty)

let private leftOut () =
    withRig true (fun () -> false) (fun rig ->
        task {
            do! rig.PassTo 4
            let heartbeats = rig.Heartbeats
            isWhole heartbeats.Head |> shouldBeTrue
            heartbeats |> List.last |> isShort |> shouldBeTrue
        })

let private notSupported () =
    withRig false (fun () -> false) (fun rig ->
        task {
            do! rig.PassTo 4
            rig.Heartbeats |> List.filter (not << isWhole) |> shouldBeEmpty
        })

let private repeated () =
    let mutable isChanged = false

    withRig true (fun () -> isChanged) (fun rig ->
        task {
            do! rig.PassTo 3
            rig.Heartbeats |> List.last |> isShort |> shouldBeTrue
            let before = rig.Heartbeats.Length
            isChanged <- true
            // Both in one go: the one without subscriptions, and the one that makes up for it.
            do! rig.PassTo(before + 2)
            let pair = rig.Heartbeats |> List.skip before |> List.take 2
            (isShort pair[0], isWhole pair[1]) |> shouldEqual (true, true)
        })

/// A consumer with heartbeats of version 2, of one embedded broker whose clock is the client's too.
let private withBroker change (test: EmbeddedClock -> EmbeddedBroker -> PushConsumer -> Seen -> Task) : Task =
    task {
        let clock = EmbeddedClock()
        let options = EmbeddedBrokerOptions(Clock = clock)
        change options
        use! embedded = EmbeddedBroker.StartAsync(options, CancellationToken.None)
        do! embedded.CreateTopicAsync("T", 2)
        let seen = Seen()

        let consumer =
            consumerAt embedded.NameServer clock "G"
            |> PushConsumerOptions.subscribe "T" Filter.all

        let! consumer =
            startConsumer
                { consumer with
                    Consumer.Client.UseHeartbeatV2 = true
                }
                (remember seen)

        do! test clock embedded consumer seen
        do! consumer.Close()
    }

let private sendTo (embedded: EmbeddedBroker) text : Task =
    task {
        use producer =
            start (
                ProducerOptions.create "P" (endpointsOf embedded.NameServer)
                |> patient TimeProvider.System
            )

        let! sent = send producer (Message.ofText "T" text)

        sent
        |> Result.mapError RemotingError.describe
        |> Buffers.ok
        |> ignore<SendReceipt>
    }

/// Lets time pass until a text has come.
let private passUntil (clock: EmbeddedClock) (seen: Seen) text : Task =
    task {
        while seen.Of text = 0 do
            clock.Advance second
            let mutable turns = 0

            while turns < 500 && seen.Of text = 0 do
                turns <- turns + 1
                do! Task.Yield()
    }

let private pass (clock: EmbeddedClock) seconds : Task =
    task {
        for _ in 1..seconds do
            clock.Advance second

            for _ in 1..200 do
                do! Task.Yield()
    }

let private restarted () =
    withBroker ignore<EmbeddedBrokerOptions> (fun clock embedded _ seen ->
        task {
            do! sendTo embedded "one"
            do! passUntil clock seen "one"
            do! pass clock 100
            do! embedded.RestartAsync()
            do! sendTo embedded "two"
            do! passUntil clock seen "two"
        })

let private forgotten () =
    withBroker ignore<EmbeddedBrokerOptions> (fun clock embedded _ seen ->
        task {
            do! sendTo embedded "one"
            do! passUntil clock seen "one"
            do! pass clock 100
            // The connection stays, so that nothing but refusals tells the client.
            embedded.ForgetClients()
            do! sendTo embedded "two"
            do! passUntil clock seen "two"
        })

let private createdLate () =
    withBroker (fun options -> options.AutoCreateGroups <- false) (fun clock embedded _ seen ->
        task {
            // Heartbeats of a group that does not exist are answered as any other.
            do! pass clock 100
            do! embedded.CreateGroupAsync "G"
            do! sendTo embedded "one"
            do! passUntil clock seen "one"
        })

[<Tests>]
let tests =
    testList
        "Heartbeats of version 2"
        [
            live "a broker that knows the subscriptions is not told them again" leftOut
            live "a broker that does not support it gets them each time" notSupported
            live "a broker that has heard something else gets them at once" repeated
            live "a broker that has restarted gets them, and messages come" restarted
            live "a broker that has forgotten the client gets them after a pull was refused" forgotten
            live "a group that is created late gets its subscriptions" createdLate
        ]
