namespace RocketMq.Bench

open System
open System.Buffers.Binary
open System.Net
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open System.Threading.Tasks.Sources
open RocketMq.Protocol

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

/// The least that awaited calls cost: one frame, encoded beforehand, whose opaque is patched; two buffers, one filled while
/// the other is sent; answers matched by opaque; continuations off the reading thread. No timeouts, no cancellation, no
/// errors: what a client does beyond this is what it is measured for.
[<Sealed>]
type Floor(port: int, callers: int) =
    let socket =
        new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp, NoDelay = true)

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
            while true do
                do! signal.WaitAsync()
                let struct (full, count) = takeFilled ()
                let mutable sent = 0

                while sent < count do
                    let! more =
                        socket.SendAsync(ReadOnlyMemory(full, sent, count - sent), SocketFlags.None)

                    sent <- sent + more
        }

    /// Completes the calls of the whole answers at the front. Gives the bytes they took.
    let completeAll (bytes: byte[]) (count: int) =
        let mutable position = 0
        let mutable isWhole = true

        while isWhole && count - position >= Responder.opaqueStart + 4 do
            let frameBytes =
                4 + BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan(bytes, position, 4))

            if count - position < frameBytes then
                isWhole <- false
            else
                let opaque =
                    BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan(bytes, position + Responder.opaqueStart, 4))

                calls[opaque].Complete(int (BinaryPrimitives.ReadInt16BigEndian(ReadOnlySpan(bytes, position + 8, 2))))
                position <- position + frameBytes

        position

    let readLoop () : Task =
        backgroundTask {
            let bytes: byte[] = Array.zeroCreate (1 <<< 17)
            let mutable count = 0
            let mutable isOpen = true

            while isOpen do
                let! more =
                    socket.ReceiveAsync(Memory(bytes, count, bytes.Length - count), SocketFlags.None)

                isOpen <- more > 0
                count <- count + more
                let consumed = completeAll bytes count
                Buffer.BlockCopy(bytes, consumed, bytes, 0, count - consumed)
                count <- count - consumed
        }

    member _.Start() =
        socket.Connect(IPAddress.Loopback, port)
        writeLoop () |> ignore
        readLoop () |> ignore

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
            signal.Release() |> ignore

        waiting

    interface IDisposable with
        member _.Dispose() = socket.Dispose()
