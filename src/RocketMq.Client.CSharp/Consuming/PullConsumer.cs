namespace RocketMq.Client;

/// <summary>
/// Hands messages out when it is asked to. It shares the queues of its topics with the other members of its group, or has queues
/// assigned to it. A message counts as consumed when the next one is asked for, or with
/// <see cref="CommitAsync(CancellationToken)"/>; no committed offset passes one that is not. Safe to use from any thread, but
/// messages are asked for by one caller at a time.
/// </summary>
public sealed class PullConsumer : IAsyncDisposable
{
    private readonly Lifetime<Core.PullConsumer> _lifetime;

    internal PullConsumer(string group, Func<Task<FSharpResult<Core.PullConsumer, Core.RemotingError>>> start) =>
        _lifetime = new($"The pull consumer of group {group}", start);

    /// <summary>Begins to set up a consumer of a group: 1 to 255 characters of a-z A-Z 0-9 % | - _.</summary>
    /// <exception cref="ArgumentException">The group's name is not valid.</exception>
    public static PullConsumerBuilder Create(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(Core.Names.checkOwnGroup(group).OrThrowArgument(nameof(group)));
    }

    /// <summary>It has been started, and may be closed since.</summary>
    public bool IsStarted => _lifetime.IsStarted;

    /// <summary>Joins the group, or takes up what is assigned, and begins to read, as <see cref="PullConsumerBuilder.StartAsync"/> does.</summary>
    /// <remarks>Does nothing if it has been started. May be repeated after a failure. Other calls start it by themselves.</remarks>
    /// <exception cref="InvalidRequestException">Settings do not go together.</exception>
    /// <exception cref="RocketMqException">A server refuses: the credentials, or an SQL92 expression.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up. What has been begun is ended in the background.</exception>
    public Task StartAsync(CancellationToken cancellationToken = default) => _lifetime.StartAsync(cancellationToken);

    /// <summary>What brokers know this member by.</summary>
    public string ClientId => _lifetime.Inner.ClientId;

    /// <summary>The queues that it reads now, and how far it is with each.</summary>
    public IReadOnlyList<QueueHealth> Queues => [.. _lifetime.Inner.Queues.Select(queue => new QueueHealth(queue))];

    /// <summary>What it is doing, and what it cannot do now.</summary>
    public PullConsumerHealth Health => new(_lifetime.Inner.Health);

    /// <summary>
    /// Messages as they come, without end. Only one enumeration or receive at a time. A message is consumed when the loop asks for
    /// the next one: one whose loop ended before that, by an exception perhaps, comes again in the next enumeration, unless it has been
    /// committed or commits are by hand.
    /// </summary>
    /// <exception cref="RocketMqException">A broker refuses to deliver messages, or the consumer has been closed.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async IAsyncEnumerable<ReceivedMessage> ReadAllAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        // What an earlier loop had in hand when it ended, by an exception perhaps, was not consumed.
        _lifetime.Inner.Redeliver();

        while (true)
        {
            yield return await ReceiveAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Waits for the next message. The one before it counts as consumed, unless that is done manually.</summary>
    /// <exception cref="RocketMqException">
    /// A broker refuses to deliver messages (it is asked again, so another call may succeed), or the consumer has been closed.
    /// </exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<ReceivedMessage> ReceiveAsync(CancellationToken cancellationToken = default)
    {
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        var received = await inner.Receive(cancellationToken).ConfigureAwait(false);
        return new(received.OrThrow(cancellationToken));
    }

    /// <summary>
    /// Waits for messages, and gives those that are there, up to so many; none if there is none within a time. Those before them
    /// count as consumed, unless that is done manually. If none of the topics can be read when the time is over, because it is not there
    /// or no server can be asked for it, it ends with that exception.
    /// </summary>
    /// <param name="max">The most messages.</param>
    /// <param name="wait">How long to wait for the first.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is not above 0, or the time is not.</exception>
    /// <exception cref="RocketMqException">As with <see cref="ReceiveAsync"/>.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<IReadOnlyList<ReceivedMessage>> PollAsync(
        int max, TimeSpan wait, CancellationToken cancellationToken = default)
    {
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        var most = Checked.Count(max, int.MaxValue);
        var received = await inner.Poll(most, Checked.Span(wait), cancellationToken).ConfigureAwait(false);
        return Array.ConvertAll(received.OrThrow(cancellationToken), message => new ReceivedMessage(message));
    }

    /// <summary>
    /// Commits the offsets of all messages delivered so far, the last one included. It need not be waited for; then failures
    /// are only logged.
    /// </summary>
    /// <exception cref="RocketMqException">A broker did not take an offset; those of other queues may have been committed.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; it may happen all the same.</exception>
    public async Task CommitAsync(CancellationToken cancellationToken = default)
    {
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        (await inner.Commit(cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>Commits an offset of a queue, the next one to be consumed, whatever has been delivered of it.</summary>
    /// <exception cref="RocketMqException">A broker did not take it.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; it may happen all the same.</exception>
    public async Task CommitAsync(MessageQueue queue, long offset, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        (await inner.Commit(queue.ToCore(), offset, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>
    /// Goes on at an offset of a queue that it reads. What waits of the queue is dropped, and what is in hand of it does not
    /// count any more.
    /// </summary>
    /// <exception cref="InvalidRequestException">The offset is negative, or the queue is not one of those that it reads.</exception>
    public void Seek(MessageQueue queue, long offset)
    {
        ArgumentNullException.ThrowIfNull(queue);
        var inner = _lifetime.Open();
        inner.Seek(queue.ToCore(), offset).OrThrow();
    }

    /// <summary>As <see cref="Seek"/>, to the first message that is still there.</summary>
    /// <exception cref="RocketMqException">The queue is not one of those that it reads, or its broker cannot be asked.</exception>
    public async Task SeekToBeginAsync(MessageQueue queue, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        (await inner.SeekToBegin(queue.ToCore(), cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>As <see cref="Seek"/>, to what is stored from now on.</summary>
    /// <exception cref="RocketMqException">The queue is not one of those that it reads, or its broker cannot be asked.</exception>
    public async Task SeekToEndAsync(MessageQueue queue, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        (await inner.SeekToEnd(queue.ToCore(), cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>As <see cref="Seek"/>, to the messages stored at or after a time.</summary>
    /// <exception cref="RocketMqException">The queue is not one of those that it reads, or its broker cannot be asked.</exception>
    public async Task SeekToTimeAsync(MessageQueue queue, DateTimeOffset time, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        (await inner.SeekToTime(queue.ToCore(), time, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>Nothing of these queues is pulled or delivered until <see cref="Resume"/>; they stay this consumer's.</summary>
    public void Pause(params IEnumerable<MessageQueue> queues)
    {
        var inner = _lifetime.Open();
        inner.Pause(ToCore(queues));
    }

    /// <summary>Goes on with these queues after <see cref="Pause"/>.</summary>
    public void Resume(params IEnumerable<MessageQueue> queues)
    {
        var inner = _lifetime.Open();
        inner.Resume(ToCore(queues));
    }

    /// <summary>The offset of the first message that is still there.</summary>
    /// <exception cref="RocketMqException">The broker cannot be asked.</exception>
    public async Task<long> GetMinOffsetAsync(MessageQueue queue, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        return (await inner.MinOffset(queue.ToCore(), cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>The offset that the next stored message will have.</summary>
    /// <exception cref="RocketMqException">The broker cannot be asked.</exception>
    public async Task<long> GetMaxOffsetAsync(MessageQueue queue, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        return (await inner.MaxOffset(queue.ToCore(), cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>The offset of the first message stored at or after a time. Brokers before 5.0 give the nearest one.</summary>
    /// <exception cref="RocketMqException">The broker cannot be asked.</exception>
    public async Task<long> GetOffsetAsync(
        MessageQueue queue, DateTimeOffset time, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        return (await inner.OffsetAt(queue.ToCore(), time, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>The offset that the group has committed, or null if none.</summary>
    /// <exception cref="RocketMqException">The broker cannot be asked.</exception>
    public async Task<long?> GetCommittedAsync(MessageQueue queue, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queue);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        return (await inner.Committed(queue.ToCore(), cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken)?.Value;
    }

    /// <summary>Reads another topic too, or changes what is wanted of one. All members of the group must do the same.</summary>
    /// <exception cref="InvalidRequestException">It was started with assigned queues.</exception>
    /// <exception cref="RocketMqException">The topic does not exist, its name is not valid, or no server can be asked.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; it may happen all the same.</exception>
    public async Task SubscribeAsync(string topic, string tags = "*", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(tags);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        var changing = inner.Subscribe(topic, Core.Filter.NewByTag(tags));
        (await changing.WaitAsync(cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>Reads a topic no more. All members of the group must do the same.</summary>
    /// <exception cref="InvalidRequestException">It was started with assigned queues.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; it may happen all the same.</exception>
    public async Task UnsubscribeAsync(string topic, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        (await inner.Unsubscribe(topic).WaitAsync(cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>
    /// Reads these queues from now on, and none else. Those that stay go on as they are. For a consumer that was started with
    /// <see cref="PullConsumerBuilder.AssignQueues"/>.
    /// </summary>
    /// <exception cref="InvalidRequestException">It was started with subscriptions.</exception>
    /// <exception cref="RocketMqException">A topic does not exist, or no server can be asked.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; it may happen all the same.</exception>
    public async Task AssignAsync(
        IEnumerable<MessageQueue> queues, string tags = "*", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(queues);
        ArgumentNullException.ThrowIfNull(tags);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        var changing = inner.Assign(ToCore(queues), Core.Filter.NewByTag(tags));
        (await changing.WaitAsync(cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>As <see cref="DisposeAsync"/>: there is nothing at work that it waits for, so the token changes nothing.</summary>
    public Task StopAsync(CancellationToken cancellationToken = default) =>
        _lifetime.CloseAsync(inner => inner.Close());

    /// <summary>
    /// Stops reading, commits the offsets of messages consumed unless that is done manually, leaves the group and closes the
    /// connections.
    /// </summary>
    public ValueTask DisposeAsync() => new(StopAsync());

    private static FSharpList<Core.MessageQueue> ToCore(IEnumerable<MessageQueue> queues)
    {
        return ListModule.OfSeq(Checked.All(queues).Select(queue => queue.ToCore()));
    }
}
