/// What brokers are told of many producers and consumers that share one client.
module RocketMq.Protocol.Tests.SharedHeartbeatTests

open System
open RocketMq.Protocol
open RocketMq

let private broker = FakeServers.at 11
let private none = CancellationToken.None

let private react (endpoint: Endpoint) (command: RemotingCommand) =
    match command.RequestCode with
    | RequestCode.GetRouteInfoByTopic when FakeServers.topicOf command = "T" ->
        FakeServers.routed (FakeServers.routeOver [ "a", 11, 4 ]) command
    | RequestCode.GetRouteInfoByTopic -> FakeServers.unknownTopic command
    | RequestCode.SendMessageV2 -> FakeServers.stored 1L command
    // Nobody gets queues.
    | RequestCode.GetConsumerListByGroup -> Answers(Heartbeat.members.Answer([ "another" ], command))
    | RequestCode.QueryAssignment -> Answers(Assignments.query.Answer(Some [], command))
    | _ when endpoint = broker || endpoint.Port = 1 -> FakeServers.success command
    | _ -> FakeServers.success command

type private Rig =
    {
        Clock: ManualClock
        Servers: FakeServers
        Client: RocketMqClient
    }

    member rig.Heartbeats: Heartbeat list =
        [
            for struct (endpoint, command) in rig.Servers.Requests do
                if endpoint = broker && command.RequestCode = RequestCode.HeartBeat then
                    Heartbeat.send.Decode command |> Buffers.ok
        ]

    member rig.Departures: (string option * string option) list =
        [
            for struct (_, command) in rig.Servers.Requests do
                if command.RequestCode = RequestCode.UnregisterClient then
                    let departure = Heartbeat.unregister.Decode command |> Buffers.ok
                    departure.ClientId |> shouldEqual rig.Client.ClientId
                    departure.ProducerGroup, departure.ConsumerGroup
        ]

    /// Moves the clock by so many seconds, one at a time; others get their turns.
    member rig.Pass(seconds: int) : Task =
        task {
            for _ in 1..seconds do
                rig.Clock.Advance(TimeSpan.FromSeconds 1L)
                let mutable turns = 0

                while turns < 500 do
                    turns <- turns + 1
                    do! Task.Yield()
        }

    member rig.Producer(group: string) : Producer =
        Producer.Start(rig.Client, ProducerOptions.create group [])
        |> SharedClientRig.take

    member rig.Push(group: string) : Task<PushConsumer> =
        task {
            let options =
                PushConsumerOptions.create group []
                |> PushConsumerOptions.subscribe "T" Filter.all

            let! started = PushConsumer.Start(rig.Client, options, remember (Seen()))
            return SharedClientRig.take started
        }

    /// Pull, pop and simple consumers.
    member rig.StartOthers() : Task =
        task {
            let! pull =
                PullConsumer.Start(
                    rig.Client,
                    PullConsumerOptions.create "pull" []
                    |> PullConsumerOptions.subscribe "T" Filter.all
                )

            let! pop =
                PopConsumer.Start(
                    rig.Client,
                    PopConsumerOptions.create "pop" []
                    |> PopConsumerOptions.subscribe "T" Filter.all,
                    fun _ _ -> Task.FromResult ConsumeResult.Success
                )

            let! simple =
                SimpleConsumer.Start(
                    rig.Client,
                    SimpleConsumerOptions.create "simple" []
                    |> SimpleConsumerOptions.subscribe "T" Filter.all
                )

            (pull.IsOk, pop.IsOk, simple.IsOk) |> shouldEqual (true, true, true)
        }

let private groupsOf (heartbeat: Heartbeat) =
    List.sort heartbeat.ProducerGroups, heartbeat.Consumers |> List.map _.Group |> List.sort

let private withRig (test: Rig -> Task) : Task =
    task {
        let clock = ManualClock()
        let servers = FakeServers.answering clock react

        let client =
            RocketMqClient.Create
                { ClientOptions.shared [ FakeServers.at 1 ] with
                    Remoting = patiently clock servers.Options
                }
            |> SharedClientRig.take

        do!
            test
                {
                    Clock = clock
                    Servers = servers
                    Client = client
                }

        do! client.Close()
    }

let private oneForAll () =
    withRig (fun rig ->
        task {
            for number in 1..3 do
                do! SharedClientRig.sendText (rig.Producer $"P{number}") "T" "m"

            let! _ = rig.Push "push"
            do! rig.StartOthers()
            do! rig.Pass 5
            let before = rig.Heartbeats.Length
            do! rig.Pass 30
            rig.Heartbeats.Length |> shouldEqual (before + 1)
            do! rig.Pass 30
            rig.Heartbeats.Length |> shouldEqual (before + 2)
            let last = List.last rig.Heartbeats
            last.ClientId |> shouldEqual rig.Client.ClientId

            groupsOf last
            |> shouldEqual ([ "P1"; "P2"; "P3" ], [ "pop"; "pull"; "push"; "simple" ])

            last.Consumers
            |> List.collect _.Subscriptions
            |> List.filter (fun one -> one.Topic = "T")
            |> List.length
            |> shouldEqual 4

            rig.Servers.Dials |> List.sort |> shouldEqual [ FakeServers.at 1; broker ]
        })

let private toldAtOnce () =
    withRig (fun rig ->
        task {
            do! SharedClientRig.sendText (rig.Producer "P1") "T" "m"
            // The route and the broker are known already.
            let! _ = rig.Push "push"
            groupsOf (List.last rig.Heartbeats) |> shouldEqual ([ "P1" ], [ "push" ])
            use _ = rig.Producer "P2"
            do! until (fun () -> groupsOf (List.last rig.Heartbeats) = ([ "P1"; "P2" ], [ "push" ]))
        })

let private departures () =
    withRig (fun rig ->
        task {
            let first, second, other = rig.Producer "P", rig.Producer "P", rig.Producer "Q"

            for producer in [ first; second; other ] do
                do! SharedClientRig.sendText producer "T" "m"

            let! push = rig.Push "push"
            do! rig.StartOthers()
            do! rig.Pass 2
            do! push.Close()
            rig.Departures |> shouldEqual [ None, Some "push" ]
            do! first.Close()
            // Another producer of the group is left.
            rig.Departures.Length |> shouldEqual 1
            do! second.Close()
            rig.Departures |> shouldEqual [ None, Some "push"; Some "P", None ]
            do! rig.Pass 30

            groupsOf (List.last rig.Heartbeats)
            |> shouldEqual ([ "Q" ], [ "pop"; "pull"; "simple" ])

            do! rig.Client.Close()

            rig.Departures
            |> List.skip 2
            |> List.sort
            |> shouldEqual [ None, Some "pop"; None, Some "pull"; None, Some "simple"; Some "Q", None ]

            // Producers are left last.
            List.last rig.Departures |> shouldEqual (Some "Q", None)
        })

/// A heartbeat that is on its way while a group is left may be told after the departure.
let private overtaken () : Task =
    task {
        let clock = ManualClock()
        let held = TaskCompletionSource()
        let mutable isHeld = false

        let react endpoint (command: RemotingCommand) =
            task {
                if command.RequestCode = RequestCode.HeartBeat && Volatile.Read &isHeld then
                    do! held.Task

                return react endpoint command
            }

        // Each heartbeat waits on a connection of its own turn: the departure must not wait behind it.
        let servers = FakeServers(clock, (fun _ -> Accepts), react)

        let client =
            RocketMqClient.Create
                { ClientOptions.shared [ FakeServers.at 1 ] with
                    Remoting = patiently clock servers.Options
                }
            |> SharedClientRig.take

        let rig =
            {
                Clock = clock
                Servers = servers
                Client = client
            }

        let left, other = rig.Producer "P", rig.Producer "Q"
        do! SharedClientRig.sendText left "T" "m"
        do! SharedClientRig.sendText other "T" "m"
        do! rig.Pass 2
        let before = rig.Heartbeats.Length
        Volatile.Write(&isHeld, true)
        do! rig.Pass 30
        do! until (fun () -> rig.Heartbeats.Length > before)
        let closing = left.Close()

        // Until its time is over, which begins when it has come to wait.
        while not closing.IsCompleted do
            do! rig.Pass 1

        do! closing
        Volatile.Write(&isHeld, false)
        held.SetResult()
        do! until (fun () -> rig.Departures |> List.filter ((=) (Some "P", None)) |> List.length = 2)
        do! client.Close()
    }

[<Tests>]
let tests =
    testList
        "Shared client heartbeats"
        [
            live "a broker gets one heartbeat in an interval, of all groups" oneForAll
            live "a broker learns at once of a group that joins" toldAtOnce
            live "a broker is told of the group that is left, and of no other" departures
            live "a group is left again if a heartbeat may have come after its departure" overtaken
        ]
