using Microsoft.FSharp.Collections;
using Core = RocketMq;

namespace RocketMq.Client;

/// <summary>Sets up a <see cref="NameServerClient"/>. Immutable; each method gives a new one.</summary>
public sealed class NameServerClientBuilder : ConnectionBuilder<NameServerClientBuilder>
{
    internal NameServerClientBuilder() : this(new RemotingSettings()) { }

    private NameServerClientBuilder(RemotingSettings remoting) : base(remoting) { }

    private protected override NameServerClientBuilder With(RemotingSettings remoting) => new(remoting);

    private protected override NameServerClientBuilder Read(string? settings) =>
        With(Remoting.Read(FSharpList<Core.OwnSetting<object?>>.Empty, settings, null).Remoting);

    /// <summary>The name servers, "host:port;host:port". Needed.</summary>
    /// <exception cref="ArgumentException">One is no address.</exception>
    public NameServerClientBuilder NameServers(string addresses) =>
        With(Remoting with { NameServers = Addresses.ParseList(addresses) });

    /// <summary>The client. It connects with the first question.</summary>
    /// <exception cref="InvalidRequestException">No name server is named, or settings do not go together.</exception>
    public NameServerClient Start() =>
        new(Core.NameServer.Start(FoundNameServers(null), Remoting.ToCore(Core.WhenDisconnected.FailWithDial)).OrThrow());
}
