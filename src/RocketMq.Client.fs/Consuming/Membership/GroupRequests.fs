namespace RocketMq

open System
open RocketMq.Protocol

/// What a member wants of one topic.
type internal TopicSubscription =
    {
        Topic: string
        Filter: Filter
        /// Grows with each change: milliseconds since 1970.
        Version: int64
    }

/// What one member of a group is and asks of brokers. Names are those that travel.
type internal GroupSettings =
    {
        Group: string
        Type: ConsumeType
        Model: MessageModel
        ConsumeFrom: ConsumeFrom
        /// The most messages a pull asks for.
        PullBatch: int
        /// How long a broker holds a pull that finds nothing.
        LongPollTimeout: TimeSpan
    }

/// What one member of a group asks brokers.
module internal GroupRequests =
    let private groupQueue settings (queue: MessageQueue) : GroupQueue =
        {
            ConsumerGroup = settings.Group
            Topic = queue.Topic
            QueueId = queue.QueueId
        }

    let private topicQueue (queue: MessageQueue) : TopicQueue =
        {
            Topic = queue.Topic
            QueueId = queue.QueueId
        }

    /// As heartbeats say where a group begins.
    let startOf (from: ConsumeFrom) : ConsumeFromWhere =
        match from with
        | FirstOffset -> FromFirstOffset
        | LastOffset -> FromLastOffset
        | AtTime _ -> FromTimestamp

    /// As heartbeats tell of a member.
    let memberOf group consumeType model from (subscriptions: TopicSubscription list) : ConsumerMembership =
        {
            Group = group
            Type = consumeType
            Model = model
            Start = startOf from
            Subscriptions =
                [
                    for subscription in subscriptions ->
                        Subscription.create subscription.Topic subscription.Filter subscription.Version
                ]
            IsUnit = false
        }

    let membership (settings: GroupSettings) (subscriptions: TopicSubscription list) : ConsumerMembership =
        memberOf settings.Group settings.Type settings.Model settings.ConsumeFrom subscriptions

    /// Whether a broker can filter so, and understands the expression.
    let check clientId group (topic: string) (filter: Filter) : Request<unit> =
        Heartbeat.check.Request
            {
                ClientId = clientId
                Group = group
                Subscription = Subscription.create topic filter 0L
                Namespace = None
            }

    /// As Java's clients since 5.0, where the queue is one of a static topic: its broker name goes with the request.
    let private named (queue: MessageQueue) (request: Request<'Answer>) : Request<'Answer> =
        if LogicalQueues.isLogical queue then
            { request with
                Command = Command.withField "bname" queue.BrokerName request.Command
            }
        else
            request

    let committed settings (queue: MessageQueue) : Request<int64 option> =
        Offsets.queryCommitted.Request
            {
                Queue = groupQueue settings queue
                ZeroIfNone = None
            }
        |> named queue

    /// The offset of the first message that is still there.
    let min (queue: MessageQueue) : Request<int64> =
        Offsets.min.Request(topicQueue queue) |> named queue

    /// The offset that the next message of a queue will have.
    let max (queue: MessageQueue) : Request<int64> =
        Offsets.max.Request
            {
                Queue = topicQueue queue
                IsCommitted = None
            }
        |> named queue

    let searchByTime (queue: MessageQueue) (millis: int64) : Request<int64> =
        Offsets.search.Request
            {
                Queue = topicQueue queue
                TimestampMillis = millis
                Boundary = None
            }
        |> named queue

    let commit settings (queue: MessageQueue) (offset: int64) : Request<unit> =
        Offsets.commit.Request
            {
                Queue = groupQueue settings queue
                Offset = offset
            }
        |> named queue

    /// Asks for at most so many messages, whatever the settings say.
    let pull
        settings
        (most: int)
        (queue: MessageQueue)
        (offset: int64)
        (subscription: TopicSubscription)
        : PullRequest =
        // Java's pull consumers ask 5.x with LITE_PULL_MESSAGE (361), which 4.9 does not know and 5.x answers in the same way.
        {
            ConsumerGroup = settings.Group
            Topic = queue.Topic
            QueueId = queue.QueueId
            QueueOffset = offset
            MaxMessages = most
            CommitOffset = None
            LongPollTimeout = settings.LongPollTimeout
            Filter = Some subscription.Filter
            SubscriptionVersion = subscription.Version
            IsLite = false
            MaxBytes = None
            Source = None
            ProxiedClientId = None
        }

    /// The same on its way.
    let outgoingPull settings (most: int) (queue: MessageQueue) (offset: int64) (subscription: TopicSubscription) =
        let brokerName: string | null =
            if LogicalQueues.isLogical queue then
                queue.BrokerName
            else
                null

        OutgoingPull(pull settings most queue offset subscription, brokerName)
