using Options = RocketMq.PushConsumerOptionsModule;

namespace RocketMq.Client;

/// <summary>Sets up a <see cref="PushConsumer"/>. Immutable; each method gives a new one.</summary>
public sealed partial class PushConsumerBuilder : ConsumerBuilder<PushConsumerBuilder>
{
    private readonly Core.ConsumeHandler? _handler;

    internal PushConsumerBuilder(string group, Core.RocketMqClient? shared = null)
        : this(
            Draft.Of(Options.kind, Options.create(group, FSharpList<Core.Endpoint>.Empty), Options.withClient, shared), null)
    { }

    private PushConsumerBuilder(Draft draft, Core.ConsumeHandler? handler) : base(draft) => _handler = handler;

    private protected override Core.ConsumerOptions Consumer => Draft.Options<Core.PushConsumerOptions>().Consumer;

    private protected override PushConsumerBuilder With(Draft draft) => new(draft, _handler);

    /// <summary>
    /// The messages of a queue one after the other, in their order. One that fails holds its queue up until it is consumed or,
    /// with <see cref="MaxRetries"/>, a dead letter. Java's orderly consumer.
    /// </summary>
    public PushConsumerBuilder Orderly() => Set(true);

    /// <summary>
    /// As <see cref="Orderly()"/>, by queue or by key: by key, the messages of one queue that have different keys are handled side by side, up to
    /// <see cref="Concurrency"/>, and one that fails holds up the later messages of its key only. The offset never passes it, so it comes
    /// again after a restart, and those behind it too; <see cref="FlowControl"/> bounds how far other keys go on before it. A handler of
    /// several messages gets those of one key.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is neither of the two.</exception>
    public PushConsumerBuilder Orderly(OrderBy orderBy) => Orderly().Set(orderBy.ToCore(), nameof(orderBy), nameof(orderBy));

    /// <summary>
    /// Each member gets all messages. Offsets are kept in files on this machine, under the client's
    /// <see cref="ClientBuilder{TSelf}.InstanceName"/>; what fails is logged and not had again.
    /// </summary>
    public PushConsumerBuilder Broadcasting() => Set(true);

    /// <summary>How queues are shared. Default <see cref="AllocationStrategy.Averagely"/>.</summary>
    public PushConsumerBuilder AllocationStrategy(AllocationStrategy strategy)
    {
        ArgumentNullException.ThrowIfNull(strategy);
        return Set(strategy.Inner);
    }

    /// <summary>
    /// Whether the members share the queues by themselves. Default true. With false brokers of 5.0 or later assign them, averagely or averagely by
    /// circle, and say whether a topic is pulled or popped, as an operator has set it (<c>rocketmq group mode</c>); brokers before 5.0 leave it to the
    /// members. Consumers in order always pull. Java's <c>setClientRebalance</c>.
    /// </summary>
    public PushConsumerBuilder ClientRebalance(bool value) => Set(value);

    /// <summary>How many handlers work at a time. Default 20.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 10,000.</exception>
    public PushConsumerBuilder Concurrency(int handlers) => Set(handlers);

    /// <summary>How many messages a pull asks for. Default 32, the most that brokers deliver unless set up for more.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 1,024.</exception>
    public PushConsumerBuilder PullBatch(int value) => Set(value);

    /// <summary>How long a broker holds a pull that finds nothing. Default 15 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public PushConsumerBuilder LongPollTimeout(TimeSpan value) => Set(value);

    /// <summary>How much of a queue is held, at most, before no more is pulled from it. Null leaves a limit as it is.</summary>
    /// <param name="messages">Messages that are not consumed. Default 1,000.</param>
    /// <param name="bytes">Bytes of their bodies as stored. Default 100 MiB.</param>
    /// <param name="span">
    /// From the oldest offset that is not consumed to the newest one held; in order of keys to the newest one pulled, consumed or not; not in
    /// order of queues. Default 2,000.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">One is not above 0.</exception>
    public PushConsumerBuilder FlowControl(int? messages = null, long? bytes = null, long? span = null) =>
        Part(messages).Part(bytes).Part(span);

    /// <summary>
    /// How much of a topic is held, at most, by all its queues together that this member reads: each gets an equal part, and at
    /// least one message. Default no limits but those of <see cref="FlowControl"/>. Null leaves a limit as it is.
    /// </summary>
    /// <param name="messages">Messages that are not consumed.</param>
    /// <param name="bytes">Bytes of their bodies as stored; one pull may go beyond.</param>
    /// <exception cref="ArgumentOutOfRangeException">One is not above 0.</exception>
    public PushConsumerBuilder TopicFlowControl(int? messages = null, long? bytes = null) => Part(messages).Part(bytes);

    /// <summary>
    /// When a handler counts as stuck. Its token is cancelled then; if it does not return, its message goes back to the broker
    /// and another handler takes its place (in order, its queue or key waits for it). Default 15 minutes.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public PushConsumerBuilder ConsumeTimeout(TimeSpan value) => Set(value);

    /// <summary>How often a message comes again before it goes to the dead letters. Default 16 times; in order, without end.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public PushConsumerBuilder MaxRetries(int value) => Set(value);

    /// <summary>In order: how long a queue, or a key of it, is left alone whose message failed. Default 1 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 10 ms to 30 s.</exception>
    public PushConsumerBuilder SuspendCurrentQueueTime(TimeSpan value) => Set(value);

    /// <summary>How often offsets are committed. Default 5 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public PushConsumerBuilder CommitInterval(TimeSpan value) => Set(value);

    /// <summary>How long handlers may go on whose queue goes to another member, and when the consumer stops. Default 10 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public PushConsumerBuilder DrainTimeout(TimeSpan value) => Set(value);

    /// <summary>Where a broadcasting consumer keeps its offsets. Default .rocketmq_offsets in the user's home directory.</summary>
    public PushConsumerBuilder OffsetDirectory(string path) => Set(path);

    /// <summary>
    /// Writes a trace before and after each call of the handler to a topic, in the background, as Java's clients do. A lost trace
    /// is counted and holds up no message. Default off.
    /// </summary>
    /// <param name="topic">Null is RMQ_SYS_TRACE_TOPIC, as in Java.</param>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    public PushConsumerBuilder Trace(string? topic = null) => Set(topic ?? Core.Protocol.TraceRecords.defaultTopic, nameof(topic));

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
        var consumer = Build();
        await consumer.StartAsync(cancellationToken).ConfigureAwait(false);
        return consumer;
    }

    /// <summary>The consumer, which has not been started: see <see cref="PushConsumer.StartAsync"/>. Nothing connects.</summary>
    /// <exception cref="InvalidRequestException">
    /// There is no handler or no subscription, no name server is named, or settings do not go together.
    /// </exception>
    public PushConsumer Build()
    {
        var handler = _handler
            ?? throw new InvalidRequestException(Core.RemotingError.NewMisconfigured("A push consumer needs a handler: call OnMessage or OnMessages before StartAsync"));
        var options = ToCore<Core.PushConsumerOptions>();
        Options.checkWith(Draft.SharedOptions, options).OrThrow();
        var shared = Draft.Shared;
        return new(options.Consumer.Group, () => Core.PushConsumer.StartWith(shared, options, handler));
    }
}
