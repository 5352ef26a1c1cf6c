namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Who knows name servers if none is named.
type internal INameServerSource =
    /// Where it is asked.
    abstract Domain: string

    abstract Find: cancellation: CancellationToken -> Task<Result<Endpoint list, FailureReason>>

/// Sends a request to one name server, which has so long to answer.
type internal NameServerSend<'Answer> =
    delegate of RemotingClient * TimeSpan * CancellationToken -> Task<Result<'Answer, RemotingError>>

/// Asks name servers: the one that answered last, and the next one in turn when it does not.
[<Sealed>]
type NameServer internal (first: Endpoint[], clients: RemotingClients, source: INameServerSource option) =
    /// What one of several may take, while there are others: one that cannot be reached must not cost the whole time.
    static let turnTime = TimeSpan.FromSeconds 1L

    let clock = clients.Options.Ports.Clock
    let mutable endpoints = first
    let mutable preferred = 0
    let mutable isClosed = false

    let useThem (servers: Endpoint list) =
        if not servers.IsEmpty then
            Volatile.Write(&endpoints, Array.ofList servers)

    let find (cancellation: CancellationToken) =
        backgroundTask {
            match source with
            | None -> return Error(RemotingError.Misconfigured "no name server is named")
            | Some source ->
                match! source.Find cancellation with
                | Ok servers -> return Ok(useThem servers)
                | Error reason -> return Error(RemotingError.NotConnected({ Host = source.Domain; Port = 80 }, reason))
        }

    let serverAt (servers: Endpoint[]) index =
        clients.Get servers[(index &&& Int32.MaxValue) % servers.Length]

    /// Whether another name server may do better.
    let isItsOwnFault error =
        match error with
        | RemotingError.NotConnected _
        | RemotingError.ConnectionLost _
        | RemotingError.TimedOut _
        | RemotingError.NotDecoded _ -> true
        | _ -> false

    /// What went wrong comes with what went wrong at those before, in words.
    let rec requestInTurn (send: NameServerSend<'Answer>) started earlier tries (cancellation: CancellationToken) =
        backgroundTask {
            let servers = Volatile.Read &endpoints
            let index = Volatile.Read &preferred
            let isLast = tries >= servers.Length
            let rest = clients.Options.RequestTimeout - clock.GetElapsedTime started
            // Ticks, because spans are compared in boxes.
            let isLong = rest.Ticks > turnTime.Ticks
            let turn = if isLong = isLast then rest else turnTime

            match! send.Invoke(serverAt servers index, turn, cancellation) with
            | Error error when not isLast && isItsOwnFault error ->
                Interlocked.CompareExchange(&preferred, index + 1, index) |> ignore<int>
                return! requestInTurn send started (RemotingError.briefly error :: earlier) (tries + 1) cancellation
            | Error error -> return Error(struct (error, List.rev earlier))
            | Ok answer -> return Ok answer
        }

    let requestWithin (code: RequestCode) (send: NameServerSend<'Answer>) (cancellation: CancellationToken) =
        if cancellation.IsCancellationRequested then
            Task.FromResult(Error(struct (RemotingError.Cancelled(code, false), [])))
        elif Volatile.Read &isClosed then
            Task.FromResult(Error(struct (RemotingError.AlreadyClosed "The client of the name servers", [])))
        elif (Volatile.Read &endpoints).Length > 0 then
            requestInTurn send (clock.GetTimestamp()) [] 1 cancellation
        else
            backgroundTask {
                match! find cancellation with
                | Error _ when cancellation.IsCancellationRequested ->
                    return Error(struct (RemotingError.Cancelled(code, false), []))
                | Error error -> return Error(struct (error, []))
                | Ok() -> return! requestInTurn send (clock.GetTimestamp()) [] 1 cancellation
            }

    /// `toError` says what a failure means to who asks.
    let reported (toError: RemotingError -> RemotingError) answer =
        match answer with
        | Ok answer -> Ok answer
        | Error(struct (error, earlier)) -> Error(RemotingError.withEarlier earlier (toError error))

    let send (request: Request<'Answer>) cancellation : Task<Result<'Answer, RemotingError>> =
        backgroundTask {
            let send =
                NameServerSend(fun client turn cancellation -> client.RequestWithin(request, turn, cancellation))

            let! answer = requestWithin request.Command.RequestCode send cancellation
            return answer |> reported id
        }

    /// Asks the others for a route that the first one does not know: it may have started just now.
    let rec requestFromOthers (send: NameServerSend<RouteAnswer>) answer index tries cancellation =
        backgroundTask {
            let servers = Volatile.Read &endpoints

            if tries >= servers.Length then
                return answer
            else
                match! send.Invoke(serverAt servers (index + tries), turnTime, cancellation) with
                | Ok found when TopicRoute.leadsSomewhere found.Route -> return Ok found
                | Ok _
                | Error _ -> return! requestFromOthers send answer index (tries + 1) cancellation
        }

    let requestRoute topic known toError cancellation =
        backgroundTask {
            let request = OutgoingRoute(topic, known)

            let send =
                NameServerSend(fun client turn cancellation -> client.Send(request, turn, cancellation))

            let index = Volatile.Read &preferred

            match! requestWithin RequestCode.GetRouteInfoByTopic send cancellation with
            | Ok found as answer when not (TopicRoute.leadsSomewhere found.Route) ->
                let! answer = requestFromOthers send answer index 1 cancellation
                return answer |> reported toError
            | Error(struct (RemotingError.Refused(_, _, _, ResponseCode.TopicNotExist, _), _)) as refusal ->
                let! answer = requestFromOthers send refusal index 1 cancellation
                return answer |> reported toError
            | answer -> return answer |> reported toError
        }

    internal new(first, clients) = NameServer(first, clients, None)

    /// A client of name servers of its own. Checks the options.
    static member Start(endpoints: Endpoint list, options: RemotingOptions) : Result<NameServer, RemotingError> =
        match endpoints, RemotingOptions.refusal (RemotingOptions.check options) with
        | [], _ -> Error(RemotingError.Misconfigured "no name server is named")
        | _, Error error -> Error error
        | _, Ok() ->
            // Whoever waited for one to come back would not get to the next one.
            let clients =
                RemotingClients
                    { options with
                        WhenDisconnected = FailWithDial
                    }

            Ok(NameServer(Array.ofList endpoints, clients))

    /// As `Start`, with addresses in a text, "host:port;host:port".
    static member Create(addresses: string, options: RemotingOptions) : Result<NameServer, RemotingError> =
        match Endpoint.parseList addresses with
        | Ok endpoints -> NameServer.Start(endpoints, options)
        | Error bad -> Error(RemotingError.Misconfigured $"the name server '{bad}' is no host:port")

    /// Any request that a name server takes. The next one is asked only if this one cannot be reached or does not answer.
    member _.Request
        (request: Request<'Answer>, cancellation: CancellationToken)
        : Task<Result<'Answer, RemotingError>> =
        send request cancellation

    /// The name servers that are asked.
    member _.Endpoints: Endpoint list = List.ofArray (Volatile.Read &endpoints)

    /// Asks others from now on.
    member internal _.Use(servers: Endpoint list) = useThem servers

    /// Where a topic's queues are. Refused with TopicNotExist if no name server knows a broker that has it.
    member _.Route(topic: string, cancellation: CancellationToken) : Task<Result<TopicRoute, RemotingError>> =
        backgroundTask {
            let! answer = requestRoute topic null id cancellation
            return answer |> Result.map _.Route
        }

    /// As `Route`, on behalf of a request that waits for it: a failure says that nothing was sent, and who was asked. `known` if it is still
    /// so.
    member internal _.RouteFor
        (topic: string, known: RouteAnswer | null, cancellation: CancellationToken)
        : Task<Result<RouteAnswer, RemotingError>> =
        requestRoute topic known (RemotingError.ofRoute topic) cancellation

    /// All brokers.
    member _.Cluster(cancellation: CancellationToken) : Task<Result<ClusterInfo, RemotingError>> =
        send (Cluster.info.Request()) cancellation

    /// The names of all topics.
    member _.Topics(cancellation: CancellationToken) : Task<Result<string list, RemotingError>> =
        backgroundTask {
            let! topics = send (NameServerTopics.all.Request()) cancellation
            return topics |> Result.map _.Topics
        }

    /// Closes the connections of a client that `Create` made.
    member _.Close() : Task =
        Volatile.Write(&isClosed, true)
        clients.CloseAll()

    interface IAsyncDisposable with
        member this.DisposeAsync() = ValueTask(this.Close())
