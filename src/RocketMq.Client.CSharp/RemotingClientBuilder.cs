using Microsoft.Extensions.Logging;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>Answers a request that a server sends; null sends no answer. A one-way request never gets one.</summary>
public delegate Task<Command?> CommandHandler(Command request);

/// <summary>Sets up a <see cref="RemotingClient"/>. Immutable; each method gives a new one.</summary>
public sealed class RemotingClientBuilder
{
    private readonly Core.Endpoint _endpoint;
    private readonly RemotingSettings _settings;

    internal RemotingClientBuilder(Core.Endpoint endpoint) : this(endpoint, new RemotingSettings()) { }

    private RemotingClientBuilder(Core.Endpoint endpoint, RemotingSettings settings)
    {
        _endpoint = endpoint;
        _settings = settings;
    }

    /// <summary>How long a call waits for its answer, the time to connect included. Default 3 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Zero or negative.</exception>
    public RemotingClientBuilder RequestTimeout(TimeSpan value) => With(_settings with { RequestTimeout = Checked.Span(value) });

    /// <summary>How long one attempt to connect may take. Default 3 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Zero or negative.</exception>
    public RemotingClientBuilder ConnectTimeout(TimeSpan value) => With(_settings with { ConnectTimeout = Checked.Span(value) });

    /// <summary>The most calls that wait for answers at a time. Default 4,096.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 1,048,576.</exception>
    public RemotingClientBuilder MaxInFlight(int value) => With(_settings with { MaxInFlight = Checked.Count(value, 1 << 20) });

    /// <summary>Writes ROCKETMQ binary headers instead of JSON ones. What is received may be either.</summary>
    public RemotingClientBuilder BinaryHeaders() => With(_settings with { BinaryHeaders = true });

    /// <summary>Where to log. Default nowhere.</summary>
    public RemotingClientBuilder Logger(ILogger value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return With(_settings with { Logger = value });
    }

    /// <summary>Answers requests of the server with that code. Others are answered with RequestCodeNotSupported.</summary>
    public RemotingClientBuilder OnRequest(RequestCode code, CommandHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return With(_settings with { Handlers = _settings.Handlers.SetItem(code, handler) });
    }

    /// <summary>Connects.</summary>
    /// <exception cref="ConnectionException">The server cannot be reached.</exception>
    public async Task<RemotingClient> StartAsync(CancellationToken cancellationToken = default)
    {
        var inner = new Core.RemotingClient(_endpoint, _settings.ToCore(Core.WhenDisconnected.WaitForConnection));
        var opened = await inner.Open(cancellationToken).ConfigureAwait(false);

        if (opened.IsOk)
        {
            return new RemotingClient(inner);
        }

        await inner.Close().ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        throw opened.ErrorValue.ToException();
    }

    private RemotingClientBuilder With(RemotingSettings settings) => new(_endpoint, settings);
}
