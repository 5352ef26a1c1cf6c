using RocketMq.Client;
using RocketMq.Testing;

namespace Gallery;

/// <summary>A handler in a test: a broker of its own, whose clock the test moves. There is no cluster, no container and no waiting.</summary>
internal static class Testing
{
    public static async Task RunAsync(string nameServers, TextWriter output, CancellationToken cancellation)
    {
        await using var harness = await RocketMqTestHarness.StartAsync(cancellationToken: cancellation);
        await harness.CreateTopicAsync("Orders", cancellationToken: cancellation);

        await using var consumer = await PushConsumer.Create("billing").NameServers(harness.NameServers)
            .Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .OnMessage(harness.Observe("billing", BillAsync))
            .StartAsync(cancellation);

        await harness.SendAsync(Message.To("Orders").Keys("o-1").Body("one coffee"), cancellation);
        await harness.SendAsync(Message.To("Orders").Keys("o-2").Body("one petrol"), cancellation);

        var failed = await harness.HandledAsync(one => one.Message.Keys[0] == "o-1", cancellation);
        output.WriteLine($"o-1: {failed.Result}");

        // A failed message comes again after ten seconds, which pass at once.
        await harness.PublishedMessage("SCHEDULE_TOPIC_XXXX", cancellationToken: cancellation);
        harness.Advance(TimeSpan.FromSeconds(10));
        var again = await harness.ConsumedMessage(message => message.Keys[0] == "o-1", cancellation);
        output.WriteLine($"o-1: {again.Result}");

        var dead = await harness.DeadLetter("billing", cancellationToken: cancellation);
        output.WriteLine($"dead letter: {dead.Text}");
    }

    /// <summary>What is tested.</summary>
    private static Task<ConsumeResult> BillAsync(ReceivedMessage message, CancellationToken cancellation) => Task.FromResult(
        message.Text.Contains("petrol", StringComparison.Ordinal) ? ConsumeResult.DeadLetter
        : message.ReconsumeTimes == 0 ? ConsumeResult.Retry
        : ConsumeResult.Success);
}
