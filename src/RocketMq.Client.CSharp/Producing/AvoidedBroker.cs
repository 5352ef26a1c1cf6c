namespace RocketMq.Client;

/// <summary>A broker that a producer's messages avoid for a time, because it failed or was slow.</summary>
/// <param name="BrokerName">The name.</param>
/// <param name="Latency">How long the send took that was the last reason.</param>
/// <param name="IsReachable">Whether its last send was answered. One that failed is tried after all slow ones.</param>
public sealed record AvoidedBroker(string BrokerName, TimeSpan Latency, bool IsReachable)
{
    internal static AvoidedBroker FromCore(Core.AvoidedBroker broker) =>
        new(broker.Name, TimeSpan.FromMilliseconds(broker.LatencyMillis), broker.IsReachable);
}

/// <summary>A broker whose answer took at least so long is avoided for so long. Both to the millisecond.</summary>
/// <param name="AtLeast">How long the answer took at least.</param>
/// <param name="Avoid">For how long the broker is avoided; zero for not at all.</param>
public readonly record struct AvoidanceStep(TimeSpan AtLeast, TimeSpan Avoid)
{
    internal static Core.LatencyTable ToCore(IEnumerable<AvoidanceStep> steps, TimeSpan failure) => new(
        ListModule.OfSeq(steps.Select(step => new Core.LatencyStep(Millis(step.AtLeast), Millis(step.Avoid)))),
        Millis(failure));

    private static long Millis(TimeSpan span) => (long)span.TotalMilliseconds;
}
