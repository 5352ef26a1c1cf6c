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
}
