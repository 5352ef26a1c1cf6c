namespace RocketMq.Protocol.Tests

open System
open System.Buffers
open System.IO
open System.IO.Pipelines
open System.Net.Sockets
open System.Threading.Channels
open RocketMq.Protocol
open RocketMq

/// Two streams as one: what is read and what is written.
[<Sealed>]
type DuplexStream(incoming: Stream, outgoing: Stream) =
    inherit Stream()
    override _.CanRead = true
    override _.CanWrite = true
    override _.CanSeek = false
    override _.Length = raise (NotSupportedException())

    override _.Position
        with get () = raise (NotSupportedException())
        and set _ = raise (NotSupportedException())

    override _.Seek(_, _) = raise (NotSupportedException())
    override _.SetLength _ = raise (NotSupportedException())
    override _.Flush() = ()
    override _.FlushAsync _ = Task.CompletedTask
    override _.Read(buffer: byte[], offset: int, count: int) = incoming.Read(buffer, offset, count)
    override _.Write(buffer: byte[], offset: int, count: int) = outgoing.Write(buffer, offset, count)

    override _.ReadAsync(buffer: Memory<byte>, cancellation: CancellationToken) =
        incoming.ReadAsync(buffer, cancellation)

    override _.WriteAsync(buffer: ReadOnlyMemory<byte>, cancellation: CancellationToken) =
        outgoing.WriteAsync(buffer, cancellation)

    override _.Dispose(_: bool) =
        incoming.Dispose()
        outgoing.Dispose()

/// The server's end of a connection in memory.
[<Sealed>]
type Peer() =
    let capacity =
        PipeOptions(pauseWriterThreshold = 65536L, resumeWriterThreshold = 32768L)

    let toServer = Pipe capacity
    let toClient = Pipe()

    member val ClientStream = new DuplexStream(toClient.Reader.AsStream(), toServer.Writer.AsStream())

    /// The next frame that the client sends, or `None` when it has hung up.
    member _.Receive() : Task<Frame option> =
        backgroundTask {
            let mutable result = ValueNone

            while result.IsNone do
                let! received = toServer.Reader.ReadAsync()

                match Frame.read FrameLimits.Default received.Buffer with
                | Decoded.Complete(frame, consumed) ->
                    toServer.Reader.AdvanceTo(received.Buffer.GetPosition(int64 consumed))
                    result <- ValueSome(Some frame)
                | Decoded.NeedMore _ when received.IsCompleted -> result <- ValueSome None
                | Decoded.NeedMore _ -> toServer.Reader.AdvanceTo(received.Buffer.Start, received.Buffer.End)
                | Decoded.Corrupt error -> failwith error.Message

            return result.Value
        }

    member _.SendBytes(bytes: byte[]) : Task =
        backgroundTask {
            let! _ = toClient.Writer.WriteAsync(ReadOnlyMemory bytes)
            ()
        }

    member peer.Send(command: RemotingCommand) : Task =
        Frame.encode Header.Json command |> Buffers.ok |> peer.SendBytes

    /// Answers a request with success and a remark.
    member peer.Answer(request: RemotingCommand, remark: string) : Task =
        Command.response ResponseCode.Success request
        |> Command.withRemark remark
        |> peer.Send

    /// The next request, while pings are given. The client must not have hung up.
    member peer.Next() : Task<RemotingCommand> =
        backgroundTask {
            match! peer.Receive() with
            | Some frame when Peer.IsProbe frame.Command ->
                do! peer.Answer(frame.Command, "I am here")
                return! peer.Next()
            | Some frame -> return frame.Command
            | None -> return failwith "the client has hung up"
        }

    /// Whether a client only asks for a ping.
    static member IsProbe(command: RemotingCommand) =
        command.Fields = KeepAlive.probe.Fields && command.Code = KeepAlive.probe.Code

    /// Sends no more, and does not read either: what the client is writing stays where it is.
    member _.CloseSending() = toClient.Writer.Complete()

    member _.Close() =
        toClient.Writer.Complete()
        toServer.Reader.Complete()

/// A network in memory: each dial waits until the test takes or refuses it.
[<Sealed>]
type Network() =
    let dials = Channel.CreateUnbounded<TaskCompletionSource<Stream>>()
    let mutable dialCount = 0

    member val Clock = ManualClock()
    member _.Dials = Volatile.Read &dialCount

    /// For clients of this network.
    member network.Options =
        { RemotingOptions.Default with
            Ports =
                {
                    Connect =
                        fun _ cancellation ->
                            let dial = TaskCompletionSource<Stream>()

                            cancellation.UnsafeRegister((fun _ -> dial.TrySetCanceled() |> ignore), null)
                            |> ignore

                            Interlocked.Increment &dialCount |> ignore
                            dials.Writer.TryWrite dial |> ignore
                            dial.Task
                    Clock = network.Clock
                    Jitter = fun () -> 1.0
                }
        }

    /// Takes the next dial.
    member _.Accept() : Task<Peer> =
        backgroundTask {
            let! dial = dials.Reader.ReadAsync()
            let peer = Peer()
            dial.TrySetResult peer.ClientStream |> ignore
            return peer
        }

    /// Refuses the next dial.
    member _.Refuse() : Task =
        backgroundTask {
            let! dial = dials.Reader.ReadAsync()

            dial.TrySetException(SocketException(int SocketError.ConnectionRefused))
            |> ignore
        }
