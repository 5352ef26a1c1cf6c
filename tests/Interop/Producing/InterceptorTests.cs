namespace Interop;

/// <summary>What stands around sends.</summary>
public sealed class InterceptorTests(string kind) : ServerTests(kind)
{
    private ProducerBuilder Build() => AsTheClusterWants(Producer.Create(NewName("producers"))).NameServers(NameServers);

    [Test]
    public async Task Interceptors_nest_and_may_change_the_message(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        var log = new List<string>();
        SendReceipt? inner = null;

        await using var producer = await Build()
            .AddInterceptor(async (message, send) =>
            {
                log.Add("outer in");
                var receipt = await send(message.Property("trace-id", "17"));
                log.Add("outer out");
                return receipt with { Attempts = 99 };
            })
            .AddInterceptor(async (message, send) =>
            {
                log.Add("inner in");
                inner = await send(message.Tag("tagged"));
                log.Add("inner out");
                return inner;
            })
            .StartAsync(cancellation);

        var receipt = await producer.SendAsync(Message.To(topic).Body("through both"), cancellation);
        Assert.That(log, Is.EqualTo(new[] { "outer in", "inner in", "inner out", "outer out" }));
        Assert.That(receipt, Is.EqualTo(inner! with { Attempts = 99 }));
        await using var consumer = await StartConsumerAsync(NewName("group"), topic, cancellation);
        var received = await consumer.ReceiveAsync(cancellation);
        Assert.That((received.Tag, received.Property("trace-id")), Is.EqualTo(("tagged", "17")));
    }

    [Test]
    public async Task Interceptor_that_fails_or_does_not_send_determines_the_result(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        var made = new SendReceipt(SendStatus.FlushDiskTimeout, new(topic, "nowhere", 0), 1, "id", "offset", 1, "handle");
        await using var silent = await Build().AddInterceptor((_, _) => Task.FromResult(made)).StartAsync(cancellation);
        Assert.That(await silent.SendAsync(Message.To(topic).Body("kept back"), cancellation), Is.EqualTo(made));

        await using var broken = await Build()
            .AddInterceptor((_, _) => throw new InvalidOperationException("out of order"))
            .StartAsync(cancellation);
        var error = await Assert.ThrowsAsync<InterceptorException>(
            () => broken.SendAsync(Message.To(topic).Body("kept back"), cancellation));
        Assert.That(error!.Message, Does.Contain("out of order"));
    }

    [Test]
    public async Task Error_passes_interceptors_unchanged_and_they_may_handle_it(CancellationToken cancellation)
    {
        var topic = NewName("topic");
        Exception? seen = null;

        async Task<SendReceipt> Watch(Message message, Func<Message, Task<SendReceipt>> send)
        {
            try
            {
                return await send(message);
            }
            catch (RocketMqException error)
            {
                seen = error;
                throw;
            }
        }

        await using var producer = await Build().AddInterceptor(Watch).StartAsync(cancellation);
        var error = await Assert.ThrowsAsync<InvalidRequestException>(
            () => producer.SendAsync(Message.To(topic), cancellation));
        Assert.That(seen, Is.InstanceOf<InvalidRequestException>());
        Assert.That(error!.Message, Is.EqualTo(seen!.Message));

        await using var mending = await Build()
            .AddInterceptor(async (message, send) =>
            {
                try
                {
                    return await send(message);
                }
                catch (InvalidRequestException)
                {
                    return await send(message.Body("mended"));
                }
            })
            .StartAsync(cancellation);
        Assert.That((await mending.SendAsync(Message.To(topic), cancellation)).Status, Is.EqualTo(SendStatus.Ok));
    }
}
