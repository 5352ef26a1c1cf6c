namespace RocketMq

open System
open RocketMq.Protocol

/// What sends need of a topic's route, worked out once for each route that comes.
[<Sealed>]
type internal TopicPublishInfo(topic: string, route: TopicRoute, clients: RemotingClients) =
    let queues = TopicRoute.publishQueues topic route |> Array.ofList

    let hasOther (brokerName: string) =
        queues |> Array.exists (fun queue -> queue.BrokerName <> brokerName)

    let hasSeveral = queues.Length > 0 && hasOther queues[0].BrokerName

    let masters =
        [|
            for broker in route.Brokers do
                match TopicRoute.masterAddress broker.BrokerName route with
                | Some address -> struct (broker.BrokerName, clients.TryGet address)
                | None -> ()
        |]

    /// Their VIP channels, for producers that use them.
    let vips =
        lazy
            masters
            |> Array.map (fun (struct (name, master)) ->
                struct (name, master |> Result.bind (fun master -> clients.TryGetVip master.Endpoint)))

    let rec find (among: struct (string * Result<RemotingClient, RemotingError>)[]) (brokerName: string) index =
        if index = among.Length then
            Error(RemotingError.NoQueue(topic, RouteProblems.ofBroker brokerName route))
        else
            let struct (name, client) = among[index]

            if String.Equals(name, brokerName) then
                client
            else
                find among brokerName (index + 1)

    member _.Route = route

    /// The queues that may be written to, see `TopicRoute.publishQueues`.
    member _.Queues = queues

    /// The master of a broker in the route. They are few.
    member _.MasterOf(brokerName: string) : Result<RemotingClient, RemotingError> = find masters brokerName 0

    /// The same, by its VIP channel.
    member _.VipOf(brokerName: string) : Result<RemotingClient, RemotingError> = find vips.Value brokerName 0

    /// Whether the topic has a queue to write to on another broker.
    member _.HasOther(brokerName: string) = hasOther brokerName

    /// Whether the queues are on more than one broker.
    member _.HasSeveral = hasSeveral
