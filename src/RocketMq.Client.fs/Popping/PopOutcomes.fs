namespace RocketMq

open System
open System.Collections.Generic
open System.Threading

/// What a member that pops has to do, by the names that its health gives them.
module internal PopDuty =
    let pop (queue: MessageQueue) : string =
        if queue.QueueId < 0 then
            $"{queue.Topic} at {queue.BrokerName}"
        else
            invariant $"queue {queue.QueueId} of {queue.Topic} at {queue.BrokerName}"

    let private acknowledgements = "acknowledgements at "
    let acknowledge (brokerName: string) = $"{acknowledgements}{brokerName}"

    let isAcknowledgement (what: string) =
        what.StartsWith(acknowledgements, StringComparison.Ordinal)

    let read (queue: MessageQueue) : string = $"bodies of {pop queue}"

    let assignment (topic: string) = $"queues of {topic}"
    let find (topic: string) = $"brokers of {topic}"

[<Sealed>]
type private PopFailure(what: string, reason: string, at: int64) =
    member _.What = what
    member _.Reason = reason
    member _.At = at

/// What became of what a member asked brokers: what it cannot do now, when it last could do something, and what failed last.
[<Sealed>]
type internal PopOutcomes(clock: TimeProvider) =
    let never = Int64.MinValue
    let problems = MemberProblems clock
    let mutable succeededAt = never
    let mutable failure: PopFailure | null = null
    let mutable attempts = 0L

    /// The latest attempt whose outcome is known, by what was tried. As many as there are queues, brokers and topics.
    let latest = Dictionary<string, int64> StringComparer.Ordinal

    /// Guards `latest`, and what is said of an attempt along with it.
    let gate = obj ()

    /// Several attempts may be under way at a time. What becomes of one says nothing any more once that of a later one is known.
    let ifLatest what attempt (act: unit -> unit) =
        lock gate (fun () ->
            match latest.TryGetValue what with
            | true, known when known > attempt -> ()
            | _ ->
                latest[what] <- attempt
                act ())

    /// Whether it is the caller's doing, and says nothing of brokers.
    let isOwn error =
        match error with
        | RemotingError.Invalid _
        | RemotingError.NotEncoded _
        | RemotingError.Cancelled _
        | RemotingError.ClientClosed _
        | RemotingError.AlreadyClosed _
        | RemotingError.ReceiptExpired _ -> true
        | _ -> false

    let next () = Interlocked.Increment &attempts

    let report what attempt reason =
        ifLatest what attempt (fun () -> problems.Report(what, reason))
        Volatile.Write(&failure, PopFailure(what, reason, clock.GetTimestamp()))

    let forget what =
        ifLatest what (next ()) (fun () -> problems.Clear what)

    /// Something is tried now: the number of the attempt, to be given with its outcome.
    member _.Begin() : int64 = next ()

    member _.Succeeded(what: string, attempt: int64) =
        ifLatest what attempt (fun () -> problems.Clear what)
        Volatile.Write(&succeededAt, clock.GetTimestamp())

    /// What failed just now.
    member _.Report(what: string, reason: string) = report what (next ()) reason

    member _.Failed(what: string, attempt: int64, error: RemotingError) =
        if not (isOwn error) then
            report what attempt (RemotingError.describe error)

    /// A failure does not matter any more, nor one of what has been tried up to now.
    member _.Forget(what: string) = forget what

    /// Nothing is left to acknowledge, wherever that has failed.
    member _.ForgetAcknowledgements() =
        for problem in problems.All do
            if PopDuty.isAcknowledgement problem.What then
                forget problem.What

    /// For problems that are no failures of what was asked.
    member _.Standing: MemberProblems = problems

    member _.Problems: ClientProblem list = problems.All

    /// Since a broker last did what it was asked.
    member _.SinceSuccess: TimeSpan option =
        match Volatile.Read &succeededAt with
        | at when at = never -> None
        | at -> Some(clock.GetElapsedTime at)

    /// What failed last, mended meanwhile or not.
    member _.LastFailure: ClientProblem option =
        match Volatile.Read &failure with
        | null -> None
        | failure ->
            Some
                {
                    What = failure.What
                    Reason = failure.Reason
                    Since = clock.GetElapsedTime failure.At
                }
