/// What clients leave behind that were opened, used and closed.
module RocketMq.Protocol.Tests.CycleTests

open System
open System.Collections.Generic
open RocketMq.Embedded
open RocketMq.Protocol
open RocketMq

let private place = { Namespace = "resources"; Key = "key" }

/// One client from its first connect to its end. Keeps no hold of it.
let private cycle (server: Endpoint) : Task<WeakReference> =
    backgroundTask {
        let client = RemotingClient(server, RemotingOptions.Default)
        let! opened = client.Open CancellationToken.None
        opened |> shouldEqual (Ok())

        let! answer =
            client.Request(KeyValueConfig.get.Request place, CancellationToken.None)

        answer |> shouldEqual (Ok None)
        do! client.Close()
        return WeakReference client
    }

let private cycles count server =
    task {
        let clients = ResizeArray<WeakReference>()

        for _ in 1..count do
            let! client = cycle server
            clients.Add client

        return clients
    }

/// How many clients of a server are measured.
let private measuredClients (server: Endpoint) =
    Footprint.measuredClients "server.port" server.Port

let private alive (clients: ResizeArray<WeakReference>) () =
    Footprint.collect ()
    clients |> Seq.filter _.IsAlive |> Seq.length

[<Tests>]
let tests =
    testSequenced
    <| testList
        "Resources of cycles"
        [
            Footprint.testLong "a thousand connects and closes leave nothing" (fun () ->
                task {
                    let! broker = EmbeddedBroker.StartAsync()
                    let server = (Endpoint.tryParse broker.NameServer).Value
                    let! _ = cycles 50 server
                    let before = Footprint.take ()
                    let count = LongForm.count 1_000 10_000
                    let! clients = cycles count server

                    let! after =
                        Footprint.settle Footprint.take (fun now ->
                            now.Descriptors <= before.Descriptors && now.Timers <= before.Timers)

                    let! alive = Footprint.settle (alive clients) ((=) 0)

                    Footprint.print
                        $"before {count:N0} cycles {before}; after them {after}; {alive} clients not collected"

                    let tooMany = before.Descriptors + 1, before.Timers + 1L
                    after.Descriptors |> shouldStayBelow (fst tooMany)
                    after.Timers |> shouldStayBelow (snd tooMany)
                    after.HeapBytes - before.HeapBytes |> shouldStayBelow Footprint.megabyte
                    alive |> shouldEqual 0
                    measuredClients server |> shouldEqual 0
                    do! broker.StopAsync()
                })

            Footprint.testLong "a client is measured while it is open, and no longer" (fun () ->
                task {
                    let! broker = EmbeddedBroker.StartAsync()
                    let server = (Endpoint.tryParse broker.NameServer).Value
                    let client = RemotingClient(server, RemotingOptions.Default)
                    measuredClients server |> shouldEqual 1
                    do! client.Close()
                    measuredClients server |> shouldEqual 0
                    do! broker.StopAsync()
                })
        ]
