using System.Diagnostics.CodeAnalysis;

namespace RocketMq.Hosting;

/// <summary>The clusters that are registered with a service.</summary>
internal sealed class ClusterNames
{
    private readonly List<ClusterRegistration> _clusters = [];

    /// <summary>Names of those that have one.</summary>
    internal IReadOnlyCollection<string> Named =>
        [.. _clusters.Select(cluster => cluster.Name).Where(name => name.Length > 0)];

    /// <exception cref="InvalidOperationException">
    /// There is one whose name differs in upper and lower case alone: sections do not tell the two apart, keys of services do.
    /// </exception>
    internal bool TryFind(string name, [NotNullWhen(true)] out ClusterRegistration? cluster)
    {
        cluster = _clusters.Find(one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

        return cluster is null || cluster.Name.Equals(name, StringComparison.Ordinal)
            ? cluster is not null
            : throw new InvalidOperationException($"There is a cluster {cluster.Name}: write {name} as it is written there.");
    }

    internal ClusterRegistration Add(string name)
    {
        var cluster = new ClusterRegistration(name);
        _clusters.Add(cluster);
        return cluster;
    }
}
