using Microsoft.Extensions.Logging;
using Microsoft.FSharp.Collections;
using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>Sets up a <see cref="Producer"/>. Immutable; each method gives a new one.</summary>
public sealed class ProducerBuilder : ConnectionBuilder<ProducerBuilder>
{
    private readonly Core.ProducerOptions _options;

    internal ProducerBuilder(string group)
        : this(Core.ProducerOptionsModule.create(group, FSharpList<Core.Endpoint>.Empty), new RemotingSettings()) { }

    private ProducerBuilder(Core.ProducerOptions options, RemotingSettings remoting) : base(remoting) => _options = options;

    private protected override bool FindsServers => true;

    private protected override ProducerBuilder With(RemotingSettings remoting) => new(_options, remoting);

    /// <summary>The name servers, "host:port;host:port". Needed.</summary>
    /// <exception cref="ArgumentException">One is no address.</exception>
    public ProducerBuilder NameServers(string addresses) =>
        With(Remoting with { NameServers = Addresses.ParseList(addresses) });

    /// <summary>How long one message may take, all attempts together. Default 3 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Zero or negative.</exception>
    public ProducerBuilder SendTimeout(TimeSpan value) => With(Core.ProducerOptionsModule.withSendTimeout(Checked.Span(value), _options));

    /// <summary>How often a message is tried at most, the first time included. Default 3.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 100.</exception>
    public ProducerBuilder Attempts(int value) => With(Core.ProducerOptionsModule.withAttempts(Checked.Count(value, 100), _options));

    /// <summary>Bodies of this many bytes and more are compressed. Default 4,096.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Zero or negative.</exception>
    public ProducerBuilder CompressFrom(int bytes) => With(Core.ProducerOptionsModule.withCompression(_options.Compression, Checked.Count(bytes, int.MaxValue), _options));

    /// <summary>Writes ROCKETMQ binary headers instead of JSON ones.</summary>
    public ProducerBuilder BinaryHeaders() => With(Remoting with { BinaryHeaders = true });

    /// <summary>Where to log. Default nowhere.</summary>
    public ProducerBuilder Logger(ILogger value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return With(Remoting with { Logger = value });
    }

    /// <summary>Starts the producer. It connects with its first message.</summary>
    /// <exception cref="InvalidRequestException">No name server is named, or settings do not go together.</exception>
    public Task<Producer> StartAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult(new Producer(Core.Producer.Start(ToCore()).OrThrow()));
    }

    private Core.ProducerOptions ToCore() => Core.ProducerOptionsModule.withRemoting(
        Remoting.ToCore(Core.WhenDisconnected.FailWithDial),
        Core.ProducerOptionsModule.withNameServers(Remoting.NameServers, _options));

    private ProducerBuilder With(Core.ProducerOptions options) => new(options, Remoting);
}
