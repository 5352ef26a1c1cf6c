namespace RocketMq

open System
open System.Threading
open RocketMq.Protocol

/// Asks brokers how far queues reach, and how far a group is with them. Topics are as the application knows them.
[<Sealed>]
type internal OffsetQueries(settings: GroupSettings, space: string, brokers: GroupBrokers) =
    /// As the queue travels.
    member _.Inner(queue: MessageQueue) : MessageQueue =
        { queue with
            Topic = Namespaced.wrap space queue.Topic
        }

    /// As the application knows it.
    member _.Outer(queue: MessageQueue) : MessageQueue =
        { queue with
            Topic = Namespaced.unwrap space queue.Topic
        }

    member queries.Min(queue: MessageQueue, cancellation: CancellationToken) =
        let queue = queries.Inner queue
        brokers.Request(queue, GroupRequests.min queue, cancellation)

    member queries.Max(queue: MessageQueue, cancellation: CancellationToken) =
        let queue = queries.Inner queue
        brokers.Request(queue, GroupRequests.max queue, cancellation)

    member queries.AtTime(queue: MessageQueue, time: DateTimeOffset, cancellation: CancellationToken) =
        let queue = queries.Inner queue
        brokers.Request(queue, GroupRequests.searchByTime queue (time.ToUnixTimeMilliseconds()), cancellation)

    member queries.Committed(queue: MessageQueue, cancellation: CancellationToken) =
        let queue = queries.Inner queue
        brokers.Request(queue, GroupRequests.committed settings queue, cancellation)

    member queries.Commit(queue: MessageQueue, offset: int64, cancellation: CancellationToken) =
        let queue = queries.Inner queue

        let commit () =
            brokers.Request(queue, GroupRequests.commit settings queue offset, cancellation)

        brokers.CommitInTurn(queue, commit, cancellation)
