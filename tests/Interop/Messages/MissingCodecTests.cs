using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using RocketMq.Embedded;

namespace Interop;

/// <summary>
/// Consumers that meet a body which they have no codec for: they stop there and say so, and what comes after them with the codec goes on at
/// the same message.
/// </summary>
[CancelAfter(60_000)]
public sealed class MissingCodecTests() : ClockedBrokerFixture(runs: true)
{
    private const string Topic = "Orders";
    private const string Group = "billing";
    private const string Package = "RocketMq.Compression";
    private const int Stopped = 1148;
    private const int StoppedPopping = 1149;

    private static readonly string s_squeezed = string.Concat(Enumerable.Repeat("squeezed", 1_000));
    private static readonly string[] s_all = ["before", s_squeezed, "after"];
    private static readonly TimeSpan s_invisible = TimeSpan.FromSeconds(20);

    private readonly Remembering _log = new();
    private readonly ConcurrentQueue<string> _seen = new();

    /// <summary>A message before, one that is compressed, and one after it, in one queue.</summary>
    private async Task SendAsync(BodyCompression compression, CancellationToken cancellation)
    {
        _log.Clear();
        _seen.Clear();
        await Broker.CreateTopicAsync(Topic, 1, cancellation);
        await using var producer = await Producer.Create("orders").NameServers(Broker.NameServer)
            .AddCompressionCodecs().Compression(compression).StartAsync(cancellation);

        foreach (var body in s_all)
        {
            await producer.SendAsync(Message.To(Topic).Body(body), cancellation);
        }
    }

    private PushConsumerBuilder Push() => PushConsumer.Create(Group).NameServers(Broker.NameServer).Logger(_log)
        .Subscribe(Topic).ConsumeFromWhere(ConsumeFrom.FirstOffset);

    private PopConsumerBuilder Pop() => PopConsumer.Create(Group).NameServers(Broker.NameServer).Logger(_log)
        .Subscribe(Topic).ConsumeFromWhere(ConsumeFrom.FirstOffset).EnablePopMode().InvisibleTime(s_invisible);

    private SimpleConsumerBuilder Simple() => SimpleConsumer.Create(Group).NameServers(Broker.NameServer).Logger(_log)
        .Subscribe(Topic).ConsumeFromWhere(ConsumeFrom.FirstOffset).AwaitDuration(TimeSpan.FromSeconds(5));

    private Task See(ReceivedMessage message)
    {
        _seen.Enqueue($"{TextOf(message)}, {message.ReconsumeTimes}");
        return Task.CompletedTask;
    }

    private Task See(IReadOnlyList<ReceivedMessage> messages) => Task.WhenAll(messages.Select(See));

    private static string TextOf(ReceivedMessage message) => System.Text.Encoding.UTF8.GetString(message.Body.Span);

    private async Task<long?> CommittedAsync(CancellationToken cancellation)
    {
        await using var client = PullConsumer.Create(Group).NameServers(Broker.NameServer).CreateClient();
        var queues = await client.GetQueuesAsync(Topic, cancellation);
        return await client.GetCommittedAsync(queues[0], cancellation);
    }

    private static bool NamesThePackage(ClientHealth health) =>
        !health.IsHealthy && health.Problems.Any(problem => problem.Reason.Contains(Package, StringComparison.Ordinal));

    /// <summary>The kinds of push consumers, by what is set up of them besides.</summary>
    private PushConsumerBuilder PushOf(string kind, PushConsumerBuilder builder) => kind switch
    {
        "each" => builder.OnMessage((message, _) => See(message)),
        "batch" => builder.OnMessages((messages, _) => See(messages)),
        "in order" => builder.Orderly().OnMessage((message, _) => See(message)),
        "in order of keys" => builder.Orderly(OrderBy.Key).OnMessage((message, _) => See(message)),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    [Test]
    public async Task Push_consumer_stops_its_queue_and_goes_on_there_with_the_codec(
        [Values("each", "batch", "in order", "in order of keys")] string kind,
        [Values(BodyCompression.Lz4, BodyCompression.Zstandard)] BodyCompression compression,
        CancellationToken cancellation)
    {
        await SendAsync(compression, cancellation);

        await using (var without = await PushOf(kind, Push().MaxRetries(1)).StartAsync(cancellation))
        {
            await Wait.UntilAsync(() => !_seen.IsEmpty && NamesThePackage(without.Health), cancellation);

            // Long enough for whatever comes again to become a dead letter.
            Clock.Advance(TimeSpan.FromHours(1));
            Assert.That(without.Health.Problems[0].What, Does.Contain(Topic));
            Assert.That(_log.Events, Does.Contain(Stopped));
        }

        Assert.That(_seen, Is.EqualTo(new[] { "before, 0" }));
        Assert.That(await CommittedAsync(cancellation), Is.EqualTo(1));
        await using var with = await PushOf(kind, Push().AddCompressionCodecs()).StartAsync(cancellation);
        await Wait.UntilAsync(() => _seen.Count == 3, cancellation);
        Assert.That(_seen, Is.EquivalentTo(s_all.Select(body => $"{body}, 0")));
        Assert.That(with.Health.IsHealthy, string.Join("; ", with.Health.Problems));
    }

    [Test]
    public async Task Direct_consumption_is_refused_and_names_the_package(CancellationToken cancellation)
    {
        _seen.Clear();
        await Broker.CreateTopicAsync(Topic, 1, cancellation);
        await using var without = await Push().OnMessage((message, _) => See(message)).StartAsync(cancellation);
        await using var client = RocketMqClient.Create().NameServers(Broker.NameServer).AddCompressionCodecs().Start();
        await using var producer = await client.Producer("orders").Compression(BodyCompression.Lz4).StartAsync(cancellation);
        var receipt = await producer.SendAsync(Message.To(Topic).Body(s_squeezed), cancellation);
        await Wait.UntilAsync(() => NamesThePackage(without.Health), cancellation);

        var error = await Assert.CatchAsync<RocketMqException>(() => new RocketMq.Client.Administration.AdminClient(client)
            .ConsumeDirectlyAsync(Group, without.ClientId, Topic, receipt.OffsetId, cancellation));

        Assert.That(error!.Message, Does.Contain(Package));
        Assert.That(_seen, Is.Empty);
    }

    [Test]
    public async Task Broadcasting_consumer_goes_on_there_with_the_codec(CancellationToken cancellation)
    {
        await SendAsync(BodyCompression.Lz4, cancellation);
        var directory = Directory.CreateTempSubdirectory("rocketmq-codec").FullName;
        PushConsumerBuilder Broadcasting() => Push().Broadcasting().InstanceName("one").OffsetDirectory(directory);

        await using (var without = await PushOf("each", Broadcasting()).StartAsync(cancellation))
        {
            await Wait.UntilAsync(() => !_seen.IsEmpty && NamesThePackage(without.Health), cancellation);
        }

        Assert.That(_seen, Is.EqualTo(new[] { "before, 0" }));
        await using var with = await PushOf("each", Broadcasting().AddCompressionCodecs()).StartAsync(cancellation);
        await Wait.UntilAsync(() => _seen.Count == 3, cancellation);
        Assert.That(_seen, Is.EquivalentTo(s_all.Select(body => $"{body}, 0")));
        Directory.Delete(directory, recursive: true);
    }

    [Test]
    public async Task Pull_consumer_tells_its_caller_and_goes_on_there_with_the_codec(CancellationToken cancellation)
    {
        await SendAsync(BodyCompression.Zstandard, cancellation);
        PullConsumerBuilder Pull() => PullConsumer.Create(Group).NameServers(Broker.NameServer).Logger(_log)
            .Subscribe(Topic).ConsumeFromWhere(ConsumeFrom.FirstOffset);

        await using (var without = await Pull().StartAsync(cancellation))
        {
            Assert.That(TextOf(await without.ReceiveAsync(cancellation)), Is.EqualTo("before"));
            var error = await Assert.ThrowsAsync<InvalidRequestException>(() => without.ReceiveAsync(cancellation));
            Assert.That(error!.Message, Does.Contain(Package).And.Contain(Topic));

            // Not once alone: whoever asks again is told again.
            Assert.That(await Assert.ThrowsAsync<InvalidRequestException>(() => without.ReceiveAsync(cancellation)), Is.Not.Null);
            Assert.That(NamesThePackage(without.Health));
            Assert.That(_log.Events.Count(id => id == Stopped), Is.EqualTo(1));
        }

        Assert.That(await CommittedAsync(cancellation), Is.EqualTo(1));
        await using var with = await Pull().AddCompressionCodecs().StartAsync(cancellation);
        Assert.That(TextOf(await with.ReceiveAsync(cancellation)), Is.EqualTo(s_squeezed));
        Assert.That(TextOf(await with.ReceiveAsync(cancellation)), Is.EqualTo("after"));
    }

    [Test]
    public async Task Seek_past_the_message_reads_on(CancellationToken cancellation)
    {
        await SendAsync(BodyCompression.Lz4, cancellation);
        await using var consumer = await PullConsumer.Create(Group).NameServers(Broker.NameServer)
            .Subscribe(Topic).ConsumeFromWhere(ConsumeFrom.FirstOffset).StartAsync(cancellation);
        await consumer.ReceiveAsync(cancellation);
        await Wait.UntilAsync(() => NamesThePackage(consumer.Health), cancellation);
        consumer.Seek(consumer.Health.Queues[0].Queue, 2);
        ReceivedMessage? message = null;

        while (message is null)
        {
            try
            {
                message = await consumer.ReceiveAsync(cancellation);
            }
            catch (InvalidRequestException)
            {
                // Told before the seek.
            }
        }

        Assert.That(TextOf(message), Is.EqualTo("after"));
        await Wait.UntilAsync(() => consumer.Health.IsHealthy, cancellation);
    }

    [Test]
    public async Task Pop_consumer_leaves_the_message_to_its_receipt(CancellationToken cancellation)
    {
        await SendAsync(BodyCompression.Lz4, cancellation);

        await using (var without = await Pop().OnMessage((message, _) => See(message)).StartAsync(cancellation))
        {
            await Wait.UntilAsync(() => _seen.Count == 2 && NamesThePackage(without.Health), cancellation);
            Assert.That(without.Health.LastFailure?.Reason, Does.Contain(Package));
            Assert.That(_log.Events, Does.Contain(StoppedPopping));
        }

        Assert.That(_seen, Is.EquivalentTo(new[] { "before, 0", "after, 0" }));
        Clock.Advance(s_invisible * 2);
        await using var with = await Pop().AddCompressionCodecs().OnMessage((message, _) => See(message)).StartAsync(cancellation);
        await Wait.UntilAsync(() => _seen.Count == 3, cancellation);
        Assert.That(_seen.Last(), Is.EqualTo($"{s_squeezed}, 1"));
    }

    [Test]
    public async Task Pop_consumer_in_order_handles_nothing_behind_the_message(CancellationToken cancellation)
    {
        await SendAsync(BodyCompression.Zstandard, cancellation);

        await using (var without = await Pop().Orderly().OnMessage((message, _) => See(message)).StartAsync(cancellation))
        {
            await Wait.UntilAsync(() => !_seen.IsEmpty && NamesThePackage(without.Health), cancellation);
        }

        Assert.That(_seen, Is.EqualTo(new[] { "before, 0" }));
        Clock.Advance(s_invisible * 2);
        await using var with = await Pop().Orderly().AddCompressionCodecs()
            .OnMessage((message, _) => See(message)).StartAsync(cancellation);
        await Wait.UntilAsync(() => _seen.Count == 3, cancellation);
        Assert.That(_seen.Select(seen => seen.Split(',')[0]), Is.EqualTo(s_all));
    }

    [Test]
    public async Task Simple_consumer_gives_what_it_can_read_and_then_the_reason(CancellationToken cancellation)
    {
        await SendAsync(BodyCompression.Lz4, cancellation);

        await using (var without = await Simple().StartAsync(cancellation))
        {
            var received = await without.ReceiveAsync(32, s_invisible, cancellation);
            Assert.That(received.Select(leased => TextOf(leased.Message)), Is.EquivalentTo(new[] { "before", "after" }));
            Assert.That(await without.AckAllAsync(received, cancellation), Is.Empty);
            var error = await Assert.ThrowsAsync<InvalidRequestException>(() => without.ReceiveAsync(32, s_invisible, cancellation));
            Assert.That(error!.Message, Does.Contain(Package));
            Assert.That(NamesThePackage(without.Health));
            Assert.That(_log.Events, Does.Contain(StoppedPopping));
        }

        Clock.Advance(s_invisible);
        await using var with = await Simple().AddCompressionCodecs().StartAsync(cancellation);
        var again = new List<LeasedMessage>();

        while (again.Count == 0)
        {
            again.AddRange(await with.ReceiveAsync(32, s_invisible, cancellation));
        }

        Assert.That(again.Select(leased => TextOf(leased.Message)), Is.EqualTo(new[] { s_squeezed }));
    }

    [Test]
    public async Task Producer_without_the_codec_does_not_start([Values(BodyCompression.Lz4, BodyCompression.Zstandard)] BodyCompression compression)
    {
        var error = await Assert.ThrowsAsync<InvalidRequestException>(
            () => Producer.Create("orders").NameServers(Broker.NameServer).Compression(compression).StartAsync());
        Assert.That(error!.Message, Does.Contain("compression:").And.Contain(Package).And.Contain("AddCompressionCodecs"));
        await using var client = RocketMqClient.Create().NameServers(Broker.NameServer).AddCompressionCodecs().Start();
        await using var shared = await client.Producer("orders").Compression(compression).StartAsync();
    }

    /// <summary>Keeps the ids of events.</summary>
    private sealed class Remembering : ILogger
    {
        private readonly ConcurrentQueue<int> _events = new();

        internal IReadOnlyList<int> Events => [.. _events];

        internal void Clear() => _events.Clear();

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _events.Enqueue(eventId.Id);
    }
}
