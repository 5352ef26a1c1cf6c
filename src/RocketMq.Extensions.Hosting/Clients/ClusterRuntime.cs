using Microsoft.Extensions.Options;

namespace RocketMq.Hosting;

/// <summary>The clients of one cluster in a running service. They are made when the first is resolved, and nothing connects then.</summary>
internal sealed class ClusterRuntime : IAsyncDisposable
{
    internal ClusterRuntime(ClusterRegistration registration, IOptionsMonitor<RocketMqOptions> options, IServiceProvider services)
    {
        Registration = registration;
        Options = options.Get(registration.Name);
        (Client, Clients) = registration.BuildOrThrow(Options, services);
    }

    internal ClusterRegistration Registration { get; }

    internal RocketMqOptions Options { get; }

    internal RocketMqClient Client { get; }

    internal IReadOnlyList<HostedClient> Clients { get; }

    /// <summary>How the start is going, and when a name server was heard. Only the hosted service writes it.</summary>
    internal ClusterStatus Status { get; } = new();

    /// <summary>The instance of a registration.</summary>
    /// <exception cref="InvalidOperationException">It is not enabled.</exception>
    internal T Get<T>(ClientRegistration registration) where T : class =>
        (T?)Clients.FirstOrDefault(client => ReferenceEquals(client.Registration, registration))?.Instance
        ?? throw new InvalidOperationException($"The {registration.Kind} {registration.Name} is not enabled in the configuration.");

    public ValueTask DisposeAsync() => Client.DisposeAsync();
}

/// <summary>How a cluster's clients are doing, as far as the host sees to it.</summary>
internal sealed class ClusterStatus
{
    private volatile string? _startProblem = "not started yet";
    private volatile string? _nameServerProblem = "no name server has answered yet";
    private volatile string? _defect;
    private long _heardAt;

    /// <summary>Why not all clients have started; null if they have.</summary>
    internal string? StartProblem
    {
        get => _startProblem;
        set => _startProblem = value;
    }

    /// <summary>Why the last question to the name servers failed; null if it was answered.</summary>
    internal string? NameServerProblem
    {
        get => _nameServerProblem;
        set => _nameServerProblem = value;
    }

    /// <summary>A loop of the host that ended when it should not have; null if none has.</summary>
    internal string? Defect
    {
        get => _defect;
        set => _defect = value;
    }

    /// <summary>When a name server answered last, by the clock's timestamps; 0 if none has.</summary>
    internal long HeardAt
    {
        get => Volatile.Read(ref _heardAt);
        set => Volatile.Write(ref _heardAt, value);
    }

    /// <summary>The host has begun to stop.</summary>
    internal volatile bool IsStopping;
}
