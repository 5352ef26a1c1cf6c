namespace RocketMq.Client;

/// <summary>Sets up a <see cref="TransactionProducer"/>. Immutable; each method gives a new one.</summary>
public sealed class TransactionProducerBuilder : ProducerBuilderBase<TransactionProducerBuilder>
{
    private readonly FSharpList<string> _topics;
    private readonly Func<ReceivedMessage, Task<TransactionDecision>>? _checker;

    internal TransactionProducerBuilder(string group, Core.RocketMqClient? shared = null)
        : this(FSharpList<string>.Empty, null, Defaults(group, shared)) { }

    private TransactionProducerBuilder(
        FSharpList<string> topics, Func<ReceivedMessage, Task<TransactionDecision>>? checker, Draft draft)
        : base(draft) => (_topics, _checker) = (topics, checker);

    private protected override TransactionProducerBuilder With(Draft draft) => new(_topics, _checker, draft);

    /// <summary>
    /// The topics whose brokers are told of the producer when it starts, so that they can ask about messages that an earlier
    /// instance of the group left undecided. Default none: a broker learns of it with its first message there.
    /// </summary>
    /// <exception cref="ArgumentException">A topic's name is not valid.</exception>
    public TransactionProducerBuilder Topics(params string[] topics)
    {
        ArgumentNullException.ThrowIfNull(topics);
        var names = ListModule.OfSeq(topics.Select(topic => Core.Names.checkTopic(topic ?? "").OrThrowArgument(nameof(topics))));
        return new(names, _checker, Draft);
    }

    /// <summary>
    /// Answers brokers that ask what became of a transaction: of any instance of the group, also one that has ended, so the
    /// answer must be found in what transactions leave behind. An exception counts as
    /// <see cref="TransactionDecision.Undecided"/>: the broker asks again. Needed.
    /// </summary>
    /// <exception cref="InvalidOperationException">It has been called before.</exception>
    public TransactionProducerBuilder OnCheck(Func<ReceivedMessage, Task<TransactionDecision>> checker)
    {
        ArgumentNullException.ThrowIfNull(checker);
        return _checker is null
            ? new(_topics, checker, Draft)
            : throw Handlers.AlreadySet(nameof(OnCheck));
    }

    /// <summary>Starts the producer and makes it known to the brokers of its topics, as far as they can be reached.</summary>
    /// <exception cref="InvalidRequestException">
    /// No name server is named, nothing answers the brokers' questions, or settings do not go together.
    /// </exception>
    /// <exception cref="OperationCanceledException">
    /// The caller gave up. What has been begun is ended in the background.
    /// </exception>
    public async Task<TransactionProducer> StartAsync(CancellationToken cancellationToken = default)
    {
        var producer = Build();
        await producer.StartAsync(cancellationToken).ConfigureAwait(false);
        return producer;
    }

    /// <summary>
    /// The producer, which has not been started: <see cref="TransactionProducer.StartAsync"/> or its first call does that. Nothing connects.
    /// </summary>
    /// <exception cref="InvalidRequestException">
    /// No name server is named, nothing answers the brokers' questions, or settings do not go together.
    /// </exception>
    public TransactionProducer Build()
    {
        var checker = _checker ?? throw Core.RemotingError
            .NewMisconfigured("a producer of transactions needs OnCheck, which answers what became of them").ToException();
        var options = ToCore<Core.ProducerOptions>();
        var check = FuncConvert.FromFunc<Core.StoredMessage, Task<Core.TransactionDecision>>(async half =>
            (await (checker(ReceivedMessage.FromCore(half, options.Client.Codecs)) ?? throw Handlers.NoTask(checker))
                .ConfigureAwait(false)).ToCore());
        Core.ProducerOptionsModule.checkWith(Draft.SharedOptions, options).OrThrow();
        var (shared, topics) = (Draft.Shared, _topics);
        return new(
            options.Group, options.Client.Codecs, () => Core.TransactionProducer.StartWith(shared, options, topics, check));
    }
}
