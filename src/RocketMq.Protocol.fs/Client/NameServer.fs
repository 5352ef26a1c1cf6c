namespace RocketMq.Protocol

open System
open System.Threading
open System.Threading.Tasks

/// Asks name servers: the one that answered last, and the next one in turn when it does not.
[<Sealed>]
type NameServer internal (endpoints: Endpoint[], clients: RemotingClients) =
    let mutable preferred = 0

    let rec ask (request: Request<'Answer>) tries cancellation : Task<Result<'Answer, RemotingError>> =
        backgroundTask {
            let index = Volatile.Read &preferred
            let client = clients.Get endpoints[index % endpoints.Length]

            match! client.Ask(request, cancellation) with
            | Error(NotConnected _ | ConnectionLost _ | TimedOut _) when tries < endpoints.Length ->
                Interlocked.CompareExchange(&preferred, index + 1, index) |> ignore
                return! ask request (tries + 1) cancellation
            | answer -> return answer
        }

    /// A client of name servers of its own. Checks the options.
    static member Start(endpoints: Endpoint list, options: RemotingOptions) : Result<NameServer, RemotingError> =
        match endpoints, RemotingOptions.refusal (RemotingOptions.check options) with
        | [], _ -> Error(Misconfigured "no name server is named")
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
        | Error bad -> Error(Misconfigured $"the name server '{bad}' is no host:port")

    /// Any request that a name server takes. The next one is asked only if this one cannot be reached or does not answer.
    member _.Ask(request: Request<'Answer>, cancellation: CancellationToken) : Task<Result<'Answer, RemotingError>> =
        ask request 1 cancellation

    /// Where a topic's queues are. Refused with TopicNotExist if no broker has it.
    member _.Route(topic: string, cancellation: CancellationToken) : Task<Result<TopicRoute, RemotingError>> =
        ask (GetRoute.request topic) 1 cancellation

    /// All brokers.
    member _.Cluster(cancellation: CancellationToken) : Task<Result<ClusterInfo, RemotingError>> =
        ask (Cluster.info.Request()) 1 cancellation

    /// The names of all topics.
    member _.Topics(cancellation: CancellationToken) : Task<Result<string list, RemotingError>> =
        backgroundTask {
            let! topics = ask (NameServerTopics.all.Request()) 1 cancellation
            return topics |> Result.map _.Topics
        }

    /// Closes the connections of a client that `Create` made.
    member _.Close() : Task = clients.CloseAll()

    interface IAsyncDisposable with
        member this.DisposeAsync() = ValueTask(this.Close())
