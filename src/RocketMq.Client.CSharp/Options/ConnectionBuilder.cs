using Microsoft.Extensions.Logging;

namespace RocketMq.Client;

/// <summary>What every builder sets up about connections. Immutable; each method gives a new builder.</summary>
/// <typeparam name="TSelf">The builder itself.</typeparam>
public abstract class ConnectionBuilder<TSelf>
    where TSelf : ConnectionBuilder<TSelf>
{
    private protected ConnectionBuilder(Draft draft) => Draft = draft;

    private protected Draft Draft { get; }

    private protected abstract TSelf With(Draft draft);

    /// <summary>Changes the setting that has the name of the method.</summary>
    private protected TSelf Set<T>(
        T value,
        [CallerArgumentExpression(nameof(value))] string? parameter = null,
        [CallerMemberName] string setting = "") where T : notnull
    {
        ArgumentNullException.ThrowIfNull(value, parameter);
        return With(Draft.With(value, parameter, setting));
    }

    /// <summary>Changes the setting that has the names of method and parameter, or of the parameter alone. Null leaves it as it is.</summary>
    private protected TSelf Part<T>(
        T? value,
        [CallerArgumentExpression(nameof(value))] string parameter = "",
        [CallerMemberName] string method = "") where T : struct =>
        With(value is { } part ? Draft.WithPart(part, parameter, method) : Draft);

    /// <summary>
    /// Changes settings by a text such as "nameServers=a:9876,b:9876;preset=production;requestTimeout=5s;tls=true". Clients of each
    /// kind also know settings of their own, by the names of their builder's methods, such as "sendTimeout=5s". Names are
    /// in any case, times are numbers with ms, s or m behind, and a value with ';' stands in double quotes. The file
    /// docs/production.md lists all settings. A client of one address takes no name servers.
    /// </summary>
    /// <exception cref="SettingsException">A setting is unknown or makes no sense; the message names all that are.</exception>
    public TSelf Settings(string settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return With(Draft.Read(settings));
    }

    /// <summary>
    /// Changes settings by environment variables: ROCKETMQ_ and a setting's name, as in ROCKETMQ_NAME_SERVERS, ROCKETMQ_PRESET,
    /// ROCKETMQ_REQUEST_TIMEOUT, ROCKETMQ_TLS or ROCKETMQ_SECRET_KEY. Empty ones count as none.
    /// </summary>
    /// <exception cref="SettingsException">A variable makes no sense; the message names all that do not.</exception>
    public TSelf SettingsFromEnvironment() => With(Draft.Read(null));

    /// <summary>Takes settings that go together, in place of those made before; TLS, credentials and <see cref="OnMaxInFlight"/> stay.</summary>
    public TSelf Preset(RemotingPreset preset) =>
        With(Draft.With(Core.RemotingOptionsModule.withPreset(preset.ToCore(), Draft.Remoting)));

    /// <summary>
    /// How long a server may be silent. Null leaves a limit as it is.
    /// </summary>
    /// <param name="probeAfter">After this long without a word it is pinged. Default 30 s.</param>
    /// <param name="deadAfter">
    /// A server from which nothing at all has come for this long after it was asked something is given up; halfway there it is
    /// pinged, so a slow answer alone is no reason. Default 3 s.
    /// </param>
    /// <param name="idleAfter">
    /// A connection that no caller has used for this long is closed; the next call makes it again. Default 2 min.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">A limit is not above 0, or above a day.</exception>
    public TSelf KeepAlive(TimeSpan? probeAfter = null, TimeSpan? deadAfter = null, TimeSpan? idleAfter = null) =>
        Part(probeAfter).Part(deadAfter).Part(idleAfter);

    /// <summary>How long a call waits for its answer, the time to connect included. Default 3 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public TSelf RequestTimeout(TimeSpan value) => Set(value);

    /// <summary>How long one attempt to connect may take. Default 3 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public TSelf ConnectTimeout(TimeSpan value) => Set(value);

    /// <summary>The most calls that wait for answers at a time, on one connection. Default 4,096.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 1,048,576.</exception>
    public TSelf MaxInFlight(int value) => Set(value);

    /// <summary>
    /// What a call does that is one more than may wait for answers. Default <see cref="OverflowPolicy.Wait"/> for producers, within the
    /// message's own time and token, and for a client that is shared, and <see cref="OverflowPolicy.Fail"/> for all others. A preset leaves it as it is.
    /// </summary>
    public TSelf OnMaxInFlight(OverflowPolicy value) => Set(value.ToCore());

    /// <summary>The most bytes that wait to be written, on one connection; there is room again when half of them are gone. Default 4 MiB.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 4,096 to 1 GiB.</exception>
    public TSelf MaxUnwrittenBytes(int value) => Set(value);

    /// <summary>What a request does while too many bytes wait to be written. Default <see cref="OverflowPolicy.Wait"/>.</summary>
    public TSelf OnMaxUnwrittenBytes(OverflowPolicy value) => Set(value.ToCore());

    /// <summary>
    /// How many calls may wait for room on one connection, of a limit that has them wait: first come first served. One more fails at
    /// once with a <see cref="TooManyRequestsException"/>, and nothing was sent. Null leaves a limit as it is.
    /// </summary>
    /// <param name="calls">The most calls, 1 to 1,048,576. Default 32,768.</param>
    /// <param name="bytes">The most bytes of their bodies and properties, 4,096 to 1 GiB; one alone may have more. Default 64 MiB.</param>
    /// <exception cref="ArgumentOutOfRangeException">One is not in its range.</exception>
    public TSelf MaxWaiting(int? calls = null, int? bytes = null) => Part(calls).Part(bytes);

    /// <summary>
    /// The most requests of a server that are handled at a time, on one connection; one more is answered with SystemBusy. Default 256.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 1,048,576.</exception>
    public TSelf MaxServerRequests(int value) => Set(value);

    /// <summary>
    /// The longest that an answer waits for others, to be read together with them, while many calls are answered quickly, which saves a quarter
    /// to a half of the processor time. Where the others do not come it is 2 ms, once, and then none waits for 50 ms. Default 0.5 ms; zero: no answer waits. Only
    /// on Linux, and on connections without TLS.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Below zero, or above a day.</exception>
    public TSelf MaxReadDelay(TimeSpan value) => Set(value);

    /// <summary>How large frames may be. Null leaves a limit as it is.</summary>
    /// <param name="receiveFrameBytes">Of a received one, 1 KiB to 1 GiB. Default 32 MiB.</param>
    /// <param name="receiveHeaderBytes">Of its header, 256 bytes to 16 MiB less one. Default just that.</param>
    /// <param name="sendFrameBytes">Of one that is sent, 1 KiB to 1 GiB. Default 16 MiB: Java's servers end the connection on more.</param>
    /// <exception cref="ArgumentOutOfRangeException">One is not in its range.</exception>
    public TSelf FrameLimits(int? receiveFrameBytes = null, int? receiveHeaderBytes = null, int? sendFrameBytes = null) =>
        Part(receiveFrameBytes).Part(receiveHeaderBytes).Part(sendFrameBytes);

    /// <summary>How long to wait before another attempt to connect. Null leaves a time as it is.</summary>
    /// <param name="first">Before the second attempt; doubled each time. Default 100 ms.</param>
    /// <param name="cap">The longest wait, not below the first. Default 10 s.</param>
    /// <param name="spread">The first attempt after a loss comes at some time within this; 0 for at once. Default 1 s.</param>
    /// <exception cref="ArgumentOutOfRangeException">One is not above 0, but for the spread, or above a day.</exception>
    public TSelf Backoff(TimeSpan? first = null, TimeSpan? cap = null, TimeSpan? spread = null) =>
        Part(first).Part(cap).Part(spread);

    /// <summary>Writes ROCKETMQ binary headers instead of JSON ones. What is received may be either.</summary>
    public TSelf BinaryHeaders() => Set(Core.Protocol.Header.Binary, setting: "header");

    /// <summary>Where to log. Default nowhere.</summary>
    public TSelf Logger(ILogger value) => Set(value);

    /// <summary>Where to log, in the category "RocketMq.Client". Default nowhere.</summary>
    public TSelf Logger(ILoggerFactory factory)
    {
        ArgumentNullException.ThrowIfNull(factory);
        return Logger(factory.CreateLogger(Core.LogCategory.client));
    }

    /// <summary>Which failed calls are tried again by themselves. Default <see cref="RetryPolicy.Never"/>.</summary>
    public TSelf Retry(RetryPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return Set(policy.ToCore());
    }

    /// <summary>
    /// Where servers are really reached, by the address that they registered, both "host:port": for brokers in a container or
    /// behind a translated network. It must be quick and must not throw. What it gives that is no address counts for nothing.
    /// </summary>
    public TSelf MapAddress(Func<string, string> map)
    {
        ArgumentNullException.ThrowIfNull(map);

        // An address that is mapped to none is dialled as it is.
        return Set(FuncConvert.FromFunc<Core.Endpoint, Core.Endpoint>(endpoint =>
        {
            var mapped = Core.EndpointModule.tryParse(map(endpoint.ToString()) ?? "");
            return mapped.IsSome ? mapped.Value : endpoint;
        }));
    }

    /// <summary>Replaces the addresses of brokers by a table; addresses that are not in it stay as they are.</summary>
    /// <exception cref="ArgumentException">One is no address.</exception>
    public TSelf MapAddress(IReadOnlyDictionary<string, string> addresses)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        var table = addresses.ToDictionary(
            pair => Addresses.Parse(pair.Key).ToString(),
            pair => Addresses.Parse(pair.Value).ToString(),
            StringComparer.OrdinalIgnoreCase);
        return MapAddress(address => table.GetValueOrDefault(address, address));
    }

    /// <summary>
    /// Connects through a SOCKS5 proxy, to brokers and name servers alike. Called again it adds another proxy: a server is reached
    /// through the first that it is a target of, and directly if it is none's. The proxy resolves the names of servers. Default none.
    /// </summary>
    /// <param name="address">Where the proxy listens, "host:port".</param>
    /// <param name="userName">Who asks, 1 to 255 bytes in UTF-8; null for a proxy that takes whoever comes. It travels unencrypted.</param>
    /// <param name="password">1 to 255 bytes in UTF-8; null if there is no user name.</param>
    /// <param name="targets">
    /// The hosts of those servers, as <c>MapAddress</c> gives them: "10.0.0.0/8", "fd00::/8", "*.example.com", one host, or "*" for
    /// every host. Null or none is every host.
    /// </param>
    /// <exception cref="ArgumentException">
    /// One is no address or no pattern, is too long, or there is only one of user name and password.
    /// </exception>
    public TSelf SocksProxy(string address, string? userName = null, string? password = null, IEnumerable<string>? targets = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        var proxy = SocksProxies.Of(address, userName, password, targets);
        return Set(
            ListModule.OfSeq(Draft.Remoting.SocksProxies.Append(proxy)),
            userName is null ? nameof(address) : nameof(userName));
    }

    /// <summary>Secures connections by TLS. Default plain connections, as servers expect it unless set up for TLS.</summary>
    /// <param name="settings">How; null verifies servers by the system's trusted roots.</param>
    public TSelf Tls(TlsSettings? settings = null) => Set((settings ?? new TlsSettings()).ToCore());

    /// <summary>Signs every request, for servers with access control. Default no signature.</summary>
    /// <exception cref="ArgumentException">A key is empty.</exception>
    public TSelf Credentials(string accessKey, string secretKey, string? securityToken = null)
    {
        var credentials = new Credentials(accessKey, secretKey, securityToken);
        return Credentials(() => credentials);
    }

    /// <summary>
    /// Signs every request with what the provider gives for it, so that keys may change at any time. It is called on the
    /// caller's thread and must be quick. If it throws or gives null, the call ends with an
    /// <see cref="InvalidRequestException"/> and nothing is sent.
    /// </summary>
    public TSelf Credentials(Func<Credentials> provider)
    {
        ArgumentNullException.ThrowIfNull(provider);

        // The core refuses a null, whatever the annotations say.
        return Set(FuncConvert.FromFunc(() => provider()?.Inner!));
    }
}
