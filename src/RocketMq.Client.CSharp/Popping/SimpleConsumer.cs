namespace RocketMq.Client;

/// <summary>
/// Gets messages when it is asked to, and acknowledges each that is consumed. Others of the group do not get a message
/// meanwhile, for a time; then it comes again. Needs RocketMQ 5.0. Safe to use from any thread.
/// </summary>
public sealed class SimpleConsumer : IAsyncDisposable
{
    private readonly Lifetime<Core.SimpleConsumer> _lifetime;

    internal SimpleConsumer(string group, Func<Task<FSharpResult<Core.SimpleConsumer, Core.RemotingError>>> start) =>
        _lifetime = new($"The simple consumer of group {group}", start);

    /// <summary>Begins to set up a consumer of a group: 1 to 255 characters of a-z A-Z 0-9 % | - _.</summary>
    /// <exception cref="ArgumentException">The group's name is not valid.</exception>
    public static SimpleConsumerBuilder Create(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(Core.Names.checkOwnGroup(group).OrThrowArgument(nameof(group)));
    }

    /// <summary>It has been started, and may be closed since.</summary>
    public bool IsStarted => _lifetime.IsStarted;

    /// <summary>Joins the group, as <see cref="SimpleConsumerBuilder.StartAsync"/> does.</summary>
    /// <remarks>Does nothing if it has been started. May be repeated after a failure. Other calls start it by themselves.</remarks>
    /// <exception cref="InvalidRequestException">Settings do not go together.</exception>
    /// <exception cref="RocketMqException">A server refuses: the credentials, or an SQL92 expression.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up. What has been begun is ended in the background.</exception>
    public Task StartAsync(CancellationToken cancellationToken = default) => _lifetime.StartAsync(cancellationToken);

    /// <summary>Brokers know the consumer by this.</summary>
    public string ClientId => _lifetime.Inner.ClientId;

    /// <summary>
    /// Messages that others of the group do not get for a time; none if none came, see <see cref="SimpleConsumerBuilder.AwaitDuration"/>. If
    /// none of the topics can be read when that time is over, it ends with the reason.
    /// </summary>
    /// <param name="maxMessages">The most, from 1 on; brokers give out 32 at a time.</param>
    /// <param name="invisible">The time, from a second to twelve hours. Acknowledge within it.</param>
    /// <param name="cancellationToken">Gives up; messages that are on their way then come again after the time.</param>
    /// <exception cref="InvalidRequestException">A number is out of its range, or the consumer has been disposed of.</exception>
    /// <exception cref="RocketMqException">No broker could be asked.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<IReadOnlyList<LeasedMessage>> ReceiveAsync(
        int maxMessages, TimeSpan invisible, CancellationToken cancellationToken = default)
    {
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        var received = await inner.Receive(maxMessages, invisible, cancellationToken).ConfigureAwait(false);
        return [.. received.OrThrow(cancellationToken).Select(message => new LeasedMessage(message))];
    }

    /// <summary>Acknowledges the message.</summary>
    /// <exception cref="ReceiptExpiredException">Its time is over: it comes again.</exception>
    /// <exception cref="RocketMqException">The broker could not be told; try again.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; the broker may have been told.</exception>
    public async Task AckAsync(LeasedMessage message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        (await inner.Ack(message.Inner, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>As <see cref="AckAsync"/>, with one request to each broker. Gives those that failed.</summary>
    public async Task<IReadOnlyList<AckFailure>> AckAllAsync(
        IEnumerable<LeasedMessage> messages, CancellationToken cancellationToken = default)
    {
        var all = ListModule.OfSeq(Checked.All(messages).Select(message => message.Inner));
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        var failures = await inner.AckAll(all, cancellationToken).ConfigureAwait(false);
        return [.. failures.Select(failure => new AckFailure(new(failure.Message), failure.Error.ToException(cancellationToken)))];
    }

    /// <summary>
    /// Hides a message for a time from now on, longer or shorter, and gives it with its new receipt. The one before is dead: go on
    /// with what this gives.
    /// </summary>
    /// <exception cref="ReceiptExpiredException">Its time was over: it comes again.</exception>
    /// <exception cref="RocketMqException">The broker could not be told.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; the broker may have been told.</exception>
    public async Task<LeasedMessage> ChangeInvisibleDurationAsync(
        LeasedMessage message, TimeSpan time, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        return new((await inner.ChangeInvisible(message.Inner, time, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken));
    }

    /// <summary>What it is doing, and what it cannot do now.</summary>
    public SimpleConsumerHealth Health => new(_lifetime.Inner.Health);

    /// <summary>As <see cref="DisposeAsync"/>: there is nothing at work that it waits for, so the token changes nothing.</summary>
    public Task StopAsync(CancellationToken cancellationToken = default) =>
        _lifetime.CloseAsync(inner => inner.Close());

    /// <summary>Leaves the group and closes the connections. Messages that were not acknowledged come again.</summary>
    public ValueTask DisposeAsync() => new(StopAsync());
}
