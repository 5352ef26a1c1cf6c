using System.Collections.Concurrent;

namespace Interop;

/// <summary>Push consumers, against the embedded broker and a real cluster.</summary>
public sealed class PushConsumerTests(string kind) : ServerTests(kind)
{
    private static readonly TimeSpan FirstLevel = TimeSpan.FromSeconds(1);

    private PushConsumerBuilder Push(string group, string topic, string tags = "*") =>
        AsTheClusterWants(PushConsumer.Create(group))
            .NameServers(NameServers)
            .Subscribe(topic, tags)
            .ConsumeFromWhere(ConsumeFrom.FirstOffset);

    private async Task<string> NewTopicAsync(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        await producer.SendAsync(Message.To(topic).Body("makes the topic"), cancellation);
        return topic;
    }

    private async Task SendAsync(string topic, IEnumerable<string> bodies, CancellationToken cancellation)
    {
        await using var producer = await StartProducerAsync(cancellation);

        foreach (var body in bodies)
        {
            await producer.SendAsync(Message.To(topic).Tag(body[..1]).Body(body), cancellation);
        }
    }

    private static string[] Numbered(int count) => [.. Enumerable.Range(0, count).Select(number => $"m{number}")];

    [Test]
    public async Task Members_share_the_messages_and_receive_each_once(CancellationToken cancellation)
    {
        var (topic, group) = (await NewTopicAsync(cancellation), NewName("group"));
        var (one, two) = (new ConcurrentQueue<string>(), new ConcurrentQueue<string>());

        PushConsumerBuilder Member(ConcurrentQueue<string> seen) => Push(group, topic, "m").OnMessage((message, _) =>
        {
            seen.Enqueue(TextOf(message));
            return Task.CompletedTask;
        });

        await using var first = await Member(one).StartAsync(cancellation);
        await using var second = await Member(two).StartAsync(cancellation);
        await using var producer = await StartProducerAsync(cancellation);
        var queues = (await producer.GetQueuesAsync(topic, cancellation)).Count;

        // While a queue changes hands both may have it, and its messages twice.
        await Wait.UntilAsync(
            () => QueuesOf(first, topic) is > 0 and var ofFirst && QueuesOf(second, topic) is > 0 and var ofSecond && ofFirst + ofSecond == queues,
            cancellation);
        await SendAsync(topic, Numbered(100), cancellation);
        await Wait.UntilAsync(() => one.Count + two.Count >= 100, cancellation);
        Assert.That(one.Concat(two), Is.EquivalentTo(Numbered(100)));
        Assert.That(one, Is.Not.Empty);
        Assert.That(two, Is.Not.Empty);
    }

    private static int QueuesOf(PushConsumer consumer, string topic) =>
        consumer.Health.Queues.Count(queue => queue.Queue.Topic == topic);

    [Test]
    public async Task Failed_message_is_redelivered_with_reconsume_count_and_dead_letter_is_not(CancellationToken cancellation)
    {
        var (topic, group) = (await NewTopicAsync(cancellation), NewName("group"));
        var seen = new ConcurrentQueue<(string Text, int Times, string Topic)>();
        await using var consumer = await Push(group, topic, "m || d")
            .OnMessage((message, _) =>
            {
                seen.Enqueue((TextOf(message), message.ReconsumeTimes, message.Topic));
                return new(TextOf(message) switch
                {
                    "dead" => ConsumeResult.DeadLetter,
                    _ when message.ReconsumeTimes < 2 => ConsumeResult.RetryAtLevel(1),
                    _ => ConsumeResult.Success,
                });
            })
            .StartAsync(cancellation);
        await SendAsync(topic, ["m0", "dead"], cancellation);

        for (var times = 1; times <= 2; times++)
        {
            await Wait.UntilAsync(() => consumer.Health.SentBack > times && QueuesOf(consumer, $"%RETRY%{group}") > 0, cancellation);
            PassTime(FirstLevel + FirstLevel);
        }

        await Wait.UntilAsync(() => consumer.Health.Consumed == 1, cancellation);
        Assert.That(seen.Where(one => one.Text == "m0").Select(one => one.Times), Is.EqualTo(new[] { 0, 1, 2 }));
        Assert.That(seen.Count(one => one.Text == "dead"), Is.EqualTo(1));
        Assert.That(seen.Select(one => one.Topic), Is.All.EqualTo(topic));
    }

    [Test]
    public async Task In_order_a_failed_message_blocks_its_queue(CancellationToken cancellation)
    {
        var (topic, group) = (await NewTopicAsync(cancellation), NewName("group"));
        var handled = new ConcurrentQueue<string>();
        var failures = 0;

        await using (var producer = await StartProducerAsync(cancellation))
        {
            var queue = (await producer.GetQueuesAsync(topic, cancellation))[0];

            foreach (var body in Numbered(20))
            {
                await producer.SendAsync(Message.To(topic).Tag("m").Body(body), queue, cancellation);
            }
        }

        await using var consumer = await Push(group, topic, "m")
            .Orderly().SuspendCurrentQueueTime(TimeSpan.FromMilliseconds(100))
            .OnMessage((message, _) =>
            {
                if (TextOf(message) == "m7" && ++failures <= 2)
                {
                    throw new InvalidOperationException("not yet");
                }

                handled.Enqueue(TextOf(message));
                return Task.CompletedTask;
            })
            .StartAsync(cancellation);
        await Wait.UntilAsync(() => handled.Count >= 20, cancellation);
        Assert.That(handled, Is.EqualTo(Numbered(20)));
        Assert.That(failures, Is.EqualTo(3));
    }

    [Test]
    public async Task New_instance_resumes_from_committed_offset(CancellationToken cancellation)
    {
        var (topic, group) = (await NewTopicAsync(cancellation), NewName("group"));
        var seen = new ConcurrentQueue<string>();

        Task<PushConsumer> StartAsync() => Push(group, topic, "m").OnMessages((messages, _) =>
        {
            foreach (var message in messages)
            {
                seen.Enqueue(TextOf(message));
            }

            return new(ConsumeResult.Success);
        }).StartAsync(cancellation);

        await using (await StartAsync())
        {
            await SendAsync(topic, Numbered(50), cancellation);
            await Wait.UntilAsync(() => seen.Count >= 50, cancellation);
        }

        await SendAsync(topic, ["more"], cancellation);

        await using (await StartAsync())
        {
            await Wait.UntilAsync(() => seen.Count >= 51, cancellation);
        }

        Assert.That(seen, Is.EquivalentTo(Numbered(50).Append("more")));
    }

    [Test]
    public async Task Broadcasting_delivers_all_messages_to_each_member(CancellationToken cancellation)
    {
        var (topic, group) = (await NewTopicAsync(cancellation), NewName("group"));
        var directory = Directory.CreateTempSubdirectory("rocketmq-broadcast").FullName;
        var (one, two) = (new ConcurrentQueue<string>(), new ConcurrentQueue<string>());

        Task<PushConsumer> StartAsync(string name, ConcurrentQueue<string> seen) => Push(group, topic, "m")
            .Broadcasting().InstanceName(name).OffsetDirectory(directory)
            .OnMessage((message, _) =>
            {
                seen.Enqueue(TextOf(message));
                return Task.CompletedTask;
            })
            .StartAsync(cancellation);

        await using (await StartAsync("one", one))
        await using (await StartAsync("two", two))
        {
            await SendAsync(topic, Numbered(20), cancellation);
            await Wait.UntilAsync(() => one.Count >= 20 && two.Count >= 20, cancellation);
        }

        Assert.That(one, Is.EquivalentTo(Numbered(20)));
        Assert.That(two, Is.EquivalentTo(Numbered(20)));
        Directory.Delete(directory, recursive: true);
    }

    [Test]
    public async Task Each_call_leaves_readable_traces(CancellationToken cancellation)
    {
        var (topic, group, traces) = (await NewTopicAsync(cancellation), NewName("group"), NewName("traces"));
        var consumer = await Push(group, topic, "m")
            .Trace(traces)
            .OnMessage((_, _) => new ValueTask<ConsumeResult>(ConsumeResult.Success))
            .StartAsync(cancellation);
        await using var producer = await StartProducerAsync(cancellation);
        var receipt = await producer.SendAsync(Message.To(topic).Tag("m").Keys("k-1").Body("traced"), cancellation);
        await Wait.UntilAsync(() => consumer.Health.Consumed == 1, cancellation);
        await consumer.DisposeAsync();
        Assert.That(consumer.Health.DroppedTraces, Is.Zero);
        await using var reader = await StartConsumerAsync(NewName("group"), traces, cancellation);
        var records = new List<RocketMq.Protocol.TraceRecord>();

        while (records.Count < 2)
        {
            var trace = await reader.ReceiveAsync(cancellation);
            Assert.That(trace.Keys, Is.EquivalentTo(new[] { receipt.MessageId, "k-1" }));
            records.AddRange(RocketMq.Protocol.TraceRecords.decode(trace.Body).Select(record => record.ResultValue));
        }

        var before = records.OfType<RocketMq.Protocol.TraceRecord.ConsumeStartTraced>().Single().Item;
        var after = records.OfType<RocketMq.Protocol.TraceRecord.ConsumeEndTraced>().Single().Item;
        Assert.That((before.Group, before.MessageId, before.RetryTimes), Is.EqualTo((group, receipt.MessageId, 0)));
        Assert.That((after.RequestId, after.MessageId, after.IsSuccess), Is.EqualTo((before.RequestId, receipt.MessageId, true)));
        Assert.That(after.Return.IsConsumeSuccess, Is.True);
    }

    [Test]
    public void Invalid_settings_are_refused_by_the_builder()
    {
        var builder = AsTheClusterWants(PushConsumer.Create("g"));
        Assert.Throws<ArgumentException>(() => builder.Trace("no topic"));
        Assert.Throws<ArgumentException>(() => PopConsumer.Create("g").Trace("no topic"));
        Assert.Throws<ArgumentOutOfRangeException>(() => builder.TopicFlowControl(messages: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => builder.TopicFlowControl(bytes: 0));
        Assert.DoesNotThrow(() => builder.TopicFlowControl(messages: 1, bytes: 1).TopicFlowControl());
    }
}
