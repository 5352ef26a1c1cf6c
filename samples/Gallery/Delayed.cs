using RocketMq.Client;

namespace Gallery;

/// <summary>Messages that come later: by level on any server, after a time or at a time since 5.0, taken back since 5.3.</summary>
internal static class Delayed
{
    public static async Task RunAsync(string nameServers, TextWriter output, CancellationToken cancellation)
    {
        await using var producer = await Producer.Create("reminders").NameServers(nameServers).StartAsync(cancellation);

        await producer.SendAsync(Message.To("Reminders").DelayLevel(1).Body("by level 1, one second"), cancellation);
        await producer.SendAsync(Message.To("Reminders").Delay(TimeSpan.FromSeconds(1)).Body("after a time, one second"), cancellation);
        var tomorrow = await producer.SendAsync(Message.To("Reminders").DeliverAt(DateTimeOffset.Now.AddDays(1)).Body("tomorrow"), cancellation);
        output.WriteLine($"stored: {tomorrow.Status == SendStatus.Ok}");

        if (tomorrow.RecallHandle is { } handle)
        {
            await producer.RecallAsync("Reminders", handle, cancellation);
            output.WriteLine("taken back: tomorrow");
        }

        await using var consumer = await PullConsumer.Create("bell").NameServers(nameServers)
            .Subscribe("Reminders").ConsumeFromWhere(ConsumeFrom.FirstOffset).StartAsync(cancellation);

        var due = new List<string>();

        while (due.Count < 2)
        {
            var message = await consumer.ReceiveAsync(cancellation);
            due.Add(message.Text);
        }

        due.Sort(StringComparer.Ordinal);
        due.ForEach(text => output.WriteLine($"due: {text}"));
    }
}
