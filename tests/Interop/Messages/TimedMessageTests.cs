namespace Interop;

/// <summary>Messages that brokers hold back.</summary>
public sealed class TimedMessageTests(string kind) : ServerTests(kind)
{
    /// <summary>Sends a message at once and one later, to the same queue, and gives by how much later the second was stored.</summary>
    private async Task<TimeSpan> LatenessAsync(Func<Message, Message> delayed, TimeSpan delay, CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        var receipt = await producer.SendAsync(Message.To(topic).Body("now"), cancellation);
        await producer.SendAsync(delayed(Message.To(topic)).Body("later"), receipt.Queue, cancellation);
        PassTime(delay);

        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation);
        var received = await ReceiveAsync(consumer, 2, cancellation);
        Assert.That(received.Select(TextOf), Is.EqualTo(new[] { "now", "later" }));
        Assert.That(received[1].Queue, Is.EqualTo(receipt.Queue));
        return received[1].StoredAt - received[0].StoredAt;
    }

    [Test]
    public async Task Message_is_delivered_after_its_delay_level(CancellationToken cancellation) =>
        Assert.That(
            await LatenessAsync(message => message.DelayLevel(1), TimeSpan.FromSeconds(1), cancellation),
            Is.GreaterThanOrEqualTo(TimeSpan.FromSeconds(1)));

    [Test]
    public async Task Message_is_delivered_after_its_delay_in_seconds(CancellationToken cancellation)
    {
        await NeedBrokerAsync(5, 0, "A delay of any length", cancellation);
        Assert.That(
            await LatenessAsync(message => message.Delay(TimeSpan.FromSeconds(3)), TimeSpan.FromSeconds(3), cancellation),
            Is.GreaterThanOrEqualTo(TimeSpan.FromSeconds(2)));
    }

    [Test]
    public async Task Message_is_delivered_at_its_time(CancellationToken cancellation)
    {
        await NeedBrokerAsync(5, 0, "A time of delivery", cancellation);

        // The broker's clock may be ahead of this one, by what other tests passed.
        var ahead = TimeSpan.FromSeconds(30);
        Assert.That(
            await LatenessAsync(message => message.DeliverAt(DateTimeOffset.UtcNow + ahead), ahead, cancellation),
            Is.GreaterThanOrEqualTo(TimeSpan.FromSeconds(10)));
    }

    [Test]
    public async Task Recalled_message_is_not_delivered(CancellationToken cancellation)
    {
        await NeedBrokerAsync(5, 3, "Recalling a message", cancellation);
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        var plain = await producer.SendAsync(Message.To(topic).Body("now"), cancellation);
        Assert.That(plain.RecallHandle, Is.Null);

        var recalled = await producer.SendAsync(
            Message.To(topic).Delay(TimeSpan.FromSeconds(5)).Body("recalled"), plain.Queue, cancellation);
        await producer.SendAsync(Message.To(topic).Delay(TimeSpan.FromSeconds(7)).Body("kept"), plain.Queue, cancellation);
        Assert.That(await RecallAsync(producer, topic, recalled.RecallHandle!, cancellation), Is.EqualTo(recalled.MessageId));
        PassTime(TimeSpan.FromSeconds(8));

        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation);
        var received = await ReceiveAsync(consumer, 2, cancellation);
        Assert.That(received.Select(TextOf), Is.EqualTo(new[] { "now", "kept" }));
        await Assert.ThrowsAsync<InvalidRequestException>(() => producer.RecallAsync(topic, "no handle", cancellation));
    }

    private async Task<string> RecallAsync(Producer producer, string topic, string handle, CancellationToken cancellation)
    {
        try
        {
            return await producer.RecallAsync(topic, handle, cancellation);
        }
        catch (BrokerException error) when (IsCluster && error.Code == ResponseCode.NoPermission)
        {
            Assert.Ignore("The brokers of ROCKETMQ_NAMESRV recall no messages: recallMessageEnable is false there.");
            throw;
        }
    }
}
