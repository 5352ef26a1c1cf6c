namespace RocketMq.Client;

/// <summary>What consumers of all kinds set up. Immutable; each method gives a new builder.</summary>
/// <typeparam name="TSelf">The builder itself.</typeparam>
public abstract class ConsumerBuilder<TSelf> : ClientBuilder<TSelf>
    where TSelf : ConsumerBuilder<TSelf>
{
    private protected ConsumerBuilder(Draft draft) : base(draft) { }

    private protected abstract Core.ConsumerOptions Consumer { get; }

    private protected sealed override Core.ClientOptions Client => Consumer.Client;

    /// <summary>
    /// Reads a topic: messages with one of the tags, joined with "||", or all of them. May be called for several topics; all members of
    /// a group must subscribe to the same.
    /// </summary>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    /// <exception cref="InvalidOperationException">The topic has been subscribed to before with another expression.</exception>
    public TSelf Subscribe(string topic, string tags = "*")
    {
        ArgumentNullException.ThrowIfNull(tags);
        return Subscribe(topic, Core.Filter.NewByTag(tags));
    }

    /// <summary>
    /// Reads a topic: messages whose properties fit an SQL92 expression, such as "price > 10 AND region = 'EU'". Brokers need
    /// <c>enablePropertyFilter=true</c>.
    /// </summary>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    /// <exception cref="InvalidOperationException">The topic has been subscribed to before with another expression.</exception>
    public TSelf SubscribeSql92(string topic, string expression)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(expression);
        return Subscribe(topic, Core.Filter.NewBySql92(expression));
    }

    /// <summary>
    /// Where to begin if the group has consumed nothing. Default <see cref="ConsumeFrom.LastOffset"/>. Consumers that pop begin with the
    /// first or the last offset: with a time they do not start.
    /// </summary>
    public TSelf ConsumeFromWhere(ConsumeFrom value) => Set(value.ToCore());

    /// <summary>The largest body after inflating, in bytes. Default 64 MiB.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0.</exception>
    public TSelf MaxDecompressedBodySize(int bytes) => Set(bytes);

    private TSelf Subscribe(string topic, Core.Filter filter)
    {
        ArgumentNullException.ThrowIfNull(topic);
        var name = Core.Names.checkTopic(topic).OrThrowArgument(nameof(topic));
        return Consumer.Subscriptions.Any(subscription => subscription.Item1 == name && !subscription.Item2.Equals(filter))
            ? throw new InvalidOperationException(
                $"Topic {name} has been subscribed to before, and this would replace it. Join tags with \"||\".")
            : Set(Core.ConsumerOptionsModule.subscribe(name, filter, Consumer).Subscriptions, nameof(topic), "subscriptions");
    }
}
