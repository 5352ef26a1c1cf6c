/// Addresses that nobody uses any more cost nothing: faults.md C3.
module RocketMq.Protocol.Tests.ForgottenAddressTests

open System
open RocketMq.Protocol
open RocketMq

let private host = "forgotten"
let private at port : Endpoint = { Host = host; Port = port }

/// How many clients of servers of this host are measured.
let private measured () =
    Footprint.measuredClients "server.address" host

let private question = Command.request RequestCode.GetMaxOffset

let private succeeds (answer: Result<RemotingCommand, RemotingError>) =
    match answer with
    | Ok _ -> ()
    | Error error -> failtest (RemotingError.describe error)

/// The code of a request that a server hangs up at. All others are answered.
let private hangUp = RequestCode.PullMessage

let private start () =
    let clock = ManualClock()

    let react _ (command: RemotingCommand) =
        Task.FromResult(
            if command.RequestCode = hangUp then
                HangsUp
            else
                FakeServers.success command
        )

    let servers = FakeServers(clock, (fun _ -> Accepts), react)

    // Connections that are not used are left before anybody asks whether their servers live.
    let liveness =
        { KeepAlive.Default with
            ProbeAfter = TimeSpan.FromHours 1.0
        }

    struct (clock,
            servers,
            RemotingClients
                { servers.Options with
                    KeepAlive = liveness
                })

/// Uses a server once. Keeps no hold of its client.
let private useOnce (clients: RemotingClients) port : Task<WeakReference> =
    backgroundTask {
        let client = clients.Get(at port)
        let! answer = client.Invoke(question, CancellationToken.None)
        succeeds answer
        return WeakReference client
    }

/// Lets so much time pass that connections are left which nobody uses, and waits until they are.
let private untilLeft (clock: ManualClock) (clients: RemotingClients) : Task =
    task {
        clock.Advance RemotingOptions.Default.KeepAlive.IdleAfter

        do!
            OnNetwork.until (fun () ->
                // A connection that was still starting has set its timer after that time.
                clock.Advance(TimeSpan.FromMilliseconds 1L)

                clients.Health
                |> List.forall (fun health -> health.State = ConnectionState.Disconnected))
    }

/// Has so many new addresses come that those which nobody uses are forgotten.
let private forgetOthers clock clients : Task =
    task {
        for round in 0..4 do
            do! untilLeft clock clients

            for port in 1..100 do
                let! _ = useOnce clients (1_000 + round * 100 + port)
                ()
    }

/// A client of a broker that has been told of a member, and again after its connection was cut. Keeps no hold of it.
let private registerAndCut
    (clock: ManualClock)
    (clients: RemotingClients)
    (presence: HeartbeatService)
    (heartbeats: unit -> int)
    : Task<WeakReference> =
    backgroundTask {
        let before = heartbeats ()
        let! told = presence.At(string (at 1))
        told |> shouldEqual (Ok())
        // Once, or twice: the news that the connection was made may come after the answer.
        (heartbeats () > before) |> shouldBeTrue
        let client = clients.Get(at 1)
        let! cut = client.Invoke(Command.request hangUp, CancellationToken.None)
        cut.IsError |> shouldBeTrue
        do! OnNetwork.until (fun () -> client.State = ConnectionState.Connecting 0)
        let toldBefore = heartbeats ()
        let asking = client.Invoke(question, CancellationToken.None)

        // The connection is made again some time after it was lost.
        while client.State = ConnectionState.Connecting 0 do
            clock.Advance(TimeSpan.FromMilliseconds 10L)
            let mutable turns = 0

            while turns < 200 && client.State = ConnectionState.Connecting 0 do
                turns <- turns + 1
                do! Task.Yield()

        let! answer = asking
        succeeds answer
        // The broker is told again when the connection has been made again.
        do! OnNetwork.until (fun () -> heartbeats () > toldBefore)
        return WeakReference client
    }

let private forgetting =
    testList
        "forgetting"
        [
            Footprint.testLong "two thousand addresses, each used for a while, leave few clients" (fun () ->
                task {
                    let struct (clock, _, clients) = start ()
                    let uses = ResizeArray<WeakReference>()

                    for round in 0..19 do
                        for port in 1..100 do
                            let! client = useOnce clients (round * 100 + port)
                            uses.Add client

                        do! untilLeft clock clients

                    let! _ = useOnce clients 3_000
                    clients.Health.Length |> shouldStayBelow 250
                    measured () |> shouldEqual clients.Health.Length

                    let alive () =
                        Footprint.collect ()
                        uses |> Seq.filter _.IsAlive |> Seq.length

                    let! alive = Footprint.settle alive (fun alive -> alive < 250)
                    alive |> shouldStayBelow 250
                    do! clients.CloseAll()
                    measured () |> shouldEqual 0
                })

            Footprint.testLong "a forgotten client that is still held can be used, and is shared by all" (fun () ->
                task {
                    let struct (clock, _, clients) = start ()
                    let held = clients.Get(at 1)
                    let! answer = held.Invoke(question, CancellationToken.None)
                    succeeds answer

                    do! forgetOthers clock clients

                    clients.Health
                    |> List.exists (fun health -> health.Endpoint = at 1)
                    |> shouldBeFalse

                    let! answer = held.Invoke(question, CancellationToken.None)
                    succeeds answer
                    obj.ReferenceEquals(clients.Get(at 1), held) |> shouldBeTrue

                    clients.Health
                    |> List.exists (fun health -> health.Endpoint = at 1)
                    |> shouldBeTrue

                    do! clients.CloseAll()
                    held.State |> shouldEqual ConnectionState.Closed
                    measured () |> shouldEqual 0
                })
        ]

let private returningBrokers =
    testList
        "returning brokers"
        [
            Footprint.testLong
                "a broker whose client was forgotten gets heartbeats like any other when it comes back"
                (fun () ->
                    task {
                        let struct (clock, servers, clients) = start ()

                        let routes = Routes(NameServer([| at 9 |], clients), clients)

                        let heartbeat () : Heartbeat =
                            {
                                ClientId = "client"
                                ProducerGroups = [ "G" ]
                                Consumers = []
                                Fingerprint = None
                                IsWithoutSubscriptions = None
                            }

                        let presence =
                            HeartbeatService(clients, routes, HeartbeatRig.source AllBrokers heartbeat)

                        let heartbeats () =
                            servers.CountOf(RequestCode.HeartBeat, at 1)

                        let! former = registerAndCut clock clients presence heartbeats
                        // Its broker is in no route any more.
                        do! presence.Renew()
                        do! forgetOthers clock clients

                        let alive () =
                            Footprint.collect ()
                            former.IsAlive

                        let! isAlive = Footprint.settle alive not
                        isAlive |> shouldBeFalse
                        let! _ = registerAndCut clock clients presence heartbeats
                        do! clients.CloseAll()
                    })
        ]

let private clientsInUse =
    testList
        "clients in use"
        [
            Footprint.testLong "connections that are in use are kept, however many addresses come" (fun () ->
                task {
                    let struct (_, _, clients) = start ()

                    for port in 1..1_000 do
                        let! _ = useOnce clients port
                        ()

                    clients.Health.Length |> shouldEqual 1_000
                    do! clients.CloseAll()
                })

            Footprint.testLong
                "a client that was forgotten is closed with the others when it is used after that"
                (fun () ->
                    task {
                        let struct (clock, _, clients) = start ()
                        let held = clients.Get(at 1)

                        do! forgetOthers clock clients

                        do! clients.CloseAll()
                        let! answer = held.Invoke(question, CancellationToken.None)
                        answer |> shouldEqual (Error(RemotingError.ClientClosed(at 1)))
                    })
        ]

[<Tests>]
let tests =
    testSequenced
    <| testList "Forgotten addresses" [ forgetting; returningBrokers; clientsInUse ]
