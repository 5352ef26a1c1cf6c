namespace RocketMq.Client;

/// <summary>
/// Gets messages when it is asked to, and acknowledges each that is consumed. Others of the group do not get a message
/// meanwhile, for a time; then it comes again. Needs RocketMQ 5.0. Safe to use from any thread.
/// </summary>
public sealed class SimpleConsumer : IAsyncDisposable
{
    private readonly Core.SimpleConsumer _inner;
    private readonly Lifetime _lifetime;

    internal SimpleConsumer(Core.SimpleConsumer inner, string group) =>
        (_inner, _lifetime) = (inner, new($"The simple consumer of group {group}"));

    /// <summary>Begins to set up a consumer of a group: 1 to 255 characters of a-z A-Z 0-9 % | - _.</summary>
    /// <exception cref="ArgumentException">The group's name is not valid.</exception>
    public static SimpleConsumerBuilder Create(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(Core.Names.checkOwnGroup(group).OrThrowArgument(nameof(group)));
    }

    /// <summary>Brokers know the consumer by this.</summary>
    public string ClientId => _inner.ClientId;

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
        _lifetime.Require(cancellationToken);
        var received = await _inner.Receive(maxMessages, invisible, cancellationToken).ConfigureAwait(false);
        return [.. received.OrThrow(cancellationToken).Select(message => new LeasedMessage(message))];
    }

    /// <summary>Acknowledges the message.</summary>
    /// <exception cref="ReceiptExpiredException">Its time is over: it comes again.</exception>
    /// <exception cref="RocketMqException">The broker could not be told; try again.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; the broker may have been told.</exception>
    public async Task AckAsync(LeasedMessage message, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        _lifetime.Require(cancellationToken);
        (await _inner.Ack(message.Inner, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>As <see cref="AckAsync"/>, with one request to each broker. Gives those that failed.</summary>
    public async Task<IReadOnlyList<AckFailure>> AckAllAsync(
        IEnumerable<LeasedMessage> messages, CancellationToken cancellationToken = default)
    {
        var all = ListModule.OfSeq(Checked.All(messages).Select(message => message.Inner));
        _lifetime.Require(cancellationToken);
        var failures = await _inner.AckAll(all, cancellationToken).ConfigureAwait(false);
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
        _lifetime.Require(cancellationToken);
        return new((await _inner.ChangeInvisible(message.Inner, time, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken));
    }

    /// <summary>What it is doing, and what it cannot do now.</summary>
    public SimpleConsumerHealth Health => new(_inner.Health);

    /// <summary>Leaves the group and closes the connections. Messages that were not acknowledged come again.</summary>
    public ValueTask DisposeAsync()
    {
        _lifetime.Close();
        return new(_inner.Close());
    }
}
