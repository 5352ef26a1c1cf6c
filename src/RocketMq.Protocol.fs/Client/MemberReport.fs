namespace RocketMq.Protocol

/// What a member of a group says of itself, to brokers that ask and to its application.
[<Sealed>]
type internal MemberReport
    (
        options: PushConsumerOptions,
        group: string,
        subscriptions: Subscriptions,
        queues: OwnedQueues,
        mayConsume: ProcessQueue -> bool,
        call: HandlerCall
    ) =
    let clock = options.Remoting.Ports.Clock
    let startedAtMillis = clock.GetUtcNow().ToUnixTimeMilliseconds()
    let startedTimestamp = clock.GetTimestamp()
    let retryTopic = Namespaced.retryTopic "" group

    let infoOf (owner: ProcessQueue) : ProcessQueueInfo =
        let millis timestamp =
            startedAtMillis
            + int64 (clock.GetElapsedTime(startedTimestamp, timestamp)).TotalMilliseconds

        {
            CommitOffset = owner.Committable
            CachedMinOffset = owner.Committable
            CachedMaxOffset = owner.Next - 1L
            CachedMessages = owner.Held
            CachedSize = int (owner.HeldBytes / (1024L * 1024L))
            TransactionMinOffset = 0L
            TransactionMaxOffset = 0L
            TransactionMessages = owner.Running
            IsLocked = mayConsume owner
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
            Committed = owner.Committed
            Held = owner.Held
            HeldBytes = owner.HeldBytes
            Running = owner.Running
            IsFull = owner.IsFull
            SincePull = clock.GetElapsedTime owner.LastPull
            SinceConsume = clock.GetElapsedTime owner.LastConsume
            IsLocked = mayConsume owner
        }

    /// The queues that are read, in their order.
    member _.Queues: QueueHealth list =
        queues.All |> List.map healthOf |> List.sortBy _.Queue

    member _.Positions(topic: string) : Map<MessageQueue, int64> =
        Map.ofList
            [
                for owner in queues.All do
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
                        "PROP_CONSUME_TYPE", "CONSUME_PASSIVELY"
                        "PROP_CONSUMEORDERLY", (if options.IsOrdered then "true" else "false")
                        "PROP_CONSUMER_START_TIMESTAMP", string startedAtMillis
                        "PROP_NAMESERVER_ADDR", options.NameServers |> List.map string |> String.concat ";"
                        "PROP_THREADPOOL_CORE_SIZE", string options.Concurrency
                    ]
            Subscriptions =
                [
                    for one in subscriptions.All -> Subscription.create one.Topic one.Filter one.Version
                ]
            Queues = Map.ofList [ for owner in queues.All -> owner.Queue, infoOf owner ]
            PopQueues = None
            Status = Map.empty
            UserInfo = None
            Stacks = None
        }

    /// Has the handler work on a message that an administrator chose; nothing comes of the outcome but the answer.
    member _.Consume(query: DirectConsumption) =
        backgroundTask {
            match MessageCodec.read (Option.defaultValue "" query.BrokerName) query.Record with
            | Complete(message, _) ->
                let began = clock.GetTimestamp()

                let! outcome, remark =
                    call.Once(VisibleMessage.restore retryTopic options.Namespace message)

                return
                    Ok
                        {
                            IsOrderly = options.IsOrdered
                            IsAutoCommit = true
                            Outcome = Some outcome
                            Remark = remark
                            SpentMillis = int64 (clock.GetElapsedTime began).TotalMilliseconds
                        }
            | NeedMore _ -> return Error "the message is cut short"
            | Corrupt error -> return Error error.Message
        }
