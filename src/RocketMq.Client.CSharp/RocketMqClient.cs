namespace RocketMq.Client;

/// <summary>
/// What any number of producers and consumers of one process have in common: one connection to each server of a cluster, routes,
/// and one heartbeat to each broker for all of them, under one client id. Safe to use from any thread.
/// </summary>
/// <remarks>
/// Producers and consumers are begun with it, as <see cref="Producer(string)"/>. Each may be disposed of by itself, and then leaves
/// the others as they are; all are closed with the client. Their builders begin with the client's settings. What belongs to the
/// cluster stays as it is there: one that is set otherwise does not start. A namespace and codecs may be their own. A group has one
/// consumer at most in one client.
/// </remarks>
public sealed class RocketMqClient : IAsyncDisposable
{
    internal RocketMqClient(Core.RocketMqClient inner) => Inner = inner;

    internal Core.RocketMqClient Inner { get; }

    /// <summary>Begins to set up a client.</summary>
    public static RocketMqClientBuilder Create() => new();

    /// <summary>Brokers know all that share it by this.</summary>
    public string ClientId => Inner.ClientId;

    /// <summary>How each connection is doing.</summary>
    public IReadOnlyList<ConnectionHealth> Connections => [.. Inner.Connections.Select(ConnectionHealth.FromCore)];

    /// <summary>The name servers, "host:port"; none yet while an address server has not named them.</summary>
    public IReadOnlyList<string> NameServers => [.. Inner.Instance.NameServer.Endpoints.Select(endpoint => endpoint.ToString())];

    /// <summary>All brokers, as a name server knows them.</summary>
    /// <exception cref="RocketMqException">No name server answered.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<ClusterInfo> GetClusterAsync(CancellationToken cancellationToken = default)
    {
        Inner.Instance.Search();
        var cluster = await Inner.Instance.NameServer.Cluster(cancellationToken).ConfigureAwait(false);
        return NameServerClient.FromCore(cluster.OrThrow(cancellationToken));
    }

    /// <summary>
    /// The release of each broker that has answered so far, by "host:port", as its answers say; brokers before 4.0 are left out.
    /// Empty before the first answer: a client connects when one of those that share it needs to.
    /// </summary>
    public IReadOnlyDictionary<string, Version> BrokerVersions
    {
        get
        {
            var versions = new Dictionary<string, Version>(StringComparer.Ordinal);

            foreach (var (broker, ordinal) in Inner.BrokerVersions)
            {
                if (Core.Protocol.ProtocolVersion.tryRelease(ordinal) is { IsSome: true, Value: var (major, minor, patch) })
                {
                    versions[broker.ToString()] = new(major, minor, patch);
                }
            }

            return versions;
        }
    }

    /// <summary>Begins to set up a producer that shares it.</summary>
    /// <param name="group">The group. Several producers may have the same.</param>
    public ProducerBuilder Producer(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(group, Inner);
    }

    /// <summary>Begins to set up a producer of transactions that shares it.</summary>
    /// <param name="group">The group. Brokers ask any producer of it what became of a transaction.</param>
    public TransactionProducerBuilder TransactionProducer(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(group, Inner);
    }

    /// <summary>Begins to set up a push consumer that shares it.</summary>
    /// <param name="group">The group, of which it is the only member in this client.</param>
    public PushConsumerBuilder PushConsumer(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(group, Inner);
    }

    /// <summary>Begins to set up a pull consumer, or a pull client, that shares it.</summary>
    /// <param name="group">The group, of which it is the only member in this client.</param>
    public PullConsumerBuilder PullConsumer(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(group, Inner);
    }

    /// <summary>Begins to set up a consumer that pops and shares it.</summary>
    /// <param name="group">The group, of which it is the only member in this client.</param>
    public PopConsumerBuilder PopConsumer(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(group, Inner);
    }

    /// <summary>Begins to set up a simple consumer that shares it.</summary>
    /// <param name="group">The group, of which it is the only member in this client.</param>
    public SimpleConsumerBuilder SimpleConsumer(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return new(group, Inner);
    }

    /// <summary>Closes the consumers that share it, then the producers, and then the connections.</summary>
    public ValueTask DisposeAsync() => new(StopAsync());

    /// <summary>
    /// As <see cref="DisposeAsync"/>, but handlers, and messages on their way, are waited for until the token is cancelled, whatever
    /// drain timeouts say. It ends without an exception. Without a token drain timeouts count.
    /// </summary>
    public Task StopAsync(CancellationToken cancellationToken = default) => Inner.Stop(cancellationToken);
}
