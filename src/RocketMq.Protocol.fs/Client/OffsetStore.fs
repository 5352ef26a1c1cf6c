namespace RocketMq.Protocol

open System.Threading
open System.Threading.Tasks

/// Where a group keeps its positions.
type internal IOffsetStore =
    /// The position of a queue; `None` if there is none.
    abstract Load: MessageQueue * CancellationToken -> Task<Result<int64 option, RemotingError>>
    abstract Save: MessageQueue * int64 * CancellationToken -> Task<Result<unit, RemotingError>>

/// With the brokers that hold the queues, for all members of the group.
[<Sealed>]
type internal BrokerOffsets(settings: GroupSettings, brokers: GroupBrokers) =
    interface IOffsetStore with
        member _.Load(queue, cancellation) =
            brokers.Ask(queue, GroupRequests.committed settings queue, cancellation)

        member _.Save(queue, offset, cancellation) =
            brokers.Ask(queue, GroupRequests.commit settings queue offset, cancellation)
