namespace RocketMq

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// One socket from its connect to its end.
///
/// Callers encode on their own threads into one buffer; a writing loop sends all that has gathered there at a time; a
/// reading loop completes waiters. Whatever ends the session answers every call in flight.
[<Sealed>]
type internal Session
    (
        number: int,
        endpoint: Endpoint,
        stream: Stream,
        options: RemotingOptions,
        traffic: ConnectionCounters,
        owner: ConnectionEvents
    ) =

    /// How long a session that ends in peace may take to write what is in its buffer.
    static let drainTimeout = TimeSpan.FromSeconds 1L

    /// The most answers that wait for room in the buffer: more are owed to a peer that asks and does not read. Clients of a
    /// server limit their calls themselves.
    let maxWaitingAnswers =
        if owner.IsServer then
            65_536
        else
            2 * options.MaxServerRequests

    let log = options.Logger
    let clock = options.Ports.Clock
    let waiters = InFlightTable(options.MaxInFlight, 1)
    let deadlines = new TimeoutTimer(clock)
    let ending = new CancellationTokenSource()
    let out = WriteBuffer(stream, options.MaxUnwrittenBytes, traffic)
    let writer = RequestWriter(options.Limits, options.Header)
    let watch = IdleMonitor clock
    let mutable isOver = 0
    /// Whether requests are taken. Changes only once, under the gate or when the session ends.
    let mutable takesRequests = true

    /// Why requests are taken no more, though the session lives until its buffer is written.
    let mutable drainReason: FailureReason | null = null

    let endReason () =
        match drainReason with
        | null -> FailureReason.ofText ""
        | reason -> reason

    /// When the buffer must be written, or is given up.
    let mutable drainDeadline = Int64.MaxValue

    /// Whether a whole frame ever came from the peer.
    let mutable wasHeard = false

    let mutable isStarted = false

    /// The client has been closed.
    let mutable isHungUp = false

    /// Requests are taken no more, and the last answer ends the session.
    let mutable isRetired = false

    /// Ends when calls over the limit may try again; null while nobody waits for that.
    let mutable room: TaskCompletionSource | null = null

    /// Answers that wait for room in the buffer.
    let mutable waitingAnswers = 0

    let isLive () = Volatile.Read &isOver = 0

    let healthAt (now: int64) : SessionHealth =
        {
            SinceHeard =
                if watch.WasHeard then
                    ValueSome(watch.SinceHeard now)
                else
                    ValueNone
            InFlight = waiters.Count
            UnwrittenBytes = out.Unwritten
        }

    let letCallersIn () =
        match Interlocked.Exchange(&room, null) with
        | null -> ()
        | waiting -> waiting.TrySetResult() |> ignore<bool>

    /// Ends a call whose session has ended, or sends it again if it never left.
    let abandon (reason: FailureReason) handed (waiter: PendingRequest) =
        if waiter.FrameStart < handed then
            let after = deadlines.SinceStart(waiter.Timeout, waiter.Deadline)

            waiter.Complete(Error(ConnectionLost(endpoint, waiter.Request, after, reason)))
        elif options.WhenDisconnected = WaitForConnection then
            owner.Resend waiter waiter.IsSecond
        elif Volatile.Read &isHungUp then
            waiter.Complete(Error(ClientClosed endpoint))
        else
            waiter.Complete(Error(NotConnected(endpoint, reason)))

    let finish (reason: FailureReason) =
        if Interlocked.Exchange(&isOver, 1) = 0 then
            Volatile.Write(&takesRequests, false)
            owner.Shut number
            // Whoever held the gate before saw a live session and is in the table by now; later callers see it is over.
            let handed = out.Cut()
            (deadlines :> IDisposable).Dispose()
            waiters.TakeWhere((fun _ -> true), abandon reason handed) |> ignore<int64>
            letCallersIn ()
            ending.Cancel()
            stream.Dispose()
            owner.Ended number reason wasHeard

    /// Takes no more requests, and ends when those in the buffer are written. Only under the gate.
    let beginDrain (reason: FailureReason) =
        if isNull drainReason && isLive () then
            takesRequests <- false
            drainReason <- reason
            drainDeadline <- deadlines.After drainTimeout
            out.Complete()
            deadlines.Add drainDeadline

    /// A quarter of the table is free: enough to let all in who wait, not one by one.
    let hasRoom () =
        waiters.Count <= options.MaxInFlight - max 1 (options.MaxInFlight / 4)

    /// After calls were taken out of the table: lets others in, and ends a session that only waited for them.
    let afterTaking () =
        if not (isNull (Volatile.Read &room)) && hasRoom () then
            letCallersIn ()

        if isRetired && waiters.Count = 0 then
            lock out.Gate (fun () -> beginDrain (FailureReason.ofText "the server asked its clients to go"))

    /// Has a caller wait until calls have ended. Only under the gate.
    let waitForRoom () : Sent =
        let waiting =
            match room with
            | null -> TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously
            | waiting -> waiting

        Interlocked.Exchange(&room, waiting) |> ignore<TaskCompletionSource | null>

        // Those who took calls meanwhile saw nobody waiting.
        if hasRoom () then
            letCallersIn ()

        Stalled waiting.Task

    /// A number for a request, if one can be taken now. Only under the gate, until the request is in the buffer.
    let tryNumber () : int voption =
        if takesRequests && out.Stalled.IsCompleted then
            waiters.TryNumber()
        else
            ValueNone

    /// What becomes of a request that got no number. Only under the gate.
    let noNumber () : Sent =
        if not takesRequests then
            Over
        elif not out.Stalled.IsCompleted then
            match options.OnMaxUnwrittenBytes with
            | WaitForRoom -> Stalled out.Stalled
            | FailAtOnce -> NotSent(TooManyBytes(endpoint, options.MaxUnwrittenBytes))
        else
            match options.OnMaxInFlight with
            | WaitForRoom -> waitForRoom ()
            | FailAtOnce -> NotSent(TooManyInFlight(endpoint, options.MaxInFlight))

    /// Puts a request with a number into table and buffer. Only under the gate.
    let put (outgoing: Outgoing) isSecond (timeout: TimeSpan) now opaque : Sent =
        let waiter =
            PendingRequest(opaque, outgoing, isSecond, timeout, deadlines.At(now, timeout), out.Filled)

        waiters.Add waiter

        match outgoing.Write(writer, opaque, out.Writer) with
        | Ok count ->
            out.Encoded count
            deadlines.Add waiter.Deadline
            Waiting waiter
        | Error error ->
            waiters.TryTake opaque |> ignore<PendingRequest voption>
            NotSent(NotEncoded(outgoing.Code, error))

    /// Pings the peer. If there is no room even for that, it has been asked enough.
    let probe now =
        watch.Probed now

        lock out.Gate (fun () ->
            match tryNumber () with
            | ValueSome opaque ->
                put (OutgoingCommand KeepAlive.probe) false options.KeepAlive.DeadAfter now opaque
                |> ignore<Sent>
            | ValueNone -> ())

    /// Takes no more requests because nobody needs the session, unless somebody has come in the meantime.
    let leave now =
        let isLeft =
            lock out.Gate (fun () ->
                let isUnused =
                    takesRequests
                    && waiters.Count = 0
                    && watch.SinceUsed now >= options.KeepAlive.IdleAfter

                // Before anybody finds no connection and asks for another session.
                if isUnused then
                    owner.Left number
                    beginDrain (FailureReason.ofText "nobody needed it")

                isUnused)

        if isLeft then
            owner.Shut number

    /// Judges the peer's silence. Gives when to look again.
    let rec look now =
        match KeepAlive.judge options.KeepAlive (watch.IdleState(now, waiters.Count = 0)) with
        | LookAgain after -> deadlines.At(now, after)
        | SendPing ->
            probe now
            look now
        | DeclareDead ->
            finish (FailureReason.ofText "nothing came from it any more, not even the answer to a ping")

            Int64.MaxValue
        | CloseIdle ->
            leave now
            deadlines.At(now, options.KeepAlive.IdleAfter)

    let timeOut (now: int64) =
        let health = healthAt now

        fun (waiter: PendingRequest) ->
            waiter.Complete(Error(TimedOut(endpoint, waiter.Request, waiter.Timeout, health)))

    let sweep (now: int64) =
        let earliest =
            waiters.TakeWhere((fun waiter -> waiter.Deadline <= now), timeOut now)

        afterTaking ()

        if not (isNull drainReason) then
            if now >= drainDeadline then
                finish (endReason ())

            min earliest drainDeadline
        elif owner.IsServer then
            earliest
        else
            min earliest (look now)

    let writeLoop () : Task =
        backgroundTask {
            try
                do! out.WriteAll ending.Token
                finish (endReason ())
            with error ->
                finish (FailureReason($"writing failed: {error.Message}", Some error))

            do! out.Release()
        }

    let refusal (answer: RemotingCommand) (error: EncodeError) =
        { answer with
            Code = int ResponseCode.SystemError
            Remark = Some error.Message
            Fields = Fields.Absent
            Body = ReadOnlyMemory.Empty
        }

    /// Buffers an answer, later if the buffer is full now. Ends the session if too many wait for that.
    let rec respond header (answer: RemotingCommand) : Task =
        let encode answer =
            Frame.write options.Limits header answer out.Writer

        let tryBuffer () =
            lock out.Gate (fun () ->
                if not out.Stalled.IsCompleted then
                    out.Stalled
                else
                    if isLive () && isNull drainReason then
                        match encode answer with
                        | Ok count -> out.Encoded count
                        | Error error -> encode (refusal answer error) |> Result.iter out.Encoded

                    Task.CompletedTask)

        let pending = tryBuffer ()

        if pending.IsCompleted then
            Task.CompletedTask
        elif Interlocked.Increment &waitingAnswers > maxWaitingAnswers then
            let peer = if owner.IsServer then "client" else "server"

            $"{maxWaitingAnswers} answers wait for the {peer} to read them, the most that are allowed"
            |> FailureReason.ofText
            |> finish

            Task.CompletedTask
        else
            backgroundTask {
                do! pending
                Interlocked.Decrement &waitingAnswers |> ignore<int>
                do! respond header answer
            }

    let answered (waiter: PendingRequest) (answer: RemotingCommand) =
        if answer.ResponseCode = ResponseCode.GoAway then
            owner.SentAway number

        if answer.ResponseCode = ResponseCode.GoAway && not waiter.IsSecond then
            owner.Resend waiter true
        else
            waiter.Complete(Ok answer)

    let receive (frame: inref<ReceivedFrame>) =
        wasHeard <- true

        match CommandFlag.kind frame.Parts.Flag with
        | Response ->
            let parts = frame.Parts

            match waiters.TryTake parts.Opaque with
            | ValueSome waiter ->
                if not (waiter.TryRead &parts) then
                    answered waiter (frame.ToCommand())

                afterTaking ()
            | ValueNone ->
                traffic.Unexpected()
                Log.unexpectedAnswer log endpoint frame.Parts.Opaque
        | Request
        | OneWay -> owner.Receive (respond frame.Header) (frame.ToCommand())

    /// An answer that cannot be read ends its call and no other: the server has carried the request out, or refused it.
    let passOver (answers: int voption) (error: DecodeError) =
        match answers |> ValueOption.bind waiters.TryTake with
        | ValueSome waiter ->
            waiter.Complete(Error(NotDecoded(endpoint, waiter.Request, error)))
            afterTaking ()
        | ValueNone -> ()

    let unreadable = if owner.IsServer then EndConnection else PassOver passOver

    let readLoop () : Task =
        backgroundTask {
            let frames = FrameReader(endpoint, stream, options, traffic, unreadable)
            // Only a server waits until its answers have found room.
            let mayRead () =
                if owner.IsServer then out.Stalled else Task.CompletedTask

            let take = FrameTaker(fun frame -> receive &frame)
            let! reason = frames.ReadAll(mayRead, watch.Heard, take, ending.Token)
            finish reason
        }

    do deadlines.Start sweep

    member _.Number = number
    member _.InFlight = waiters.Count
    member _.Health = healthAt (clock.GetTimestamp())

    /// Since a caller used it last.
    member _.SinceUsed = watch.SinceUsed(clock.GetTimestamp())

    /// Why a request finds no room.
    member _.Full =
        if out.Stalled.IsCompleted then
            TooManyInFlight(endpoint, options.MaxInFlight)
        else
            TooManyBytes(endpoint, options.MaxUnwrittenBytes)

    member _.Start() =
        isStarted <- true
        Supervised.runApart log CancellationToken.None writeLoop
        Supervised.runApart log CancellationToken.None readLoop

        if not owner.IsServer then
            deadlines.Add(look (clock.GetTimestamp()))

    /// Writes what is in the buffer, if that can be done soon, and ends.
    member _.HangUp(reason: FailureReason) =
        Volatile.Write(&isHungUp, true)

        if isStarted then
            lock out.Gate (fun () -> beginDrain reason)
        else
            finish reason

    /// Takes no more requests, and ends with the last answer that is waited for.
    member _.Retire() =
        lock out.Gate (fun () ->
            takesRequests <- false
            isRetired <- true)

        afterTaking ()

    /// Puts a request on its way; the answer completes the waiter.
    member _.Send(outgoing: Outgoing, isSecond: bool, timeout: TimeSpan) : Sent =
        lock out.Gate (fun () ->
            match tryNumber () with
            | ValueSome opaque ->
                let now = clock.GetTimestamp()

                if watch.Asked now && not owner.IsServer then
                    deadlines.Add(deadlines.At(now, options.KeepAlive.DeadAfter / 2.0))

                put outgoing isSecond timeout now opaque
            | ValueNone -> noNumber ())

    /// Puts a one-way request into the buffer.
    member _.SendOneWay(command: RemotingCommand) : Sent =
        lock out.Gate (fun () ->
            match tryNumber () with
            | ValueSome opaque ->
                watch.Used(clock.GetTimestamp())

                match writer.Write(Command.asOneWay command, opaque, out.Writer) with
                | Ok count ->
                    out.Encoded count
                    Buffered
                | Error error -> NotSent(NotEncoded(command.RequestCode, error))
            | ValueNone -> noNumber ())

    /// Forgets a call; its answer, if one comes, is dropped.
    member _.Cancel(waiter: PendingRequest) =
        match waiters.TryTake waiter.Opaque with
        | ValueSome waiter ->
            waiter.Complete(Error(Cancelled(waiter.Request, true)))
            afterTaking ()
        | ValueNone -> waiter.GiveUp()
