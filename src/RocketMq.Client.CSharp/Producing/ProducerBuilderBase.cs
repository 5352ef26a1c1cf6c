using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Core = RocketMq;

namespace RocketMq.Client;

/// <summary>What the builders of all producers set up. Immutable; each method gives a new builder.</summary>
/// <typeparam name="TBuilder">The builder itself.</typeparam>
public abstract class ProducerBuilderBase<TBuilder> : ConnectionBuilder<TBuilder>
    where TBuilder : ProducerBuilderBase<TBuilder>
{
    private readonly Core.ProducerOptions _options;

    private protected ProducerBuilderBase(Core.ProducerOptions options, RemotingSettings remoting) : base(remoting) =>
        _options = options;

    /// <summary>All but what connections need.</summary>
    private protected Core.ProducerOptions Options => _options;

    private protected abstract TBuilder With(Core.ProducerOptions options, RemotingSettings remoting);

    private protected override TBuilder With(RemotingSettings remoting) => With(_options, remoting);

    private TBuilder With(Core.ProducerOptions options) => With(options, Remoting);

    private protected override TBuilder Read(string? settings)
    {
        var (options, remoting) = Remoting.Read(Core.ProducerOptionsModule.settings(), settings, _options);
        return With(options, remoting);
    }

    /// <summary>
    /// The name servers, "host:port;host:port". Default those of the environment variable NAMESRV_ADDR, as in Java.
    /// </summary>
    /// <exception cref="ArgumentException">One is no address.</exception>
    public TBuilder NameServers(string addresses) => With(Remoting with { NameServers = Addresses.ParseList(addresses) });

    /// <summary>
    /// Finds name servers by asking a web server, http://domain:8080/rocketmq/subgroup, at once and every two minutes, as Java's
    /// clients do. Default none.
    /// </summary>
    /// <param name="domain">A host, or "host:port".</param>
    /// <param name="subgroup">Which list of addresses.</param>
    /// <param name="unitName">A unit of a deployment in several; empty for none.</param>
    /// <exception cref="ArgumentException">Domain or subgroup is empty.</exception>
    public TBuilder AddressServer(string domain, string subgroup = "nsaddr", string unitName = "")
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(domain);
        ArgumentException.ThrowIfNullOrWhiteSpace(subgroup);
        ArgumentNullException.ThrowIfNull(unitName);
        return With(Core.ProducerOptionsModule.withAddressServer(new(domain, subgroup, unitName), _options));
    }

    /// <summary>How long one message may take, all attempts together. Default 3 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public TBuilder SendTimeout(TimeSpan value) => With(Core.ProducerOptionsModule.withSendTimeout(Checked.Span(value), _options));

    /// <summary>How long one attempt may take, within the time of the message. Default all that is left of it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public TBuilder AttemptTimeout(TimeSpan value) =>
        With(Core.ProducerOptionsModule.withAttemptTimeout(Checked.Span(value), _options));

    /// <summary>How often a message is tried at most, the first time included. Default 3.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 100.</exception>
    public TBuilder Attempts(int value) => With(Core.ProducerOptionsModule.withAttempts(Checked.Count(value, 100), _options));

    /// <summary>Bodies of this many bytes and more are compressed. Default 4,096.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0.</exception>
    public TBuilder CompressFrom(int bytes) =>
        With(Core.ProducerOptionsModule.withCompression(_options.Compression, Checked.Count(bytes, int.MaxValue), _options));

    /// <summary>How bodies are compressed. Default <see cref="BodyCompression.Zlib"/>. A send fails if there is no codec for it.</summary>
    /// <param name="value">How.</param>
    /// <param name="fromBytes">As <see cref="CompressFrom"/>; null leaves the size as it is.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is not from 1 to 7, or a size not above 0.</exception>
    public TBuilder Compression(BodyCompression value, int? fromBytes = null) => With(Core.ProducerOptionsModule.withCompression(
        (Core.BodyCompression)Checked.Count((int)value, 7, nameof(value)),
        Checked.Count(fromBytes ?? _options.CompressFromBytes, int.MaxValue, nameof(fromBytes)),
        _options));

    /// <summary>
    /// Compresses and inflates by a codec of one's own, in place of the one for the same compression. Default zlib by the
    /// framework; LZ4 and Zstandard by libraries of the system, if there are.
    /// </summary>
    /// <exception cref="ArgumentException">Its compression is not a number from 1 to 7.</exception>
    public TBuilder Codec(IBodyCodec codec)
    {
        ArgumentNullException.ThrowIfNull(codec);
        var codecs = Core.BodyCodecsModule.add(new CoreCodec(codec), _options.Codecs).OrThrowArgument(nameof(codec));
        return With(Core.ProducerOptionsModule.withCodecs(codecs, _options));
    }

    /// <summary>What topics and groups belong to: they travel as "name%topic". Default none.</summary>
    /// <exception cref="ArgumentException">It is no such name: 1 to 255 characters of a-z A-Z 0-9 % | - _.</exception>
    public TBuilder Namespace(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return With(Core.ProducerOptionsModule.withNamespace(Core.Names.checkNamespace(name).OrThrowArgument(nameof(name)), _options));
    }

    /// <summary>
    /// What topics are made like that the first message makes, on brokers that make topics. Default TBW102 with 4 queues.
    /// </summary>
    /// <param name="topic">A topic that exists; a new one takes its settings over.</param>
    /// <param name="queues">How many queues the new one gets at most, from 1 to 1,024.</param>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Such a number of queues is not taken.</exception>
    public TBuilder AutoCreateTopic(string topic, int queues = 4)
    {
        ArgumentNullException.ThrowIfNull(topic);
        var name = Core.Names.checkTopic(topic).OrThrowArgument(nameof(topic));
        return With(Core.ProducerOptionsModule.withAutoCreateTopic(new(name, Checked.Count(queues, 1024)), _options));
    }

    /// <summary>
    /// Avoids brokers for a time after an answer that took more than 550 ms, for two seconds to thirty, and after a failure, for
    /// ten: the table of Java's client 5.3.3. Default only after failures, for five seconds.
    /// </summary>
    public TBuilder LatencyFaultTolerance() => WithAvoidance(Core.LatencyTableModule.java533);

    /// <summary>Turns latency fault tolerance on, by steps of one's own.</summary>
    /// <param name="steps">In rising order of latency; the last that a latency reaches counts.</param>
    /// <param name="failureCountsAs">A send that failed counts as one that took so long.</param>
    /// <exception cref="ArgumentException">Latencies do not rise, or a time is negative.</exception>
    public TBuilder LatencyFaultTolerance(IEnumerable<AvoidanceStep> steps, TimeSpan failureCountsAs)
    {
        ArgumentNullException.ThrowIfNull(steps);
        var table = AvoidanceStep.ToCore(steps, failureCountsAs);
        return WithAvoidance(Core.LatencyTableModule.check(table).OrThrowArgument(nameof(steps)));
    }

    /// <summary>Avoids a broker that failed only for the message that it failed.</summary>
    public TBuilder NoBrokerAvoidance() => With(Core.ProducerOptionsModule.withAvoidance(null, _options));

    /// <summary>
    /// Gathers messages to the same topic into batches by itself; each send still has its own receipt. Messages that cannot
    /// be in a batch, and those to a queue that the caller chose, go by themselves. Default off.
    /// </summary>
    /// <param name="messages">Messages of one batch at most.</param>
    /// <param name="bytes">Bytes of one batch at most, properties included: to 4 MiB.</param>
    /// <param name="wait">How long the first message waits for others, 1 ms to 30 s. Default 10 ms.</param>
    /// <exception cref="ArgumentException">A limit is not in its range.</exception>
    public TBuilder Batching(int messages = 1024, int bytes = 32 * 1024, TimeSpan? wait = null)
    {
        var limits = new Core.BatchingLimits(
            messages, bytes, (long)(wait ?? TimeSpan.FromMilliseconds(10)).TotalMilliseconds);
        return With(Core.ProducerOptionsModule.withBatching(
            Core.BatchingLimitsModule.check(limits).OrThrowArgument(nameof(messages)), _options));
    }

    /// <summary>
    /// Writes a trace of each send to a topic, in the background, as Java's clients do. A lost trace is counted and hurts no
    /// message. Default off.
    /// </summary>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    public TBuilder Trace(string topic = "RMQ_SYS_TRACE_TOPIC")
    {
        ArgumentNullException.ThrowIfNull(topic);
        return With(Core.ProducerOptionsModule.withTrace(Core.Names.checkTopic(topic).OrThrowArgument(nameof(topic)), _options));
    }

    /// <summary>
    /// Stands around each <c>SendAsync</c>: it is given the message and the send, may change the message, look at receipt or
    /// exception, send again, or not send at all. The first one added is the outermost. An exception of its own that is no
    /// <see cref="RocketMqException"/> ends the send with an <see cref="InterceptorException"/> around it.
    /// </summary>
    public TBuilder AddInterceptor(Func<Message, Func<Message, Task<SendReceipt>>, Task<SendReceipt>> interceptor)
    {
        ArgumentNullException.ThrowIfNull(interceptor);
        return With(Core.ProducerOptionsModule.withInterceptor(SendInterceptor.ToCore(interceptor), _options));
    }

    /// <summary>Tells this client from others of the host, in its id. Default a name of its own.</summary>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public TBuilder InstanceName(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return With(Core.ProducerOptionsModule.withInstanceName(name, _options));
    }

    /// <summary>The unit of a deployment in several that it belongs to. Default none.</summary>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public TBuilder UnitName(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return With(Core.ProducerOptionsModule.withUnitName(name, _options));
    }

    /// <summary>How long closing waits for messages on their way. Default 3 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public TBuilder DrainTimeout(TimeSpan value) =>
        With(Core.ProducerOptionsModule.withDrainTimeout(Checked.Span(value), _options));

    /// <summary>The options as the core takes them.</summary>
    /// <exception cref="InvalidRequestException">NAMESRV_ADDR is no list of addresses.</exception>
    private protected Core.ProducerOptions ToCore() => Core.ProducerOptionsModule.withRemoting(
        Remoting.ToCore(Core.WhenDisconnected.FailWithDial),
        Core.ProducerOptionsModule.withNameServers(FoundNameServers(_options.AddressServer), _options));

    private TBuilder WithAvoidance(Core.LatencyTable table) => With(
        Core.ProducerOptionsModule.withAvoidance(FSharpOption<Core.LatencyTable>.Some(table), _options));
}
