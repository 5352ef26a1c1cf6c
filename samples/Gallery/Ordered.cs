using System.Collections.Concurrent;
using RocketMq.Client;

namespace Gallery;

/// <summary>What happens to one order is consumed in the order in which it happened. Different orders go side by side.</summary>
internal static class Ordered
{
    public static async Task RunAsync(string nameServers, TextWriter output, CancellationToken cancellation)
    {
        var steps = new ConcurrentDictionary<string, string>();
        var left = new CountdownEvent(6);
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        await using var producer = await Producer.Create("shop").NameServers(nameServers).StartAsync(cancellation);

        foreach (var step in new[] { "created", "paid", "shipped" })
        {
            foreach (var order in new[] { "o-1", "o-2" })
            {
                // The same key, the same queue: that is what order needs.
                await producer.SendAsync(Message.To("Orders").Keys(order).Body(step), QueueSelector.ByKey(order), cancellation);
            }
        }

        await using var consumer = await PushConsumer.Create("ledger").NameServers(nameServers)
            .Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .Orderly()                                  // one handler at a time for each queue
            .OnMessage((message, _) =>
            {
                steps.AddOrUpdate(message.Keys[0], message.Text, (_, before) => $"{before}, {message.Text}");

                if (left.Signal())
                {
                    all.SetResult();
                }

                return Task.CompletedTask;
            })
            .StartAsync(cancellation);

        await all.Task.WaitAsync(cancellation);

        foreach (var (order, text) in steps.OrderBy(step => step.Key, StringComparer.Ordinal))
        {
            output.WriteLine($"{order}: {text}");
        }
    }
}
