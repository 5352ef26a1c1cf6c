namespace RocketMq.Protocol

open System
open System.Threading

/// What a member that pops has to do, by the names that its health gives them.
module internal PopDuty =
    let pop (queue: MessageQueue) : string =
        if queue.QueueId < 0 then
            $"{queue.Topic} at {queue.BrokerName}"
        else
            $"queue {queue.QueueId} of {queue.Topic} at {queue.BrokerName}"

    let acknowledge (brokerName: string) = $"acknowledgements at {brokerName}"
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

    /// Whether it is the caller's doing, and says nothing of brokers.
    let isOwn error =
        match error with
        | Invalid _
        | NotEncoded _
        | Cancelled _
        | ClientClosed _
        | AlreadyClosed _
        | ReceiptExpired _ -> true
        | _ -> false

    let report what reason =
        problems.Report(what, reason)
        Volatile.Write(&failure, PopFailure(what, reason, clock.GetTimestamp()))

    member _.Succeeded(what: string) =
        problems.Clear what
        Volatile.Write(&succeededAt, clock.GetTimestamp())

    member _.Report(what: string, reason: string) = report what reason

    member _.Failed(what: string, error: RemotingError) =
        if not (isOwn error) then
            report what (RemotingError.describe error)

    /// A failure does not matter any more.
    member _.Forget(what: string) = problems.Clear what

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
