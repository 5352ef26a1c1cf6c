namespace RocketMq.Client;

/// <summary>Sets up a <see cref="Producer"/>. Immutable; each method gives a new one.</summary>
public sealed class ProducerBuilder : ProducerBuilderBase<ProducerBuilder>
{
    internal ProducerBuilder(string group, Core.RocketMqClient? shared = null) : this(Defaults(group, shared)) { }

    private ProducerBuilder(Draft draft) : base(draft) { }

    private protected override ProducerBuilder With(Draft draft) => new(draft);

    /// <summary>Starts the producer. It connects with its first message.</summary>
    /// <exception cref="InvalidRequestException">No name server is named, or settings do not go together.</exception>
    public async Task<Producer> StartAsync(CancellationToken cancellationToken = default)
    {
        var producer = Build();
        await producer.StartAsync(cancellationToken).ConfigureAwait(false);
        return producer;
    }

    /// <summary>The producer, which has not been started: <see cref="Producer.StartAsync"/> or its first message does that.</summary>
    /// <exception cref="InvalidRequestException">No name server is named, or settings do not go together.</exception>
    public Producer Build()
    {
        var options = ToCore<Core.ProducerOptions>();
        Core.ProducerOptionsModule.checkWith(Draft.SharedOptions, options).OrThrow();
        var shared = Draft.Shared;
        return new(options.Group, options.Client.Codecs, () => Task.FromResult(Core.Producer.StartWith(shared, options)));
    }
}
