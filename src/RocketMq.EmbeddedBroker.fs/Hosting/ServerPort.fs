namespace RocketMq.Embedded

open System
open System.Security.Cryptography.X509Certificates
open System.Threading.Tasks
open RocketMq.Protocol
open RocketMq

/// The port of one server of a cluster, which can be closed and opened again with the same number.
[<Sealed>]
type internal ServerPort(server: ServerId, certificate: X509Certificate2 | null, nextConnection: unit -> int) =
    /// Java's servers take frames of 16 MiB, and end the connection of a client that sends another one.
    let options =
        { RemotingOptions.Default with
            Limits =
                { FrameLimits.Default with
                    ReceiveFrameBytes = 16 * 1024 * 1024
                }
        }

    let listen port =
        // The pauses after errors are real ones, whatever clock the server goes by.
        new Listener(
            server,
            options,
            certificate,
            port,
            TimeProvider.System,
            nextConnection,
            ProtocolVersion.embedded,
            VipPort.servesAll
        )

    let mutable listener = listen 0
    let number = listener.Port

    member _.Server = server
    member _.Number = number
    member _.Address = invariant $"127.0.0.1:{number}"
    member _.Start(agent: ClusterAgent) = listener.Start agent
    member _.HangUp(reason: string) = listener.HangUp reason

    /// Takes the port again after `Stop`. Clients wait until `Start`. Throws a `SocketException` if another program has
    /// taken it meanwhile.
    member _.Open() = listener <- listen number

    member _.Stop() : Task = listener.Stop()
    member _.Has(connection: int) = listener.Has connection
    member _.Push(connection: int, command: RemotingCommand) = listener.Push(connection, command)

    member _.Call(connection: int, command: RemotingCommand, ended) =
        listener.Call(connection, command, ended)

module internal ServerPorts =
    /// How the brokers behind these ports speak to their clients.
    let clients (ports: ServerPort list) : ClientChannel =
        let tryFind connection =
            ports |> List.tryFind (fun port -> port.Has connection)

        {
            Push =
                fun connection command ->
                    match tryFind connection with
                    | Some port -> port.Push(connection, command)
                    | None -> ()
            Call =
                fun connection command ended ->
                    match tryFind connection with
                    | Some port -> port.Call(connection, command, ended)
                    | None -> ended ValueNone
        }
