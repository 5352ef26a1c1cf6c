namespace RocketMq.Client;

/// <summary>Sets up a <see cref="RocketMqClient"/>. Immutable; each method gives a new one.</summary>
public sealed class RocketMqClientBuilder : ClientBuilder<RocketMqClientBuilder>
{
    internal RocketMqClientBuilder()
        : this(Draft.Of(
            Core.ClientOptionsModule.kindOfShared, Core.ClientOptionsModule.shared(FSharpList<Core.Endpoint>.Empty)))
    { }

    private RocketMqClientBuilder(Draft draft) : base(draft) { }

    private protected override Core.ClientOptions Client => Draft.Options<Core.ClientOptions>();

    private protected override RocketMqClientBuilder With(Draft draft) => new(draft);

    /// <summary>The client. It connects when one of those that share it does.</summary>
    /// <exception cref="InvalidRequestException">No name server is named, or settings do not go together.</exception>
    public RocketMqClient Start() => new(Core.RocketMqClient.Create(ToCore<Core.ClientOptions>()).OrThrow());
}
