namespace RocketMq

open System
open System.Threading
open System.Threading.Channels
open System.Threading.Tasks

/// A commit that the application waits for: of several queues, each of which reports once.
[<Sealed>]
type internal CommitWait() =
    let ended =
        TaskCompletionSource<Result<unit, RemotingError>>(TaskCreationOptions.RunContinuationsAsynchronously)

    let gate = obj ()
    let mutable outstanding = 1
    let mutable outcome: Result<unit, RemotingError> = Ok()

    /// The first failure, if there is one.
    member _.Ended: Task<Result<unit, RemotingError>> = ended.Task

    /// One more queue is to report.
    member _.Await() =
        lock gate (fun () -> outstanding <- outstanding + 1)

    /// A queue reports; or, with `Ok`, all have been asked.
    member _.Report(result: Result<unit, RemotingError>) =
        let isLast =
            lock gate (fun () ->
                outstanding <- outstanding - 1
                outcome <- Result.bind (fun () -> result) outcome
                outstanding = 0)

        if isLast then
            ended.TrySetResult outcome |> ignore<bool>

/// What happens to a member of a group. An event of a queue may need to know how far the queue is when it is handled.
type internal MemberEvent =
    | RebalanceEvent of RebalanceEvent
    | QueueEvent of MessageQueue * QueueEvent
    | ProgressEvent of MessageQueue * (ConsumeProgress -> QueueEvent)
    /// Time to commit.
    | CommitInterval
    | CommitAllRequested of CommitWait
    /// The application commits an offset of its own.
    | CommitOffsetRequested of MessageQueue * offset: int64 * CommitWait
    /// Time to renew locks.
    | RenewInterval

/// The events of one member in their order. Anybody posts, one agent reads.
[<Sealed>]
type internal MemberEvents() =
    let events =
        Channel.CreateUnbounded<MemberEvent>(UnboundedChannelOptions(SingleReader = true))

    member _.Post(event: MemberEvent) =
        events.Writer.TryWrite event |> ignore<bool>

    /// The next event; null once there will be none.
    member _.Next(cancellation: CancellationToken) : ValueTask<MemberEvent> = events.Reader.ReadAsync cancellation

    /// What is posted from here on is dropped.
    member _.Complete() =
        events.Writer.TryComplete() |> ignore<bool>
