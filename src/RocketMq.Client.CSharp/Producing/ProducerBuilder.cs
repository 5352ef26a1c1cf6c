using Microsoft.FSharp.Collections;
using Core = RocketMq;

namespace RocketMq.Client;

/// <summary>Sets up a <see cref="Producer"/>. Immutable; each method gives a new one.</summary>
public sealed class ProducerBuilder : ProducerBuilderBase<ProducerBuilder>
{
    internal ProducerBuilder(string group)
        : this(Core.ProducerOptionsModule.create(group, FSharpList<Core.Endpoint>.Empty), new RemotingSettings { OnMaxInFlight = OverflowPolicy.Wait }) { }

    private ProducerBuilder(Core.ProducerOptions options, RemotingSettings remoting) : base(options, remoting) { }

    private protected override ProducerBuilder With(Core.ProducerOptions options, RemotingSettings remoting) =>
        new(options, remoting);

    /// <summary>Starts the producer. It connects with its first message.</summary>
    /// <exception cref="InvalidRequestException">No name server is named, or settings do not go together.</exception>
    public Task<Producer> StartAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var options = ToCore();
        return Task.FromResult(new Producer(Core.Producer.Start(options).OrThrow(), options.Codecs));
    }
}
