using System.Diagnostics.CodeAnalysis;

namespace RocketMq.Hosting;

/// <summary>The clusters that are registered with a service.</summary>
internal sealed class ClusterNames
{
    private readonly List<ClusterRegistration> _clusters = [];

    /// <summary>Names of those that have one.</summary>
    internal IReadOnlyCollection<string> Named =>
        [.. _clusters.Select(cluster => cluster.Name).Where(name => name.Length > 0)];

    internal bool TryFind(string name, [NotNullWhen(true)] out ClusterRegistration? cluster)
    {
        cluster = _clusters.Find(one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        return cluster is not null;
    }

    internal ClusterRegistration Add(string name)
    {
        var cluster = new ClusterRegistration(name);
        _clusters.Add(cluster);
        return cluster;
    }
}
