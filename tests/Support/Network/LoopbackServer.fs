namespace RocketMq.Protocol.Tests

open System
open System.IO
open System.IO.Pipelines
open System.Net
open System.Net.Security
open System.Net.Sockets
open RocketMq.Protocol

/// A server on 127.0.0.1 that does with each connection what a test wants, and closes it then.
[<Sealed>]
type LoopbackServer(serve: NetworkStream -> Task) =
    let listener = new TcpListener(IPAddress.Loopback, 0)

    let serveOne (client: Socket) : Task =
        backgroundTask {
            use stream = new NetworkStream(client, ownsSocket = true)

            try
                do! serve stream
            with _ ->
                // What tests look at is the client.
                ()
        }

    let accept () : Task =
        backgroundTask {
            try
                while true do
                    let! client = listener.AcceptSocketAsync()
                    serveOne client |> ignore
            with
            | :? SocketException
            | :? ObjectDisposedException -> ()
        }

    do
        listener.Start()
        accept () |> ignore

    member _.Port = (listener.LocalEndpoint :?> IPEndPoint).Port

    interface IDisposable with
        member _.Dispose() = listener.Stop()

module LoopbackServer =
    /// The next request, or `None` when the client has hung up or sends what is no frame.
    let receive (reader: PipeReader) : Task<RemotingCommand option> =
        backgroundTask {
            let mutable result = ValueNone

            while result.IsNone do
                let! received = reader.ReadAsync()

                match Frame.read FrameLimits.Default received.Buffer with
                | Decoded.Complete(frame, consumed) ->
                    reader.AdvanceTo(received.Buffer.GetPosition(int64 consumed))
                    result <- ValueSome(Some frame.Command)
                | Decoded.NeedMore _ when not received.IsCompleted ->
                    reader.AdvanceTo(received.Buffer.Start, received.Buffer.End)
                | Decoded.NeedMore _
                | Decoded.Corrupt _ -> result <- ValueSome None

            return result.Value
        }

    /// Answers a request with success and the request's remark.
    let answerTo (request: RemotingCommand) (stream: Stream) : Task =
        let answer =
            Command.response ResponseCode.Success request
            |> Command.withRemark (defaultArg request.Remark "")
            |> Frame.encode Header.Json
            |> Buffers.ok

        stream.WriteAsync(ReadOnlyMemory answer).AsTask()

    /// Answers each request, until the client hangs up.
    let answer (stream: Stream) : Task =
        backgroundTask {
            let reader = PipeReader.Create stream
            let mutable isOpen = true

            while isOpen do
                match! receive reader with
                | Some request -> do! answerTo request stream
                | None -> isOpen <- false
        }

    /// A server that speaks TLS and answers.
    let secure (settings: SslServerAuthenticationOptions) : LoopbackServer =
        new LoopbackServer(fun stream ->
            backgroundTask {
                use secure = new SslStream(stream)
                do! secure.AuthenticateAsServerAsync settings
                do! answer secure
            })
