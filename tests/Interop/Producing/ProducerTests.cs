using System.Globalization;

namespace Interop;

/// <summary>The ways to send.</summary>
public sealed class ProducerTests(string kind) : ServerTests(kind)
{
    private ProducerBuilder Build() => AsTheClusterWants(Producer.Create(NewName("producers"))).NameServers(NameServers);

    private static string[] Texts(int count) => [.. Enumerable.Range(0, count).Select(number => $"{number}")];

    [Test]
    public async Task A_message_goes_to_the_queue_that_is_named(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        await producer.SendAsync(Message.To(topic).Body("makes the topic"), cancellation);
        var queues = await producer.GetQueuesAsync(topic, cancellation);
        Assert.That(queues, Has.Count.GreaterThan(1));
        Assert.That(queues.Select(queue => queue.Topic), Is.All.EqualTo(topic));

        foreach (var queue in queues)
        {
            var receipt = await producer.SendAsync(Message.To(topic).Body("there"), queue, cancellation);
            Assert.That(receipt.Queue, Is.EqualTo(queue));
        }

        var error = await Assert.ThrowsAsync<InvalidRequestException>(
            () => producer.SendAsync(Message.To(NewName("other")).Body("there"), queues[0], cancellation));
        Assert.That(error!.Message, Does.Contain(topic));
    }

    [Test]
    public async Task Messages_of_one_key_share_a_queue_and_keep_their_order(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        await producer.SendAsync(Message.To(topic).Tag("other").Body("makes the topic"), cancellation);
        var byKey = new Dictionary<string, HashSet<MessageQueue>>();

        foreach (var text in Texts(40))
        {
            var key = $"order-{int.Parse(text, CultureInfo.InvariantCulture) % 8}";
            var message = Message.To(topic).Tag("ordered").ShardingKey(key).Property("order", key).Body(text);
            var selector = int.Parse(text, CultureInfo.InvariantCulture) < 20 ? QueueSelector.ByKey(key) : QueueSelector.ByShardingKey;
            var receipt = await producer.SendAsync(message, selector, cancellation);
            byKey.TryAdd(key, []);
            byKey[key].Add(receipt.Queue);
        }

        Assert.That(byKey.Values.Select(queues => queues.Count), Is.All.EqualTo(1));
        Assert.That(byKey.Values.SelectMany(queues => queues).Distinct().Count(), Is.GreaterThan(1), "queues used");
        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation, "ordered");
        var received = await ReceiveAsync(consumer, 40, cancellation);

        foreach (var order in received.GroupBy(message => message.Property("order")))
        {
            Assert.That(order.Select(message => int.Parse(TextOf(message), CultureInfo.InvariantCulture)), Is.Ordered.Ascending);
        }
    }

    [Test]
    public async Task Custom_selector_sees_the_message_as_it_was_created(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        var body = new string('x', 10_000);
        await using var producer = await Build().Namespace("ns").StartAsync(cancellation);
        await producer.SendAsync(Message.To(topic).Body("makes the topic"), cancellation);
        Message? seen = null;
        IReadOnlyList<MessageQueue> among = [];

        var last = QueueSelector.Custom((queues, message) =>
        {
            (seen, among) = (message, queues);
            return queues.Count - 1;
        });

        var receipt = await producer.SendAsync(Message.To(topic).Body(body), last, cancellation);
        Assert.That(seen!.ToString(), Does.Contain($"message to {topic}, body 10000 bytes"));
        Assert.That(among, Is.EqualTo(await producer.GetQueuesAsync(topic, cancellation)));
        Assert.That(receipt.Queue, Is.EqualTo(among[^1]));
        Assert.That((await producer.SendAsync(Message.To(topic).Body("any"), QueueSelector.Random, cancellation)).Attempts, Is.EqualTo(1));

        foreach (var wrong in new[] { QueueSelector.Custom((queues, _) => queues.Count), QueueSelector.ByShardingKey })
        {
            await Assert.ThrowsAsync<InvalidRequestException>(
                () => producer.SendAsync(Message.To(topic).Body("nowhere"), wrong, cancellation));
        }
    }

    [Test]
    public async Task A_batch_arrives_whole_with_a_receipt_for_each_message(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        var first = await producer.SendBatchAsync(Texts(20).Select(text => Message.To(topic).Keys(text).Body(text)), cancellation);
        var second = await producer.SendBatchAsync(
            Texts(5).Select(text => Message.To(topic).Keys(text).Body(text)), first[0].Queue, cancellation);
        Assert.That(first, Has.Count.EqualTo(20));
        Assert.That(second.Select(receipt => receipt.Queue), Is.All.EqualTo(first[0].Queue));

        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation);
        var received = (await ReceiveAsync(consumer, 25, cancellation)).ToDictionary(message => message.MessageId);
        var sent = first.Zip(Texts(20)).Concat(second.Zip(Texts(5)));

        foreach (var (receipt, text) in sent)
        {
            var message = received[receipt.MessageId];
            Assert.That(TextOf(message), Is.EqualTo(text));
            Assert.That(message.Keys, Is.EqualTo(new[] { text }));
            Assert.That(message.Queue, Is.EqualTo(receipt.Queue));
            Assert.That(message.QueueOffset, Is.EqualTo(receipt.QueueOffset));
            Assert.That(message.OffsetId, Is.EqualTo(receipt.OffsetId));
        }
    }

    [Test]
    public async Task A_batch_of_1990_messages_is_stored_once_and_harms_no_other_send(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await Build().SendTimeout(TimeSpan.FromMinutes(1)).StartAsync(cancellation);
        await producer.SendAsync(Message.To(topic).Tag("other").Body("makes the topic"), cancellation);
        var batch = producer.SendBatchAsync(Texts(1990).Select(text => Message.To(topic).Tag("batch").Body(text)), cancellation);
        var others = Texts(200).Select(text => producer.SendAsync(Message.To(topic).Tag("single").Body(text), cancellation));
        var receipts = (await Task.WhenAll(others)).Concat(await batch).ToDictionary(receipt => receipt.MessageId);
        Assert.That(receipts, Has.Count.EqualTo(2190));

        // A broker refuses what has waited 200 ms in its queue of sends; on a machine with other work that befalls any send.
        if (!IsCluster)
        {
            Assert.That(receipts.Values.Select(receipt => receipt.Attempts), Is.All.EqualTo(1));
        }

        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation, "batch || single || last");
        var received = await ReceiveAsync(consumer, 2190, cancellation);

        foreach (var message in received)
        {
            Assert.That(message.OffsetId, Is.EqualTo(receipts[message.MessageId].OffsetId));
        }

        var last = await producer.SendAsync(Message.To(topic).Tag("last").Body("last"), received[0].Queue, cancellation);
        Assert.That((await ReceiveAsync(consumer, 1, cancellation))[0].MessageId, Is.EqualTo(last.MessageId));
    }

    [Test]
    public async Task Only_the_message_of_an_automatic_batch_that_cannot_be_encoded_fails(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await Build().Batching(messages: 10, wait: TimeSpan.FromSeconds(1), sendWhenIdle: false).StartAsync(cancellation);
        await producer.SendAsync(Message.To(topic).Tag("other").Body("makes the topic"), cancellation);
        var sends = Texts(10).Select((text, index) => producer.SendAsync(
            Message.To(topic).Tag("gathered").Property("note", new string('x', index == 5 ? 32_700 : 10)).Body(text), cancellation)).ToList();
        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => sends[5]);
        Assert.That(error!.MayHaveBeenExecuted, Is.False);
        sends.RemoveAt(5);
        var receipts = await Task.WhenAll(sends);
        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation, "gathered");
        var received = await ReceiveAsync(consumer, 9, cancellation);
        Assert.That(received.Select(message => message.MessageId), Is.EquivalentTo(receipts.Select(receipt => receipt.MessageId)));
    }

    [Test]
    public async Task Batch_that_brokers_would_refuse_is_refused(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        var message = Message.To(topic).Body("one");

        foreach (var batch in new Message[][] { [], [message, Message.To(NewName("other")).Body("two")], [message.DelayLevel(1)] })
        {
            var error = await Assert.ThrowsAsync<InvalidRequestException>(() => producer.SendBatchAsync(batch, cancellation));
            Assert.That(error!.MayHaveBeenExecuted, Is.False);
        }
    }

    [Test]
    public async Task Automatically_batched_messages_arrive_with_their_own_receipts(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await Build().Batching(messages: 10, wait: TimeSpan.FromMilliseconds(20), sendWhenIdle: false).StartAsync(cancellation);
        await producer.SendAsync(Message.To(topic).Tag("other").Body("makes the topic"), cancellation);
        var receipts = await Task.WhenAll(
            Texts(100).Select(text => producer.SendAsync(Message.To(topic).Tag("gathered").Body(text), cancellation)));

        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation, "gathered");
        var received = (await ReceiveAsync(consumer, 100, cancellation)).ToDictionary(message => message.MessageId);

        foreach (var (receipt, text) in receipts.Zip(Texts(100)))
        {
            Assert.That(TextOf(received[receipt.MessageId]), Is.EqualTo(text));
            Assert.That(received[receipt.MessageId].QueueOffset, Is.EqualTo(receipt.QueueOffset));
            Assert.That(received[receipt.MessageId].Queue, Is.EqualTo(receipt.Queue));
        }
    }

    [Test]
    public async Task Messages_to_one_chosen_queue_are_gathered_into_its_batch(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var first = await StartProducerAsync(cancellation);
        var queue = (await first.SendAsync(Message.To(topic).Body("makes the topic"), cancellation)).Queue;
        await using var producer = await Build().Batching(messages: 5, wait: TimeSpan.FromSeconds(20), sendWhenIdle: false).StartAsync(cancellation);
        var sends = Texts(6).Select(text => producer.SendAsync(Message.To(topic).Body(text), queue, cancellation)).ToList();

        var receipts = await Task.WhenAll(sends.Take(5));
        Assert.That(sends[5].IsCompleted, Is.False, "one is not enough for a batch");
        await producer.DisposeAsync();
        Assert.That(receipts.Append(await sends[5]).Select(receipt => receipt.Queue), Is.All.EqualTo(queue));
        Assert.That(receipts.Select(receipt => receipt.QueueOffset), Is.EqualTo(Enumerable.Range(1, 5)));
    }

    [Test]
    public async Task Messages_one_way_arrive(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        var receipt = await producer.SendAsync(Message.To(topic).Body("makes the topic"), cancellation);
        await producer.SendOneWayAsync(Message.To(topic).Body("any"), cancellation);
        await producer.SendOneWayAsync(Message.To(topic).Body("queue"), receipt.Queue, cancellation);
        await producer.SendOneWayAsync(Message.To(topic).Body("key"), QueueSelector.ByKey("k"), cancellation);

        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation);
        var received = await ReceiveAsync(consumer, 4, cancellation);
        Assert.That(received.Select(TextOf), Is.EquivalentTo(new[] { "makes the topic", "any", "queue", "key" }));
        Assert.That(received.Single(message => TextOf(message) == "queue").Queue, Is.EqualTo(receipt.Queue));
    }

    [Test]
    public async Task Flag_and_sharding_key_are_delivered_with_the_message(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await StartProducerAsync(cancellation);
        await producer.SendAsync(Message.To(topic).Flag(42).ShardingKey("o-1").WaitForStore(false).Body("flagged"), cancellation);
        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation);
        var message = await consumer.ReceiveAsync(cancellation);
        Assert.That(message.Flag, Is.EqualTo(42));
        Assert.That(message.Property("__SHARDINGKEY"), Is.EqualTo("o-1"));

        // Brokers of 4.9 keep this to themselves.
        if (!IsCluster)
        {
        }
    }

    [Test]
    public async Task Closing_a_producer_waits_for_what_it_sends(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        var producer = await Build().Batching(wait: TimeSpan.FromSeconds(20), sendWhenIdle: false).StartAsync(cancellation);
        var sends = Texts(50).Select(text => producer.SendAsync(Message.To(topic).Body(text), cancellation)).ToArray();
        await producer.DisposeAsync();
        Assert.That((await Task.WhenAll(sends)).Select(receipt => receipt.MessageId), Is.Unique);
        await Assert.ThrowsAsync<ClientClosedException>(() => producer.SendAsync(Message.To(topic).Body("late"), cancellation));
    }

    [Test]
    public async Task Waiting_batch_is_sent_at_once_when_the_producer_closes(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        var go = new TaskCompletionSource();
        var producer = await Build()
            .DrainTimeout(TimeSpan.FromSeconds(20))
            .Batching(wait: TimeSpan.FromSeconds(30), sendWhenIdle: false)
            .AddInterceptor(async (message, send) =>
            {
                await (message.ToString().Contains("held", StringComparison.Ordinal) ? go.Task : Task.CompletedTask);
                return await send(message);
            })
            .StartAsync(cancellation);

        var held = producer.SendAsync(Message.To(topic).Tag("held").Body("comes late"), cancellation);
        var waiting = producer.SendAsync(Message.To(topic).Body("waits for others"), cancellation);
        var closing = producer.DisposeAsync();
        Assert.That((await waiting).Status, Is.EqualTo(SendStatus.Ok));
        go.SetResult();
        Assert.That((await held).Status, Is.EqualTo(SendStatus.Ok));
        await closing;
    }

    [Test]
    public async Task Namespace_precedes_topics_on_the_wire_only(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await Build().Namespace("tenant-1").StartAsync(cancellation);
        var receipt = await producer.SendAsync(Message.To(topic).Body("apart"), cancellation);
        Assert.That(receipt.Queue.Topic, Is.EqualTo(topic));
        Assert.That((await producer.SendAsync(Message.To(topic).Body("again"), receipt.Queue, cancellation)).Queue, Is.EqualTo(receipt.Queue));

        await using var consumer = await StartConsumerAsync(NewName("group"), $"tenant-1%{topic}", cancellation);
        var received = await ReceiveAsync(consumer, 2, cancellation);
        Assert.That(received.Select(TextOf), Is.EquivalentTo(new[] { "apart", "again" }));
    }

    [Test]
    public async Task A_new_topic_gets_the_queues_of_its_template(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await Build().AutoCreateTopic("TBW102", queues: 2).StartAsync(cancellation);
        var queues = await producer.GetQueuesAsync(topic, cancellation);
        Assert.That(queues.Select(queue => queue.QueueId).Distinct(), Is.EquivalentTo(new[] { 0, 1 }));
        await producer.SendAsync(Message.To(topic).Body("makes the topic"), cancellation);

        // Whoever asks for more queues learns how many there are.
        await using var other = await StartProducerAsync(cancellation);
        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation);
        await consumer.ReceiveAsync(cancellation);
        queues = await other.GetQueuesAsync(topic, cancellation);
        Assert.That(queues.Select(queue => queue.QueueId).Distinct(), Is.EquivalentTo(new[] { 0, 1 }));
    }

    [Test]
    public async Task Closed_producer_reports_that_it_is_closed(CancellationToken cancellation)
    {
        var producer = await StartProducerAsync(cancellation);
        await producer.DisposeAsync();
        var error = await Assert.ThrowsAsync<ClientClosedException>(
            async () => await producer.SendAsync(Message.To(NewName("topic")).Body("late"), cancellation));
        Assert.That(error!.IsTransient, Is.False);
        Assert.That(error.MayHaveBeenExecuted, Is.False);
    }

    [Test]
    public async Task Each_send_leaves_a_readable_trace(CancellationToken cancellation)
    {
        var (topic, traces, group) = (NewName("topic"), NewName("traces"), NewName("producers"));
        SendReceipt receipt;

        await using (var producer = await AsTheClusterWants(Producer.Create(group))
            .NameServers(NameServers).Trace(traces).StartAsync(cancellation))
        {
            receipt = await producer.SendAsync(Message.To(topic).Tag("t").Keys("k-1", "k-2").Body("traced"), cancellation);
        }

        await using var consumer = await StartConsumerAsync(NewName("group"), traces, cancellation);
        var trace = await consumer.ReceiveAsync(cancellation);
        Assert.That(trace.Keys, Is.EquivalentTo(new[] { receipt.MessageId, "k-1", "k-2" }));
        var record = RocketMq.Protocol.TraceRecords.decode(trace.Body).Single();
        Assert.That(record.IsOk, Is.True);
        var sent = ((RocketMq.Protocol.TraceRecord.SendTraced)record.ResultValue).Item;

        Assert.Multiple(() =>
        {
            Assert.That(sent.Group, Is.EqualTo(group));
            Assert.That(sent.Topic, Is.EqualTo(topic));
            Assert.That(sent.MessageId, Is.EqualTo(receipt.MessageId));
            Assert.That(sent.OffsetMessageId?.Value, Is.EqualTo(receipt.OffsetId));
            Assert.That(sent.Tags?.Value, Is.EqualTo("t"));
            Assert.That(sent.IsSuccess, Is.True);
        });
    }
}
