namespace RocketMq.Client.Administration;

/// <summary>A producer that is connected to brokers.</summary>
/// <param name="Group">The producer group.</param>
/// <param name="ClientId">What brokers know it by.</param>
/// <param name="Address">"host:port" as one of the brokers sees it.</param>
/// <param name="Language">What it is written in, as brokers name it.</param>
/// <param name="Brokers">The brokers that it is connected to, by name; slaves with their id.</param>
/// <param name="LastHeartbeatTime">When one of them last heard of it; null: brokers do not say it of a single group.</param>
public sealed record ProducerClient(
    string Group,
    string ClientId,
    string Address,
    string Language,
    IReadOnlyList<string> Brokers,
    DateTimeOffset? LastHeartbeatTime);

/// <summary>Producers, of all brokers, each once.</summary>
/// <param name="Producers">By group and client id.</param>
/// <param name="Failures">Brokers that did not say.</param>
public sealed record ProducerList(IReadOnlyList<ProducerClient> Producers, IReadOnlyList<ServerFailure> Failures)
{
    internal static ProducerList FromCore(Admin.Producers found) => new(
        [.. found.Producers.Select(one => new ProducerClient(
            one.Group, one.ClientId, one.Address, one.Language, [.. one.Brokers], Values.Time(one.LastHeartbeatMillis)))],
        ServerFailure.FromCore(found.Failures));
}
