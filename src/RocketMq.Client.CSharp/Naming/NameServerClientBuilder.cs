namespace RocketMq.Client;

/// <summary>Sets up a <see cref="NameServerClient"/>. Immutable; each method gives a new one.</summary>
public sealed class NameServerClientBuilder : ConnectionBuilder<NameServerClientBuilder>
{
    internal NameServerClientBuilder()
        : this(Draft.Of(
            Core.ClientOptionsModule.kindOfNameServers, Core.ClientOptionsModule.create(FSharpList<Core.Endpoint>.Empty)))
    { }

    private NameServerClientBuilder(Draft draft) : base(draft) { }

    private protected override NameServerClientBuilder With(Draft draft) => new(draft);

    /// <summary>The name servers, "host:port;host:port". Default those of the environment variable NAMESRV_ADDR, as in Java.</summary>
    /// <exception cref="ArgumentException">One is no address.</exception>
    public NameServerClientBuilder NameServers(string addresses) => Set(Addresses.ParseList(addresses));

    /// <summary>The client. It connects with the first question.</summary>
    /// <exception cref="InvalidRequestException">No name server is named, or settings do not go together.</exception>
    public NameServerClient Start()
    {
        var options = Draft.FindNameServers(Draft.Options<Core.ClientOptions>()).Options<Core.ClientOptions>();
        return new(Core.NameServer.Start(options.NameServers, options.Remoting).OrThrow());
    }
}
