namespace RocketMq.Client;

/// <summary>Sets up a <see cref="SimpleConsumer"/>. Immutable; each method gives a new one.</summary>
public sealed class SimpleConsumerBuilder : ConsumerBuilder<SimpleConsumerBuilder>
{
    internal SimpleConsumerBuilder(string group, Core.RocketMqClient? shared = null)
        : this(Draft.Of(
            Core.SimpleConsumerOptionsModule.kind,
            Core.SimpleConsumerOptionsModule.create(group, FSharpList<Core.Endpoint>.Empty),
            Core.SimpleConsumerOptionsModule.withClient,
            shared))
    { }

    private SimpleConsumerBuilder(Draft draft) : base(draft) { }

    private protected override Core.ConsumerOptions Consumer => Draft.Options<Core.SimpleConsumerOptions>().Consumer;

    private protected override SimpleConsumerBuilder With(Draft draft) => new(draft);

    /// <summary>How long a call waits for a message. Default 15 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public SimpleConsumerBuilder AwaitDuration(TimeSpan value) => Set(value);

    /// <summary>
    /// Joins the group. A topic that is not there, or that no server can be asked for, is looked for until it can be
    /// read: a warning is logged, and <c>Health</c> says so until then.
    /// </summary>
    /// <exception cref="InvalidRequestException">No name server is named, there is no subscription, or settings do not go together.</exception>
    /// <exception cref="RocketMqException">A server refuses: the credentials, or an SQL92 expression.</exception>
    /// <exception cref="OperationCanceledException">
    /// The caller gave up. What has been begun is ended in the background.
    /// </exception>
    public async Task<SimpleConsumer> StartAsync(CancellationToken cancellationToken = default)
    {
        var consumer = Build();
        await consumer.StartAsync(cancellationToken).ConfigureAwait(false);
        return consumer;
    }

    /// <summary>
    /// The consumer, which has not been started: <see cref="SimpleConsumer.StartAsync"/> or its first call does that. Nothing connects.
    /// </summary>
    /// <exception cref="InvalidRequestException">No name server is named, there is no subscription, or settings do not go together.</exception>
    public SimpleConsumer Build()
    {
        var options = ToCore<Core.SimpleConsumerOptions>();
        Core.SimpleConsumerOptionsModule.checkWith(Draft.SharedOptions, options).OrThrow();
        var shared = Draft.Shared;
        return new(options.Consumer.Group, () => Core.SimpleConsumer.StartWith(shared, options));
    }
}
