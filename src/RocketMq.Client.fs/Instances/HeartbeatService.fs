namespace RocketMq

open System
open System.Collections.Concurrent
open System.Runtime.CompilerServices
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Which brokers are told of a client.
type internal HeartbeatScope =
    | Masters
    /// Slaves too: consumers may read from them.
    | AllBrokers

/// A client, as its heartbeats tell of it.
type internal IHeartbeatSource =
    /// Who it is now. One that is in no group is announced to no broker.
    abstract Heartbeat: unit -> Heartbeat
    abstract Scope: HeartbeatScope
    /// Whether heartbeats leave out what the broker knows already.
    abstract UsesFingerprints: bool
    /// A broker has answered.
    abstract Reached: Endpoint -> unit
    abstract Failed: Endpoint * RemotingError -> unit

module internal Heartbeats =
    /// The groups that one heartbeat names and another does not, as what a broker is told of them.
    let left (before: Heartbeat) (now: Heartbeat) : Departure list =
        let departure producer consumer : Departure =
            {
                ClientId = now.ClientId
                ProducerGroup = producer
                ConsumerGroup = consumer
            }

        let groupsOf (heartbeat: Heartbeat) = heartbeat.Consumers |> List.map _.Group

        [
            for group in before.ProducerGroups |> List.except now.ProducerGroups do
                departure (Some group) None

            for group in groupsOf before |> List.except (groupsOf now) do
                departure None (Some group)
        ]

/// Sends heartbeats to the brokers in a client's routes: at once to one that is new or connected again, and every 30 s. Brokers
/// drop a client with its connection, or after 120 s.
[<Sealed>]
type internal HeartbeatService(clients: RemotingClients, routes: Routes, source: IHeartbeatSource) =
    /// Java tells brokers at this interval too.
    static let interval = TimeSpan.FromSeconds 30L

    /// What unregistering from one broker may take.
    static let unregisterTimeout = TimeSpan.FromSeconds 1L

    /// Heartbeats that are in flight at a time.
    static let atATime = 32

    let slots = new SemaphoreSlim(atATime, atATime)
    let options = clients.Options
    let ending = new CancellationTokenSource()

    /// By address: the brokers that are told, and the first time that it was done or, as long as it has failed, the latest.
    let known =
        ConcurrentDictionary<string, Lazy<Task<Result<unit, RemotingError>>>>(StringComparer.Ordinal)

    /// Brokers whose access control refuses the client: that is logged once, until it is let in.
    let refused = ConcurrentDictionary<string, unit>(StringComparer.Ordinal)

    let logFailure (address: string) (answer: Result<HeartbeatAnswer, RemotingError>) =
        match answer with
        | Ok _ when refused.IsEmpty -> ()
        | Ok _ -> refused.TryRemove address |> ignore<bool * unit>
        | Error _ when ending.IsCancellationRequested -> ()
        | Error error when RemotingError.isRefusalOfAccess error && not (refused.TryAdd(address, ())) -> ()
        | Error error -> Log.requestFailed options.Logger RequestCode.HeartBeat address (RemotingError.describe error)

    let isConnected state =
        match state with
        | ConnectionState.Connected _ -> true
        | _ -> false

    let unregister (client: RemotingClient) (departure: Departure) : Task =
        backgroundTask {
            if isConnected client.State then
                // Before and after: what is sent of the group while the broker takes this in counts for nothing.
                client.Heartbeats.Doubt()

                // A broker that is not told forgets the client with its connection.
                let! (_: Result<unit, RemotingError>) =
                    client.RequestWithin(
                        Heartbeat.unregister.Request departure,
                        unregisterTimeout,
                        CancellationToken.None
                    )

                client.Heartbeats.Doubt()
        }

    /// A group that was left while the heartbeat was on its way may have been told after its departure. Brokers close the connection
    /// of a client that is in a group and stays silent about it.
    let leaveAgain (client: RemotingClient) (sent: Heartbeat) : Task =
        backgroundTask {
            for departure in Heartbeats.left sent (source.Heartbeat()) do
                do! unregister client departure
        }

    let send address (heartbeat: Heartbeat) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            match clients.TryGet address with
            | Error error -> return Error error
            | Ok client ->
                let! answer =
                    HeartbeatSender.send source.UsesFingerprints client heartbeat ending.Token

                match answer with
                | Ok _ -> source.Reached client.Endpoint
                | Error error when not ending.IsCancellationRequested -> source.Failed(client.Endpoint, error)
                | Error _ -> ()

                logFailure address answer
                do! leaveAgain client heartbeat
                return answer |> Result.map ignore<HeartbeatAnswer>
        }

    let sendTo address : Task<Result<unit, RemotingError>> =
        let heartbeat = source.Heartbeat()

        if heartbeat.ProducerGroups.IsEmpty && heartbeat.Consumers.IsEmpty then
            Task.FromResult(Ok())
        else
            send address heartbeat

    /// The clients whose connections are watched. A broker that leaves the routes and comes back is watched already, unless its
    /// client has been forgotten meanwhile.
    let watched = ConditionalWeakTable<RemotingClient, obj>()

    let isOver (first: Lazy<Task<Result<unit, RemotingError>>>) =
        first.IsValueCreated && first.Value.IsCompleted

    let hasFailed (first: Lazy<Task<Result<unit, RemotingError>>>) =
        isOver first
        && (not first.Value.IsCompletedSuccessfully || first.Value.Result.IsError)

    let isRegistered address =
        match known.TryGetValue address with
        | true, first -> isOver first
        | _ -> false

    /// Tells a broker for the first time, and again whenever the connection to it has been made again.
    let rec register address =
        match clients.TryGet address with
        | Error error -> Task.FromResult(Error error)
        | Ok client ->
            if watched.TryAdd(client, obj ()) then
                client.StateChanged.Add(fun state ->
                    if isConnected state && isRegistered address && not ending.IsCancellationRequested then
                        Supervised.run options.Logger ending.Token (fun () -> renew address :> Task))

            sendTo address

    /// The first time is remembered when it has succeeded; after one that failed each that asks tries again.
    and know address =
        let first = known.GetOrAdd(address, (fun address -> lazy register address))

        if hasFailed first && not ending.IsCancellationRequested then
            // Somebody else may have tried again meanwhile: then that one counts.
            known.TryUpdate(address, lazy register address, first) |> ignore<bool>
            known.GetOrAdd(address, (fun address -> lazy register address)).Value
        else
            first.Value

    /// Tells a broker again or, if it could not be told yet, for the first time.
    and renew address : Task<Result<unit, RemotingError>> =
        match known.TryGetValue address with
        | true, first when first.IsValueCreated && not (hasFailed first) -> sendTo address
        | _ -> know address

    let addressesOf (route: TopicRoute) =
        match source.Scope with
        | Masters ->
            route.Brokers
            |> List.choose (fun broker -> TopicRoute.masterAddress broker.BrokerName route)
        | AllBrokers ->
            route.Brokers
            |> List.collect (fun broker -> broker.Addresses |> Map.values |> List.ofSeq)

    /// Tells all brokers that routes still hold, and forgets the others.
    let beat () : Task =
        backgroundTask {
            let addresses = routes.Known |> List.collect addressesOf |> List.distinct

            for address in known.Keys do
                if not (List.contains address addresses) then
                    known.TryRemove address
                    |> ignore<bool * Lazy<Task<Result<unit, RemotingError>>>>

            // Side by side: one that does not answer must not hold up the others until they forget this client.
            let heartbeat address : Task =
                backgroundTask {
                    do! slots.WaitAsync ending.Token

                    try
                        // It has logged what failed, and the next beat tells the broker again.
                        let! (_: Result<unit, RemotingError>) = renew address
                        ()
                    finally
                        slots.Release() |> ignore<int>
                }

            do! addresses |> List.map heartbeat |> Task.WhenAll
        }

    do
        routes.Changed.Add(fun struct (_, route) ->
            for address in addressesOf route do
                Supervised.run options.Logger ending.Token (fun () -> know address :> Task))

    member _.Start() =
        PeriodicTask.run options interval ending.Token beat

    /// Ends when a broker knows the client, or cannot be told.
    member _.At(address: string) : Task<Result<unit, RemotingError>> = know address

    /// Ends when the brokers of a route know the client, or cannot be told.
    member _.AtAll(route: TopicRoute) : Task =
        route
        |> addressesOf
        |> List.map (fun address -> know address :> Task)
        |> Task.WhenAll

    /// Tells all brokers again: the client has changed.
    member _.Renew() : Task = beat ()

    /// The client is in a group that no broker knows of: whoever asks for one that is told from now on waits until it has been
    /// told that too, and all of them are, in the background.
    member _.Joined() =
        for KeyValue(address, first) in known do
            known.TryUpdate(address, lazy register address, first) |> ignore<bool>

        Supervised.run options.Logger ending.Token beat

    /// Tells all brokers that the client has left a group, as far as they can be reached within a time.
    member _.Leave(departure: Departure) : Task =
        let leave address : Task =
            match clients.TryGet address with
            | Ok client -> unregister client departure
            | Error _ -> Task.CompletedTask

        known.Keys |> Seq.map leave |> Task.WhenAll

    /// Sends nothing any more, but what has been left.
    member _.Close() = ending.Cancel()
