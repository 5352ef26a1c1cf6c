namespace RocketMq.Client;

/// <summary>What producers and consumers of all kinds set up. Immutable; each method gives a new builder.</summary>
/// <typeparam name="TSelf">The builder itself.</typeparam>
public abstract class ClientBuilder<TSelf> : ConnectionBuilder<TSelf>
    where TSelf : ClientBuilder<TSelf>
{
    private protected ClientBuilder(Draft draft) : base(draft) { }

    private protected abstract Core.ClientOptions Client { get; }

    /// <summary>
    /// The name servers, "host:port;host:port". Default those of <see cref="AddressServer"/>, or of the environment variable
    /// NAMESRV_ADDR, as in Java.
    /// </summary>
    /// <exception cref="ArgumentException">One is no address.</exception>
    public TSelf NameServers(string addresses) => Set(Addresses.ParseList(addresses));

    /// <summary>
    /// Finds name servers by asking a web server, http://domain:8080/rocketmq/subgroup, at once and every two minutes, as Java's
    /// clients do. Default none.
    /// </summary>
    /// <param name="domain">A host, or "host:port".</param>
    /// <param name="subgroup">Which list of addresses; null is "nsaddr".</param>
    /// <param name="unitName">A unit of a deployment in several; null or empty for none.</param>
    /// <exception cref="ArgumentException">Domain or subgroup is blank.</exception>
    public TSelf AddressServer(string domain, string? subgroup = null, string? unitName = null)
    {
        ArgumentNullException.ThrowIfNull(domain);
        var defaults = Core.AddressServer.Default;
        return Set(new Core.AddressServer(domain, subgroup ?? defaults.Subgroup, unitName ?? defaults.UnitName), nameof(domain));
    }

    /// <summary>What topics and groups belong to: they travel as "name%topic". Default none, or the one that the first name
    /// server's address implies, as in Java: "MQ_INST_x_y" for "MQ_INST_x_y.host".</summary>
    /// <exception cref="ArgumentException">It is no such name: 1 to 255 characters of a-z A-Z 0-9 % | - _.</exception>
    public TSelf Namespace(string name) => Set(name);

    /// <summary>
    /// Tells this client from others of the host, in its id. Default one of its own with each start; a broadcasting consumer needs the
    /// same one each time to find its offsets again.
    /// </summary>
    /// <exception cref="ArgumentException">It is blank, has more than 128 characters, or slashes or control characters.</exception>
    public TSelf InstanceName(string name) => Set(name);

    /// <summary>The unit of a deployment in several that it belongs to. Default none.</summary>
    /// <exception cref="ArgumentException">As of <see cref="InstanceName"/>.</exception>
    public TSelf UnitName(string name) => Set(name);

    /// <summary>
    /// Leaves the subscriptions out of heartbeats to brokers that know them already (heartbeats of version 2, brokers of 5.x; others get
    /// them each time): for clients that subscribe to hundreds of topics. Default off, as in Java.
    /// </summary>
    public TSelf UseHeartbeatV2() => Set(true);

    /// <summary>
    /// Compresses and inflates by this codec, in place of the one for the same compression. Default zlib by the framework; the
    /// package RocketMq.Compression has LZ4 and Zstandard, see its AddCompressionCodecs.
    /// </summary>
    /// <exception cref="ArgumentException">Its compression is not a number from 1 to 7.</exception>
    public TSelf Codec(IBodyCodec codec)
    {
        ArgumentNullException.ThrowIfNull(codec);
        return Set(Core.BodyCodecsModule.add(codec as Core.IBodyCodec ?? new CoreCodec(codec), Client.Codecs).OrThrowArgument(nameof(codec)));
    }

    /// <summary>These and those that were added to the builder, for who reads what its clients do.</summary>
    internal Core.BodyCodecs AddCodecsTo(Core.BodyCodecs codecs) => Core.BodyCodecsModule.addAll(Client.Codecs, codecs);

    internal TSelf WithCodecs(Core.BodyCodecs codecs) => Set(codecs, setting: nameof(Codec));

    /// <summary>The options as the core takes them.</summary>
    /// <exception cref="InvalidRequestException">NAMESRV_ADDR is no list of addresses.</exception>
    private protected TOptions ToCore<TOptions>() => Draft.FindNameServers(Client).Options<TOptions>();
}
