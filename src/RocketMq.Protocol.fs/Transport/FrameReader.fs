namespace RocketMq.Protocol

open System
open System.Buffers
open System.IO
open System.IO.Pipelines
open System.Threading
open System.Threading.Tasks

/// Takes a frame, on the reading thread, which must not be blocked. The frame is good until this returns.
type internal FrameTaker = delegate of frame: inref<ReceivedFrame> -> unit

/// Reads frames from one socket until it ends, or cannot go on.
[<Sealed>]
type internal FrameReader(endpoint: Endpoint, stream: Stream, options: RemotingOptions, traffic: Traffic) =
    /// Bytes to ask the socket for at a time.
    static let segmentBytes = 64 * 1024

    /// For the fields of the frame at hand.
    let fields = FieldsBuilder 0

    /// Takes the whole frames at the front of what was received. Gives how many bytes they were, or why it cannot go on.
    let takeAll (receive: FrameTaker) (received: ReadOnlySequence<byte>) : Result<int64, DecodeError> =
        let rec next (rest: ReadOnlySequence<byte>) : Result<int64, DecodeError> =
            match Frame.readInPlace options.Limits fields rest with
            | Complete(frame, consumed) ->
                receive.Invoke &frame
                next (rest.Slice consumed)
            | NeedMore _ -> Ok(received.Length - rest.Length)
            | Corrupt error ->
                match Frame.trySkip options.Limits rest with
                | ValueSome skipped ->
                    // Whose answer it was, nobody knows: that caller's time runs out. The others go on.
                    traffic.Unexpected()
                    Log.unreadableFrame options.Logger endpoint error.Message
                    next (rest.Slice skipped)
                | ValueNone -> Error error

        next received

    /// Hands each frame on. Waits before each read until it may. Gives why it ended; never fails.
    member _.ReadAll
        (mayRead: unit -> Task, heard: unit -> unit, receive: FrameTaker, cancellation: CancellationToken)
        : Task<FailureReason> =
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
                            let isWithin = received.Buffer.Length > consumed
                            let where = if isWithin then ", in the middle of a frame" else ""
                            ended <- ValueSome(FailureReason.ofText $"the server closed it{where}")
                        | Ok consumed ->
                            traffic.Received consumed
                            reader.AdvanceTo(received.Buffer.GetPosition consumed, received.Buffer.End)
                with error ->
                    ended <- ValueSome(FailureReason($"reading failed: {error.Message}", Some error))
            finally
                reader.Complete()

            return ended.Value
        }
