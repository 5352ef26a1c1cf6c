using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Core = RocketMq;
using Options = RocketMq.PushConsumerOptionsModule;

namespace RocketMq.Client;

/// <summary>Sets up a <see cref="PushConsumer"/>. Immutable; each method gives a new one.</summary>
public sealed partial class PushConsumerBuilder : ConnectionBuilder<PushConsumerBuilder>
{
    private readonly Core.PushConsumerOptions _options;
    private readonly Core.ConsumeHandler? _handler;

    internal PushConsumerBuilder(string group)
        : this(Options.create(group, FSharpList<Core.Endpoint>.Empty), null, new RemotingSettings()) { }

    private PushConsumerBuilder(Core.PushConsumerOptions options, Core.ConsumeHandler? handler, RemotingSettings remoting)
        : base(remoting)
    {
        _options = options;
        _handler = handler;
    }

    private protected override PushConsumerBuilder With(RemotingSettings remoting) => new(_options, _handler, remoting);

    private PushConsumerBuilder With(Core.PushConsumerOptions options) => new(options, _handler, Remoting);

    private protected override PushConsumerBuilder Read(string? settings)
    {
        var (options, remoting) = Remoting.Read(Options.settings(), settings, _options);
        return new(options, _handler, remoting);
    }

    /// <summary>
    /// The name servers, "host:port;host:port". Default those of <see cref="AddressServer"/>, or of the environment variable
    /// NAMESRV_ADDR, as in Java.
    /// </summary>
    /// <exception cref="ArgumentException">One is no address.</exception>
    public PushConsumerBuilder NameServers(string addresses) =>
        With(Remoting with { NameServers = Addresses.ParseList(addresses) });

    /// <summary>
    /// Finds name servers by asking a web server, http://domain:8080/rocketmq/subgroup, at once and every two minutes, as Java's
    /// clients do. Default none.
    /// </summary>
    /// <param name="domain">A host, or "host:port".</param>
    /// <param name="subgroup">Which list of addresses.</param>
    /// <param name="unitName">A unit of a deployment in several; empty for none.</param>
    /// <exception cref="ArgumentException">Domain or subgroup is empty.</exception>
    public PushConsumerBuilder AddressServer(string domain, string subgroup = "nsaddr", string unitName = "")
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(domain);
        ArgumentException.ThrowIfNullOrWhiteSpace(subgroup);
        ArgumentNullException.ThrowIfNull(unitName);
        return With(Options.withAddressServer(new(domain, subgroup, unitName), _options));
    }

    /// <summary>Reads a topic: messages with one of the tags, joined with "||", or all of them. May be called for several topics.</summary>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    /// <exception cref="InvalidOperationException">The topic has been subscribed to before with another expression.</exception>
    public PushConsumerBuilder Subscribe(string topic, string tags = "*")
    {
        ArgumentNullException.ThrowIfNull(tags);
        return Subscribe(topic, Core.Filter.NewByTag(tags));
    }

    /// <summary>
    /// Reads a topic: messages whose properties fit an SQL92 expression, such as "price > 10 AND region = 'EU'". Brokers need
    /// <c>enablePropertyFilter=true</c>.
    /// </summary>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    /// <exception cref="InvalidOperationException">The topic has been subscribed to before with another expression.</exception>
    public PushConsumerBuilder SubscribeSql92(string topic, string expression)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(expression);
        return Subscribe(topic, Core.Filter.NewBySql92(expression));
    }

    /// <summary>
    /// The messages of a queue one after the other, in their order. One that fails holds its queue up until it is consumed or,
    /// with <see cref="MaxRetries"/>, a dead letter. Java's orderly consumer.
    /// </summary>
    public PushConsumerBuilder Orderly() => With(Options.orderly(_options));

    /// <summary>
    /// Each member gets all messages. Offsets are kept in files on this machine, under the client's
    /// <see cref="InstanceName"/>; what fails is logged and not had again.
    /// </summary>
    public PushConsumerBuilder Broadcasting() => With(Options.broadcasting(_options));

    /// <summary>Where to begin if the group has committed nothing. Default <see cref="ConsumeFrom.LastOffset"/>.</summary>
    public PushConsumerBuilder ConsumeFromWhere(ConsumeFrom value) => With(Options.consumeFromWhere(value.ToCore(), _options));

    /// <summary>How queues are shared. Default <see cref="AllocationStrategy.Averagely"/>.</summary>
    public PushConsumerBuilder AllocationStrategy(AllocationStrategy strategy)
    {
        ArgumentNullException.ThrowIfNull(strategy);
        return With(Options.withAllocationStrategy(strategy.Inner, _options));
    }

    /// <summary>How many handlers work at a time. Default 20.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 10,000.</exception>
    public PushConsumerBuilder Concurrency(int handlers) =>
        With(Options.withConcurrency(Checked.Count(handlers, 10_000), _options));

    /// <summary>How many messages a pull asks for. Default 32, the most that brokers deliver unless set up for more.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 1,024.</exception>
    public PushConsumerBuilder PullBatch(int value) => With(Options.withPullBatch(Checked.Count(value, 1024), _options));

    /// <summary>How long a broker holds a pull that finds nothing. Default 15 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public PushConsumerBuilder LongPollTimeout(TimeSpan value) => With(Options.withLongPollTimeout(Checked.Span(value), _options));

    /// <summary>How much of a queue is held, at most, before no more is pulled from it.</summary>
    /// <param name="messages">Messages that are not consumed. Default 1,000.</param>
    /// <param name="bytes">Bytes of their bodies as stored. Default 100 MiB.</param>
    /// <param name="span">From the oldest offset that is not consumed to the newest one held. Default 2,000.</param>
    /// <exception cref="ArgumentOutOfRangeException">One is not above 0.</exception>
    public PushConsumerBuilder FlowControl(int messages = 1000, long bytes = 100L * 1024 * 1024, long span = 2000)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(span, 1);
        return With(Options.withFlowControl(new(Checked.Count(messages, int.MaxValue), bytes, span), _options));
    }

    /// <summary>
    /// How much of a topic is held, at most, by all its queues together that this member reads: each gets an equal part, and at
    /// least one message. Default no limits but those of <see cref="FlowControl"/>.
    /// </summary>
    /// <param name="messages">Messages that are not consumed.</param>
    /// <param name="bytes">Bytes of their bodies as stored; one pull may go beyond.</param>
    /// <exception cref="ArgumentOutOfRangeException">One is not above 0.</exception>
    public PushConsumerBuilder TopicFlowControl(int? messages = null, long? bytes = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes ?? 1L, 1L, nameof(bytes));
        return With(Options.withTopicFlowControl(
            new(
                messages is { } count ? FSharpOption<int>.Some(Checked.Count(count, int.MaxValue, nameof(messages))) : null,
                bytes is { } size ? FSharpOption<long>.Some(size) : null),
            _options));
    }

    /// <summary>
    /// When a handler counts as stuck. Its token is cancelled then; if it does not return, its message goes back to the broker
    /// and another handler takes its place (in order, the queue waits for it). Default 15 minutes.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public PushConsumerBuilder ConsumeTimeout(TimeSpan value) => With(Options.withConsumeTimeout(Checked.Span(value), _options));

    /// <summary>How often a message comes again before it goes to the dead letters. Default 16 times; in order, without end.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public PushConsumerBuilder MaxRetries(int value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        return With(Options.withMaxRetries(value, _options));
    }

    /// <summary>In order: how long a queue is left alone whose message failed. Default 1 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 10 ms to 30 s.</exception>
    public PushConsumerBuilder SuspendCurrentQueueTime(TimeSpan value)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.FromMilliseconds(10));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, TimeSpan.FromSeconds(30));
        return With(Options.withSuspendCurrentQueueTime(value, _options));
    }

    /// <summary>How often offsets are committed. Default 5 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public PushConsumerBuilder CommitInterval(TimeSpan value) => With(Options.withCommitInterval(Checked.Span(value), _options));

    /// <summary>How long handlers may go on whose queue goes to another member, and when the consumer stops. Default 10 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public PushConsumerBuilder DrainTimeout(TimeSpan value) => With(Options.withDrainTimeout(Checked.Span(value), _options));

    /// <summary>The largest body after inflating, in bytes. Default 64 MiB.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0.</exception>
    public PushConsumerBuilder MaxDecompressedBodySize(int bytes) =>
        With(Options.withMaxDecompressedBodySize(Checked.Count(bytes, int.MaxValue), _options));

    /// <summary>
    /// Inflates by a codec of one's own, in place of the one for the same compression. Default zlib by the framework; LZ4 and
    /// Zstandard by libraries of the system, if there are.
    /// </summary>
    /// <exception cref="ArgumentException">Its compression is not a number from 1 to 7.</exception>
    public PushConsumerBuilder Codec(IBodyCodec codec)
    {
        ArgumentNullException.ThrowIfNull(codec);
        return With(Options.withCodecs(
            Core.BodyCodecsModule.add(new CoreCodec(codec), _options.Codecs).OrThrowArgument(nameof(codec)),
            _options));
    }

    /// <summary>What topics and group belong to: they travel as "name%topic". Default none.</summary>
    /// <exception cref="ArgumentException">It is no such name: 1 to 255 characters of a-z A-Z 0-9 % | - _.</exception>
    public PushConsumerBuilder Namespace(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return With(Options.withNamespace(Core.Names.checkNamespace(name).OrThrowArgument(nameof(name)), _options));
    }

    /// <summary>Where a broadcasting consumer keeps its offsets. Default .rocketmq_offsets in the user's home directory.</summary>
    public PushConsumerBuilder OffsetDirectory(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return With(Options.withOffsetDirectory(path, _options));
    }

    /// <summary>
    /// Writes a trace before and after each call of the handler to a topic, in the background, as Java's clients do. A lost trace
    /// is counted and holds up no message. Default off.
    /// </summary>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    public PushConsumerBuilder Trace(string topic = "RMQ_SYS_TRACE_TOPIC")
    {
        ArgumentNullException.ThrowIfNull(topic);
        return With(Options.withTrace(Core.Names.checkTopic(topic).OrThrowArgument(nameof(topic)), _options));
    }

    /// <summary>
    /// Tells this client from others of the host. Default one of its own with each start; a broadcasting consumer needs the same
    /// one each time to find its offsets again.
    /// </summary>
    public PushConsumerBuilder InstanceName(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return With(Options.withInstanceName(name, _options));
    }

    /// <summary>The unit of a deployment in several that it belongs to. Default none.</summary>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public PushConsumerBuilder UnitName(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return With(Options.withUnitName(name, _options));
    }

    /// <summary>
    /// Joins the group and begins to read. A topic that is not there, or that no server can be asked for, is looked for until it can be
    /// read: a warning is logged, and <c>Health</c> says so until then.
    /// </summary>
    /// <exception cref="InvalidRequestException">
    /// There is no handler or no subscription, no name server is named, or settings do not go together.
    /// </exception>
    /// <exception cref="RocketMqException">A server refuses: the credentials, or an SQL92 expression.</exception>
    /// <exception cref="OperationCanceledException">
    /// The caller gave up. What has been begun is ended in the background.
    /// </exception>
    public async Task<PushConsumer> StartAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var handler = _handler
            ?? throw new InvalidRequestException(Core.RemotingError.NewMisconfigured("A push consumer needs a handler: call OnMessage or OnMessages before StartAsync"));
        var options = Options.withRemoting(
            Remoting.ToCore(Core.WhenDisconnected.FailWithDial),
            Options.withNameServers(FoundNameServers(_options.AddressServer), _options));
        var starting = Core.PushConsumer.Start(options, handler);
        return new(
            await Lifetime.StartAsync(starting, "a push consumer", cancellationToken).ConfigureAwait(false), options.Group);
    }

    private PushConsumerBuilder Subscribe(string topic, Core.Filter filter) =>
        With(Options.subscribe(Subscribed.Topic(topic, filter, _options.Subscriptions), filter, _options));
}
