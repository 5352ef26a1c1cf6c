namespace RocketMq.Client;

/// <summary>
/// Hands messages to a handler, so many at a time, and acknowledges what it has consumed. The members of a group share the
/// messages, not the queues: a slow one delays no other. Needs RocketMQ 5.0.
/// </summary>
public sealed class PopConsumer : IAsyncDisposable
{
    private readonly Lifetime<Core.PopConsumer> _lifetime;

    internal PopConsumer(string group, Func<Task<FSharpResult<Core.PopConsumer, Core.RemotingError>>> start) =>
        _lifetime = new($"The POP consumer of group {group}", start);

    /// <summary>Begins to set up a consumer of a group: 1 to 255 characters of a-z A-Z 0-9 % | - _.</summary>
    /// <exception cref="ArgumentException">The group's name is not valid.</exception>
    public static PopConsumerBuilder Create(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(Core.Names.checkOwnGroup(group).OrThrowArgument(nameof(group)));
    }

    /// <summary>It has been started, and may be closed since.</summary>
    public bool IsStarted => _lifetime.IsStarted;

    /// <summary>Joins the group and begins to hand messages to the handler, as <see cref="PopConsumerBuilder.StartAsync"/> does.</summary>
    /// <remarks>Does nothing if it has been started. May be repeated after a failure. Other calls start it by themselves.</remarks>
    /// <exception cref="InvalidRequestException">Settings do not go together.</exception>
    /// <exception cref="RocketMqException">A server refuses: the credentials, or an SQL92 expression.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up. What has been begun is ended in the background.</exception>
    public Task StartAsync(CancellationToken cancellationToken = default) => _lifetime.StartAsync(cancellationToken);

    /// <summary>Brokers know the consumer by this.</summary>
    public string ClientId => _lifetime.Inner.ClientId;

    /// <summary>What is popped now: queues, or whole brokers, which stand there with the number -1.</summary>
    public IReadOnlyList<MessageQueue> Assigned => [.. _lifetime.Inner.Assigned.Select(MessageQueue.FromCore)];

    /// <summary>How many messages are in flight: popped, and neither acknowledged nor lost.</summary>
    public int InFlight => _lifetime.Inner.InFlight;

    /// <summary>How many messages were handled and acknowledged since the start; brokers have taken it.</summary>
    public long Acknowledged => _lifetime.Inner.Acknowledged;

    /// <summary>How many messages come again because brokers could not be told of them in time, since the start.</summary>
    public long Lost => _lifetime.Inner.Lost;

    /// <summary>How often a message was hidden for longer because its handler was not done, since the start.</summary>
    public long Renewals => _lifetime.Inner.Renewals;

    /// <summary>Traces that were lost because they came too fast, or could not be stored. 0 without traces.</summary>
    public long DroppedTraces => _lifetime.Inner.DroppedTraces;

    /// <summary>What it is doing, and what it cannot do now.</summary>
    public PopConsumerHealth Health => new(_lifetime.Inner.Health);

    /// <summary>
    /// As <see cref="DisposeAsync"/>, but handlers are waited for until the token is cancelled, whatever the drain timeout says; then
    /// they are told to end by their tokens, what is consumed is committed, and the consumer is closed. It ends without an exception.
    /// Without a token the drain timeout counts.
    /// </summary>
    public Task StopAsync(CancellationToken cancellationToken = default) =>
        _lifetime.CloseAsync(inner => inner.Stop(cancellationToken));

    /// <summary>
    /// Pops nothing more, waits for handlers (see <see cref="PopConsumerBuilder.DrainTimeout"/>), sends back what is not handled
    /// then, leaves the group and closes the connections.
    /// </summary>
    public ValueTask DisposeAsync() => new(StopAsync());
}
