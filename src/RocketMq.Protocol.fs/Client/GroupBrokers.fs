namespace RocketMq.Protocol

open System
open System.Threading
open System.Threading.Tasks

/// Asks the brokers of queues on behalf of a consumer.
[<Sealed>]
type internal GroupBrokers(clients: RemotingClients, routes: Routes) =
    /// A broker looks only so often for pulls that have waited long enough.
    static let lateness = TimeSpan.FromSeconds 5L

    let clientOf (address: string option) (queue: MessageQueue) route =
        match address with
        | Some address -> clients.TryGet address
        | None -> Error(NoQueue(queue.Topic, RouteProblems.ofBroker queue.BrokerName route))

    let atMaster (queue: MessageQueue) route =
        TopicRoute.masterAddress queue.BrokerName route

    let atAny (queue: MessageQueue) route =
        TopicRoute.anyAddress queue.BrokerName route

    let find (queue: MessageQueue) address cancellation =
        backgroundTask {
            match! routes.Get(queue.Topic, cancellation) with
            | Error error -> return Error error
            | Ok route -> return clientOf (address route) queue route
        }

    let ask queue address (request: Request<'Answer>) cancellation =
        backgroundTask {
            match! find queue address cancellation with
            | Error error -> return Error error
            | Ok client -> return! client.Ask(request, cancellation)
        }

    /// Asks the master of a queue's broker or, without a master, a slave.
    member _.Ask(queue: MessageQueue, request: Request<'Answer>, cancellation: CancellationToken) =
        ask queue (atAny queue) request cancellation

    /// Asks the master of a queue's broker, and nobody else.
    member _.AskMaster(queue: MessageQueue, request: Request<'Answer>, cancellation: CancellationToken) =
        ask queue (atMaster queue) request cancellation

    /// Asks the master of a broker that one of the routes names.
    member _.AskBroker(brokerName: string, request: Request<'Answer>, cancellation: CancellationToken) =
        match routes.Known |> List.tryPick (TopicRoute.masterAddress brokerName) with
        | None ->
            let reason = "no name server knows a master of it"
            Task.FromResult(Error(NotConnected({ Host = brokerName; Port = 0 }, reason)))
        | Some address ->
            match clients.TryGet address with
            | Ok client -> client.Ask(request, cancellation)
            | Error error -> Task.FromResult(Error error)

    /// Pulls from the broker of an id, see `TopicRoute.addressFor`. It may hold the pull for `suspend`.
    member _.Pull
        (
            queue: MessageQueue,
            brokerId: int64,
            request: Request<PullAnswer>,
            suspend: TimeSpan,
            cancellation: CancellationToken
        ) =
        backgroundTask {
            match! find queue (TopicRoute.addressFor brokerId queue.BrokerName) cancellation with
            | Error error -> return Error error
            | Ok client ->
                let timeout = suspend + lateness + clients.Options.RequestTimeout
                return! client.AskWithin(request, timeout, cancellation)
        }

    /// Asks the brokers of a topic one after the other, from a random one on, until one answers.
    member _.AskOne(topic: string, request: Request<'Answer>, cancellation: CancellationToken) =
        backgroundTask {
            match! routes.Get(topic, cancellation) with
            | Error error -> return Error error
            | Ok route ->
                let addresses =
                    route.Brokers
                    |> List.choose (fun broker -> TopicRoute.anyAddress broker.BrokerName route)
                    |> Array.ofList

                let first = int (clients.Options.Ports.Jitter() * float addresses.Length)
                let mutable outcome = Error(NoRoute topic)
                let mutable tried = 0

                while tried < addresses.Length && Result.isError outcome do
                    match clients.TryGet addresses[(first + tried) % addresses.Length] with
                    | Error error -> outcome <- Error error
                    | Ok client ->
                        let! answer = client.Ask(request, cancellation)
                        outcome <- answer

                    tried <- tried + 1

                return outcome
        }
