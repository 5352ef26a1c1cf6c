namespace RocketMq.Client;

/// <summary>Sets up a <see cref="Producer"/>. Immutable; each method gives a new one.</summary>
public sealed class ProducerBuilder : ProducerBuilderBase<ProducerBuilder>
{
    internal ProducerBuilder(string group, Core.RocketMqClient? shared = null) : this(Defaults(group, shared)) { }

    private ProducerBuilder(Draft draft) : base(draft) { }

    private protected override ProducerBuilder With(Draft draft) => new(draft);

    /// <summary>Starts the producer. It connects with its first message.</summary>
    /// <exception cref="InvalidRequestException">No name server is named, or settings do not go together.</exception>
    public Task<Producer> StartAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var options = ToCore<Core.ProducerOptions>();
        return Task.FromResult(new Producer(Core.Producer.StartWith(Draft.Shared, options).OrThrow(cancellationToken), options.Client.Codecs));
    }
}
