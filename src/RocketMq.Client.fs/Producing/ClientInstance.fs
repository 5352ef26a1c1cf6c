namespace RocketMq

open System
open System.Net.Http
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Finds the name servers that an address server knows, at once and then every two minutes, as Java's clients do.
[<Sealed>]
type internal NameServerSearch(server: AddressServer, options: RemotingOptions) =
    static let interval = TimeSpan.FromMinutes 2L
    let clock = options.Ports.Clock
    let http = NameServerDiscovery.newClient ()
    let ending = new CancellationTokenSource()

    let find (cancellation: CancellationToken) : Task<Result<Endpoint list, FailureReason>> =
        backgroundTask {
            let! found = NameServerDiscovery.fetch http clock server cancellation
            return found |> Result.mapError _.Reason
        }

    let keepFinding (nameServer: NameServer) : Task =
        backgroundTask {
            try
                while not ending.IsCancellationRequested do
                    do! Task.Delay(interval, clock, ending.Token)

                    match! find ending.Token with
                    | Ok endpoints -> nameServer.Use endpoints
                    | Error reason ->
                        if not ending.IsCancellationRequested then
                            Log.nameServerSearchFailed options.Logger reason.Text
            with :? OperationCanceledException ->
                ()
        }

    member _.Start(nameServer: NameServer) =
        Supervised.run options.Logger ending.Token (fun () -> keepFinding nameServer)

    member _.Close() =
        ending.Cancel()
        http.Dispose()

    interface INameServerSource with
        member _.Domain = server.Domain
        member _.Find cancellation = find cancellation

/// What clients of all kinds are set up with.
type internal InstanceOptions =
    {
        NameServers: Endpoint list
        AddressServer: AddressServer option
        Template: AutoCreateTopic
        InstanceName: string option
        UnitName: string option
        Remoting: RemotingOptions
    }

/// What a client is to brokers: a producer of groups, or a member of some.
type internal ClientRole =
    | Produces of groups: string list
    /// The membership is asked for with each heartbeat: subscriptions change.
    | Consumes of membership: (unit -> ConsumerMembership)

/// What producers and consumers have in common: connections, name servers, routes, and who they are to brokers.
[<Sealed>]
type internal ClientInstance
    (options: InstanceOptions, role: ClientRole, handlersOf: Endpoint -> Map<RequestCode, RequestHandler>) =
    /// What unregistering from one broker may take.
    static let unregisterTimeout = TimeSpan.FromSeconds 1L

    let clientId = ClientId.create options.InstanceName options.UnitName
    let clients = RemotingClients(options.Remoting, handlersOf)

    let search =
        options.AddressServer
        |> Option.map (fun server -> NameServerSearch(server, options.Remoting))

    let nameServer =
        NameServer(
            Array.ofList options.NameServers,
            clients,
            search |> Option.map (fun search -> search :> INameServerSource)
        )

    let routes = Routes(nameServer, clients, options.Template)

    let heartbeat () : Heartbeat =
        let producerGroups, consumers =
            match role with
            | Produces groups -> groups, []
            | Consumes membership -> [], [ membership () ]

        {
            ClientId = clientId
            ProducerGroups = producerGroups
            Consumers = consumers
            Fingerprint = None
            IsWithoutSubscriptions = None
        }

    let told =
        match role with
        | Produces _ -> Masters
        | Consumes _ -> AllBrokers

    let outcomes = SendOutcomes options.Remoting.Ports.Clock
    let presence = HeartbeatService(clients, routes, heartbeat, told, outcomes)

    let departures: Departure list =
        let departure producerGroup consumerGroup =
            {
                ClientId = clientId
                ProducerGroup = producerGroup
                ConsumerGroup = consumerGroup
            }

        match role with
        | Produces groups -> [ for group in groups -> departure (Some group) None ]
        | Consumes membership -> [ departure None (Some (membership ()).Group) ]

    member _.ClientId = clientId
    member _.Clients = clients
    member _.NameServer = nameServer
    member _.Routes = routes
    member _.HeartbeatService = presence

    /// What becomes of heartbeats, and of sends.
    member _.Outcomes = outcomes

    member _.Start() =
        search |> Option.iter _.Start(nameServer)
        routes.Start()
        presence.Start()

    /// Unregisters from brokers and closes the connections.
    member _.Close() : Task =
        backgroundTask {
            search |> Option.iter _.Close()
            routes.Close()

            for departure in departures do
                do! presence.Leave(departure, unregisterTimeout)

            do! clients.CloseAll()
        }
