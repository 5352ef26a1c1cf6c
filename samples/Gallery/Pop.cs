using RocketMq.Client;

namespace Gallery;

/// <summary>
/// POP, with brokers of 5.x: a message is hidden while somebody works on it, and comes again if it is not acknowledged. Members own no
/// queues. A simple consumer leaves each step to you, a POP consumer calls a handler.
/// </summary>
internal static class Pop
{
    public static async Task RunAsync(string nameServers, TextWriter output, CancellationToken cancellation)
    {
        await using var producer = await Producer.Create("shop").NameServers(nameServers).StartAsync(cancellation);
        await producer.SendAsync(Message.To("Tasks").Body("grind"), cancellation);

        await using (var worker = await SimpleConsumer.Create("workers").NameServers(nameServers)
            .Subscribe("Tasks").ConsumeFromWhere(ConsumeFrom.FirstOffset).StartAsync(cancellation))
        {
            var first = await NextAsync(worker, cancellation);
            output.WriteLine($"{first.Message.Text}: received {first.Message.ReconsumeTimes + 1} times");
            await worker.ChangeInvisibleDurationAsync(first, TimeSpan.FromSeconds(1), cancellation);    // again in a second

            var second = await NextAsync(worker, cancellation);
            output.WriteLine($"{second.Message.Text}: received {second.Message.ReconsumeTimes + 1} times");
            await worker.AckAsync(second, cancellation);
        }

        var served = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);

        await using var consumer = await PopConsumer.Create("baristas").NameServers(nameServers)
            .Subscribe("Tasks").ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .EnablePopMode()                            // or once by an operator: rocketmq group mode
            .OnMessage((message, _) =>
            {
                served.TrySetResult(message.Text);
                return Task.CompletedTask;              // acknowledged
            })
            .StartAsync(cancellation);

        output.WriteLine($"handled: {await served.Task.WaitAsync(cancellation)}");
    }

    private static async Task<LeasedMessage> NextAsync(SimpleConsumer worker, CancellationToken cancellation)
    {
        while (true)
        {
            var leased = await worker.ReceiveAsync(1, TimeSpan.FromSeconds(30), cancellation);

            if (leased is [var message, ..])
            {
                return message;
            }
        }
    }
}
