using RocketMq.Embedded;

namespace RocketMq.Interop;

/// <summary>Topics that are there and take no message.</summary>
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
    public async Task What_cannot_be_sent_to_says_why_by_broker(
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
    public async Task Without_a_master_the_broker_is_named(CancellationToken cancellation)
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
}
