namespace RocketMq.Client.Administration;

/// <summary>A broker as a name server knows it.</summary>
/// <param name="Cluster">The cluster that it belongs to.</param>
/// <param name="Name">The name, which a master and its slaves share.</param>
/// <param name="Id">0 is the master.</param>
/// <param name="Address">"host:port".</param>
public sealed record BrokerAddress(string Cluster, string Name, long Id, string Address)
{
    /// <summary>Whether it takes writes.</summary>
    public bool IsMaster => Id == 0;

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({Address})";

    internal static BrokerAddress FromCore(Admin.BrokerAddress broker) =>
        new(broker.Cluster, broker.Name, broker.Id, broker.Address);
}
