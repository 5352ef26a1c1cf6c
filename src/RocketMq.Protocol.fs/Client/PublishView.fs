namespace RocketMq.Protocol

/// What sends need of a topic's route, worked out once for each route that comes.
[<Sealed>]
type internal PublishView(topic: string, route: TopicRoute, clients: RemotingClients) =
    let queues = TopicRoute.publishQueues topic route |> Array.ofList

    let clientOf brokerName =
        match TopicRoute.masterAddress brokerName route with
        | Some address -> clients.TryGet address
        | None -> Error(NoMaster(topic, brokerName))

    let brokers = queues |> Array.map (fun queue -> clientOf queue.BrokerName)

    member _.Route = route

    /// The queues that may be written to, by broker name and number.
    member _.Queues = queues

    /// The master of the queue at an index of `Queues`.
    member _.Master(index: int) : Result<RemotingClient, RemotingError> = brokers[index]

    /// The master of any broker in the route.
    member _.MasterOf(brokerName: string) : Result<RemotingClient, RemotingError> = clientOf brokerName
