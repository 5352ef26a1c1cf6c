using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using RocketMq.Embedded;

namespace Interop;

/// <summary>What OpenTelemetry exports of messages, by the package's extension methods.</summary>
[NonParallelizable]
public sealed class OpenTelemetryTests() : BrokerFixture(Topic)
{
    private const string Topic = "it-telemetry";

    private static string? Tag(Activity span, string name) => span.GetTagItem(name)?.ToString();

    /// <summary>Sends a message, and ends when a handler has it.</summary>
    private async Task<ReceivedMessage> SendAndConsume(CancellationToken cancellation)
    {
        var handled = new TaskCompletionSource<ReceivedMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var consumer = await PushConsumer.Create("it-observed")
            .NameServers(Broker.NameServer).ConsumeFromWhere(ConsumeFrom.FirstOffset).Subscribe(Topic)
            .OnMessage((message, _) =>
            {
                handled.TrySetResult(message);
                return Task.CompletedTask;
            })
            .StartAsync(cancellation);
        await using var producer = await Producer.Create("it-observed").NameServers(Broker.NameServer).StartAsync(cancellation);
        await producer.SendAsync(Message.To(Topic).Body("hello"), cancellation);
        return await handled.Task.WaitAsync(cancellation);
    }

    [Test]
    public async Task A_message_is_one_trace_from_its_sender_to_its_handler(CancellationToken cancellation)
    {
        var exported = new List<Activity>();
        ReceivedMessage received;
        using (Sdk.CreateTracerProviderBuilder().AddRocketMqInstrumentation().AddInMemoryExporter(exported).Build())
        {
            received = await SendAndConsume(cancellation);
        }

        var spans = exported.Where(span => Tag(span, "messaging.destination.name") == Topic).ToList();
        var sent = spans.Single(span => span.DisplayName == $"send {Topic}");
        var processed = spans.Single(span => span.DisplayName == $"process {Topic}");
        Assert.That(processed.ParentSpanId, Is.EqualTo(sent.SpanId));
        Assert.That(processed.TraceId, Is.EqualTo(sent.TraceId));
        Assert.That(processed.Kind, Is.EqualTo(ActivityKind.Consumer));
        Assert.That(Tag(processed, "messaging.consumer.group.name"), Is.EqualTo("it-observed"));
        Assert.That(received.TraceContext.SpanId, Is.EqualTo(sent.SpanId));
        Assert.That(received.TraceContext.IsRemote, Is.True);
        Assert.That(exported.Select(span => span.Source.Name), Is.All.EqualTo("RocketMq.Client"));
    }

    [Test]
    public async Task Requests_are_traced_if_the_options_say_so(CancellationToken cancellation)
    {
        var exported = new List<Activity>();
        using (Sdk.CreateTracerProviderBuilder().AddRocketMqInstrumentation(options => options.Requests = true).AddInMemoryExporter(exported).Build())
        {
            await SendAndConsume(cancellation);
        }

        var sent = exported.Single(span => span.DisplayName == $"send {Topic}");
        Assert.That(
            exported.Where(span => span.Source.Name == "RocketMq.Client.Requests").Select(span => span.ParentSpanId),
            Has.Some.EqualTo(sent.SpanId));
    }

    [Test]
    public async Task Messages_are_counted_and_timed_and_nothing_of_queues_unless_the_options_say_so(CancellationToken cancellation)
    {
        var exported = new List<Metric>();
        using (Sdk.CreateMeterProviderBuilder().AddRocketMqInstrumentation().AddInMemoryExporter(exported).Build())
        {
            await SendAndConsume(cancellation);
        }

        var names = exported.Select(metric => metric.Name).ToList();
        Assert.That(names, Is.SupersetOf(new[]
        {
            "messaging.client.operation.duration", "messaging.process.duration",
            "messaging.client.sent.messages", "messaging.client.consumed.messages",
        }));
        Assert.That(exported.Select(metric => metric.MeterName), Is.All.EqualTo("RocketMq.Client"));
    }

    [Test]
    public async Task Queues_and_requests_are_measured_if_the_options_say_so(CancellationToken cancellation)
    {
        var exported = new List<Metric>();
        using var meters = Sdk.CreateMeterProviderBuilder()
            .AddRocketMqInstrumentation(options => (options.Requests, options.Queues) = (true, true))
            .AddInMemoryExporter(exported).Build();
        await using var consumer = await PullConsumer.Create("it-observed")
            .NameServers(Broker.NameServer).ConsumeFromWhere(ConsumeFrom.FirstOffset).Subscribe(Topic).StartAsync(cancellation);
        await using var producer = await Producer.Create("it-observed").NameServers(Broker.NameServer).StartAsync(cancellation);
        await producer.SendAsync(Message.To(Topic).Body("hello"), cancellation);
        await consumer.ReceiveAsync(cancellation);
        meters.ForceFlush();

        var names = exported.Select(metric => metric.Name).ToList();
        Assert.That(names, Has.Member("rocketmq.consumer.queue.lag"));
        Assert.That(names, Has.Member("rocketmq.consumer.lag"));
        Assert.That(names, Has.Member("rocketmq.client.request.duration"));
        var queue = consumer.Health.Queues.Single();
        Assert.That(queue.MaxOffset, Is.EqualTo(1));
        Assert.That(queue.Lag, Is.EqualTo(1), "what was received last is not consumed yet");
    }
}
