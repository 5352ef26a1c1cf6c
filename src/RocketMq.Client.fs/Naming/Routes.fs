namespace RocketMq

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// The topic whose settings a topic takes over that its first send makes.
type AutoCreateTopic =
    {
        /// Default TBW102, which brokers have that make topics by themselves.
        Topic: string
        /// How many queues a new topic gets at most. Default 4.
        Queues: int
    }

    /// The template topic `TBW102` with 4 queues, as in Java.
    static member Default =
        {
            Topic = Send.defaultTopic
            Queues = Send.defaultTopicQueues
        }

/// A route that is known, and when it came.
[<Sealed>]
type internal KnownRoute
    private
    (
        route: TopicRoute,
        publish: Lazy<TopicPublishInfo>,
        answer: RouteAnswer | null,
        fetched: int64,
        template: AutoCreateTopic voption
    ) =
    member _.Route = route
    member _.Publish = publish.Value
    member _.Fetched = fetched

    /// What a name server said; null if the route was made here.
    member _.Answer = answer

    /// Of a topic that does not exist yet: what it is made like by a send that goes by this.
    member _.Template = template

    /// The same route, said again: what was worked out from it stays.
    member _.Confirmed(answer: RouteAnswer | null, now: int64) =
        KnownRoute(route, publish, answer, now, template)

    static member Answered(topic: string, answer: RouteAnswer, clients, now: int64) =
        let route = answer.Route
        KnownRoute(route, lazy TopicPublishInfo(topic, route, clients), answer, now, ValueNone)

    static member Made(topic: string, route: TopicRoute, clients, now: int64, template: AutoCreateTopic) =
        KnownRoute(route, lazy TopicPublishInfo(topic, route, clients), null, now, ValueSome template)

/// No name server has answered since a time, for a reason.
[<Sealed>]
type internal NameServerSilence(since: int64, reason: string) =
    member _.Since = since
    member _.Reason = reason

/// The routes of the topics in use. Whoever knows a route uses it, however old: they are asked for again every 30 s, and
/// when one was found wrong, by one caller for all.
[<Sealed>]
type internal Routes(nameServer: NameServer, clients: RemotingClients) =
    /// Java polls at this interval too.
    static let pollInterval = TimeSpan.FromSeconds 30L

    /// A topic is not asked for more often, however many callers find its route wrong.
    static let doubtInterval = TimeSpan.FromSeconds 1L

    /// As `doubtInterval`, where a broker has said that the route is wrong.
    static let movedInterval = TimeSpan.FromSeconds 0.1

    /// A topic that a send has just made is looked for after this time.
    static let templateAge = TimeSpan.FromSeconds 0.5

    let clock = clients.Options.Ports.Clock
    let known = ConcurrentDictionary<string, KnownRoute>(StringComparer.Ordinal)
    let ending = new CancellationTokenSource()

    let fetching =
        ConcurrentDictionary<string, Lazy<Task<Result<KnownRoute, RemotingError>>>>(StringComparer.Ordinal)

    let changed = Event<struct (string * TopicRoute)>()

    /// Since when, and why, no name server has answered.
    let mutable silence: NameServerSilence | null = null

    let noteAnswer (error: RemotingError voption) =
        match error, silence with
        | ValueNone, null -> ()
        | ValueNone, _ -> Volatile.Write(&silence, null)
        | ValueSome error, null ->
            Volatile.Write(&silence, NameServerSilence(clock.GetTimestamp(), RemotingError.describe error))
        | ValueSome _, _ -> ()

    let closed = RemotingError.AlreadyClosed "The client"

    /// Records are compared part by part even where they are one.
    let isSame (one: TopicRoute) (other: TopicRoute) =
        Object.ReferenceEquals(one, other) || one = other

    let isNotThere error =
        match error with
        | RemotingError.Refused(_, _, _, ResponseCode.TopicNotExist, _) -> true
        | _ -> false

    let tryKnown topic : KnownRoute voption =
        match known.TryGetValue topic with
        | true, route when route.Template.IsNone -> ValueSome route
        | _ -> ValueNone

    /// Puts a route in the place of the one that is known, if that may be. Gives the one that is known then.
    let rec put topic (next: KnownRoute) (mayReplace: KnownRoute -> bool) : KnownRoute =
        match known.TryGetValue topic with
        | true, before when not (mayReplace before) -> before
        | true, before when known.TryUpdate(topic, next, before) ->
            if not (isSame before.Route next.Route) then
                changed.Trigger(struct (topic, next.Route))

            next
        | false, _ when known.TryAdd(topic, next) ->
            changed.Trigger(struct (topic, next.Route))
            next
        | _ -> put topic next mayReplace

    /// While name servers do not answer, or know the topic no more, an old route is better than none: brokers refuse what
    /// they do not take.
    let fetch topic =
        backgroundTask {
            try
                let last =
                    match tryKnown topic with
                    | ValueSome route -> route.Answer
                    | ValueNone -> null

                let! answer = nameServer.RouteFor(topic, last, ending.Token)

                match answer with
                | Error error when not (isNotThere error) && not ending.IsCancellationRequested ->
                    noteAnswer (ValueSome error)
                | _ -> noteAnswer ValueNone

                match answer, tryKnown topic with
                | Ok found, ValueSome old when isSame found.Route old.Route && TopicRoute.leadsSomewhere found.Route ->
                    return Ok(put topic (old.Confirmed(found, clock.GetTimestamp())) (fun _ -> true))
                | Ok found, _ when TopicRoute.leadsSomewhere found.Route ->
                    let next = KnownRoute.Answered(topic, found, clients, clock.GetTimestamp())
                    return Ok(put topic next (fun _ -> true))
                | _, ValueSome old ->
                    known[topic] <- old.Confirmed(old.Answer, clock.GetTimestamp())
                    return Ok old
                | Ok _, ValueNone -> return Error(RemotingError.NoRoute(topic, nameServer.Endpoints))
                | Error error, ValueNone when isNotThere error ->
                    return Error(RemotingError.NoRoute(topic, nameServer.Endpoints))
                | Error _, ValueNone when ending.IsCancellationRequested -> return Error closed
                | Error error, ValueNone -> return Error error
            finally
                fetching.TryRemove topic
                |> ignore<bool * Lazy<Task<Result<KnownRoute, RemotingError>>>>
        }

    /// The first caller asks, the others wait for the same answer.
    let fetchOnce topic : Task<Result<KnownRoute, RemotingError>> =
        match fetching.TryGetValue topic with
        | true, running -> running.Value
        | _ -> fetching.GetOrAdd(topic, lazy fetch topic).Value

    let noAnswer () =
        match nameServer.Endpoints with
        | [] -> "no name server was found in the time that there was"
        | [ single ] -> invariant $"the name server {single} did not answer in the time that there was"
        | several ->
            let all = several |> List.map string |> String.concat ", "
            $"none of the name servers {all} answered in the time that there was"

    let waitFor (fetching: Task<Result<KnownRoute, RemotingError>>) topic (limit: TimeSpan) cancellation =
        backgroundTask {
            try
                return! fetching.WaitAsync(limit, clock, cancellation)
            with
            | :? OperationCanceledException ->
                return Error(RemotingError.Cancelled(RequestCode.GetRouteInfoByTopic, false))
            | :? TimeoutException -> return Error(RemotingError.RouteUnknown(topic, FailureReason.ofText (noAnswer ())))
        }

    /// Producers that share routes may have templates of their own.
    let isFresh template (route: KnownRoute) =
        match route.Template with
        | ValueNone -> true
        | ValueSome other -> other = template && clock.GetElapsedTime route.Fetched < templateAge

    /// The route of a topic that does not exist yet: that of the template, with as many queues as a send makes.
    let ofTemplate topic (template: AutoCreateTopic) limit cancellation =
        backgroundTask {
            match! waitFor (fetchOnce template.Topic) topic limit cancellation with
            | Ok found ->
                let limit (queues: QueueData) =
                    { queues with
                        WriteQueues = min template.Queues queues.ReadQueues
                    }

                let route =
                    { found.Route with
                        Queues = List.map limit found.Route.Queues
                        QueueMappings = None
                    }

                let next = KnownRoute.Made(topic, route, clients, clock.GetTimestamp(), template)
                // Not in the place of the topic's own, which may have come meanwhile, nor of what another caller has just put.
                return Ok(put topic next (isFresh template >> not))
            | Error(RemotingError.NoRoute(_, queried)) -> return Error(RemotingError.NoRoute(topic, queried))
            | Error error -> return Error error
        }

    let refresh topic interval : Task =
        match known.TryGetValue topic with
        | true, route when clock.GetElapsedTime route.Fetched < interval -> Task.CompletedTask
        | _ -> fetchOnce topic

    /// Asks for one topic after another, at no two clients at the same time.
    let poll () : Task =
        backgroundTask {
            for topic in known.Keys do
                // What fails here fails again for whoever needs the route; one that is known stays known.
                let! (_: Result<KnownRoute, RemotingError>) = fetchOnce topic
                ()
        }

    /// Each topic whose route differs from the one before it, and that route, on a thread that must not be held up.
    member _.Changed = changed.Publish

    /// The name servers that are asked.
    member _.NameServers: Endpoint list = nameServer.Endpoints

    /// For how long no name server has answered, and why, as of the first time.
    member _.IdleState: struct (TimeSpan * string) voption =
        match Volatile.Read &silence with
        | null -> ValueNone
        | silence -> ValueSome(struct (clock.GetElapsedTime silence.Since, silence.Reason))

    /// The masters of each topic in use.
    member _.Masters: (string * Endpoint list) list =
        [
            for KeyValue(topic, route) in known do
                topic,
                route.Route.Brokers
                |> List.choose (fun broker -> TopicRoute.masterAddress broker.BrokerName route.Route)
                |> List.choose (Endpoint.tryParse >> ValueOption.toOption)
        ]

    /// The routes that are known now.
    member _.Known: TopicRoute list = [ for route in known.Values -> route.Route ]

    /// The route of a topic, if it is known now.
    member _.TryKnown(topic: string) : TopicRoute voption =
        tryKnown topic |> ValueOption.map _.Route

    /// Begins to ask for all topics in use again and again.
    member _.Start() =
        PeriodicTask.run clients.Options pollInterval ending.Token poll

    /// What is known for reading, without asking anybody.
    member _.TryGet(topic: string) : TopicRoute voption =
        match tryKnown topic with
        | ValueSome found -> ValueSome found.Route
        | ValueNone -> ValueNone

    /// A route for reading. NoRoute if no broker has the topic.
    member _.Get(topic: string, cancellation: CancellationToken) : Task<Result<TopicRoute, RemotingError>> =
        match tryKnown topic with
        | ValueSome found -> Task.FromResult(Ok found.Route)
        | ValueNone ->
            backgroundTask {
                let! found = waitFor (fetchOnce topic) topic Timeout.InfiniteTimeSpan cancellation
                return found |> Result.map _.Route
            }

    /// What is known for sending, without asking anybody.
    member _.TryPublish(topic: string, template: AutoCreateTopic) : TopicPublishInfo voption =
        match known.TryGetValue topic with
        | true, route when isFresh template route -> ValueSome route.Publish
        | _ -> ValueNone

    /// A route for sending, within a time: for a topic that does not exist yet, one that makes it like a template. A failure says that
    /// nothing was sent.
    member _.Publish
        (topic: string, template: AutoCreateTopic, limit: TimeSpan, cancellation: CancellationToken)
        : Task<Result<TopicPublishInfo, RemotingError>> =
        let started = clock.GetTimestamp()

        backgroundTask {
            let! found =
                backgroundTask {
                    match! waitFor (fetchOnce topic) topic limit cancellation with
                    | Error(RemotingError.NoRoute _) ->
                        let rest = max TimeSpan.Zero (limit - clock.GetElapsedTime started)
                        return! ofTemplate topic template rest cancellation
                    | found -> return found
                }

            return found |> Result.map _.Publish
        }

    /// Asks for a topic again because its route was found wrong, unless that has just been done. Ends with the answer.
    member _.Refresh(topic: string) : Task = refresh topic doubtInterval

    /// The same if it failed with this error: sooner if that says that a queue has moved.
    member _.RefreshAfter(error: RemotingError, topic: string) : Task =
        refresh
            topic
            (if RemotingError.isMovedQueue error then
                 movedInterval
             else
                 doubtInterval)

    /// As `Refresh`, for those who do not wait for the answer: however many they are, one asks.
    member _.RefreshSoon(topic: string) =
        if not (fetching.ContainsKey topic) then
            Supervised.run clients.Options.Logger CancellationToken.None (fun () -> refresh topic doubtInterval)

    /// Asks for nothing any more.
    member _.Close() = ending.Cancel()
