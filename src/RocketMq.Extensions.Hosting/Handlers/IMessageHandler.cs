namespace RocketMq.Hosting;

/// <summary>
/// Handles the messages of a consumer, one with each call. An instance is made for each message, in a scope of its own, which is
/// disposed of when the verdict is there and before the message is settled.
/// </summary>
public interface IMessageHandler
{
    /// <summary>Handles a message, and says what becomes of it. After an exception it comes again.</summary>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">
    /// Cancelled only when the handler has taken longer than the consume timeout, when the message is another member's (in order: its
    /// queue is lost; POP: its receipt), and when the host stops and does not wait any longer. Not when the host begins to stop.
    /// </param>
    Task<ConsumeResult> HandleAsync(ReceivedMessage message, CancellationToken cancellationToken);
}

/// <summary>As <see cref="IMessageHandler"/>, of messages whose bodies are values that the serializer reads.</summary>
/// <typeparam name="T">The values.</typeparam>
public interface IMessageHandler<in T>
{
    /// <summary>Handles a message, and says what becomes of it. After an exception it comes again.</summary>
    /// <param name="value">The body.</param>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">As of <see cref="IMessageHandler.HandleAsync"/>.</param>
    Task<ConsumeResult> HandleAsync(T value, ReceivedMessage message, CancellationToken cancellationToken);
}

/// <summary>Answers brokers that ask what became of a transaction. An instance is made for each question, in a scope of its own.</summary>
public interface ITransactionChecker
{
    /// <summary>
    /// What became of the transaction that the message belongs to: of any process of the group, also one that has ended, so the answer
    /// must be found in what transactions leave behind. After an exception, and after
    /// <see cref="TransactionDecision.Undecided"/>, the broker asks again.
    /// </summary>
    Task<TransactionDecision> CheckAsync(ReceivedMessage message);
}
