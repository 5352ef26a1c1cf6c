using Microsoft.Extensions.Logging;

namespace RocketMq.Client;

/// <summary>The queues of a topic on brokers that share a name.</summary>
/// <param name="BrokerName">The name.</param>
/// <param name="ReadQueues">How many queues consumers read.</param>
/// <param name="WriteQueues">How many queues producers choose from.</param>
/// <param name="IsReadable">Whether consumers may read.</param>
/// <param name="IsWritable">Whether producers may send.</param>
public sealed record TopicQueues(string BrokerName, int ReadQueues, int WriteQueues, bool IsReadable, bool IsWritable);

/// <summary>A master and its slaves.</summary>
/// <param name="ClusterName">The cluster that they belong to.</param>
/// <param name="BrokerName">The name that they share.</param>
/// <param name="Addresses">"host:port" by broker id; 0 is the master, which may be absent.</param>
public sealed record BrokerGroup(string ClusterName, string BrokerName, IReadOnlyDictionary<long, string> Addresses);

/// <summary>Where the queues of a topic are.</summary>
/// <param name="Queues">How many, by broker name.</param>
/// <param name="Brokers">The brokers that have them.</param>
public sealed record TopicRoute(IReadOnlyList<TopicQueues> Queues, IReadOnlyList<BrokerGroup> Brokers);

/// <summary>All brokers that a name server knows.</summary>
/// <param name="Brokers">The brokers.</param>
/// <param name="Clusters">Broker names by cluster.</param>
public sealed record ClusterInfo(IReadOnlyList<BrokerGroup> Brokers, IReadOnlyDictionary<string, IReadOnlyList<string>> Clusters);

/// <summary>
/// Asks name servers: the one that answered last, and the next one when it cannot be reached. Safe to use from any thread.
/// </summary>
public sealed class NameServerClient : IAsyncDisposable
{
    private readonly Core.NameServer _inner;

    internal NameServerClient(Core.NameServer inner) => _inner = inner;

    /// <summary>Begins to set up a client, with TLS or credentials for instance.</summary>
    public static NameServerClientBuilder Create() => new();

    /// <summary>A client of name servers, "host:port;host:port". Connects with the first question.</summary>
    /// <exception cref="ArgumentException">An address is none.</exception>
    public static NameServerClient Connect(
        string nameServers, RemotingPreset preset = RemotingPreset.Default, ILogger? logger = null)
    {
        var builder = Create().NameServers(nameServers).Preset(preset);
        return (logger is null ? builder : builder.Logger(logger)).Start();
    }

    /// <summary>The same, of the default preset, which logs in the category "RocketMq.Client".</summary>
    /// <exception cref="ArgumentException">An address is none.</exception>
    public static NameServerClient Connect(string nameServers, ILoggerFactory loggerFactory) =>
        Create().NameServers(nameServers).Logger(loggerFactory).Start();

    /// <summary>Where the queues of a topic are.</summary>
    /// <exception cref="BrokerException">With TopicNotExist if no broker has it.</exception>
    /// <exception cref="RocketMqException">No name server answered.</exception>
    public async Task<TopicRoute> GetRouteAsync(string topic, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        var route = (await _inner.Route(topic, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
        return new(
            [.. route.Queues.Select(queues => new TopicQueues(
                queues.BrokerName, queues.ReadQueues, queues.WriteQueues, queues.IsReadable, queues.IsWritable))],
            [.. route.Brokers.Select(FromCore)]);
    }

    /// <summary>All brokers.</summary>
    /// <exception cref="RocketMqException">No name server answered.</exception>
    public async Task<ClusterInfo> GetClusterAsync(CancellationToken cancellationToken = default)
    {
        return FromCore((await _inner.Cluster(cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken));
    }

    /// <summary>The names of all topics.</summary>
    /// <exception cref="RocketMqException">No name server answered, or it does not list topics.</exception>
    public async Task<IReadOnlyList<string>> GetTopicsAsync(CancellationToken cancellationToken = default) =>
        [.. (await _inner.Topics(cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken)];

    /// <summary>A value of the key-value store, or null.</summary>
    /// <exception cref="RocketMqException">No name server answered.</exception>
    public async Task<string?> GetValueAsync(string space, string key, CancellationToken cancellationToken = default)
    {
        var request = Core.Protocol.KeyValueConfig.get.Request(Place(space, key));
        return OptionModule.ToObj((await _inner.Request(request, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken));
    }

    /// <summary>Sets a value of the key-value store, on one name server: they do not tell each other.</summary>
    /// <exception cref="RocketMqException">No name server answered.</exception>
    public async Task PutValueAsync(string space, string key, string value, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(value);
        var request = Core.Protocol.KeyValueConfig.put.Request(new Core.Protocol.KeyValueEntry(Place(space, key), value));
        (await _inner.Request(request, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>Deletes a value of the key-value store, on one name server.</summary>
    /// <exception cref="RocketMqException">No name server answered.</exception>
    public async Task DeleteValueAsync(string space, string key, CancellationToken cancellationToken = default)
    {
        var request = Core.Protocol.KeyValueConfig.delete.Request(Place(space, key));
        (await _inner.Request(request, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>Closes its connections.</summary>
    public ValueTask DisposeAsync() => new(_inner.Close());

    /// <summary>As <see cref="DisposeAsync"/>: nothing is at work that it waits for, so the token changes nothing.</summary>
    public Task StopAsync(CancellationToken cancellationToken = default) => DisposeAsync().AsTask();

    private static Core.Protocol.KeyValuePlace Place(string space, string key)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(key);
        return new(space, key);
    }

    internal static ClusterInfo FromCore(Core.Protocol.ClusterInfo cluster) => new(
        [.. cluster.Brokers.Values.Select(FromCore)],
        cluster.Clusters.ToDictionary(pair => pair.Key, pair => (IReadOnlyList<string>)[.. pair.Value]));

    private static BrokerGroup FromCore(Core.Protocol.BrokerData broker) =>
        new(broker.Cluster, broker.BrokerName, broker.Addresses.ToDictionary(pair => pair.Key, pair => pair.Value));
}
