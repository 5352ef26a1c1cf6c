namespace RocketMq.Protocol

open System
open System.Collections.Concurrent
open System.Threading.Tasks

/// One client for each server, made when it is first asked for and shared by all who ask.
[<Sealed>]
type internal RemotingClients(options: RemotingOptions) =
    let clients = ConcurrentDictionary<Endpoint, Lazy<RemotingClient>>()

    member _.Get(endpoint: Endpoint) : RemotingClient =
        clients.GetOrAdd(endpoint, fun endpoint -> lazy RemotingClient(endpoint, options)).Value

    /// The client for an address as routes give them, "host:port".
    member this.TryGet(address: string) : Result<RemotingClient, RemotingError> =
        match Endpoint.tryParse address with
        | ValueSome endpoint -> Ok(this.Get endpoint)
        | ValueNone -> Error(Misconfigured $"the broker registered the address '{address}', which is no host:port")

    member _.CloseAll() : Task =
        clients.Values |> Seq.map (fun client -> client.Value.Close()) |> Task.WhenAll
