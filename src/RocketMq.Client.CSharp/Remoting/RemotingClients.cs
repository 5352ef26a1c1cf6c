namespace RocketMq.Client;

/// <summary>
/// Any command to any number of servers: one connection for each address, made when it is first needed, shared by all callers,
/// closed when no caller has used it for long. Safe to use from any thread.
/// </summary>
public sealed class RemotingClients : IAsyncDisposable
{
    private readonly Core.RemotingClients _inner;

    /// <summary>No longer than the core keeps its own.</summary>
    private readonly ConditionalWeakTable<Core.RemotingClient, RemotingClient> _clients = [];

    internal RemotingClients(Core.RemotingClients inner) => _inner = inner;

    /// <summary>Begins to set up clients.</summary>
    public static RemotingClientsBuilder Create() => new();

    /// <summary>How each connection is doing.</summary>
    public IReadOnlyList<ConnectionHealth> Health => [.. _inner.Health.Select(ConnectionHealth.FromCore)];

    /// <summary>The client of a server, "host:port". Leave it open: it is closed with these.</summary>
    /// <exception cref="ArgumentException">The address is not in the form host:port.</exception>
    public RemotingClient For(string address) =>
        _clients.GetValue(_inner.Get(Addresses.Parse(address)), client => new RemotingClient(client));

    /// <summary>Sends a request to a server, "host:port", and waits for its answer, whatever code that has.</summary>
    /// <exception cref="ArgumentException">The address is not in the form host:port.</exception>
    /// <exception cref="RocketMqException">There is no answer.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public Task<Command> InvokeAsync(string address, Command request, CancellationToken cancellationToken = default) =>
        For(address).InvokeAsync(request, cancellationToken);

    /// <summary>Answers every call in flight and closes all connections for good.</summary>
    public ValueTask DisposeAsync() => new(_inner.CloseAll());

    /// <summary>As <see cref="DisposeAsync"/>: nothing is at work that it waits for, so the token changes nothing.</summary>
    public Task StopAsync(CancellationToken cancellationToken = default) => DisposeAsync().AsTask();
}

/// <summary>Sets up <see cref="RemotingClients"/>. Immutable; each method gives a new one.</summary>
public sealed class RemotingClientsBuilder : RemotingBuilderBase<RemotingClientsBuilder>
{
    internal RemotingClientsBuilder() : this(Defaults) { }

    private RemotingClientsBuilder(Draft draft) : base(draft) { }

    private protected override RemotingClientsBuilder With(Draft draft) => new(draft);

    /// <summary>Checks the settings. Nothing is connected before the first call.</summary>
    /// <exception cref="InvalidRequestException">Settings do not go together; the message names all that do not.</exception>
    public RemotingClients Start()
    {
        var options = Draft.Remoting;
        Core.RemotingOptionsModule.refusal(Core.RemotingOptionsModule.check(options)).OrThrow();
        return new(new Core.RemotingClients(options));
    }
}
