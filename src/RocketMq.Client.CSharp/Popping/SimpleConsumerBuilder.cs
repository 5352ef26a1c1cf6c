using Microsoft.FSharp.Collections;
using Core = RocketMq;

namespace RocketMq.Client;

/// <summary>Sets up a <see cref="SimpleConsumer"/>. Immutable; each method gives a new one.</summary>
public sealed class SimpleConsumerBuilder : PopConsumerBuilderBase<SimpleConsumerBuilder>
{
    private readonly Core.SimpleConsumerOptions _options;

    internal SimpleConsumerBuilder(string group)
        : this(Core.SimpleConsumerOptionsModule.create(group, FSharpList<Core.Endpoint>.Empty), new RemotingSettings()) { }

    private SimpleConsumerBuilder(Core.SimpleConsumerOptions options, RemotingSettings remoting) : base(remoting) =>
        _options = options;

    private protected override Core.PopClientOptions Membership => _options.Membership;

    private protected override SimpleConsumerBuilder Read(string? settings)
    {
        var (options, remoting) = Remoting.Read(Core.SimpleConsumerOptionsModule.settings(), settings, _options);
        return new(options, remoting);
    }

    private protected override SimpleConsumerBuilder With(RemotingSettings remoting) => new(_options, remoting);

    private protected override SimpleConsumerBuilder With(Core.PopClientOptions membership) =>
        With(Core.SimpleConsumerOptionsModule.withMembership(membership, _options));

    /// <summary>How long a call waits for a message. Default 15 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public SimpleConsumerBuilder AwaitDuration(TimeSpan value) =>
        With(Core.SimpleConsumerOptionsModule.withAwaitDuration(Checked.Span(value), _options));

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
        cancellationToken.ThrowIfCancellationRequested();
        var options = Core.SimpleConsumerOptionsModule.withMembership(WithConnections(), _options);
        var starting = Core.SimpleConsumer.Start(options);
        return new(
            await Lifetime.StartAsync(starting, "a simple consumer", cancellationToken).ConfigureAwait(false),
            options.Membership.Group);
    }

    private SimpleConsumerBuilder With(Core.SimpleConsumerOptions options) => new(options, Remoting);
}
