namespace RocketMq

open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// What the application does to the queues of a pull consumer: it seeks, pauses, commits and assigns. Queues are as the application
/// names them.
[<Sealed>]
type internal PullControl
    (
        space: string,
        assignment: QueueSelection,
        offsets: OffsetQueries,
        steering: QueueControl,
        table: ProcessQueueTable,
        events: MemberEvents,
        membership: RebalanceService,
        waiting: FetchBuffer,
        polls: PollCoordinator,
        closed: RemotingError
    ) =
    let assignmentGate = new SemaphoreSlim(1, 1)

    let refused (queue: MessageQueue) reason =
        Error(RemotingError.Invalid(InvalidInput(string queue, reason)))

    let negative (queue: MessageQueue) offset =
        refused queue (invariant $"it has no offset {offset}, offsets count from 0")

    let commit
        (request: CommitWait -> MemberEvent)
        (cancellation: CancellationToken)
        : Task<Result<unit, RemotingError>> =
        let wait = CommitWait()
        events.Post(request wait)
        wait.Ended.WaitAsync cancellation

    member _.Seek(queue: MessageQueue, offset: int64) : Result<unit, RemotingError> =
        let inner = offsets.Inner queue

        if offset < 0L then
            negative queue offset
        elif polls.IsClosed then
            Error closed
        elif steering.Seek(inner, offset, table.TryFind, assignment.Contains inner) then
            Ok()
        else
            refused queue "it is not one of those that this consumer reads now, see Queues"

    /// Seeks to an offset that is queried first.
    member control.SeekTo
        (queue: MessageQueue, find: Task<Result<int64, RemotingError>>)
        : Task<Result<unit, RemotingError>> =
        taskResult {
            let! offset = find
            return! control.Seek(queue, offset)
        }

    member _.SetPaused(isPaused: bool, queues: MessageQueue list) =
        for queue in queues do
            steering.SetPaused(offsets.Inner queue, isPaused, table.TryFind)

        waiting.Wake()

    /// Commits what has been delivered of all queues.
    member _.CommitAll(cancellation: CancellationToken) : Task<Result<unit, RemotingError>> =
        polls.Settle()
        commit CommitAllRequested cancellation

    /// Commits an offset of a queue, whether it is read here or not.
    member _.Commit
        (queue: MessageQueue, offset: int64, cancellation: CancellationToken)
        : Task<Result<unit, RemotingError>> =
        let inner = offsets.Inner queue

        if offset < 0L then
            Task.FromResult(negative queue offset)
        else
            match table.TryFind inner with
            | null -> offsets.Commit(queue, offset, cancellation)
            | owner when owner.IsLeft -> offsets.Commit(queue, offset, cancellation)
            | _ -> commit (fun wait -> CommitOffsetRequested(inner, offset, wait)) cancellation

    /// Reads these queues from now on, and none else. One call at a time.
    member _.Assign(chosen: MessageQueue list, filter: Filter) : Task<Result<unit, RemotingError>> =
        backgroundTask {
            do! assignmentGate.WaitAsync()

            try
                let before = assignment.Topics
                assignment.Set(chosen |> List.map offsets.Inner)

                for topic in before - assignment.Topics do
                    do! membership.Unsubscribe(Namespaced.unwrap space topic)

                return!
                    [ for topic in assignment.Topics -> Namespaced.unwrap space topic ]
                    |> OneByOne.untilError (fun topic -> membership.Subscribe(topic, filter, CancellationToken.None))
            finally
                assignmentGate.Release() |> ignore<int>
        }

    /// Does what consumers may do that were started in the one way, or fails.
    member _.InMode
        (isAllowed: bool, act: unit -> Task<Result<unit, RemotingError>>)
        : Task<Result<unit, RemotingError>> =
        if polls.IsClosed then
            Task.FromResult(Error closed)
        elif isAllowed then
            act ()
        else
            Task.FromResult(
                Error(
                    RemotingError.InvalidCall
                        "a consumer has subscriptions or assigned queues, as it was started with, not both"
                )
            )
