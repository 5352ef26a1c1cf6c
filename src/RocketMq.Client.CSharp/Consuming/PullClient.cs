namespace RocketMq.Client;

/// <summary>What a pull found.</summary>
public enum PullStatus
{
    /// <summary>Messages.</summary>
    Found,

    /// <summary>Nothing new.</summary>
    NoNewMessage,

    /// <summary>Messages, but none that is wanted.</summary>
    NoMatch,

    /// <summary>The offset asked for is outside of the queue: go on at the next offset that it gives.</summary>
    OffsetMoved,
}

/// <summary>What one pull of a queue found.</summary>
/// <param name="Status">Whether there was anything.</param>
/// <param name="Messages">The messages, in their order.</param>
/// <param name="NextOffset">Where to go on.</param>
/// <param name="MinOffset">The offset of the first message that is still there.</param>
/// <param name="MaxOffset">The offset that the next stored message will have.</param>
public sealed record PulledBatch(
    PullStatus Status, IReadOnlyList<ReceivedMessage> Messages, long NextOffset, long MinOffset, long MaxOffset)
{
    internal static PulledBatch FromCore(Core.PulledBatch batch) => new(
        batch.Status.IsFound ? PullStatus.Found
        : batch.Status.IsNoNewMessage ? PullStatus.NoNewMessage
        : batch.Status.IsNoMatch ? PullStatus.NoMatch
        : PullStatus.OffsetMoved,
        Array.ConvertAll(batch.Messages, message => new ReceivedMessage(message)),
        batch.NextOffset,
        batch.MinOffset,
        batch.MaxOffset);
}

/// <summary>
/// Reads queues at offsets that the application says and keeps: it is a member of no group, shares nothing and commits nothing
/// by itself. Safe to use from any thread. See <see cref="PullConsumerBuilder.CreateClient"/>.
/// </summary>
public sealed class PullClient : IAsyncDisposable
{
    private readonly Core.PullClient _inner;

    internal PullClient(Core.PullClient inner) => _inner = inner;

    /// <summary>The queues of a topic that can be read.</summary>
    /// <exception cref="RocketMqException">The topic does not exist, or no name server can be asked.</exception>
    public async Task<IReadOnlyList<MessageQueue>> GetQueuesAsync(string topic, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return [.. (await _inner.Queues(topic, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken).Select(MessageQueue.FromCore)];
    }

    /// <summary>
    /// Messages of a queue from an offset on, as far as there are any now. A broker may give fewer than are asked for, and
    /// filters leave out: <see cref="PulledBatch.NextOffset"/> says where to go on.
    /// </summary>
    /// <param name="queue">The queue.</param>
    /// <param name="offset">The first offset wanted.</param>
    /// <param name="max">The most messages, 1 to 1,024. Brokers give no more than 32 unless set up for more.</param>
    /// <param name="tags">Messages with one of the tags, joined with "||", or all of them.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is not from 1 to 1,024.</exception>
    /// <exception cref="RocketMqException">The broker refuses, or cannot be asked.</exception>
    public async Task<PulledBatch> PullAsync(
        MessageQueue queue, long offset, int max = 32, string tags = "*", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        ArgumentNullException.ThrowIfNull(tags);
        var pulling = _inner.Pull(
            queue.ToCore(), Core.Filter.NewByTag(tags), offset, Checked.Count(max, 1024), cancellationToken);
        return PulledBatch.FromCore((await pulling.ConfigureAwait(false)).OrThrow(cancellationToken));
    }

    /// <summary>
    /// As <see cref="PullAsync"/>, but waits up to <see cref="PullConsumerBuilder.LongPollTimeout"/> for a message to come.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The number is not from 1 to 1,024.</exception>
    /// <exception cref="RocketMqException">The broker refuses, or cannot be asked.</exception>
    public async Task<PulledBatch> PullOrWaitAsync(
        MessageQueue queue, long offset, int max = 32, string tags = "*", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        ArgumentNullException.ThrowIfNull(tags);
        var pulling = _inner.PullOrWait(
            queue.ToCore(), Core.Filter.NewByTag(tags), offset, Checked.Count(max, 1024), cancellationToken);
        return PulledBatch.FromCore((await pulling.ConfigureAwait(false)).OrThrow(cancellationToken));
    }

    /// <summary>The offset of the first message that is still there.</summary>
    /// <exception cref="RocketMqException">The broker cannot be asked.</exception>
    public async Task<long> GetMinOffsetAsync(MessageQueue queue, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        return (await _inner.MinOffset(queue.ToCore(), cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>The offset that the next stored message will have.</summary>
    /// <exception cref="RocketMqException">The broker cannot be asked.</exception>
    public async Task<long> GetMaxOffsetAsync(MessageQueue queue, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        return (await _inner.MaxOffset(queue.ToCore(), cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>The offset of the first message stored at or after a time. Brokers before 5.0 give the nearest one.</summary>
    /// <exception cref="RocketMqException">The broker cannot be asked.</exception>
    public async Task<long> GetOffsetAsync(
        MessageQueue queue, DateTimeOffset time, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        return (await _inner.OffsetAt(queue.ToCore(), time, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>The offset that the group has committed, or null if none.</summary>
    /// <exception cref="RocketMqException">The broker cannot be asked.</exception>
    public async Task<long?> GetCommittedAsync(MessageQueue queue, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        return (await _inner.Committed(queue.ToCore(), cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken)?.Value;
    }

    /// <summary>Commits the next offset to be consumed of a queue for the group.</summary>
    /// <exception cref="RocketMqException">The broker did not take it.</exception>
    public async Task CommitAsync(MessageQueue queue, long offset, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        (await _inner.Commit(queue.ToCore(), offset, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>Closes the connections.</summary>
    public ValueTask DisposeAsync() => new(_inner.Close());

    /// <summary>As <see cref="DisposeAsync"/>: nothing is at work that it waits for, so the token changes nothing.</summary>
    public Task StopAsync(CancellationToken cancellationToken = default) => DisposeAsync().AsTask();
}
