namespace RocketMq.Embedded

open System
open System.Net
open System.Runtime.InteropServices
open System.Security.Cryptography.X509Certificates
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open RocketMq.Protocol
open RocketMq

/// How an embedded broker is set up.
[<Sealed>]
type EmbeddedBrokerOptions() =
    /// The name server's port on 127.0.0.1; 0 takes a free one. Default 0.
    member val NameServerPort = 0 with get, set

    /// The broker's port on 127.0.0.1; 0 takes a free one. Default 0.
    member val BrokerPort = 0 with get, set

    /// Whether the broker listens at the port two below its own as well, for sends (VIP channel), as Java's brokers do. Pulls and pops are
    /// refused there. Default false.
    member val VipChannel = false with get, set

    /// Default "DefaultCluster".
    member val ClusterName = "DefaultCluster" with get, set

    /// Default "broker-embedded".
    member val BrokerName = "broker-embedded" with get, set

    /// Whether the first send to a topic makes it. Default true.
    member val AutoCreateTopics = true with get, set

    /// Whether a group exists that was not created, as `autoCreateSubscriptionGroup`. Default true. Without it the members of
    /// such a group get nothing until `CreateGroupAsync` has made it.
    member val AutoCreateGroups = true with get, set

    /// The certificate that all ports speak TLS with, its private key included. Default none: they are plain.
    member val Certificate: X509Certificate2 | null = null with get, set

    /// The clock that delays, long polling, late answers and time stamps go by. Default the system's. A test that moves the
    /// time takes an `EmbeddedClock`.
    member val Clock = TimeProvider.System with get, set

    /// Where the broker says what its consumers do: who comes and goes, and where the members of a group contradict each
    /// other. It is called on a task of its own, and may be slow; then lines are lost. Default none.
    member val Logger: ILogger | null = null with get, set

    /// Makes that logger, of the category "RocketMq.EmbeddedBroker", if `Logger` is none. Default none.
    member val LoggerFactory: ILoggerFactory | null = null with get, set

    /// How old a transaction gets before its producers are asked what became of it, unless its message says otherwise
    /// (property CHECK_IMMUNITY_TIME_IN_SECONDS). Default 6 seconds; not negative.
    member val TransactionTimeout = TimeSpan.FromSeconds 6L with get, set

    /// How often the broker looks for transactions to ask about. The first time is so long after the first message of a
    /// transaction. Default 30 seconds; at least a millisecond.
    member val TransactionCheckInterval = TimeSpan.FromSeconds 30L with get, set

    /// How often producers are asked about one transaction before its message goes to the topic TRANS_CHECK_MAX_TIME_TOPIC.
    /// Default 15; not negative. While no producer of the group is connected no check is sent, and that does not count.
    member val TransactionCheckMax = 15 with get, set

    /// Whether a pop is as old as its client says (`bornTime`), even if that is 0, as at a broker of 5.x that checks
    /// permissions: too old a pop is refused with code 210. Default false: 0 means the time at which it comes.
    member val TakesBornTimeAsSent = false with get, set

    /// The release that it says it is, with each answer. Default 5.3.3; from 4.0.0 to 5.9.9. Clients' requests are served the same whatever it
    /// says, but for heartbeats without subscriptions (5.x): this is for clients that decide by it. Administrators are answered as by a broker of 4.9.8 below 5.0.0.
    member val Version = Version(5, 3, 3) with get, set

    /// How many bytes of messages are kept at most, all topics together, as they would lie in the commit log. The oldest
    /// go first, about a thirty-second of this at a time; the lowest offsets of their queues rise. Small messages take
    /// about as much memory again. Default 1 GiB; at least 1. The newest message always stays.
    member val RetentionBytes = StoreLimits.defaultBytes with get, set

    /// For how long messages are kept at most, by `Clock`; `Timeout.InfiniteTimeSpan` for ever. They go at most a hundredth
    /// of it later, and never more than ten seconds. Default 72 hours, as `fileReservedTime` of brokers; at least a millisecond.
    member val RetentionTime = StoreLimits.defaultRetention with get, set

    /// How many bytes from the end of the commit log count as in memory, as `accessMessageInMemoryMaxRatio` says of brokers.
    /// Of a queue whose first message lies before them, a group that has committed nothing is told so (QUERY_NOT_FOUND);
    /// pulls give eight messages or 64 KiB of what lies there, not 32 or 256 KiB. Default all that is kept; 0 is none.
    member val MemoryBytes = Int64.MaxValue with get, set

/// A name server and a broker in this process, over real TCP on 127.0.0.1, for first runs and for tests. It judges clients as
/// Apache's brokers do (docs/embedded-broker.md lists what is different), keeps messages in memory only, knows no access
/// control, and is no substitute for an Apache RocketMQ cluster.
[<Sealed>]
type EmbeddedBroker private (options: EmbeddedBrokerOptions) =
    let checks =
        ArgumentOutOfRangeException.ThrowIfLessThan(options.TransactionTimeout, TimeSpan.Zero, "TransactionTimeout")

        ArgumentOutOfRangeException.ThrowIfLessThan(
            options.TransactionCheckInterval,
            TimeSpan.FromMilliseconds 1L,
            "TransactionCheckInterval"
        )

        ArgumentOutOfRangeException.ThrowIfNegative(options.TransactionCheckMax, "TransactionCheckMax")

        {
            TimeoutMillis = int64 options.TransactionTimeout.TotalMilliseconds
            IntervalMillis = int64 options.TransactionCheckInterval.TotalMilliseconds
            MaxChecks = options.TransactionCheckMax
        }

    let limits =
        StoreLimits.create options.RetentionBytes options.RetentionTime options.MemoryBytes

    let version =
        let release = options.Version
        ArgumentOutOfRangeException.ThrowIfLessThan(release, Version(4, 0, 0), "Version")
        ArgumentOutOfRangeException.ThrowIfGreaterThan(release, Version(5, 9, 9), "Version")
        ProtocolVersion.ofRelease release.Major release.Minor (max 0 release.Build)

    let mutable connections = 0
    let nextConnection () = Interlocked.Increment &connections
    let died = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

    let listen server serves port =
        // The pauses after errors are real ones, whatever clock the broker goes by.
        new Listener(
            server,
            RemotingOptions.Default,
            options.Certificate,
            port,
            TimeProvider.System,
            nextConnection,
            version,
            serves
        )

    let listenAsBroker port : Listener list =
        let listen = listen (BrokerAt 0)

        if options.VipChannel then
            let struct (broker, vip) =
                VipPort.listen port (listen VipPort.servesAll) (listen VipPort.serves)

            [ broker; vip ]
        else
            [ listen VipPort.servesAll port ]

    /// All ports or, if one is taken, none. The broker's own comes before its VIP port.
    let listenOn nameServerPort brokerPort =
        let nameServer = listen (NameServerAt 0) VipPort.servesAll nameServerPort

        try
            struct (nameServer, listenAsBroker brokerPort)
        with _ ->
            nameServer.Stop() |> ignore
            reraise ()

    let mutable listeners = listenOn options.NameServerPort options.BrokerPort
    let struct (nameServer, brokers) = listeners
    let nameServerPort = nameServer.Port
    let brokerPort = brokers.Head.Port
    let addressOf port = invariant $"127.0.0.1:{port}"

    let all () : Listener list =
        let struct (nameServer, brokers) = listeners
        nameServer :: brokers

    /// Closes all ports and all connections.
    let stopListeners () : Task =
        all () |> List.map _.Stop() |> Task.WhenAll

    let settings =
        {
            ClusterName = options.ClusterName
            BrokerName = options.BrokerName
            BrokerId = 0L
            BrokerAddress = addressOf brokerPort
            MaxNewTopicQueues = 8
            AutoCreateTopics = options.AutoCreateTopics
            AutoCreateGroups = options.AutoCreateGroups
            Checks = checks
            TakesBornTimeAsSent = options.TakesBornTimeAsSent
            Limits = limits
            SlaveReads = false
            Permission = Permission.readWrite
            Version = version
        }

    /// To the clients of the broker's ports, which a restart opens again.
    let clients: ClientChannel =
        let portOf connection =
            let struct (_, brokers) = listeners
            brokers |> List.tryFind _.Has(connection) |> Option.defaultValue brokers.Head

        {
            Push = fun connection command -> (portOf connection).Push(connection, command)
            Call = fun connection command ended -> (portOf connection).Call(connection, command, ended)
        }

    let agent =
        let state =
            Servers.create
                (options.Clock.GetUtcNow().ToUnixTimeMilliseconds())
                1
                0L
                [ settings, Host.create IPAddress.Loopback brokerPort, ValueNone ]

        // Without its agent the broker would answer no request: closed connections tell clients so.
        let onDeath (error: exn) =
            died.TrySetException error |> ignore
            stopListeners () |> ignore

        new ClusterAgent(
            state,
            options.Clock,
            clients,
            new BrokerLog(BrokerLoggers.find options.Logger options.LoggerFactory),
            onDeath
        )

    let startListeners () =
        for listener in all () do
            listener.Start agent

    let hangUp reason =
        for listener in all () do
            listener.HangUp reason

    let postToBroker event = agent.Post(At(BrokerAt 0, event))

    let postToBoth event =
        agent.Post(At(NameServerAt 0, event))
        postToBroker event

    let faults =
        BrokerFaults((fun rule -> postToBoth (Faulted rule)), (fun () -> postToBoth Healed))

    /// One restart or stop at a time.
    let turn = new SemaphoreSlim 1
    let mutable isStopped = false

    do startListeners ()

    /// The name server's address, "127.0.0.1:port": what clients are set up with.
    member _.NameServer: string = addressOf nameServerPort

    /// The broker's address, "127.0.0.1:port". Clients learn it from the name server.
    member _.BrokerAddress: string = settings.BrokerAddress

    /// What is to go wrong with requests.
    member _.Faults: BrokerFaults = faults

    /// Has the name server tell clients that the broker is at another "host:port", such as that of a `FaultProxy` in front of
    /// it. Holds for routes that are asked for from now on. Throws an `ArgumentException` if it is something else.
    member _.Advertise(address: string) =
        match Endpoint.tryParse address with
        | ValueSome _ -> postToBroker (Advertised address)
        | ValueNone -> raise (ArgumentException($"'{address}' is not host:port", nameof address))

    /// Starts with the default options.
    static member StartAsync() : Task<EmbeddedBroker> =
        EmbeddedBroker.StartAsync(EmbeddedBrokerOptions(), CancellationToken.None)

    /// Starts with options of one's own. Throws a `SocketException` if a port that they name is taken, and an
    /// `ArgumentOutOfRangeException` if a number or time of them has no meaning.
    static member StartAsync
        (options: EmbeddedBrokerOptions, [<Optional>] cancellationToken: CancellationToken)
        : Task<EmbeddedBroker> =
        backgroundTask {
            cancellationToken.ThrowIfCancellationRequested()
            return new EmbeddedBroker(options)
        }

    /// Makes a topic that can be read and written, or gives it so many queues. Ends when routes show it. Throws an
    /// `ArgumentException` if no broker would take its name or number of queues.
    member this.CreateTopicAsync
        (
            topic: string,
            [<Optional; DefaultParameterValue(4)>] queues: int,
            [<Optional>] cancellationToken: CancellationToken
        ) : Task =
        TopicRequests.check topic queues
        ObjectDisposedException.ThrowIf(isStopped, this)
        TopicRequests.create agent (BrokerAt 0) topic queues cancellationToken

    /// Makes a consumer group, for a broker that makes none by itself (`AutoCreateGroups`). Throws an `ArgumentException` if no
    /// broker would take its name.
    member this.CreateGroupAsync(group: string, [<Optional>] cancellationToken: CancellationToken) : Task =
        TopicRequests.checkGroup group
        ObjectDisposedException.ThrowIf(isStopped, this)
        TopicRequests.createGroup agent (BrokerAt 0) group cancellationToken

    /// How often what the broker stores has changed: messages came or went, or a group has committed offsets.
    member _.StoreChanges: int64 = agent.Changes.Count

    /// Ends when what the broker stores has changed more often than that, with how often it has: who reads it, is not content, and
    /// waits with the number from before it read misses nothing. Throws an `OperationCanceledException` if it is given up.
    member _.WhenStoreChangedAsync
        (moreOftenThan: int64, [<Optional>] cancellationToken: CancellationToken)
        : Task<int64> =
        agent.Changes.WhenMoreThan(moreOftenThan, cancellationToken)

    /// Closes all connections of clients; the ports stay open. Ends when the broker has done so.
    member _.DisconnectClientsAsync([<Optional>] cancellationToken: CancellationToken) : Task =
        backgroundTask {
            cancellationToken.ThrowIfCancellationRequested()
            hangUp "the broker disconnects its clients"
        }

    /// Drops what heartbeats have told, as if none had come, and closes the connections too if that is asked for.
    member _.ForgetClients([<Optional; DefaultParameterValue(false)>] closeConnections: bool) =
        postToBroker ClientsForgotten

        if closeConnections then
            hangUp "the broker has forgotten its clients"

    /// Closes all ports and all connections, and opens the same ports again. Messages, committed offsets, the key-value
    /// store and faults are kept, clients are forgotten. Ends when clients can connect. Throws a `SocketException` if another
    /// program takes a port meanwhile: then the broker is as good as stopped. Throws an `ObjectDisposedException` if it is;
    /// fails if it had broken down.
    member this.RestartAsync([<Optional>] cancellationToken: CancellationToken) : Task =
        backgroundTask {
            do! turn.WaitAsync cancellationToken

            try
                ObjectDisposedException.ThrowIf(isStopped, this)

                if died.Task.IsFaulted then
                    do! died.Task

                do! stopListeners ()
                postToBroker Restarted
                listeners <- listenOn nameServerPort brokerPort
                startListeners ()
            finally
                turn.Release() |> ignore
        }

    /// Closes all ports and all connections. Ends when nothing of the broker runs any more; fails if it had broken down.
    member _.StopAsync() : Task =
        backgroundTask {
            do! turn.WaitAsync()

            try
                isStopped <- true
                do! stopListeners ()
                (agent :> IDisposable).Dispose()
            finally
                turn.Release() |> ignore

            if died.Task.IsFaulted then
                do! died.Task
        }

    interface IAsyncDisposable with
        member this.DisposeAsync() = ValueTask(this.StopAsync())
