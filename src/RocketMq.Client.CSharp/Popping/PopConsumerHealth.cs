namespace RocketMq.Client;

/// <summary>What a <see cref="PopConsumer"/> is doing. Counts are messages since its start.</summary>
public sealed class PopConsumerHealth : ClientHealth
{
    private readonly Core.PopConsumerHealth _inner;

    internal PopConsumerHealth(Core.PopConsumerHealth inner) : base(inner.IsHealthy, inner.Problems) => _inner = inner;

    /// <summary>Since a broker last did what it was asked; null if none has.</summary>
    public TimeSpan? SinceSuccess => _inner.SinceSuccess?.Value;

    /// <summary>What failed last, mended meanwhile or not, and how long ago; null if nothing has.</summary>
    public ClientProblem? LastFailure => ClientProblem.From(_inner.LastFailure);

    /// <summary>What it is assigned and pops: queues, or whole brokers, which stand there with the number -1.</summary>
    public IReadOnlyList<MessageQueue> Queues => [.. _inner.Queues.Select(MessageQueue.FromCore)];

    /// <summary>Messages that are popped, and neither acknowledged nor sent back.</summary>
    public int InFlight => _inner.InFlight;

    /// <summary>Those of them that handlers work on.</summary>
    public int Running => _inner.Running;

    /// <summary>Handled with success.</summary>
    public long Consumed => _inner.Consumed;

    /// <summary>Handled without success.</summary>
    public long Failed => _inner.Failed;

    /// <summary>Brokers have taken their acknowledgement.</summary>
    public long Acknowledged => _inner.Acknowledged;

    /// <summary>They come again, as brokers could not be told of them in time.</summary>
    public long Lost => _inner.Lost;

    /// <summary>How often a message was hidden for longer because its handler was not done.</summary>
    public long Renewals => _inner.Renewals;

    /// <summary>Handlers, now, that have taken longer than the consume timeout.</summary>
    public int StuckHandlers => _inner.StuckHandlers;

    /// <summary>Handlers, ever, that took longer.</summary>
    public long OverdueHandlers => _inner.OverdueHandlers;

    /// <summary>Handlers, ever, that did not return when they were told to, so that their messages come again.</summary>
    public long AbandonedHandlers => _inner.AbandonedHandlers;

    /// <summary>Traces that were lost because they came too fast, or could not be stored. 0 without traces.</summary>
    public long DroppedTraces => _inner.DroppedTraces;
}

/// <summary>What a <see cref="SimpleConsumer"/> is doing. Counts are messages since its start.</summary>
public sealed class SimpleConsumerHealth : ClientHealth
{
    private readonly Core.SimpleConsumerHealth _inner;

    internal SimpleConsumerHealth(Core.SimpleConsumerHealth inner) : base(inner.IsHealthy, inner.Problems) => _inner = inner;

    /// <summary>Since a broker last did what it was asked; null if none has.</summary>
    public TimeSpan? SinceSuccess => _inner.SinceSuccess?.Value;

    /// <summary>What failed last, mended meanwhile or not, and how long ago; null if nothing has.</summary>
    public ClientProblem? LastFailure => ClientProblem.From(_inner.LastFailure);

    /// <summary>What it asks for messages: brokers, each with the topic and the number -1.</summary>
    public IReadOnlyList<MessageQueue> Queues => [.. _inner.Queues.Select(MessageQueue.FromCore)];

    /// <summary>Messages that were received, are not acknowledged, and have not expired.</summary>
    public int InFlight => _inner.InFlight;

    /// <summary>Brokers have taken their acknowledgement.</summary>
    public long Acknowledged => _inner.Acknowledged;
}
