using NUnit.Framework;
using RocketMq.Testing;

namespace Hosting.Support;

/// <summary>Tests that have a harness each, whose broker has a topic.</summary>
/// <param name="topic">The topic.</param>
/// <param name="queues">How many queues it has.</param>
internal abstract class HarnessFixture(string topic, int queues = 1)
{
    protected RocketMqTestHarness Harness { get; private set; } = null!;

    [SetUp]
    public async Task StartHarnessAsync()
    {
        Harness = await RocketMqTestHarness.StartAsync();
        await Harness.CreateTopicAsync(topic, queues);
    }

    [TearDown]
    public async Task StopHarnessAsync() => await Harness.DisposeAsync();
}
