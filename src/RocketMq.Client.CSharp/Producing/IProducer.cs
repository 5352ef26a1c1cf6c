namespace RocketMq.Client;

/// <summary>
/// The calls of a <see cref="Producer"/> that services make, so that a test can put something of its own in its place. Members may be
/// added in later versions: implement it in tests only.
/// </summary>
public interface IProducer
{
    /// <inheritdoc cref="Producer.SendAsync(Message, CancellationToken)"/>
    Task<SendReceipt> SendAsync(Message message, CancellationToken cancellationToken = default);

    /// <inheritdoc cref="Producer.SendAsync(Message, QueueSelector, CancellationToken)"/>
    Task<SendReceipt> SendAsync(Message message, QueueSelector selector, CancellationToken cancellationToken = default);

    /// <inheritdoc cref="Producer.SendBatchAsync(IEnumerable{Message}, CancellationToken)"/>
    Task<IReadOnlyList<SendReceipt>> SendBatchAsync(IEnumerable<Message> messages, CancellationToken cancellationToken = default);

    /// <inheritdoc cref="Producer.RequestAsync(Message, TimeSpan, CancellationToken)"/>
    Task<ReceivedMessage> RequestAsync(Message message, TimeSpan timeout, CancellationToken cancellationToken = default);

    /// <inheritdoc cref="Producer.ReplyAsync(ReceivedMessage, ReadOnlyMemory{byte}, CancellationToken)"/>
    Task<SendReceipt> ReplyAsync(ReceivedMessage request, ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default);

    /// <inheritdoc cref="Producer.RecallAsync(string, string, CancellationToken)"/>
    Task<string> RecallAsync(string topic, string recallHandle, CancellationToken cancellationToken = default);
}

/// <summary>
/// The call of a <see cref="TransactionProducer"/> that services make, so that a test can put something of its own in its place. Members
/// may be added in later versions: implement it in tests only.
/// </summary>
public interface ITransactionProducer
{
    /// <inheritdoc cref="TransactionProducer.SendAsync(Message, Func{Message, Task{TransactionDecision}}, CancellationToken)"/>
    Task<TransactionReceipt> SendAsync(
        Message message, Func<Message, Task<TransactionDecision>> local, CancellationToken cancellationToken = default);
}
