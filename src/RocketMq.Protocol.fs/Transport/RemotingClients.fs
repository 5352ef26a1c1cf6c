namespace RocketMq.Protocol

open System
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks

/// Calls to any number of servers: one connection for each address, made when it is first needed, shared by all callers,
/// left when nobody has used it for long. Safe to use from any thread.
[<Sealed>]
type RemotingClients internal (options: RemotingOptions, handlersOf: Endpoint -> Map<RequestCode, RequestHandler>) =
    let clients = ConcurrentDictionary<Endpoint, Lazy<RemotingClient>>()
    let mutable isClosed = false

    let create (endpoint: Endpoint) =
        let handlers =
            (options.Handlers, handlersOf endpoint)
            ||> Map.fold (fun handlers code handler -> Map.add code handler handlers)

        RemotingClient(endpoint, { options with Handlers = handlers })

    let close (client: Lazy<RemotingClient>) = client.Value.Close()

    new(options: RemotingOptions) = RemotingClients(options, (fun _ -> Map.empty))

    member internal _.Options = options

    /// The client of a server. It stays the same as long as these are open; leave its closing to them.
    member _.Get(endpoint: Endpoint) : RemotingClient =
        let client = clients.GetOrAdd(endpoint, fun endpoint -> lazy create endpoint)

        // One that came after all were closed: it answers as the others do.
        if Volatile.Read &isClosed then
            close client |> ignore

        client.Value

    /// The client for an address as routes give them, "host:port".
    member this.TryGet(address: string) : Result<RemotingClient, RemotingError> =
        match Endpoint.tryParse address with
        | ValueSome endpoint -> Ok(this.Get endpoint)
        | ValueNone -> Error(Misconfigured $"the broker registered the address '{address}', which is no host:port")

    /// Sends a request to a server and waits for its answer, whatever its code.
    member this.Invoke(endpoint: Endpoint, command: RemotingCommand, cancellation: CancellationToken) =
        (this.Get endpoint).Invoke(command, cancellation)

    /// Sends a typed request to a server and reads its answer.
    member this.Ask(endpoint: Endpoint, request: Request<'Answer>, cancellation: CancellationToken) =
        (this.Get endpoint).Ask(request, cancellation)

    /// How each connection is doing.
    member _.Health: ConnectionHealth list =
        [ for client in clients.Values -> client.Value.Health ]

    /// Closes all connections. Calls in flight are answered.
    member _.CloseAll() : Task =
        Volatile.Write(&isClosed, true)
        clients.Values |> Seq.map close |> Task.WhenAll

    interface IAsyncDisposable with
        member this.DisposeAsync() = ValueTask(this.CloseAll())
