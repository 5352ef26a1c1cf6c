namespace RocketMq.Client;

/// <summary>Sets up a <see cref="PopConsumer"/>. Immutable; each method gives a new one.</summary>
public sealed partial class PopConsumerBuilder : ConsumerBuilder<PopConsumerBuilder>
{
    private readonly Func<ReceivedMessage, CancellationToken, ValueTask<Core.ConsumeResult>>? _handler;

    internal PopConsumerBuilder(string group, Core.RocketMqClient? shared = null)
        : this(
            Draft.Of(
                Core.PopConsumerOptionsModule.kind,
                Core.PopConsumerOptionsModule.create(group, FSharpList<Core.Endpoint>.Empty),
                Core.PopConsumerOptionsModule.withClient,
                shared),
            null)
    { }

    private PopConsumerBuilder(
        Draft draft, Func<ReceivedMessage, CancellationToken, ValueTask<Core.ConsumeResult>>? handler)
        : base(draft) => _handler = handler;

    private protected override Core.ConsumerOptions Consumer => Draft.Options<Core.PopConsumerOptions>().Consumer;

    private protected override PopConsumerBuilder With(Draft draft) => new(draft, _handler);

    /// <summary>How many handlers run at a time. Default 20.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 10,000.</exception>
    public PopConsumerBuilder Concurrency(int value) => Set(value);

    /// <summary>
    /// Messages of a queue one after the other, and none before the one before it is consumed; a message that comes again holds
    /// up those behind it. Default in any order.
    /// </summary>
    public PopConsumerBuilder Orderly() => Set(true);

    /// <summary>
    /// For how long messages are hidden from others. While a handler runs that is renewed, until <see cref="ConsumeTimeout"/>, so this is how soon a message comes
    /// again whose consumer is gone. Default 60 s.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 s to 12 h.</exception>
    public PopConsumerBuilder InvisibleTime(TimeSpan value) => Set(value);

    /// <summary>
    /// When a handler counts as stuck. Its token is cancelled then; if it does not return, its message comes again as one that failed
    /// and another handler takes its place. Default 15 minutes.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public PopConsumerBuilder ConsumeTimeout(TimeSpan value) => Set(value);

    /// <summary>How many messages a pop asks for. Default 32, the most.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 32.</exception>
    public PopConsumerBuilder PopBatch(int value) => Set(value);

    /// <summary>How long a broker holds a pop that finds nothing. Default 15 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public PopConsumerBuilder LongPollTimeout(TimeSpan value) => Set(value);

    /// <summary>
    /// How many messages of a broker, or of a queue where queues are shared out, may be unacknowledged. Default 96.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 100,000.</exception>
    public PopConsumerBuilder MaxUnackedMessages(int value) => Set(value);

    /// <summary>
    /// Asks brokers at the start to hand the topics out by pop to this group; they do not unless they are asked. Default: an
    /// operator does so, with mqadmin setConsumeMode.
    /// </summary>
    public PopConsumerBuilder EnablePopMode() => Set(true);

    /// <summary>
    /// Writes a trace before and after each call of the handler to a topic, in the background, as Java's clients do. A lost trace
    /// is counted and holds up no message. Default off.
    /// </summary>
    /// <param name="topic">Null is RMQ_SYS_TRACE_TOPIC, as in Java.</param>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    public PopConsumerBuilder Trace(string? topic = null) => Set(topic ?? Core.Protocol.TraceRecords.defaultTopic, nameof(topic));

    /// <summary>How long the end of the consumer waits for handlers. Default 30 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public PopConsumerBuilder DrainTimeout(TimeSpan value) => Set(value);

    /// <summary>
    /// Joins the group and begins to hand messages to the handler. A topic that is not there, or that no server can be asked for, is looked for until it can be
    /// read: a warning is logged, and <c>Health</c> says so until then.
    /// </summary>
    /// <exception cref="InvalidRequestException">
    /// No name server is named, there is no handler or no subscription, settings do not go together, or brokers hand a topic out by pull: see
    /// <see cref="EnablePopMode"/>.
    /// </exception>
    /// <exception cref="RocketMqException">A server refuses: the credentials, or an SQL92 expression.</exception>
    /// <exception cref="OperationCanceledException">
    /// The caller gave up. What has been begun is ended in the background.
    /// </exception>
    public async Task<PopConsumer> StartAsync(CancellationToken cancellationToken = default)
    {
        var consumer = Build();
        await consumer.StartAsync(cancellationToken).ConfigureAwait(false);
        return consumer;
    }

    /// <summary>The consumer, which has not been started: see <see cref="PopConsumer.StartAsync"/>. Nothing connects.</summary>
    /// <exception cref="InvalidRequestException">
    /// There is no handler or no subscription, no name server is named, or settings do not go together.
    /// </exception>
    public PopConsumer Build()
    {
        var handler = _handler ?? throw Core.RemotingError
            .NewMisconfigured("a consumer that pops needs OnMessage, which handles messages").ToException();
        var options = ToCore<Core.PopConsumerOptions>();
        var run = FuncConvert.FromFunc<Core.ReceivedMessage, CancellationToken, Task<Core.ConsumeResult>>(
            (message, cancellation) => handler(new(message), cancellation).AsTask());
        Core.PopConsumerOptionsModule.checkWith(Draft.SharedOptions, options).OrThrow();
        var shared = Draft.Shared;
        return new(options.Consumer.Group, () => Core.PopConsumer.StartWith(shared, options, run));
    }
}
