namespace RocketMq.Client;

/// <summary>What a consumer tells brokers of its group, in a heartbeat.</summary>
/// <param name="Group">The group.</param>
/// <param name="Subscriptions">Tag expressions ("*", "a || b") by topic.</param>
public sealed record HeartbeatConsumer(string Group, IReadOnlyDictionary<string, string> Subscriptions);

/// <summary>
/// Requests by name, for <see cref="RemotingClient.InvokeAsync"/>. Each throws <see cref="ArgumentException"/> for a topic,
/// group or text that no server takes.
/// </summary>
public static class Requests
{
    /// <summary>SEND_MESSAGE_V2 (310): what producers send.</summary>
    public static Command SendMessageV2(string producerGroup, Message message, int queueId, string brokerName = "") =>
        From(Core.Protocol.Send.message, Send(producerGroup, message, queueId, brokerName));

    /// <summary>SEND_MESSAGE (10): the same with fields that have long names.</summary>
    public static Command SendMessage(string producerGroup, Message message, int queueId, string brokerName = "") =>
        From(Core.Protocol.Send.withLongNames, Send(producerGroup, message, queueId, brokerName));

    /// <summary>SEND_BATCH_MESSAGE (320): several messages to one topic.</summary>
    public static Command SendBatch(
        string producerGroup, IReadOnlyCollection<Message> messages, int queueId, string brokerName = "")
    {
        ArgumentNullException.ThrowIfNull(messages);
        var topics = messages.Select(message => message.Topic).Distinct(StringComparer.Ordinal).ToList();

        if (topics.Count != 1)
        {
            throw new ArgumentException($"A batch has messages to one topic; these are to {topics.Count}.", nameof(messages));
        }

        var body = Core.Protocol.BatchCodec.encode(ListModule.OfSeq(messages.Select(message => message.Inner)));

        if (body.IsError)
        {
            throw new ArgumentException(body.ErrorValue.Message, nameof(messages));
        }

        var empty = Core.MessageModule.create(topics[0], body.ResultValue);
        return From(Core.Protocol.Send.batch, Send(producerGroup, new Message(empty), queueId, brokerName, isBatch: true));
    }

    /// <summary>
    /// PULL_MESSAGE (11). Without tags the broker filters as the group's last heartbeat said. Give the call more time than
    /// the broker may wait.
    /// </summary>
    public static Command PullMessage(
        string consumerGroup,
        string topic,
        int queueId,
        long offset,
        int maxMessages = 32,
        TimeSpan? suspend = null,
        string? tags = null,
        long? commitOffset = null) =>
        From(Core.Protocol.Pull.messages, new Core.Protocol.PullRequest(
            consumerGroup: NotNull(consumerGroup),
            topic: NotNull(topic),
            queueId: queueId,
            queueOffset: offset,
            maxMessages: maxMessages,
            commitOffset: commitOffset is { } commit ? FSharpOption<long>.Some(commit) : null,
            longPollTimeout: suspend ?? TimeSpan.Zero,
            filter: tags is null ? null : FSharpOption<Core.Filter>.Some(Core.Filter.NewByTag(tags)),
            subscriptionVersion: 0,
            isLite: false,
            maxBytes: null,
            source: null,
            proxiedClientId: null));

    /// <summary>GET_CONSUMER_LIST_BY_GROUP (38): the members of a group.</summary>
    public static Command ConsumerList(string consumerGroup) => From(Core.Protocol.HeartbeatModule.members, NotNull(consumerGroup));

    /// <summary>GET_MAX_OFFSET (30): the offset that the next message will have.</summary>
    public static Command MaxOffset(string topic, int queueId) =>
        From(Core.Protocol.Offsets.max, new Core.Protocol.MaxOffsetQuery(Queue(topic, queueId), null));

    /// <summary>GET_MIN_OFFSET (31): the offset of the first message that is still there.</summary>
    public static Command MinOffset(string topic, int queueId) => From(Core.Protocol.Offsets.min, Queue(topic, queueId));

    /// <summary>QUERY_CONSUMER_OFFSET (14). QueryNotFound is a normal answer: the group has committed nothing.</summary>
    public static Command QueryConsumerOffset(string consumerGroup, string topic, int queueId) =>
        From(Core.Protocol.Offsets.queryCommitted, new Core.Protocol.CommittedOffsetQuery(Queue(consumerGroup, topic, queueId), null));

    /// <summary>UPDATE_CONSUMER_OFFSET (15): the next offset to consume.</summary>
    public static Command UpdateConsumerOffset(string consumerGroup, string topic, int queueId, long offset) =>
        From(Core.Protocol.Offsets.commit, new Core.Protocol.OffsetCommit(Queue(consumerGroup, topic, queueId), offset));

    /// <summary>SEARCH_OFFSET_BY_TIMESTAMP (29): where messages stored at or after a time begin.</summary>
    public static Command SearchOffset(string topic, int queueId, DateTimeOffset storedAt) =>
        From(Core.Protocol.Offsets.search, new Core.Protocol.OffsetSearch(Queue(topic, queueId), storedAt.ToUnixTimeMilliseconds(), null));

    /// <summary>GET_ROUTEINFO_BY_TOPIC (105), to a name server; asks for standard JSON.</summary>
    public static Command RouteInfo(string topic) =>
        From(Core.Protocol.GetRoute.operation, new Core.Protocol.RouteQuery(NotNull(topic), FSharpOption<bool>.Some(true)));

    /// <summary>GET_BROKER_CLUSTER_INFO (106), to a name server.</summary>
    public static Command ClusterInfo() => new(Core.Protocol.Cluster.info.Request(null!).Command);

    /// <summary>GET_ALL_TOPIC_LIST_FROM_NAMESERVER (206), to a name server.</summary>
    public static Command AllTopicList() => new(Core.Protocol.NameServerTopics.all.Request(null!).Command);

    /// <summary>HEART_BEAT (34), to every broker that a client uses.</summary>
    public static Command Heartbeat(
        string clientId, IEnumerable<string>? producerGroups = null, IEnumerable<HeartbeatConsumer>? consumers = null)
    {
        var version = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

        return From(Core.Protocol.HeartbeatModule.send, new Core.Protocol.Heartbeat(
            clientId: NotNull(clientId),
            producerGroups: ListModule.OfSeq(producerGroups ?? []),
            consumers: ListModule.OfSeq((consumers ?? []).Select(consumer => new Core.Protocol.ConsumerMembership(
                group: consumer.Group,
                type: Core.Protocol.ConsumeType.ConsumePassively,
                model: Core.Protocol.MessageModel.Clustering,
                start: Core.Protocol.ConsumeFromWhere.FromLastOffset,
                subscriptions: ListModule.OfSeq(consumer.Subscriptions.Select(subscription =>
                    Core.Protocol.SubscriptionModule.create(subscription.Key, Core.Filter.NewByTag(subscription.Value), version))),
                isUnit: false))),
            fingerprint: null,
            isWithoutSubscriptions: null));
    }

    /// <summary>UNREGISTER_CLIENT (35): forget a client as a producer, a consumer, or both.</summary>
    public static Command UnregisterClient(string clientId, string? producerGroup = null, string? consumerGroup = null) =>
        From(Core.Protocol.HeartbeatModule.unregister, new Core.Protocol.Departure(NotNull(clientId), Option(producerGroup), Option(consumerGroup)));

    /// <summary>END_TRANSACTION (37), one-way, to the broker of the half message.</summary>
    public static Command EndTransaction(
        string producerGroup,
        TransactionDecision decision,
        long queueOffset,
        long commitLogOffset,
        string messageId,
        bool isCheckAnswer = false,
        string? transactionId = null) =>
        new(Core.Protocol.Command.asOneWay(From(Core.Protocol.Transactions.finish, new Core.Protocol.EndTransaction(
            topic: null,
            producerGroup: NotNull(producerGroup),
            queueOffset: queueOffset,
            commitLogOffset: commitLogOffset,
            decision: decision.ToCore(),
            isCheckAnswer: FSharpOption<bool>.Some(isCheckAnswer),
            messageId: NotNull(messageId),
            transactionId: Option(transactionId))).Inner));

    /// <summary>
    /// CHECK_TRANSACTION_STATE (39): what a broker asks a producer, for those who test as a broker. A producer answers with
    /// <see cref="EndTransaction"/>.
    /// </summary>
    public static Command CheckTransactionState(
        long queueOffset, long commitLogOffset, string? messageId, string? offsetMessageId, ReadOnlyMemory<byte> record) =>
        new(Core.Protocol.Command.asOneWay(From(Core.Protocol.Transactions.check, new Core.Protocol.TransactionCheck(
            topic: null,
            queueOffset: queueOffset,
            commitLogOffset: commitLogOffset,
            messageId: Option(messageId),
            transactionId: Option(messageId),
            offsetMessageId: Option(offsetMessageId),
            record: record)).Inner));

    /// <summary>
    /// CONSUMER_SEND_MSG_BACK (36), to the broker that stores the message: have it again later. Delay level -1 sends it to the
    /// dead letters at once, 0 leaves the choice to the broker.
    /// </summary>
    public static Command SendMessageBack(
        string consumerGroup,
        long commitLogOffset,
        int delayLevel = 0,
        string? originMessageId = null,
        string? originTopic = null,
        int? maxReconsumeTimes = null) =>
        From(Core.Protocol.SendBack.operation, new Core.Protocol.SendBackRequest(
            commitLogOffset: commitLogOffset,
            group: NotNull(consumerGroup),
            delayLevel: delayLevel,
            originMessageId: Option(originMessageId),
            originTopic: Option(originTopic),
            isUnit: FSharpOption<bool>.Some(false),
            maxReconsumeTimes: maxReconsumeTimes is { } times ? FSharpOption<int>.Some(times) : null));

    /// <summary>GET_CONSUMER_RUNNING_INFO (307), to a broker, which asks the consumer.</summary>
    public static Command ConsumerRunningInfo(string consumerGroup, string clientId, bool withStacks = false) =>
        From(Core.Protocol.RunningInfo.operation, new Core.Protocol.RunningInfoQuery(
            NotNull(consumerGroup), NotNull(clientId), FSharpOption<bool>.Some(withStacks)));

    /// <summary>CONSUME_MESSAGE_DIRECTLY (309), to a broker, which has the consumer consume the message now.</summary>
    public static Command ConsumeMessageDirectly(string consumerGroup, string clientId, string messageId, string? topic = null) =>
        From(Core.Protocol.DirectConsumptionModule.operation, new Core.Protocol.DirectConsumption(
            consumerGroup: NotNull(consumerGroup),
            clientId: Option(NotNull(clientId)),
            messageId: Option(NotNull(messageId)),
            brokerName: null,
            topic: Option(topic),
            topicSysFlag: null,
            groupSysFlag: null,
            record: default));

    /// <summary>UPDATE_AND_CREATE_TOPIC (17), to each master. Attributes are "+name=value,-name", since 5.0.</summary>
    public static Command CreateTopic(
        string topic, int readQueues = 4, int writeQueues = 4, bool isOrdered = false, string? attributes = null) =>
        From(Core.Protocol.Admin.Topics.create, new Core.Protocol.Admin.CreateTopic(
            topic: NotNull(topic),
            defaultTopic: Core.Protocol.Send.defaultTopic,
            readQueues: readQueues,
            writeQueues: writeQueues,
            permission: 6,
            filterType: Core.Protocol.Admin.TopicFilterType.SingleTag,
            sysFlag: FSharpOption<int>.Some(0),
            isOrderly: isOrdered,
            attributes: Option(attributes),
            isForced: null));

    /// <summary>DELETE_TOPIC_IN_BROKER (215), to each broker; then <see cref="DeleteTopicInNameServer"/>.</summary>
    public static Command DeleteTopic(string topic) => From(Core.Protocol.Admin.Topics.delete, NotNull(topic));

    /// <summary>DELETE_TOPIC_IN_NAMESRV (216), to each name server.</summary>
    public static Command DeleteTopicInNameServer(string topic, string? clusterName = null) =>
        From(Core.Protocol.NameServerTopics.delete, new Core.Protocol.TopicRemoval(NotNull(topic), Option(clusterName)));

    /// <summary>QUERY_MESSAGE (12), to every broker of the topic: messages that bear a key, or have a unique id.</summary>
    public static Command QueryMessage(
        string topic, string key, DateTimeOffset from, DateTimeOffset to, int maxMessages = 32, bool isUniqueId = false) =>
        From(Core.Protocol.Admin.MessageQuery.byKey, new Core.Protocol.Admin.KeyQuery(
            topic: NotNull(topic),
            key: NotNull(key),
            maxMessages: maxMessages,
            beginMillis: from.ToUnixTimeMilliseconds(),
            endMillis: to.ToUnixTimeMilliseconds(),
            isUniqueId: FSharpOption<bool>.Some(isUniqueId)));

    /// <summary>VIEW_MESSAGE_BY_ID (33), to the broker that an offset id names: the message at a place of the commit log.</summary>
    public static Command ViewMessage(long commitLogOffset) =>
        From(Core.Protocol.Admin.MessageQuery.byOffset, new Core.Protocol.Admin.MessageView(null, commitLogOffset));

    /// <summary>INVOKE_BROKER_TO_RESET_OFFSET (222), to each master: a group is to go on at a time; null is the end.</summary>
    public static Command ResetOffset(string consumerGroup, string topic, DateTimeOffset? to, bool isForced = true) =>
        From(Core.Protocol.ConsumerOffsets.resetAll, new Core.Protocol.OffsetReset(
            group: NotNull(consumerGroup),
            topic: NotNull(topic),
            queueId: null,
            offset: null,
            timestampMillis: to?.ToUnixTimeMilliseconds() ?? -1,
            isForced: isForced));

    /// <summary>LOCK_BATCH_MQ (41), to the master: queues that one member of a group wants for itself.</summary>
    public static Command LockQueues(string consumerGroup, string clientId, IEnumerable<MessageQueue> queues) =>
        From(Core.Protocol.QueueLocks.acquire, Locks(consumerGroup, clientId, queues));

    /// <summary>UNLOCK_BATCH_MQ (42): gives queues back.</summary>
    public static Command UnlockQueues(string consumerGroup, string clientId, IEnumerable<MessageQueue> queues) =>
        From(Core.Protocol.QueueLocks.release, Locks(consumerGroup, clientId, queues));

    /// <summary>NOTIFY_CONSUMER_IDS_CHANGED (40): what a broker tells the members of a group, for those who test as a broker.</summary>
    public static Command NotifyConsumerIdsChanged(string consumerGroup) =>
        new(Core.Protocol.Command.asOneWay(From(Core.Protocol.ConsumerOffsets.membersChanged, NotNull(consumerGroup)).Inner));

    private static Command From<TQuery, TAnswer>(Core.Protocol.Operation<TQuery, TAnswer> operation, TQuery query)
    {
        var command = operation.Request(query).Command;
        var fault = command.Fields.Fault;
        return fault.IsSome ? throw new ArgumentException(fault.Value.Message) : new(command);
    }

    private static Core.Protocol.SendRequest Send(
        string producerGroup, Message message, int queueId, string brokerName, bool isBatch = false)
    {
        ArgumentNullException.ThrowIfNull(message);

        return new(
            producerGroup: NotNull(producerGroup),
            topic: message.Inner.Topic,
            defaultTopic: Core.Protocol.Send.defaultTopic,
            defaultTopicQueues: Core.Protocol.Send.defaultTopicQueues,
            queueId: queueId,
            sysFlag: 0,
            bornTimestamp: DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
            flag: message.Inner.Flag,
            properties: message.Inner.Properties,
            reconsumeTimes: 0,
            isUnit: false,
            maxReconsumeTimes: null,
            brokerName: NotNull(brokerName),
            isBatch: isBatch,
            body: message.Inner.Body);
    }

    private static Core.Protocol.LockRequest Locks(string consumerGroup, string clientId, IEnumerable<MessageQueue> queues)
    {
        ArgumentNullException.ThrowIfNull(queues);

        return new(
            NotNull(consumerGroup),
            NotNull(clientId),
            ListModule.OfSeq(queues.Select(queue => new Core.MessageQueue(queue.Topic, queue.BrokerName, queue.QueueId))),
            onlyThisBroker: null);
    }

    private static Core.Protocol.TopicQueue Queue(string topic, int queueId) => new(NotNull(topic), queueId);

    private static Core.Protocol.GroupQueue Queue(string group, string topic, int queueId) =>
        new(NotNull(group), NotNull(topic), queueId);

    private static string NotNull(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return value;
    }

    private static FSharpOption<string>? Option(string? value) =>
        value is null ? null : FSharpOption<string>.Some(value);
}
