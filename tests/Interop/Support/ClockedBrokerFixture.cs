using RocketMq.Embedded;

namespace Interop;

/// <summary>Tests of an embedded broker and the clock that it goes by, both new for each test.</summary>
/// <param name="runs">Whether the clock runs; one that does not stands still until the test moves it.</param>
public abstract class ClockedBrokerFixture(bool runs)
{
    protected EmbeddedClock Clock { get; private set; } = null!;

    protected EmbeddedBroker Broker { get; private set; } = null!;

    [SetUp]
    public async Task StartBroker()
    {
        Clock = new EmbeddedClock(runs);
        Broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions { Clock = Clock });
    }

    [TearDown]
    public Task StopBroker() => Broker.StopAsync();
}
