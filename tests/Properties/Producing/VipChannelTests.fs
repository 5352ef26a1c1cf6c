/// Messages to the port of brokers that is two below their own.
module RocketMq.Protocol.Tests.VipChannelTests

open System
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private main = FakeServers.at 11
let private vip = FakeServers.at 9

let private react (_: Endpoint) (command: RemotingCommand) =
    match command.RequestCode with
    | RequestCode.GetRouteInfoByTopic when FakeServers.topicOf command = "T" ->
        FakeServers.routed (FakeServers.routeOver [ "a", 11, 4 ]) command
    | RequestCode.GetRouteInfoByTopic -> FakeServers.unknownTopic command
    | RequestCode.SendMessageV2 -> FakeServers.stored 1L command
    | _ -> FakeServers.success command

let private producerOver (servers: FakeServers) clock change =
    let options = ProducerOptions.create "G" [ FakeServers.at 1 ]

    start (
        change
            { options with
                UseVipChannel = true
                SendTimeout = TimeSpan.FromHours 2
                Client.Remoting = patiently clock servers.Options
            }
    )

let private message = Message.ofText "T" "body"

let private sendsAlone () : Task =
    task {
        let clock = ManualClock()
        let servers = FakeServers.answering clock react
        use producer = producerOver servers clock id
        let! sent = send producer message
        sent.IsOk |> shouldBeTrue
        let! sent = producer.SendOneWay(message, AnyQueue, CancellationToken.None)
        sent.IsOk |> shouldBeTrue

        do! until (fun () -> servers.CountOf(RequestCode.HeartBeat, main) > 0)

        let byPort port =
            [
                for struct (endpoint, command) in servers.Requests do
                    if endpoint.Port = port then
                        command.RequestCode
            ]

        byPort vip.Port |> List.distinct |> shouldEqual [ RequestCode.SendMessageV2 ]

        byPort main.Port |> List.distinct |> shouldEqual [ RequestCode.HeartBeat ]
    }

let private refused () : Task =
    task {
        let clock = ManualClock()
        let log = LogLines()

        let servers =
            FakeServers(
                clock,
                (fun endpoint -> if endpoint = vip then Rejects else Accepts),
                (fun endpoint command -> Task.FromResult(react endpoint command))
            )

        use producer =
            producerOver servers clock (fun options ->
                { options with
                    Attempts = 1
                    Client.Remoting.Logger = log
                })

        match! send producer message with
        | Error(RemotingError.NotConnected(endpoint, reason)) ->
            endpoint |> shouldEqual vip
            reason.Text |> shouldMention "useVipChannel"
        | other -> failtest $"%A{other}"

        servers.CountOf(RequestCode.SendMessageV2) |> shouldEqual 0
        // The broker itself is there and answers heartbeats, which says nothing of this port.
        let problem = producer.Health.Problems |> List.exactlyOne
        problem.What |> shouldEqual "topic T"
        problem.Reason |> shouldMention "useVipChannel"

        [
            for struct (_, id, line) in log.All do
                if id = 1002 then
                    line
        ]
        |> List.exists (fun line -> line.Contains("useVipChannel", StringComparison.Ordinal))
        |> shouldBeTrue
    }

let private otherBrokers () : Task =
    task {
        let clock = ManualClock()

        let servers =
            FakeServers(
                clock,
                (fun endpoint -> if endpoint = vip then Rejects else Accepts),
                (fun endpoint command ->
                    Task.FromResult(
                        match command.RequestCode with
                        | RequestCode.GetRouteInfoByTopic when FakeServers.topicOf command = "T" ->
                            FakeServers.routed (FakeServers.routeOver [ "a", 11, 4; "b", 22, 4 ]) command
                        | _ -> react endpoint command
                    ))
            )

        use producer = producerOver servers clock id

        for _ in 1..8 do
            let! sent = send producer message
            sent.IsOk |> shouldBeTrue

        servers.CountOf(RequestCode.SendMessageV2, FakeServers.at 20) |> shouldEqual 8
    }

let private embedded () : Task =
    task {
        use! broker =
            EmbeddedBroker.StartAsync(EmbeddedBrokerOptions(VipChannel = true), CancellationToken.None)

        let own = (endpointsOf broker.BrokerAddress).Head
        let vip = { own with Port = own.Port - 2 }

        for round in 1..2 do
            use producer =
                start
                    { (ProducerOptions.create "G" (endpointsOf broker.NameServer)
                       |> patient TimeProvider.System) with
                        UseVipChannel = true
                    }

            let! sent = send producer (Message.ofText "T" $"message {round}")

            sent
            |> Result.mapError RemotingError.describe
            |> Buffers.ok
            |> ignore<SendReceipt>

            do! broker.RestartAsync()

        use direct = RemotingClient(vip, RemotingOptions.Default)
        let pull = { Examples.pull with Topic = "T" }

        match! direct.Request(Pull.messages.Request pull, CancellationToken.None) with
        | Error(RemotingError.Refused(_, _, _, code, _)) -> code |> shouldEqual ResponseCode.RequestCodeNotSupported
        | other -> failtest $"%A{other}"
    }

let private notListening () : Task =
    task {
        use! broker = EmbeddedBroker.StartAsync()

        use producer =
            start
                { (ProducerOptions.create "G" (endpointsOf broker.NameServer)
                   |> patient TimeProvider.System) with
                    UseVipChannel = true
                    Attempts = 1
                }

        match! send producer message with
        | Error error -> RemotingError.describe error |> shouldMention "useVipChannel"
        | Ok _ -> failtest "something listens two ports below the embedded broker"
    }

let private noSuchPort () =
    VipChannel.tryOf { Host = "h"; Port = 2 } |> shouldEqual ValueNone

    VipChannel.tryOf { Host = "h"; Port = 3 }
    |> shouldEqual (ValueSome { Host = "h"; Port = 1 })

[<Tests>]
let tests =
    testList
        "VIP channel"
        [
            live "messages go to it, heartbeats do not" sendsAlone
            live "a port that refuses is an error that names the option, and nothing goes elsewhere" refused
            live "another broker is tried where there is one" otherBrokers
            live "the embedded broker takes sends there if it is set up to, and no pulls" embedded
            live "the embedded broker does not listen there by itself" notListening
            testCase "a broker without a port two below has none" noSuchPort
        ]
