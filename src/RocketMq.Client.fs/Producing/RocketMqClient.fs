namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks

/// What any number of producers and consumers of one process have in common: one connection to each server of a cluster, routes,
/// and one heartbeat to each broker for all of them, under one client id. Each of them is started with it, may be closed by
/// itself, and is closed with it. A group has one consumer at most in it. Safe to use from any thread.
[<Sealed>]
type RocketMqClient private (instance: ClientInstance) =
    /// Checks the options, see `ClientOptions.shared`. No broker is connected to yet; name servers are looked for if an address
    /// server is to know them.
    static member Create(options: ClientOptions) : Result<RocketMqClient, RemotingError> =
        OptionKind.check ClientOptions.kindOfShared options
        |> Result.map (fun () -> new RocketMqClient(ClientInstance(options, true)))

    member internal _.Instance = instance

    /// The instance and the options of who is to share a client or, without one, is to have its own.
    static member internal InstanceOf(client: RocketMqClient | null) : ClientInstance option =
        client |> Option.ofObj |> Option.map _.Instance

    /// A producer or consumer by its checked options: with a client that it shares, or one of its own.
    static member internal Made
        (
            client: RocketMqClient | null,
            check: ClientOptions option -> Result<'Options, RemotingError>,
            own: 'Options -> ClientOptions,
            create: 'Options -> ClientInstance -> 'Participant
        ) : Result<'Participant, RemotingError> =
        let shared = RocketMqClient.InstanceOf client

        check (shared |> Option.map _.Options)
        |> Result.map (fun options ->
            shared
            |> Option.defaultWith (fun () -> ClientInstance.Of(own options))
            |> create options)

    /// A consumer that joins its group, or is closed if it cannot.
    static member internal Joined
        (
            consumer: Result<'Consumer, RemotingError>,
            join: 'Consumer -> Task<Result<unit, RemotingError>>,
            close: 'Consumer -> Task
        ) : Task<Result<'Consumer, RemotingError>> =
        taskResult {
            let! consumer = consumer
            do! join consumer |> TaskResult.onError (fun () -> close consumer)
            return consumer
        }

    /// Brokers know all that share it by this.
    member _.ClientId = instance.ClientId

    /// Its options. Producers and consumers may have them too; what they leave at its default they have from here.
    member _.Options: ClientOptions = instance.Options

    /// How each connection is doing.
    member _.Connections: ConnectionHealth list = instance.Clients.Health

    /// What each broker that has answered last said it speaks, see `ProtocolVersion`. Name servers are left out.
    member _.BrokerVersions: (Endpoint * int) list =
        let nameServers = instance.NameServer.Endpoints

        [
            for health in instance.Clients.Health do
                match health.ServerVersion with
                | ValueSome version when not (List.contains health.Endpoint nameServers) -> health.Endpoint, version
                | _ -> ()
        ]

    /// Closes the consumers that share it, then the producers, each as it closes by itself, and then the connections. Nothing can be
    /// started with it any more.
    member _.Close() : Task = instance.Close()

    /// As `Close`, but handlers, and messages on their way, are waited for until the token is cancelled, whatever `DrainTimeout` says.
    member _.Stop(cancellation: CancellationToken) : Task = instance.Stop cancellation

    interface IAsyncDisposable with
        member client.DisposeAsync() = ValueTask(client.Close())
