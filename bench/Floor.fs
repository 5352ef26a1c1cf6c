namespace RocketMq.Bench

open System
open System.Buffers.Binary
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open System.Threading.Tasks.Sources
open RocketMq.Protocol
open RocketMq

/// A call of the floor, used again and again by one caller.
[<Sealed>]
type FloorCall() =
    [<DefaultValue>]
    val mutable private core: ManualResetValueTaskSourceCore<int>

    member call.Begin() : ValueTask<int> =
        call.core.Reset()
        call.core.RunContinuationsAsynchronously <- true
        ValueTask<int>((call :> IValueTaskSource<int>), call.core.Version)

    member call.Complete(code: int) = call.core.SetResult code

    interface IValueTaskSource<int> with
        member call.GetResult token = call.core.GetResult token
        member call.GetStatus token = call.core.GetStatus token

        member call.OnCompleted(continuation, state, token, flags) =
            call.core.OnCompleted(continuation, state, token, flags)

/// What floors have in common: a socket, and how answers are told apart.
module FloorSocket =
    let create () =
        new Socket(SocketType.Stream, ProtocolType.Tcp, NoDelay = true)

    let connect (server: Endpoint) (socket: Socket) =
        try
            socket.ConnectAsync(server.Host, server.Port)
            |> Limited.action $"connecting the floor to {server}" Limited.patience
        with :? SocketException as error ->
            raise (
                BenchFailed $"the floor cannot connect to {server}: {error.Message}. Check that a server listens there"
            )

    /// Gives how many bytes came; the end of the connection is a failure.
    let receive (server: Endpoint) (socket: Socket) (bytes: byte[]) (from: int) : Task<int> =
        backgroundTask {
            let! count =
                socket.ReceiveAsync(Memory(bytes, from, bytes.Length - from), SocketFlags.None)

            if count = 0 then
                raise (BenchFailed $"{server} closed the floor's connection")

            return count
        }

    /// The length of the frame at a place.
    let frameBytes (bytes: byte[]) position =
        4 + BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan(bytes, position, 4))

    /// Bound once: a byte text in place is a new array each time.
    let private opaqueName = "\"opaque\":"B
    let private codeName = "\"code\":"B

    /// The number behind a name in JSON, as servers write it.
    let private numberBehind (name: byte[]) (header: ReadOnlySpan<byte>) : int =
        let mutable place = header.IndexOf(ReadOnlySpan name) + name.Length
        let mutable number = 0

        while place < header.Length && header[place] >= '0'B && header[place] <= '9'B do
            number <- number * 10 + int (header[place] - '0'B)
            place <- place + 1

        number

    /// Whether the header of a frame is binary, and not JSON, as brokers of 5.x answer.
    let isBinary (frame: ReadOnlySpan<byte>) = frame[4] = 1uy

    /// The opaque and the code of a whole frame.
    let answerOf (frame: ReadOnlySpan<byte>) : struct (int * int) =
        if isBinary frame then
            struct (BinaryPrimitives.ReadInt32BigEndian(frame.Slice Responder.opaqueStart),
                    int (BinaryPrimitives.ReadInt16BigEndian(frame.Slice 8)))
        else
            let headerBytes = BinaryPrimitives.ReadInt32BigEndian(frame.Slice 4) &&& 0xFFFFFF
            let header = frame.Slice(8, headerBytes)
            struct (numberBehind opaqueName header, numberBehind codeName header)

/// The least that awaited calls cost: one frame, encoded beforehand, whose opaque is patched; two buffers, one filled while
/// the other is sent; answers matched by opaque; continuations off the reading thread. No timeouts, no cancellation, no
/// errors: what a client does beyond this is what it is measured for.
[<Sealed>]
type Floor(server: Endpoint, callers: int) =
    let socket = FloorSocket.create ()
    let failed = TaskCompletionSource<string>()
    let request = Frame.encode Header.Binary Samples.send |> Samples.ok
    let calls = Array.init callers (fun _ -> FloorCall())
    let gate = obj ()
    let signal = new SemaphoreSlim(0)
    let mutable filling: byte[] = Array.zeroCreate (request.Length * callers)
    let mutable sending: byte[] = Array.zeroCreate (request.Length * callers)
    let mutable filled = 0

    let takeFilled () =
        lock gate (fun () ->
            let full = filling
            let count = filled
            filling <- sending
            sending <- full
            filled <- 0
            struct (full, count))

    let writeLoop () : Task =
        backgroundTask {
            try
                while true do
                    do! signal.WaitAsync()
                    let struct (full, count) = takeFilled ()
                    let mutable sent = 0

                    while sent < count do
                        let! more =
                            socket.SendAsync(ReadOnlyMemory(full, sent, count - sent), SocketFlags.None)

                        sent <- sent + more
            with error ->
                failed.TrySetResult $"the floor cannot write to {server}: {error.Message}"
                |> ignore<bool>
        }

    /// Completes the calls of the whole answers at the front. Gives the bytes they took.
    let completeAll (bytes: byte[]) (count: int) =
        let mutable position = 0
        let mutable isWhole = true

        while isWhole && count - position >= Responder.opaqueStart + 4 do
            let frameBytes = FloorSocket.frameBytes bytes position

            if count - position < frameBytes then
                isWhole <- false
            else
                let struct (opaque, code) =
                    FloorSocket.answerOf (ReadOnlySpan(bytes, position, frameBytes))

                calls[opaque].Complete code
                position <- position + frameBytes

        position

    let readLoop () : Task =
        backgroundTask {
            try
                let bytes: byte[] = Array.zeroCreate (1 <<< 17)
                let mutable count = 0

                while true do
                    let! more = FloorSocket.receive server socket bytes count
                    count <- count + more
                    let consumed = completeAll bytes count
                    Buffer.BlockCopy(bytes, consumed, bytes, 0, count - consumed)
                    count <- count - consumed
            with error ->
                failed.TrySetResult error.Message |> ignore<bool>
        }

    /// Connects. Loops end with the socket, and their failures are in `Failed`.
    member _.Start() =
        FloorSocket.connect server socket
        writeLoop () |> ignore<Task>
        readLoop () |> ignore<Task>

    /// Ends when no call will be answered any more, and says why.
    member _.Failed: Task<string> = failed.Task

    /// Calls on behalf of one caller, 0 to `callers` - 1.
    member _.Call(caller: int) : ValueTask<int> =
        let waiting = calls[caller].Begin()

        let wasEmpty =
            lock gate (fun () ->
                Buffer.BlockCopy(request, 0, filling, filled, request.Length)

                BinaryPrimitives.WriteInt32BigEndian(filling.AsSpan(filled + Responder.opaqueStart), caller)

                filled <- filled + request.Length
                filled = request.Length)

        if wasEmpty then
            signal.Release() |> ignore<int>

        waiting

    interface IDisposable with
        member _.Dispose() = socket.Dispose()
