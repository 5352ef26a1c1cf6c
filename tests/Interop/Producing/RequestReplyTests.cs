namespace Interop;

/// <summary>Requests between producers, and their replies.</summary>
public sealed class RequestReplyTests(string kind) : ServerTests(kind)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Test]
    public async Task Two_services_exchange_requests_and_replies(CancellationToken cancellation)
    {
        await using var left = await StartProducerAsync(cancellation);
        await using var right = await StartProducerAsync(cancellation);
        Assert.That(left.ClientId, Is.Not.EqualTo(right.ClientId));

        foreach (var (asking, answering) in new[] { (left, right), (right, left) })
        {
            var topic = NewName("topic");
            await using var consumer = await ListenAsync(answering, topic, cancellation);
            var waiting = asking.RequestAsync(Message.To(topic).Keys("q").Body("how much?"), Patience, cancellation);
            var request = await consumer.ReceiveAsync(cancellation);
            Assert.That(TextOf(request), Is.EqualTo("how much?"));

            var receipt = await answering.ReplyAsync(request, "seventeen, größer", cancellation);
            Assert.That(receipt.Status, Is.EqualTo(SendStatus.Ok));
            Assert.That(TextOf(await waiting), Is.EqualTo("seventeen, größer"));
        }
    }

    [Test]
    public async Task Replies_find_their_requests_in_whatever_order_they_come(CancellationToken cancellation)
    {
        const int Requests = 10;
        var topic = NewName("topic");
        await using var asking = await StartProducerAsync(cancellation);
        await using var answering = await StartProducerAsync(cancellation);
        await using var consumer = await ListenAsync(answering, topic, cancellation);
        var waiting = Enumerable.Range(0, Requests)
            .Select(number => asking.RequestAsync(Message.To(topic).Body($"{number}"), Patience, cancellation))
            .ToArray();
        var requests = await ReceiveAsync(consumer, Requests, cancellation);

        foreach (var request in requests.OrderByDescending(TextOf, StringComparer.Ordinal))
        {
            await answering.ReplyAsync(request, $"re {TextOf(request)}", cancellation);
        }

        var replies = await Task.WhenAll(waiting);
        Assert.That(replies.Select(TextOf), Is.EqualTo(Enumerable.Range(0, Requests).Select(number => $"re {number}")));
    }

    [Test]
    public async Task Request_without_a_reply_times_out(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        await using var consumer = await ListenAsync(producer, topic, cancellation);
        var timeout = TimeSpan.FromSeconds(1);
        var error = await Assert.ThrowsAsync<NoReplyException>(
            () => producer.RequestAsync(Message.To(topic).Body("anybody?"), timeout, cancellation));
        Assert.That(error!.Topic, Is.EqualTo(topic));
        Assert.That(error.Timeout, Is.EqualTo(timeout));
        Assert.That((await consumer.ReceiveAsync(cancellation)).MessageId, Is.EqualTo(error.MessageId));
    }

    [Test]
    public async Task Only_requests_can_be_replied_to(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        await producer.SendAsync(Message.To(topic).Body("no request"), cancellation);
        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation);
        var message = await consumer.ReceiveAsync(cancellation);
        await Assert.ThrowsAsync<InvalidRequestException>(() => producer.ReplyAsync(message, "to whom?", cancellation));
    }
}
