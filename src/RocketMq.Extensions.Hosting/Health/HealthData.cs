using System.Globalization;

namespace RocketMq.Hosting;

/// <summary>What health checks tell beside their verdict.</summary>
internal static class HealthData
{
    internal static IReadOnlyDictionary<string, object> Of(
        ClusterRuntime cluster, IReadOnlyList<ClientReading> clients, TimeProvider clock)
    {
        var data = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["started"] = cluster.Status.StartProblem is null,
            ["nameServers"] = string.Join(";", cluster.Client.NameServers),
        };

        if (cluster.Status.HeardAt is not 0 and var heard)
        {
            data["nameServerHeardSeconds"] = Math.Round(clock.GetElapsedTime(heard).TotalSeconds, 1);
        }

        if (cluster.Status.NameServerProblem is { } problem)
        {
            data["nameServerError"] = problem;
        }

        foreach (var (client, health) in clients)
        {
            Describe(client, health, data);
        }

        return data;
    }

    internal static string Seconds(TimeSpan span) => span.TotalSeconds.ToString("0.#", CultureInfo.InvariantCulture);

    private static void Describe(HostedClient client, ClientHealth? health, Dictionary<string, object> data)
    {
        if (health is null)
        {
            data[client.Title] = "not started";
            return;
        }

        data[client.Title] = health.IsHealthy ? "healthy" : string.Join("; ", health.Problems);

        switch (health)
        {
            case PushConsumerHealth push:
                Queues(client, push.Queues, push.IsHealthy, data);
                data[$"{client.Title}, stuck handlers"] = push.StuckHandlers;
                break;
            case PullConsumerHealth pull:
                Queues(client, pull.Queues, pull.IsHealthy, data);
                break;
            case PopConsumerHealth pop:
                data[$"{client.Title}, queues"] = pop.Queues.Count;
                data[$"{client.Title}, in flight"] = pop.InFlight;
                data[$"{client.Title}, stuck handlers"] = pop.StuckHandlers;
                LastError(client, pop.LastFailure, data);
                break;
            case SimpleConsumerHealth simple:
                data[$"{client.Title}, in flight"] = simple.InFlight;
                LastError(client, simple.LastFailure, data);
                break;
            case ProducerHealth producer:
                LastError(client, producer.LastFailure, data);
                break;
        }
    }

    private static void Queues(
        HostedClient client, IReadOnlyList<QueueHealth> queues, bool isHealthy, Dictionary<string, object> data)
    {
        data[$"{client.Title}, queues"] = queues.Count;
        data[$"{client.Title}, lag"] = queues.Sum(queue => queue.Lag ?? 0);
        data[$"{client.Title}, cached messages"] = queues.Sum(queue => queue.CachedMessages);

        if (queues.Count == 0 && isHealthy)
        {
            data[$"{client.Title}, why no queues"] = "the other members of the group have them";
        }
    }

    private static void LastError(HostedClient client, ClientProblem? failure, Dictionary<string, object> data)
    {
        if (failure is not null)
        {
            data[$"{client.Title}, last error"] = failure.ToString();
        }
    }
}
