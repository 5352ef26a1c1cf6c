namespace RocketMq.Embedded

open System
open System.Collections.Generic
open System.Net
open System.Runtime.InteropServices
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq

/// Name servers and brokers in this process, over real TCP on 127.0.0.1, for tests of clients: each server can be stopped
/// and started again. It keeps messages in memory only, and is no substitute for an Apache RocketMQ cluster. Name servers
/// learn at once what brokers tell them, which takes a real cluster a moment; so do slaves, unless `SlaveCopyInterval` is set.
[<Sealed>]
type EmbeddedCluster private (options: EmbeddedClusterOptions) =
    let mutable connections = 0
    let nextConnection () = Interlocked.Increment &connections
    let died = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously
    let mutable isStopped = false

    let limits =
        StoreLimits.create options.RetentionBytes options.RetentionTime options.MemoryBytes

    /// Name and id of each broker, with the place of a slave's master.
    let plan: (string * int64 * int voption) list =
        let nameOf place =
            if place < 26 then
                invariant $"broker-{char (int 'a' + place)}"
            else
                invariant $"broker-{place + 1}"

        [
            for place in 0 .. options.Masters - 1 -> nameOf place, 0L, ValueNone
            for place in 0 .. options.Slaves - 1 -> nameOf place, 1L, ValueSome place
        ]

    let nodes = plan |> List.map (fun (name, id, _) -> name, id)
    let copyMillis = int64 options.SlaveCopyInterval.TotalMilliseconds

    let ports =
        let opened = List<ServerPort>()

        let openPort server =
            opened.Add(ServerPort(server, options.Certificate, nextConnection))

        try
            for place in 0 .. options.NameServers - 1 do
                openPort (NameServerAt place)

            for place in 0 .. plan.Length - 1 do
                openPort (BrokerAt place)

            List.ofSeq opened
        with _ ->
            for port in opened do
                port.Stop() |> ignore

            reraise ()

    let namePorts, brokerPorts = List.splitAt options.NameServers ports

    let settingsOf (name, id, master) (port: ServerPort) : BrokerSettings * Host * int voption =
        {
            ClusterName = options.ClusterName
            BrokerName = name
            BrokerId = id
            BrokerAddress = port.Address
            MaxNewTopicQueues = 8
            AutoCreateTopics = options.AutoCreateTopics
            AutoCreateGroups = options.AutoCreateGroups
            Checks = CheckSettings.defaults
            TakesBornTimeAsSent = options.TakesBornTimeAsSent
            Limits = limits
            SlaveReads = id <> 0L || List.contains (name, 1L) nodes
            Permission = Permission.readWrite
            Version = ProtocolVersion.embedded
        },
        Host.create IPAddress.Loopback port.Number,
        master

    let agent =
        let state =
            Servers.create
                (options.Clock.GetUtcNow().ToUnixTimeMilliseconds())
                options.NameServers
                copyMillis
                (List.map2 settingsOf plan brokerPorts)

        // Without its agent the cluster would answer no request: closed connections tell clients so.
        let onDeath (error: exn) =
            died.TrySetException error |> ignore

            for port in ports do
                port.Stop() |> ignore

        new ClusterAgent(
            state,
            options.Clock,
            ServerPorts.clients brokerPorts,
            new BrokerLog(BrokerLoggers.find options.Logger options.LoggerFactory),
            onDeath
        )

    let switchOf port =
        ServerSwitch(port, agent, (fun () -> Volatile.Read &isStopped))

    let nameServers: EmbeddedNameServer[] =
        [| for port in namePorts -> EmbeddedNameServer(port, switchOf port) |]

    let brokers: EmbeddedClusterBroker[] =
        List.map2 (fun (name, id, _) port -> EmbeddedClusterBroker(name, id, port, switchOf port)) plan brokerPorts
        |> Array.ofList

    do
        for port in ports do
            port.Start agent

    /// The addresses of all name servers, "127.0.0.1:port;127.0.0.1:port": what clients are set up with.
    member _.NameServers: string = namePorts |> List.map _.Address |> String.concat ";"

    /// The name servers, in the order of `NameServers`.
    member _.NameServerNodes: IReadOnlyList<EmbeddedNameServer> = nameServers

    /// All brokers: the masters in the order of their names, then the slaves in the order of theirs.
    member _.Brokers: IReadOnlyList<EmbeddedClusterBroker> = brokers

    /// Starts with the default options.
    static member StartAsync() : Task<EmbeddedCluster> =
        EmbeddedCluster.StartAsync(EmbeddedClusterOptions(), CancellationToken.None)

    /// Starts with options of one's own. Throws an `ArgumentOutOfRangeException` if a number of them has no meaning.
    static member StartAsync
        (options: EmbeddedClusterOptions, [<Optional>] cancellationToken: CancellationToken)
        : Task<EmbeddedCluster> =
        backgroundTask {
            cancellationToken.ThrowIfCancellationRequested()
            ArgumentOutOfRangeException.ThrowIfLessThan(options.NameServers, 1, "NameServers")
            ArgumentOutOfRangeException.ThrowIfLessThan(options.Masters, 1, "Masters")
            ArgumentOutOfRangeException.ThrowIfNegative(options.Slaves, "Slaves")
            ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Slaves, options.Masters, "Slaves")
            ArgumentOutOfRangeException.ThrowIfLessThan(options.SlaveCopyInterval, TimeSpan.Zero, "SlaveCopyInterval")
            return new EmbeddedCluster(options)
        }

    /// Makes a topic that can be read and written on all masters that run, or gives it so many queues there. Ends when
    /// routes show it. Throws an `ArgumentException` if no broker would take its name or number of queues.
    member this.CreateTopicAsync
        (
            topic: string,
            [<Optional; DefaultParameterValue(4)>] queues: int,
            [<Optional>] cancellationToken: CancellationToken
        ) : Task =
        TopicRequests.check topic queues

        backgroundTask {
            ObjectDisposedException.ThrowIf(isStopped, this)

            for broker, port in Seq.zip brokers brokerPorts do
                if broker.IsMaster && broker.IsRunning then
                    do! TopicRequests.create agent port.Server topic queues cancellationToken
        }

    /// Makes a consumer group on all masters that run, for brokers that make none by themselves (`AutoCreateGroups`). Throws an
    /// `ArgumentException` if no broker would take its name.
    member this.CreateGroupAsync(group: string, [<Optional>] cancellationToken: CancellationToken) : Task =
        TopicRequests.checkGroup group

        backgroundTask {
            ObjectDisposedException.ThrowIf(isStopped, this)

            for broker, port in Seq.zip brokers brokerPorts do
                if broker.IsMaster && broker.IsRunning then
                    do! TopicRequests.createGroup agent port.Server group cancellationToken
        }

    /// Closes all ports and all connections. Ends when nothing of the cluster runs any more; fails if it had broken down.
    member _.StopAsync() : Task =
        backgroundTask {
            if not (Interlocked.Exchange(&isStopped, true)) then
                do! Task.WhenAll [| for port in ports -> port.Stop() |]
                (agent :> IDisposable).Dispose()

            if died.Task.IsFaulted then
                do! died.Task
        }

    interface IAsyncDisposable with
        member this.DisposeAsync() = ValueTask(this.StopAsync())
