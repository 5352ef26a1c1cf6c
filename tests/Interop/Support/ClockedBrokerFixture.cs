using RocketMq.Embedded;

namespace Interop;

/// <summary>Tests of an embedded broker and the clock that it goes by, both new for each test.</summary>
/// <param name="runs">Whether the clock runs; one that does not stands still until the test moves it.</param>
/// <param name="topic">A topic of four queues that the broker has at the start.</param>
public abstract class ClockedBrokerFixture(bool runs, string? topic = null)
{
    protected EmbeddedClock Clock { get; private set; } = null!;

    protected EmbeddedBroker Broker { get; private set; } = null!;

    [SetUp]
    public async Task StartBroker()
    {
        Clock = new EmbeddedClock(runs);
        Broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions { Clock = Clock });

        if (topic is not null)
        {
            await Broker.CreateTopicAsync(topic, 4);
        }
    }

    [TearDown]
    public Task StopBroker() => Broker.StopAsync();
}
