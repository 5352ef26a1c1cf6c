namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// The answer to a pull, and the id of the broker that gave it: 0 is the master.
[<Struct>]
type internal BrokerPull = { BrokerId: int64; Answer: PullAnswer }

/// Asks the brokers of queues on behalf of a consumer.
[<Sealed>]
type internal GroupBrokers(clients: RemotingClients, routes: Routes) =
    /// A broker looks only so often for pulls that have waited long enough.
    static let lateness = TimeSpan.FromSeconds 5L

    let noAddress topic brokerName route =
        Error(RemotingError.NoQueue(topic, RouteProblems.ofBroker brokerName route))

    let clientOf (address: string option) topic brokerName route =
        match address with
        | Some address -> clients.TryGet address
        | None -> noAddress topic brokerName route

    let atMaster (queue: MessageQueue) route =
        TopicRoute.masterAddress queue.BrokerName route

    let atAny (queue: MessageQueue) route =
        TopicRoute.anyAddress queue.BrokerName route

    let find topic brokerName address cancellation =
        taskResult {
            let! route = routes.Get(topic, cancellation)
            return! clientOf (address route) topic brokerName route
        }

    /// The master of a broker that one of the routes names.
    let tryMaster brokerName =
        routes.Known
        |> List.tryPick (TopicRoute.masterAddress brokerName)
        |> Option.map clients.TryGet

    let send (queue: MessageQueue) address (request: Request<'Answer>) cancellation =
        taskResult {
            let! client = find queue.Topic queue.BrokerName address cancellation
            return! client.Request(request, cancellation)
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
            match! find topic brokerName (TopicRoute.masterAddress brokerName) cancellation with
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
        send queue (atAny queue) request cancellation

    /// The same, and whether it was the master that answered.
    member _.RequestFromAny(queue: MessageQueue, request: Request<'Answer>, cancellation: CancellationToken) =
        taskResult {
            let! route = routes.Get(queue.Topic, cancellation)
            let isMaster = Option.isSome (atMaster queue route)
            let! answer = send queue (atAny queue) request cancellation
            return struct (isMaster, answer)
        }

    /// Asks the master of a queue's broker, never a slave.
    member _.RequestFromMaster(queue: MessageQueue, request: Request<'Answer>, cancellation: CancellationToken) =
        send queue (atMaster queue) request cancellation

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

    /// Asks the master of a broker that one of the routes names.
    member _.RequestFromBroker(brokerName: string, request: Request<'Answer>, cancellation: CancellationToken) =
        match tryMaster brokerName with
        | None -> Task.FromResult(Error(RemotingError.NoBroker("", brokerName)))
        | Some(Ok client) -> client.Request(request, cancellation)
        | Some(Error error) -> Task.FromResult(Error error)

    /// Pulls from the broker of an id, see `TopicRoute.brokerFor`. It may hold the pull for `longPollTimeout`.
    member _.Pull
        (queue: MessageQueue, brokerId: int64, request: PullRequest, suspend: TimeSpan, cancellation: CancellationToken)
        =
        taskResult {
            let! route = routes.Get(queue.Topic, cancellation)

            match TopicRoute.brokerFor brokerId queue.BrokerName route with
            | None -> return! noAddress queue.Topic queue.BrokerName route
            | Some struct (answeredBy, address) ->
                let! client = clients.TryGet address
                let timeout = suspend + lateness + clients.Options.RequestTimeout
                let! answer = client.Send(OutgoingPull request, timeout, cancellation)

                return
                    {
                        BrokerId = answeredBy
                        Answer = answer
                    }
        }

    /// Asks the brokers of a topic one after the other, from a random one on, until one answers.
    member _.RequestFromFirst(topic: string, request: Request<'Answer>, cancellation: CancellationToken) =
        backgroundTask {
            match! routes.Get(topic, cancellation) with
            | Error error -> return Error error
            | Ok route ->
                let addresses =
                    route.Brokers
                    |> List.choose (fun broker -> TopicRoute.anyAddress broker.BrokerName route)
                    |> Array.ofList

                let first = int (clients.Options.Ports.Jitter() * float addresses.Length)
                let mutable outcome = Error(RemotingError.NoRoute(topic, routes.NameServers))
                let mutable tried = 0

                while tried < addresses.Length && Result.isError outcome do
                    match clients.TryGet addresses[(first + tried) % addresses.Length] with
                    | Error error -> outcome <- Error error
                    | Ok client ->
                        let! answer = client.Request(request, cancellation)
                        outcome <- answer

                    tried <- tried + 1

                return outcome
        }
