namespace RocketMq

open System
open System.Buffers
open System.IO
open System.IO.Pipelines
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Takes a frame, on the reading thread, which must not be blocked. The frame is good until this returns.
type internal FrameTaker = delegate of frame: inref<ReceivedFrame> -> unit

/// What becomes of a frame that cannot be read though its end is known.
[<NoEquality; NoComparison>]
type internal UnreadableFrames =
    /// The connection ends, as that of Java's servers.
    | EndConnection
    /// It is passed over. Told which request it answers, if it says so, and why it cannot be read. Must not block.
    | PassOver of (int voption -> DecodeError -> unit)

/// Reads frames from one socket until it ends, or cannot go on.
[<Sealed>]
type internal FrameReader
    (
        endpoint: Endpoint,
        stream: Stream,
        options: RemotingOptions,
        traffic: ConnectionCounters,
        unreadable: UnreadableFrames
    ) =
    /// Bytes to ask the socket for at a time.
    static let segmentBytes = 64 * 1024

    /// For the fields of the frame at hand.
    let fields = FieldsBuilder 0

    /// Bytes of a frame that is passed over, which are still to come or lie at the front.
    let mutable passing = 0L

    /// Begins to pass over the frame at the front, if its end is known; false if more must come to tell.
    let tryPass (pass: int voption -> DecodeError -> unit) (error: DecodeError) (rest: ReadOnlySequence<byte>) =
        match Frame.refused options.Limits rest with
        | EndsAfter(frameBytes, answers) ->
            passing <- frameBytes
            traffic.Unexpected()
            Log.unreadableFrame options.Logger endpoint error.Message
            pass answers error
            Ok true
        | EndToCome -> Ok false
        | EndUnknown -> Error error

    /// Takes the whole frames at the front of what was received. Gives how many bytes they were, or why it cannot go on.
    let takeAll (receive: FrameTaker) (received: ReadOnlySequence<byte>) : Result<int64, DecodeError> =
        let rec next (rest: ReadOnlySequence<byte>) : Result<int64, DecodeError> =
            if passing > 0L && not rest.IsEmpty then
                let passed = min passing rest.Length
                passing <- passing - passed
                next (rest.Slice passed)
            elif rest.IsEmpty then
                Ok received.Length
            else
                match Frame.readInPlace options.Limits fields rest, unreadable with
                | Decoded.Complete(frame, consumed), _ ->
                    receive.Invoke &frame
                    next (rest.Slice consumed)
                | Decoded.NeedMore _, _ -> Ok(received.Length - rest.Length)
                | Decoded.Corrupt error, EndConnection -> Error error
                | Decoded.Corrupt error, PassOver pass ->
                    match tryPass pass error rest with
                    | Ok true -> next rest
                    | Ok false -> Ok(received.Length - rest.Length)
                    | Error error -> Error error

        next received

    /// Hands each frame on. Waits before each read until it may. Gives why it ended; never fails.
    member _.ReadAll
        (
            mayRead: unit -> Task,
            heard: unit -> unit,
            receive: FrameTaker,
            coalescer: ReadCoalescer | null,
            cancellation: CancellationToken
        ) : Task<FailureReason> =
        backgroundTask {
            let reader =
                PipeReader.Create(stream, StreamPipeReaderOptions(bufferSize = segmentBytes, leaveOpen = true))

            let mutable ended: FailureReason voption = ValueNone

            try
                try
                    while ended.IsNone do
                        do! mayRead ()
                        let! received = reader.ReadAsync cancellation

                        if not received.IsCompleted then
                            heard ()

                        match takeAll receive received.Buffer with
                        | Error error -> ended <- ValueSome(FailureReason.ofText error.Message)
                        | Ok consumed when received.IsCompleted ->
                            let isWithin = received.Buffer.Length > consumed || passing > 0L
                            let where = if isWithin then ", in the middle of a frame" else ""
                            ended <- ValueSome(FailureReason.ofText $"the server closed it{where}")
                        | Ok consumed ->
                            traffic.Received consumed
                            reader.AdvanceTo(received.Buffer.GetPosition consumed, received.Buffer.End)

                            match coalescer with
                            | null -> ()
                            | coalescer -> coalescer.AfterRead consumed
                with error ->
                    ended <- ValueSome(FailureReason($"reading failed: {error.Message}", Some error))
            finally
                reader.Complete()

            return ended.Value
        }
