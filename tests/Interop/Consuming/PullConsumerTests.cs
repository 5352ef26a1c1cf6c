using System.IO.Compression;

namespace Interop;

/// <summary>Pull consumers and pull clients, against the embedded broker and a real cluster.</summary>
public sealed class PullConsumerTests(string kind) : ServerTests(kind)
{
    private PullConsumerBuilder Pull(string group) =>
        AsTheClusterWants(PullConsumer.Create(group)).NameServers(NameServers).ConsumeFromWhere(ConsumeFrom.FirstOffset);

    /// <summary>Messages in one queue of a new topic, "m0" first.</summary>
    private async Task<MessageQueue> NewQueueAsync(int count, CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        var receipt = await producer.SendAsync(Message.To(topic).Tag("t").Body("m0"), cancellation);

        for (var number = 1; number < count; number++)
        {
            await producer.SendAsync(Message.To(topic).Tag("t").Body($"m{number}"), receipt.Queue, cancellation);
        }

        return receipt.Queue;
    }

    private static async Task<string[]> TextsAsync(PullConsumer consumer, int count, CancellationToken cancellation) =>
        [.. (await ReceiveAsync(consumer, count, cancellation)).Select(TextOf)];

    private static string[] Numbered(int first, int count) =>
        [.. Enumerable.Range(first, count).Select(number => $"m{number}")];

    [Test]
    public async Task Members_share_the_queues_of_a_topic(CancellationToken cancellation)
    {
        var (topic, group) = ((await NewQueueAsync(1, cancellation)).Topic, NewName("group"));
        await using var producer = await StartProducerAsync(cancellation);
        var queues = (await producer.GetQueuesAsync(topic, cancellation)).Count;
        await using var first = await StartConsumerAsync(group, topic, cancellation);
        await using var second = await StartConsumerAsync(group, topic, cancellation);
        await Wait.UntilAsync(
            () => first.Queues.Count is > 0 and var ofFirst && second.Queues.Count is > 0 and var ofSecond
                && ofFirst + ofSecond == queues,
            cancellation);
        Assert.That(
            first.Queues.Concat(second.Queues).Select(queue => queue.Queue),
            Is.EquivalentTo(await producer.GetQueuesAsync(topic, cancellation)));
    }

    [Test]
    public async Task Seek_moves_back_and_forward(CancellationToken cancellation)
    {
        var queue = await NewQueueAsync(20, cancellation);
        await using var consumer = await Pull(NewName("group")).AssignQueues([queue]).StartAsync(cancellation);
        Assert.That(await TextsAsync(consumer, 20, cancellation), Is.EqualTo(Numbered(0, 20)));
        consumer.Seek(queue, 17);
        Assert.That(await TextsAsync(consumer, 3, cancellation), Is.EqualTo(Numbered(17, 3)));
        await consumer.SeekToBeginAsync(queue, cancellation);
        Assert.That(await TextsAsync(consumer, 2, cancellation), Is.EqualTo(Numbered(0, 2)));
        await consumer.SeekToEndAsync(queue, cancellation);
        var next = consumer.ReceiveAsync(cancellation);
        await using var producer = await StartProducerAsync(cancellation);
        await producer.SendAsync(Message.To(queue.Topic).Tag("t").Body("new"), queue, cancellation);
        Assert.That(TextOf(await next), Is.EqualTo("new"));
        Assert.That(await consumer.GetMinOffsetAsync(queue, cancellation), Is.Zero);
        Assert.That(await consumer.GetMaxOffsetAsync(queue, cancellation), Is.EqualTo(21));
    }

    [Test]
    public async Task Manual_commit_commits_only_on_request(CancellationToken cancellation)
    {
        var (queue, group) = (await NewQueueAsync(20, cancellation), NewName("group"));

        await using (var consumer = await Pull(group).AssignQueues([queue]).ManualCommit().StartAsync(cancellation))
        {
            await TextsAsync(consumer, 5, cancellation);
            await consumer.CommitAsync(cancellation);
            await TextsAsync(consumer, 5, cancellation);
        }

        await using (var consumer = await Pull(group).AssignQueues([queue]).ManualCommit().StartAsync(cancellation))
        {
            Assert.That(await TextsAsync(consumer, 1, cancellation), Is.EqualTo(Numbered(5, 1)));
            await consumer.CommitAsync(queue, 12, cancellation);
        }

        await using (var consumer = await Pull(group).AssignQueues([queue]).StartAsync(cancellation))
        {
            Assert.That(await TextsAsync(consumer, 1, cancellation), Is.EqualTo(Numbered(12, 1)));
            Assert.That(await consumer.GetCommittedAsync(queue, cancellation), Is.EqualTo(12));
        }
    }

    [Test]
    public async Task Paused_queue_returns_nothing_until_it_is_resumed(CancellationToken cancellation)
    {
        var queue = await NewQueueAsync(10, cancellation);
        await using var consumer = await Pull(NewName("group")).AssignQueues([queue]).StartAsync(cancellation);
        await TextsAsync(consumer, 2, cancellation);
        consumer.Pause(queue);
        Assert.That(await consumer.PollAsync(10, TimeSpan.FromMilliseconds(1), cancellation), Is.Empty);
        consumer.Resume(queue);
        var seen = new List<string>();

        while (seen.Count < 8)
        {
            seen.AddRange((await consumer.PollAsync(3, TimeSpan.FromSeconds(1), cancellation)).Select(TextOf));
        }

        Assert.That(seen, Is.EqualTo(Numbered(2, 8)));
    }

    [Test]
    public async Task Queues_start_at_the_offsets_of_the_applications_store(CancellationToken cancellation)
    {
        var queue = await NewQueueAsync(10, cancellation);
        await using var consumer = await Pull(NewName("group"))
            .Subscribe(queue.Topic)
            .StartAt((asked, _) => Task.FromResult<long?>(asked == queue ? 8 : null))
            .StartAsync(cancellation);
        Assert.That(await TextsAsync(consumer, 2, cancellation), Is.EqualTo(Numbered(8, 2)));
    }

    [Test]
    public async Task Assigned_queues_can_be_changed_and_subscriptions_do_not_mix(CancellationToken cancellation)
    {
        var (one, other) = (await NewQueueAsync(3, cancellation), await NewQueueAsync(3, cancellation));
        await using var consumer = await Pull(NewName("group")).AssignQueues([one]).StartAsync(cancellation);
        await TextsAsync(consumer, 3, cancellation);
        await consumer.AssignAsync([other], cancellationToken: cancellation);
        Assert.That((await consumer.ReceiveAsync(cancellation)).Queue, Is.EqualTo(other));
        await Assert.ThrowsAsync<InvalidRequestException>(() => consumer.SubscribeAsync(one.Topic, cancellationToken: cancellation));
        await Assert.ThrowsAsync<InvalidRequestException>(
            () => Pull(NewName("group")).Subscribe(one.Topic).AssignQueues([one]).StartAsync(cancellation));
        Assert.Throws<InvalidRequestException>(() => consumer.Seek(one with { QueueId = 1000 }, 0));
    }

    [Test]
    public async Task Pull_client_pulls_at_its_own_offsets(CancellationToken cancellation)
    {
        var (queue, group) = (await NewQueueAsync(10, cancellation), NewName("group"));
        await using var client = Pull(group).CreateClient();
        Assert.That(await client.GetQueuesAsync(queue.Topic, cancellation), Does.Contain(queue));
        var found = await client.PullAsync(queue, 6, max: 3, cancellationToken: cancellation);
        Assert.That(found.Status, Is.EqualTo(PullStatus.Found));
        Assert.That(found.Messages.Select(TextOf), Is.EqualTo(Numbered(6, 3)));
        Assert.That((found.NextOffset, found.MaxOffset), Is.EqualTo((9, 10)));
        Assert.That((await client.PullAsync(queue, 10, cancellationToken: cancellation)).Status, Is.EqualTo(PullStatus.NoNewMessage));
        Assert.That((await client.PullAsync(queue, 99, cancellationToken: cancellation)).Status, Is.EqualTo(PullStatus.OffsetMoved));
        Assert.That(
            (await client.PullAsync(queue, 0, tags: "none", cancellationToken: cancellation)).Status,
            Is.EqualTo(PullStatus.NoMatch));
        await client.CommitAsync(queue, 4, cancellation);
        Assert.That(await client.GetCommittedAsync(queue, cancellation), Is.EqualTo(4));
        // Of several messages that were stored in one millisecond, brokers of 4.9 name any.
        var all = await client.PullAsync(queue, 0, max: 10, cancellationToken: cancellation);
        var stored = found.Messages[0].StoredAt;
        Assert.That(
            await client.GetOffsetAsync(queue, stored, cancellation),
            Is.AnyOf([.. all.Messages.Where(message => message.StoredAt == stored).Select(message => (object)message.QueueOffset)]));
    }

    [Test]
    public async Task Closed_consumer_reports_that_it_is_closed(CancellationToken cancellation)
    {
        var queue = await NewQueueAsync(1, cancellation);
        var consumer = await Pull(NewName("group")).AssignQueues([queue]).StartAsync(cancellation);
        await TextsAsync(consumer, 1, cancellation);
        var waiting = consumer.ReceiveAsync(cancellation);
        await consumer.DisposeAsync();
        var closed = await Assert.ThrowsAsync<ClientClosedException>(() => waiting);
        Assert.That(closed!.Message, Does.Contain("has been closed"));
        await Assert.ThrowsAsync<ClientClosedException>(() => consumer.ReceiveAsync(cancellation));
    }

    /// <summary>Inflates as always, and has the caller give up while it does.</summary>
    private sealed class GivingUpCodec(CancellationTokenSource caller) : IBodyCodec
    {
        public BodyCompression Compression => BodyCompression.Zlib;

        public ReadOnlyMemory<byte> Compress(ReadOnlyMemory<byte> body) => throw new NotSupportedException();

        public ReadOnlyMemory<byte>? Inflate(ReadOnlyMemory<byte> compressed, int limitBytes)
        {
            caller.Cancel();
            using var inflating = new ZLibStream(new MemoryStream(compressed.ToArray()), CompressionMode.Decompress);
            var body = new MemoryStream();
            inflating.CopyTo(body);
            return body.ToArray();
        }
    }

    [Test]
    public async Task Message_that_arrives_during_a_cancellation_is_not_skipped(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        var body = new string('a', 20_000);
        await using var producer = await StartProducerAsync(cancellation);
        var receipt = await producer.SendAsync(Message.To(topic).Body(body), cancellation);
        using var caller = new CancellationTokenSource();
        await using var consumer = await Pull(NewName("group"))
            .AssignQueues([receipt.Queue])
            .Codec(new GivingUpCodec(caller))
            .StartAsync(cancellation);
        Assert.That(TextOf(await consumer.ReceiveAsync(caller.Token)), Is.EqualTo(body));
        Assert.That(caller.IsCancellationRequested);
        await Assert.ThrowsAsync<OperationCanceledException>(() => consumer.ReceiveAsync(caller.Token));
    }
}
