using System.Collections.Concurrent;
using RocketMq.Embedded;

namespace Interop;

/// <summary>The pages on consuming and on retries: each of their blocks of C# stands here and runs.</summary>
[CancelAfter(60_000)]
public sealed class ConsumingPagesTests() : ClockedBrokerFixture(runs: true, topic: "Orders")
{
    private async Task SendAsync(params string[] bodies)
    {
        await using var producer = await Producer.Create("orders").NameServers(Broker.NameServer).StartAsync();

        foreach (var body in bodies)
        {
            await producer.SendAsync(Message.To("Orders").Tag("created").Body(body), QueueSelector.ByKey("o-17"));
        }
    }

    [Test]
    public async Task Push_runs(CancellationToken cancellation)
    {
        var nameServers = Broker.NameServer;
        var billing = new Billing();
        await SendAsync("one coffee", "two teas");

        // docs/consuming.md
        await using var consumer = await PushConsumer.Create("billing").NameServers(nameServers)
            .Subscribe("Orders", "created || paid")
            .ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .OnMessage(async (message, cancellation) =>
            {
                await billing.BookAsync(message.MessageId, message.Text, cancellation);
            })
            .StartAsync();
        // end

        await Wait.UntilAsync(() => billing.Booked.Count == 2, cancellation);
        Assert.That(billing.Booked, Is.EquivalentTo(new[] { "one coffee", "two teas" }));
    }

    [Test]
    public async Task Results_run(CancellationToken cancellation)
    {
        var nameServers = Broker.NameServer;
        var billing = new Billing();
        await SendAsync("one coffee", "nonsense", "not now");

        // docs/retries.md
        await using var consumer = await PushConsumer.Create("billing").NameServers(nameServers)
            .Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .Concurrency(8).MaxRetries(5)
            .OnMessage(async (message, cancellation) => await billing.TryBookAsync(message, cancellation) switch
            {
                Booking.Done => ConsumeResult.Success,
                Booking.NotNow => ConsumeResult.RetryAfter(TimeSpan.FromSeconds(5)),
                _ => ConsumeResult.DeadLetter,                          // to %DLQ%billing
            })
            .StartAsync();
        // end

        await Wait.UntilAsync(() => consumer.Health is { Consumed: 1, SentBack: 2 }, cancellation);
        Clock.Advance(TimeSpan.FromSeconds(6));
        await Wait.UntilAsync(() => consumer.Health.Consumed == 2, cancellation);
        Assert.That(billing.Booked, Is.EquivalentTo(new[] { "one coffee", "not now" }));
    }

    [Test]
    public async Task Order_runs(CancellationToken cancellation)
    {
        var nameServers = Broker.NameServer;
        var billing = new Billing();
        await SendAsync("created", "changed", "paid");

        // docs/consuming.md
        await using var consumer = await PushConsumer.Create("ledger").NameServers(nameServers)
            .Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .Orderly()
            .OnMessages(async (messages, cancellation) =>
            {
                foreach (var message in messages)
                {
                    await billing.BookAsync(message.MessageId, message.Text, cancellation);
                }

                return ConsumeResult.Success;
            })
            .StartAsync();

        consumer.Pause();                                       // no handler begins
        consumer.Resume();
        PushConsumerHealth health = consumer.Health;            // queues, offsets, counts, stuck handlers
        // end

        await Wait.UntilAsync(() => billing.Booked.Count == 3, cancellation);
        Assert.That(billing.Booked, Is.EqualTo(new[] { "created", "changed", "paid" }));
        Assert.That(health.IsHealthy);
    }

    [Test]
    public async Task Queues_that_brokers_assign_are_read(CancellationToken cancellation)
    {
        var nameServers = Broker.NameServer;
        var billing = new Billing();
        await SendAsync("one coffee", "two teas");

        // docs/consuming.md
        await using var consumer = await PushConsumer.Create("shipping").NameServers(nameServers)
            .Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .ClientRebalance(false)
            .OnMessage(async (message, cancellation) => await billing.BookAsync(message.MessageId, message.Text, cancellation))
            .StartAsync();

        IReadOnlyList<MessageQueue> popped = consumer.Health.Popped;   // all of a broker's: queue id -1
        // end

        await Wait.UntilAsync(() => billing.Booked.Count == 2, cancellation);
        Assert.That(billing.Booked, Is.EquivalentTo(new[] { "one coffee", "two teas" }));
        Assert.That(popped, Is.Empty);
    }

    [Test]
    public async Task Pull_runs(CancellationToken cancellation)
    {
        var nameServers = Broker.NameServer;
        await SendAsync("one coffee");
        var texts = new List<string>();

        // docs/consuming.md
        await using var consumer = await PullConsumer.Create("audit").NameServers(nameServers)
            .Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset).StartAsync();

        await foreach (ReceivedMessage message in consumer.ReadAllAsync())
        {
            texts.Add(message.Text);
            break;                                              // the next one settles this one; so does CommitAsync
        }

        await consumer.CommitAsync();

        MessageQueue queue = consumer.Queues[0].Queue;
        consumer.Seek(queue, 0);                                // or SeekToBeginAsync, SeekToEndAsync, SeekToTimeAsync
        IReadOnlyList<ReceivedMessage> again = await consumer.PollAsync(32, TimeSpan.FromSeconds(5));
        consumer.Pause(queue);                                  // nothing of it is delivered until Resume
        // end

        Assert.That(texts, Is.EqualTo(new[] { "one coffee" }));
        Assert.That(again.Select(message => message.QueueOffset), Is.All.Zero);
    }

    [Test]
    public async Task Popping_runs(CancellationToken cancellation)
    {
        var nameServers = Broker.NameServer;
        await SendAsync("one coffee", "two teas");

        // docs/consuming.md
        await using var consumer = await SimpleConsumer.Create("audit").NameServers(nameServers)
            .Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset).StartAsync();

        var leased = await consumer.ReceiveAsync(16, TimeSpan.FromSeconds(30));     // hidden from others for 30 s
        IReadOnlyList<AckFailure> failures = await consumer.AckAllAsync(leased);    // what is listed comes again
        // end

        Assert.That(leased, Is.Not.Empty);
        Assert.That(failures, Is.Empty);
    }

    [Test]
    public void The_pages_have_this_code()
    {
        PageCode.ShouldRunIn("consuming.md", blocks: 5);
        PageCode.ShouldRunIn("retries.md", blocks: 1);
    }

    private enum Booking { Done, NotNow, Never }

    /// <summary>What a service does with messages.</summary>
    private sealed class Billing
    {
        internal ConcurrentQueue<string> Booked { get; } = new();

        internal Task BookAsync(string id, string text, CancellationToken cancellation)
        {
            cancellation.ThrowIfCancellationRequested();
            Booked.Enqueue(id.Length > 0 ? text : "no id");
            return Task.CompletedTask;
        }

        internal async Task<Booking> TryBookAsync(ReceivedMessage message, CancellationToken cancellation)
        {
            switch (message.Text)
            {
                case "nonsense":
                    return Booking.Never;
                case "not now" when message.ReconsumeTimes == 0:
                    return Booking.NotNow;
                default:
                    await BookAsync(message.MessageId, message.Text, cancellation);
                    return Booking.Done;
            }
        }
    }
}
