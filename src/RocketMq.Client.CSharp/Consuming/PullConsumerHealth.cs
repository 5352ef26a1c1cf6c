namespace RocketMq.Client;

/// <summary>What a <see cref="PullConsumer"/> is doing.</summary>
public sealed class PullConsumerHealth : ClientHealth
{
    private readonly Core.PullConsumerHealth _inner;

    internal PullConsumerHealth(Core.PullConsumerHealth inner) : base(inner.IsHealthy, inner.Problems) => _inner = inner;

    /// <summary>The queues that it reads.</summary>
    public IReadOnlyList<QueueHealth> Queues => [.. _inner.Queues.Select(queue => new QueueHealth(queue))];

    /// <summary>Traces that were lost because they came too fast, or could not be stored. 0 without traces.</summary>
    public long DroppedTraces => _inner.DroppedTraces;
}
