namespace RocketMq.Client;

/// <summary>What a <see cref="PullConsumer"/> is doing.</summary>
public sealed class PullConsumerHealth
{
    private readonly Core.PullConsumerHealth _inner;

    internal PullConsumerHealth(Core.PullConsumerHealth inner) => _inner = inner;

    /// <summary>It can do its work now: nothing that it tried last has failed.</summary>
    public bool IsHealthy => _inner.IsHealthy;

    /// <summary>What it cannot do now.</summary>
    public IReadOnlyList<ClientProblem> Problems => ClientProblem.From(_inner.Problems);

    /// <summary>The queues that it reads.</summary>
    public IReadOnlyList<QueueHealth> Queues => [.. _inner.Queues.Select(queue => new QueueHealth(queue))];
}
