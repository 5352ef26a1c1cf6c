using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace RocketMq.Hosting;

/// <summary>A client, and how it was doing when a check read it.</summary>
/// <param name="Client">The client.</param>
/// <param name="Health">Null if it had not started.</param>
internal readonly record struct ClientReading(HostedClient Client, ClientHealth? Health);

/// <summary>
/// What both checks look at. They send nothing: they read what the clients know, each once, so that verdict and data agree.
/// </summary>
internal abstract class RocketMqHealthCheck(Func<ClusterRuntime> runtime, TimeProvider clock) : IHealthCheck
{
    protected TimeProvider Clock => clock;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var cluster = runtime();
        var clients = cluster.Clients
            .Select(client => new ClientReading(client, client.IsStarted() ? client.Health() : null))
            .ToList();
        var problems = Problems(cluster, clients).ToList();
        var data = HealthData.Of(cluster, clients, clock);

        return Task.FromResult(problems.Count == 0
            ? HealthCheckResult.Healthy($"RocketMQ cluster {cluster.Registration.Title}", data)
            : new HealthCheckResult(context.Registration.FailureStatus, string.Join("; ", problems), data: data));
    }

    protected abstract IEnumerable<string> Problems(ClusterRuntime cluster, IReadOnlyList<ClientReading> clients);
}

/// <summary>
/// Whether the process must be restarted: a handler is stuck, or a loop has ended that must not. A broker that is away is no reason.
/// </summary>
internal sealed class LivenessCheck(Func<ClusterRuntime> runtime, TimeProvider clock) : RocketMqHealthCheck(runtime, clock)
{
    /// <summary>A queue that is not full and from which nothing has been pulled for so long, though nothing fails, has lost its loop.</summary>
    private static readonly TimeSpan SilentQueue = TimeSpan.FromMinutes(5);

    protected override IEnumerable<string> Problems(ClusterRuntime cluster, IReadOnlyList<ClientReading> clients)
    {
        if (cluster.Status.Defect is { } defect)
        {
            yield return defect;
        }

        foreach (var (client, read) in clients)
        {
            switch (read)
            {
                case PushConsumerHealth { StuckHandlers: > 0 and var stuck }:
                    yield return Stuck(client, stuck);
                    break;
                case PopConsumerHealth { StuckHandlers: > 0 and var stuck }:
                    yield return Stuck(client, stuck);
                    break;
                case PushConsumerHealth { Problems.Count: 0, IsPaused: false } health when !cluster.Status.IsStopping:
                    foreach (var queue in health.Queues.Where(queue => !queue.IsFull && queue.SincePull > SilentQueue))
                    {
                        yield return $"{client.Title} has not pulled from {queue.Queue} for {HealthData.Seconds(queue.SincePull)} s";
                    }

                    break;
            }
        }
    }

    private static string Stuck(HostedClient client, int handlers) => string.Create(
        CultureInfo.InvariantCulture, $"{client.Title} has {handlers} handlers that have taken longer than the consume timeout");
}

/// <summary>
/// Whether the service can do its work now: its clients have started, name server and brokers have been heard lately, and nothing that
/// a client tried last has failed.
/// </summary>
internal sealed class ReadinessCheck(Func<ClusterRuntime> runtime, TimeProvider clock, TimeSpan heardWithin)
    : RocketMqHealthCheck(runtime, clock)
{
    protected override IEnumerable<string> Problems(ClusterRuntime cluster, IReadOnlyList<ClientReading> clients)
    {
        if (cluster.Status.IsStopping)
        {
            yield return "it stops";
        }

        if (cluster.Status.StartProblem is { } start)
        {
            yield return start;
        }

        if (NameServerProblem(cluster) is { } nameServer)
        {
            yield return nameServer;
        }

        foreach (var (client, health) in clients)
        {
            foreach (var problem in health?.Problems ?? [])
            {
                yield return $"{client.Title}: {problem}";
            }
        }
    }

    private string? NameServerProblem(ClusterRuntime cluster)
    {
        if (cluster.Status.HeardAt is not 0 and var heard && Clock.GetElapsedTime(heard) <= heardWithin)
        {
            return null;
        }

        return cluster.Status.NameServerProblem
            ?? $"no name server has been heard for more than {HealthData.Seconds(heardWithin)} s";
    }
}
