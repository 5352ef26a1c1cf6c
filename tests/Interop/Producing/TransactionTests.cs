namespace Interop;

/// <summary>Messages that consumers see only if a transaction succeeds.</summary>
public sealed class TransactionTests(string kind) : ServerTests(kind)
{
    private TransactionProducerBuilder Build(string group) =>
        AsTheClusterWants(TransactionProducer.Create(group)).NameServers(NameServers);

    private static Func<Message, Task<TransactionDecision>> Decide(TransactionDecision decision) =>
        _ => Task.FromResult(decision);

    private static Func<ReceivedMessage, Task<TransactionDecision>> Unasked =>
        _ => throw new InvalidOperationException("Nobody should ask.");

    [Test]
    public async Task Committed_message_is_delivered_and_rolled_back_one_is_not(CancellationToken cancellation)
    {
        const int Messages = 16;
        var topic = NewName("topic");
        await using var producer = await Build(NewName("producers")).OnCheck(Unasked).StartAsync(cancellation);
        await producer.Producer.SendAsync(Message.To(topic).Tag("plain").Body("makes the topic"), cancellation);
        var committed = new List<string>();

        for (var number = 0; number < 2 * Messages; number++)
        {
            var decision = number % 2 == 0 ? TransactionDecision.Rollback : TransactionDecision.Commit;
            var message = Message.To(topic).Tag("transaction").Body($"{decision}");
            Message? ran = null;
            var receipt = await producer.SendAsync(
                message, sent => { ran = sent; return Task.FromResult(decision); }, cancellation);
            Assert.That(ran!.Topic, Is.EqualTo(topic));
            Assert.That(receipt.Decision, Is.EqualTo(decision));
            Assert.That(receipt.LocalFailure, Is.Null);

            if (decision == TransactionDecision.Commit)
            {
                committed.Add(receipt.Receipt.MessageId);
            }
        }

        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation, "transaction");
        var received = await ReceiveAsync(consumer, Messages, cancellation);
        Assert.That(received.Select(message => message.MessageId), Is.EquivalentTo(committed));
        Assert.That(received.Select(TextOf), Is.All.EqualTo("Commit"));
    }

    // Brokers of 4.9 look for undecided transactions once a minute.
    [Test]
    [CancelAfter(180_000)]
    public async Task Undecided_transaction_is_checked_and_decided(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        var asked = new List<string>();

        await using var producer = await Build(NewName("producers"))
            .OnCheck(half =>
            {
                lock (asked)
                {
                    asked.Add($"{half.Topic} {half.MessageId} {TextOf(half)}");
                }

                return Task.FromResult(TransactionDecision.Commit);
            })
            .StartAsync(cancellation);
        await producer.Producer.SendAsync(Message.To(topic).Tag("plain").Body("makes the topic"), cancellation);
        var failure = new InvalidOperationException("The database is away.");
        var undecided = await producer.SendAsync(
            Message.To(topic).Tag("transaction").Body("undecided"), Decide(TransactionDecision.Undecided), cancellation);
        var failed = await producer.SendAsync(Message.To(topic).Tag("transaction").Body("failed"), _ => throw failure, cancellation);
        Assert.That(failed.Decision, Is.EqualTo(TransactionDecision.Undecided));
        Assert.That(failed.LocalFailure, Is.SameAs(failure));

        PassTime(TimeSpan.FromSeconds(31));
        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation, "transaction");
        var received = await ReceiveAsync(consumer, 2, cancellation);
        Assert.That(received.Select(TextOf), Is.EquivalentTo(new[] { "undecided", "failed" }));
        Assert.That(asked, Is.SupersetOf(new[]
        {
            $"{topic} {undecided.Receipt.MessageId} undecided",
            $"{topic} {failed.Receipt.MessageId} failed",
        }));
    }

    [Test]
    [CancelAfter(180_000)]
    public async Task Another_instance_of_the_group_answers_checks_of_a_closed_one(CancellationToken cancellation)
    {
        var (topic, group) = (NewName("topic"), NewName("producers"));

        await using (var first = await Build(group).OnCheck(Unasked).StartAsync(cancellation))
        {
            await first.Producer.SendAsync(Message.To(topic).Tag("plain").Body("makes the topic"), cancellation);
            await first.SendAsync(
                Message.To(topic).Tag("transaction").Body("left"), Decide(TransactionDecision.Undecided), cancellation);
        }

        await using var second = await Build(group)
            .Topics(topic)
            .OnCheck(_ => Task.FromResult(TransactionDecision.Commit))
            .StartAsync(cancellation);
        PassTime(TimeSpan.FromSeconds(31));
        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation, "transaction");
        Assert.That(TextOf(await consumer.ReceiveAsync(cancellation)), Is.EqualTo("left"));
    }

    [Test]
    public async Task Delayed_message_is_refused_in_a_transaction_before_anything_is_sent(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        await using var producer = await Build(NewName("producers")).OnCheck(Unasked).StartAsync(cancellation);
        await producer.Producer.SendAsync(Message.To(topic).Tag("plain").Body("makes the topic"), cancellation);
        var message = Message.To(topic).Tag("transaction").Body("never sent");
        (Message Held, string Reason)[] all =
        [
            (message.DelayLevel(1), "a delay level"),
            (message.Delay(TimeSpan.FromSeconds(1)), "a delay"),
            (message.DeliverAt(DateTimeOffset.UtcNow.AddSeconds(1)), "a delivery time"),
        ];

        foreach (var (held, reason) in all)
        {
            var error = await Assert.ThrowsAsync<InvalidRequestException>(() => producer.SendAsync(
                held, _ => throw new InvalidOperationException("The local part ran."), cancellation));
            Assert.That(error!.Message, Does.Contain(reason).And.Contain("transaction"));
            Assert.That(error.MayHaveBeenExecuted, Is.False);
        }

        await producer.SendAsync(message.Body("committed"), Decide(TransactionDecision.Commit), cancellation);
        PassTime(TimeSpan.FromSeconds(31));
        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation, "transaction");
        Assert.That(TextOf(await consumer.ReceiveAsync(cancellation)), Is.EqualTo("committed"));
    }

    [Test]
    public async Task Transaction_producer_without_a_checker_is_refused(CancellationToken cancellation)
    {
        var error = await Assert.ThrowsAsync<InvalidRequestException>(() => Build(NewName("producers")).StartAsync(cancellation));
        Assert.That(error!.Message, Does.Contain("OnCheck"));
    }
}
