using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>
/// Has a handler work on the messages of its group. The members of a group share the queues; positions are committed as messages
/// are done with, never past one that is not; what fails comes again, and goes to the dead letters in the end. Safe to use from
/// any thread.
/// </summary>
public sealed class PushConsumer : IAsyncDisposable
{
    private readonly Core.PushConsumer _inner;

    internal PushConsumer(Core.PushConsumer inner) => _inner = inner;

    /// <summary>Begins to set up a consumer of a group: 1 to 255 characters of a-z A-Z 0-9 % | - _.</summary>
    /// <exception cref="ArgumentException">The group's name is not valid.</exception>
    public static PushConsumerBuilder Create(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(Core.Names.checkOwnGroup(group).OrThrowArgument(nameof(group)));
    }

    /// <summary>What brokers know this member by.</summary>
    public string ClientId => _inner.ClientId;

    /// <summary>What it is doing.</summary>
    public PushConsumerHealth Health => new(_inner.Health);

    /// <summary>Reads another topic too, or changes what is wanted of one. All members of the group must do the same.</summary>
    /// <exception cref="RocketMqException">The name is not valid, or no name server can be asked.</exception>
    public async Task SubscribeAsync(string topic, string tags = "*", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(tags);
        cancellationToken.ThrowIfCancellationRequested();
        (await _inner.Subscribe(topic, Core.Filter.NewByTag(tags)).ConfigureAwait(false)).OrThrow();
    }

    /// <summary>As <see cref="SubscribeAsync"/>, by an SQL92 expression over properties.</summary>
    /// <exception cref="RocketMqException">The name is not valid, a broker does not take the expression, or none can be asked.</exception>
    public async Task SubscribeSql92Async(string topic, string expression, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(expression);
        cancellationToken.ThrowIfCancellationRequested();
        (await _inner.Subscribe(topic, Core.Filter.NewBySql92(expression)).ConfigureAwait(false)).OrThrow();
    }

    /// <summary>Reads a topic no more. All members of the group must do the same.</summary>
    public Task UnsubscribeAsync(string topic, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        cancellationToken.ThrowIfCancellationRequested();
        return _inner.Unsubscribe(topic);
    }

    /// <summary>
    /// Nothing is pulled and no handler begins until <see cref="Resume"/>; handlers at work go on. The member keeps its queues.
    /// </summary>
    public void Pause() => _inner.Pause();

    /// <summary>Goes on after <see cref="Pause"/>.</summary>
    public void Resume() => _inner.Resume();

    /// <summary>Commits what is done with now, in place of waiting for the interval.</summary>
    public Task CommitAsync(CancellationToken cancellationToken = default) => _inner.Commit(cancellationToken);

    /// <summary>
    /// Stops: no handler begins; those at work may end within <see cref="PushConsumerBuilder.DrainTimeout"/>, and are told to by
    /// their tokens then. What is done with is committed, locks are given back, brokers are told, connections closed.
    /// </summary>
    public ValueTask DisposeAsync() => new(_inner.Close());
}
