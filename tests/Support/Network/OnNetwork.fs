/// Tests of clients on a network in memory.
module RocketMq.Protocol.Tests.OnNetwork

open System
open RocketMq

let endpoint = { Host = "broker"; Port = 10911 }

let unheard: SessionHealth =
    {
        SinceHeard = ValueNone
        InFlight = 1
        UnwrittenBytes = 0L
    }

/// A test that hangs is a failure, not a stopped run.
let testOn name (body: Network -> Task) =
    testCaseTask name (fun () -> task { do! (body (Network())).WaitAsync(TimeSpan.FromSeconds 30L) })

/// With a client that is connected to a peer, and closed at the end.
let connected name (body: Network -> RemotingClient -> Peer -> Task) =
    testOn name (fun network ->
        task {
            let client = RemotingClient(endpoint, network.Options)
            let opening = client.Open CancellationToken.None
            let! peer = network.Accept()
            let! _ = opening
            do! body network client peer
            do! client.Close()
        })

let until (condition: unit -> bool) =
    task {
        while not (condition ()) do
            do! Task.Yield()
    }

/// Moves the clock until something has happened, slowly enough that others keep up.
let passUntil (network: Network) (condition: unit -> bool) =
    task {
        while not (condition ()) do
            network.Clock.Advance(TimeSpan.FromMilliseconds 10L)
            let mutable turns = 0

            while turns < 200 && not (condition ()) do
                turns <- turns + 1
                do! Task.Yield()
    }
