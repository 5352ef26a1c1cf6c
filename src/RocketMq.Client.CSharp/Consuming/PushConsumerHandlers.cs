using System.ComponentModel;

namespace RocketMq.Client;

/// <remarks>
/// A handler may give a <see cref="ConsumeResult"/> or nothing, in a Task or a ValueTask: the priorities have each lambda and
/// each method mean one of them, and one that could give a result is never taken for one that does not. A handler with another
/// result does not compile.
/// </remarks>
public sealed partial class PushConsumerBuilder
{
    /// <summary>
    /// Handles messages one by one, many at a time, and says what becomes of each. An exception, a null task and
    /// <c>default(ConsumeResult)</c> count as <see cref="ConsumeResult.Retry"/> and are logged. The token is cancelled when the
    /// handler has taken longer than <see cref="ConsumeTimeout"/>, when the consumer stops, or its queue goes to another member, and
    /// <see cref="DrainTimeout"/> is over, and in order when the lock of its queue is lost.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is a handler already.</exception>
    /// <exception cref="ArgumentException">The handler is a delegate of several methods.</exception>
    [OverloadResolutionPriority(5)]
    public PushConsumerBuilder OnMessage(Func<ReceivedMessage, CancellationToken, ValueTask<ConsumeResult>> handler) =>
        OnEach(Handlers.ToCore(handler));

    /// <summary>
    /// Handles messages one by one, many at a time, and says what becomes of each. An exception, a null task and
    /// <c>default(ConsumeResult)</c> count as <see cref="ConsumeResult.Retry"/> and are logged. The token is cancelled when the
    /// handler has taken longer than <see cref="ConsumeTimeout"/>, when the consumer stops, or its queue goes to another member, and
    /// <see cref="DrainTimeout"/> is over, and in order when the lock of its queue is lost.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is a handler already.</exception>
    /// <exception cref="ArgumentException">The handler is a delegate of several methods.</exception>
    [OverloadResolutionPriority(4)]
    public PushConsumerBuilder OnMessage(Func<ReceivedMessage, CancellationToken, Task<ConsumeResult>> handler) =>
        OnEach(Handlers.ToCore(handler));

    /// <summary>Not a handler: its result would be lost. Does not compile.</summary>
    [Obsolete(Handlers.WrongResult, error: true)]
    [EditorBrowsable(EditorBrowsableState.Never)]
    [OverloadResolutionPriority(3)]
    public PushConsumerBuilder OnMessage<T>(Func<ReceivedMessage, CancellationToken, ValueTask<T>> handler) =>
        throw new NotSupportedException(Handlers.WrongResult);

    /// <summary>Not a handler: its result would be lost. Does not compile.</summary>
    [Obsolete(Handlers.WrongResult, error: true)]
    [EditorBrowsable(EditorBrowsableState.Never)]
    [OverloadResolutionPriority(2)]
    public PushConsumerBuilder OnMessage<T>(Func<ReceivedMessage, CancellationToken, Task<T>> handler) =>
        throw new NotSupportedException(Handlers.WrongResult);

    /// <summary>
    /// Handles messages one by one, many at a time. A message is consumed when the task ends; an exception counts as
    /// <see cref="ConsumeResult.Retry"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is a handler already.</exception>
    /// <exception cref="ArgumentException">The handler is a delegate of several methods.</exception>
    [OverloadResolutionPriority(1)]
    public PushConsumerBuilder OnMessage(Func<ReceivedMessage, CancellationToken, ValueTask> handler) =>
        OnEach(Handlers.ToCore(handler));

    /// <summary>
    /// Handles messages one by one, many at a time. A message is consumed when the task ends; an exception counts as
    /// <see cref="ConsumeResult.Retry"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is a handler already.</exception>
    /// <exception cref="ArgumentException">The handler is a delegate of several methods.</exception>
    public PushConsumerBuilder OnMessage(Func<ReceivedMessage, CancellationToken, Task> handler) =>
        OnEach(Handlers.ToCore(handler));

    /// <summary>Handles up to so many messages of a queue with one call. What it says holds for all of them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The size of a batch is not from 1 to 1,024.</exception>
    /// <exception cref="InvalidOperationException">There is a handler already.</exception>
    /// <exception cref="ArgumentException">The handler is a delegate of several methods.</exception>
    [OverloadResolutionPriority(5)]
    public PushConsumerBuilder OnMessages(Func<IReadOnlyList<ReceivedMessage>, CancellationToken, ValueTask<ConsumeResult>> handler, int? batchSize = null) =>
        OnBatches(Handlers.ToCore(handler), batchSize);

    /// <summary>Handles up to so many messages of a queue with one call. What it says holds for all of them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The size of a batch is not from 1 to 1,024.</exception>
    /// <exception cref="InvalidOperationException">There is a handler already.</exception>
    /// <exception cref="ArgumentException">The handler is a delegate of several methods.</exception>
    [OverloadResolutionPriority(4)]
    public PushConsumerBuilder OnMessages(Func<IReadOnlyList<ReceivedMessage>, CancellationToken, Task<ConsumeResult>> handler, int? batchSize = null) =>
        OnBatches(Handlers.ToCore(handler), batchSize);

    /// <summary>Not a handler: its result would be lost. Does not compile.</summary>
    [Obsolete(Handlers.WrongResult, error: true)]
    [EditorBrowsable(EditorBrowsableState.Never)]
    [OverloadResolutionPriority(3)]
    public PushConsumerBuilder OnMessages<T>(Func<IReadOnlyList<ReceivedMessage>, CancellationToken, ValueTask<T>> handler, int? batchSize = null) =>
        throw new NotSupportedException(Handlers.WrongResult);

    /// <summary>Not a handler: its result would be lost. Does not compile.</summary>
    [Obsolete(Handlers.WrongResult, error: true)]
    [EditorBrowsable(EditorBrowsableState.Never)]
    [OverloadResolutionPriority(2)]
    public PushConsumerBuilder OnMessages<T>(Func<IReadOnlyList<ReceivedMessage>, CancellationToken, Task<T>> handler, int? batchSize = null) =>
        throw new NotSupportedException(Handlers.WrongResult);

    /// <summary>
    /// Handles up to so many messages of a queue with one call. They are consumed when the task ends; with an exception all of
    /// them come again.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The size of a batch is not from 1 to 1,024.</exception>
    /// <exception cref="InvalidOperationException">There is a handler already.</exception>
    /// <exception cref="ArgumentException">The handler is a delegate of several methods.</exception>
    [OverloadResolutionPriority(1)]
    public PushConsumerBuilder OnMessages(Func<IReadOnlyList<ReceivedMessage>, CancellationToken, ValueTask> handler, int? batchSize = null) =>
        OnBatches(Handlers.ToCore(handler), batchSize);

    /// <summary>
    /// Handles up to so many messages of a queue with one call. They are consumed when the task ends; with an exception all of
    /// them come again.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The size of a batch is not from 1 to 1,024.</exception>
    /// <exception cref="InvalidOperationException">There is a handler already.</exception>
    /// <exception cref="ArgumentException">The handler is a delegate of several methods.</exception>
    public PushConsumerBuilder OnMessages(Func<IReadOnlyList<ReceivedMessage>, CancellationToken, Task> handler, int? batchSize = null) =>
        OnBatches(Handlers.ToCore(handler), batchSize);

    private PushConsumerBuilder OnEach(Func<ReceivedMessage, CancellationToken, ValueTask<Core.ConsumeResult>> handler) =>
        With(Core.ConsumeHandler.NewEachMessage(
            FuncConvert.FromFunc<Core.ReceivedMessage, CancellationToken, ValueTask<Core.ConsumeResult>>(
                (message, cancellation) => handler(new(message), cancellation))));

    private PushConsumerBuilder OnBatches(
        Func<IReadOnlyList<ReceivedMessage>, CancellationToken, ValueTask<Core.ConsumeResult>> handler, int? batchSize) =>
        (batchSize is { } size ? Set(size, nameof(batchSize), "batchSize") : this).With(Core.ConsumeHandler.NewBatches(
            FuncConvert.FromFunc<Core.ReceivedMessage[], CancellationToken, ValueTask<Core.ConsumeResult>>(
                (messages, cancellation) =>
                    handler(Array.ConvertAll(messages, message => new ReceivedMessage(message)), cancellation))));

    /// <summary>
    /// Handles up to so many messages of a queue with one call, and says what becomes of each, in their order. Another number of results
    /// counts as an exception: all of them come again.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The size of a batch is not from 1 to 1,024.</exception>
    /// <exception cref="InvalidOperationException">There is a handler already.</exception>
    public PushConsumerBuilder OnMessagesWithVerdicts(
        Func<IReadOnlyList<ReceivedMessage>, CancellationToken, Task<IReadOnlyList<ConsumeResult>>> handler, int? batchSize = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return (batchSize is { } size ? Set(size, nameof(batchSize), "batchSize") : this).With(Core.ConsumeHandler.NewBatchesWithVerdicts(
            FuncConvert.FromFunc<Core.ReceivedMessage[], CancellationToken, ValueTask<Core.ConsumeResult[]>>(
                (messages, cancellation) => new(Handlers.VerdictsOf(
                    handler, Array.ConvertAll(messages, message => new ReceivedMessage(message)), cancellation)))));
    }

    private PushConsumerBuilder With(Core.ConsumeHandler handler) => _handler is null
        ? new(Draft, handler)
        : throw Handlers.AlreadySet("OnMessage or OnMessages");
}
