using RocketMq.Embedded;

namespace Interop;

/// <summary>Tests of an embedded broker with one topic, both new for each test.</summary>
public abstract class BrokerFixture(string topic)
{
    protected EmbeddedBroker Broker { get; private set; } = null!;

    [SetUp]
    public async Task StartBroker()
    {
        Broker = await EmbeddedBroker.StartAsync();
        await Broker.CreateTopicAsync(topic, 1);
    }

    [TearDown]
    public Task StopBroker() => Broker.StopAsync();
}
