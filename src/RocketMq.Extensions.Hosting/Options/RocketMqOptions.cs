namespace RocketMq.Hosting;

/// <summary>
/// What is set up for one cluster: <c>AddRocketMq</c> reads it from the section "RocketMq", or "RocketMq:{name}" of a cluster that has
/// a name. Options of several clusters are never shared.
/// </summary>
public sealed class RocketMqOptions
{
    /// <summary>
    /// Settings of all clients of the cluster: "nameServers", "accessKey", "tls", "requestTimeout", "namespace" and so on.
    /// </summary>
    public SettingCollection Settings { get; } = new();

    /// <summary>The name servers, "host:port;host:port". Default those of the environment variable NAMESRV_ADDR.</summary>
    public string? NameServers
    {
        get => Settings["nameServers"];
        set => Settings["nameServers"] = value;
    }

    /// <summary>
    /// Options of producers, by the names that they are registered with; of the one without a name by "Default", of the producer of
    /// transactions without a name by "Transactions".
    /// </summary>
    public NamedOptions<ProducerOptions> Producers { get; } = new();

    /// <summary>Options of consumers of all kinds, by the groups that they are registered with.</summary>
    public NamedOptions<ConsumerOptions> Consumers { get; } = new();

    /// <summary>How the start of the host and that of the clients go together.</summary>
    public StartOptions Start { get; } = new();

    /// <summary>What has no text: a logger, codecs, a provider of credentials, certificates. Applied after the settings.</summary>
    public Func<RocketMqClientBuilder, RocketMqClientBuilder>? ConfigureClient { get; set; }

    /// <summary>What is wrong with the places that options are read from, found while they are.</summary>
    internal List<string> Problems { get; } = [];

    /// <summary>A connection string cannot be taken apart: what it should have set is no other mistake.</summary>
    internal bool IsTextUnreadable { get; set; }
}

/// <summary>Options of one producer.</summary>
public sealed class ProducerOptions
{
    /// <summary>Its group. Default its name, or that of the application for the producer without a name.</summary>
    public string? Group { get; set; }

    /// <summary>
    /// Of a producer of transactions: the topics whose brokers learn of it when it starts, so that they can ask it about transactions of
    /// an earlier process.
    /// </summary>
    public IList<string> Topics { get; } = [];

    /// <summary>Its settings: "sendTimeout", "attempts", "compression" and so on.</summary>
    public SettingCollection Settings { get; } = new();

    /// <summary>The configuration section that it has been read from, or null.</summary>
    internal string? Path { get; set; }
}

/// <summary>Options of one consumer.</summary>
public sealed class ConsumerOptions
{
    /// <summary>Its group. Default the name that it is registered with.</summary>
    public string? Group { get; set; }

    /// <summary>Whether it is started. Default true.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>What it reads. Those of the configuration come before those of the code.</summary>
    public IList<SubscriptionOptions> Subscriptions { get; } = [];

    /// <summary>Its settings: "concurrency", "maxRetries", "consumeTimeout", "orderly" and so on.</summary>
    public SettingCollection Settings { get; } = new();

    /// <summary>The configuration section that it has been read from, or null.</summary>
    internal string? Path { get; set; }
}

/// <summary>A topic that a consumer reads.</summary>
public sealed class SubscriptionOptions
{
    /// <summary>The topic.</summary>
    public string Topic { get; set; } = "";

    /// <summary>Messages with one of the tags, joined with "||". Default "*": all messages.</summary>
    public string? Tags { get; set; }

    /// <summary>Messages whose properties fit an SQL92 expression, in place of tags.</summary>
    public string? Sql92 { get; set; }
}

/// <summary>How the start of the host and that of the clients go together.</summary>
public sealed class StartOptions
{
    /// <summary>
    /// Whether the start of the host waits for the clients, and fails if a client cannot start in time. Default false: they start in
    /// the background, again and again until they can, and the readiness check says so meanwhile.
    /// </summary>
    public bool Wait { get; set; }

    /// <summary>How long the start of the host waits. Default 30 s.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(30);
}
