namespace RocketMq.Protocol.Tests

open System
open System.Buffers.Binary
open System.IO
open System.Threading.Tasks.Sources
open RocketMq.Protocol

/// The connection of a client to a server in memory that answers all pulls alike, and takes no memory for that: so that what is
/// measured is the client's. Other requests are answered by a function. Headers are binary.
[<Sealed>]
type PullStream(pullAnswer: byte[], answer: RemotingCommand -> RemotingCommand, onPull: unit -> unit) =
    inherit Stream()

    /// Where a frame with a binary header has its code and its opaque: after length, type, and what lies between.
    static let codeStart = 8

    static let opaqueStart = 13

    let gate = obj ()
    let requests: byte[] = Array.zeroCreate (1 <<< 18)
    let mutable requestBytes = 0
    let answers: byte[] = Array.zeroCreate (1 <<< 18)
    let mutable answerBytes = 0
    let mutable waiting = Memory<byte>.Empty
    let mutable isWaiting = false
    let mutable isClosed = false

    [<DefaultValue>]
    val mutable private core: ManualResetValueTaskSourceCore<int>

    /// Moves what there is to whoever reads. Gives how much.
    member private _.TakeTo(target: Memory<byte>) =
        let count = min target.Length answerBytes
        answers.AsSpan(0, count).CopyTo target.Span
        answers.AsSpan(count, answerBytes - count).CopyTo(answers.AsSpan())
        answerBytes <- answerBytes - count
        count

    member private _.Append(bytes: ReadOnlySpan<byte>) =
        bytes.CopyTo(answers.AsSpan answerBytes)
        answerBytes <- answerBytes + bytes.Length

    member private stream.React(frame: ReadOnlySpan<byte>) =
        if int (BinaryPrimitives.ReadInt16BigEndian(frame.Slice codeStart)) = int RequestCode.PullMessage then
            let place = answerBytes
            stream.Append(ReadOnlySpan pullAnswer)
            frame.Slice(opaqueStart, 4).CopyTo(answers.AsSpan(place + opaqueStart))
            onPull ()
        else
            match Frame.decode (frame.ToArray()) with
            | Decoded.Complete(frame, _) when frame.Command.Kind <> CommandKind.OneWay ->
                let bytes = answer frame.Command |> Frame.encode Header.Binary |> Buffers.ok
                stream.Append(ReadOnlySpan bytes)
            | Decoded.Complete _ -> ()
            | other -> failwith $"a client wrote no frame: {other}"

    /// Reacts to the whole frames that were written.
    member private stream.ReactToAll() =
        let mutable position = 0
        let mutable isWhole = true

        while isWhole && requestBytes - position >= 4 do
            let frameBytes =
                4 + BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan(requests, position, 4))

            if requestBytes - position < frameBytes then
                isWhole <- false
            else
                stream.React(ReadOnlySpan(requests, position, frameBytes))
                position <- position + frameBytes

        requests.AsSpan(position, requestBytes - position).CopyTo(requests.AsSpan())
        requestBytes <- requestBytes - position

    member private stream.Write(bytes: ReadOnlyMemory<byte>) =
        lock gate (fun () ->
            bytes.Span.CopyTo(requests.AsSpan requestBytes)
            requestBytes <- requestBytes + bytes.Length
            stream.ReactToAll()

            if isWaiting && answerBytes > 0 then
                isWaiting <- false
                stream.core.SetResult(stream.TakeTo waiting))

    override stream.ReadAsync(target: Memory<byte>, _: CancellationToken) : ValueTask<int> =
        lock gate (fun () ->
            if isClosed then
                ValueTask<int> 0
            elif answerBytes > 0 then
                ValueTask<int>(stream.TakeTo target)
            else
                stream.core.Reset()
                stream.core.RunContinuationsAsynchronously <- true
                waiting <- target
                isWaiting <- true
                ValueTask<int>((stream :> IValueTaskSource<int>), stream.core.Version))

    override stream.WriteAsync(bytes: ReadOnlyMemory<byte>, _: CancellationToken) : ValueTask =
        stream.Write bytes
        ValueTask.CompletedTask

    override stream.Dispose(isDisposing) =
        lock gate (fun () ->
            isClosed <- true

            if isWaiting then
                isWaiting <- false
                stream.core.SetResult 0)

        base.Dispose isDisposing

    override _.CanRead = true
    override _.CanWrite = true
    override _.CanSeek = false
    override _.Length = raise (NotSupportedException())

    override _.Position
        with get () = raise (NotSupportedException())
        and set _ = raise (NotSupportedException())

    override _.Flush() = ()
    override _.FlushAsync(_: CancellationToken) = Task.CompletedTask
    override _.Seek(_, _) = raise (NotSupportedException())
    override _.SetLength _ = raise (NotSupportedException())
    override _.Read(_: byte[], _: int, _: int) : int = raise (NotSupportedException())
    override _.Write(_: byte[], _: int, _: int) : unit = raise (NotSupportedException())

    interface IValueTaskSource<int> with
        member stream.GetResult token = stream.core.GetResult token
        member stream.GetStatus token = stream.core.GetStatus token

        member stream.OnCompleted(continuation, state, token, flags) =
            stream.core.OnCompleted(continuation, state, token, flags)
