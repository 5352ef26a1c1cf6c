/// Connections that are rented and returned.
module RocketMq.Protocol.Tests.ConnectionPoolTests

open System
open RocketMq.Protocol
open RocketMq
open OnNetwork

let private heartbeat = Command.request RequestCode.HeartBeat

let private rent (pool: ConnectionPool) =
    task {
        match! pool.Rent CancellationToken.None with
        | Ok connection -> return connection
        | Error error -> return failtest (RemotingError.describe error)
    }

let private sendBack (connection: PooledConnection) = (connection :> IDisposable).Dispose()

let private renting =
    testList
        "renting"
        [
            testOn "a pool rents each connection to one at a time, and others wait" (fun network ->
                task {
                    let pool = poolOf network 2
                    let! first = rent pool
                    let! second = rent pool
                    obj.ReferenceEquals(first.Client, second.Client) |> shouldBeFalse
                    let third = rent pool
                    do! until (fun () -> pool.Waiting = 1)
                    pool.Count |> shouldEqual 2
                    sendBack first
                    sendBack first
                    let! third = third
                    obj.ReferenceEquals(first.Client, third.Client) |> shouldBeTrue
                    sendBack second
                    sendBack third
                    (pool.Count, pool.Rented) |> shouldEqual (2, 0)
                    do! pool.Close()
                })

            testOn "a renter waits no longer than the timeout of the pool" (fun network ->
                task {
                    let pool = poolOf network 1
                    let! first = rent pool
                    let second = pool.Rent CancellationToken.None
                    do! until (fun () -> pool.Waiting = 1)
                    do! until (fun () -> network.Clock.Timers > 0)
                    network.Clock.Advance(TimeSpan.FromSeconds 11L)

                    match! second with
                    | Error(RemotingError.NotConnected(_, reason)) -> reason.Text |> shouldMention "all 1 connections"
                    | other -> failtest $"%A{other}"

                    pool.Waiting |> shouldEqual 0
                    sendBack first
                    do! pool.Close()
                })

            testCaseTask "a pool of one rents its connection again and again" (fun () ->
                task {
                    let network = Network()

                    let pool = poolOf network 1

                    for _ in 1..10 do
                        match! pool.Rent CancellationToken.None with
                        | Ok connection -> (connection :> IDisposable).Dispose()
                        | Error error -> failtest (RemotingError.describe error)

                    pool.Count |> shouldEqual 1
                    pool.Rented |> shouldEqual 0
                    do! pool.Close()
                })
        ]

let private reuse =
    testList
        "reuse"
        [
            testOn "a pool serves threads that block" (fun network ->
                task {
                    let pool = poolOf network 3

                    let work () =
                        for _ in 1..200 do
                            match pool.Rent(CancellationToken.None).GetAwaiter().GetResult() with
                            | Ok connection -> sendBack connection
                            | Error error -> failtest (RemotingError.describe error)

                    let threads =
                        [|
                            for _ in 1..6 -> Task.Factory.StartNew(work, TaskCreationOptions.LongRunning)
                        |]

                    do! Task.WhenAll threads
                    (pool.Rented, pool.Waiting) |> shouldEqual (0, 0)
                    pool.Count |> shouldStayBelow 4
                    do! pool.Close()
                })

            testOn "a pool rents the least busy connection and replaces a closed one" (fun network ->
                task {
                    let pool = poolOf network 2
                    let! busy = rent pool
                    let! idle = rent pool
                    let! peer = openOn network busy.Client
                    let call = busy.Client.Invoke(heartbeat, CancellationToken.None)
                    let! request = peer.Next()
                    let idleClient = idle.Client
                    sendBack idle
                    sendBack busy
                    let! next = rent pool
                    obj.ReferenceEquals(next.Client, idleClient) |> shouldBeTrue
                    do! peer.Answer(request, "ok")
                    let! _ = call
                    do! next.Client.Close()
                    sendBack next
                    pool.Count |> shouldEqual 1
                    let! first = rent pool
                    let! replaced = rent pool
                    obj.ReferenceEquals(replaced.Client, idleClient) |> shouldBeFalse
                    sendBack first
                    sendBack replaced
                    do! pool.Close()

                    match! pool.Rent CancellationToken.None with
                    | Error(RemotingError.ClientClosed _) -> ()
                    | other -> failtest $"%A{other}"
                })
        ]

[<Tests>]
let tests = testList "Connection pool" [ renting; reuse ]
