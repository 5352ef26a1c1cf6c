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

    /// <summary>Takes settings that go together, in place of those made before.</summary>
    public RemotingClientBuilder Preset(RemotingPreset preset) => With(_settings with { Options = preset.ToCore() });

    /// <summary>
    /// Changes settings by a text such as "preset=production;requestTimeout=5s;maxInFlight=1024;header=binary". Times are
    /// numbers with ms, s or m behind.
    /// </summary>
    /// <exception cref="ArgumentException">A setting is unknown or makes no sense; the message names all that are.</exception>
    public RemotingClientBuilder Settings(string settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return With(_settings with { Options = Core.OptionText.parse(settings, _settings.Options).OrThrow(nameof(settings)) });
    }

    /// <summary>
    /// Changes settings by the environment variables ROCKETMQ_PRESET, ROCKETMQ_REQUEST_TIMEOUT, ROCKETMQ_CONNECT_TIMEOUT,
    /// ROCKETMQ_MAX_IN_FLIGHT, ROCKETMQ_MAX_UNWRITTEN_BYTES, ROCKETMQ_MAX_SERVER_REQUESTS and ROCKETMQ_HEADER.
    /// </summary>
    /// <exception cref="ArgumentException">A variable makes no sense; the message names all that do not.</exception>
    public RemotingClientBuilder SettingsFromEnvironment() =>
        With(_settings with { Options = Core.OptionText.ofEnvironment(_settings.Options).OrThrow("environment") });

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

    /// <summary>Several connections, each lent to one borrower at a time. None is made before it is borrowed.</summary>
    /// <param name="size">The most connections at a time.</param>
    /// <param name="borrowTimeout">How long a borrower waits for a free one; null is 10 s.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is not from 1 to 1,024, or the time not positive.</exception>
    public ConnectionPool StartPool(int size = 5, TimeSpan? borrowTimeout = null) => new(new Core.ConnectionPool(
        _endpoint,
        _settings.ToCore(Core.WhenDisconnected.FailWithDial),
        new Core.PoolOptions(
            Checked.Count(size, 1024),
            Checked.Span(borrowTimeout ?? Core.PoolOptions.Default.BorrowTimeout),
            Core.PoolOptions.Default.DrainTimeout)));

    private RemotingClientBuilder With(RemotingSettings settings) => new(_endpoint, settings);
}
