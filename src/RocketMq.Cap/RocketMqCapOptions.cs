namespace RocketMq.Cap;

/// <summary>How CAP uses RocketMQ. All mistakes are reported together when the host starts.</summary>
public sealed class RocketMqCapOptions
{
    /// <summary>
    /// The name servers, "host:port;host:port". Default those of <see cref="Settings"/>, or of the environment variable
    /// NAMESRV_ADDR.
    /// </summary>
    public string? NameServers { get; set; }

    /// <summary>
    /// Settings of the client as a text, such as "preset=production;requestTimeout=5s"; the file docs/production.md lists them.
    /// The other options come after it. Default none.
    /// </summary>
    public string? Settings { get; set; }

    /// <summary>What proves to servers with access control who asks. Default none.</summary>
    public Credentials? Credentials { get; set; }

    /// <summary>How connections are secured. Default not at all.</summary>
    public TlsSettings? Tls { get; set; }

    /// <summary>What topics and groups belong to: 1 to 255 characters of a-z A-Z 0-9 % | - _. Default none.</summary>
    public string? Namespace { get; set; }

    /// <summary>The group of the one producer: 1 to 255 characters of a-z A-Z 0-9 % | - _. Default "cap-publishers".</summary>
    public string ProducerGroup { get; set; } = "cap-publishers";

    /// <summary>
    /// Where a group begins that has consumed nothing. Default <see cref="ConsumeFrom.FirstOffset"/>: nothing is missed that was
    /// published before the group was first seen.
    /// </summary>
    public ConsumeFrom ConsumeFromWhere { get; set; } = ConsumeFrom.FirstOffset;

    /// <summary>
    /// When a message comes again that CAP rejected because its storage could not take it. Brokers know delays of 1, 5, 10 and
    /// 30 s, of 1 to 10, 20 and 30 min, and of 1 and 2 h: the next one that is no shorter counts. Above 0, at most 2 hours; default
    /// 10 seconds. It comes again without end.
    /// </summary>
    public TimeSpan RedeliveryDelay { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Who holds back what is published with a delay. Default <see cref="Cap.DelayedDelivery.Auto"/>.</summary>
    public DelayedDelivery DelayedDelivery { get; set; }

    /// <summary>
    /// The longest delay that brokers take, <c>timerMaxDelaySec</c> there. CAP's scheduler holds back what has a longer one. Above 0;
    /// default 3 days, as brokers are set up.
    /// </summary>
    public TimeSpan MaxBrokerDelay { get; set; } = TimeSpan.FromDays(3);

    /// <summary>
    /// The RocketMQ topic of a CAP name, for topics that exist already. Two CAP names may not share a topic. It may be called by any
    /// thread, once for each name. Default <see cref="CapNames.Encode"/>.
    /// </summary>
    public Func<string, string>? TopicName { get; set; }

    /// <summary>The RocketMQ group of a CAP group; as <see cref="TopicName"/>.</summary>
    public Func<string, string>? GroupName { get; set; }

    /// <summary>Changes the client that all share, after the options here. Default nothing.</summary>
    public Func<RocketMqClientBuilder, RocketMqClientBuilder>? ConfigureClient { get; set; }

    /// <summary>Changes the producer. Default nothing.</summary>
    public Func<ProducerBuilder, ProducerBuilder>? ConfigureProducer { get; set; }

    /// <summary>
    /// Changes the consumer of each group. Its handler, its topics and its <c>Concurrency</c>, which is CAP's number of consumer threads, are
    /// set already. Default nothing.
    /// </summary>
    public Func<PushConsumerBuilder, PushConsumerBuilder>? ConfigureConsumer { get; set; }
}
