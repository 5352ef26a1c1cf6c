namespace RocketMq.Hosting;

/// <summary>
/// Handles up to so many messages of one queue with each call (the setting "batchSize"), and says what becomes of each. An instance is made
/// for each batch, in a scope of its own, which is disposed of when the verdicts are there and before the messages are settled. Middleware
/// stands around handlers of single messages only.
/// </summary>
/// <typeparam name="T">What the bodies are. Messages whose bodies cannot be read are not in the batch.</typeparam>
public interface IBatchHandler<T>
{
    /// <summary>Handles messages. After an exception all of them come again.</summary>
    /// <param name="batch">The messages, in the order of their queue; at least one.</param>
    /// <param name="cancellationToken">As of <see cref="IMessageHandler.HandleAsync"/>.</param>
    /// <returns>What becomes of each message, in their order.</returns>
    Task<IReadOnlyList<ConsumeResult>> HandleAsync(IReadOnlyList<BatchMessage<T>> batch, CancellationToken cancellationToken);
}

/// <summary>A message of a batch.</summary>
/// <typeparam name="T">What the body is.</typeparam>
/// <param name="Value">The body.</param>
/// <param name="Message">The message.</param>
public sealed record BatchMessage<T>(T Value, ReceivedMessage Message);
