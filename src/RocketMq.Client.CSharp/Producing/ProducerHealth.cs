namespace RocketMq.Client;

/// <summary>What a <see cref="Producer"/> or a <see cref="TransactionProducer"/> is doing, and whether it could send now.</summary>
/// <remarks>
/// What keeps it from sending now, of the topics in use: their routes are not known, none of their masters can be reached, or no
/// name server answers. A broker beside others that can be reached is none. It learns of brokers by sends and, without them, by
/// heartbeats every 30 s. A producer that has not sent yet has not queried a name server.
/// </remarks>
public sealed class ProducerHealth : ClientHealth
{
    private readonly Core.ProducerHealth _inner;

    internal ProducerHealth(Core.ProducerHealth inner) : base(inner.IsHealthy, inner.Problems) => _inner = inner;

    /// <summary>Since a broker last stored a message; null if none has.</summary>
    public TimeSpan? SinceSuccess => _inner.SinceSuccess is { } since ? since.Value : null;

    /// <summary>Which attempt to send, or to reach a broker, failed last, mended meanwhile or not, and how long ago; null if none has.</summary>
    public ClientProblem? LastFailure => ClientProblem.From(_inner.LastFailure);

    /// <summary>Messages on their way, those that wait for room included.</summary>
    public int OnTheirWay => _inner.OnTheirWay;

    /// <summary>The brokers that messages avoid now, because they failed or were slow.</summary>
    public IReadOnlyList<AvoidedBroker> AvoidedBrokers => [.. _inner.AvoidedBrokers.Select(AvoidedBroker.FromCore)];

    /// <summary>Traces that were lost because they came too fast, or could not be stored. 0 without traces.</summary>
    public long DroppedTraces => _inner.DroppedTraces;
}
