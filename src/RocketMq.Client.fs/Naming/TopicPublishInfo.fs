namespace RocketMq

open System
open System.Collections.Generic
open RocketMq.Protocol

/// What sends need of a topic's route, worked out once for each route that comes.
[<Sealed>]
type internal TopicPublishInfo(topic: string, route: TopicRoute, clients: RemotingClients) =
    let queues = TopicRoute.publishQueues topic route |> Array.ofList

    /// Of a static topic: each queue whose broker has a master, by the queue as it travels there.
    let located: Dictionary<MessageQueue, MessageQueue> | null =
        if TopicRoute.isStatic route then
            let located = Dictionary<MessageQueue, MessageQueue>()

            for queue in queues do
                match TopicRoute.hostOf queue route with
                | ValueSome brokerName when (TopicRoute.masterAddress brokerName route).IsSome ->
                    located[{ queue with BrokerName = brokerName }] <- queue
                | _ -> ()

            located
        else
            null

    let travelling =
        match located with
        | null -> queues
        | located -> Array.ofSeq located.Keys

    let hasOther (brokerName: string) =
        travelling |> Array.exists (fun queue -> queue.BrokerName <> brokerName)

    let hasSeveral = travelling.Length > 0 && hasOther travelling[0].BrokerName

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

    /// The queues that may be written to, see `TopicRoute.publishQueues`. Those of a static topic are all there, whatever becomes of brokers.
    member _.Queues = queues

    /// Those that can be sent to now, as they travel: with the name of the broker that has them.
    member _.Travelling = travelling

    /// A queue that travels, as applications know it.
    member _.Known(queue: MessageQueue) : MessageQueue =
        match located with
        | null -> queue
        | located ->
            match located.TryGetValue queue with
            | true, known -> known
            | _ -> queue

    /// The name of the broker that has a queue, see `TopicRoute.hostOf`.
    member _.HostOf(queue: MessageQueue) : string voption =
        match located with
        | null -> ValueSome queue.BrokerName
        | _ -> TopicRoute.hostOf queue route

    /// The master of a broker in the route. They are few.
    member _.MasterOf(brokerName: string) : Result<RemotingClient, RemotingError> = find masters brokerName 0

    /// The same, by its VIP channel.
    member _.VipOf(brokerName: string) : Result<RemotingClient, RemotingError> = find vips.Value brokerName 0

    /// Whether the topic has a queue to write to on another broker.
    member _.HasOther(brokerName: string) = hasOther brokerName

    /// Whether the queues are on more than one broker.
    member _.HasSeveral = hasSeveral
