namespace OpenTelemetry.Metrics;

/// <summary>Which metrics of RocketMQ for .NET are collected.</summary>
public sealed class RocketMqMetricsOptions
{
    /// <summary>How long requests to name servers and brokers take, by request and server. Default false.</summary>
    public bool Requests { get; set; }

    /// <summary>
    /// The lag of each queue by itself, in place of the sum for topic and group alone: as many series as there are queues. Default
    /// false.
    /// </summary>
    public bool Queues { get; set; }
}

/// <summary>Metrics of RocketMQ for .NET.</summary>
public static class RocketMqMeterProviderBuilderExtensions
{
    /// <summary>
    /// Collects how many messages are sent and consumed and how long that takes, consumers' lag, and connections.
    /// </summary>
    /// <param name="builder">What the meter is added to.</param>
    /// <returns>The same builder.</returns>
    public static MeterProviderBuilder AddRocketMqInstrumentation(this MeterProviderBuilder builder) =>
        AddRocketMqInstrumentation(builder, null);

    /// <summary>The same, with what else is collected.</summary>
    /// <param name="builder">What the meters are added to.</param>
    /// <param name="configure">Called at once with options that have their defaults.</param>
    /// <returns>The same builder.</returns>
    public static MeterProviderBuilder AddRocketMqInstrumentation(
        this MeterProviderBuilder builder, Action<RocketMqMetricsOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var options = new RocketMqMetricsOptions();
        configure?.Invoke(options);
        builder.AddMeter(RocketMqTelemetry.Client);

        if (options.Requests)
        {
            builder.AddMeter(RocketMqTelemetry.Requests);
        }

        if (options.Queues)
        {
            builder.AddMeter(RocketMqTelemetry.Queues);
        }

        return builder;
    }
}
