namespace RocketMq.Client.Administration;

/// <summary>The settings of one name server. What may be a secret is shown as "***".</summary>
/// <param name="Server">"host:port".</param>
/// <param name="Settings">By name; empty if it did not answer.</param>
/// <param name="Failure">Why there are none; null if it answered.</param>
public sealed record NameServerConfiguration(
    string Server, IReadOnlyDictionary<string, string> Settings, ServerFailure? Failure)
{
    internal static NameServerConfiguration FromCore(
        Tuple<Core.Endpoint, FSharpResult<Microsoft.FSharp.Collections.FSharpList<Core.Protocol.Admin.Setting>, Admin.ServerFailure>> settings)
    {
        var (server, answer) = settings;

        return new(
            server.ToString(),
            answer.IsOk ? BrokerConfiguration.Shown(answer.ResultValue) : BrokerConfiguration.Shown([]),
            answer.IsError ? ServerFailure.FromCore(answer.ErrorValue) : null);
    }
}
