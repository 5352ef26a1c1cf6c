using Microsoft.Extensions.Logging;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>Answers a request that a server sends; null sends no answer. A one-way request never gets one.</summary>
public delegate Task<Command?> CommandHandler(Command request);

/// <summary>Sets up a <see cref="RemotingClient"/>. Immutable; each method gives a new one.</summary>
public sealed class RemotingClientBuilder : ConnectionBuilder<RemotingClientBuilder>
{
    private readonly Core.Endpoint _endpoint;

    internal RemotingClientBuilder(Core.Endpoint endpoint) : this(endpoint, new RemotingSettings()) { }

    private RemotingClientBuilder(Core.Endpoint endpoint, RemotingSettings remoting) : base(remoting) => _endpoint = endpoint;

    private protected override bool FindsServers => false;

    private protected override RemotingClientBuilder With(RemotingSettings remoting) => new(_endpoint, remoting);

    /// <summary>How long a call waits for its answer, the time to connect included. Default 3 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Zero or negative.</exception>
    public RemotingClientBuilder RequestTimeout(TimeSpan value) => With(Remoting with { RequestTimeout = Checked.Span(value) });

    /// <summary>How long one attempt to connect may take. Default 3 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Zero or negative.</exception>
    public RemotingClientBuilder ConnectTimeout(TimeSpan value) => With(Remoting with { ConnectTimeout = Checked.Span(value) });

    /// <summary>The most calls that wait for answers at a time. Default 4,096.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 1,048,576.</exception>
    public RemotingClientBuilder MaxInFlight(int value) => With(Remoting with { MaxInFlight = Checked.Count(value, 1 << 20) });

    /// <summary>Writes ROCKETMQ binary headers instead of JSON ones. What is received may be either.</summary>
    public RemotingClientBuilder BinaryHeaders() => With(Remoting with { BinaryHeaders = true });

    /// <summary>Where to log. Default nowhere.</summary>
    public RemotingClientBuilder Logger(ILogger value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return With(Remoting with { Logger = value });
    }

    /// <summary>Answers requests of the server with that code. Others are answered with RequestCodeNotSupported.</summary>
    public RemotingClientBuilder OnRequest(RequestCode code, CommandHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return With(Remoting with { Handlers = Remoting.Handlers.SetItem(code, handler) });
    }

    /// <summary>Connects.</summary>
    /// <exception cref="ConnectionException">The server cannot be reached, or not securely.</exception>
    /// <exception cref="InvalidRequestException">Settings do not go together; the message names all that do not.</exception>
    public async Task<RemotingClient> StartAsync(CancellationToken cancellationToken = default)
    {
        var inner = Core.RemotingClient.Create(_endpoint, Remoting.ToCore(Core.WhenDisconnected.WaitForConnection)).OrThrow();
        var opened = await inner.Open(cancellationToken).ConfigureAwait(false);

        if (opened.IsOk)
        {
            return new RemotingClient(inner);
        }

        await inner.Close().ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        throw opened.ErrorValue.ToException();
    }

    /// <summary>Several connections, each lent to one borrower at a time. None is made before it is borrowed.</summary>
    /// <param name="size">The most connections at a time.</param>
    /// <param name="borrowTimeout">How long a borrower waits for a free one; null is 10 s.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is not from 1 to 1,024, or the time not positive.</exception>
    /// <exception cref="InvalidRequestException">Settings do not go together; the message names all that do not.</exception>
    public ConnectionPool StartPool(int size = 5, TimeSpan? borrowTimeout = null)
    {
        var options = Remoting.ToCore(Core.WhenDisconnected.FailWithDial);
        Core.RemotingOptionsModule.refusal(Core.RemotingOptionsModule.check(options)).OrThrow();
        return new(new Core.ConnectionPool(
            _endpoint,
            options,
            new Core.PoolOptions(
                Checked.Count(size, 1024),
                Checked.Span(borrowTimeout ?? Core.PoolOptions.Default.BorrowTimeout),
                Core.PoolOptions.Default.DrainTimeout)));
    }
}
