using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>What every builder sets up about connections. Immutable; each method gives a new builder.</summary>
/// <typeparam name="TBuilder">The builder itself.</typeparam>
public abstract class ConnectionBuilder<TBuilder>
    where TBuilder : ConnectionBuilder<TBuilder>
{
    private protected ConnectionBuilder(RemotingSettings remoting) => Remoting = remoting;

    private protected RemotingSettings Remoting { get; }

    /// <summary>Whether texts and variables may name its servers.</summary>
    private protected abstract bool FindsServers { get; }

    private protected abstract TBuilder With(RemotingSettings remoting);

    /// <summary>
    /// Changes settings by a text such as "nameServers=a:9876,b:9876;preset=production;requestTimeout=5s;tls=true". Names are
    /// in any case, times are numbers with ms, s or m behind, and a value with ';' stands in double quotes. The file
    /// docs/production.md lists all settings. A client of one address takes no name servers.
    /// </summary>
    /// <exception cref="ArgumentException">A setting is unknown or makes no sense; the message names all that are.</exception>
    public TBuilder Settings(string settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return With(FindsServers
            ? Remoting.With(Core.OptionText.parseWithNameServers(settings, Remoting.NameServers, Remoting.Options).OrThrow(nameof(settings)))
            : Remoting with { Options = Core.OptionText.parse(settings, Remoting.Options).OrThrow(nameof(settings)) });
    }

    /// <summary>
    /// Changes settings by environment variables: ROCKETMQ_ and a setting's name, as in ROCKETMQ_NAME_SERVERS, ROCKETMQ_PRESET,
    /// ROCKETMQ_REQUEST_TIMEOUT, ROCKETMQ_TLS or ROCKETMQ_SECRET_KEY. Empty ones count as none.
    /// </summary>
    /// <exception cref="ArgumentException">A variable makes no sense; the message names all that do not.</exception>
    public TBuilder SettingsFromEnvironment() => With(FindsServers
        ? Remoting.With(Core.OptionText.ofEnvironmentWithNameServers(Remoting.NameServers, Remoting.Options).OrThrow("environment"))
        : Remoting with { Options = Core.OptionText.ofEnvironment(Remoting.Options).OrThrow("environment") });

    /// <summary>Takes settings that go together, in place of those made before; TLS and credentials stay.</summary>
    public TBuilder Preset(RemotingPreset preset) =>
        With(Remoting with { Options = Core.RemotingOptionsModule.withPreset(preset.ToCore(), Remoting.Options) });

    /// <summary>
    /// How long a server may be silent. Null leaves a limit as it is.
    /// </summary>
    /// <param name="probeAfter">After this long without a word it is asked for a sign of life. Default 30 s.</param>
    /// <param name="deadAfter">
    /// A server from which nothing at all has come for this long after it was asked something is given up; halfway there it is
    /// asked for a sign of life, so a slow answer alone is no reason. Default 3 s.
    /// </param>
    /// <param name="idleAfter">
    /// A connection that nobody has used for this long is closed; the next call makes it again. Default 2 min.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">A limit is not above 0, or above a day.</exception>
    public TBuilder Liveness(TimeSpan? probeAfter = null, TimeSpan? deadAfter = null, TimeSpan? idleAfter = null)
    {
        var limits = Remoting.Options.Liveness;
        return With(Remoting with
        {
            Liveness = new(
                Checked.Span(probeAfter ?? limits.ProbeAfter, nameof(probeAfter)),
                Checked.Span(deadAfter ?? limits.DeadAfter, nameof(deadAfter)),
                Checked.Span(idleAfter ?? limits.IdleAfter, nameof(idleAfter))),
        });
    }

    /// <summary>What a call does that is one more than may wait for answers. Default <see cref="AtLimit.Fail"/>.</summary>
    public TBuilder AtCallLimit(AtLimit value) => With(Remoting with { AtCallLimit = value });

    /// <summary>What a request does while too many bytes wait to be written. Default <see cref="AtLimit.Wait"/>.</summary>
    public TBuilder AtByteLimit(AtLimit value) => With(Remoting with { AtByteLimit = value });

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

    /// <summary>As the other, by a table; addresses that are not in it stay as they are.</summary>
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
