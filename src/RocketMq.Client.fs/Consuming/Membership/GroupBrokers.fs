namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Where a queue is pulled from by a route. Worked out once for many pulls.
[<Sealed>]
type internal PullSource(route: TopicRoute, requestedId: int64, brokerId: int64, endpoint: Endpoint) =
    /// The broker that answers there: 0 is the master.
    member _.BrokerId = brokerId

    member _.Endpoint = endpoint

    /// Whether the same comes of a route and the broker that is wanted.
    member _.IsOf(otherRoute: TopicRoute, otherId: int64) =
        Object.ReferenceEquals(route, otherRoute) && requestedId = otherId

/// Sends a request to the broker of a queue, the master or a slave.
type internal BrokerRequest<'Answer> =
    delegate of client: RemotingClient * isMaster: bool -> Task<Result<'Answer, RemotingError>>

/// Asks the brokers of queues on behalf of a consumer.
[<Sealed>]
type internal GroupBrokers(clients: RemotingClients, routes: Routes) =
    /// A broker looks only so often for pulls that have waited long enough.
    static let lateness = TimeSpan.FromSeconds 5L

    let firstCommits = FirstCommits()

    let noAddress (queue: MessageQueue) route =
        Error(RemotingError.NoQueue(queue.Topic, RouteProblems.ofQueue queue route))

    let atAny (queue: MessageQueue) route =
        match TopicRoute.hostOf queue route with
        | ValueSome hostName -> TopicRoute.anyAddress hostName route
        | ValueNone -> None

    /// The master of a topic's broker.
    let masterOf topic brokerName cancellation =
        taskResult {
            let! route = routes.Get(topic, cancellation)

            match TopicRoute.masterAddress brokerName route with
            | Some address -> return! clients.TryGet address
            | None -> return! Error(RemotingError.NoQueue(topic, RouteProblems.ofBroker brokerName route))
        }

    /// The master of a broker that one of the routes names.
    let tryMaster brokerName =
        routes.Known
        |> List.tryPick (TopicRoute.masterAddress brokerName)
        |> Option.map clients.TryGet

    let newSource (queue: MessageQueue) (brokerId: int64) (route: TopicRoute) =
        let found =
            match TopicRoute.hostOf queue route with
            | ValueSome hostName -> TopicRoute.brokerFor brokerId hostName route
            | ValueNone -> None

        match found with
        | None -> noAddress queue route
        | Some struct (answeredBy, address) ->
            match Endpoint.tryParse address with
            | ValueSome endpoint -> Ok(PullSource(route, brokerId, answeredBy, endpoint))
            | ValueNone -> Error(RemotingError.BadAddress address)

    /// By what is known of the queue's topic; `last` is where it was pulled from before, if it was.
    let sourceOf (queue: MessageQueue) (brokerId: int64) (last: PullSource | null) (route: TopicRoute) =
        match last with
        | null -> newSource queue brokerId route
        | last when last.IsOf(route, brokerId) -> Ok last
        | _ -> newSource queue brokerId route

    let requestAt (queue: MessageQueue) address (request: BrokerRequest<'Answer>) (route: TopicRoute) =
        match address queue route with
        | None -> Task.FromResult(noAddress queue route)
        | Some address ->
            match clients.TryGet address with
            | Ok client -> request.Invoke(client, TopicRoute.masterOf queue route = Some address)
            | Error error -> Task.FromResult(Error error)

    let sendOnce (queue: MessageQueue) address (request: BrokerRequest<'Answer>) cancellation =
        match routes.TryGet queue.Topic with
        | ValueSome route -> requestAt queue address request route
        | ValueNone ->
            taskResult {
                let! route = routes.Get(queue.Topic, cancellation)
                return! requestAt queue address request route
            }

    /// A queue of a static topic may have moved: then once more, to where it is.
    let send (queue: MessageQueue) address (request: BrokerRequest<'Answer>) cancellation =
        if LogicalQueues.isLogical queue then
            backgroundTask {
                match! sendOnce queue address request cancellation with
                | Error error when RemotingError.isMovedQueue error ->
                    do! routes.RefreshAfter(error, queue.Topic)
                    return! sendOnce queue address request cancellation
                | answer -> return answer
            }
        else
            sendOnce queue address request cancellation

    let asIs (request: Request<'Answer>) cancellation : BrokerRequest<'Answer> =
        BrokerRequest<'Answer>(fun client _ -> client.Request(request, cancellation))

    /// The answers of a topic's brokers, the last one first, from a random broker on until one suffices.
    let requestInTurn topic (request: Request<'Answer>) (suffices: 'Answer -> bool) cancellation =
        backgroundTask {
            match! routes.Get(topic, cancellation) with
            | Error error -> return [ Error error ]
            | Ok route ->
                let addresses =
                    route.Brokers
                    |> List.choose (fun broker -> TopicRoute.anyAddress broker.BrokerName route)
                    |> Array.ofList

                let first = int (clients.Options.Ports.Jitter() * float addresses.Length)
                let mutable answers: Result<'Answer, RemotingError> list = []
                let mutable continues = true

                while answers.Length < addresses.Length && continues do
                    match clients.TryGet addresses[(first + answers.Length) % addresses.Length] with
                    | Error error -> answers <- Error error :: answers
                    | Ok client ->
                        let! answer = client.Request(request, cancellation)
                        answers <- answer :: answers

                        match answer with
                        | Ok answer when suffices answer -> continues <- false
                        | _ -> ()

                return answers
        }

    /// Asks the master of a topic's broker, which may take so long. After a failure that may pass the route is asked for again.
    member _.RequestFromMasterOf
        (
            topic: string,
            brokerName: string,
            request: Request<'Answer>,
            timeout: TimeSpan,
            cancellation: CancellationToken
        ) : Task<Result<'Answer, RemotingError>> =
        backgroundTask {
            match! masterOf topic brokerName cancellation with
            | Error error -> return Error error
            | Ok client ->
                let! answer = client.RequestWithin(request, timeout, cancellation)

                match answer with
                | Error error when RemotingError.isTransient error -> routes.RefreshSoon topic
                | _ -> ()

                return answer
        }

    /// Asks the master of a queue's broker or, without a master, a slave.
    member _.Request(queue: MessageQueue, request: Request<'Answer>, cancellation: CancellationToken) =
        send queue atAny (asIs request cancellation) cancellation

    /// The same, in a way that depends on whether it is the master.
    member _.RequestFromAny(queue: MessageQueue, request: BrokerRequest<'Answer>, cancellation: CancellationToken) =
        send queue atAny request cancellation

    /// Asks the master of a queue's broker, never a slave.
    member _.RequestFromMaster(queue: MessageQueue, request: Request<'Answer>, cancellation: CancellationToken) =
        send queue TopicRoute.masterOf (asIs request cancellation) cancellation

    /// The name of the broker that has a queue, as far as that is known: of a static topic another one than the queue's.
    member _.HostOf(queue: MessageQueue) : string =
        if LogicalQueues.isLogical queue then
            routes.TryGet queue.Topic
            |> ValueOption.bind (TopicRoute.hostOf queue)
            |> ValueOption.defaultValue queue.BrokerName
        else
            queue.BrokerName

    /// Commits an offset of a queue in its turn, see `FirstCommits`.
    member brokers.CommitInTurn
        (queue: MessageQueue, commit: unit -> Task<Result<unit, RemotingError>>, cancellation: CancellationToken)
        =
        firstCommits.Run(queue.Topic, brokers.HostOf queue, commit, cancellation)

    /// How often a broker's master has been connected to: what was learned of it before may be wrong, as another one may answer at
    /// its address.
    member _.Connections(brokerName: string) : int =
        match tryMaster brokerName with
        | Some(Ok client) -> client.Health.Connections
        | Some(Error _)
        | None -> 0

    /// The address of a broker's master, if one of the routes names it.
    member _.TryMaster(brokerName: string) : Endpoint voption =
        match tryMaster brokerName with
        | Some(Ok client) -> ValueSome client.Endpoint
        | Some(Error _)
        | None -> ValueNone

    /// The address of the master that has a queue, the same way.
    member brokers.TryMasterOf(queue: MessageQueue) : Endpoint voption = brokers.TryMaster(brokers.HostOf queue)

    /// Asks the master of a broker that one of the routes names.
    member _.RequestFromBroker(brokerName: string, request: Request<'Answer>, cancellation: CancellationToken) =
        match tryMaster brokerName with
        | None -> Task.FromResult(Error(RemotingError.NoBroker("", brokerName)))
        | Some(Ok client) -> client.Request(request, cancellation)
        | Some(Error error) -> Task.FromResult(Error error)

    /// Where to pull from, of the broker of an id: see `TopicRoute.brokerFor`. `last` is where the queue was pulled from before; mostly
    /// that is so still, and nothing is made.
    member _.PullSource
        (queue: MessageQueue, brokerId: int64, last: PullSource | null, cancellation: CancellationToken)
        : ValueTask<Result<PullSource, RemotingError>> =
        match routes.TryGet queue.Topic with
        | ValueSome route -> ValueTask<Result<PullSource, RemotingError>>(sourceOf queue brokerId last route)
        | ValueNone ->
            ValueTask<Result<PullSource, RemotingError>>(
                backgroundTask {
                    let! route = routes.Get(queue.Topic, cancellation)
                    return Result.bind (sourceOf queue brokerId last) route
                }
            )

    /// Pulls. The broker may hold the pull for its `LongPollTimeout`.
    member _.Pull
        (source: PullSource, pull: OutgoingPull, cancellation: CancellationToken)
        : Task<Result<PullAnswer, RemotingError>> =
        let timeout = pull.Pull.LongPollTimeout + lateness + clients.Options.RequestTimeout

        (clients.Get source.Endpoint).Send(pull, timeout, cancellation)

    /// A request of the group has failed. A broker that misses its subscription is told of it by the next heartbeat.
    member _.Failed(error: RemotingError) : unit =
        match error with
        | RemotingError.Refused(endpoint,
                                _,
                                _,
                                (ResponseCode.SubscriptionNotExist | ResponseCode.SubscriptionNotLatest),
                                _) -> (clients.Get endpoint).Heartbeats.Doubt()
        | _ -> ()

    /// Asks the brokers of a topic one after the other, from a random one on, until one answers.
    member _.RequestFromFirst(topic: string, request: Request<'Answer>, cancellation: CancellationToken) =
        backgroundTask {
            match! requestInTurn topic request (fun _ -> true) cancellation with
            | [] -> return Error(RemotingError.NoRoute(topic, routes.NameServers))
            | last :: _ -> return last
        }

    /// The same until one gives an answer that suffices. Gives all answers, the last one first; none if the topic has no broker.
    member _.RequestInTurn
        (topic: string, request: Request<'Answer>, suffices: 'Answer -> bool, cancellation: CancellationToken)
        : Task<Result<'Answer, RemotingError> list> =
        requestInTurn topic request suffices cancellation
