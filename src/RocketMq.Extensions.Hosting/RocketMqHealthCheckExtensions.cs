using Microsoft.Extensions.Diagnostics.HealthChecks;
using RocketMq.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Health checks of RocketMQ clusters.</summary>
public static class RocketMqHealthCheckExtensions
{
    /// <summary>The tag of the check whether the process must be restarted.</summary>
    public const string LiveTag = "live";

    /// <summary>The tag of the check whether the service can do its work.</summary>
    public const string ReadyTag = "ready";

    /// <summary>
    /// Adds two checks, "rocketmq-live" and "rocketmq-ready", with the tags "live" and "ready". Both send nothing. The first fails only if a
    /// handler is stuck or a loop has ended; the second also while clients have not started, and while brokers or name servers are away.
    /// </summary>
    /// <param name="builder">The health checks.</param>
    /// <param name="cluster">The cluster's name; null for the one without.</param>
    /// <param name="heardWithin">How long ago a name server may have been heard. Default 90 s; it is asked every 30 s.</param>
    /// <param name="failureStatus">What is reported when a check fails. Default <see cref="HealthStatus.Unhealthy"/>.</param>
    public static IHealthChecksBuilder AddRocketMq(
        this IHealthChecksBuilder builder,
        string? cluster = null,
        TimeSpan? heardWithin = null,
        HealthStatus failureStatus = HealthStatus.Unhealthy)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var name = cluster is null ? "rocketmq" : $"rocketmq-{cluster}";
        var within = heardWithin ?? TimeSpan.FromSeconds(90);

        return builder
            .Add(new($"{name}-live", services => new LivenessCheck(() => RocketMqBuilder.Runtime(services, cluster), ClientDefaults.ClockOf(services)), failureStatus, [LiveTag]))
            .Add(new($"{name}-ready", services => new ReadinessCheck(() => RocketMqBuilder.Runtime(services, cluster), ClientDefaults.ClockOf(services), within), failureStatus, [ReadyTag]));
    }
}
