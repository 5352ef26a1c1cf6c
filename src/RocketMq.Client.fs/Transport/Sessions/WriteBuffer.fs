namespace RocketMq

open System
open System.Buffers
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.IO.Pipelines
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// What the writing loop does next.
[<Struct; NoEquality; NoComparison; RequireQualifiedAccess>]
type internal NextWrite =
    /// So many bytes of the pipe.
    | Encoded of count: int64
    /// A large body, behind so many bytes of the pipe that go with its first piece.
    | Body of before: int64 * body: OutgoingBody
    /// Nothing of what has been read is left.
    | AllWritten
    | IsCut

/// What waits to be written to one socket. Callers fill it under its gate; one loop sends all that has gathered at a time.
/// It knows which bytes have been handed to the system, so that a request which never left can be told from one that may
/// have arrived.
[<Sealed>]
type internal WriteBuffer(stream: Stream, maxUnwrittenBytes: int, traffic: ConnectionCounters) =
    /// Bytes to send at a time at least.
    static let segmentBytes = 64 * 1024

    /// Of a large body: bytes to send at a time. They are still in the processor's cache when the system copies them: measured, larger and
    /// smaller pieces take up to twice as long.
    static let pieceBytes = 32 * 1024

    /// A large body of up to that goes as one piece: measured, in two or three it takes up to half longer.
    static let onePieceBytes = 96 * 1024

    /// More bytes than that before a large body are not copied, to go with its first piece: they are sent alone.
    static let maxBytesBefore = 4L * 1024L

    let scheduler = WriteScheduler()

    // Without limits: what waits is counted here, as large bodies do not pass through it.
    let pipe =
        Pipe(
            PipeOptions(
                readerScheduler = scheduler,
                pauseWriterThreshold = 0L,
                resumeWriterThreshold = 0L,
                minimumSegmentSize = segmentBytes,
                useSynchronizationContext = false
            )
        )

    let output = FrameOutput pipe.Writer
    let gate = obj ()

    /// Large bodies, each with the bytes that go before it.
    let bodies = Queue<struct (int64 * OutgoingBody)>()

    let mutable current: OutgoingBody | null = null
    let mutable stalled: TaskCompletionSource | null = null
    let mutable filled = 0L
    let mutable sent = 0L

    /// Bytes that the system has.
    let mutable written = 0L

    // Only the loop's, which would make a reference of each with each turn if they were its own.

    /// What is being written, of what has been read from the pipe, and what comes after it.
    let mutable writing = ReadOnlySequence<byte>.Empty

    let mutable rest = ReadOnlySequence<byte>.Empty

    /// Bytes that have been written since the loop asked what comes next.
    let mutable justWritten = 0L

    let mutable hasMore = false

    let mutable isCut = false
    let mutable isComplete = false
    let mutable isReleased = false

    /// Under the gate.
    let release () =
        match stalled with
        | null -> ()
        | source ->
            stalled <- null
            source.SetResult()

    /// What comes next of so many bytes that have been read from the pipe, after so many have been written; it counts as sent.
    let next (read: int64) (writtenBefore: int64) : NextWrite =
        lock gate (fun () ->
            current <- null
            written <- written + writtenBefore

            if filled - written <= int64 maxUnwrittenBytes / 2L then
                release ()

            let mutable first = Unchecked.defaultof<struct (int64 * OutgoingBody)>

            let beforeBody =
                if bodies.TryPeek &first then
                    let struct (place, _) = first
                    place - sent
                else
                    Int64.MaxValue

            if isCut then
                NextWrite.IsCut
            elif beforeBody <= min read maxBytesBefore then
                let struct (_, body) = bodies.Dequeue()
                current <- body
                sent <- sent + beforeBody + int64 body.Length
                NextWrite.Body(beforeBody, body)
            elif read = 0L then
                NextWrite.AllWritten
            else
                let count = min read beforeBody
                sent <- sent + count
                NextWrite.Encoded count)

    /// Writes a body, what goes before it with its first piece.
    let writeBody (before: ReadOnlySequence<byte>) (body: OutgoingBody) cancellation : Task =
        backgroundTask {
            let beforeBytes = int before.Length

            let pieceBytes =
                if body.Length <= onePieceBytes then
                    body.Length
                else
                    pieceBytes

            let piece = ArrayPool.Shared.Rent(beforeBytes + pieceBytes)

            try
                before.CopyTo(Span(piece, 0, beforeBytes))
                let mutable count = beforeBytes + body.Take(Memory(piece, beforeBytes, pieceBytes))

                while count > 0 do
                    traffic.Sent(int64 count)
                    do! stream.WriteAsync(ReadOnlyMemory(piece, 0, count), cancellation)
                    count <- body.Take(Memory(piece, 0, pieceBytes))
            finally
                ArrayPool.Shared.Return piece
        }

    /// So many more bytes are to be written. Only under the gate.
    let fill (count: int) =
        filled <- filled + int64 count
        // It never waits, as the pipe has no limits.
        let flush = pipe.Writer.FlushAsync()
        Debug.Assert flush.IsCompletedSuccessfully

        if filled - written >= int64 maxUnwrittenBytes && isNull stalled && not isReleased then
            stalled <- TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously

    /// Held only while something is encoded into the buffer.
    member _.Gate = gate

    /// Bytes that were ever put in.
    member _.Filled = filled

    /// Bytes that the system does not have yet.
    member _.Unwritten = Volatile.Read &filled - Volatile.Read &sent

    /// Ends when there is room again.
    member _.Stalled: Task =
        match stalled with
        | null -> Task.CompletedTask
        | source -> source.Task

    /// Where to encode. Only under the gate.
    member _.Writer: FrameOutput = output

    /// So many bytes have been encoded: lets the loop know. Only under the gate.
    member _.Encoded(count: int) = fill count

    /// As `Encoded`, of a call. Gives its body if it was taken, to be left when the call is over.
    member _.EncodedCall(count: int) : OutgoingBody | null =
        let body = output.Remove()

        match body with
        | null -> ()
        | body -> bodies.Enqueue(struct (filled + int64 (count - body.Length), body))

        fill count
        body

    /// As `EncodedCall`, of the only call in flight: an idle loop goes on with `WriteHere`, not on the pool. Only under the gate.
    member out.EncodedAlone(count: int) : OutgoingBody | null =
        if WriteScheduler.IsFreeHere then
            scheduler.Defer()

        try
            out.EncodedCall count
        finally
            scheduler.EndDefer()

    /// Has the loop go on at the thread that calls, if it waits for that. Not under the gate, after each call that may have been alone.
    member _.WriteHere() : unit =
        if scheduler.IsDue && WriteScheduler.IsFreeHere then
            scheduler.Run()

    /// Nothing will be put in any more: the loop ends when all is written. Only under the gate.
    member _.Complete() =
        if not isComplete then
            isComplete <- true
            pipe.Writer.Complete()

    /// Hands nothing more to the system. Gives how many bytes it has, or is getting.
    member _.Cut() : int64 =
        lock gate (fun () ->
            isCut <- true

            match current with
            | null -> ()
            | body -> body.Drop()

            for struct (_, body) in bodies do
                body.Drop()

            bodies.Clear()
            sent)

    /// Writes until the buffer is complete and empty, or cut. Throws what the stream throws.
    member _.WriteAll(cancellation: CancellationToken) : Task =
        backgroundTask {
            let mutable isOpen = true

            while isOpen do
                let! read = pipe.Reader.ReadAsync cancellation
                rest <- read.Buffer
                justWritten <- 0L
                hasMore <- true

                while hasMore do
                    match next rest.Length justWritten with
                    | NextWrite.Encoded count ->
                        traffic.Sent count
                        writing <- rest.Slice(0L, count)
                        rest <- rest.Slice count
                        justWritten <- count

                        while not writing.IsEmpty do
                            let first = writing.First
                            do! stream.WriteAsync(first, cancellation)
                            writing <- writing.Slice first.Length
                    | NextWrite.Body(before, body) ->
                        writing <- rest.Slice(0L, before)
                        rest <- rest.Slice before
                        do! writeBody writing body cancellation
                        justWritten <- before + int64 body.Length
                    | NextWrite.AllWritten -> hasMore <- false
                    | NextWrite.IsCut ->
                        hasMore <- false
                        isOpen <- false

                pipe.Reader.AdvanceTo read.Buffer.End
                isOpen <- isOpen && not read.IsCompleted

                if not (scheduler.HasRun() && Volatile.Read &filled = Volatile.Read &sent) then
                    // Behind those who are about to put something in, so that it goes with what they put in. A caller is not held up.
                    do! Task.Yield()
        }

    /// Lets those go who wait for room.
    member _.Release() : ValueTask =
        lock gate (fun () ->
            isReleased <- true
            release ())

        pipe.Reader.CompleteAsync()
