using Microsoft.Extensions.Logging;

namespace RocketMq.Client;

/// <summary>Answers a request that a server sends; null sends no answer. A one-way request never gets one.</summary>
public delegate Task<Command?> CommandHandler(Command request);

/// <summary>What the builders set up whose clients send commands of any kind.</summary>
/// <typeparam name="TBuilder">The builder itself.</typeparam>
public abstract class CallBuilder<TBuilder> : ConnectionBuilder<TBuilder>
    where TBuilder : CallBuilder<TBuilder>
{
    private protected CallBuilder(RemotingSettings remoting) : base(remoting) { }

    private protected override bool FindsServers => false;

    /// <summary>How long a call waits for its answer, the time to connect included. Default 3 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Zero or negative.</exception>
    public TBuilder RequestTimeout(TimeSpan value) => With(Remoting with { RequestTimeout = Checked.Span(value) });

    /// <summary>How long one attempt to connect may take. Default 3 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Zero or negative.</exception>
    public TBuilder ConnectTimeout(TimeSpan value) => With(Remoting with { ConnectTimeout = Checked.Span(value) });

    /// <summary>The most calls that wait for answers at a time. Default 4,096.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 1,048,576.</exception>
    public TBuilder MaxInFlight(int value) => With(Remoting with { MaxInFlight = Checked.Count(value, 1 << 20) });

    /// <summary>Writes ROCKETMQ binary headers instead of JSON ones. What is received may be either.</summary>
    public TBuilder BinaryHeaders() => With(Remoting with { BinaryHeaders = true });

    /// <summary>Where to log. Default nowhere.</summary>
    public TBuilder Logger(ILogger value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return With(Remoting with { Logger = value });
    }

    /// <summary>Answers requests of the server with that code. Others are answered with RequestCodeNotSupported.</summary>
    /// <exception cref="InvalidOperationException">It has been called for that code before.</exception>
    public TBuilder OnRequest(RequestCode code, CommandHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);

        if (Remoting.Handlers.ContainsKey(code))
        {
            throw Handlers.AlreadySet($"{nameof(OnRequest)}({code})");
        }

        return With(Remoting with { Handlers = Remoting.Handlers.SetItem(code, handler) });
    }
}
