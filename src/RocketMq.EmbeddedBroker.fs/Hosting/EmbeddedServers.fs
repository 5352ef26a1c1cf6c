namespace RocketMq.Embedded

open System
open System.Runtime.InteropServices
open System.Threading
open System.Threading.Tasks
open RocketMq

/// Stops and starts one server of a cluster, one at a time.
[<Sealed>]
type internal ServerSwitch(port: ServerPort, agent: ClusterAgent, isClusterStopped: unit -> bool) =
    let turn = new SemaphoreSlim 1
    let mutable isRunning = true

    let inTurn (cancellationToken: CancellationToken) (act: unit -> Task) : Task =
        backgroundTask {
            do! turn.WaitAsync cancellationToken

            try
                do! act ()
            finally
                turn.Release() |> ignore
        }

    member _.IsRunning = Volatile.Read &isRunning && not (isClusterStopped ())
    member _.Post(event: BrokerEvent) = agent.Post(At(port.Server, event))

    member _.Stop(going: Going) : Task =
        inTurn CancellationToken.None (fun () ->
            backgroundTask {
                if isRunning then
                    Volatile.Write(&isRunning, false)
                    // Nothing is carried out any more from here on, though the port closes a moment later.
                    agent.Post(ServerStopped(port.Server, going))
                    do! port.Stop()
            })

    member this.Start(cancellationToken: CancellationToken) : Task =
        inTurn cancellationToken (fun () ->
            backgroundTask {
                ObjectDisposedException.ThrowIf(isClusterStopped (), this)

                if not isRunning then
                    port.Open()
                    // Clients wait in the port until the server is there.
                    agent.Post(ServerStarted port.Server)
                    port.Start agent
                    Volatile.Write(&isRunning, true)
            })

/// A name server of an `EmbeddedCluster`. It is stopped and started with it, and can be on its own.
[<Sealed>]
type EmbeddedNameServer internal (port: ServerPort, switch: ServerSwitch) =
    let faults =
        BrokerFaults((fun rule -> switch.Post(Faulted rule)), (fun () -> switch.Post Healed))

    /// "127.0.0.1:port".
    member _.Address: string = port.Address

    /// Whether clients can connect to it.
    member _.IsRunning: bool = switch.IsRunning

    /// What is to go wrong with requests to this name server.
    member _.Faults: BrokerFaults = faults

    /// Closes all connections of clients; the port stays open.
    member _.DisconnectClients() =
        port.HangUp "the name server disconnects its clients"

    /// Closes the port and all connections. The name server forgets all routes; its key-value store and its faults are
    /// kept. Does nothing if it does not run.
    member _.StopAsync() : Task = switch.Stop Graceful

    /// Opens the same port again; all running brokers register at once. Does nothing if it runs. Throws a `SocketException`
    /// if another program has taken the port, and an `ObjectDisposedException` if the cluster has been stopped.
    member _.StartAsync([<Optional>] cancellationToken: CancellationToken) : Task = switch.Start cancellationToken

/// A broker of an `EmbeddedCluster`, a master or a slave. It is stopped and started with it, and can be on its own.
[<Sealed>]
type EmbeddedClusterBroker internal (name: string, id: int64, port: ServerPort, switch: ServerSwitch) =
    let faults =
        BrokerFaults((fun rule -> switch.Post(Faulted rule)), (fun () -> switch.Post Healed))

    /// The name that a master and its slave share, such as "broker-a".
    member _.Name: string = name

    /// 0 is a master, 1 its slave.
    member _.Id: int64 = id

    /// Whether this is a master.
    member _.IsMaster: bool = (id = 0L)

    /// "127.0.0.1:port".
    member _.Address: string = port.Address

    /// Whether clients can connect to it.
    member _.IsRunning: bool = switch.IsRunning

    /// What is to go wrong with requests to this broker.
    member _.Faults: BrokerFaults = faults

    /// Has the name servers tell clients that the broker is at another "host:port", such as that of a `FaultProxy` in front
    /// of it. Holds for routes that are asked for from now on. Throws an `ArgumentException` if it is something else.
    member _.Advertise(address: string) =
        match Endpoint.tryParse address with
        | ValueSome _ -> switch.Post(Advertised address)
        | ValueNone -> raise (ArgumentException($"'{address}' is not host:port", nameof address))

    /// Closes all connections of clients; the port stays open.
    member _.DisconnectClients() =
        port.HangUp "the broker disconnects its clients"

    /// Stops in order: `StopAsync(BrokerStop.Orderly)`.
    member broker.StopAsync() : Task = broker.StopAsync BrokerStop.Orderly

    /// Closes the port and all connections. What was not answered yet may have been carried out or not; nothing is carried
    /// out any more. Messages, committed offsets and faults are kept. Does nothing if the broker does not run. Throws an
    /// `ArgumentOutOfRangeException` if `how` is no way to stop.
    member _.StopAsync(how: BrokerStop) : Task =
        match how with
        | BrokerStop.Orderly -> switch.Stop Graceful
        | BrokerStop.Silently -> switch.Stop Crash
        | _ -> raise (ArgumentOutOfRangeException(nameof how))

    /// Opens the same port again, with the messages and offsets that the broker had; a slave takes over what came to its
    /// master meanwhile. Clients are forgotten. Does nothing if the broker runs. Throws a `SocketException` if another
    /// program has taken the port, and an `ObjectDisposedException` if the cluster has been stopped.
    member _.StartAsync([<Optional>] cancellationToken: CancellationToken) : Task = switch.Start cancellationToken

    /// "broker-a:0 (127.0.0.1:port)".
    override _.ToString() =
        invariant $"{name}:{id} ({port.Address})"
