namespace RocketMq.Client;

/// <summary>Sets up a <see cref="RemotingClient"/>. Immutable; each method gives a new one.</summary>
public sealed class RemotingClientBuilder : RemotingBuilderBase<RemotingClientBuilder>
{
    private readonly Core.Endpoint _endpoint;

    internal RemotingClientBuilder(Core.Endpoint endpoint) : this(endpoint, Defaults) { }

    private RemotingClientBuilder(Core.Endpoint endpoint, Draft draft) : base(draft) => _endpoint = endpoint;

    private protected override RemotingClientBuilder With(Draft draft) => new(_endpoint, draft);

    /// <summary>Connects.</summary>
    /// <exception cref="ConnectionException">The server cannot be reached, or not securely.</exception>
    /// <exception cref="InvalidRequestException">Settings do not go together; the message names all that do not.</exception>
    public async Task<RemotingClient> StartAsync(CancellationToken cancellationToken = default)
    {
        var inner = Core.RemotingClient.Create(_endpoint, Draft.Remoting).OrThrow(cancellationToken);
        var opened = await inner.Open(cancellationToken).ConfigureAwait(false);

        if (opened.IsOk)
        {
            return new RemotingClient(inner);
        }

        await inner.Close().ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        throw opened.ErrorValue.ToException(cancellationToken);
    }

    /// <summary>Several connections, each lent to one renter at a time. None is made before it is borrowed.</summary>
    /// <param name="size">The most connections at a time; null is 5.</param>
    /// <param name="rentTimeout">How long a renter waits for a free one; null is 10 s.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is not from 1 to 1,024, or the time not positive.</exception>
    /// <exception cref="InvalidRequestException">Settings do not go together; the message names all that do not.</exception>
    public ConnectionPool StartPool(int? size = null, TimeSpan? rentTimeout = null)
    {
        var options = Draft.With(Core.WhenDisconnected.FailWithDial, null, "whenDisconnected").Remoting;
        Core.RemotingOptionsModule.refusal(Core.RemotingOptionsModule.check(options)).OrThrow();
        return new(new Core.ConnectionPool(
            _endpoint,
            options,
            new Core.PoolOptions(
                Checked.Count(size ?? Core.PoolOptions.Default.Size, 1024, nameof(size)),
                Checked.Span(rentTimeout ?? Core.PoolOptions.Default.RentTimeout),
                Core.PoolOptions.Default.DrainTimeout)));
    }
}
