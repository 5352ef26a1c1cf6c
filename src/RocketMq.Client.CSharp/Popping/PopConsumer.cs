namespace RocketMq.Client;

/// <summary>
/// Hands messages to a handler, so many at a time, and acknowledges what it has consumed. The members of a group share the
/// messages, not the queues: a slow one delays no other. Needs RocketMQ 5.0.
/// </summary>
public sealed class PopConsumer : IAsyncDisposable
{
    private readonly Core.PopConsumer _inner;

    internal PopConsumer(Core.PopConsumer inner) => _inner = inner;

    /// <summary>Begins to set up a consumer of a group: 1 to 255 characters of a-z A-Z 0-9 % | - _.</summary>
    /// <exception cref="ArgumentException">The group's name is not valid.</exception>
    public static PopConsumerBuilder Create(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(Core.Names.checkOwnGroup(group).OrThrowArgument(nameof(group)));
    }

    /// <summary>Brokers know the consumer by this.</summary>
    public string ClientId => _inner.ClientId;

    /// <summary>What is popped now: queues, or whole brokers, which stand there with the number -1.</summary>
    public IReadOnlyList<MessageQueue> Assigned => [.. _inner.Assigned.Select(MessageQueue.FromCore)];

    /// <summary>How many messages are in flight: popped, and neither acknowledged nor lost.</summary>
    public int InFlight => _inner.InFlight;

    /// <summary>How many messages were handled and acknowledged since the start; brokers have taken it.</summary>
    public long Acknowledged => _inner.Acknowledged;

    /// <summary>How many messages come again because brokers could not be told of them in time, since the start.</summary>
    public long Lost => _inner.Lost;

    /// <summary>How often a message was hidden for longer because its handler was not done, since the start.</summary>
    public long Renewals => _inner.Renewals;

    /// <summary>Traces that were lost because they came too fast, or could not be stored. 0 without traces.</summary>
    public long DroppedTraces => _inner.DroppedTraces;

    /// <summary>What it is doing, and what it cannot do now.</summary>
    public PopConsumerHealth Health => new(_inner.Health);

    /// <summary>
    /// Pops nothing more, waits for handlers (see <see cref="PopConsumerBuilder.DrainTimeout"/>), sends back what is not handled
    /// then, leaves the group and closes the connections.
    /// </summary>
    public ValueTask DisposeAsync() => new(_inner.Close());
}
