using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;
using Core = RocketMq;
using Options = RocketMq.PullConsumerOptionsModule;

namespace RocketMq.Client;

/// <summary>Sets up a <see cref="PullConsumer"/>. Immutable; each method gives a new one.</summary>
public sealed class PullConsumerBuilder : ConnectionBuilder<PullConsumerBuilder>
{
    private readonly Core.PullConsumerOptions _options;

    internal PullConsumerBuilder(string group)
        : this(Options.create(group, FSharpList<Core.Endpoint>.Empty), new RemotingSettings()) { }

    private PullConsumerBuilder(Core.PullConsumerOptions options, RemotingSettings remoting) : base(remoting) =>
        _options = options;

    private protected override PullConsumerBuilder With(RemotingSettings remoting) => new(_options, remoting);

    private PullConsumerBuilder With(Core.PullConsumerOptions options) => new(options, Remoting);

    private protected override PullConsumerBuilder Read(string? settings)
    {
        var (options, remoting) = Remoting.Read(Options.settings(), settings, _options);
        return new(options, remoting);
    }

    /// <summary>
    /// The name servers, "host:port;host:port". Default those of <see cref="AddressServer"/>, or of the environment variable
    /// NAMESRV_ADDR, as in Java.
    /// </summary>
    /// <exception cref="ArgumentException">One is no address.</exception>
    public PullConsumerBuilder NameServers(string addresses) =>
        With(Remoting with { NameServers = Addresses.ParseList(addresses) });

    /// <summary>
    /// Finds name servers by asking a web server, http://domain:8080/rocketmq/subgroup, at once and every two minutes, as Java's
    /// clients do. Default none.
    /// </summary>
    /// <param name="domain">A host, or "host:port".</param>
    /// <param name="subgroup">Which list of addresses.</param>
    /// <param name="unitName">A unit of a deployment in several; empty for none.</param>
    /// <exception cref="ArgumentException">Domain or subgroup is empty.</exception>
    public PullConsumerBuilder AddressServer(string domain, string subgroup = "nsaddr", string unitName = "")
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(domain);
        ArgumentException.ThrowIfNullOrWhiteSpace(subgroup);
        ArgumentNullException.ThrowIfNull(unitName);
        return With(Options.withAddressServer(new(domain, subgroup, unitName), _options));
    }

    /// <summary>
    /// Reads a topic: messages with one of the tags, joined with "||", or all of them. Its queues are shared with the other
    /// members of the group. May be called for several topics.
    /// </summary>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    /// <exception cref="InvalidOperationException">The topic has been subscribed to before with another expression.</exception>
    public PullConsumerBuilder Subscribe(string topic, string tags = "*")
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
    public PullConsumerBuilder SubscribeSql92(string topic, string expression)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(expression);
        return Subscribe(topic, Core.Filter.NewBySql92(expression));
    }

    /// <summary>In place of subscriptions: reads these queues, which are shared with nobody.</summary>
    /// <param name="queues">The queues; see <see cref="PullClient.GetQueuesAsync"/>.</param>
    /// <param name="tags">Messages with one of the tags, joined with "||", or all of them.</param>
    public PullConsumerBuilder AssignQueues(IEnumerable<MessageQueue> queues, string tags = "*")
    {
        ArgumentNullException.ThrowIfNull(tags);
        return With(Options.assign(
            ListModule.OfSeq(Checked.All(queues).Select(queue => queue.ToCore())), Core.Filter.NewByTag(tags), _options));
    }

    /// <summary>Where to begin if the group has committed nothing. Default <see cref="ConsumeFrom.LastOffset"/>.</summary>
    public PullConsumerBuilder ConsumeFromWhere(ConsumeFrom value) => With(Options.consumeFromWhere(value.ToCore(), _options));

    /// <summary>
    /// Where a queue begins that the consumer gets, in place of the committed offset; null for that one. For offsets that
    /// are kept elsewhere, with the results. Default the committed one.
    /// </summary>
    public PullConsumerBuilder StartAt(Func<MessageQueue, CancellationToken, Task<long?>> offset)
    {
        ArgumentNullException.ThrowIfNull(offset);

        async Task<FSharpOption<long>?> Ask(Core.MessageQueue queue, CancellationToken cancellation) =>
            await (offset(MessageQueue.FromCore(queue), cancellation) ?? throw Handlers.NoTask(offset))
                .ConfigureAwait(false) is { } found
                ? FSharpOption<long>.Some(found)
                : FSharpOption<long>.None;

        return With(Options.withStartAt(
            FuncConvert.FromFunc<Core.MessageQueue, CancellationToken, Task<FSharpOption<long>?>>(Ask), _options));
    }

    /// <summary>How queues are shared. Default <see cref="AllocationStrategy.Averagely"/>.</summary>
    public PullConsumerBuilder AllocationStrategy(AllocationStrategy strategy)
    {
        ArgumentNullException.ThrowIfNull(strategy);
        return With(Options.withAllocationStrategy(strategy.Inner, _options));
    }

    /// <summary>How many messages a pull asks for. Default 32, the most that brokers deliver unless set up for more.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 1,024.</exception>
    public PullConsumerBuilder PullBatch(int value) => With(Options.withPullBatch(Checked.Count(value, 1024), _options));

    /// <summary>How long a broker holds a pull that finds nothing. Default 15 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public PullConsumerBuilder LongPollTimeout(TimeSpan value) => With(Options.withLongPollTimeout(Checked.Span(value), _options));

    /// <summary>How much of a queue may wait that has not been asked for, before no more is pulled from it.</summary>
    /// <param name="messages">Messages. Default 1,000.</param>
    /// <param name="bytes">Bytes of their bodies as stored. Default 100 MiB.</param>
    /// <exception cref="ArgumentOutOfRangeException">One is not above 0.</exception>
    public PullConsumerBuilder FlowControl(int messages = 1000, long bytes = 100L * 1024 * 1024)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        return With(Options.withFlowControl(new(Checked.Count(messages, int.MaxValue), bytes, long.MaxValue), _options));
    }

    /// <summary>
    /// Nothing is committed but by <see cref="PullConsumer.CommitAsync(CancellationToken)"/>. Default: offsets are committed by
    /// themselves, and a message counts as consumed when the next one is asked for.
    /// </summary>
    public PullConsumerBuilder ManualCommit() => With(Options.manualCommit(_options));

    /// <summary>How often offsets are committed. Default 5 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public PullConsumerBuilder CommitInterval(TimeSpan value) => With(Options.withCommitInterval(Checked.Span(value), _options));

    /// <summary>The largest body after inflating, in bytes. Default 64 MiB.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0.</exception>
    public PullConsumerBuilder MaxDecompressedBodySize(int bytes) =>
        With(Options.withMaxDecompressedBodySize(Checked.Count(bytes, int.MaxValue), _options));

    /// <summary>
    /// Inflates by a codec of one's own, in place of the one for the same compression. Default zlib by the framework; LZ4 and
    /// Zstandard by libraries of the system, if there are.
    /// </summary>
    /// <exception cref="ArgumentException">Its compression is not a number from 1 to 7.</exception>
    public PullConsumerBuilder Codec(IBodyCodec codec)
    {
        ArgumentNullException.ThrowIfNull(codec);
        return With(Options.withCodecs(
            Core.BodyCodecsModule.add(new CoreCodec(codec), _options.Codecs).OrThrowArgument(nameof(codec)),
            _options));
    }

    /// <summary>What topics and group belong to: they travel as "name%topic". Default none.</summary>
    /// <exception cref="ArgumentException">It is no such name: 1 to 255 characters of a-z A-Z 0-9 % | - _.</exception>
    public PullConsumerBuilder Namespace(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return With(Options.withNamespace(Core.Names.checkNamespace(name).OrThrowArgument(nameof(name)), _options));
    }

    /// <summary>Tells this client from others of the host. Default one of its own with each start.</summary>
    public PullConsumerBuilder InstanceName(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return With(Options.withInstanceName(name, _options));
    }

    /// <summary>The unit of a deployment in several that it belongs to. Default none.</summary>
    /// <exception cref="ArgumentException">It is empty.</exception>
    public PullConsumerBuilder UnitName(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        return With(Options.withUnitName(name, _options));
    }

    /// <summary>
    /// Joins the group, or takes up what is assigned, and begins to read. A topic that is not there, or that no server can be asked for, is looked for until it can be
    /// read: a warning is logged, and <c>Health</c> says so until then.
    /// </summary>
    /// <exception cref="InvalidRequestException">No name server is named, there is no subscription, or settings do not go together.</exception>
    /// <exception cref="RocketMqException">A server refuses: the credentials, or an SQL92 expression.</exception>
    /// <exception cref="OperationCanceledException">
    /// The caller gave up. What has been begun is ended in the background.
    /// </exception>
    public async Task<PullConsumer> StartAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var options = ToCore();
        var starting = Core.PullConsumer.Start(options);
        return new(
            await Lifetime.StartAsync(starting, "a pull consumer", cancellationToken).ConfigureAwait(false), options.Group);
    }

    /// <summary>
    /// A client that reads queues at offsets that the application keeps, in the name of the group and a member of none.
    /// Subscriptions do not count. It connects with the first question.
    /// </summary>
    /// <exception cref="InvalidRequestException">No name server is named, or settings do not go together.</exception>
    public PullClient CreateClient() => new(Core.PullClient.Create(ToCore()).OrThrow());

    private Core.PullConsumerOptions ToCore() => Options.withRemoting(
        Remoting.ToCore(Core.WhenDisconnected.FailWithDial),
        Options.withNameServers(FoundNameServers(_options.AddressServer), _options));

    private PullConsumerBuilder Subscribe(string topic, Core.Filter filter) =>
        With(Options.subscribe(Subscribed.Topic(topic, filter, _options.Subscriptions), filter, _options));
}
