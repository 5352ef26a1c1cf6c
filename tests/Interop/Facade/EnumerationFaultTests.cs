using RocketMq.Embedded;

namespace Interop;

/// <summary>Enumerations of a pull consumer that end early: the usual loop that catches, logs and goes on.</summary>
[CancelAfter(60_000)]
public sealed class EnumerationFaultTests
{
    private EmbeddedBroker _broker = null!;

    [SetUp]
    public async Task StartBroker() => _broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions());

    [TearDown]
    public Task StopBroker() => _broker.StopAsync();

    /// <summary>Three messages, "m0" first.</summary>
    private async Task<PullConsumer> StartAsync(CancellationToken cancellation)
    {
        await _broker.CreateTopicAsync("T", 1, cancellation);
        await using var producer = await Producer.Create("G").NameServers(_broker.NameServer).StartAsync(cancellation);

        for (var number = 0; number < 3; number++)
        {
            await producer.SendAsync(Message.To("T").Body($"m{number}"), cancellation);
        }

        return await PullConsumer.Create("C")
            .NameServers(_broker.NameServer)
            .Subscribe("T")
            .ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .StartAsync(cancellation);
    }

    /// <summary>Enumerates again and again until "m2" has been handled. Gives what was handled, in order.</summary>
    private static async Task<List<string>> HandleAsync(
        PullConsumer consumer, Func<string, bool> goesOn, CancellationToken cancellation)
    {
        var handled = new List<string>();

        while (!handled.Contains("m2"))
        {
            try
            {
                await foreach (var message in consumer.ReadAllAsync(cancellation))
                {
                    var text = System.Text.Encoding.UTF8.GetString(message.Body.Span);

                    if (!goesOn(text))
                    {
                        break;
                    }

                    handled.Add(text);

                    if (text == "m2")
                    {
                        break;
                    }
                }
            }
            catch (InvalidOperationException)
            {
                // As an application does that logs the failure and goes on.
            }
        }

        return handled;
    }

    [Test]
    public async Task Message_whose_loop_body_threw_is_returned_again(CancellationToken cancellation)
    {
        await using var consumer = await StartAsync(cancellation);
        var failures = 0;

        var handled = await HandleAsync(
            consumer,
            text => text == "m1" && failures++ == 0 ? throw new InvalidOperationException("on purpose") : true,
            cancellation);

        Assert.That(handled, Is.EqualTo(new[] { "m0", "m1", "m2" }));
    }

    [Test]
    public async Task Message_at_which_the_loop_was_left_is_returned_again(CancellationToken cancellation)
    {
        await using var consumer = await StartAsync(cancellation);
        var breaks = 0;
        var handled = await HandleAsync(consumer, text => text != "m1" || breaks++ > 0, cancellation);
        Assert.That(handled, Is.EqualTo(new[] { "m0", "m1", "m2" }));
    }
}
