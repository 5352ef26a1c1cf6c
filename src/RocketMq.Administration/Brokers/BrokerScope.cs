namespace RocketMq.Client.Administration;

/// <summary>Which brokers an action is for.</summary>
public sealed class BrokerScope
{
    private BrokerScope(Admin.BrokerScope inner) => Inner = inner;

    /// <summary>Those of all clusters.</summary>
    public static BrokerScope All { get; } = new(Admin.BrokerScope.All);

    internal Admin.BrokerScope Inner { get; }

    /// <summary>Those of one cluster.</summary>
    public static BrokerScope Cluster(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return new(Admin.BrokerScope.NewCluster(name));
    }

    /// <summary>One broker by its name, which a master and its slaves share, or by its address, "host:port".</summary>
    public static BrokerScope Broker(string nameOrAddress)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(nameOrAddress);
        return new(Admin.BrokerScope.NewBroker(nameOrAddress));
    }

    /// <inheritdoc/>
    public override string ToString() => Inner.ToString();
}
