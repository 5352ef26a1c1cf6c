using Microsoft.FSharp.Control;

namespace RocketMq.Client;

/// <summary>
/// Low-level client: sends any command to one server over one connection, which is made again when it is lost. Safe to use from any
/// thread.
/// </summary>
public sealed class RemotingClient : IAsyncDisposable
{
    private readonly Core.RemotingClient _inner;

    internal RemotingClient(Core.RemotingClient inner)
    {
        _inner = inner;
        _inner.StateChanged.AddHandler(new FSharpHandler<Core.ConnectionState>(
            (_, state) => StateChanged?.Invoke(this, ConnectionStates.FromCore(state))));
    }

    /// <summary>Begins to set up a client of the server at an address, "host:port".</summary>
    /// <exception cref="ArgumentException">The address is not in the form host:port.</exception>
    public static RemotingClientBuilder Connect(string address) => new(Addresses.Parse(address));

    /// <summary>The server, "host:port".</summary>
    public string Address => _inner.Endpoint.ToString();

    /// <summary>The state of the connection.</summary>
    public ConnectionState State => ConnectionStates.FromCore(_inner.State);

    /// <summary>How many calls wait for answers.</summary>
    public int InFlight => _inner.InFlight;

    /// <summary>How the client and its connection are doing now.</summary>
    public ConnectionHealth Health => ConnectionHealth.FromCore(_inner.Health);

    /// <summary>Tells of each change of the state, in order, on a thread of the pool. A slow listener delays only others.</summary>
    public event EventHandler<ConnectionState>? StateChanged;

    /// <summary>Sends a request and waits for its answer, whatever code that has.</summary>
    /// <exception cref="RocketMqException">There is no answer.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<Command> InvokeAsync(Command request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var answer = await _inner.Invoke(request.Inner, cancellationToken).ConfigureAwait(false);
        return new(answer.OrThrow(cancellationToken));
    }

    /// <summary>As <see cref="InvokeAsync"/>, and blocks the calling thread. Safe under any synchronisation context.</summary>
    public Command Invoke(Command request, CancellationToken cancellationToken = default) =>
        Blocking.Wait(() => InvokeAsync(request, cancellationToken));

    /// <summary>Sends a request that is not answered. Its end means that it will be written, not that it arrived.</summary>
    /// <exception cref="RocketMqException">It cannot be sent.</exception>
    public async Task InvokeOneWayAsync(Command request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        (await _inner.InvokeOneWay(request.Inner, cancellationToken).ConfigureAwait(false)).OrThrow(cancellationToken);
    }

    /// <summary>Answers every call in flight and closes the connection for good.</summary>
    public ValueTask DisposeAsync() => new(_inner.Close());

    /// <summary>As <see cref="DisposeAsync"/>: nothing is at work that it waits for, so the token changes nothing.</summary>
    public Task StopAsync(CancellationToken cancellationToken = default) => DisposeAsync().AsTask();
}
