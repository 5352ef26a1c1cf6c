namespace RocketMq.Embedded

open RocketMq.Protocol
open RocketMq

/// A consumer group with members, as their heartbeats describe it.
type internal ConsumerGroup =
    {
        /// The client ids by connection. A client that connects again is there twice until its old connection ends.
        Members: Map<int, string>
        /// By topic. One table for the whole group: the latest heartbeat of any member decides.
        Subscriptions: Map<string, Subscription>
        Type: ConsumeType
        Model: MessageModel
        Start: ConsumeFromWhere
    }

/// A queue that one member of a group may consume, and the others may not.
type internal LockedQueue =
    {
        ConsumerGroup: string
        Queue: MessageQueue
    }

/// Who holds a queue, and since when it has not said so again.
type internal QueueLock =
    {
        ClientId: string
        RenewedMillis: int64
    }
