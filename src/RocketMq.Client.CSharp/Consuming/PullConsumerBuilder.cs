using Options = RocketMq.PullConsumerOptionsModule;

namespace RocketMq.Client;

/// <summary>Sets up a <see cref="PullConsumer"/>. Immutable; each method gives a new one.</summary>
public sealed class PullConsumerBuilder : ConsumerBuilder<PullConsumerBuilder>
{
    internal PullConsumerBuilder(string group, Core.RocketMqClient? shared = null)
        : this(Draft.Of(Options.kind, Options.create(group, FSharpList<Core.Endpoint>.Empty), Options.withClient, shared)) { }

    private PullConsumerBuilder(Draft draft) : base(draft) { }

    private protected override Core.ConsumerOptions Consumer => Draft.Options<Core.PullConsumerOptions>().Consumer;

    private protected override PullConsumerBuilder With(Draft draft) => new(draft);

    /// <summary>In place of subscriptions: reads these queues, which are shared with no other member.</summary>
    /// <param name="queues">The queues; see <see cref="PullClient.GetQueuesAsync"/>.</param>
    /// <param name="tags">Messages with one of the tags, joined with "||", or all of them.</param>
    public PullConsumerBuilder AssignQueues(IEnumerable<MessageQueue> queues, string tags = "*")
    {
        ArgumentNullException.ThrowIfNull(tags);
        var assigned = ListModule.OfSeq(Checked.All(queues).Select(queue => queue.ToCore()));
        return With(Draft.Change<Core.PullConsumerOptions>(options => Options.assign(assigned, Core.Filter.NewByTag(tags), options)));
    }

    /// <summary>
    /// Where a queue begins that the consumer gets, in place of the committed offset; null for that one. For offsets that
    /// are kept elsewhere, with the results. Default the committed one.
    /// </summary>
    public PullConsumerBuilder StartAt(Func<MessageQueue, CancellationToken, Task<long?>> offset)
    {
        ArgumentNullException.ThrowIfNull(offset);

        async Task<FSharpOption<long>?> Query(Core.MessageQueue queue, CancellationToken cancellation) =>
            await (offset(MessageQueue.FromCore(queue), cancellation) ?? throw Handlers.NoTask(offset))
                .ConfigureAwait(false) is { } found
                ? FSharpOption<long>.Some(found)
                : FSharpOption<long>.None;

        return Set(FuncConvert.FromFunc<Core.MessageQueue, CancellationToken, Task<FSharpOption<long>?>>(Query));
    }

    /// <summary>How queues are shared. Default <see cref="AllocationStrategy.Averagely"/>.</summary>
    public PullConsumerBuilder AllocationStrategy(AllocationStrategy strategy)
    {
        ArgumentNullException.ThrowIfNull(strategy);
        return Set(strategy.Inner);
    }

    /// <summary>How many messages a pull asks for. Default 32, the most that brokers deliver unless set up for more.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 1,024.</exception>
    public PullConsumerBuilder PullBatch(int value) => Set(value);

    /// <summary>How long a broker holds a pull that finds nothing. Default 15 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public PullConsumerBuilder LongPollTimeout(TimeSpan value) => Set(value);

    /// <summary>
    /// Writes a trace of what the application receives to a topic, in the background: when it receives messages, as in Java, not when it has
    /// consumed them. A lost trace is counted and holds up no message. Default off.
    /// </summary>
    /// <param name="topic">Null is RMQ_SYS_TRACE_TOPIC, as in Java.</param>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    public PullConsumerBuilder Trace(string? topic = null) => Set(topic ?? Core.Protocol.TraceRecords.defaultTopic, nameof(topic));

    /// <summary>How much of a queue may wait that has not been asked for, before no more is pulled from it. Null leaves a limit as it is.</summary>
    /// <param name="messages">Messages. Default 1,000.</param>
    /// <param name="bytes">Bytes of their bodies as stored. Default 100 MiB.</param>
    /// <exception cref="ArgumentOutOfRangeException">One is not above 0.</exception>
    public PullConsumerBuilder FlowControl(int? messages = null, long? bytes = null) => Part(messages).Part(bytes);

    /// <summary>
    /// Nothing is committed but by <see cref="PullConsumer.CommitAsync(CancellationToken)"/>. Default: offsets are committed by
    /// themselves, and a message counts as consumed when the next one is asked for.
    /// </summary>
    public PullConsumerBuilder ManualCommit() => Set(true);

    /// <summary>How often offsets are committed. Default 5 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public PullConsumerBuilder CommitInterval(TimeSpan value) => Set(value);

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
        var consumer = Build();
        await consumer.StartAsync(cancellationToken).ConfigureAwait(false);
        return consumer;
    }

    /// <summary>
    /// The consumer, which has not been started: <see cref="PullConsumer.StartAsync"/> or its first call does that. Nothing connects.
    /// </summary>
    /// <exception cref="InvalidRequestException">No name server is named, there is no subscription, or settings do not go together.</exception>
    public PullConsumer Build()
    {
        var options = ToCore<Core.PullConsumerOptions>();
        Core.PullConsumerOptionsModule.checkWith(Draft.SharedOptions, options).OrThrow();
        var shared = Draft.Shared;
        return new(options.Consumer.Group, () => Core.PullConsumer.StartWith(shared, options));
    }

    /// <summary>
    /// A client that reads queues at offsets that the application keeps, in the name of the group and a member of none. It is told with
    /// each pull what it reads, so it takes no subscriptions, nothing that is assigned, and none of the settings of how a consumer reads
    /// but <see cref="LongPollTimeout"/>. It connects with the first question.
    /// </summary>
    /// <exception cref="InvalidRequestException">
    /// No name server is named, something is set that such a client has not, or settings do not go together.
    /// </exception>
    public PullClient CreateClient() =>
        new(Core.PullClient.CreateWith(
            Draft.Shared, Core.PullClientOptionsModule.ofConsumer(ToCore<Core.PullConsumerOptions>()).OrThrow()).OrThrow());
}
