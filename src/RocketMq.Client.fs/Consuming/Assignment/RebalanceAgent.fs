namespace RocketMq

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open RocketMq.Protocol

/// What the agent has others do.
type internal IRebalanceActions =
    /// Queries the members of topics; each answer becomes an event.
    abstract QueryMembers: topics: string list -> unit

    /// Queries what brokers assign of topics; each answer becomes an event.
    abstract QueryAssignments: topics: string list -> unit

    /// Brokers hand a topic out to this member in this way from now on.
    abstract FollowMode: topic: string * mode: RequestMode -> unit

/// Pops what a member is assigned to pop.
type internal IQueuePops =
    /// These are popped of a topic from now on, and nothing else of it.
    abstract Assign: topic: string * queues: MessageQueue list -> unit

module internal QueuePops =
    /// Of a member that pops nothing.
    let none =
        { new IQueuePops with
            member _.Assign(_, _) = ()
        }

/// The agent of one member of a group: it takes one event after the other, lets `Rebalance` and `ConsumerQueue` decide, and has the
/// decisions carried out. It never waits for what it has begun.
[<Sealed>]
type internal RebalanceAgent
    (
        start: Rebalance,
        events: MemberEvents,
        queues: AssignedQueues,
        select: string -> MessageQueue list -> MessageQueue list,
        actions: IRebalanceActions,
        pops: IQueuePops,
        remoting: RemotingOptions,
        ending: CancellationToken
    ) =
    let ended = TaskCompletionSource TaskCreationOptions.RunContinuationsAsynchronously
    let mutable rebalance = start

    /// What is to be popped of topics whose queues are still being given up.
    let waitingPops = Dictionary<string, MessageQueue list>()

    /// What is given up commits first: what is popped before that would be consumed twice.
    let popQueues topic (popped: MessageQueue list) =
        if popped.IsEmpty || not (queues.HasAny topic) then
            waitingPops.Remove topic |> ignore<bool>
            pops.Assign(topic, popped)
        else
            waitingPops[topic] <- popped

    let popThoseReleased () =
        if waitingPops.Count > 0 then
            for KeyValue(topic, popped) in List.ofSeq waitingPops do
                popQueues topic popped

    /// Topics that are queried go out together.
    let carryOut effects =
        let byMembers = ResizeArray()
        let byBrokers = ResizeArray()

        for effect in effects do
            match effect with
            | QueryMembers topic -> byMembers.Add topic
            | QueryAssignments topic -> byBrokers.Add topic
            | Assign queue -> queues.Assign queue
            | Revoke queue -> queues.Revoke queue
            | PopQueues(topic, popped) -> popQueues topic popped
            | FollowMode(topic, mode) -> actions.FollowMode(topic, mode)

        if byMembers.Count > 0 then
            actions.QueryMembers(List.ofSeq byMembers)

        if byBrokers.Count > 0 then
            actions.QueryAssignments(List.ofSeq byBrokers)

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

        popThoseReleased ()
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
