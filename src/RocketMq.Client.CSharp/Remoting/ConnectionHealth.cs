namespace RocketMq.Client;

/// <summary>How a client and its connection are doing.</summary>
/// <param name="Address">The server, "host:port".</param>
/// <param name="State">The state of the connection.</param>
/// <param name="SinceHeard">Since anything came over the connection that is open; null if nothing has, or none is.</param>
/// <param name="InFlight">Calls that wait for answers.</param>
/// <param name="UnwrittenBytes">Bytes that have not been handed to the system.</param>
/// <param name="Connections">Connections that were made so far.</param>
/// <param name="UnexpectedAnswers">Answers that no call waited for: late ones, second ones, wrong ones, unreadable ones.</param>
/// <param name="LastFailure">Why the last connection was lost or not made; empty if none was.</param>
public sealed record ConnectionHealth(
    string Address,
    ConnectionState State,
    TimeSpan? SinceHeard,
    int InFlight,
    long UnwrittenBytes,
    int Connections,
    long UnexpectedAnswers,
    string LastFailure)
{
    internal static ConnectionHealth FromCore(Core.ConnectionHealth health)
    {
        var session = OptionModule.ToObj(health.Session);
        return new(
            health.Endpoint.ToString(),
            ConnectionStates.FromCore(health.State),
            session is { SinceHeard.IsSome: true } ? session.SinceHeard.Value : null,
            session?.InFlight ?? 0,
            session?.UnwrittenBytes ?? 0,
            health.Connections,
            health.UnexpectedAnswers,
            health.LastFailure);
    }
}
