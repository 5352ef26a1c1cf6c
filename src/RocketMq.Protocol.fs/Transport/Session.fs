namespace RocketMq.Protocol

open System
open System.Buffers
open System.IO
open System.IO.Pipelines
open System.Threading
open System.Threading.Tasks

/// What became of an attempt to put a request on a session.
[<Struct>]
type internal Sent =
    | Waiting of waiter: Waiter
    /// A one-way request is in the buffer.
    | Buffered
    /// Too many bytes wait to be written. Try again when the task ends.
    | Stalled of drained: Task
    /// The session is over; nothing was sent.
    | Over
    | NotSent of error: RemotingError

/// Whose session it is: what it is told, and what is done about the peer's requests.
type internal SessionOwner =
    {
        /// Called first when a session ends: sends nobody to it any more. Takes its number.
        Shut: int -> unit
        /// Called last, when every call in flight has been answered: number, reason, and whether the peer was heard.
        Ended: int -> string -> bool -> unit
        /// Takes a request of the peer, on the reading thread, and how to answer it. The task of an answer ends when the
        /// answer is in the buffer. Must not block and must not throw.
        Receive: (RemotingCommand -> Task) -> RemotingCommand -> unit
        /// Stop reading while answers wait to be written. Only one of two peers may, or both could wait for ever.
        ReadsOnlyWhenWritable: bool
    }

/// One socket from its connect to its end.
///
/// Callers encode on their own threads into one buffer; a writing loop sends all that has gathered there at a time; a
/// reading loop completes waiters. Whatever ends the session answers every call in flight.
[<Sealed>]
type internal Session(number: int, endpoint: Endpoint, stream: Stream, options: RemotingOptions, owner: SessionOwner) =

    /// Bytes to ask the socket for at a time, and to send at a time at least.
    static let segmentBytes = 64 * 1024

    let log = options.Logger
    let waiters = Waiters(options.MaxInFlight, 1)
    let ending = new CancellationTokenSource()

    let pipe =
        Pipe(
            PipeOptions(
                pauseWriterThreshold = int64 options.MaxUnwrittenBytes,
                resumeWriterThreshold = int64 options.MaxUnwrittenBytes / 2L,
                minimumSegmentSize = segmentBytes,
                useSynchronizationContext = false
            )
        )

    let deadlines =
        new Deadlines(
            options.Ports.Clock,
            fun now ->
                waiters.TakeWhere(
                    (fun waiter -> waiter.Deadline <= now),
                    fun waiter ->
                        waiter.TrySetResult(Error(TimedOut(endpoint, waiter.Request, waiter.Timeout)))
                        |> ignore
                )
        )

    /// Guards the buffer and the numbers; held only while a frame is encoded.
    let gate = obj ()
    let mutable stalled = Task.CompletedTask
    let mutable isOver = 0
    let mutable wasHeard = false
    let mutable unexpectedAnswers = 0L

    let finish (reason: string) =
        if Interlocked.Exchange(&isOver, 1) = 0 then
            owner.Shut number
            // Whoever held the gate before saw a live session and is in the table by now; later callers see it is over.
            lock gate ignore
            (deadlines :> IDisposable).Dispose()

            waiters.TakeWhere(
                (fun _ -> true),
                fun waiter ->
                    let after = deadlines.SinceStart(waiter.Timeout, waiter.Deadline)

                    waiter.TrySetResult(Error(ConnectionLost(endpoint, waiter.Request, after, reason)))
                    |> ignore
            )
            |> ignore

            ending.Cancel()
            stream.Dispose()
            owner.Ended number reason wasHeard

    /// Encodes into the buffer and lets the writing loop know. Only under the gate.
    let buffer header (command: RemotingCommand) =
        match Frame.write options.Limits header command pipe.Writer with
        | Ok _ ->
            let flush = pipe.Writer.FlushAsync()

            if not flush.IsCompletedSuccessfully then
                stalled <- flush.AsTask()

            Ok()
        | Error error -> Error error

    let isLive () = Volatile.Read &isOver = 0

    let writeLoop () : Task =
        backgroundTask {
            try
                do! pipe.Reader.CopyToAsync(stream, ending.Token)
                finish "it was closed"
            with error ->
                finish $"writing failed: {error.Message}"

            // Lets callers go that wait for room in the buffer.
            do! pipe.Reader.CompleteAsync()
        }

    let refusal (answer: RemotingCommand) (error: EncodeError) =
        { answer with
            Code = int ResponseCode.SystemError
            Remark = Some error.Message
            Fields = Fields.Absent
            Body = ReadOnlyMemory.Empty
        }

    /// Buffers an answer, later if the buffer is full now.
    let rec respond header (answer: RemotingCommand) : Task =
        let tryBuffer () =
            lock gate (fun () ->
                if not stalled.IsCompleted then
                    stalled
                else
                    if isLive () then
                        match buffer header answer with
                        | Ok() -> ()
                        | Error error -> buffer header (refusal answer error) |> ignore

                    Task.CompletedTask)

        let pending = tryBuffer ()

        if pending.IsCompleted then
            Task.CompletedTask
        else
            backgroundTask {
                do! pending
                do! respond header answer
            }

    let receive (frame: Frame) =
        wasHeard <- true

        match frame.Command.Kind with
        | Response ->
            match waiters.TryTake frame.Command.Opaque with
            | ValueSome waiter -> waiter.TrySetResult(Ok frame.Command) |> ignore
            | ValueNone ->
                Interlocked.Increment &unexpectedAnswers |> ignore
                Log.unexpectedAnswer log endpoint frame.Command.Opaque
        | Request
        | OneWay -> owner.Receive (respond frame.Header) frame.Command

    /// Takes the whole frames at the front of what was received. Gives how many bytes they were, or why it cannot go on.
    let receiveAll (received: ReadOnlySequence<byte>) : Result<int64, DecodeError> =
        let rec next (position: int64) =
            match Frame.read options.Limits (received.Slice position) with
            | Complete(frame, consumed) ->
                receive frame
                next (position + int64 consumed)
            | NeedMore _ -> Ok position
            | Corrupt error -> Error error

        next 0L

    let readLoop () : Task =
        backgroundTask {
            let reader =
                PipeReader.Create(stream, StreamPipeReaderOptions(bufferSize = segmentBytes, leaveOpen = true))

            try
                try
                    let mutable isOpen = true

                    while isOpen do
                        if owner.ReadsOnlyWhenWritable then
                            do! stalled

                        let! received = reader.ReadAsync ending.Token

                        match receiveAll received.Buffer with
                        | Error error ->
                            isOpen <- false
                            finish error.Message
                        | Ok consumed when received.IsCompleted ->
                            isOpen <- false
                            let rest = received.Buffer.Length - consumed
                            let where = if rest > 0L then ", in the middle of a frame" else ""
                            finish $"the server closed it{where}"
                        | Ok consumed -> reader.AdvanceTo(received.Buffer.GetPosition consumed, received.Buffer.End)
                with error ->
                    finish $"reading failed: {error.Message}"
            finally
                reader.Complete()
        }

    /// Runs `send` with a number of its own, under the gate, if the session takes requests now.
    let numbered (send: int -> Sent) : Sent =
        lock gate (fun () ->
            if not (isLive ()) then
                Over
            elif not stalled.IsCompleted then
                Stalled stalled
            else
                match waiters.TryNumber() with
                | ValueNone -> NotSent(TooManyInFlight(endpoint, options.MaxInFlight))
                | ValueSome opaque -> send opaque)

    member _.Number = number
    member _.InFlight = waiters.Count

    /// Answers that nobody waited for: late ones, second ones, wrong ones.
    member _.UnexpectedAnswers = Interlocked.Read &unexpectedAnswers

    member _.Start() =
        Task.Run writeLoop |> ignore
        Task.Run readLoop |> ignore

    member _.HangUp(reason: string) = finish reason

    /// Puts a request on its way; the answer completes the waiter.
    member _.Send(command: RemotingCommand, timeout: TimeSpan) : Sent =
        numbered (fun opaque ->
            let waiter = Waiter(opaque, command.RequestCode, timeout, deadlines.After timeout)
            waiters.Add waiter

            match buffer options.Header { command with Opaque = opaque } with
            | Ok() ->
                deadlines.Add waiter.Deadline
                Waiting waiter
            | Error error ->
                waiters.TryTake opaque |> ignore
                NotSent(NotEncoded(command.RequestCode, error)))

    /// Puts a one-way request into the buffer.
    member _.SendOneWay(command: RemotingCommand) : Sent =
        numbered (fun opaque ->
            match buffer options.Header (Command.asOneWay { command with Opaque = opaque }) with
            | Ok() -> Buffered
            | Error error -> NotSent(NotEncoded(command.RequestCode, error)))

    /// Forgets a call; its answer, if one comes, is dropped.
    member _.Cancel(waiter: Waiter) =
        match waiters.TryTake waiter.Opaque with
        | ValueSome waiter -> waiter.TrySetResult(Error(Cancelled waiter.Request)) |> ignore
        | ValueNone -> ()
