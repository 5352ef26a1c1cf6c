namespace RocketMq

open System.Threading
open System.Threading.Tasks

/// Where a group keeps its offsets.
type internal IOffsetStore =
    /// What the group has committed; `None` if nothing.
    abstract Load: MessageQueue * CancellationToken -> Task<Result<int64 option, RemotingError>>
    abstract Save: MessageQueue * int64 * CancellationToken -> Task<Result<unit, RemotingError>>

/// With the masters of the brokers that hold the queues, for all members of the group. A slave may not know of a commit yet: what it
/// has counts only where there is no master, and that it has nothing says nothing.
[<Sealed>]
type internal BrokerOffsets(settings: GroupSettings, brokers: GroupBrokers) =
    interface IOffsetStore with
        member _.Load(queue, cancellation) =
            let load (client: RemotingClient) isMaster =
                taskResult {
                    match! client.Request(GroupRequests.committed settings queue, cancellation) with
                    // A slave that has nothing may not know yet.
                    | None when not isMaster -> return! Error(RemotingError.NoBroker(queue.Topic, brokers.HostOf queue))
                    | committed -> return committed
                }

            brokers.RequestFromAny(queue, BrokerRequest<int64 option>(load), cancellation)

        member _.Save(queue, offset, cancellation) =
            let save () =
                brokers.RequestFromMaster(queue, GroupRequests.commit settings queue offset, cancellation)

            brokers.CommitInTurn(queue, save, cancellation)
