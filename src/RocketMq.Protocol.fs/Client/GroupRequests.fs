namespace RocketMq.Protocol

/// What one member of a group asks brokers, as its options say.
[<Sealed>]
type internal GroupRequests(options: PullConsumerOptions, clientId: string, subscriptionVersion: int64) =
    let filterOf topic =
        options.Subscriptions |> List.find (fst >> (=) topic) |> snd

    let groupQueue (queue: MessageQueue) : GroupQueue =
        {
            ConsumerGroup = options.Group
            Topic = queue.Topic
            QueueId = queue.QueueId
        }

    let membership: ConsumerMembership =
        {
            Group = options.Group
            Type = Actively
            Model = Clustering
            Start = FromLastOffset
            Subscriptions =
                [
                    for topic, filter in options.Subscriptions -> Subscription.create topic filter subscriptionVersion
                ]
            IsUnit = false
        }

    member _.Filter(topic: string) : Filter = filterOf topic

    member _.Heartbeat: Request<HeartbeatAnswer> =
        Heartbeat.send.Request
            {
                ClientId = clientId
                ProducerGroups = []
                Consumers = [ membership ]
                Fingerprint = None
                IsWithoutSubscriptions = None
            }

    member _.Leave: Request<unit> =
        Heartbeat.unregister.Request
            {
                ClientId = clientId
                ProducerGroup = None
                ConsumerGroup = Some options.Group
            }

    member _.Committed(queue: MessageQueue) : Request<int64 option> =
        Offsets.queryCommitted.Request
            {
                Queue = groupQueue queue
                ZeroIfNone = None
            }

    /// The end of a queue at which a group begins that has committed nothing.
    member _.Edge(queue: MessageQueue) : Request<int64> =
        let topicQueue: TopicQueue =
            {
                Topic = queue.Topic
                QueueId = queue.QueueId
            }

        match options.ConsumeFrom with
        | FirstOffset -> Offsets.min.Request topicQueue
        | LastOffset ->
            Offsets.max.Request
                {
                    Queue = topicQueue
                    IsCommitted = None
                }

    member _.Commit(queue: MessageQueue, offset: int64) : Request<unit> =
        Offsets.commit.Request
            {
                Queue = groupQueue queue
                Offset = offset
            }

    member _.Pull(queue: MessageQueue, offset: int64) : Request<PullAnswer> =
        Pull.messages.Request
            {
                ConsumerGroup = options.Group
                Topic = queue.Topic
                QueueId = queue.QueueId
                QueueOffset = offset
                MaxMessages = options.PullBatch
                CommitOffset = None
                Suspend = options.Suspend
                Filter = Some(filterOf queue.Topic)
                SubscriptionVersion = subscriptionVersion
                IsLite = false
                MaxBytes = None
                Source = None
                ProxiedClientId = None
            }
