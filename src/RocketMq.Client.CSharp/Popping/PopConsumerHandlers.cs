using System.ComponentModel;

namespace RocketMq.Client;

/// <remarks>
/// A handler may give a <see cref="ConsumeResult"/> or nothing, in a Task or a ValueTask: the priorities have each lambda and
/// each method mean one of them, and one that could give a result is never taken for one that does not. A handler with another
/// result does not compile.
/// </remarks>
public sealed partial class PopConsumerBuilder
{
    /// <summary>
    /// Handles one message and says what becomes of it. An exception, a null task and <c>default(ConsumeResult)</c> count as
    /// <see cref="ConsumeResult.Retry"/> and are logged. The token is cancelled when the handler has taken longer than
    /// <see cref="ConsumeTimeout"/>, when the message comes again whatever the handler does, because brokers could not be reached in
    /// time, and when the consumer ends and has waited long enough.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is a handler already.</exception>
    /// <exception cref="ArgumentException">The handler is a delegate of several methods.</exception>
    [OverloadResolutionPriority(5)]
    public PopConsumerBuilder OnMessage(Func<ReceivedMessage, CancellationToken, ValueTask<ConsumeResult>> handler) =>
        OnEach(Handlers.ToCore(handler));

    /// <summary>
    /// Handles one message and says what becomes of it. An exception, a null task and <c>default(ConsumeResult)</c> count as
    /// <see cref="ConsumeResult.Retry"/> and are logged. The token is cancelled when the handler has taken longer than
    /// <see cref="ConsumeTimeout"/>, when the message comes again whatever the handler does, because brokers could not be reached in
    /// time, and when the consumer ends and has waited long enough.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is a handler already.</exception>
    /// <exception cref="ArgumentException">The handler is a delegate of several methods.</exception>
    [OverloadResolutionPriority(4)]
    public PopConsumerBuilder OnMessage(Func<ReceivedMessage, CancellationToken, Task<ConsumeResult>> handler) =>
        OnEach(Handlers.ToCore(handler));

    /// <summary>Not a handler: its result would be lost. Does not compile.</summary>
    [Obsolete(Handlers.WrongResult, error: true)]
    [EditorBrowsable(EditorBrowsableState.Never)]
    [OverloadResolutionPriority(3)]
    public PopConsumerBuilder OnMessage<T>(Func<ReceivedMessage, CancellationToken, ValueTask<T>> handler) =>
        throw new NotSupportedException(Handlers.WrongResult);

    /// <summary>Not a handler: its result would be lost. Does not compile.</summary>
    [Obsolete(Handlers.WrongResult, error: true)]
    [EditorBrowsable(EditorBrowsableState.Never)]
    [OverloadResolutionPriority(2)]
    public PopConsumerBuilder OnMessage<T>(Func<ReceivedMessage, CancellationToken, Task<T>> handler) =>
        throw new NotSupportedException(Handlers.WrongResult);

    /// <summary>
    /// Handles one message, which is consumed when the task ends; an exception counts as <see cref="ConsumeResult.Retry"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is a handler already.</exception>
    /// <exception cref="ArgumentException">The handler is a delegate of several methods.</exception>
    [OverloadResolutionPriority(1)]
    public PopConsumerBuilder OnMessage(Func<ReceivedMessage, CancellationToken, ValueTask> handler) =>
        OnEach(Handlers.ToCore(handler));

    /// <summary>
    /// Handles one message, which is consumed when the task ends; an exception counts as <see cref="ConsumeResult.Retry"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is a handler already.</exception>
    /// <exception cref="ArgumentException">The handler is a delegate of several methods.</exception>
    public PopConsumerBuilder OnMessage(Func<ReceivedMessage, CancellationToken, Task> handler) =>
        OnEach(Handlers.ToCore(handler));

    private PopConsumerBuilder OnEach(Func<ReceivedMessage, CancellationToken, ValueTask<Core.ConsumeResult>> handler) =>
        _handler is null ? new(Draft, handler) : throw Handlers.AlreadySet("OnMessage");
}
