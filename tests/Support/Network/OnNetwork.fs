/// Tests of clients on a network in memory.
module RocketMq.Protocol.Tests.OnNetwork

open System
open RocketMq.Protocol
open RocketMq

let endpoint = { Host = "broker"; Port = 10911 }

let unheard: SessionHealth =
    {
        SinceHeard = ValueNone
        InFlight = 1
        UnwrittenBytes = 0L
    }

/// Limits so short that faults are noticed soon. Milliseconds of the waits between two attempts to connect.
let quickToNotice first cap spread : RemotingOptions =
    { RemotingOptions.Default with
        RequestTimeout = seconds 2
        Backoff =
            {
                First = millis first
                Cap = millis cap
                Spread = millis spread
            }
        KeepAlive =
            { KeepAlive.Default with
                DeadAfter = second
            }
    }

/// A test that hangs is a failure, not a stopped run.
let testOn name (body: Network -> Task) =
    testCaseTask name (fun () -> task { do! (body (Network())).WaitAsync(TimeSpan.FromSeconds 30L) })

/// Opens a client's connection, and gives the server's end of it.
let openOn (network: Network) (client: RemotingClient) : Task<Peer> =
    task {
        let opening = client.Open CancellationToken.None
        let! peer = network.Accept()
        let! opened = opening
        opened |> shouldEqual (Ok())
        return peer
    }

let poolOf (network: Network) size =
    ConnectionPool(endpoint, network.Options, { PoolOptions.Default with Size = size })

/// A client with an open connection, and the server's end of it.
let connect (options: RemotingOptions) (network: Network) : Task<RemotingClient * Peer> =
    task {
        let client = RemotingClient(endpoint, options)
        let! peer = openOn network client
        return client, peer
    }

/// A client whose calls fail as soon as an attempt to connect has failed.
let impatient (network: Network) =
    RemotingClient(
        endpoint,
        { network.Options with
            WhenDisconnected = FailWithDial
        }
    )

let remarkOf (result: Result<RemotingCommand, RemotingError>) =
    match result with
    | Ok answer -> Option.defaultValue "" answer.Remark
    | Error error -> failtest (RemotingError.describe error)

/// What a cancelled call ends with, which may have been carried out or was not sent.
let endedByCancel isSent : Result<'T, RemotingError> =
    Error(RemotingError.Cancelled(RequestCode.PullMessage, isSent))

/// No connection, and nothing sent.
let wasNotSent (result: Result<RemotingCommand, RemotingError>) =
    match result with
    | Error(RemotingError.NotConnected _ as error) -> RemotingError.outcome error |> shouldEqual NotExecuted
    | other -> failtest $"%A{other}"

/// The server answers the next request with this remark, and that is the answer which the call gets.
let answersNext (peer: Peer) (remark: string) (call: Task<Result<RemotingCommand, RemotingError>>) : Task =
    task {
        let! asked = peer.Next()
        do! peer.Answer(asked, remark)
        let! answer = call
        remarkOf answer |> shouldEqual remark
    }

/// With a client that is connected to a peer, and closed at the end.
let connected name (body: Network -> RemotingClient -> Peer -> Task) =
    testOn name (fun network ->
        task {
            let! client, peer = connect network.Options network
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
