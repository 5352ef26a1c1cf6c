namespace RocketMq.Client;

/// <summary>What the builders of all producers set up. Immutable; each method gives a new builder.</summary>
/// <typeparam name="TSelf">The builder itself.</typeparam>
public abstract class ProducerBuilderBase<TSelf> : ClientBuilder<TSelf>
    where TSelf : ProducerBuilderBase<TSelf>
{
    private protected ProducerBuilderBase(Draft draft) : base(draft) { }

    private protected static Draft Defaults(string group, Core.RocketMqClient? shared) => Draft.Of(
        Core.ProducerOptionsModule.kind,
        Core.ProducerOptionsModule.create(group, FSharpList<Core.Endpoint>.Empty),
        Core.ProducerOptionsModule.withClient,
        shared);

    private protected sealed override Core.ClientOptions Client => Draft.Options<Core.ProducerOptions>().Client;

    /// <summary>How long one message may take, all attempts together. Default 3 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public TSelf SendTimeout(TimeSpan value) => Set(value);

    /// <summary>How long one attempt may take, within the time of the message. Default all that is left of it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public TSelf AttemptTimeout(TimeSpan value) => Set(value);

    /// <summary>How often a message is tried at most, the first time included. Default 3.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 100.</exception>
    public TSelf Attempts(int value) => Set(value);

    /// <summary>Bodies of this many bytes and more are compressed. Default 4,096.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0.</exception>
    public TSelf CompressFrom(int bytes) => Set(bytes);

    /// <summary>How bodies are compressed. Default <see cref="BodyCompression.Zlib"/>. The producer does not start if it has no codec for it.</summary>
    /// <param name="value">How.</param>
    /// <param name="fromBytes">As <see cref="CompressFrom"/>; null leaves the size as it is.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is not from 1 to 7, or a size not above 0.</exception>
    public TSelf Compression(BodyCompression value, int? fromBytes = null)
    {
        var compressed = Set((Core.BodyCompression)(int)value, nameof(value));
        return fromBytes is { } bytes ? compressed.CompressFrom(bytes) : compressed;
    }

    /// <summary>
    /// What topics are made like that the first message makes, on brokers that make topics. Default TBW102 with 4 queues.
    /// </summary>
    /// <param name="topic">A topic that exists; a new one takes its settings over.</param>
    /// <param name="queues">How many queues the new one gets at most, from 1 to 1,024; null leaves the number as it is.</param>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Such a number of queues is not taken.</exception>
    public TSelf AutoCreateTopic(string topic, int? queues = null)
    {
        ArgumentNullException.ThrowIfNull(topic);
        var name = Core.Names.checkTopic(topic).OrThrowArgument(nameof(topic));
        return Set(new Core.AutoCreateTopic(name, queues ?? Draft.Options<Core.ProducerOptions>().Template.Queues), nameof(queues));
    }

    /// <summary>
    /// Avoids brokers for a time after an answer that took more than 550 ms, for two seconds to thirty, and after a failure, for
    /// ten: the table of Java's client 5.3.3. Default only after failures, for five seconds.
    /// </summary>
    public TSelf LatencyFaultTolerance() => Set(true);

    /// <summary>Turns latency fault tolerance on, by steps of one's own.</summary>
    /// <param name="steps">In rising order of latency; the last that a latency reaches counts.</param>
    /// <param name="failureCountsAs">A send that failed counts as one that took so long.</param>
    /// <exception cref="ArgumentException">Latencies do not rise, or a time is negative.</exception>
    public TSelf LatencyFaultTolerance(IEnumerable<AvoidanceStep> steps, TimeSpan failureCountsAs)
    {
        ArgumentNullException.ThrowIfNull(steps);
        var table = AvoidanceStep.ToCore(steps, failureCountsAs);
        return Set(table, nameof(steps), "avoidance");
    }

    /// <summary>Turns latency fault tolerance off. A retry still avoids the broker that just failed.</summary>
    public TSelf NoBrokerAvoidance() => Set(true);

    /// <summary>
    /// Sends messages to the port of brokers that is two below the one that routes have, which brokers keep for sends alone (VIP channel).
    /// Where it cannot be reached sends fail: nothing is sent to the other port instead. Default off, as in Java.
    /// </summary>
    public TSelf UseVipChannel() => Set(true);

    /// <summary>
    /// Gathers messages to the same topic, and those to the same chosen queue, into batches by itself; each send still has its own
    /// receipt. Messages that cannot be in a batch, and those whose queue a selector chooses, go by themselves. Default off. Null leaves a limit as it is.
    /// </summary>
    /// <param name="messages">Messages of one batch at most. Default 1,024.</param>
    /// <param name="bytes">Bytes of one batch at most, properties included: to 4 MiB. Default 32 KiB.</param>
    /// <param name="wait">How long the first message waits for others at most, 1 ms to 30 s. Default 10 ms.</param>
    /// <param name="sendWhenIdle">
    /// Whether a message is sent at once while no batch of its topic, or of its queue, is in flight. Messages that arrive in the meantime,
    /// or just after, form the next batch, whose size follows the load. Otherwise each batch waits until it is full or its time is up, as in
    /// Java. Default true.
    /// </param>
    /// <exception cref="ArgumentException">A limit is not in its range.</exception>
    public TSelf Batching(int? messages = null, int? bytes = null, TimeSpan? wait = null, bool? sendWhenIdle = null)
    {
        var before = Draft.Options<Core.ProducerOptions>().Batching?.Value ?? Core.BatchingLimits.Default;
        return Set(
            new Core.BatchingLimits(
                messages ?? before.MaxMessages,
                bytes ?? before.MaxBytes,
                wait is { } time ? (long)time.TotalMilliseconds : before.MaxWaitMillis,
                sendWhenIdle ?? before.SendsWhenIdle),
            nameof(messages));
    }

    /// <summary>
    /// Writes a trace of each send to a topic, in the background, as Java's clients do. A lost trace is counted and hurts no
    /// message. Default off.
    /// </summary>
    /// <param name="topic">Null is RMQ_SYS_TRACE_TOPIC, as in Java.</param>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    public TSelf Trace(string? topic = null) => Set(topic ?? Core.Protocol.TraceRecords.defaultTopic, nameof(topic));

    /// <summary>
    /// Stands around each <c>SendAsync</c>: it is given the message and the send, may change the message, look at receipt or
    /// exception, send again, or not send at all. The first one added is the outermost. An exception of its own that is no
    /// <see cref="RocketMqException"/> ends the send with an <see cref="InterceptorException"/> around it.
    /// </summary>
    public TSelf AddInterceptor(Func<Message, Func<Message, Task<SendReceipt>>, Task<SendReceipt>> interceptor)
    {
        ArgumentNullException.ThrowIfNull(interceptor);
        var added = SendInterceptor.ToCore(interceptor);
        return With(Draft.Change<Core.ProducerOptions>(options => Core.ProducerOptionsModule.withInterceptor(added, options)));
    }

    /// <summary>How long closing waits for messages on their way. Default 3 s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above a day.</exception>
    public TSelf DrainTimeout(TimeSpan value) => Set(value);
}
