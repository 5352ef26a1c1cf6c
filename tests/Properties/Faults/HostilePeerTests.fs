/// Peers that take memory, or say what cannot be.
module RocketMq.Protocol.Tests.HostilePeerTests

open System
open System.Text
open RocketMq.Protocol
open RocketMq
open RocketMq.Embedded

let private heap () = GC.GetTotalMemory true

/// A name server whose route says that a topic has so many queues.
let private nameServerOf queues =
    FakeServers.answering TimeProvider.System (fun _ command ->
        match command.RequestCode with
        | RequestCode.GetRouteInfoByTopic -> FakeServers.routed (FakeServers.routeOver [ "a", 100, queues ]) command
        | RequestCode.SendMessageV2 -> FakeServers.stored 0L command
        | _ -> FakeServers.success command)

let private sendThrough queues =
    task {
        let servers = nameServerOf queues

        use producer =
            start
                { ProducerOptions.create "G" [ FakeServers.at 1 ] with
                    Client.Remoting = servers.Options
                }

        return! send producer (Message.ofText "T" "x")
    }

let private lying =
    "[lying] a route with 2,147,483,647 queues is an error, and no exception"

let private floodName =
    "[flood] answers that a flooding server does not read take no memory without end"

/// What a server may send that does not read: far more than the limit of the buffer that answers go through.
let private floodRequests = 300_000

let private flood () : Task =
    task {
        let network = Network()
        let client = RemotingClient(OnNetwork.endpoint, network.Options)
        let opening = client.Open CancellationToken.None
        let! peer = network.Accept()
        let! _ = opening
        let before = heap ()

        let one =
            Command.request (enum<RequestCode> 7777)
            |> Frame.encode Header.Json
            |> Buffers.ok

        let many = Array.concat (Array.replicate 1_000 one)
        let mutable isOpen = true

        for _ in 1 .. floodRequests / 1_000 do
            if isOpen then
                try
                    do! (peer.SendBytes many).WaitAsync(TimeSpan.FromSeconds 5L)
                with
                // The client reads no more, or has hung up: both are good.
                | _ ->
                    isOpen <- false

        let grown = heap () - before
        GC.KeepAlive client
        printfn $"flood: {floodRequests} requests, the heap grew by {grown / 1024L} KiB"
        grown |> shouldStayBelow (32L * 1024L * 1024L)
    }

let private jsonName =
    "[json] a body of many small values takes no more than ten times its size to read"

let private json () : Task =
    task {
        let body =
            """{"brokerDatas":[],"filterServerTable":{},"queueDatas":[],"other":["""
            + String.Join(',', Array.replicate 1_000_000 "0")
            + "]}"
            |> Encoding.UTF8.GetBytes

        let answer =
            { Command.response ResponseCode.Success (GetRoute.request "T").Command with
                Body = ReadOnlyMemory body
            }

        let allocated =
            Buffers.allocatedBy (fun () ->
                // Read or refused.
                GetRoute.operation.DecodeAnswer answer |> ignore
                true)

        printfn $"json: {body.Length / 1024} KiB, allocated {allocated / 1024L} KiB"
        allocated |> shouldStayBelow (10L * int64 body.Length)
    }

[<Tests>]
let tests =
    testList
        "Proven faults"
        [
            live "[route] a route with a million queues is refused" (fun () ->
                task {
                    let! sent = sendThrough 1_000_000
                    sent |> Result.map _.Attempts |> Result.isError |> shouldBeTrue
                })

            live lying (fun () ->
                inOwnProcess lying (fun () ->
                    task {
                        let before = heap ()
                        let! sent = sendThrough Int32.MaxValue
                        printfn $"lying: the heap grew by {(heap () - before) / 1024L} KiB"
                        sent |> Result.map _.Attempts |> Result.isError |> shouldBeTrue
                    }))

            live floodName (fun () -> inOwnProcess floodName flood)
            live jsonName (fun () -> inOwnProcess jsonName json)

            liveWith (withQueues 1) "[D13] a request whose handler may never end is answered" (fun _ cluster ->
                task {
                    let endpoint = (endpointsOf cluster.Brokers[0].Address).Head
                    use client = RemotingClient.Create(endpoint, RemotingOptions.Default) |> Buffers.ok
                    let request = GroupRequests.max (PullRig.queueOf cluster 0)

                    for time in [ TimeSpan.FromSeconds 30L; TimeSpan.MaxValue; Timeout.InfiniteTimeSpan ] do
                        let! answer = client.RequestWithin(request, time, CancellationToken.None)
                        answer |> Result.mapError RemotingError.describe |> shouldEqual (Ok 0L)
                })
        ]
