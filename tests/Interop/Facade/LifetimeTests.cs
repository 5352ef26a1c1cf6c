using System.Collections.Concurrent;
using RocketMq.Embedded;

namespace Interop;

/// <summary>Clients that are built first, started later or by their first call, and stopped.</summary>
[CancelAfter(60_000)]
public sealed class LifetimeTests() : BrokerFixture(topic: "Orders")
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private ProducerBuilder Orders => Producer.Create("orders").NameServers(Broker.NameServer);

    private PushConsumerBuilder Billing(Func<ReceivedMessage, CancellationToken, Task> handler) => PushConsumer.Create("billing")
        .NameServers(Broker.NameServer).Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset).OnMessage(handler);

    private static Task IgnoreAsync(ReceivedMessage message, CancellationToken cancellation) => Task.CompletedTask;

    [Test]
    public async Task Nothing_connects_while_a_client_is_built_and_its_first_call_starts_it(CancellationToken cancellation)
    {
        await using var producer = Orders.Build();
        await using var consumer = PullConsumer.Create("billing").NameServers(Broker.NameServer).Subscribe("Orders")
            .ConsumeFromWhere(ConsumeFrom.FirstOffset).Build();
        Assert.That(new[] { producer.IsStarted, consumer.IsStarted }, Is.All.False);
        Assert.Throws<InvalidOperationException>(() => _ = producer.ClientId);

        await producer.SendAsync(Message.To("Orders").Body("first"), cancellation);
        var received = await consumer.ReceiveAsync(cancellation);
        Assert.That(TextOf(received), Is.EqualTo("first"));
        Assert.That(new[] { producer.IsStarted, consumer.IsStarted }, Is.All.True);
    }

    [Test]
    public async Task A_server_that_is_away_is_no_matter_while_a_client_is_built(CancellationToken cancellation)
    {
        await using var producer = Producer.Create("orders").NameServers("127.0.0.1:1").Build();
        await using var consumer = PushConsumer.Create("billing").NameServers("127.0.0.1:1").Subscribe("Orders").OnMessage(IgnoreAsync).Build();
        await producer.StartAsync(cancellation);
        Assert.That(consumer.IsStarted, Is.False);
    }

    [Test]
    public async Task Started_twice_it_starts_once(CancellationToken cancellation)
    {
        await using var consumer = Billing(IgnoreAsync).Build();
        await Task.WhenAll(consumer.StartAsync(cancellation), consumer.StartAsync(cancellation));
        var id = consumer.ClientId;
        await consumer.StartAsync(cancellation);
        Assert.That(consumer.ClientId, Is.EqualTo(id));
    }

    [Test]
    public async Task After_a_failed_start_it_can_be_started(CancellationToken cancellation)
    {
        await using var client = RocketMqClient.Create().NameServers(Broker.NameServer).Start();
        var first = await client.PullConsumer("billing").Subscribe("Orders").StartAsync(cancellation);
        await using var second = client.PushConsumer("billing").Subscribe("Orders").OnMessage(IgnoreAsync).Build();

        // A client has one member of a group.
        await Assert.ThrowsAsync<InvalidRequestException>(() => second.StartAsync(cancellation));
        Assert.That(second.IsStarted, Is.False);
        await first.DisposeAsync();
        await second.StartAsync(cancellation);
        Assert.That(second.IsStarted, Is.True);
    }

    [Test]
    public async Task A_start_that_was_cancelled_can_be_repeated(CancellationToken cancellation)
    {
        await using var consumer = Billing(IgnoreAsync).Build();
        await Assert.CatchAsync<OperationCanceledException>(() => consumer.StartAsync(new CancellationToken(canceled: true)));
        await consumer.StartAsync(cancellation);
        Assert.That(consumer.IsStarted, Is.True);
    }

    [Test]
    public async Task Closed_before_it_is_started_it_never_starts(CancellationToken cancellation)
    {
        var producer = Orders.Build();
        var consumer = Billing(IgnoreAsync).Build();
        await producer.StopAsync(cancellation);
        await consumer.DisposeAsync();
        await Assert.ThrowsAsync<ClientClosedException>(() => producer.StartAsync(cancellation));
        await Assert.ThrowsAsync<ClientClosedException>(() => producer.SendAsync(Message.To("Orders").Body("x"), cancellation));
        await Assert.ThrowsAsync<ClientClosedException>(() => consumer.StartAsync(cancellation));
        await consumer.StopAsync(cancellation);
    }

    [Test]
    public async Task Stopped_by_a_token_a_push_consumer_tells_its_handlers_and_what_they_had_comes_again(CancellationToken cancellation)
    {
        await using var producer = await Orders.StartAsync(cancellation);

        foreach (var text in new[] { "a", "waits" })
        {
            await producer.SendAsync(Message.To("Orders").Body(text), cancellation);
        }

        var seen = new ConcurrentQueue<string>();

        async Task HandleAsync(ReceivedMessage message, CancellationToken token)
        {
            seen.Enqueue(TextOf(message));

            if (TextOf(message) == "waits" && seen.Count(text => text == "waits") == 1)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, token);
            }
        }

        var first = await Billing(HandleAsync).Orderly().DrainTimeout(Hour).StartAsync(cancellation);
        await Wait.UntilAsync(() => seen.Count == 2, cancellation);
        using var stop = new CancellationTokenSource();
        var stopping = first.StopAsync(stop.Token);
        Assert.That(stopping.IsCompleted, Is.False);
        await stop.CancelAsync();
        await stopping;

        await using var next = await Billing(HandleAsync).Orderly().StartAsync(cancellation);
        await Wait.UntilAsync(() => seen.Count == 3, cancellation);
        Assert.That(seen, Is.EqualTo(new[] { "a", "waits", "waits" }));
    }

    [Test]
    public async Task Stopped_by_a_token_a_producer_does_not_wait_for_sends(CancellationToken cancellation)
    {
        var producer = await Orders.DrainTimeout(Hour).SendTimeout(Hour).RequestTimeout(Hour)
            .KeepAlive(probeAfter: Hour, deadAfter: Hour).StartAsync(cancellation);
        await producer.SendAsync(Message.To("Orders").Body("a"), cancellation);
        Broker.Faults.On((int)RequestCode.SendMessageV2).AnswerLate(Hour);
        var sending = producer.SendAsync(Message.To("Orders").Body("late"), cancellation);

        // On one connection, so that the first has left when the second is stored.
        await producer.SendAsync(Message.To("Orders").Body("b"), cancellation);
        using var stop = new CancellationTokenSource();
        var stopping = producer.StopAsync(stop.Token);
        Assert.That(stopping.IsCompleted, Is.False);
        await stop.CancelAsync();
        await stopping;
        var error = await Assert.CatchAsync<RocketMqException>(() => sending);
        Assert.That(error!.MayHaveBeenExecuted, Is.True);
    }

    private static string TextOf(ReceivedMessage message) => System.Text.Encoding.UTF8.GetString(message.Body.Span);
}
