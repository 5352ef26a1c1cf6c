namespace OpenTelemetry;

/// <summary>The names under which the client's sources and meters are known; a test compares them with the client's.</summary>
internal static class RocketMqTelemetry
{
    internal const string Client = "RocketMq.Client";
    internal const string Requests = "RocketMq.Client.Requests";
    internal const string Queues = "RocketMq.Client.Queues";
}
