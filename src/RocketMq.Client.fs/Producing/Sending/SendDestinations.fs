namespace RocketMq

open System
open System.Threading
open RocketMq.Protocol

/// Where an attempt to send goes.
[<Struct; NoEquality; NoComparison>]
type internal SendDestination =
    {
        /// As applications know it.
        Queue: MessageQueue
        /// The name of the broker that has the queue: of a static topic another one than the queue's.
        HostName: string
        Client: RemotingClient
    }

/// Finds the queue of each attempt to send, and the broker that has it.
[<Sealed>]
type internal SendDestinations(options: ProducerOptions, routes: Routes, avoidance: BrokerAvoidance) =
    let mutable turn = Random.Shared.Next()

    /// As it travels if this client chooses, else as applications know it.
    let queueFor
        target
        (view: TopicPublishInfo)
        (prepared: OutgoingMessage)
        last
        : Result<MessageQueue, RemotingError> =
        match target with
        | AnyQueue when view.Travelling.Length = 0 ->
            Error(RemotingError.NoQueue(prepared.Topic, RouteProblems.ofSending view.Route))
        | SelectedQueue _ when view.Queues.Length = 0 ->
            Error(RemotingError.NoQueue(prepared.Topic, RouteProblems.ofSending view.Route))
        | AnyQueue ->
            match avoidance.Choose(view.Travelling, Interlocked.Increment &turn, last) with
            | ValueSome queue -> Ok queue
            | ValueNone -> Error(RemotingError.NoRoute(prepared.Topic, routes.NameServers))
        | OneQueue queue when
            queue.Topic <> prepared.Topic
            && Namespaced.wrap options.Client.Namespace queue.Topic <> prepared.Topic
            ->
            Error(
                RemotingError.Invalid(
                    InvalidInput("the queue", $"it is one of {queue.Topic}, the message is to {prepared.Topic}")
                )
            )
        | OneQueue queue -> Ok queue
        | SelectedQueue selector ->
            let queues = SendDestinations.KnownAs(options.Client.Namespace, view.Queues)

            QueueSelector.select selector queues prepared.Source (Interlocked.Increment &turn)
            |> Result.mapError RemotingError.Invalid

    let hostOf target (view: TopicPublishInfo) (queue: MessageQueue) =
        match target with
        | AnyQueue -> ValueSome queue.BrokerName
        | OneQueue _
        | SelectedQueue _ -> view.HostOf queue

    /// Queues as applications know them: without the namespace.
    static member KnownAs(ns: string, queues: MessageQueue[]) : MessageQueue[] =
        if ns = "" then
            queues
        else
            queues
            |> Array.map (fun queue ->
                { queue with
                    Topic = Namespaced.unwrap ns queue.Topic
                })

    /// The queue for a message, and the master that it is sent to; or what is wrong, and with which broker if it is one's.
    member _.Find
        (target: SendTarget, view: TopicPublishInfo, prepared: OutgoingMessage, last: string option)
        : Result<SendDestination, struct (string option * RemotingError)> =
        match queueFor target view prepared last with
        | Error error -> Error(struct (None, error))
        | Ok queue ->
            match hostOf target view queue with
            | ValueNone ->
                let reason = RouteProblems.ofQueue queue view.Route
                Error(struct (None, RemotingError.NoQueue(prepared.Topic, reason)))
            | ValueSome hostName ->
                let master =
                    if options.UseVipChannel then
                        view.VipOf hostName
                    else
                        view.MasterOf hostName

                match master with
                | Ok client ->
                    Ok
                        {
                            Queue = view.Known queue
                            HostName = hostName
                            Client = client
                        }
                | Error error -> Error(struct (Some hostName, error))

    /// Whether another broker is tried if an attempt fails.
    member _.HasAlternative(target: SendTarget, view: TopicPublishInfo, attempt: int) : bool =
        match target with
        | AnyQueue -> view.HasSeveral && attempt < options.Attempts
        | OneQueue _
        | SelectedQueue _ -> false
