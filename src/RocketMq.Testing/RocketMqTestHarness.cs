using RocketMq.Embedded;
using RocketMq.Hosting;

namespace RocketMq.Testing;

// Within the namespace, so that these names come before those of the F# core, RocketMq.
using RocketMq.Client;

/// <summary>
/// A broker in the test's own process, with its clock in the test's hand, and what a test wants to know of it: what was published,
/// what handlers made of it, what was committed, what is a dead letter. Nothing is waited for by time: each call ends when what it
/// waits for happens. Safe to use from any thread. No two calls that take a function share a name, so that F# knows what its lambdas take.
/// </summary>
public sealed class RocketMqTestHarness : IAsyncDisposable
{
    private readonly RocketMqTestHarnessOptions _options;
    private readonly HandledMessages _handled = new();
    private readonly StoredMessages _stored;
    private readonly Producer _producer;

    private RocketMqTestHarness(RocketMqTestHarnessOptions options, EmbeddedClock clock, EmbeddedBroker broker, BodyCodecs codecs)
    {
        (_options, Clock, Broker) = (options, clock, broker);
        _stored = new(broker, codecs);
        _producer = Producer.Create("test-harness").NameServers(broker.NameServer).Build();
    }

    /// <summary>Where clients connect to: "127.0.0.1:port".</summary>
    public string NameServers => Broker.NameServer;

    /// <summary>The broker itself.</summary>
    public EmbeddedBroker Broker { get; }

    /// <summary>The broker's clock.</summary>
    public EmbeddedClock Clock { get; }

    /// <summary>What is to go wrong with requests.</summary>
    public BrokerFaults Faults => Broker.Faults;

    /// <summary>What handlers have worked on so far, in the order in which they were done.</summary>
    public IReadOnlyList<HandledMessage> Handled => _handled.All;

    /// <summary>Starts a broker on free ports of 127.0.0.1.</summary>
    /// <exception cref="ArgumentException">A codec's compression is not a number from 1 to 7.</exception>
    public static async Task<RocketMqTestHarness> StartAsync(
        RocketMqTestHarnessOptions? options = null, CancellationToken cancellationToken = default)
    {
        var settings = options ?? new RocketMqTestHarnessOptions();
        var codecs = StoredMessages.CodecsOf(settings.Codecs);
        var clock = new EmbeddedClock(settings.ClockRuns);
        var broker = await EmbeddedBroker.StartAsync(
            new EmbeddedBrokerOptions { Clock = clock, Logger = settings.LoggerFactory?.CreateLogger("RocketMq.Embedded") },
            cancellationToken).ConfigureAwait(false);
        return new(settings, clock, broker, codecs);
    }

    /// <summary>
    /// Moves the broker's clock forward: what waits for that time, delayed messages and retries among it, is delivered. Timed messages are
    /// due to the second, as at RocketMQ's brokers: one with a delay of an hour is there after an hour and a second. Clients go by the
    /// system's clock.
    /// </summary>
    public void Advance(TimeSpan time) => Clock.Advance(time);

    /// <summary>Makes a topic, for consumers that are to find it when they start.</summary>
    public Task CreateTopicAsync(string topic, int queues = 4, CancellationToken cancellationToken = default) =>
        Broker.CreateTopicAsync(topic, queues, cancellationToken);

    /// <summary>Sends a message, as another service would.</summary>
    public Task<SendReceipt> SendAsync(Message message, CancellationToken cancellationToken = default) =>
        _producer.SendAsync(message, cancellationToken);

    /// <summary>
    /// Has the harness know of a handler's messages, for consumers that the test sets up itself:
    /// <c>.OnMessage(harness.Observe("billing", handler))</c>. Those of a service that is set up by <c>AddRocketMq</c> are known.
    /// </summary>
    public Func<ReceivedMessage, CancellationToken, Task<ConsumeResult>> Observe(
        string group, Func<ReceivedMessage, CancellationToken, Task<ConsumeResult>> handler)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(handler);
        return (message, cancellationToken) => RecordAsync(group, message, () => handler(message, cancellationToken));
    }

    /// <summary>Waits until a handler has worked on a message that fits, with whatever result. It may have before.</summary>
    /// <exception cref="TimeoutException">None has in time; the message says what there was.</exception>
    public Task<HandledMessage> HandledAsync(Func<HandledMessage, bool> where, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(where);
        return WaitAsync(
            "a handler worked on such a message",
            token => _handled.WaitForAsync(handled => where(handled) ? handled : null, token),
            cancellationToken);
    }

    /// <summary>Waits until a handler has consumed a message that fits.</summary>
    /// <exception cref="TimeoutException">None has in time; the message says what there was.</exception>
    public Task<HandledMessage> ConsumedMessage(Func<ReceivedMessage, bool>? where = null, CancellationToken cancellationToken = default) =>
        HandledAsync(handled => handled.IsConsumed && (where is null || where(handled.Message)), cancellationToken);

    /// <summary>Waits until a handler has consumed a message whose body is such a value.</summary>
    /// <typeparam name="T">The value. A body that the serializer does not read as one does not fit.</typeparam>
    /// <exception cref="TimeoutException">None has in time; the message says what there was.</exception>
    public Task<HandledMessage> Consumed<T>(Func<T, bool>? where = null, CancellationToken cancellationToken = default) =>
        ConsumedMessage(message => Fits(message, where), cancellationToken);

    /// <summary>Waits until a topic has a message that fits. It may have one already.</summary>
    /// <exception cref="TimeoutException">None has come in time; the message says what there was.</exception>
    public Task<ReceivedMessage> PublishedMessage(
        string topic, Func<ReceivedMessage, bool>? where = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return WaitAsync(
            $"topic {topic} had such a message",
            token => WhenStoredAsync(
                async () => (await _stored.ReadAsync(topic, token).ConfigureAwait(false)).FirstOrDefault(message => where is null || where(message)),
                token),
            cancellationToken);
    }

    /// <summary>Waits until a topic has a message whose body is such a value.</summary>
    /// <typeparam name="T">The value. A body that the serializer does not read as one does not fit.</typeparam>
    /// <exception cref="TimeoutException">None has come in time; the message says what there was.</exception>
    public Task<ReceivedMessage> Published<T>(
        string topic, Func<T, bool>? where = null, CancellationToken cancellationToken = default) =>
        PublishedMessage(topic, message => Fits(message, where), cancellationToken);

    /// <summary>Waits until a group has a dead letter that fits.</summary>
    /// <exception cref="TimeoutException">None has come in time; the message says what there was.</exception>
    public Task<ReceivedMessage> DeadLetter(
        string group, Func<ReceivedMessage, bool>? where = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        return PublishedMessage($"%DLQ%{group}", where, cancellationToken);
    }

    /// <summary>
    /// Waits until a group has committed all messages of a topic. Push and pull consumers commit every few seconds, and when they stop.
    /// </summary>
    /// <exception cref="TimeoutException">It has not in time.</exception>
    public Task<IReadOnlyList<QueueOffsets>> AllCommitted(
        string group, string topic, CancellationToken cancellationToken = default) =>
        WaitAsync(
            $"group {group} had committed all of topic {topic}",
            token => WhenStoredAsync(
                async () => await OffsetsAsync(group, topic, token).ConfigureAwait(false) is { Count: > 0 } offsets
                    && offsets.All(queue => queue.Max == 0 || queue.Committed == queue.Max)
                        ? offsets
                        : null,
                token),
            cancellationToken);

    /// <summary>How far a group is with each queue of a topic.</summary>
    public Task<IReadOnlyList<QueueOffsets>> OffsetsAsync(string group, string topic, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(topic);
        return _stored.OffsetsAsync(group, topic, cancellationToken);
    }

    /// <summary>All messages that a topic has now, in their order within each queue.</summary>
    public Task<IReadOnlyList<ReceivedMessage>> StoredAsync(string topic, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return _stored.ReadAsync(topic, cancellationToken);
    }

    /// <summary>All dead letters that a group has now.</summary>
    public Task<IReadOnlyList<ReceivedMessage>> DeadLettersAsync(string group, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        return _stored.ReadAsync($"%DLQ%{group}", cancellationToken);
    }

    /// <summary>Stops the broker.</summary>
    public async ValueTask DisposeAsync()
    {
        await _producer.DisposeAsync().ConfigureAwait(false);
        await _stored.DisposeAsync().ConfigureAwait(false);
        await Broker.StopAsync().ConfigureAwait(false);
    }

    internal void ReadAs<TBuilder>(ClientBuilder<TBuilder> builder) where TBuilder : ClientBuilder<TBuilder> => _stored.AddCodecsOf(builder);

    internal async Task<ConsumeResult> RecordAsync(string group, ReceivedMessage message, Func<Task<ConsumeResult>> handle)
    {
        try
        {
            var result = await handle().ConfigureAwait(false);
            _handled.Add(new(group, message, result, null));
            return result;
        }
        catch (Exception error)
        {
            _handled.Add(new(group, message, ConsumeResult.Retry, error));
            throw;
        }
    }

    private bool Fits<T>(ReceivedMessage message, Func<T, bool>? where)
    {
        T value;

        try
        {
            value = message.Read<T>(_options.Serializer);
        }
        catch (MessageBodyException)
        {
            return false;
        }

        return where is null || where(value);
    }

    /// <summary>Looks whenever the broker's store has changed.</summary>
    private async Task<T> WhenStoredAsync<T>(Func<Task<T?>> look, CancellationToken cancellationToken) where T : class
    {
        while (true)
        {
            var before = Broker.StoreChanges;

            if (await look().ConfigureAwait(false) is { } found)
            {
                return found;
            }

            await Broker.WhenStoreChangedAsync(before, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<T> WaitAsync<T>(string what, Func<CancellationToken, Task<T>> wait, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_options.Timeout);

        try
        {
            return await wait(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            var handled = Handled;
            var seen = handled.Count == 0 ? "Handlers have worked on nothing." : $"Handlers have worked on: {string.Join("; ", handled)}.";
            throw new TimeoutException($"{_options.Timeout} were not enough until {what}. {seen}");
        }
    }
}
