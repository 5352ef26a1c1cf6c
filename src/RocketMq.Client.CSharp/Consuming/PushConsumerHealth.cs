namespace RocketMq.Client;

/// <summary>What a <see cref="PushConsumer"/> is doing. Counts are messages since its start.</summary>
public sealed class PushConsumerHealth : ClientHealth
{
    private readonly Core.PushConsumerHealth _inner;

    internal PushConsumerHealth(Core.PushConsumerHealth inner) : base(inner.IsHealthy, inner.Problems) => _inner = inner;

    /// <summary>The queues that it pulls.</summary>
    public IReadOnlyList<QueueHealth> Queues => [.. _inner.Queues.Select(queue => new QueueHealth(queue))];

    /// <summary>
    /// What it pops because brokers hand it out so, see <see cref="PushConsumerBuilder.ClientRebalance"/>: queues, or all of a broker's, with the queue
    /// id -1.
    /// </summary>
    public IReadOnlyList<MessageQueue> Popped => [.. _inner.Popped.Select(MessageQueue.FromCore)];

    /// <summary>Handled with success.</summary>
    public long Consumed => _inner.Consumed;

    /// <summary>Handled without success.</summary>
    public long Failed => _inner.Failed;

    /// <summary>Sent back to brokers, to be had again or as dead letters.</summary>
    public long SentBack => _inner.SentBack;

    /// <summary>To be retried by this consumer, as no broker took them back.</summary>
    public long RetriedLocally => _inner.RetriedLocally;

    /// <summary>Handlers, now, that have taken longer than the consume timeout.</summary>
    public int StuckHandlers => _inner.StuckHandlers;

    /// <summary>Handlers, ever, that took longer.</summary>
    public long OverdueHandlers => _inner.OverdueHandlers;

    /// <summary>Handlers, ever, that did not return when they were told to, so that their messages were sent back.</summary>
    public long AbandonedHandlers => _inner.AbandonedHandlers;

    /// <summary>How often pulling of a queue was begun again because nothing was pulled though there was room.</summary>
    public long RestartedQueues => _inner.RestartedQueues;

    /// <summary>Traces that were lost because they came too fast, or could not be stored. 0 without traces.</summary>
    public long DroppedTraces => _inner.DroppedTraces;

    /// <summary>It is paused.</summary>
    public bool IsPaused => _inner.IsPaused;
}

/// <summary>One queue that a consumer reads.</summary>
public sealed class QueueHealth
{
    private readonly Core.QueueHealth _inner;

    internal QueueHealth(Core.QueueHealth inner) => _inner = inner;

    /// <summary>The queue.</summary>
    public MessageQueue Queue => MessageQueue.FromCore(_inner.Queue);

    /// <summary>Where the next pull begins.</summary>
    public long Next => _inner.Next;

    /// <summary>Everything before it is consumed.</summary>
    public long Committable => _inner.Committable;

    /// <summary>What the group has committed, as far as this member knows; null if it has committed nothing.</summary>
    public long? Committed => _inner.Committed?.Value;

    /// <summary>
    /// Where the queue ends: the offset that the next stored message will have, as a broker said with its last answer to a pull; null
    /// before the first.
    /// </summary>
    public long? MaxOffset => _inner.MaxOffset?.Value;

    /// <summary>
    /// How many messages are stored and not consumed, those that a filter leaves out included: from <see cref="Committable"/> to
    /// <see cref="MaxOffset"/>; null if the latter is not known.
    /// </summary>
    public long? Lag => _inner.Lag?.Value;

    /// <summary>Records that could not be read, and were passed.</summary>
    public long Damaged => _inner.Damaged;

    /// <summary>Messages that are not consumed, those that handlers work on included.</summary>
    public int CachedMessages => _inner.CachedMessages;

    /// <summary>Bytes of their bodies as stored.</summary>
    public long CachedBytes => _inner.CachedBytes;

    /// <summary>Messages that handlers work on.</summary>
    public int Running => _inner.Running;

    /// <summary>It holds as much as it may, so nothing is pulled.</summary>
    public bool IsFull => _inner.IsFull;

    /// <summary>Since the last pull ended.</summary>
    public TimeSpan SincePull => _inner.SincePull;

    /// <summary>Since the last handler ended.</summary>
    public TimeSpan SinceConsume => _inner.SinceConsume;

    /// <summary>Of a consumer in order: whether it may deliver messages now.</summary>
    public bool IsLocked => _inner.IsLocked;
}
