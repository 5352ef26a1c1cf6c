/// A server that answers every request with one answer, as cheaply as it can, in a process of its own: so that the client's
/// processor time is the client's.
module RocketMq.Bench.Responder

open System
open System.Buffers
open System.Buffers.Binary
open System.IO.Pipelines
open System.Net
open System.Net.Sockets
open System.Threading.Tasks
open RocketMq.Protocol

/// Where a frame with a binary header has its opaque: after length, type, code, language and version.
let opaqueStart = 13

/// Answers the whole frames at the front of a buffer. Gives the position after them.
let private answerAll (answer: byte[]) (output: PipeWriter) (received: ReadOnlySequence<byte>) =
    let front: byte[] = Array.zeroCreate (opaqueStart + 4)
    let mutable rest = received
    let mutable isWhole = true

    while isWhole && rest.Length >= int64 front.Length do
        rest.Slice(0L, int64 front.Length).CopyTo(front.AsSpan())
        let frameBytes = int64 (BinaryPrimitives.ReadInt32BigEndian front) + 4L

        if rest.Length < frameBytes then
            isWhole <- false
        else
            let span = output.GetSpan answer.Length
            answer.AsSpan().CopyTo span
            front.AsSpan(opaqueStart, 4).CopyTo(span.Slice opaqueStart)
            output.Advance answer.Length
            rest <- rest.Slice frameBytes

    rest.Start

let private serve (answer: byte[]) (socket: Socket) : Task =
    backgroundTask {
        socket.NoDelay <- true
        use stream = new NetworkStream(socket, ownsSocket = true)
        let reader = PipeReader.Create(stream, StreamPipeReaderOptions(bufferSize = 65536))

        let writer =
            PipeWriter.Create(stream, StreamPipeWriterOptions(minimumBufferSize = 65536))

        let mutable isOpen = true

        while isOpen do
            let! received = reader.ReadAsync()
            reader.AdvanceTo(answerAll answer writer received.Buffer, received.Buffer.End)
            let! _ = writer.FlushAsync()
            isOpen <- not received.IsCompleted
    }

/// Serves until its standard input ends: the answer to a send or, with a size, to a pull of one message with such a body. Its first
/// line of output is its port.
let run (bodyBytes: int option) =
    let answer =
        match bodyBytes with
        | Some bytes -> Samples.pullAnswerOf bytes
        | None -> Samples.sendAnswer
        |> Frame.encode Header.Binary
        |> Samples.ok

    let listener = new TcpListener(IPAddress.Loopback, 0)
    listener.Start()

    let accept () : Task =
        backgroundTask {
            while true do
                let! socket = listener.AcceptSocketAsync()
                serve answer socket |> ignore
        }

    accept () |> ignore
    Console.Out.WriteLine((listener.LocalEndpoint :?> IPEndPoint).Port)
    Console.In.ReadToEnd() |> ignore
    0

/// Starts a responder, and gives its port to `action`.
let withResponder (action: int -> 'T) : 'T =
    Child.run [ "respond" ] [] (Int32.Parse >> action)

/// The same, whose answers carry one message with a body of so many bytes.
let withPullResponder (bodyBytes: int) (action: int -> 'T) : 'T =
    Child.run [ "respond"; string bodyBytes ] [] (Int32.Parse >> action)
