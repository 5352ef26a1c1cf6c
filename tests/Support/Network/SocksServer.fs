namespace RocketMq.Protocol.Tests

open System
open System.IO
open System.Net.Sockets
open System.Text
open RocketMq

/// A SOCKS5 proxy on 127.0.0.1, as small as it can be. It answers in single bytes.
[<Sealed>]
type SocksServer
    (
        /// Who may come; whoever comes without.
        credentials: (string * string) option,
        /// The code that each wish to connect is refused with; 0 connects.
        reply: byte,
        /// Where a target is really reached.
        place: Endpoint -> Endpoint
    ) =
    let targets = ConcurrentQueue<Endpoint>()

    let read (stream: Stream) count : Task<byte[]> =
        task {
            let bytes = Array.zeroCreate<byte> count
            do! stream.ReadExactlyAsync(Memory bytes)
            return bytes
        }

    let readText (stream: Stream) : Task<string> =
        task {
            let! length = read stream 1
            let! text = read stream (int length[0])
            return Encoding.UTF8.GetString text
        }

    let write (stream: Stream) (bytes: byte list) : Task =
        task {
            for byte in bytes do
                do! stream.WriteAsync(ReadOnlyMemory [| byte |])
        }

    let hostOf (stream: Stream) kind : Task<string> =
        task {
            match kind with
            | 3uy -> return! readText stream
            | _ ->
                let! address = read stream (if kind = 1uy then 4 else 16)
                return string (Net.IPAddress address)
        }

    let authenticate (stream: Stream) : Task<bool> =
        task {
            let! selection = read stream 2
            let! methods = read stream (int selection[1])

            match credentials with
            | None ->
                do! write stream [ 5uy; 0uy ]
                return true
            | Some _ when not (Array.contains 2uy methods) ->
                do! write stream [ 5uy; 255uy ]
                return false
            | Some expected ->
                do! write stream [ 5uy; 2uy ]
                let! _ = read stream 1
                let! userName = readText stream
                let! password = readText stream
                let isGood = (userName, password) = expected
                do! write stream [ 1uy; (if isGood then 0uy else 1uy) ]
                return isGood
        }

    let connect (stream: Stream) : Task =
        task {
            let! wish = read stream 4
            let! host = hostOf stream wish[3]
            let! port = read stream 2

            let target =
                {
                    Host = host
                    Port = int port[0] * 256 + int port[1]
                }

            targets.Enqueue target

            if reply <> 0uy then
                do! write stream [ 5uy; reply; 0uy; 1uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy ]
            else
                use server = new TcpClient()
                let real = place target
                do! server.ConnectAsync(real.Host, real.Port)
                do! write stream [ 5uy; 0uy; 0uy; 3uy; 2uy; 109uy; 113uy; 0uy; 0uy ]
                let far = server.GetStream()
                let! (_: Task) = Task.WhenAny(stream.CopyToAsync far, far.CopyToAsync stream)
                ()
        }

    let serve (stream: NetworkStream) : Task =
        task {
            let! isWelcome = authenticate stream

            if isWelcome then
                do! connect stream
        }

    let server = new LoopbackServer(serve)

    /// Takes whoever comes, and connects to the targets as they are.
    new() = new SocksServer(None, 0uy, id)

    member _.Endpoint: Endpoint =
        {
            Host = "127.0.0.1"
            Port = server.Port
        }

    /// What it was asked to connect to, in order.
    member _.Targets = List.ofSeq targets

    interface IDisposable with
        member _.Dispose() = (server :> IDisposable).Dispose()
