using System.Globalization;
using System.Text;

namespace Interop;

/// <summary>Messages from a producer to a consumer.</summary>
public sealed class RoundTripTests(string kind) : ServerTests(kind)
{
    [Test]
    public async Task A_message_arrives_as_it_was_sent(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        var receipt = await producer.SendAsync(
            Message.To(topic).Tag("created").Keys("o-17", "k-2").Property("region", "eu, größer").Body("Ω body"), cancellation);

        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation);
        var message = await consumer.ReceiveAsync(cancellation);

        Assert.Multiple(() =>
        {
            Assert.That(receipt.Status, Is.EqualTo(SendStatus.Ok));
            Assert.That(receipt.Attempts, Is.EqualTo(1));
            Assert.That(message.Topic, Is.EqualTo(topic));
            Assert.That(message.Tag, Is.EqualTo("created"));
            Assert.That(message.Keys, Is.EqualTo(new[] { "o-17", "k-2" }));
            Assert.That(message.Property("region"), Is.EqualTo("eu, größer"));
            Assert.That(Encoding.UTF8.GetString(message.Body.Span), Is.EqualTo("Ω body"));
            Assert.That(message.Queue, Is.EqualTo(receipt.Queue));
            Assert.That(message.QueueOffset, Is.EqualTo(receipt.QueueOffset));
            Assert.That(message.MessageId, Is.EqualTo(receipt.MessageId));
            Assert.That(message.OffsetId, Is.EqualTo(receipt.OffsetId));
            Assert.That(message.ReconsumeTimes, Is.Zero);
        });
    }

    [Test]
    public async Task A_large_body_travels_compressed_and_arrives_whole(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        var body = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 5_000).Select(number => $"line {number}\n")));
        await using var producer = await StartProducerAsync(cancellation);
        await producer.SendAsync(Message.To(topic).Body(body), cancellation);

        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation);
        var message = await consumer.ReceiveAsync(cancellation);

        Assert.That(message.Body.ToArray(), Is.EqualTo(body));
        Assert.That(message.StoredBody.Length, Is.LessThan(body.Length / 2));
    }

    [Test]
    public async Task Every_message_arrives_once_and_each_queue_in_order(CancellationToken cancellation)
    {
        const int Messages = 400;
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        var receipts = new List<SendReceipt>();

        for (var number = 0; number < Messages; number++)
        {
            receipts.Add(await producer.SendAsync(Message.To(topic).Body($"{number}"), cancellation));
        }

        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation);
        var received = await ReceiveAsync(consumer, Messages, cancellation);

        Assert.That(received.Select(message => message.MessageId), Is.EquivalentTo(receipts.Select(receipt => receipt.MessageId)));
        Assert.That(receipts.Select(receipt => receipt.Queue).Distinct().Count(), Is.GreaterThan(1), "queues used");

        foreach (var queue in received.GroupBy(message => message.Queue))
        {
            Assert.That(queue.Select(message => message.QueueOffset), Is.Ordered.Ascending, queue.Key.ToString());
            Assert.That(queue.Select(message => int.Parse(message.Body.Span, CultureInfo.InvariantCulture)), Is.Ordered.Ascending);
        }
    }

    [Test]
    public async Task Only_the_tags_asked_for_arrive(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);

        // "AaAa" and "BBBB" have the same hash code in Java, which is what brokers compare.
        foreach (var tag in new[] { "AaAa", "BBBB", "paid", "other", "AaAa", "paid" })
        {
            await producer.SendAsync(Message.To(topic).Tag(tag).Body(tag), cancellation);
        }

        await producer.SendAsync(Message.To(topic).Body("untagged"), cancellation);

        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation, "AaAa || paid");
        var received = await ReceiveAsync(consumer, 4, cancellation);
        Assert.That(received.Select(message => message.Tag), Is.EquivalentTo(new[] { "AaAa", "AaAa", "paid", "paid" }));
    }

    [Test]
    public async Task Group_resumes_from_its_committed_offset(CancellationToken cancellation)
    {
        var (topic, group) = (NewName("topic"), NewName("group"));
        await using var producer = await StartProducerAsync(cancellation);
        var sent = new List<string>();

        for (var number = 0; number < 40; number++)
        {
            sent.Add((await producer.SendAsync(Message.To(topic).Body($"{number}"), cancellation)).MessageId);
        }

        List<ReceivedMessage> first;

        await using (var consumer = await StartConsumerAsync(group, topic, cancellation))
        {
            first = await ReceiveAsync(consumer, 15, cancellation);
            await consumer.CommitAsync(cancellation);
        }

        await using var second = await StartConsumerAsync(group, topic, cancellation);
        var rest = await ReceiveAsync(second, 25, cancellation);
        Assert.That(first.Concat(rest).Select(message => message.MessageId), Is.EquivalentTo(sent));
    }

    [Test]
    public async Task Uncommitted_message_is_redelivered(CancellationToken cancellation)
    {
        var (topic, group) = (NewName("topic"), NewName("group"));
        await using var producer = await StartProducerAsync(cancellation);
        await producer.SendAsync(Message.To(topic).Body("only one"), cancellation);
        ReceivedMessage first;

        await using (var consumer = await StartConsumerAsync(group, topic, cancellation))
        {
            first = await consumer.ReceiveAsync(cancellation);
        }

        await using var second = await StartConsumerAsync(group, topic, cancellation);
        Assert.That((await second.ReceiveAsync(cancellation)).MessageId, Is.EqualTo(first.MessageId));
    }

    [Test]
    public async Task Waiting_consumer_receives_a_later_message(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        await using var consumer = await ListenAsync(producer, topic, cancellation);

        var waiting = consumer.ReceiveAsync(cancellation);
        var receipt = await producer.SendAsync(Message.To(topic).Body("later"), cancellation);
        Assert.That((await waiting).MessageId, Is.EqualTo(receipt.MessageId));
    }

    [Test]
    public async Task Receive_can_be_cancelled_and_repeated(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        await using var consumer = await ListenAsync(producer, topic, cancellation);

        using var patience = new CancellationTokenSource();
        var waiting = consumer.ReceiveAsync(patience.Token);
        await patience.CancelAsync();
        Assert.That(async () => await waiting, Throws.InstanceOf<OperationCanceledException>());

        var receipt = await producer.SendAsync(Message.To(topic).Body("later"), cancellation);
        Assert.That((await consumer.ReceiveAsync(cancellation)).MessageId, Is.EqualTo(receipt.MessageId));
    }

    [Test]
    public async Task Binary_headers_deliver_the_same_message(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await AsTheClusterWants(Producer.Create(NewName("producers")))
            .NameServers(NameServers).BinaryHeaders().StartAsync(cancellation);
        var receipt = await producer.SendAsync(Message.To(topic).Keys("größer").Body("binary"), cancellation);

        await using var consumer = await AsTheClusterWants(PullConsumer.Create(NewName("group")))
            .NameServers(NameServers)
            .BinaryHeaders()
            .Subscribe(topic)
            .ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .StartAsync(cancellation);
        var message = await consumer.ReceiveAsync(cancellation);

        Assert.That(message.MessageId, Is.EqualTo(receipt.MessageId));
        Assert.That(message.Keys, Is.EqualTo(new[] { "größer" }));
    }

    [Test]
    public async Task An_unknown_topic_is_an_error_that_says_so(CancellationToken cancellation)
    {
        var topic = NewName("nowhere");
        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation);
        var error = await Assert.ThrowsAsync<RouteNotFoundException>(
            () => consumer.PollAsync(1, TimeSpan.FromMilliseconds(200), cancellation));
        Assert.That(error!.Message, Does.Contain(topic));
        Assert.That(consumer.Health.IsHealthy, Is.False);
        Assert.That(consumer.Health.Problems.Select(problem => problem.Reason), Has.Some.Contains(topic));
        Assert.That(error.Topic, Is.EqualTo(topic));
    }
}
