namespace RocketMq

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks

/// The agent of one member of a group: it takes one event after the other, lets `Rebalance` and `ConsumerQueue` decide, and has the
/// decisions carried out. It never waits for what it has begun.
[<Sealed>]
type internal RebalanceAgent
    (
        start: Rebalance,
        events: MemberEvents,
        queues: AssignedQueues,
        select: string -> MessageQueue list -> MessageQueue list,
        queryMembers: string list -> unit,
        remoting: RemotingOptions,
        ending: CancellationToken
    ) =
    let ended = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously
    let mutable rebalance = start

    /// Topics whose members are queried go out together.
    let carryOut effects =
        let topics = ResizeArray()

        for effect in effects do
            match effect with
            | QueryMembers topic -> topics.Add topic
            | Assign queue -> queues.Assign queue
            | Revoke queue -> queues.Revoke queue

        if topics.Count > 0 then
            queryMembers (List.ofSeq topics)

    let handle event =
        match event with
        | RebalanceEvent event ->
            // Chosen here, in the order of events: the application may have assigned other queues since the route came.
            let event =
                match event with
                | RouteKnown(topic, queues) -> RouteKnown(topic, select topic queues)
                | event -> event

            let next, effects = Rebalance.transition rebalance event
            rebalance <- next
            carryOut effects
        | QueueEvent(queue, event) -> queues.Handle(queue, event)
        | ProgressEvent(queue, event) -> queues.Handle(queue, event)
        | CommitInterval -> queues.CommitAll()
        | CommitAllRequested wait -> queues.Commit wait
        | CommitOffsetRequested(queue, offset, wait) -> queues.CommitOffset(queue, offset, wait)
        | RenewInterval -> queues.RenewLocks()

        queues.Flush()

        if Rebalance.isStopped rebalance && queues.IsEmpty then
            ended.TrySetResult() |> ignore<bool>

    let loop () : Task =
        backgroundTask {
            try
                while not ending.IsCancellationRequested do
                    let! event = events.Next ending

                    try
                        handle event
                    with error ->
                        Log.agentOfClientFailed remoting.Logger error
            finally
                events.Complete()
                queues.Abandon(RemotingError.AlreadyClosed "The consumer")
                ended.TrySetResult() |> ignore<bool>
        }

    /// Ends when a member that was stopped has given up all its queues, or with the member.
    member _.Ended: Task = ended.Task

    member _.Start() =
        Supervised.run remoting.Logger ending loop
