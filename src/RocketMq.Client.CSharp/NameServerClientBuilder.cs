using Microsoft.Extensions.Logging;
using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>Sets up a <see cref="NameServerClient"/>. Immutable; each method gives a new one.</summary>
public sealed class NameServerClientBuilder : ConnectionBuilder<NameServerClientBuilder>
{
    internal NameServerClientBuilder() : this(new RemotingSettings()) { }

    private NameServerClientBuilder(RemotingSettings remoting) : base(remoting) { }

    private protected override bool FindsServers => true;

    private protected override NameServerClientBuilder With(RemotingSettings remoting) => new(remoting);

    /// <summary>The name servers, "host:port;host:port". Needed.</summary>
    /// <exception cref="ArgumentException">One is no address.</exception>
    public NameServerClientBuilder NameServers(string addresses) =>
        With(Remoting with { NameServers = Addresses.ParseList(addresses) });

    /// <summary>How long a question waits for its answer, the time to connect included. Default 3 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Zero or negative.</exception>
    public NameServerClientBuilder RequestTimeout(TimeSpan value) =>
        With(Remoting with { RequestTimeout = Checked.Span(value) });

    /// <summary>Where to log. Default nowhere.</summary>
    public NameServerClientBuilder Logger(ILogger value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return With(Remoting with { Logger = value });
    }

    /// <summary>The client. It connects with the first question.</summary>
    /// <exception cref="InvalidRequestException">No name server is named, or settings do not go together.</exception>
    public NameServerClient Start() =>
        new(Core.NameServer.Start(FoundNameServers(null), Remoting.ToCore(Core.WhenDisconnected.FailWithDial)).OrThrow());
}
