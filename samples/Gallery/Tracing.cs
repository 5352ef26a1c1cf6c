using System.Collections.Concurrent;
using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Trace;
using RocketMq.Client;

namespace Gallery;

/// <summary>One trace from the send to the handler, with OpenTelemetry. The collector is a list in this process; yours gets them by OTLP.</summary>
internal static class Tracing
{
    private sealed class Collector : BaseExporter<Activity>
    {
        public ConcurrentQueue<Activity> Spans { get; } = new();

        public override ExportResult Export(in Batch<Activity> batch)
        {
            foreach (var span in batch)
            {
                Spans.Enqueue(span);
            }

            return ExportResult.Success;
        }
    }

    public static async Task RunAsync(string nameServers, TextWriter output, CancellationToken cancellation)
    {
        using var source = new ActivitySource("Gallery.Shop");
        using var collector = new Collector();
        using var processor = new SimpleActivityExportProcessor(collector);

        using (Sdk.CreateTracerProviderBuilder()
            .AddSource(source.Name)
            .AddRocketMqInstrumentation()               // all that the client needs
            .AddProcessor(processor)
            .Build())
        {
            var handled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var producer = await Producer.Create("shop").NameServers(nameServers).StartAsync(cancellation);

            using (source.StartActivity("order"))
            {
                await producer.SendAsync(Message.To("Orders").Body("one coffee"), cancellation);
            }

            await using var consumer = await PushConsumer.Create("billing").NameServers(nameServers)
                .Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset)
                .OnMessage((_, _) =>
                {
                    source.StartActivity("bill")?.Dispose();    // a child of the span around the handler
                    handled.TrySetResult();
                    return Task.CompletedTask;
                })
                .StartAsync(cancellation);
            await handled.Task.WaitAsync(cancellation);
        }

        Activity[] spans = [.. collector.Spans];

        for (var span = spans.Single(span => span.DisplayName == "bill"); span is not null; span = Array.Find(spans, one => one.SpanId == span.ParentSpanId))
        {
            output.WriteLine(span.DisplayName);
        }
    }
}
