using System.Collections.Concurrent;
using RocketMq.Embedded;

namespace Interop;

/// <summary>
/// Consumers that pop from a broker that takes the time of a pop as it is sent, as one of 5.x does that checks permissions, and
/// whose clock is minutes off.
/// </summary>
[CancelAfter(60_000)]
public sealed class PopClockTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <summary>The system's clock, set to another time of day.</summary>
    private sealed class ShiftedClock(TimeSpan shift) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + shift;
    }

    private static Task<EmbeddedBroker> StartBrokerAsync(int minutesOff, CancellationToken cancellation) =>
        EmbeddedBroker.StartAsync(
            new EmbeddedBrokerOptions
            {
                Clock = new ShiftedClock(TimeSpan.FromMinutes(minutesOff)),
                TakesBornTimeAsSent = true,
            },
            cancellation);

    private static async Task SendAsync(EmbeddedBroker broker, int count, CancellationToken cancellation)
    {
        await using var producer = await Producer.Create("producers").NameServers(broker.NameServer).StartAsync(cancellation);

        for (var number = 0; number < count; number++)
        {
            await producer.SendAsync(Message.To("Orders").Body($"{number}"), cancellation);
        }
    }

    private static SimpleConsumerBuilder Simple(EmbeddedBroker broker) =>
        SimpleConsumer.Create("audit").NameServers(broker.NameServer).Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset);

    [Test]
    public async Task A_simple_consumer_gets_all_messages([Values(-10, 0, 10)] int minutesOff, CancellationToken cancellation)
    {
        await using var broker = await StartBrokerAsync(minutesOff, cancellation);
        await SendAsync(broker, 20, cancellation);
        await using var consumer = await Simple(broker).StartAsync(cancellation);
        var texts = new List<string>();

        while (texts.Count < 20)
        {
            var received = await consumer.ReceiveAsync(32, Minute, cancellation);
            Assert.That(received, Is.Not.Empty);
            Assert.That(await consumer.AckAllAsync(received, cancellation), Is.Empty);
            texts.AddRange(received.Select(leased => System.Text.Encoding.UTF8.GetString(leased.Message.Body.Span)));
        }

        Assert.That(texts, Is.EquivalentTo(Enumerable.Range(0, 20).Select(number => $"{number}")));
    }

    [Test]
    public async Task A_consumer_with_a_handler_gets_all_messages([Values(-10, 0, 10)] int minutesOff, CancellationToken cancellation)
    {
        await using var broker = await StartBrokerAsync(minutesOff, cancellation);
        await SendAsync(broker, 20, cancellation);
        var handled = new ConcurrentBag<string>();
        await using var consumer = await PopConsumer.Create("audit").NameServers(broker.NameServer)
            .Subscribe("Orders")
            .ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .EnablePopMode()
            .OnMessage((message, _) =>
            {
                handled.Add(message.MessageId);
                return Task.CompletedTask;
            })
            .StartAsync(cancellation);
        await Wait.UntilAsync(() => consumer.Acknowledged == 20, cancellation);
        Assert.That(handled, Is.Unique);
    }

    [Test]
    public async Task Pop_that_is_too_old_is_an_exception(CancellationToken cancellation)
    {
        await using var broker = await StartBrokerAsync(0, cancellation);
        await SendAsync(broker, 1, cancellation);
        await using var consumer = await Simple(broker).StartAsync(cancellation);
        broker.Faults.On((int)RequestCode.PopMessage).Refuse(
            (int)ResponseCode.PollingTimeout, "the broker[10.0.0.1] pop message is timeout too much", int.MaxValue);
        var error = await Assert.ThrowsAsync<BrokerException>(() => consumer.ReceiveAsync(32, Minute, cancellation));
        Assert.That(error!.Code, Is.EqualTo(ResponseCode.PollingTimeout));
        Assert.That(error.IsTransient, Is.True);
        Assert.That(error.Message, Does.Contain("clock"));
        broker.Faults.Heal();
        Assert.That(await consumer.ReceiveAsync(32, Minute, cancellation), Has.Count.EqualTo(1));
    }
}
