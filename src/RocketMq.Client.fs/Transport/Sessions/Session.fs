namespace RocketMq

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// One socket from its connect to its end.
///
/// Callers encode on their own threads into one buffer; a writing loop sends all that has gathered there at a time; a
/// reading loop completes pending requests. Whatever ends the session answers every call in flight, or returns it to its caller.
///
/// It has one lock, the buffer's `Gate`.
/// - It guards the phase, the next opaque, and the writing side of the pipe: a request gets its number, its place in the table and
///   its bytes in the pipe in one go. So who finds the session ended finds every request either in the table or not begun.
/// - The pipe's own lock is taken under it, by encoding and flushing, and never the other way round; a flush gives a task and does
///   not block. The writing loop takes it to say which bytes it hands to the socket, and not while it reads or writes.
/// - The timer's lock is taken under it; the timer sweeps without any.
/// - Never under it: what ends or returns a call, the socket, what waits, and the owner, but for `ReportIdle`, which posts.
/// - Without it: reading the phase, which only goes on, and taking calls out of the table, where one swap decides who has it.
[<Sealed>]
type internal Session
    (
        number: int,
        endpoint: Endpoint,
        stream: Stream,
        options: RemotingOptions,
        traffic: ConnectionCounters,
        owner: ISessionOwner
    ) =

    let log = options.Logger
    let clock = options.Ports.Clock
    let inFlight = InFlightTable(options.MaxInFlight, 1)
    let deadlines = new TimeoutTimer(clock)
    let ending = new CancellationTokenSource()
    let out = WriteBuffer(stream, options.MaxUnwrittenBytes, traffic)
    let monitor = IdleMonitor clock

    let requests =
        RequestBuffer(endpoint, options, owner.IsServer, out, inFlight, deadlines, monitor)

    let mutable isStarted = false

    /// Whether a whole frame ever came from the peer. `monitor` knows whether any byte did.
    let mutable wasServed = false

    /// Null: each answer wakes the reading loop.
    let coalescer: ReadCoalescer | null =
        match stream with
        | :? TlsDetectingStream as stream when not owner.IsServer && options.MaxReadDelay.Ticks > 0L ->
            ReadCoalescer.TryCreate(stream.Socket, options.MaxReadDelay, (fun () -> inFlight.PromptCount))
        | _ -> null

    let answers =
        AnswerBuffer(out, options, owner.IsServer, (fun () -> SessionPhase.takesAnswers requests.Phase))

    let healthAt (now: int64<tick>) : SessionHealth =
        {
            SinceHeard =
                if monitor.WasHeard then
                    ValueSome(monitor.SinceHeard now)
                else
                    ValueNone
            InFlight = inFlight.Count
            UnwrittenBytes = out.Unwritten
        }

    /// Ends a call whose session has ended, or returns it if its request never left.
    let abandon (reason: FailureReason) sent (pending: PendingRequest) =
        if pending.FrameStart < sent then
            let after = deadlines.SinceStart(pending.Timeout, pending.Deadline)
            pending.Fail(RemotingError.ConnectionLost(endpoint, pending.Code, after, reason))
        else
            pending.Return(Returned.Unsent reason)

    let finish (reason: FailureReason) =
        owner.Avoid number
        // Whoever held the gate before saw a live session and is in the table by now; later callers see it is over.
        let sent = out.Cut()
        (deadlines :> IDisposable).Dispose()

        inFlight.TakeWhere((fun _ -> true), abandon reason sent) |> ignore<int64<tick>>

        requests.Release()
        ending.Cancel()
        stream.Dispose()
        owner.ReportEnd(number, reason, wasServed)

    let happened (event: SessionEvent) =
        requests.Step event |> ValueOption.iter finish

    let fail (reason: FailureReason) = happened (SessionEvent.Failed reason)

    /// Judges the peer's silence. Gives when to look again.
    let rec look now =
        match KeepAlive.judge options.KeepAlive (monitor.IdleState(now, inFlight.Count = 0)) with
        | LookAgain after -> deadlines.At(now, after)
        | SendPing ->
            requests.Ping now
            look now
        | DeclareDead ->
            fail (FailureReason.ofText "nothing came from it any more, not even the answer to a ping")
            never
        | CloseIdle ->
            if requests.TryLeave(now, (fun () -> owner.ReportIdle number)) then
                owner.Avoid number

            deadlines.At(now, options.KeepAlive.IdleAfter)

    /// Ends calls whose time is over, and a drain. Gives when to look again.
    let sweep (now: int64<tick>) =
        let health = healthAt now

        let timeOut (pending: PendingRequest) =
            pending.Fail(RemotingError.TimedOut(endpoint, pending.Code, pending.Timeout, health))

        let earliest = inFlight.TakeWhere((fun pending -> pending.Deadline <= now), timeOut)

        requests.Taken()
        happened SessionEvent.TimePassed

        match requests.Phase with
        | SessionPhase.Draining(_, deadline) -> min earliest deadline
        | SessionPhase.Open
        | SessionPhase.Retired when not owner.IsServer -> min earliest (look now)
        | SessionPhase.Open
        | SessionPhase.Retired
        | SessionPhase.Ended _ -> earliest

    let respond header (answer: RemotingCommand) : Task =
        match answers.TryPut(header, answer) with
        | Ok buffered -> buffered
        | Error reason ->
            fail reason
            Task.CompletedTask

    let answer (pending: PendingRequest) (frame: inref<ReceivedFrame>) =
        let isSentAway = frame.Parts.Code = int ResponseCode.GoAway

        if isSentAway then
            owner.ReportSentAway number

        if isSentAway && not pending.IsSecond then
            pending.Return Returned.SentAway
        else
            match pending.TryAnswer &frame with
            | ValueNone -> ()
            | ValueSome error ->
                let after = deadlines.SinceStart(pending.Timeout, pending.Deadline)
                pending.Fail(RemotingError.ofAnswer endpoint pending.Code after error)

    let receive (frame: inref<ReceivedFrame>) =
        wasServed <- true

        match CommandFlag.kind frame.Parts.Flag with
        | CommandKind.Response ->
            traffic.AnsweredBy frame.Parts.Version

            match inFlight.TryTake frame.Parts.Opaque with
            | ValueSome pending ->
                // No pattern with a condition: it would make an object for each answer.
                match coalescer with
                | null -> ()
                | coalescer ->
                    if not pending.IsLongPoll then
                        coalescer.Answered()

                answer pending &frame
                requests.Taken()
            | ValueNone ->
                traffic.Unexpected()
                Log.unexpectedAnswer log endpoint frame.Parts.Opaque
        | CommandKind.Request
        | CommandKind.OneWay -> owner.Receive(respond frame.Header, frame.ToCommand())

    /// An answer that cannot be read ends its call and no other: the server has carried the request out, or refused it.
    let passOver (answers: int voption) (error: DecodeError) =
        match answers |> ValueOption.bind inFlight.TryTake with
        | ValueSome pending ->
            pending.Fail(RemotingError.NotDecoded(endpoint, pending.Code, error))
            requests.Taken()
        | ValueNone -> ()

    let writeLoop () : Task =
        backgroundTask {
            try
                do! out.WriteAll ending.Token
                happened SessionEvent.WritingEnded
            with error ->
                fail (FailureReason($"writing failed: {error.Message}", Some error))

            do! out.Release()
        }

    let readLoop () : Task =
        backgroundTask {
            use _ = coalescer
            let unreadable = if owner.IsServer then EndConnection else PassOver passOver
            let frames = FrameReader(endpoint, stream, options, traffic, unreadable)
            // Only a server waits until its answers have found room.
            let mayRead () =
                if owner.IsServer then out.Stalled else Task.CompletedTask

            let take = FrameTaker(fun frame -> receive &frame)
            let! reason = frames.ReadAll(mayRead, monitor.Heard, take, coalescer, ending.Token)
            fail reason
        }

    do deadlines.Start sweep

    member _.Number = number
    member _.InFlight = inFlight.Count
    member _.Health = healthAt clock.Timestamp

    /// Since a caller used it last.
    member _.SinceUsed = monitor.SinceUsed(clock.Timestamp)

    /// Why a request finds no room.
    member _.Full = requests.Full

    member _.Start() =
        isStarted <- true
        Supervised.runApart log CancellationToken.None writeLoop
        Supervised.runApart log CancellationToken.None readLoop

        if not owner.IsServer then
            deadlines.Add(look clock.Timestamp)

    /// Writes what is in the buffer, if that can be done soon, and ends.
    member _.HangUp(reason: FailureReason) =
        if isStarted then requests.Drain reason else fail reason

    /// Takes no more requests, and ends with the last answer that is waited for.
    member _.Retire() =
        happened SessionEvent.RetireRequested
        requests.Taken()

    /// Puts a request on its way. Its caller gets it back if the server does not carry it out here.
    member _.Send(request: Outgoing<'Answer>, caller: ICaller, isSecond: bool, timeout: TimeSpan) : Sent<'Answer> =
        requests.Send(request, caller, isSecond, timeout)

    /// Puts a one-way request into the buffer.
    member _.SendOneWay(command: RemotingCommand) : Sent<RemotingCommand> = requests.SendOneWay command

    /// Forgets a call; its answer, if one comes, is dropped. Nothing happens if it has ended or been returned.
    member _.Cancel(pending: PendingRequest) =
        match inFlight.TryTake pending.Opaque with
        | ValueSome pending ->
            pending.Fail(RemotingError.Cancelled(pending.Code, true))
            requests.Taken()
        | ValueNone -> ()
