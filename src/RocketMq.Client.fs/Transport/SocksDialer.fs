namespace RocketMq

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// A proxy did not connect to a server. The reason names both.
exception internal NotProxied of FailureReason

/// Who connects has given up on a proxy that had not connected yet. The message names it, and the server.
[<Sealed>]
type internal ProxySilent(message: string, cancellation: CancellationToken) =
    inherit OperationCanceledException(message, cancellation)

/// Connects to servers, by way of the proxy that is set up for them if there is one.
module internal SocksDialer =
    let private fail (text: string) (cause: exn option) : exn = NotProxied(FailureReason(text, cause))

    /// Reads one answer and not a byte more: what follows the last one is the server's.
    let private answer (stream: Stream) (read: ReadOnlyMemory<byte> -> Decoded<'T>) (cancellation: CancellationToken) =
        backgroundTask {
            // The longest answer has a name of 255 bytes in it.
            let buffer = Array.zeroCreate<byte> 512
            let mutable length = 0
            let mutable result = ValueNone

            while result.IsNone do
                match read (ReadOnlyMemory(buffer, 0, length)) with
                | Decoded.Complete(value, _) -> result <- ValueSome(Ok value)
                | Decoded.Corrupt error -> result <- ValueSome(Error error)
                | Decoded.NeedMore missing ->
                    do! stream.ReadExactlyAsync(buffer.AsMemory(length, missing), cancellation)
                    length <- length + missing

            return result.Value
        }

    /// Ends when bytes that come are the server's.
    let private shakeHands (proxy: SocksProxy) (target: Endpoint) (stream: Stream) (cancellation: CancellationToken) =
        let refuse text =
            raise (fail (invariant $"the SOCKS proxy {proxy.Address}, asked for {target}, {text}") None)

        let request (question: byte[]) read =
            backgroundTask {
                do! stream.WriteAsync(ReadOnlyMemory question, cancellation)
                do! stream.FlushAsync cancellation

                match! answer stream read cancellation with
                | Ok value -> return value
                | Error error -> return refuse (invariant $"cannot be understood: {error.Message}")
            }

        let authenticate () =
            backgroundTask {
                let! method =
                    request (Socks5.methodSelection proxy.Credentials.IsSome) Socks5.readMethod

                match method, proxy.Credentials with
                | SocksMethod.NoAuthentication, _ -> ()
                | SocksMethod.UserNameAndPassword, Some credentials ->
                    match!
                        request (Socks5.authentication credentials.UserName credentials.Password) Socks5.readStatus
                    with
                    | 0uy -> ()
                    | status -> refuse (invariant $"refused the user name and password (status {status})")
                | SocksMethod.NoneAcceptable, None ->
                    refuse "wants to know who asks: set a user name and a password (method 255)"
                | SocksMethod.NoneAcceptable, Some _ -> refuse "takes no user name and password (method 255)"
                | SocksMethod.UserNameAndPassword, None -> refuse "chose a method that was not offered (method 2)"
                | SocksMethod.Unknown method, _ ->
                    refuse (invariant $"chose a method that was not offered (method {method})")
            }

        backgroundTask {
            match Socks5.connect target with
            | Error problem -> refuse $"cannot be asked: {problem}"
            | Ok question ->
                do! authenticate ()

                match! request question Socks5.readReply with
                | 0uy -> ()
                | code -> refuse (invariant $"did not connect: {Socks5.describe code} (reply code {code})")
        }

    let private through (ports: Ports) (proxy: SocksProxy) (target: Endpoint) (cancellation: CancellationToken) =
        let dial () =
            backgroundTask {
                try
                    return! ports.Connect proxy.Address cancellation
                with
                | :? OperationCanceledException as error -> return! Task.FromException<Stream> error
                | error ->
                    let text =
                        invariant
                            $"the SOCKS proxy {proxy.Address}, needed for {target}, cannot be reached: {error.Message}"

                    return raise (fail text (Some error))
            }

        backgroundTask {
            try
                let! stream = dial ()

                try
                    do! shakeHands proxy target stream cancellation
                    return stream
                with error ->
                    stream.Dispose()
                    return! Task.FromException<Stream> error
            with
            | :? OperationCanceledException ->
                return
                    raise (
                        ProxySilent(
                            invariant $"the SOCKS proxy {proxy.Address} did not connect to {target}",
                            cancellation
                        )
                    )
            | NotProxied _ as error -> return! Task.FromException<Stream> error
            | error ->
                let why =
                    match error with
                    | :? EndOfStreamException -> ""
                    | error -> $": {error.Message}"

                let text =
                    invariant
                        $"the SOCKS proxy {proxy.Address} ended the connection before it had connected to {target}"

                return raise (fail (text + why) (Some error))
        }

    /// A stream to a server. Fails with `NotProxied`, `ProxySilent`, or as `Ports.Connect` does where there is no proxy.
    let connect
        (ports: Ports)
        (proxy: SocksProxy option)
        (target: Endpoint)
        (cancellation: CancellationToken)
        : Task<Stream> =
        match proxy with
        | None -> ports.Connect target cancellation
        | Some proxy -> through ports proxy target cancellation
