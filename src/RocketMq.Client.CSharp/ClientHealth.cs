namespace RocketMq.Client;

/// <summary>What any producer or consumer is doing, and whether it can do its work now. Reading it sends nothing.</summary>
public abstract class ClientHealth
{
    private protected ClientHealth(bool isHealthy, IEnumerable<Core.ClientProblem> problems) =>
        (IsHealthy, Problems) = (isHealthy, ClientProblem.From(problems));

    /// <summary>It can do its work now: there are no <see cref="Problems"/>, and no handler is stuck.</summary>
    public bool IsHealthy { get; }

    /// <summary>What it cannot do now.</summary>
    public IReadOnlyList<ClientProblem> Problems { get; }
}
