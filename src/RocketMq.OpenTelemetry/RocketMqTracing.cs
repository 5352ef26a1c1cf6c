namespace OpenTelemetry.Trace;

/// <summary>Which spans of RocketMQ for .NET are traced.</summary>
public sealed class RocketMqTracingOptions
{
    /// <summary>
    /// Spans of requests to name servers and brokers as well, of which each message takes some and idle consumers make many. Default
    /// false.
    /// </summary>
    public bool Requests { get; set; }
}

/// <summary>Traces of RocketMQ for .NET.</summary>
public static class RocketMqTracerProviderBuilderExtensions
{
    /// <summary>
    /// Traces what producers send, what consumers' handlers process, and how messages are received and settled. Contexts travel in the
    /// messages' properties.
    /// </summary>
    /// <param name="builder">What the source is added to.</param>
    /// <returns>The same builder.</returns>
    public static TracerProviderBuilder AddRocketMqInstrumentation(this TracerProviderBuilder builder) =>
        AddRocketMqInstrumentation(builder, null);

    /// <summary>The same, with what else is traced.</summary>
    /// <param name="builder">What the sources are added to.</param>
    /// <param name="configure">Called at once with options that have their defaults.</param>
    /// <returns>The same builder.</returns>
    public static TracerProviderBuilder AddRocketMqInstrumentation(
        this TracerProviderBuilder builder, Action<RocketMqTracingOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var options = new RocketMqTracingOptions();
        configure?.Invoke(options);
        builder.AddSource(RocketMqTelemetry.Client);
        return options.Requests ? builder.AddSource(RocketMqTelemetry.Requests) : builder;
    }
}
