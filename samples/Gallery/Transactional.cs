using System.Collections.Concurrent;
using RocketMq.Client;

namespace Gallery;

/// <summary>A message is delivered if, and only if, the change in the database that it tells of was made.</summary>
internal static class Transactional
{
    public static async Task RunAsync(string nameServers, TextWriter output, CancellationToken cancellation)
    {
        var database = new ConcurrentDictionary<string, int>();      // in place of a table of orders

        await using var producer = await TransactionProducer.Create("orders").NameServers(nameServers).Topics("Orders")
            // The broker asks this when it has heard nothing, perhaps after the process that sent the message is gone.
            .OnCheck(half => Task.FromResult(database.ContainsKey(half.Keys[0]) ? TransactionDecision.Commit : TransactionDecision.Rollback))
            .StartAsync(cancellation);

        foreach (var (order, cups) in new[] { ("o-1", 2), ("o-2", 0), ("o-3", 1) })
        {
            var receipt = await producer.SendAsync(
                Message.To("Orders").Keys(order).Body($"{cups} coffees"),
                _ =>
                {
                    if (cups == 0)
                    {
                        return Task.FromResult(TransactionDecision.Rollback);
                    }

                    database[order] = cups;                             // your transaction, committed
                    return Task.FromResult(TransactionDecision.Commit);
                },
                cancellation);

            output.WriteLine($"{order}: {receipt.Decision}");
        }

        await using var consumer = await PullConsumer.Create("billing").NameServers(nameServers)
            .Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset).StartAsync(cancellation);

        var delivered = new List<string>();

        while (delivered.Count < database.Count)
        {
            var message = await consumer.ReceiveAsync(cancellation);
            delivered.Add(message.Keys[0]);
        }

        delivered.Sort(StringComparer.Ordinal);
        output.WriteLine($"delivered: {string.Join(", ", delivered)}");
    }
}
