namespace RocketMq

open System
open RocketMq.Protocol

/// The part of a member's running info that does not change.
type internal ReportedMember =
    {
        Type: ConsumeType
        IsOrderly: bool
        /// Whether queues are read under the broker's lock.
        NeedsLock: bool
        NameServers: Endpoint list
        /// How many handlers work at a time.
        Concurrency: int
        Clock: TimeProvider
    }

/// What a member of a group says of itself, to brokers that ask and to its application.
[<Sealed>]
type internal ConsumerRunningInfoBuilder
    (reported: ReportedMember, subscriptions: Subscriptions, table: ProcessQueueTable) =
    let clock = reported.Clock
    let startedAtMillis = clock.GetUtcNow().ToUnixTimeMilliseconds()
    let startedTimestamp = clock.GetTimestamp()

    let isLocked (owner: ProcessQueue) =
        not reported.NeedsLock || owner.IsLocked

    let infoOf (owner: ProcessQueue) : ProcessQueueInfo =
        let millis timestamp =
            startedAtMillis
            + int64 (clock.GetElapsedTime(startedTimestamp, timestamp)).TotalMilliseconds

        {
            CommitOffset = owner.Committable
            CachedMinOffset = owner.Committable
            CachedMaxOffset = owner.Next - 1L
            CachedMessages = owner.CachedMessages
            CachedSize = int (owner.CachedBytes / (1024L * 1024L))
            TransactionMinOffset = 0L
            TransactionMaxOffset = 0L
            TransactionMessages = owner.Running
            IsLocked = isLocked owner
            TryUnlockTimes = 0L
            LastLockTimestamp = 0L
            LastPullTimestamp = millis owner.LastPull
            LastConsumeTimestamp = millis owner.LastConsume
            IsDropped = owner.IsLeft
        }

    let healthOf (owner: ProcessQueue) : QueueHealth =
        {
            Queue = owner.Queue
            Next = owner.Next
            Committable = owner.Committable
            Committed =
                match owner.Committed with
                | CommittedAt offset -> Some offset
                | NotLoaded
                | NothingCommitted -> None
            MaxOffset = QueueLag.knownMax owner.MaxOffset
            Damaged = owner.Damaged
            CachedMessages = owner.CachedMessages
            CachedBytes = owner.CachedBytes
            Running = owner.Running
            IsFull = owner.IsFull
            SincePull = clock.GetElapsedTime owner.LastPull
            SinceConsume = clock.GetElapsedTime owner.LastConsume
            IsLocked = isLocked owner
        }

    /// The queues that are read, in their order.
    member _.Queues: QueueHealth list =
        table.All |> List.map healthOf |> List.sortBy _.Queue

    member _.Offsets(topic: string) : Map<MessageQueue, int64> =
        Map.ofList
            [
                for owner in table.All do
                    if owner.Queue.Topic = topic then
                        owner.Queue, owner.Committable
            ]

    /// Source: DefaultMQPushConsumerImpl.java, consumerRunningInfo.
    member _.RunningInfo() : ConsumerRunningInfo =
        {
            Properties =
                Map.ofList
                    [
                        "PROP_CLIENT_VERSION", "V5_3_3"
                        "PROP_CONSUME_TYPE",
                        (match reported.Type with
                         | ConsumeType.ConsumeActively -> "CONSUME_ACTIVELY"
                         | ConsumeType.ConsumePassively -> "CONSUME_PASSIVELY"
                         | ConsumeType.Pop -> "CONSUME_POP")
                        "PROP_CONSUMEORDERLY", (if reported.IsOrderly then "true" else "false")
                        "PROP_CONSUMER_START_TIMESTAMP", string startedAtMillis
                        "PROP_NAMESERVER_ADDR", reported.NameServers |> List.map string |> String.concat ";"
                        "PROP_THREADPOOL_CORE_SIZE", string reported.Concurrency
                    ]
            Subscriptions =
                [
                    for one in subscriptions.All -> Subscription.create one.Topic one.Filter one.Version
                ]
            Queues = Map.ofList [ for owner in table.All -> owner.Queue, infoOf owner ]
            PopQueues = None
            Status = Map.empty
            UserInfo = None
            Stacks = None
        }
