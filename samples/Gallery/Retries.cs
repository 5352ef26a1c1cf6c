using System.Collections.Concurrent;
using RocketMq.Client;

namespace Gallery;

/// <summary>A message that fails comes again, with growing delays, and becomes a dead letter when it has failed too often or makes no sense.</summary>
internal static class Retries
{
    public static async Task RunAsync(string nameServers, TextWriter output, CancellationToken cancellation)
    {
        var attempts = new ConcurrentDictionary<string, int>();
        var billed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        await using var producer = await Producer.Create("shop").NameServers(nameServers).StartAsync(cancellation);
        await producer.SendAsync(Message.To("Orders").Keys("o-1").Body("one coffee"), cancellation);
        await producer.SendAsync(Message.To("Orders").Keys("o-2").Body("one petrol"), cancellation);
        await producer.SendAsync(Message.To("Orders").Keys("o-3").Body("???"), cancellation);

        await using var consumer = await PushConsumer.Create("billing").NameServers(nameServers)
            .Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .MaxRetries(1)                              // 16 if nothing is set
            .OnMessage((message, _) =>
            {
                attempts.AddOrUpdate(message.Keys[0], 1, (_, before) => before + 1);

                if (message.Text == "???")
                {
                    return Task.FromResult(ConsumeResult.DeadLetter);           // no retry would help
                }

                if (message.Text == "one petrol" || message.ReconsumeTimes == 0)
                {
                    return Task.FromResult(ConsumeResult.RetryAtLevel(1));      // after a second; Retry begins at ten
                }

                billed.SetResult();
                return Task.FromResult(ConsumeResult.Success);
            })
            .StartAsync(cancellation);

        // Dead letters are messages of a topic like any other. Operators use: rocketmq dlq peek billing
        await using var deadLetters = await PullConsumer.Create("undertaker").NameServers(nameServers)
            .Subscribe("%DLQ%billing").ConsumeFromWhere(ConsumeFrom.FirstOffset).StartAsync(cancellation);

        var dead = new List<string>();

        while (dead.Count < 2)
        {
            var message = await deadLetters.ReceiveAsync(cancellation);
            dead.Add(message.Keys[0]);
        }

        await billed.Task.WaitAsync(cancellation);

        dead.Sort(StringComparer.Ordinal);
        output.WriteLine($"attempts: {string.Join(", ", attempts.OrderBy(one => one.Key, StringComparer.Ordinal).Select(one => $"{one.Key} {one.Value}"))}");
        output.WriteLine($"dead letters: {string.Join(", ", dead)}");
    }
}
