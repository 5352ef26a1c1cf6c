namespace RocketMq.Protocol

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks

/// The routes of the topics in use, each asked for again when it is old or was found wrong.
[<Sealed>]
type internal Routes(nameServer: NameServer, clock: TimeProvider) =
    /// Java polls at this interval too.
    static let maxAge = TimeSpan.FromSeconds 30L

    let known =
        ConcurrentDictionary<string, struct (TopicRoute * int64)>(StringComparer.Ordinal)

    let isNotThere error =
        match error with
        | Refused(_, _, _, ResponseCode.TopicNotExist, _) -> true
        | _ -> false

    /// The route of a topic that does not exist yet: that of the template topic, with as many queues as a send makes.
    let templateRoute cancellation =
        backgroundTask {
            match! nameServer.Route(Send.defaultTopic, cancellation) with
            | Ok route ->
                let limit (queues: QueueData) =
                    { queues with
                        WriteQueues = min Send.defaultTopicQueues queues.ReadQueues
                    }

                return
                    Ok
                        { route with
                            Queues = List.map limit route.Queues
                        }
            | Error error -> return Error error
        }

    let remember topic (route: TopicRoute) =
        known[topic] <- struct (route, clock.GetTimestamp())
        Ok route

    let fetch topic cancellation =
        backgroundTask {
            match! nameServer.Route(topic, cancellation) with
            | Ok route -> return remember topic route
            | Error error ->
                // While no name server answers, an old route is better than none.
                match known.TryGetValue topic with
                | true, struct (route, _) when not (isNotThere error) -> return remember topic route
                | _ when isNotThere error -> return Error(NoRoute topic)
                | _ -> return Error error
        }

    /// A route for reading. NoRoute if no broker has the topic.
    member _.Get(topic: string, cancellation: CancellationToken) : Task<Result<TopicRoute, RemotingError>> =
        match known.TryGetValue topic with
        | true, struct (route, fetched) when clock.GetElapsedTime fetched < maxAge -> Task.FromResult(Ok route)
        | _ -> fetch topic cancellation

    /// A route for sending: for a topic that does not exist yet, one that makes it.
    member this.GetOrTemplate
        (topic: string, cancellation: CancellationToken)
        : Task<Result<TopicRoute, RemotingError>> =
        let route = this.Get(topic, cancellation)

        if route.IsCompletedSuccessfully && route.Result.IsOk then
            route
        else
            backgroundTask {
                match! route with
                | Error(NoRoute _) ->
                    match! templateRoute cancellation with
                    | Error error when isNotThere error -> return Error(NoRoute topic)
                    | result -> return result
                | result -> return result
            }

    /// Asks again next time.
    member _.Doubt(topic: string) = known.TryRemove topic |> ignore
