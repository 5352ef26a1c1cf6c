namespace RocketMq.Client;

/// <summary>
/// Several connections to one server, each lent to one renter at a time. One connection carries any number of calls at a
/// time, so most programs need no pool; it keeps large answers of one renter from delaying those of another.
/// </summary>
public sealed class ConnectionPool : IAsyncDisposable
{
    private readonly Core.ConnectionPool _inner;

    internal ConnectionPool(Core.ConnectionPool inner) => _inner = inner;

    /// <summary>The server, "host:port".</summary>
    public string Address => _inner.Endpoint.ToString();

    /// <summary>Connections that exist, lent or idle.</summary>
    public int Count => _inner.Count;

    /// <summary>Connections that are lent.</summary>
    public int Rented => _inner.Rented;

    /// <summary>Borrowers that wait.</summary>
    public int Waiting => _inner.Waiting;

    /// <summary>
    /// The least busy connection that is free, or a new one; waits if all are lent. Dispose of it to give it back.
    /// </summary>
    /// <exception cref="ConnectionException">None came back in time.</exception>
    /// <exception cref="ClientClosedException">The pool is closed.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<PooledConnection> RentAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var borrowed = await _inner.Rent(cancellationToken).ConfigureAwait(false);

        if (borrowed.IsError)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }

        return new(borrowed.OrThrow(cancellationToken));
    }

    /// <summary>As <see cref="RentAsync"/>, and blocks the calling thread. Safe under any synchronisation context.</summary>
    public PooledConnection Rent(CancellationToken cancellationToken = default) =>
        Blocking.Wait(() => RentAsync(cancellationToken));

    /// <summary>Lends no more, waits up to 10 s for what is lent, and closes everything.</summary>
    public ValueTask DisposeAsync() => new(_inner.Close());
}

/// <summary>A borrowed connection. Disposing of it gives it back.</summary>
public sealed class PooledConnection : IDisposable
{
    private readonly Core.PooledConnection _inner;

    internal PooledConnection(Core.PooledConnection inner)
    {
        _inner = inner;
        Client = new RemotingClient(inner.Client);
    }

    /// <summary>The client. Leave it open: the pool closes it.</summary>
    public RemotingClient Client { get; }

    /// <summary>Gives the connection back.</summary>
    public void Dispose() => ((IDisposable)_inner).Dispose();
}
