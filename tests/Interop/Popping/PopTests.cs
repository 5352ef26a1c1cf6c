using System.Collections.Concurrent;

namespace Interop;

/// <summary>Consumers that pop, against brokers of 5.0 and later.</summary>
public sealed class PopTests(string kind) : ServerTests(kind)
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [SetUp]
    public async Task NeedsPop() => await NeedBrokerAsync(5, 0, "Popping", CancellationToken.None);

    private SimpleConsumerBuilder Simple(string group, string topic, string tags = "*") =>
        Simple(group).Subscribe(topic, tags);

    private SimpleConsumerBuilder Simple(string group) =>
        AsTheClusterWants(SimpleConsumer.Create(group))
            .NameServers(NameServers)
            .ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .AwaitDuration(TimeSpan.FromSeconds(5));

    private PopConsumerBuilder Pop(string group, string topic, string tags = "*") => Pop(group).Subscribe(topic, tags);

    private PopConsumerBuilder Pop(string group) =>
        AsTheClusterWants(PopConsumer.Create(group))
            .NameServers(NameServers)
            .ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .EnablePopMode();

    /// <summary>Of a cluster a new topic is asked for several times: brokers answer a send before name servers know its topic.</summary>
    private async Task<TConsumer> WhenRoutedAsync<TConsumer>(Func<Task<TConsumer>> start)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await start();
            }
            catch (RouteNotFoundException) when (IsCluster && attempt < 100)
            {
            }
        }
    }

    private async Task<List<string>> SendAsync(string topic, int count, CancellationToken cancellation)
    {
        var ids = new List<string>();
        await using var producer = await StartProducerAsync(cancellation);

        for (var number = 0; number < count; number++)
        {
            ids.Add((await producer.SendAsync(Message.To(topic).Body($"{number}"), cancellation)).MessageId);
        }

        return ids;
    }

    private static async Task<List<LeasedMessage>> ReceiveAsync(
        SimpleConsumer consumer, int count, TimeSpan invisible, CancellationToken cancellation)
    {
        var received = new List<LeasedMessage>();

        while (received.Count < count)
        {
            received.AddRange(await consumer.ReceiveAsync(32, invisible, cancellation));
        }

        return received;
    }

    [Test]
    public async Task Simple_consumer_receives_and_acknowledges_each_message_once(CancellationToken cancellation)
    {
        const int Messages = 50;
        var (topic, group) = (NewName("topic"), NewName("group"));
        var sent = await SendAsync(topic, Messages, cancellation);
        await using var consumer = await WhenRoutedAsync(() => Simple(group, topic).StartAsync(cancellation));
        var received = await ReceiveAsync(consumer, Messages, Minute, cancellation);
        Assert.That(received.Select(leased => leased.Message.MessageId), Is.EquivalentTo(sent));
        Assert.That(received.Select(leased => leased.Message.Topic), Is.All.EqualTo(topic));
        Assert.That(received.Select(leased => leased.Message.ReconsumeTimes), Is.All.Zero);
        await consumer.AckAsync(received[0], cancellation);
        Assert.That(await consumer.AckAllAsync(received.Skip(1), cancellation), Is.Empty);
        PassTime(Minute + Minute);
        Assert.That(await consumer.ReceiveAsync(32, Minute, cancellation), Is.Empty);
    }

    [Test]
    public async Task Unacknowledged_message_is_redelivered_after_its_invisible_time(CancellationToken cancellation)
    {
        var (topic, group) = (NewName("topic"), NewName("group"));
        var sent = await SendAsync(topic, 3, cancellation);
        await using var consumer = await WhenRoutedAsync(() => Simple(group, topic).StartAsync(cancellation));
        var first = await ReceiveAsync(consumer, 3, TimeSpan.FromSeconds(20), cancellation);
        await consumer.AckAsync(first[0], cancellation);
        var sooner = await consumer.ChangeInvisibleDurationAsync(first[1], TimeSpan.FromSeconds(2), cancellation);
        Assert.That(sooner.Receipt, Is.Not.EqualTo(first[1].Receipt));
        var later = await consumer.ChangeInvisibleDurationAsync(first[2], TimeSpan.FromMinutes(10), cancellation);
        PassTime(TimeSpan.FromSeconds(2));

        // A cluster looks for expired messages every few seconds.
        var again = await ReceiveAsync(consumer, 1, Minute, cancellation);
        Assert.That(again.Select(leased => leased.Message.MessageId), Is.EqualTo(new[] { first[1].Message.MessageId }));
        Assert.That(again[0].Message.ReconsumeTimes, Is.EqualTo(1));
        Assert.That(again[0].Message.Topic, Is.EqualTo(topic));
        Assert.That(await consumer.AckAllAsync([again[0], later], cancellation), Is.Empty);
        PassTime(TimeSpan.FromMinutes(11));
        Assert.That(await consumer.ReceiveAsync(32, Minute, cancellation), Is.Empty);
    }

    [Test]
    public async Task Only_messages_with_the_tags_are_received(CancellationToken cancellation)
    {
        var (topic, group) = (NewName("topic"), NewName("group"));
        await using var producer = await StartProducerAsync(cancellation);

        foreach (var tag in new[] { "red", "blue", "green" })
        {
            await producer.SendAsync(Message.To(topic).Tag(tag).Body(tag), cancellation);
        }

        await using var consumer = await WhenRoutedAsync(
            () => Simple(group, topic, "red || green").StartAsync(cancellation));
        var received = await ReceiveAsync(consumer, 2, Minute, cancellation);
        Assert.That(received.Select(leased => TextOf(leased.Message)), Is.EquivalentTo(new[] { "red", "green" }));
        Assert.That(await consumer.AckAllAsync(received, cancellation), Is.Empty);
    }

    [Test]
    public async Task Sql92_expressions_filter_and_invalid_ones_are_refused(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);

        foreach (var price in new[] { 3, 30, 40 })
        {
            await producer.SendAsync(Message.To(topic).Property("price", $"{price}").Body($"{price}"), cancellation);
        }

        await using var consumer = await WhenRoutedAsync(
            () => Simple(NewName("group")).SubscribeSql92(topic, "price > 10").StartAsync(cancellation));
        var received = await ReceiveAsync(consumer, 2, Minute, cancellation);
        Assert.That(received.Select(leased => TextOf(leased.Message)), Is.EquivalentTo(new[] { "30", "40" }));
        Assert.That(await consumer.AckAllAsync(received, cancellation), Is.Empty);

        var handled = new ConcurrentBag<string>();
        await using var pop = await WhenRoutedAsync(() => Pop(NewName("group"))
            .SubscribeSql92(topic, "price BETWEEN 20 AND 35")
            .OnMessage((message, _) =>
            {
                handled.Add(TextOf(message));
                return Task.CompletedTask;
            })
            .StartAsync(cancellation));

        while (pop.Acknowledged == 0)
        {
            cancellation.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        Assert.That(handled, Is.EqualTo(new[] { "30" }));

        await Assert.ThrowsAsync<BrokerException>(() => WhenRoutedAsync(
            () => Simple(NewName("group")).SubscribeSql92(topic, "price >").StartAsync(cancellation)));
        await Assert.ThrowsAsync<BrokerException>(() => WhenRoutedAsync(
            () => Pop(NewName("group")).SubscribeSql92(topic, "price >")
                .OnMessage((_, _) => Task.CompletedTask).StartAsync(cancellation)));
        Assert.Throws<ArgumentException>(() => SimpleConsumer.Create("g").SubscribeSql92(topic, " "));
        Assert.Throws<ArgumentException>(() => PopConsumer.Create("g").SubscribeSql92("no topic", "a = 1"));
    }

    [Test]
    public async Task Two_consumers_share_the_messages_and_acknowledge_all(CancellationToken cancellation)
    {
        const int Messages = 200;
        var (topic, group) = (NewName("topic"), NewName("group"));
        var sent = await SendAsync(topic, Messages, cancellation);
        var handled = new ConcurrentBag<string>();
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        Task Handle(ReceivedMessage message, CancellationToken token)
        {
            handled.Add(message.MessageId);

            if (handled.Count == Messages)
            {
                all.TrySetResult();
            }

            return Task.CompletedTask;
        }

        var first = await WhenRoutedAsync(() => Pop(group, topic).OnMessage(Handle).StartAsync(cancellation));
        var second = await Pop(group, topic).OnMessage(Handle).StartAsync(cancellation);
        await all.Task.WaitAsync(cancellation);
        await first.DisposeAsync();
        await second.DisposeAsync();
        Assert.That(handled, Is.EquivalentTo(sent));
        Assert.That(first.Acknowledged + second.Acknowledged, Is.EqualTo(Messages));
        Assert.That(first.Lost + second.Lost, Is.Zero);
        PassTime(TimeSpan.FromMinutes(5));
        await using var rest = await Simple(group, topic).StartAsync(cancellation);
        Assert.That(await rest.ReceiveAsync(32, Minute, cancellation), Is.Empty);
    }

    [Test]
    public async Task Failed_message_is_redelivered(CancellationToken cancellation)
    {
        var (topic, group) = (NewName("topic"), NewName("group"));
        var sent = await SendAsync(topic, 1, cancellation);
        var seen = new ConcurrentQueue<(string Id, int Times)>();
        var failed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        await using var consumer = await WhenRoutedAsync(() => Pop(group, topic)
            .OnMessage((message, _) =>
            {
                seen.Enqueue((message.MessageId, message.ReconsumeTimes));

                if (seen.Count == 1)
                {
                    failed.SetResult();
                    return Task.FromResult(ConsumeResult.RetryAfter(TimeSpan.FromSeconds(2)));
                }

                done.TrySetResult();
                return Task.FromResult(ConsumeResult.Success);
            })
            .StartAsync(cancellation));
        await failed.Task.WaitAsync(cancellation);

        while (consumer.InFlight > 0)
        {
            await Task.Yield();
        }

        PassTime(TimeSpan.FromSeconds(2));
        await done.Task.WaitAsync(cancellation);
        Assert.That(seen, Is.EqualTo(new[] { (sent[0], 0), (sent[0], 1) }));
    }

    [Test]
    public async Task In_order_a_failed_message_is_not_overtaken(CancellationToken cancellation)
    {
        const int Messages = 20;
        var (topic, group) = (NewName("topic"), NewName("group"));
        await using var producer = await StartProducerAsync(cancellation);
        await producer.SendAsync(Message.To(topic).Body("makes the topic"), cancellation);
        var queue = (await producer.GetQueuesAsync(topic, cancellation))[^1];

        for (var number = 0; number < Messages; number++)
        {
            await producer.SendAsync(Message.To(topic).Tag("ordered").Body($"{number}"), queue, cancellation);
        }

        var seen = new ConcurrentQueue<string>();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        await using var consumer = await WhenRoutedAsync(() => Pop(group, topic, "ordered")
            .Orderly()
            .PopBatch(8)
            .OnMessage((message, _) =>
            {
                seen.Enqueue(TextOf(message));

                if (TextOf(message) == $"{Messages - 1}")
                {
                    done.TrySetResult();
                }

                return Task.FromResult(
                    TextOf(message) == "5" && message.ReconsumeTimes == 0 ? ConsumeResult.Retry : ConsumeResult.Success);
            })
            .StartAsync(cancellation));

        // More than the second that a failed message waits, and less than the minute after which those at work would come again.
        var passes = TimeSpan.FromSeconds(20);

        while (!done.Task.IsCompleted)
        {
            cancellation.ThrowIfCancellationRequested();

            if (passes > TimeSpan.Zero)
            {
                PassTime(TimeSpan.FromMilliseconds(10));
                passes -= TimeSpan.FromMilliseconds(10);
            }

            await Task.Yield();
        }

        var numbers = Enumerable.Range(0, Messages).Select(number => $"{number}").ToList();
        Assert.That(seen, Is.EqualTo(numbers[..6].Concat(numbers[5..])));
    }

    [Test]
    public async Task Pop_consumer_has_the_settings_and_the_health_of_push_consumers(CancellationToken cancellation)
    {
        const int Messages = 20;
        var (topic, group) = (NewName("topic"), NewName("group"));
        await SendAsync(topic, Messages, cancellation);
        await using var pop = await WhenRoutedAsync(() => Pop(group, topic)
            .ConsumeTimeout(Minute)
            .MaxDecompressedBodySize(1024 * 1024)
            .BinaryHeaders()
            .OnMessage((_, _) => Task.CompletedTask)
            .StartAsync(cancellation));
        await Wait.UntilAsync(() => pop.Health is { Acknowledged: Messages, InFlight: 0, Running: 0 }, cancellation);
        var health = pop.Health;
        Assert.That(health.IsHealthy, string.Join("; ", health.Problems));
        Assert.That(health.Consumed, Is.EqualTo(Messages));
        Assert.That(health.Queues, Is.Not.Empty);
        Assert.That(health.SinceSuccess, Is.Not.Null);
        Assert.That(new[] { health.Failed, health.OverdueHandlers, health.AbandonedHandlers, health.StuckHandlers }, Is.All.Zero);

        await using var simple = await Simple(NewName("group"), topic).MaxDecompressedBodySize(1024 * 1024).StartAsync(cancellation);
        var received = await ReceiveAsync(simple, 1, Minute, cancellation);
        await simple.AckAsync(received[0], cancellation);
        Assert.That(simple.Health.IsHealthy, string.Join("; ", simple.Health.Problems));
        Assert.That(simple.Health.Acknowledged, Is.EqualTo(1));
        Assert.That(simple.Health.InFlight, Is.EqualTo(received.Count - 1));
        Assert.That(simple.Health.Queues, Is.Not.Empty);
        Assert.That(simple.Health.LastFailure, Is.Null);
    }

    [Test]
    public void Invalid_settings_are_refused_by_name()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => PopConsumer.Create("g").ConsumeTimeout(TimeSpan.Zero));
        Assert.Throws<ArgumentException>(() => PopConsumer.Create("g").Namespace("no name"));
        Assert.Throws<ArgumentException>(() => SimpleConsumer.Create("g").AddressServer(" "));
        Assert.Throws<ArgumentNullException>(() => SimpleConsumer.Create("g").Codec(null!));
        Assert.Throws<ArgumentOutOfRangeException>(() => SimpleConsumer.Create("g").MaxDecompressedBodySize(0));
    }

    [Test]
    public async Task Pop_consumer_does_not_start_where_brokers_deliver_by_pull(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await SendAsync(topic, 1, cancellation);
        var builder = AsTheClusterWants(PopConsumer.Create(NewName("group")))
            .NameServers(NameServers)
            .Subscribe(topic)
            .OnMessage((_, _) => Task.CompletedTask);
        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => WhenRoutedAsync(() => builder.StartAsync(cancellation)));
        Assert.That(error!.Message, Does.Contain("by pull"));
    }

    [Test]
    public async Task Pop_consumer_without_a_handler_is_refused(CancellationToken cancellation)
    {
        var builder = Pop(NewName("group"), NewName("topic"));
        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => builder.StartAsync(cancellation));
        Assert.That(error!.Message, Does.Contain("OnMessage"));
    }
}
