/// Routes: who asks for them, and how long they are kept.
module RocketMq.Protocol.Tests.RoutesTests

open System
open RocketMq.Protocol
open RocketMq

let private nameServer = FakeServers.at 1

/// One name server whose answers wait until the test lets them go, and that counts how many wait at a time.
type private Gate() =
    let gate = obj ()
    let mutable waiting: TaskCompletionSource list = []
    let mutable counts: Map<string, int> = Map.empty
    let mutable most: Map<string, int> = Map.empty

    let countOf topic =
        Map.tryFind topic counts |> Option.defaultValue 0

    member _.Waiting = lock gate (fun () -> waiting.Length)

    member _.MostAtATime topic =
        lock gate (fun () -> Map.tryFind topic most |> Option.defaultValue 0)

    member _.Pass(topic: string) : Task =
        let turn =
            lock gate (fun () ->
                let turn = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously
                waiting <- turn :: waiting
                counts <- Map.add topic (countOf topic + 1) counts
                most <- Map.add topic (max (countOf topic) (Map.tryFind topic most |> Option.defaultValue 0)) most
                turn)

        backgroundTask {
            do! turn.Task
            lock gate (fun () -> counts <- Map.add topic (countOf topic - 1) counts)
        }

    member _.Open() =
        let passing =
            lock gate (fun () ->
                let passing = waiting
                waiting <- []
                passing)

        for turn in passing do
            turn.TrySetResult() |> ignore

let private routesWith (options: RemotingOptions) =
    let clients = RemotingClients(options, (fun _ -> Map.empty))
    clients, Routes(NameServer([| nameServer |], clients), clients)

let private routesOf (servers: FakeServers) = routesWith servers.Options

let private aMinute = TimeSpan.FromMinutes 1L

let private publish (routes: Routes) topic =
    routes.Publish(topic, AutoCreateTopic.Default, aMinute, CancellationToken.None)

let private queuesOf (view: Result<TopicPublishInfo, RemotingError>) =
    match view with
    | Ok view -> view.Queues.Length
    | Error error -> failtest (RemotingError.describe error)

let private routeOf queues =
    FakeServers.routeOver [ "a", 11, queues ]

/// Servers that answer for a topic once a gate lets it pass.
let private behind (gate: Gate) (answer: RemotingCommand -> Reaction) =
    FakeServers(
        ManualClock(),
        (fun _ -> Accepts),
        fun _ command ->
            backgroundTask {
                do! gate.Pass(FakeServers.topicOf command)
                return answer command
            }
    )

let private sharedQueries =
    testList
        "shared queries"
        [
            live "a hundred callers of an unknown topic share one query for it and one for the template" (fun () ->
                task {
                    let gate = Gate()

                    let servers =
                        behind gate (fun command ->
                            if FakeServers.topicOf command = Send.defaultTopic then
                                FakeServers.routed (routeOf 8) command
                            else
                                FakeServers.unknownTopic command)

                    let clients, routes = routesOf servers
                    let changes = Collections.Concurrent.ConcurrentQueue<TopicRoute>()
                    routes.Changed.Add(fun struct (_, route) -> changes.Enqueue route)

                    let asking =
                        [|
                            for _ in 1..100 ->
                                Task.Run<Result<TopicPublishInfo, RemotingError>>(fun () -> publish routes "New")
                        |]

                    do! until (fun () -> gate.Waiting = 1)
                    let all = Task.WhenAll asking

                    while not all.IsCompleted do
                        gate.Open()
                        do! Task.Yield()

                    let! views = all
                    views |> Array.map queuesOf |> Array.distinct |> shouldEqual [| 4 |]
                    // One of the template's topic, and one of the new topic.
                    changes.Count |> shouldEqual 2
                    gate.MostAtATime "New" |> shouldEqual 1
                    gate.MostAtATime Send.defaultTopic |> shouldEqual 1
                    servers.CountOf RequestCode.GetRouteInfoByTopic |> shouldStayBelow 100
                    do! clients.CloseAll()
                })
        ]

let private templateRoutes =
    testList
        "template routes"
        [
            live "the route of the template topic replaces no other route" (fun () ->
                task {
                    let mutable asked: RemotingCommand voption = ValueNone

                    let servers =
                        FakeServers.answering (ManualClock()) (fun _ command ->
                            match FakeServers.topicOf command, asked with
                            | topic, _ when topic = Send.defaultTopic ->
                                // The topic is made while the template is waited for.
                                asked <- ValueSome command
                                IsMute
                            | "Other", ValueSome earlier ->
                                AnswersAndAsks(
                                    GetRoute.operation.Answer(routeOf 1, command),
                                    GetRoute.operation.Answer(routeOf 8, earlier)
                                )
                            | _, ValueSome _ -> FakeServers.routed (routeOf 3) command
                            | _, ValueNone -> FakeServers.unknownTopic command)

                    let clients, routes = routesOf servers
                    let asking = publish routes "New"
                    do! until (fun () -> servers.CountOf RequestCode.GetRouteInfoByTopic = 2)
                    do! routes.Refresh "New"
                    let! _ = publish routes "Other"
                    let! found = asking
                    queuesOf found |> shouldEqual 3

                    match routes.TryPublish("New", AutoCreateTopic.Default) with
                    | ValueSome view -> view.Queues.Length |> shouldEqual 3
                    | ValueNone -> failtest "the route was forgotten"

                    do! clients.CloseAll()
                })
        ]

let private unchangedRoutes =
    testList
        "unchanged routes"
        [
            live "a route that is said again stays as it is, with what was worked out from it" (fun () ->
                task {
                    let clock = ManualClock()
                    let mutable queues = 4

                    let servers =
                        FakeServers.answering clock (fun _ command -> FakeServers.routed (routeOf queues) command)

                    let clients, routes = routesOf servers
                    let! first = publish routes "T"
                    clock.Advance(TimeSpan.FromSeconds 2L)
                    do! routes.Refresh "T"
                    servers.CountOf RequestCode.GetRouteInfoByTopic |> shouldEqual 2

                    match routes.TryPublish("T", AutoCreateTopic.Default) with
                    | ValueSome same -> Object.ReferenceEquals(Buffers.ok first, same) |> shouldBeTrue
                    | ValueNone -> failtest "the route was forgotten"

                    queues <- 3
                    clock.Advance(TimeSpan.FromSeconds 2L)
                    let! other = publish routes "T"
                    queuesOf other |> shouldEqual 3
                    do! clients.CloseAll()
                })
        ]

let private cancellation =
    testList
        "cancellation"
        [
            live "a caller that cancels leaves the answer to the others" (fun () ->
                task {
                    let gate = Gate()

                    let servers = behind gate (FakeServers.routed (routeOf 4))

                    let clients, routes = routesOf servers
                    use leaving = new CancellationTokenSource()
                    let first = routes.Publish("T", AutoCreateTopic.Default, aMinute, leaving.Token)
                    do! until (fun () -> gate.Waiting = 1)
                    let second = publish routes "T"
                    leaving.Cancel()
                    let! given = first

                    match given with
                    | Error error ->
                        error
                        |> shouldEqual (RemotingError.Cancelled(RequestCode.GetRouteInfoByTopic, false))
                    | Ok _ -> failtest "the first caller had given up"

                    gate.Open()
                    let! found = second
                    queuesOf found |> shouldEqual 4
                    servers.CountOf RequestCode.GetRouteInfoByTopic |> shouldEqual 1
                    do! clients.CloseAll()
                })
        ]

let private failures =
    testList
        "failures"
        [
            live "a missing route is an error with every name server that was asked and its answer" (fun () ->
                task {
                    let clock = ManualClock()

                    let servers =
                        FakeServers(
                            clock,
                            (fun endpoint -> if endpoint = FakeServers.at 1 then Rejects else Accepts),
                            fun _ _ -> Task.FromResult HangsUp
                        )

                    let clients = RemotingClients(servers.Options, (fun _ -> Map.empty))
                    let nameServers = NameServer([| FakeServers.at 1; FakeServers.at 2 |], clients)
                    let routes = Routes(nameServers, clients)
                    let! found = routes.Get("T", CancellationToken.None)

                    match found with
                    | Error(RemotingError.RouteUnknown("T", reason)) ->
                        reason.Text |> shouldMention "fake:1"
                        reason.Text |> shouldMention "fake:2"
                    | other -> failtest $"%A{other}"

                    do! clients.CloseAll()
                })

            live "closed routes report that they are closed and not a cancellation" (fun () ->
                task {
                    let servers =
                        FakeServers(ManualClock(), (fun _ -> Accepts), (fun _ _ -> Task.FromResult IsMute))

                    let clients, routes = routesOf servers
                    let waiting = routes.Get("T", CancellationToken.None)
                    do! until (fun () -> servers.CountOf RequestCode.GetRouteInfoByTopic = 1)
                    routes.Close()
                    let! found = waiting
                    found |> shouldEqual (Error(RemotingError.AlreadyClosed "The client"))
                    let! late = routes.Get("U", CancellationToken.None)
                    late |> shouldEqual (Error(RemotingError.AlreadyClosed "The client"))
                    do! clients.CloseAll()
                })
        ]

let private pollSeesChanges () : Task =
    task {
        let clock = ManualClock()
        let mutable isUp = true
        let mutable queues = 4

        let servers =
            FakeServers.answering clock (fun _ command ->
                if Volatile.Read &isUp then
                    FakeServers.routed (routeOf (Volatile.Read &queues)) command
                else
                    HangsUp)

        // The clock is moved while a question is under way: it must not run out of time by that.
        let clients, routes = routesWith (patiently clock servers.Options)
        let changes = Collections.Concurrent.ConcurrentQueue<TopicRoute>()
        routes.Changed.Add(fun struct (_, route) -> changes.Enqueue route)
        routes.Start()
        let! found = publish routes "T"
        queuesOf found |> shouldEqual 4

        /// One poll, seen by the name server, and its answer taken.
        let poll () =
            task {
                let before = servers.CountOf RequestCode.GetRouteInfoByTopic
                // Until the poll waits again.
                do! until (fun () -> clock.Timers > 0)

                while servers.CountOf RequestCode.GetRouteInfoByTopic = before do
                    clock.Advance(TimeSpan.FromSeconds 1L)
                    do! Task.Yield()
            }

        let seen () =
            match routes.TryPublish("T", AutoCreateTopic.Default) with
            | ValueSome view -> view.Queues.Length
            | ValueNone -> 0

        do! poll ()
        do! poll ()
        changes.Count |> shouldEqual 1
        Volatile.Write(&queues, 6)
        do! poll ()
        do! until (fun () -> seen () = 6)
        do! until (fun () -> changes.Count = 2)
        Volatile.Write(&isUp, false)

        for _ in 1..5 do
            do! poll ()
            seen () |> shouldEqual 6

        queuesOf (Ok (routes.TryPublish("T", AutoCreateTopic.Default)).Value)
        |> shouldEqual 6

        Volatile.Write(&isUp, true)
        Volatile.Write(&queues, 8)
        do! poll ()
        do! until (fun () -> seen () = 8 && changes.Count >= 3)
        changes.Count |> shouldEqual 3
        routes.Close()
        do! clients.CloseAll()
    }

let private polling =
    testList
        "polling"
        [
            live "the poll reports a changed route once, and keeps it while no name server answers" pollSeesChanges
        ]

let private doubtfulRoutes =
    testList
        "doubtful routes"
        [
            live "a route that is in doubt is asked for at most once a second" (fun () ->
                task {
                    let clock = ManualClock()

                    let servers =
                        FakeServers(
                            clock,
                            (fun _ -> Accepts),
                            fun _ command -> Task.FromResult(FakeServers.routed (routeOf 4) command)
                        )

                    let clients, routes = routesOf servers

                    let asked () =
                        servers.CountOf RequestCode.GetRouteInfoByTopic

                    let! _ = publish routes "T"

                    for second in 1..3 do
                        for _ in 1..50 do
                            do! routes.Refresh "T"

                        asked () |> shouldEqual second
                        clock.Advance(TimeSpan.FromSeconds 1L)

                    do! clients.CloseAll()
                })
        ]

[<Tests>]
let tests =
    testList
        "Routes"
        [
            sharedQueries
            templateRoutes
            unchangedRoutes
            cancellation
            failures
            polling
            doubtfulRoutes
        ]
