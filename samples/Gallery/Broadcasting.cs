using System.Collections.Concurrent;
using RocketMq.Client;

namespace Gallery;

/// <summary>Each member of the group gets every message, such as news of which caches to clear.</summary>
internal static class Broadcasting
{
    public static async Task RunAsync(string nameServers, TextWriter output, CancellationToken cancellation)
    {
        var offsets = Directory.CreateTempSubdirectory("rocketmq-offsets-");

        try
        {
            await using var producer = await Producer.Create("catalogue").NameServers(nameServers).StartAsync(cancellation);
            await producer.SendAsync(Message.To("PriceChanges").Body("coffee"), cancellation);
            await producer.SendAsync(Message.To("PriceChanges").Body("tea"), cancellation);

            var members = new[] { "shop-1", "shop-2" };
            var cleared = await Task.WhenAll(members.Select(member => ClearAsync(nameServers, member, offsets.FullName, cancellation)));

            foreach (var (member, names) in members.Zip(cleared))
            {
                output.WriteLine($"{member}: {string.Join(", ", names)}");
            }
        }
        finally
        {
            offsets.Delete(recursive: true);
        }
    }

    /// <summary>One member, which would be a process of its own.</summary>
    private static async Task<string[]> ClearAsync(string nameServers, string member, string folder, CancellationToken cancellation)
    {
        var cleared = new ConcurrentDictionary<string, bool>();
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        await using var consumer = await PushConsumer.Create("shops").NameServers(nameServers)
            .Broadcasting()
            .InstanceName(member)                       // a name that stays: offsets are found again by it
            .OffsetDirectory(folder)                    // offsets are the member's own, in a file
            .Subscribe("PriceChanges").ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .OnMessage((message, _) =>
            {
                cleared[message.Text] = true;

                if (cleared.Count == 2)
                {
                    all.TrySetResult();
                }

                return Task.CompletedTask;
            })
            .StartAsync(cancellation);

        await all.Task.WaitAsync(cancellation);
        return [.. cleared.Keys.Order(StringComparer.Ordinal)];
    }
}
