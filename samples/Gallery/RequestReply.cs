using RocketMq.Client;

namespace Gallery;

/// <summary>A request that waits for the reply of whoever consumes it.</summary>
internal static class RequestReply
{
    public static async Task RunAsync(string nameServers, TextWriter output, CancellationToken cancellation)
    {
        await using var producer = await Producer.Create("shop").NameServers(nameServers).StartAsync(cancellation);

        // The side that answers: any consumer, with any producer.
        await using var service = await PushConsumer.Create("prices").NameServers(nameServers)
            .Subscribe("Prices").ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .OnMessage(async (request, token) =>
            {
                await producer.ReplyAsync(request, request.Text == "coffee" ? "3.20" : "not on the menu", token);
            })
            .StartAsync(cancellation);

        // The side that asks.
        foreach (var drink in new[] { "coffee", "petrol" })
        {
            var reply = await producer.RequestAsync(Message.To("Prices").Body(drink), TimeSpan.FromSeconds(10), cancellation);
            output.WriteLine($"{drink}: {reply.Text}");
        }

        try
        {
            await producer.RequestAsync(Message.To("Weather").Body("nobody consumes this"), TimeSpan.FromMilliseconds(200), cancellation);
        }
        catch (NoReplyException error)
        {
            output.WriteLine($"no reply from {error.Topic}");
        }
    }
}
