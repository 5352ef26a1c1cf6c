namespace RocketMq.Protocol

open System
open System.Net.Http
open System.Threading
open System.Threading.Tasks

/// Finds the name servers that an address server knows, at once and then every two minutes, as Java's clients do.
[<Sealed>]
type internal NameServerSearch(server: AddressServer, nameServer: NameServer, options: RemotingOptions) =
    static let interval = TimeSpan.FromMinutes 2L
    let clock = options.Ports.Clock
    let http = new HttpClient()
    let ending = new CancellationTokenSource()

    let find (cancellation: CancellationToken) : Task<Result<unit, string>> =
        backgroundTask {
            match! NameServerDiscovery.fetch http clock server cancellation with
            | Ok endpoints ->
                nameServer.Use endpoints
                return Ok()
            | Error error -> return Error error.Message
        }

    let keepFinding () : Task =
        backgroundTask {
            try
                while not ending.IsCancellationRequested do
                    do! Task.Delay(interval, clock, ending.Token)

                    match! find ending.Token with
                    | Ok() -> ()
                    | Error reason ->
                        if not ending.IsCancellationRequested then
                            Log.refreshFailed options.Logger "of name servers" reason
            with :? OperationCanceledException ->
                ()
        }

    member _.Start() =
        nameServer.FindBy(server.Domain, find)
        keepFinding () |> ignore

    member _.Close() =
        ending.Cancel()
        http.Dispose()

/// What a producer has in common with other clients: connections, name servers, routes, and who it is to brokers.
[<Sealed>]
type internal ClientInstance
    (options: ProducerOptions, groups: string list, handlersOf: Endpoint -> Map<RequestCode, RequestHandler>) =
    /// What telling one broker goodbye may take.
    static let farewellTime = TimeSpan.FromSeconds 1L

    let clientId = ClientId.create options.InstanceName options.UnitName
    let clients = RemotingClients(options.Remoting, handlersOf)
    let nameServer = NameServer(Array.ofList options.NameServers, clients)
    let routes = Routes(nameServer, clients, options.Template)

    let presence =
        Presence(
            clients,
            routes,
            {
                ClientId = clientId
                ProducerGroups = groups
                Consumers = []
                Fingerprint = None
                IsWithoutSubscriptions = None
            }
        )

    let search =
        options.AddressServer
        |> Option.map (fun server -> NameServerSearch(server, nameServer, options.Remoting))

    member _.ClientId = clientId
    member _.Clients = clients
    member _.NameServer = nameServer
    member _.Routes = routes
    member _.Presence = presence

    member _.Start() =
        search |> Option.iter _.Start()
        routes.Start()
        presence.Start()

    /// Says goodbye to brokers and closes the connections.
    member _.Close() : Task =
        backgroundTask {
            search |> Option.iter _.Close()
            routes.Close()

            for group in groups do
                let departure =
                    {
                        ClientId = clientId
                        ProducerGroup = Some group
                        ConsumerGroup = None
                    }

                do! presence.Leave(departure, farewellTime)

            do! clients.CloseAll()
        }
