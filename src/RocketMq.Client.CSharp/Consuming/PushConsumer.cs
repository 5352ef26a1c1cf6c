namespace RocketMq.Client;

/// <summary>
/// Has a handler work on the messages of its group. The members of a group share the queues; offsets are committed as messages
/// are consumed, never past one that is not; what fails comes again, and goes to the dead letters in the end. Safe to use from
/// any thread.
/// </summary>
public sealed class PushConsumer : IAsyncDisposable
{
    private readonly Lifetime<Core.PushConsumer> _lifetime;

    internal PushConsumer(string group, Func<Task<FSharpResult<Core.PushConsumer, Core.RemotingError>>> start) =>
        _lifetime = new($"The push consumer of group {group}", start);

    /// <summary>Begins to set up a consumer of a group: 1 to 255 characters of a-z A-Z 0-9 % | - _.</summary>
    /// <exception cref="ArgumentException">The group's name is not valid.</exception>
    public static PushConsumerBuilder Create(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(Core.Names.checkOwnGroup(group).OrThrowArgument(nameof(group)));
    }

    /// <summary>It has been started, and may be closed since.</summary>
    public bool IsStarted => _lifetime.IsStarted;

    /// <summary>Joins the group and begins to read, as <see cref="PushConsumerBuilder.StartAsync"/> does.</summary>
    /// <remarks>Does nothing if it has been started. May be repeated after a failure. Other calls start it by themselves.</remarks>
    /// <exception cref="InvalidRequestException">Settings do not go together.</exception>
    /// <exception cref="RocketMqException">A server refuses: the credentials, or an SQL92 expression.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up. What has been begun is ended in the background.</exception>
    public Task StartAsync(CancellationToken cancellationToken = default) => _lifetime.StartAsync(cancellationToken);

    /// <summary>What brokers know this member by.</summary>
    public string ClientId => _lifetime.Inner.ClientId;

    /// <summary>What it is doing.</summary>
    public PushConsumerHealth Health => new(_lifetime.Inner.Health);

    /// <summary>Reads another topic too, or changes what is wanted of one. All members of the group must do the same.</summary>
    /// <exception cref="RocketMqException">The name is not valid, or no name server can be asked.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; it may happen all the same.</exception>
    public async Task SubscribeAsync(string topic, string tags = "*", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(tags);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        var changing = inner.Subscribe(topic, Core.Filter.NewByTag(tags));
        (await changing.WaitAsync(cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>As <see cref="SubscribeAsync"/>, by an SQL92 expression over properties.</summary>
    /// <exception cref="RocketMqException">The name is not valid, a broker does not take the expression, or none can be asked.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; it may happen all the same.</exception>
    public async Task SubscribeSql92Async(string topic, string expression, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(expression);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        var changing = inner.Subscribe(topic, Core.Filter.NewBySql92(expression));
        (await changing.WaitAsync(cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>Reads a topic no more. All members of the group must do the same.</summary>
    /// <exception cref="OperationCanceledException">The caller gave up; it may happen all the same.</exception>
    public async Task UnsubscribeAsync(string topic, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        await inner.Unsubscribe(topic).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Nothing is pulled and no handler begins until <see cref="Resume"/>; handlers at work go on. The member keeps its queues.
    /// </summary>
    public void Pause()
    {
        var inner = _lifetime.Open();
        inner.Pause();
    }

    /// <summary>Goes on after <see cref="Pause"/>.</summary>
    public void Resume()
    {
        var inner = _lifetime.Open();
        inner.Resume();
    }

    /// <summary>Commits what is consumed now, in place of waiting for the interval.</summary>
    /// <exception cref="OperationCanceledException">The caller gave up; it may happen all the same.</exception>
    public async Task CommitAsync(CancellationToken cancellationToken = default)
    {
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        await inner.Commit(cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false);

        // What was cut short by the token ends without a word.
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>
    /// As <see cref="DisposeAsync"/>, but handlers are waited for until the token is cancelled, whatever the drain timeout says; then
    /// they are told to end by their tokens, what is consumed is committed, and the consumer is closed. It ends without an exception.
    /// Without a token the drain timeout counts.
    /// </summary>
    public Task StopAsync(CancellationToken cancellationToken = default) =>
        _lifetime.CloseAsync(inner => inner.Stop(cancellationToken));

    /// <summary>
    /// Stops: no handler begins; those at work may end within <see cref="PushConsumerBuilder.DrainTimeout"/>, and are told to by
    /// their tokens then. What is consumed is committed, locks are released, brokers are told, connections closed.
    /// </summary>
    public ValueTask DisposeAsync() => new(StopAsync());
}
