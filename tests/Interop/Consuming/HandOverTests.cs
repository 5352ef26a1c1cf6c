using System.Collections.Concurrent;

namespace Interop;

/// <summary>What becomes of queues while their members change: no message is skipped, and none comes to a group again.</summary>
public sealed class HandOverTests(string kind) : ServerTests(kind)
{
    private const string First = "makes the topic";

    private PushConsumerBuilder Member(string group, string topic, ConcurrentQueue<string> seen, Func<Task>? work = null) =>
        AsTheClusterWants(PushConsumer.Create(group))
            .NameServers(NameServers)
            .Subscribe(topic)
            .ConsumeFromWhere(ConsumeFrom.LastOffset)
            .LongPollTimeout(TimeSpan.FromSeconds(1))
            .CommitInterval(TimeSpan.FromSeconds(1))
            .OnMessage(async (message, _) =>
            {
                if (work is not null)
                {
                    await work();
                }

                // A new group begins with what a new queue has in memory.
                if (TextOf(message) != First)
                {
                    seen.Enqueue(TextOf(message));
                }
            });

    private async Task<(string Topic, int Queues)> NewTopicAsync(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        await producer.SendAsync(Message.To(topic).Body(First), cancellation);
        return (topic, (await producer.GetQueuesAsync(topic, cancellation)).Count);
    }

    private async Task SendAsync(string topic, int first, int count, CancellationToken cancellation)
    {
        await using var producer = await StartProducerAsync(cancellation);

        foreach (var number in Enumerable.Range(first, count))
        {
            await producer.SendAsync(Message.To(topic).Body($"m{number}"), cancellation);
        }
    }

    private static string[] Numbered(int count) => [.. Enumerable.Range(0, count).Select(number => $"m{number}")];

    /// <summary>Brokers know where the group begins in each queue.</summary>
    private static Task HasBegunAsync(PushConsumer consumer, string topic, int queues, CancellationToken cancellation) =>
        Wait.UntilAsync(
            () => consumer.Health.Queues.Count(queue => queue.Queue.Topic == topic && queue.Committed is not null) == queues,
            cancellation);

    [Test]
    public async Task Idle_group_receives_messages_sent_while_it_was_away(CancellationToken cancellation)
    {
        var (topic, queues) = await NewTopicAsync(cancellation);
        var group = NewName("group");
        var seen = new ConcurrentQueue<string>();

        await using (var idle = await Member(group, topic, seen).StartAsync(cancellation))
        {
            await HasBegunAsync(idle, topic, queues, cancellation);
        }

        await SendAsync(topic, 0, 20, cancellation);
        await using var back = await Member(group, topic, seen).StartAsync(cancellation);
        await Wait.UntilAsync(() => seen.Count >= 20, cancellation);
        Assert.That(seen, Is.EquivalentTo(Numbered(20)));
    }

    [Test]
    public async Task Members_that_join_and_leave_skip_no_message_and_leave_no_lag(CancellationToken cancellation)
    {
        var (topic, queues) = await NewTopicAsync(cancellation);
        var group = NewName("group");
        var seen = new ConcurrentQueue<string>();
        var first = await Member(group, topic, seen, () => Task.Delay(5, cancellation)).StartAsync(cancellation);
        await HasBegunAsync(first, topic, queues, cancellation);
        var sending = SendAsync(topic, 0, 600, cancellation);
        await Wait.UntilAsync(() => seen.Count >= 100, cancellation);

        await using (var second = await Member(group, topic, seen).StartAsync(cancellation))
        {
            await Wait.UntilAsync(() => second.Health.Queues.Any(queue => queue.Queue.Topic == topic), cancellation);
            await Wait.UntilAsync(() => seen.Count >= 300, cancellation);
            await first.DisposeAsync();
            await sending;
            await Wait.UntilAsync(() => seen.Distinct().Count() == 600, cancellation);
        }

        // Whoever comes next finds nothing of it.
        var later = new ConcurrentQueue<string>();
        await using var third = await Member(group, topic, later).StartAsync(cancellation);
        await HasBegunAsync(third, topic, queues, cancellation);
        await SendAsync(topic, 600, 20, cancellation);
        await Wait.UntilAsync(() => later.Distinct().Count() >= 20, cancellation);
        Assert.That(later, Is.EquivalentTo(Numbered(620).Skip(600)));
        Assert.That(seen.Distinct(), Is.EquivalentTo(Numbered(600)));
    }
}
