using System.Text;
using System.Text.Json.Serialization;
using RocketMq.Embedded;

namespace Interop;

/// <summary>The pages on producing, transactions and delays: each of their blocks of C# stands here and runs.</summary>
[CancelAfter(60_000)]
public sealed class ProducingPagesTests() : ClockedBrokerFixture(runs: true)
{
    private Task<Producer> StartProducerAsync() => Producer.Create("orders").NameServers(Broker.NameServer).StartAsync();

    private async Task<string[]> ReadAsync(string topic, int count, CancellationToken cancellation)
    {
        await using var consumer = await PullConsumer.Create("readers")
            .NameServers(Broker.NameServer).Subscribe(topic).ConsumeFromWhere(ConsumeFrom.FirstOffset).StartAsync(cancellation);
        var texts = new string[count];

        for (var index = 0; index < count; index++)
        {
            texts[index] = Encoding.UTF8.GetString((await consumer.ReceiveAsync(cancellation)).Body.Span);
        }

        return texts;
    }

    [Test]
    public async Task Sending_runs(CancellationToken cancellation)
    {
        var nameServers = Broker.NameServer;

        // docs/producing.md
        await using var producer = await Producer.Create("orders").NameServers(nameServers).StartAsync();
        SendReceipt receipt = await producer.SendAsync(Message.To("Orders").Tag("created").Keys("o-17").Body("one coffee"));

        await producer.SendAsync(Message.To("Orders").Body("paid"), QueueSelector.ByKey("o-17"));   // in order within a key
        IReadOnlyList<MessageQueue> queues = await producer.GetQueuesAsync("Orders");
        await producer.SendAsync(Message.To("Orders").Body("to that queue"), queues[0]);
        await producer.SendOneWayAsync(Message.To("Orders").Body("fast, and perhaps lost"));        // no answer is awaited
        // end

        Assert.That(receipt.Status, Is.EqualTo(SendStatus.Ok));
        Assert.That(
            await ReadAsync("Orders", 4, cancellation),
            Is.EquivalentTo(new[] { "one coffee", "paid", "to that queue", "fast, and perhaps lost" }));
    }

    [Test]
    public async Task Json_runs(CancellationToken cancellation)
    {
        await using var producer = await StartProducerAsync();

        // docs/producing.md
        await producer.SendAsync(Message.To("Orders").Json(new Order("o-17", "coffee", 1), OrdersJson.Default.Order));
        // end

        Assert.That(await ReadAsync("Orders", 1, cancellation), Is.EqualTo(new[] { """{"Id":"o-17","Item":"coffee","Count":1}""" }));
    }

    [Test]
    public async Task Batches_run(CancellationToken cancellation)
    {
        var nameServers = Broker.NameServer;
        await using var producer = await StartProducerAsync();
        int[] values = [1, 2, 3];

        // docs/producing.md
        IReadOnlyList<SendReceipt> receipts = await producer.SendBatchAsync(values.Select(value => Message.To("Values").Body($"{value}")));

        await using var batching = await Producer.Create("meters").NameServers(nameServers)
            .Batching(messages: 500, wait: TimeSpan.FromMilliseconds(20)).StartAsync();
        SendReceipt[] own = await Task.WhenAll(values.Select(value => batching.SendAsync(Message.To("Values").Body($"{value}"))));
        // end

        Assert.That(receipts.Concat(own).Select(receipt => receipt.MessageId), Is.Unique);
        Assert.That(await ReadAsync("Values", 6, cancellation), Is.EquivalentTo(new[] { "1", "2", "3", "1", "2", "3" }));
    }

    [Test]
    public async Task Delays_run(CancellationToken cancellation)
    {
        await using var producer = await StartProducerAsync();

        // docs/delays.md
        await producer.SendAsync(Message.To("Reminders").DelayLevel(3).Body("in ten seconds"));
        await producer.SendAsync(Message.To("Reminders").Delay(TimeSpan.FromMinutes(90)).Body("in ninety minutes"));   // since 5.0
        var tomorrow = await producer.SendAsync(Message.To("Reminders").DeliverAt(DateTimeOffset.Now.AddDays(1)).Body("tomorrow"));
        await producer.RecallAsync("Reminders", tomorrow.RecallHandle!);                                               // since 5.3
        // end

        Clock.Advance(TimeSpan.FromDays(1) + TimeSpan.FromMinutes(1));
        await producer.SendAsync(Message.To("Reminders").Body("the end"), cancellation);
        Assert.That(
            await ReadAsync("Reminders", 3, cancellation),
            Is.EquivalentTo(new[] { "in ten seconds", "in ninety minutes", "the end" }));
    }

    [Test]
    public async Task Transactions_run(CancellationToken cancellation)
    {
        var nameServers = Broker.NameServer;
        var orders = new Orders();

        // docs/transactions.md
        await using var producer = await TransactionProducer.Create("orders").NameServers(nameServers).Topics("Orders")
            .OnCheck(async half => await orders.HasAsync(half.Keys[0]) ? TransactionDecision.Commit : TransactionDecision.Rollback)
            .StartAsync();

        TransactionReceipt receipt = await producer.SendAsync(Message.To("Orders").Keys("o-17").Body("one coffee"), async message =>
        {
            await orders.SaveAsync("o-17");         // if this throws, receipt.LocalFailure has it, and the broker asks OnCheck later
            return TransactionDecision.Commit;
        });
        // end

        Assert.That(receipt.Decision, Is.EqualTo(TransactionDecision.Commit));
        Assert.That(await ReadAsync("Orders", 1, cancellation), Is.EqualTo(new[] { "one coffee" }));
        orders.IsAway = true;
        var undecided = await producer.SendAsync(
            Message.To("Checked").Keys("o-17").Body("saved before"), async _ => { await orders.SaveAsync("o-17"); return default; }, cancellation);
        Assert.That(undecided.LocalFailure, Is.Not.Null);
        await producer.Producer.SendAsync(Message.To("Checked").Body("makes the topic"), cancellation);
        Clock.Advance(TimeSpan.FromSeconds(31));
        Assert.That(await ReadAsync("Checked", 2, cancellation), Is.EquivalentTo(new[] { "saved before", "makes the topic" }));
    }

    [Test]
    public async Task Requests_run(CancellationToken cancellation)
    {
        await using var producer = await StartProducerAsync();
        await using var service = await Producer.Create("prices").NameServers(Broker.NameServer).StartAsync(cancellation);
        await service.SendAsync(Message.To("Prices").Body("makes the topic"), cancellation);
        await using var consumer = await PullConsumer.Create("prices").NameServers(Broker.NameServer)
            .Subscribe("Prices").ConsumeFromWhere(ConsumeFrom.FirstOffset).StartAsync(cancellation);
        await consumer.ReceiveAsync(cancellation);

        async Task ServeAsync()
        {
            // docs/producing.md
            ReceivedMessage request = await consumer.ReceiveAsync();
            await service.ReplyAsync(request, "3.20");
            // end
        }

        var serving = ServeAsync();

        // docs/producing.md
        ReceivedMessage reply = await producer.RequestAsync(Message.To("Prices").Body("one coffee?"), TimeSpan.FromSeconds(5));
        // end

        await serving;
        Assert.That(Encoding.UTF8.GetString(reply.Body.Span), Is.EqualTo("3.20"));
    }

    [Test]
    public async Task Traces_and_interceptors_run(CancellationToken cancellation)
    {
        var nameServers = Broker.NameServer;
        var seen = new List<SendReceipt>();

        async Task SendAsync()
        {
            // docs/producing.md
            await using var producer = await Producer.Create("orders").NameServers(nameServers)
                .Trace()                                                    // each send, to RMQ_SYS_TRACE_TOPIC
                .AddInterceptor(async (message, send) =>
                {
                    var receipt = await send(message.Property("tenant", "t-1"));
                    seen.Add(receipt);
                    return receipt;
                })
                .AddCompressionCodecs()                                     // of the package RocketMq.Compression
                .Compression(BodyCompression.Zstandard, fromBytes: 16_384)
                .LatencyFaultTolerance()                                    // avoids slow brokers too, as Java's client can
                .StartAsync();
            // end

            await producer.SendAsync(Message.To("Orders").Body("one coffee"), cancellation);
        }

        await SendAsync();
        Assert.That((await ReadAsync("RMQ_SYS_TRACE_TOPIC", 1, cancellation))[0], Does.Contain(seen.Single().MessageId));
    }

    [Test]
    public void The_pages_have_this_code()
    {
        PageCode.ShouldRunIn("producing.md", blocks: 6);
        PageCode.ShouldRunIn("transactions.md", blocks: 1);
        PageCode.ShouldRunIn("delays.md", blocks: 1);
    }

    /// <summary>A shop's database.</summary>
    private sealed class Orders
    {
        private readonly HashSet<string> _saved = [];

        internal bool IsAway { get; set; }

        internal Task<bool> HasAsync(string key) => Task.FromResult(_saved.Contains(key));

        internal Task SaveAsync(string key)
        {
            _saved.Add(IsAway ? throw new InvalidOperationException("The database is away.") : key);
            return Task.CompletedTask;
        }
    }
}

internal sealed record Order(string Id, string Item, int Count);

[JsonSerializable(typeof(Order))]
internal sealed partial class OrdersJson : JsonSerializerContext;
