namespace RocketMq

open System.Buffers
open System.IO
open System.IO.Pipelines
open System.Threading
open System.Threading.Tasks

/// What waits to be written to one socket. Callers fill it under its gate; one loop sends all that has gathered at a time.
/// It knows which bytes have been handed to the system, so that a request which never left can be told from one that may
/// have arrived.
[<Sealed>]
type internal WriteBuffer(stream: Stream, maxUnwrittenBytes: int, traffic: ConnectionCounters) =
    /// Bytes to send at a time at least.
    static let segmentBytes = 64 * 1024

    let pipe =
        Pipe(
            PipeOptions(
                pauseWriterThreshold = int64 maxUnwrittenBytes,
                resumeWriterThreshold = int64 maxUnwrittenBytes / 2L,
                minimumSegmentSize = segmentBytes,
                useSynchronizationContext = false
            )
        )

    let gate = obj ()
    let mutable stalled = Task.CompletedTask
    let mutable filled = 0L
    let mutable sent = 0L
    let mutable isCut = false
    let mutable isComplete = false

    let tryMarkSent (count: int64) =
        lock gate (fun () ->
            if not isCut then
                sent <- sent + count

            not isCut)

    /// Held only while something is encoded into the buffer.
    member _.Gate = gate

    /// Bytes that were ever put in.
    member _.Filled = filled

    /// Bytes that the system does not have yet.
    member _.Unwritten = Volatile.Read &filled - Volatile.Read &sent

    /// Ends when there is room again.
    member _.Stalled = stalled

    /// Where to encode. Only under the gate.
    member _.Writer: IBufferWriter<byte> = pipe.Writer

    /// So many bytes have been encoded: lets the loop know. Only under the gate.
    member _.Encoded(count: int) =
        filled <- filled + int64 count
        let flush = pipe.Writer.FlushAsync()

        if not flush.IsCompletedSuccessfully then
            stalled <- flush.AsTask()

    /// Nothing will be put in any more: the loop ends when all is written. Only under the gate.
    member _.Complete() =
        if not isComplete then
            isComplete <- true
            pipe.Writer.Complete()

    /// Hands nothing more to the system. Gives how many bytes it has, or is getting.
    member _.Cut() : int64 =
        lock gate (fun () ->
            isCut <- true
            sent)

    /// Writes until the buffer is complete and empty, or cut. Throws what the stream throws.
    member _.WriteAll(cancellation: CancellationToken) : Task =
        backgroundTask {
            let mutable isOpen = true

            while isOpen do
                let! read = pipe.Reader.ReadAsync cancellation
                let mutable rest = read.Buffer

                if not rest.IsEmpty && not (tryMarkSent rest.Length) then
                    isOpen <- false
                    rest <- ReadOnlySequence.Empty

                traffic.Sent rest.Length

                while not rest.IsEmpty do
                    let first = rest.First
                    do! stream.WriteAsync(first, cancellation)
                    rest <- rest.Slice first.Length

                pipe.Reader.AdvanceTo read.Buffer.End
                isOpen <- isOpen && not read.IsCompleted
                // Behind those who are about to put something in, so that it goes with what they put in.
                do! Task.Yield()
        }

    /// Lets those go who wait for room.
    member _.Release() : ValueTask = pipe.Reader.CompleteAsync()
