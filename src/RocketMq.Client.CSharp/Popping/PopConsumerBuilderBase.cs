using Core = RocketMq;

namespace RocketMq.Client;

/// <summary>What both consumers that pop set up. Immutable; each method gives a new builder.</summary>
/// <typeparam name="TBuilder">The builder itself.</typeparam>
public abstract class PopConsumerBuilderBase<TBuilder> : ConnectionBuilder<TBuilder>
    where TBuilder : PopConsumerBuilderBase<TBuilder>
{
    private protected PopConsumerBuilderBase(RemotingSettings remoting) : base(remoting) { }

    private protected abstract Core.PopClientOptions Membership { get; }

    private protected abstract TBuilder With(Core.PopClientOptions membership);

    /// <summary>
    /// The name servers, "host:port;host:port". Default those of the environment variable NAMESRV_ADDR, as in Java. Needed, or
    /// <see cref="AddressServer"/>.
    /// </summary>
    /// <exception cref="ArgumentException">One is no address.</exception>
    public TBuilder NameServers(string addresses) =>
        With(Remoting with { NameServers = Addresses.ParseList(addresses) });

    /// <summary>
    /// Finds name servers by asking a web server, http://domain:8080/rocketmq/subgroup, at once and every two minutes, as Java's
    /// clients do. Default none.
    /// </summary>
    /// <param name="domain">A host, or "host:port".</param>
    /// <param name="subgroup">Which list of addresses.</param>
    /// <param name="unitName">A unit of a deployment in several; empty for none.</param>
    /// <exception cref="ArgumentException">Domain or subgroup is empty.</exception>
    public TBuilder AddressServer(string domain, string subgroup = "nsaddr", string unitName = "")
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(domain);
        ArgumentException.ThrowIfNullOrWhiteSpace(subgroup);
        ArgumentNullException.ThrowIfNull(unitName);
        return With(Core.PopClientOptionsModule.withAddressServer(new(domain, subgroup, unitName), Membership));
    }

    /// <summary>What topics and group belong to: they travel as "name%topic". Default none.</summary>
    /// <exception cref="ArgumentException">It is no such name: 1 to 255 characters of a-z A-Z 0-9 % | - _.</exception>
    public TBuilder Namespace(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return With(Core.PopClientOptionsModule.withNamespace(Core.Names.checkGroup(name).OrThrowArgument(nameof(name)), Membership));
    }

    /// <summary>The largest body after inflating, in bytes. Default 64 MiB.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0.</exception>
    public TBuilder MaxDecompressedBodySize(int bytes) =>
        With(Core.PopClientOptionsModule.withMaxDecompressedBodySize(Checked.Count(bytes, int.MaxValue), Membership));

    /// <summary>
    /// Inflates by a codec of one's own, in place of the one for the same compression. Default zlib by the framework; LZ4 and
    /// Zstandard by libraries of the system, if there are.
    /// </summary>
    /// <exception cref="ArgumentException">Its compression is not a number from 1 to 7.</exception>
    public TBuilder Codec(IBodyCodec codec)
    {
        ArgumentNullException.ThrowIfNull(codec);
        return With(Core.PopClientOptionsModule.withCodecs(
            Core.BodyCodecsModule.add(new CoreCodec(codec), Membership.Codecs).OrThrowArgument(nameof(codec)),
            Membership));
    }

    /// <summary>Reads a topic: messages with one of the tags, joined with "||", or all of them. May be called for several topics.</summary>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    /// <exception cref="InvalidOperationException">The topic has been subscribed to before with another expression.</exception>
    public TBuilder Subscribe(string topic, string tags = "*")
    {
        ArgumentNullException.ThrowIfNull(tags);
        return Subscribe(topic, Core.Filter.NewByTag(tags));
    }

    /// <summary>
    /// Reads a topic: messages whose properties fit an SQL92 expression, such as "price > 10 AND region = 'EU'". Brokers need
    /// <c>enablePropertyFilter=true</c>.
    /// </summary>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    /// <exception cref="InvalidOperationException">The topic has been subscribed to before with another expression.</exception>
    public TBuilder SubscribeSql92(string topic, string expression)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(expression);
        return Subscribe(topic, Core.Filter.NewBySql92(expression));
    }

    /// <summary>Where to begin if the group has popped nothing. Default <see cref="ConsumeFrom.LastOffset"/>.</summary>
    public TBuilder ConsumeFromWhere(ConsumeFrom value) => With(Core.PopClientOptionsModule.consumeFromWhere(
        value == ConsumeFrom.FirstOffset ? Core.ConsumeFrom.FirstOffset : Core.ConsumeFrom.LastOffset, Membership));

    /// <summary>Tells this client from others of the host. Default: a name of its own.</summary>
    public TBuilder InstanceName(string value)
    {
        ArgumentException.ThrowIfNullOrEmpty(value);
        return With(Core.PopClientOptionsModule.withInstanceName(value, Membership));
    }

    /// <summary>The unit of a deployment in several that it belongs to. Default none.</summary>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public TBuilder UnitName(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return With(Core.PopClientOptionsModule.withUnitName(name, Membership));
    }

    private TBuilder Subscribe(string topic, Core.Filter filter) => With(
        Core.PopClientOptionsModule.subscribe(Subscribed.Topic(topic, filter, Membership.Subscriptions), filter, Membership));

    /// <summary>With all that connections need.</summary>
    private protected Core.PopClientOptions WithConnections() => Core.PopClientOptionsModule.withRemoting(
        Remoting.ToCore(Core.WhenDisconnected.FailWithDial),
        Core.PopClientOptionsModule.withNameServers(FoundNameServers(null), Membership));
}
