using RocketMq.Embedded;

namespace Interop;

/// <summary>
/// The base of every test that needs a server: each runs against the embedded broker, and again against the cluster that
/// ROCKETMQ_NAMESRV names. Without that variable the second run is reported as skipped.
/// </summary>
[TestFixture(Embedded)]
[TestFixture(Cluster)]
[CancelAfter(60_000)]
public abstract class ServerTests(string kind)
{
    protected const string Embedded = "embedded broker";
    protected const string Cluster = "cluster of ROCKETMQ_NAMESRV";

    private readonly EmbeddedClock _clock = new(runs: true);
    private EmbeddedBroker? _broker;
    private int? _version;

    /// <summary>Name servers, "host:port;host:port".</summary>
    protected string NameServers { get; private set; } = "";

    /// <summary>The first of them.</summary>
    protected string NameServer => NameServers.Split(';')[0];

    protected bool IsCluster => kind == Cluster;

    [OneTimeSetUp]
    public async Task FindServer()
    {
        if (kind == Embedded)
        {
            _broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions { Clock = _clock });
            NameServers = _broker.NameServer;
        }
        else
        {
            NameServers = Environment.GetEnvironmentVariable("ROCKETMQ_NAMESRV") ?? "";

            if (NameServers.Length == 0)
            {
                Assert.Ignore("ROCKETMQ_NAMESRV names no cluster.");
            }
        }
    }

    [OneTimeTearDown]
    public async Task StopServer()
    {
        if (_broker is not null)
        {
            await _broker.StopAsync();
        }
    }

    /// <summary>A topic or group that no other test uses.</summary>
    protected static string NewName(string what) => $"it-{what}-{Guid.NewGuid():N}";

    /// <summary>Moves the embedded broker's clock on; a cluster takes its time, so wait for messages after this.</summary>
    protected void PassTime(TimeSpan span) => _clock.Advance(span);

    /// <summary>Skips the test on brokers before a release.</summary>
    protected async Task NeedBrokerAsync(int major, int minor, string feature, CancellationToken cancellation)
    {
        if (IsCluster && await BrokerVersionAsync(cancellation) < RocketMq.Protocol.ProtocolVersion.ofRelease(major, minor, 0))
        {
            Assert.Ignore($"{feature} needs brokers of {major}.{minor}; those of ROCKETMQ_NAMESRV are older.");
        }
    }

    /// <summary>Every answer of a broker has its version in the header.</summary>
    private async Task<int> BrokerVersionAsync(CancellationToken cancellation)
    {
        if (_version is null)
        {
            await using var names = AsTheClusterWants(NameServerClient.Create()).NameServers(NameServers).Start();
            var cluster = await names.GetClusterAsync(cancellation);
            await using var broker = await AsTheClusterWants(RemotingClient.Connect(cluster.Brokers[0].Addresses[0]))
                .StartAsync(cancellation);
            var answer = await broker.InvokeAsync(Command.Request(RequestCode.GetBrokerRuntimeInfo), cancellation);
            _version = answer.Version;
        }

        return _version.Value;
    }

    protected Task<Producer> StartProducerAsync(CancellationToken cancellation)
    {
        var builder = AsTheClusterWants(Producer.Create(NewName("producers"))).NameServers(NameServers);
        return (IsCluster ? builder.AddInterceptor(WhileBusyAsync) : builder).StartAsync(cancellation);
    }

    /// <summary>A cluster that has just started, or shares its machine, refuses some sends; those to one queue are tried once.</summary>
    private static async Task<SendReceipt> WhileBusyAsync(Message message, Func<Message, Task<SendReceipt>> send)
    {
        while (true)
        {
            try
            {
                return await send(message);
            }
            catch (BrokerException error) when (error.IsOverload)
            {
            }
        }
    }

    /// <summary>
    /// For a cluster, with what variables such as ROCKETMQ_TLS say; with ROCKETMQ_ACCESS_KEY and ROCKETMQ_SECRET_KEY it signs all
    /// requests. Every client that a test makes for its server passes here.
    /// </summary>
    protected TBuilder AsTheClusterWants<TBuilder>(TBuilder builder)
        where TBuilder : ConnectionBuilder<TBuilder> =>
        IsCluster ? builder.SettingsFromEnvironment() : builder;

    /// <summary>Of a cluster a new topic is asked for several times: brokers answer a send before name servers know its topic.</summary>
    protected async Task<PullConsumer> StartConsumerAsync(
        string group, string topic, CancellationToken cancellation, string tags = "*")
    {
        var builder = AsTheClusterWants(PullConsumer.Create(group))
            .NameServers(NameServers)
            .AddCompressionCodecs()
            .Subscribe(topic, tags)
            .ConsumeFromWhere(ConsumeFrom.FirstOffset);

        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await builder.StartAsync(cancellation);
            }
            catch (RouteNotFoundException) when (IsCluster && attempt < 100)
            {
            }
        }
    }

    /// <summary>A consumer of a topic that is there and has been read.</summary>
    protected async Task<PullConsumer> ListenAsync(Producer producer, string topic, CancellationToken cancellation)
    {
        await producer.SendAsync(Message.To(topic).Body("makes the topic"), cancellation);
        var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation);
        await consumer.ReceiveAsync(cancellation);
        return consumer;
    }

    protected static string TextOf(ReceivedMessage message) => System.Text.Encoding.UTF8.GetString(message.Body.Span);

    protected static async Task<List<ReceivedMessage>> ReceiveAsync(
        PullConsumer consumer, int count, CancellationToken cancellation)
    {
        var received = new List<ReceivedMessage>(count);

        while (received.Count < count)
        {
            received.Add(await consumer.ReceiveAsync(cancellation));
        }

        return received;
    }
}
