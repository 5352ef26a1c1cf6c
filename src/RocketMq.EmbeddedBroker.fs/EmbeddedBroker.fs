namespace RocketMq.Embedded

open System
open System.Net
open System.Runtime.InteropServices
open System.Security.Cryptography.X509Certificates
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// How an embedded broker is set up.
[<Sealed>]
type EmbeddedBrokerOptions() =
    /// The name server's port on 127.0.0.1; 0 takes a free one. Default 0.
    member val NameServerPort = 0 with get, set

    /// The broker's port on 127.0.0.1; 0 takes a free one. Default 0.
    member val BrokerPort = 0 with get, set

    /// Default "DefaultCluster".
    member val ClusterName = "DefaultCluster" with get, set

    /// Default "broker-embedded".
    member val BrokerName = "broker-embedded" with get, set

    /// Whether the first send to a topic makes it. Default true.
    member val AutoCreateTopics = true with get, set

    /// The certificate that both ports speak TLS with, its private key included. Default none: they are plain.
    member val Certificate: X509Certificate2 | null = null with get, set

    /// The clock that long polling and time stamps go by. Default the system's.
    member val Clock = TimeProvider.System with get, set

/// A name server and a broker in this process, over real TCP on 127.0.0.1, for first runs and for tests. It keeps
/// messages in memory only, knows no replication and no access control, and is no substitute for an Apache RocketMQ cluster.
[<Sealed>]
type EmbeddedBroker private (options: EmbeddedBrokerOptions) =
    let mutable connections = 0
    let nextConnection () = Interlocked.Increment &connections
    let died = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

    let listen role port =
        new Listener(role, RemotingOptions.Default, options.Certificate, port, nextConnection)

    let nameServer = listen AsNameServer options.NameServerPort

    let broker =
        try
            listen AsBroker options.BrokerPort
        with _ ->
            nameServer.Stop() |> ignore
            reraise ()

    let address (listener: Listener) = $"127.0.0.1:{listener.Port}"

    let settings =
        {
            ClusterName = options.ClusterName
            BrokerName = options.BrokerName
            BrokerAddress = address broker
            MaxNewTopicQueues = 8
            AutoCreateTopics = options.AutoCreateTopics
        }

    let agent =
        let state = Broker.start settings (Host.create IPAddress.Loopback broker.Port)

        // Without its agent the broker would answer nobody: clients are told by closed connections.
        let onDeath (error: exn) =
            died.TrySetException error |> ignore
            nameServer.Stop() |> ignore
            broker.Stop() |> ignore

        new BrokerAgent(state, options.Clock, onDeath)

    // Read before the listeners stop and their ports are gone.
    let nameServerAddress = address nameServer

    do
        nameServer.Start agent
        broker.Start agent

    /// The name server's address, "127.0.0.1:port": what clients are set up with.
    member _.NameServer: string = nameServerAddress

    /// The broker's address, "127.0.0.1:port". Clients learn it from the name server.
    member _.BrokerAddress: string = settings.BrokerAddress

    /// Starts with the default options.
    static member StartAsync() : Task<EmbeddedBroker> =
        EmbeddedBroker.StartAsync(EmbeddedBrokerOptions(), CancellationToken.None)

    /// Starts with options of one's own. Throws a `SocketException` if a port that they name is taken.
    static member StartAsync
        (options: EmbeddedBrokerOptions, [<Optional>] cancellationToken: CancellationToken)
        : Task<EmbeddedBroker> =
        backgroundTask {
            cancellationToken.ThrowIfCancellationRequested()
            return new EmbeddedBroker(options)
        }

    /// Closes both ports and all connections. Ends when nothing of the broker runs any more; fails if it had broken down.
    member _.StopAsync() : Task =
        backgroundTask {
            do! nameServer.Stop()
            do! broker.Stop()
            (agent :> IDisposable).Dispose()

            if died.Task.IsFaulted then
                do! died.Task
        }

    interface IAsyncDisposable with
        member this.DisposeAsync() = ValueTask(this.StopAsync())
