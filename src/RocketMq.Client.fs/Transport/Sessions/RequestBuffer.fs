namespace RocketMq

open System
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// Whether a request can be put into the buffer, and if not, what is in its way. Found out once for each request: a writer that catches up
/// meanwhile would make one thing look like another.
[<Struct; NoEquality; NoComparison>]
type internal RequestRoom =
    | Room of opaque: int
    | NotOpen
    /// Too many bytes are unwritten, until the task ends.
    | NoRoomForBytes of stalled: Task
    | NoRoomForCalls

/// The sending side of a session: its phase, and how requests get into table and buffer. `Session` says what the lock guards.
[<Sealed>]
type internal RequestBuffer
    (
        endpoint: Endpoint,
        options: RemotingOptions,
        isServer: bool,
        out: WriteBuffer,
        inFlight: InFlightTable,
        deadlines: TimeoutTimer,
        monitor: IdleMonitor
    ) =
    /// How long a session that ends in peace may take to write what is in its buffer.
    static let drainTimeout = TimeSpan.FromSeconds 1L

    /// Pings that are not sent or not answered are followed by others.
    static let noCaller =
        { new ICaller with
            member _.TakeBack(_, _) = ()
            member _.Settle(_, _) = true
        }

    let clock = options.Ports.Clock
    let writer = RequestWriter(options.Limits, options.Header)
    let mutable phase = SessionPhase.Open

    /// A quarter of the table is free: enough to let all in who wait, not one by one.
    let room =
        RoomSignal(fun () -> inFlight.Count <= options.MaxInFlight - max 1 (options.MaxInFlight / 4))

    let drainDeadline () = deadlines.After drainTimeout

    /// Goes on to the next phase. Only under the gate. Gives why the session ends, if it does so now.
    let step (event: SessionEvent) : FailureReason voption =
        let next, effects = SessionPhase.transition (clock.Timestamp) phase event
        Volatile.Write(&phase, next)
        let mutable ended = ValueNone

        for effect in effects do
            match effect with
            | SessionEffect.CompleteBuffer -> out.Complete()
            | SessionEffect.WakeAt deadline -> deadlines.Add deadline
            | SessionEffect.End reason -> ended <- ValueSome reason

        ended

    /// A number for a request, if one can be taken now. Only under the gate, until the request is in the buffer.
    let findRoom () : RequestRoom =
        let stalled = out.Stalled

        if not phase.IsOpen then
            NotOpen
        elif not stalled.IsCompleted then
            NoRoomForBytes stalled
        else
            match inFlight.TryNumber() with
            | ValueSome opaque -> Room opaque
            | ValueNone -> NoRoomForCalls

    /// What becomes of a request that may wait for these bytes.
    let withoutBytes (stalled: Task) : Sent<'Answer> =
        match options.OnMaxUnwrittenBytes with
        | WaitForRoom -> Stalled stalled
        | FailAtOnce -> NotSent(RemotingError.TooManyBytes(endpoint, options.MaxUnwrittenBytes))

    /// What becomes of a request that may wait for others to be answered. Only under the gate.
    let withoutCalls () : Sent<'Answer> =
        match options.OnMaxInFlight with
        | WaitForRoom -> Stalled(room.Await())
        | FailAtOnce -> NotSent(RemotingError.TooManyInFlight(endpoint, options.MaxInFlight))

    /// Puts a request with a number into table and buffer. Only under the gate.
    let put (request: Outgoing<'Answer>) caller isSecond (timeout: TimeSpan) now opaque : Sent<'Answer> =
        let deadline = deadlines.At(now, timeout)

        let pending =
            PendingRequest<'Answer>(opaque, request, caller, isSecond, timeout, deadline, out.Filled)

        inFlight.Add pending
        let isAlone = out.Unwritten = 0L
        out.Writer.TakesBodies <- true
        let encoded = request.Write(writer, opaque, out.Writer)
        out.Writer.TakesBodies <- false

        match encoded with
        | Ok count ->
            let body =
                if isAlone && inFlight.Count = 1 then
                    out.EncodedAlone count
                else
                    out.EncodedCall count

            match body with
            | null -> ()
            | body -> inFlight.AddBody(pending, body)

            deadlines.Add deadline
            Waiting pending
        | Error error ->
            match inFlight.TryTake opaque with
            | ValueSome _ -> NotSent(RemotingError.NotEncoded(request.Code, error))
            // Its time was over at once: whoever took it ends it.
            | ValueNone -> Waiting pending

    member _.Phase = Volatile.Read &phase

    /// Lets the session go on to its next phase. Gives why it ends, if it does so now.
    member _.Step(event: SessionEvent) : FailureReason voption = lock out.Gate (fun () -> step event)

    /// Takes no more requests, and leaves some time for what is in the buffer.
    member _.Drain(reason: FailureReason) =
        lock out.Gate (fun () -> step (SessionEvent.DrainRequested(reason, drainDeadline ())))
        |> ignore<FailureReason voption>

    /// After calls were taken out of the table: lets others in, and drains a session that only waited for them.
    member buffer.Taken() =
        room.Taken()

        if buffer.Phase.IsRetired && inFlight.Count = 0 then
            buffer.Step(SessionEvent.LastCallEnded(drainDeadline ()))
            |> ignore<FailureReason voption>

    /// Ends all waits for room.
    member _.Release() = room.Release()

    /// Why a request finds no room.
    member _.Full =
        if out.Stalled.IsCompleted then
            RemotingError.TooManyInFlight(endpoint, options.MaxInFlight)
        else
            RemotingError.TooManyBytes(endpoint, options.MaxUnwrittenBytes)

    /// A call that is the only one is written here and now: a turn on the pool would take longer than the writing.
    member _.Send(request: Outgoing<'Answer>, caller: ICaller, isSecond: bool, timeout: TimeSpan) : Sent<'Answer> =
        try
            lock out.Gate (fun () ->
                match findRoom () with
                | Room opaque ->
                    let now = clock.Timestamp

                    if monitor.Requested now && not isServer then
                        deadlines.Add(deadlines.At(now, options.KeepAlive.DeadAfter / 2.0))

                    put request caller isSecond timeout now opaque
                | NotOpen -> Over
                | NoRoomForBytes stalled -> withoutBytes stalled
                | NoRoomForCalls -> withoutCalls ())
        finally
            // The application's clock may have thrown after the request was put in.
            out.WriteHere()

    member _.SendOneWay(command: RemotingCommand) : Sent<RemotingCommand> =
        lock out.Gate (fun () ->
            match findRoom () with
            | Room opaque ->
                monitor.Used(clock.Timestamp)

                match writer.Write(Command.asOneWay command, opaque, out.Writer) with
                | Ok count ->
                    out.Encoded count
                    Buffered
                | Error error -> NotSent(RemotingError.NotEncoded(command.RequestCode, error))
            | NotOpen -> Over
            | NoRoomForBytes stalled -> withoutBytes stalled
            | NoRoomForCalls -> withoutCalls ())

    /// Pings the peer. If there is no room even for that, it has been asked enough.
    member _.Ping(now: int64<tick>) =
        monitor.Probed now

        try
            lock out.Gate (fun () ->
                match findRoom () with
                | Room opaque ->
                    put (OutgoingCommand KeepAlive.probe) noCaller true options.KeepAlive.DeadAfter now opaque
                    |> ignore<Sent<RemotingCommand>>
                | NotOpen
                | NoRoomForBytes _
                | NoRoomForCalls -> ())
        finally
            out.WriteHere()

    /// Drains because no caller needs the session, unless a call has come in the meantime; tells it before that. Gives whether it does.
    member _.TryLeave(now: int64<tick>, reportIdle: unit -> unit) : bool =
        lock out.Gate (fun () ->
            let isUnused =
                phase.IsOpen
                && inFlight.Count = 0
                && monitor.SinceUsed now >= options.KeepAlive.IdleAfter

            // Before anybody finds no connection and asks for another session.
            if isUnused then
                reportIdle ()

                step (SessionEvent.DrainRequested(FailureReason.ofText "no caller needed it", drainDeadline ()))
                |> ignore<FailureReason voption>

            isUnused)
