namespace RocketMq.Client;

/// <summary>Sends messages. Safe to use from any thread; one for each group of a process is enough.</summary>
public sealed class Producer : IProducer, IAsyncDisposable
{
    private readonly Lifetime<Core.Producer> _lifetime;
    private readonly Core.BodyCodecs _codecs;

    internal Producer(string group, Core.BodyCodecs codecs, Func<Task<FSharpResult<Core.Producer, Core.RemotingError>>> start) =>
        (_lifetime, _codecs) = (new($"The producer of group {group}", start), codecs);

    /// <summary>Begins to set up a producer of a group: 1 to 255 characters of a-z A-Z 0-9 % | - _.</summary>
    /// <exception cref="ArgumentException">The group's name is not valid.</exception>
    public static ProducerBuilder Create(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(Core.Names.checkOwnGroup(group).OrThrowArgument(nameof(group)));
    }

    /// <summary>It has been started, and may be closed since.</summary>
    public bool IsStarted => _lifetime.IsStarted;

    /// <summary>
    /// Starts the producer, which its first message does as well. It connects with that. Does nothing if it has been started.
    /// </summary>
    /// <exception cref="InvalidRequestException">Settings do not go together.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public Task StartAsync(CancellationToken cancellationToken = default) => _lifetime.StartAsync(cancellationToken);

    /// <summary>Brokers know the producer by this.</summary>
    public string ClientId => _lifetime.Inner.ClientId;

    /// <summary>Whether it could send now, and what became of its sends.</summary>
    public ProducerHealth Health => new(_lifetime.Inner.Health);

    /// <summary>The brokers that messages avoid now, because they failed or were slow. Mostly none.</summary>
    public IReadOnlyList<AvoidedBroker> AvoidedBrokers => [.. _lifetime.Inner.AvoidedBrokers.Select(AvoidedBroker.FromCore)];

    /// <summary>Traces that were lost because they came too fast, or could not be stored. 0 without traces.</summary>
    public long DroppedTraces => _lifetime.Inner.DroppedTraces;

    /// <summary>
    /// Sends a message to the queues of its topic in turn and waits until a broker has stored it. A failed attempt is repeated
    /// at another broker where that may help.
    /// </summary>
    /// <exception cref="RocketMqException">
    /// No attempt succeeded; <see cref="RocketMqException.MayHaveBeenExecuted"/> tells whether the message may be stored.
    /// </exception>
    /// <exception cref="OperationCanceledException">The caller gave up; the message may be stored.</exception>
    public Task<SendReceipt> SendAsync(Message message, CancellationToken cancellationToken = default) =>
        SendAsync(message, Core.SendTarget.AnyQueue, cancellationToken);

    /// <summary>Sends a message to one queue, see <see cref="GetQueuesAsync"/>. There is one attempt.</summary>
    /// <exception cref="InvalidRequestException">The queue is one of another topic.</exception>
    /// <exception cref="RocketMqException">It failed.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; the message may be stored.</exception>
    public Task<SendReceipt> SendAsync(Message message, MessageQueue queue, CancellationToken cancellationToken = default) =>
        SendAsync(message, One(queue), cancellationToken);

    /// <summary>Sends a message to a queue that a selector chooses, by a key for instance. There is one attempt.</summary>
    /// <exception cref="InvalidRequestException">The selector chooses none.</exception>
    /// <exception cref="RocketMqException">It failed.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; the message may be stored.</exception>
    public Task<SendReceipt> SendAsync(Message message, QueueSelector selector, CancellationToken cancellationToken = default) =>
        SendAsync(message, Selected(selector), cancellationToken);

    /// <summary>
    /// Sends messages of one topic as one, all or none, and gives each a receipt, in their order. Bodies are not compressed, and
    /// interceptors are not asked.
    /// </summary>
    /// <exception cref="InvalidRequestException">
    /// Nothing was sent: there is no message; they are to several topics; one is delayed, timed or to a retry topic; only some
    /// wait for the store; or they take more than 4 MiB together.
    /// </exception>
    /// <exception cref="RocketMqException">No attempt succeeded.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; the messages may be stored.</exception>
    public Task<IReadOnlyList<SendReceipt>> SendBatchAsync(
        IEnumerable<Message> messages, CancellationToken cancellationToken = default) =>
        SendBatchAsync(messages, Core.SendTarget.AnyQueue, cancellationToken);

    /// <summary>Sends a batch to one queue. There is one attempt.</summary>
    /// <exception cref="InvalidRequestException">As with the other, or the queue is one of another topic.</exception>
    /// <exception cref="RocketMqException">It failed.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; the messages may be stored.</exception>
    public Task<IReadOnlyList<SendReceipt>> SendBatchAsync(
        IEnumerable<Message> messages, MessageQueue queue, CancellationToken cancellationToken = default) =>
        SendBatchAsync(messages, One(queue), cancellationToken);

    /// <summary>
    /// Puts a message on its way and does not wait for the broker. It may be lost, without any error. Interceptors are not
    /// asked.
    /// </summary>
    /// <exception cref="RocketMqException">It cannot be sent.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public Task SendOneWayAsync(Message message, CancellationToken cancellationToken = default) =>
        SendOneWayAsync(message, Core.SendTarget.AnyQueue, cancellationToken);

    /// <summary>Sends a message to one queue and does not wait for an answer.</summary>
    /// <exception cref="RocketMqException">It cannot be sent.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public Task SendOneWayAsync(Message message, MessageQueue queue, CancellationToken cancellationToken = default) =>
        SendOneWayAsync(message, One(queue), cancellationToken);

    /// <summary>Sends a message to a queue that a selector chooses and does not wait for an answer.</summary>
    /// <exception cref="RocketMqException">It cannot be sent.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public Task SendOneWayAsync(Message message, QueueSelector selector, CancellationToken cancellationToken = default) =>
        SendOneWayAsync(message, Selected(selector), cancellationToken);

    /// <summary>
    /// The queues that a topic's messages may go to, ordered by broker and number; those that a first send would make if the
    /// topic does not exist.
    /// </summary>
    /// <exception cref="RocketMqException">There are none, or no name server answered.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<IReadOnlyList<MessageQueue>> GetQueuesAsync(string topic, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        var queues = await inner.Queues(topic, cancellationToken).ConfigureAwait(false);
        return [.. queues.OrThrow(cancellationToken).Select(MessageQueue.FromCore)];
    }

    /// <summary>
    /// Takes a timed message back before its time, by <see cref="SendReceipt.RecallHandle"/>, and gives its unique id. Since 5.3.
    /// </summary>
    /// <exception cref="InvalidRequestException">It is no such handle.</exception>
    /// <exception cref="BrokerException">It is too late, or the broker does not recall messages.</exception>
    /// <exception cref="RocketMqException">There is no answer; it may be taken back.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; it may be taken back.</exception>
    public async Task<string> RecallAsync(string topic, string recallHandle, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(recallHandle);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        return (await inner.Recall(topic, recallHandle, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>
    /// Sends a request and waits for the reply of whichever consumer answers it with <see cref="ReplyAsync(ReceivedMessage,
    /// ReadOnlyMemory{byte}, CancellationToken)"/> or, in Java, with a reply message. Interceptors are not asked.
    /// </summary>
    /// <exception cref="NoReplyException">The request was stored, and no reply came in time.</exception>
    /// <exception cref="RocketMqException">The request was not stored.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is not above 0, or above a day.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; the request may be stored.</exception>
    public async Task<ReceivedMessage> RequestAsync(
        Message message, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        var reply = await inner
            .Request(message.Inner, Checked.Span(timeout), Core.SendTarget.AnyQueue, cancellationToken)
            .ConfigureAwait(false);
        return ReceivedMessage.FromCore(reply.OrThrow(cancellationToken), _codecs);
    }

    /// <summary>Replies to the request of another producer, whatever this one's group is: the reply goes to the client that asked.</summary>
    /// <exception cref="InvalidRequestException">The message is no request, or the body is empty.</exception>
    /// <exception cref="BrokerException">The client that asked is gone.</exception>
    /// <exception cref="RocketMqException">The reply was not stored.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; the reply may have come.</exception>
    public Task<SendReceipt> ReplyAsync(
        ReceivedMessage request, ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return SendAsync(new Message(Core.Reply.create(request.Stored, body)), cancellationToken);
    }

    /// <summary>Sends a request whose body is a text in UTF-8, and waits for the reply.</summary>
    /// <exception cref="ArgumentException">The text holds a lone surrogate.</exception>
    /// <exception cref="InvalidRequestException">The message is no request, or the text is empty.</exception>
    /// <exception cref="BrokerException">The client that asked is gone.</exception>
    /// <exception cref="RocketMqException">The reply was not stored.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; the reply may have come.</exception>
    public Task<SendReceipt> ReplyAsync(ReceivedMessage request, string body, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(body);
        return ReplyAsync(request, Message.Utf8(body), cancellationToken);
    }

    /// <summary>
    /// Takes no more messages, waits for those on their way (see <see cref="ProducerBuilderBase{TBuilder}.DrainTimeout"/>), says
    /// unregisters from brokers and closes the connections. Messages that are still on their way then fail; they may be stored.
    /// </summary>
    public ValueTask DisposeAsync() => new(StopAsync());

    /// <summary>
    /// As <see cref="DisposeAsync"/>, but messages on their way are waited for until the token is cancelled, whatever the drain timeout
    /// says. It ends without an exception. Without a token the drain timeout counts.
    /// </summary>
    public Task StopAsync(CancellationToken cancellationToken = default) =>
        _lifetime.CloseAsync(inner => inner.Stop(cancellationToken));

    private static Core.SendTarget One(MessageQueue queue)
    {
        ArgumentNullException.ThrowIfNull(queue);
        return Core.SendTarget.NewOneQueue(queue.ToCore());
    }

    private static Core.SendTarget Selected(QueueSelector selector)
    {
        ArgumentNullException.ThrowIfNull(selector);
        return Core.SendTarget.NewSelectedQueue(selector.Inner);
    }

    private async Task<SendReceipt> SendAsync(Message message, Core.SendTarget target, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        var receipt = await inner.SendTo(target, message.Inner, cancellationToken).ConfigureAwait(false);
        return SendReceipt.FromCore(receipt.OrThrow(cancellationToken));
    }

    private async Task<IReadOnlyList<SendReceipt>> SendBatchAsync(
        IEnumerable<Message> messages, Core.SendTarget target, CancellationToken cancellationToken)
    {
        var batch = ListModule.OfSeq(Checked.All(messages).Select(message => message.Inner));
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        var receipts = await inner.SendBatch(batch, target, cancellationToken).ConfigureAwait(false);
        return [.. receipts.OrThrow(cancellationToken).Select(SendReceipt.FromCore)];
    }

    private async Task SendOneWayAsync(Message message, Core.SendTarget target, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        var inner = await _lifetime.WhenStartedAsync(cancellationToken).ConfigureAwait(false);
        (await inner.SendOneWay(message.Inner, target, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }
}
