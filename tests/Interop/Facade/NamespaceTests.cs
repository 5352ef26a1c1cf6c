using RocketMq.Embedded;

namespace Interop;

/// <summary>Tenants whose topics and groups are kept apart, on a broker that makes no topic by itself.</summary>
[CancelAfter(60_000)]
public sealed class NamespaceTests
{
    [Test]
    public async Task Requests_are_replied_to_by_the_brokers_own_topic(CancellationToken cancellation)
    {
        var options = new EmbeddedBrokerOptions { AutoCreateTopics = false };
        await using var broker = await EmbeddedBroker.StartAsync(options, cancellation);
        await broker.CreateTopicAsync("tenant-1%Prices", cancellationToken: cancellation);

        Task<Producer> Start(string group) =>
            Producer.Create(group).NameServers(broker.NameServer).Namespace("tenant-1").StartAsync(cancellation);

        await using var asking = await Start("asking");
        await using var answering = await Start("answering");
        await using var consumer = await PullConsumer.Create("prices").NameServers(broker.NameServer)
            .Namespace("tenant-1").Subscribe("Prices").ConsumeFromWhere(ConsumeFrom.FirstOffset).StartAsync(cancellation);

        var waiting = asking.RequestAsync(Message.To("Prices").Body("one coffee?"), TimeSpan.FromSeconds(30), cancellation);
        var receipt = await answering.ReplyAsync(await consumer.ReceiveAsync(cancellation), "3.20", cancellation);
        var reply = await waiting;
        Assert.That(System.Text.Encoding.UTF8.GetString(reply.Body.Span), Is.EqualTo("3.20"));
        Assert.That((reply.Topic, receipt.Queue.Topic), Is.EqualTo(("DefaultCluster_REPLY_TOPIC", "DefaultCluster_REPLY_TOPIC")));
    }
}
