namespace RocketMq.Protocol

open System
open System.IO
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks

/// What the transport needs of the world. Tests put their own in place.
type Ports =
    {
        /// Opens a stream to a server. Throws if there is none.
        Connect: Endpoint -> CancellationToken -> Task<Stream>
        Clock: TimeProvider
        /// Evenly spread from 0 to 1.
        Jitter: unit -> float
    }

module Ports =
    /// Has the system probe a silent peer: after 30 s, then every 10 s, three times.
    let private keepAlive (socket: Socket) =
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true)
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 30)
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 10)
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3)

    let private connectTcp (endpoint: Endpoint) (cancellation: CancellationToken) : Task<Stream> =
        backgroundTask {
            let socket = new Socket(SocketType.Stream, ProtocolType.Tcp, NoDelay = true)

            try
                keepAlive socket
                do! socket.ConnectAsync(endpoint.Host, endpoint.Port, cancellation)
                return new NetworkStream(socket, ownsSocket = true) :> Stream
            with error ->
                socket.Dispose()
                return! Task.FromException<Stream> error
        }

    /// TCP, the system's clock, a shared source of chance.
    let system: Ports =
        {
            Connect = connectTcp
            Clock = TimeProvider.System
            Jitter = Random.Shared.NextDouble
        }
