using Microsoft.Extensions.Logging;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Core = RocketMq;

namespace RocketMq.Client;

/// <summary>What every builder sets up about connections. Immutable; each method gives a new builder.</summary>
/// <typeparam name="TBuilder">The builder itself.</typeparam>
public abstract class ConnectionBuilder<TBuilder>
    where TBuilder : ConnectionBuilder<TBuilder>
{
    private protected ConnectionBuilder(RemotingSettings remoting) => Remoting = remoting;

    private protected RemotingSettings Remoting { get; }

    private protected abstract TBuilder With(RemotingSettings remoting);

    /// <summary>
    /// Changes settings by a text such as "nameServers=a:9876,b:9876;preset=production;requestTimeout=5s;tls=true". Clients of each
    /// kind also know settings of their own, by the names of their builder's methods, such as "sendTimeout=5s". Names are
    /// in any case, times are numbers with ms, s or m behind, and a value with ';' stands in double quotes. The file
    /// docs/production.md lists all settings. A client of one address takes no name servers.
    /// </summary>
    /// <exception cref="ArgumentException">A setting is unknown or makes no sense; the message names all that are.</exception>
    public TBuilder Settings(string settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return Read(settings);
    }

    /// <summary>
    /// Changes settings by environment variables: ROCKETMQ_ and a setting's name, as in ROCKETMQ_NAME_SERVERS, ROCKETMQ_PRESET,
    /// ROCKETMQ_REQUEST_TIMEOUT, ROCKETMQ_TLS or ROCKETMQ_SECRET_KEY. Empty ones count as none.
    /// </summary>
    /// <exception cref="ArgumentException">A variable makes no sense; the message names all that do not.</exception>
    public TBuilder SettingsFromEnvironment() => Read(null);

    /// <summary>Changes settings by a text or, if there is none, by environment variables.</summary>
    private protected abstract TBuilder Read(string? settings);

    /// <summary>Takes settings that go together, in place of those made before; TLS, credentials and <see cref="OnMaxInFlight"/> stay.</summary>
    public TBuilder Preset(RemotingPreset preset) =>
        With(Remoting with { Options = Core.RemotingOptionsModule.withPreset(preset.ToCore(), Remoting.Options) });

    /// <summary>
    /// How long a server may be silent. Null leaves a limit as it is.
    /// </summary>
    /// <param name="probeAfter">After this long without a word it is pinged. Default 30 s.</param>
    /// <param name="deadAfter">
    /// A server from which nothing at all has come for this long after it was asked something is given up; halfway there it is
    /// pinged, so a slow answer alone is no reason. Default 3 s.
    /// </param>
    /// <param name="idleAfter">
    /// A connection that nobody has used for this long is closed; the next call makes it again. Default 2 min.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">A limit is not above 0, or above a day.</exception>
    public TBuilder KeepAlive(TimeSpan? probeAfter = null, TimeSpan? deadAfter = null, TimeSpan? idleAfter = null)
    {
        var limits = Remoting.Options.KeepAlive;
        return With(Remoting with
        {
            KeepAlive = new(
                Checked.Span(probeAfter ?? limits.ProbeAfter, nameof(probeAfter)),
                Checked.Span(deadAfter ?? limits.DeadAfter, nameof(deadAfter)),
                Checked.Span(idleAfter ?? limits.IdleAfter, nameof(idleAfter))),
        });
    }

    /// <summary>How long a call waits for its answer, the time to connect included. Default 3 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public TBuilder RequestTimeout(TimeSpan value) => With(Remoting with { RequestTimeout = Checked.Span(value) });

    /// <summary>How long one attempt to connect may take. Default 3 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public TBuilder ConnectTimeout(TimeSpan value) => With(Remoting with { ConnectTimeout = Checked.Span(value) });

    /// <summary>The most calls that wait for answers at a time, on one connection. Default 4,096.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 1,048,576.</exception>
    public TBuilder MaxInFlight(int value) => With(Remoting with { MaxInFlight = Checked.Count(value, 1 << 20) });

    /// <summary>
    /// What a call does that is one more than may wait for answers. Default <see cref="OverflowPolicy.Wait"/> for producers, within the
    /// message's own time and token, and <see cref="OverflowPolicy.Fail"/> for all others. A preset leaves it as it is.
    /// </summary>
    public TBuilder OnMaxInFlight(OverflowPolicy value) => With(Remoting with { OnMaxInFlight = value });

    /// <summary>The most bytes that wait to be written, on one connection; there is room again when half of them are gone. Default 4 MiB.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 4,096 to 1 GiB.</exception>
    public TBuilder MaxUnwrittenBytes(int value) =>
        With(Remoting with { MaxUnwrittenBytes = Checked.Between(value, 4096, 1 << 30) });

    /// <summary>What a request does while too many bytes wait to be written. Default <see cref="OverflowPolicy.Wait"/>.</summary>
    public TBuilder OnMaxUnwrittenBytes(OverflowPolicy value) => With(Remoting with { OnMaxUnwrittenBytes = value });

    /// <summary>
    /// How many calls may wait for room on one connection, of a limit that has them wait: first come first served. One more fails at
    /// once with a <see cref="TooManyRequestsException"/>, and nothing was sent. Null leaves a limit as it is.
    /// </summary>
    /// <param name="calls">The most calls, 1 to 1,048,576. Default 32,768.</param>
    /// <param name="bytes">The most bytes of their bodies and properties, 4,096 to 1 GiB; one alone may have more. Default 64 MiB.</param>
    /// <exception cref="ArgumentOutOfRangeException">One is not in its range.</exception>
    public TBuilder MaxWaiting(int? calls = null, int? bytes = null) => With(Remoting with
    {
        MaxWaiting = (
            Checked.Count(calls ?? Remoting.Options.MaxWaitingCalls, 1 << 20, nameof(calls)),
            Checked.Between(bytes ?? Remoting.Options.MaxWaitingBytes, 4096, 1 << 30, nameof(bytes))),
    });

    /// <summary>
    /// The most requests of a server that are handled at a time, on one connection; one more is answered with SystemBusy. Default 256.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 1,048,576.</exception>
    public TBuilder MaxServerRequests(int value) => With(Remoting with { MaxServerRequests = Checked.Count(value, 1 << 20) });

    /// <summary>How large frames may be. Null leaves a limit as it is.</summary>
    /// <param name="receiveFrameBytes">Of a received one, 1 KiB to 1 GiB. Default 32 MiB.</param>
    /// <param name="receiveHeaderBytes">Of its header, 256 bytes to 16 MiB less one. Default just that.</param>
    /// <param name="sendFrameBytes">Of one that is sent, 1 KiB to 1 GiB. Default 16 MiB: Java's servers end the connection on more.</param>
    /// <exception cref="ArgumentOutOfRangeException">One is not in its range.</exception>
    public TBuilder FrameLimits(int? receiveFrameBytes = null, int? receiveHeaderBytes = null, int? sendFrameBytes = null)
    {
        var limits = Remoting.Options.Limits;
        return With(Remoting with
        {
            Limits = new(
                Checked.Between(receiveFrameBytes ?? limits.ReceiveFrameBytes, 1024, 1 << 30, nameof(receiveFrameBytes)),
                Checked.Between(receiveHeaderBytes ?? limits.ReceiveHeaderBytes, 256, (1 << 24) - 1, nameof(receiveHeaderBytes)),
                Checked.Between(sendFrameBytes ?? limits.SendFrameBytes, 1024, 1 << 30, nameof(sendFrameBytes))),
        });
    }

    /// <summary>How long to wait before another attempt to connect. Null leaves a time as it is.</summary>
    /// <param name="first">Before the second attempt; doubled each time. Default 100 ms.</param>
    /// <param name="cap">The longest wait, not below the first. Default 30 s.</param>
    /// <param name="spread">The first attempt after a loss comes at some time within this; 0 for at once. Default 1 s.</param>
    /// <exception cref="ArgumentOutOfRangeException">One is not above 0, but for the spread, or above a day.</exception>
    public TBuilder Backoff(TimeSpan? first = null, TimeSpan? cap = null, TimeSpan? spread = null)
    {
        var backoff = Remoting.Options.Backoff;
        var within = spread ?? backoff.Spread;
        return With(Remoting with
        {
            Backoff = new(
                Checked.Span(first ?? backoff.First, nameof(first)),
                Checked.Span(cap ?? backoff.Cap, nameof(cap)),
                within == TimeSpan.Zero ? within : Checked.Span(within, nameof(spread))),
        });
    }

    /// <summary>Writes ROCKETMQ binary headers instead of JSON ones. What is received may be either.</summary>
    public TBuilder BinaryHeaders() => With(Remoting with { BinaryHeaders = true });

    /// <summary>Where to log. Default nowhere.</summary>
    public TBuilder Logger(ILogger value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return With(Remoting with { Logger = value });
    }

    /// <summary>Which failed calls are tried again by themselves. Default <see cref="RetryPolicy.Never"/>.</summary>
    public TBuilder Retry(RetryPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return With(Remoting with { Retry = policy });
    }

    /// <summary>
    /// Where servers are really reached, by the address that they registered, both "host:port": for brokers in a container or
    /// behind a translated network. It must be quick and must not throw. What it gives that is no address counts for nothing.
    /// </summary>
    public TBuilder MapAddress(Func<string, string> map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return With(Remoting with { MapAddress = map });
    }

    /// <summary>Replaces the addresses of brokers by a table; addresses that are not in it stay as they are.</summary>
    /// <exception cref="ArgumentException">One is no address.</exception>
    public TBuilder MapAddress(IReadOnlyDictionary<string, string> addresses)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        var table = addresses.ToDictionary(
            pair => Addresses.Parse(pair.Key).ToString(),
            pair => Addresses.Parse(pair.Value).ToString(),
            StringComparer.OrdinalIgnoreCase);
        return MapAddress(address => table.GetValueOrDefault(address, address));
    }

    /// <summary>Secures connections by TLS. Default plain connections, as servers expect it unless set up for TLS.</summary>
    /// <param name="settings">How; null verifies servers by the system's trusted roots.</param>
    public TBuilder Tls(TlsSettings? settings = null) => With(Remoting with { Tls = settings ?? new TlsSettings() });

    /// <summary>Signs every request, for servers with access control. Default no signature.</summary>
    /// <exception cref="ArgumentException">A key is empty.</exception>
    public TBuilder Credentials(string accessKey, string secretKey, string? securityToken = null)
    {
        var credentials = new Credentials(accessKey, secretKey, securityToken);
        return Credentials(() => credentials);
    }

    /// <summary>
    /// Signs every request with what the provider gives for it, so that keys may change at any time. It is called on the
    /// caller's thread and must be quick. If it throws or gives null, the call ends with an
    /// <see cref="InvalidRequestException"/> and nothing is sent.
    /// </summary>
    public TBuilder Credentials(Func<Credentials> provider)
    {
        ArgumentNullException.ThrowIfNull(provider);
        return With(Remoting with { Credentials = provider });
    }

    /// <summary>The name servers that are named, or those of the variable NAMESRV_ADDR, as in Java.</summary>
    /// <exception cref="InvalidRequestException">NAMESRV_ADDR is no list of addresses.</exception>
    private protected FSharpList<Core.Endpoint> FoundNameServers(FSharpOption<Core.AddressServer>? addressServer)
    {
        if (!Remoting.NameServers.IsEmpty || addressServer is not null)
        {
            return Remoting.NameServers;
        }

        var found = Core.NameServerDiscovery.ofEnvironment(FuncConvert.FromFunc<string, FSharpOption<string>?>(
            name => Environment.GetEnvironmentVariable(name) is { } value ? FSharpOption<string>.Some(value) : null));

        return found switch
        {
            null => Remoting.NameServers,
            { Value.IsOk: true } => found.Value.ResultValue,
            _ => throw Core.RemotingError.NewMisconfigured(
                $"{Core.NameServerDiscovery.environmentVariable} has '{found.Value.ErrorValue}', which is no host:port").ToException(),
        };
    }
}
