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

    let findRepeatedly (nameServer: NameServer) : Task =
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

    /// Nothing if no address server is named.
    static member TryOf(options: ClientOptions) : NameServerSearch option =
        options.AddressServer
        |> Option.map (fun server -> NameServerSearch(server, options.Remoting))

    static member Source(search: NameServerSearch) : INameServerSource = search

    member _.Start(nameServer: NameServer) =
        Supervised.run options.Logger ending.Token (fun () -> findRepeatedly nameServer)

    member _.Close() =
        ending.Cancel()
        http.Dispose()

    interface INameServerSource with
        member _.Domain = server.Domain
        member _.Find cancellation = find cancellation

/// What producers and consumers have in common: connections, name servers, routes, and who they are to brokers. It belongs to
/// one of them and ends with it or, if it is shared, to a `RocketMqClient`.
[<Sealed>]
type internal ClientInstance(options: ClientOptions, isShared: bool) =
    let remoting = GuardedLogger.protect options.Remoting
    let clientId = ClientId.create options.InstanceName options.UnitName
    let participants = Participants clientId
    let replies = PendingReplies()

    let findCheck group =
        match participants.Producers with
        // Whatever a broker asks this client about is its one producer's.
        | [ single ] when not isShared -> single.Check
        | _ -> participants.TryCheck group

    /// Who does not share answers what it is asked for, and leaves the rest to the application's handlers.
    let answers code =
        let producers = participants.Producers

        match code with
        | _ when isShared -> true
        | RequestCode.PushReplyMessageToClient -> not producers.IsEmpty
        | RequestCode.CheckTransactionState -> producers |> List.exists _.Check.IsSome
        | _ -> not participants.Consumers.IsEmpty

    let handlersOf (endpoint: Endpoint) : Map<RequestCode, RequestHandler> =
        CallbackAnswers.handlers participants.TryConsumer
        |> Map.add RequestCode.PushReplyMessageToClient (fun command -> replies.Receive command)
        |> Map.add RequestCode.CheckTransactionState (TransactionChecks.handler remoting findCheck endpoint)
        |> Map.filter (fun code _ -> answers code)

    let clients = RemotingClients(remoting, handlersOf)

    let search = NameServerSearch.TryOf { options with Remoting = remoting }

    let nameServer =
        NameServer(Array.ofList options.NameServers, clients, search |> Option.map NameServerSearch.Source)

    let routes = Routes(nameServer, clients)

    let presence =
        HeartbeatService(
            clients,
            routes,
            { new IHeartbeatSource with
                member _.Heartbeat() =
                    {
                        ClientId = clientId
                        ProducerGroups = participants.Producers |> List.map _.Group |> List.distinct
                        Consumers = participants.Consumers |> List.map _.Membership()
                        Fingerprint = None
                        IsWithoutSubscriptions = None
                    }

                member _.Scope =
                    if participants.Consumers.IsEmpty then
                        Masters
                    else
                        AllBrokers

                member _.UsesFingerprints = options.UseHeartbeatV2

                member _.Reached endpoint =
                    for producer in participants.Producers do
                        producer.Outcomes.Reached endpoint

                member _.Failed(endpoint, error) =
                    for producer in participants.Producers do
                        producer.Outcomes.Failed(endpoint, error)
            }
        )

    let start () =
        search |> Option.iter _.Start(nameServer)
        routes.Start()
        presence.Start()

    let stop () =
        search |> Option.iter _.Close()
        routes.Close()
        presence.Close()

    /// Cancelled when whoever stops the client does not wait for work at hand any longer.
    let drainEnd = new CancellationTokenSource()

    /// What one of them throws is logged, and does not keep the others from being closed.
    let closeAll (closes: (CancellationToken -> Task) list) cancellation : Task =
        closes
        |> List.map (fun close ->
            backgroundTask {
                try
                    do! close cancellation
                with error ->
                    Log.workFailed remoting.Logger error
            }
            :> Task)
        |> Task.WhenAll

    let close (cancellation: CancellationToken) : Task =
        backgroundTask {
            let struct (consumers, producers) = participants.Close()
            // Consumers may send with the producers until they have ended.
            do! closeAll consumers cancellation
            do! closeAll producers cancellation
            stop ()
            do! clients.CloseAll()
        }

    let closeGate = obj ()
    let mutable closing: Task | null = null

    /// However often it is asked for, it happens once.
    let closeOnce cancellation : Task =
        lock closeGate (fun () ->
            match closing with
            | null ->
                let begun = close cancellation
                closing <- begun
                begun
            | begun -> begun)

    /// A shared client begins with the first that joins it, or that needs a name server.
    let starting = lazy (start ())

    /// Of one producer or consumer alone.
    static member Of(options: ClientOptions) : ClientInstance = ClientInstance(options, false)

    /// As they were given.
    member _.Options: ClientOptions = options

    member _.ClientId = clientId
    member _.IsShared = isShared
    member _.Clients = clients
    member _.NameServer = nameServer
    member _.Routes = routes
    member _.HeartbeatService = presence
    member _.Replies = replies

    /// Looks for name servers, without anybody who joins.
    member _.Search() =
        if isShared then
            starting.Force()
        else
            search |> Option.iter _.Start(nameServer)

    /// Brokers know of it from now on. `close` is called when the shared client is closed.
    member _.Join(participant: Participant, close: CancellationToken -> Task) : Result<unit, RemotingError> =
        participants.TryJoin(participant, close)
        |> Result.map (fun () ->
            starting.Force()

            if isShared then
                presence.Joined())

    /// Unregisters it from brokers. If it does not share, all ends.
    member _.Leave(participant: Participant) : Task =
        backgroundTask {
            if not isShared then
                stop ()

            match participants.TryLeave participant with
            | Some departure -> do! presence.Leave departure
            | None -> ()

            participants.Remove participant

            if not isShared then
                do! clients.CloseAll()
        }

    /// Ends as a process does that is killed: brokers are not told.
    member _.Kill(participant: Participant) : Task =
        participants.Remove participant

        if isShared then Task.CompletedTask else clients.CloseAll()

    /// Closes all that share it, and the connections.
    member _.Close() : Task = closeOnce CancellationToken.None

    /// The same; they wait for work at hand until the token is cancelled or, if it cannot be, as long as each is set up to.
    member _.Stop(cancellation: CancellationToken) : Task =
        backgroundTask {
            use _ = Cancellation.forward cancellation drainEnd

            do!
                closeOnce (
                    if cancellation.CanBeCanceled then
                        drainEnd.Token
                    else
                        CancellationToken.None
                )
        }
