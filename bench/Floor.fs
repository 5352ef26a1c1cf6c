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
                    do! FloorSocket.sendAll socket full count
            with error ->
                failed.TrySetResult $"the floor cannot write to {server}: {error.Message}"
                |> ignore<bool>
        }

    let readLoop () : Task =
        backgroundTask {
            try
                let frames = FloorFrames(server, socket, 1 <<< 17)

                while true do
                    let mutable frame = frames.Take()

                    while frame.Length > 0 do
                        let struct (opaque, code) = FloorSocket.answerOf frame.Span
                        calls[opaque].Complete code
                        frame <- frames.Take()

                    do! frames.Receive()
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
