using RocketMq.Embedded;

namespace Interop;

/// <summary>Topics that are there and take no message, and those whose queues an operator has fixed.</summary>
[CancelAfter(60_000)]
public sealed class UnusableTopicTests
{
    private EmbeddedCluster _cluster = null!;

    [OneTimeSetUp]
    public async Task StartCluster() =>
        _cluster = await EmbeddedCluster.StartAsync(new EmbeddedClusterOptions { Masters = 2, Slaves = 1 });

    [OneTimeTearDown]
    public Task StopCluster() => _cluster.StopAsync();

    private async Task MakeAsync(string topic, int broker, int writeQueues, int permission, CancellationToken cancellation)
    {
        await using var remoting = await RemotingClient.Connect(_cluster.Brokers[broker].Address).StartAsync(cancellation);
        var command = Requests.CreateTopic(topic, readQueues: 4, writeQueues: writeQueues).With("perm", $"{permission}");
        Assert.That((await remoting.InvokeAsync(command, cancellation)).IsSuccess);
    }

    private Task<Producer> StartProducerAsync(CancellationToken cancellation) =>
        Producer.Create("it-producers").NameServers(_cluster.NameServers).StartAsync(cancellation);

    [TestCase(0, 4, "broker-a gives it permission 0, neither read nor write; broker-b gives it permission 0, neither read nor write")]
    [TestCase(4, 4, "broker-a gives it permission 4, read only; broker-b gives it permission 4, read only")]
    [TestCase(6, 0, "broker-a has no write queues for it; broker-b has no write queues for it")]
    public async Task Unusable_topic_error_has_a_reason_for_each_broker(
        int permission, int writeQueues, string why, CancellationToken cancellation)
    {
        var topic = $"it-{permission}-{writeQueues}";

        foreach (var broker in new[] { 0, 1 })
        {
            await MakeAsync(topic, broker, writeQueues, permission, cancellation);
        }

        await using var producer = await StartProducerAsync(cancellation);

        foreach (var send in new Func<Task>[]
        {
            () => producer.SendAsync(Message.To(topic).Body("x"), cancellation),
            () => producer.SendAsync(Message.To(topic).Body("x"), QueueSelector.ByKey("k"), cancellation),
            () => producer.SendOneWayAsync(Message.To(topic).Body("x"), cancellation),
        })
        {
            var error = await Assert.ThrowsAsync<RouteNotFoundException>(() => send());
            Assert.That(error!.Topic, Is.EqualTo(topic));
            Assert.That(error.Message, Does.Contain($"The topic {topic} is there, but nothing can be sent to it: {why}.")
                .And.Not.Contain("Create the topic"));
            Assert.That((error.IsTransient, error.MayHaveBeenExecuted), Is.EqualTo((true, false)));
        }
    }

    [Test]
    public async Task Broker_without_a_master_is_named(CancellationToken cancellation)
    {
        await using var cluster = await EmbeddedCluster.StartAsync(new EmbeddedClusterOptions { Masters = 1, Slaves = 1 }, cancellation);
        await cluster.CreateTopicAsync("T", cancellationToken: cancellation);
        await cluster.Brokers[0].StopAsync();
        await using var producer = await Producer.Create("it-producers").NameServers(cluster.NameServers).StartAsync(cancellation);
        var error = await Assert.ThrowsAsync<RouteNotFoundException>(() => producer.SendAsync(Message.To("T").Body("x"), cancellation));
        Assert.That(error!.Message, Does.Contain("nothing can be sent to it: broker-a has no master."));

        var queue = new MessageQueue("T", "broker-a", 0);
        error = await Assert.ThrowsAsync<RouteNotFoundException>(() => producer.SendAsync(Message.To("T").Body("x"), queue, cancellation));
        Assert.That(error!.Message, Does.Contain("The topic T is there, but broker-a has no master."));
    }

    [Test]
    public async Task Producers_see_the_queues_of_an_ordered_topics_configuration(CancellationToken cancellation)
    {
        const string Topic = "it-ordered";

        foreach (var broker in new[] { 0, 1 })
        {
            await MakeAsync(Topic, broker, writeQueues: 4, permission: 6, cancellation);
        }

        await using var names = NameServerClient.Connect(_cluster.NameServers);
        await names.PutValueAsync("ORDER_TOPIC_CONFIG", Topic, "broker-b:2;away:1;broker-a:1", cancellation);
        await using var producer = await StartProducerAsync(cancellation);
        var queues = await producer.GetQueuesAsync(Topic, cancellation);
        Assert.That(
            queues.Select(queue => $"{queue.BrokerName}-{queue.QueueId}"),
            Is.EqualTo(new[] { "broker-b-0", "broker-b-1", "away-0", "broker-a-0" }));

        // Each in turn, and past the broker that is not there.
        var used = new List<string>();

        for (var number = 0; number < 12; number++)
        {
            var queue = (await producer.SendAsync(Message.To(Topic).Body("x"), cancellation)).Queue;
            used.Add($"{queue.BrokerName}-{queue.QueueId}");
        }

        Assert.That(used.Distinct(), Is.EquivalentTo(new[] { "broker-b-0", "broker-b-1", "broker-a-0" }));

        // A key stays with its queue, though nobody takes the message there now.
        var error = await Assert.ThrowsAsync<RouteNotFoundException>(
            () => producer.SendAsync(Message.To(Topic).Body("x"), QueueSelector.Custom((_, _) => 2), cancellation));
        Assert.That(error!.Message, Does.Contain("away is known to no name server"));

        await names.PutValueAsync("ORDER_TOPIC_CONFIG", Topic, "broker-b=2", cancellation);
        await using var other = await StartProducerAsync(cancellation);
        error = await Assert.ThrowsAsync<RouteNotFoundException>(() => other.SendAsync(Message.To(Topic).Body("x"), cancellation));
        Assert.That(error!.Message, Does.Contain("its orderTopicConf has 'broker-b=2', which is not broker:queues"));
    }
}
