namespace RocketMq.Client;

/// <summary>How a producer chooses the queue of a message. Such a message is tried once, at the queue that was chosen.</summary>
public sealed class QueueSelector
{
    private QueueSelector(Core.QueueSelector inner) => Inner = inner;

    internal Core.QueueSelector Inner { get; }

    /// <summary>
    /// By <see cref="Message.ShardingKey"/>, as <see cref="ByKey(string)"/>. A message without one ends with an
    /// <see cref="InvalidRequestException"/>.
    /// </summary>
    public static QueueSelector ByShardingKey { get; } = new(Core.QueueSelector.ByShardingKey);

    /// <summary>By chance.</summary>
    public static QueueSelector Random { get; } = new(Core.QueueSelector.RandomQueue);

    /// <summary>
    /// By the hash of a key, as Java's clients: messages with the same key share a queue, and so keep their order, while the
    /// number of queues stays.
    /// </summary>
    public static QueueSelector ByKey(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return new(Core.QueueSelector.NewByKey(key));
    }

    /// <summary>By a number as the key, as Java's clients with a key that is a <c>Long</c>.</summary>
    public static QueueSelector ByKey(long key) => new(Core.QueueSelectorModule.ofNumber(key));

    /// <summary>
    /// By a function from the queues, ordered by broker and number, and the message to an index among the queues. It is called
    /// on the sender's thread and must be quick. An index outside, or an exception, ends the send with an
    /// <see cref="InvalidRequestException"/>.
    /// </summary>
    public static QueueSelector Custom(Func<IReadOnlyList<MessageQueue>, Message, int> choose)
    {
        ArgumentNullException.ThrowIfNull(choose);
        return new(Core.QueueSelector.NewByFunction(FuncConvert.FromFunc<Core.MessageQueue[], Core.Message, int>(
            (queues, message) => choose(Array.ConvertAll(queues, MessageQueue.FromCore), new(message)))));
    }
}
