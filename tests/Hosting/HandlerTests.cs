using System.Collections.Concurrent;
using Hosting.Support;

namespace Hosting;

/// <summary>Handlers: their scopes, their values, middleware around them.</summary>
[TestFixture]
internal sealed class HandlerTests() : HarnessFixture(Orders.Topic)
{
    [Test]
    public async Task A_handler_of_values_gets_the_body_and_the_message()
    {
        var seen = new Seen();
        using var host = await TestHosts.StartAsync(Harness, services =>
        {
            services.AddSingleton(seen);
            services.AddRocketMq()
                .UseSerializer(Orders.Serializer)
                .AddProducer()
                .AddConsumer<OrderHandler, Order>("billing", Orders.Subscribe);
        });

        await host.Services.GetRequiredService<IProducer>().SendAsync(Orders.Message("o-1", cups: 3));
        var consumed = await Harness.Consumed<Order>(order => order.Cups == 3);

        Assert.That(consumed.Group, Is.EqualTo("billing"));
        Assert.That(seen.Orders, Is.EqualTo(new[] { new Order("o-1", 3) }));
        await host.StopAsync();
    }

    [Test]
    public async Task The_scope_of_a_message_is_disposed_of_after_the_verdict_and_before_the_message_is_settled()
    {
        var seen = new Seen();
        using var host = await TestHosts.StartAsync(Harness, services =>
        {
            services.AddSingleton(seen);
            services.AddScoped<Resource>();
            services.AddRocketMq().AddConsumer<ScopedHandler>("billing", consumer => Orders.Subscribe(consumer).Concurrency(1));
        });
        var consumer = host.Services.GetRequiredKeyedService<PushConsumer>("billing");
        seen.Consumed = () => consumer.Health.Consumed;

        await Harness.SendAsync(Orders.Message("o-1"));
        await Harness.SendAsync(Orders.Message("o-2"));
        await seen.Disposed(2);
        await host.StopAsync();

        Assert.That(seen.Events, Is.EqualTo(new[]
        {
            "made", "handled", "disposed with 0 settled",
            "made", "handled", "disposed with 1 settled",
        }));
    }

    [Test]
    public async Task Middleware_stands_around_the_handler_in_the_order_in_which_it_is_added()
    {
        var seen = new Seen();
        using var host = await TestHosts.StartAsync(Harness, services =>
        {
            services.AddSingleton(seen);
            services.AddRocketMq()
                .Use<Outer>()
                .Use<Inner>()
                .MapConsumer("billing", context =>
                {
                    seen.Add($"handler, {context.Items["left by"]}");
                    return Task.FromResult(ConsumeResult.Success);
                }, Orders.Subscribe);
        });

        await Harness.SendAsync(Orders.Message("o-1"));
        await Harness.ConsumedMessage();
        await host.StopAsync();

        Assert.That(seen.Events, Is.EqualTo(new[] { "outer", "inner", "handler, inner", "inner: Success", "outer: Success" }));
    }

    [Test]
    public async Task A_body_that_cannot_be_read_goes_where_the_policy_says_with_the_reason_in_the_log()
    {
        var log = new CollectingLoggerProvider();
        using var host = await TestHosts.StartAsync(Harness, services =>
        {
            services.AddLogging(logging => logging.AddProvider(log));
            services.AddSingleton(new Seen());
            services.AddRocketMq()
                .UseSerializer(Orders.Serializer)
                .OnUnreadableBody(ConsumeResult.DeadLetter)
                .AddConsumer<OrderHandler, Order>("billing", Orders.Subscribe);
        });

        await Harness.SendAsync(Message.To(Orders.Topic).Keys("o-1").Body("one coffee"));
        var dead = await Harness.DeadLetter("billing");
        await host.StopAsync();

        Assert.That(dead.Keys, Is.EqualTo(new[] { "o-1" }));
        var line = log.Lines.Single(line => line.Event.Id == 1409);
        Assert.That(line.Text, Does.Contain("cannot be read as Order").And.Not.Contain("one coffee").And.Not.Contain("\n"));
    }

    [Test]
    public async Task Exceptions_are_mapped_to_verdicts_by_their_types()
    {
        using var host = await TestHosts.StartAsync(Harness, services => services.AddRocketMq()
            .UseRetryMap(map => map
                .On<InvalidDataException>(ConsumeResult.DeadLetter)
                .On<TimeoutException>(ConsumeResult.RetryAfter(TimeSpan.FromSeconds(1))))
            .MapConsumer(
                "billing",
                context => context.Message.Keys[0] switch
                {
                    "bad" => throw new InvalidDataException("no such coffee"),
                    "slow" when context.Message.ReconsumeTimes == 0 => throw new TimeoutException("too slow"),
                    _ => Task.FromResult(ConsumeResult.Success),
                },
                Orders.Subscribe));

        await Harness.SendAsync(Orders.Message("bad"));
        await Harness.SendAsync(Orders.Message("slow"));
        var dead = await Harness.DeadLetter("billing");
        await Harness.HandledAsync(handled => handled.Message.Keys[0] == "slow");
        await Harness.PublishedMessage("SCHEDULE_TOPIC_XXXX");
        Harness.Advance(TimeSpan.FromSeconds(1));
        var again = await Harness.ConsumedMessage(message => message.Keys[0] == "slow");
        await host.StopAsync();

        Assert.That(dead.Keys, Is.EqualTo(new[] { "bad" }));
        Assert.That(again.Message.ReconsumeTimes, Is.EqualTo(1));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_handler_of_batches_says_what_becomes_of_each_message(bool isOrderly)
    {
        var seen = new Seen();
        using var host = TestHosts.Create(Harness, TestHosts.WaitsForStart, services =>
        {
            services.AddSingleton(seen);
            services.AddRocketMq()
                .UseSerializer(Orders.Serializer)
                .OnUnreadableBody(ConsumeResult.DeadLetter)
                .AddBatchConsumer<BatchHandler, Order>("billing", consumer =>
                {
                    var subscribed = Orders.Subscribe(consumer).MaxRetries(3);
                    return isOrderly ? subscribed.Orderly() : subscribed;
                });
        });
        await Harness.SendAsync(Orders.Message("o-1"));
        await Harness.SendAsync(Orders.Message("bad"));
        await Harness.SendAsync(Message.To(Orders.Topic).Keys("unreadable").Body("one coffee"));
        await Harness.SendAsync(Orders.Message("o-2"));
        await host.StartAsync();

        var dead = new[] { await Harness.DeadLetter("billing", one => one.Keys[0] == "bad"), await Harness.DeadLetter("billing", one => one.Keys[0] == "unreadable") };
        await Harness.ConsumedMessage(message => message.Keys[0] == "o-2");
        await host.StopAsync();

        Assert.That(seen.Orders.Select(order => order.Id), Is.EquivalentTo(new[] { "o-1", "bad", "o-2" }), "each is handled once");
        Assert.That(dead, Has.Length.EqualTo(2));
        Assert.That((await Harness.OffsetsAsync("billing", Orders.Topic)).Single().Committed, Is.EqualTo(4));
    }

    private sealed class BatchHandler(Seen seen) : IBatchHandler<Order>
    {
        public Task<IReadOnlyList<ConsumeResult>> HandleAsync(IReadOnlyList<BatchMessage<Order>> batch, CancellationToken cancellationToken)
        {
            foreach (var one in batch)
            {
                seen.Orders.Enqueue(one.Value);
            }

            return Task.FromResult<IReadOnlyList<ConsumeResult>>(
                [.. batch.Select(one => one.Value.Id == "bad" ? ConsumeResult.DeadLetter : ConsumeResult.Success)]);
        }
    }

    private sealed class OrderHandler(Seen seen) : IMessageHandler<Order>
    {
        public Task<ConsumeResult> HandleAsync(Order value, ReceivedMessage message, CancellationToken cancellationToken)
        {
            seen.Orders.Enqueue(value);
            return Task.FromResult(ConsumeResult.Success);
        }
    }

    private sealed class ScopedHandler(Resource resource, Seen seen) : IMessageHandler
    {
        public async Task<ConsumeResult> HandleAsync(ReceivedMessage message, CancellationToken cancellationToken)
        {
            await Task.Yield();
            Assert.That(resource.IsDisposed, Is.False);
            seen.Add("handled");
            return ConsumeResult.Success;
        }
    }

    private sealed class Resource : IAsyncDisposable
    {
        private readonly Seen _seen;

        public Resource(Seen seen)
        {
            _seen = seen;
            seen.Add("made");
        }

        public bool IsDisposed { get; private set; }

        public async ValueTask DisposeAsync()
        {
            await Task.Yield();
            IsDisposed = true;
            _seen.Add($"disposed with {_seen.Consumed()} settled");
            _seen.CountDisposed();
        }
    }

    private sealed class Outer(Seen seen) : IConsumeMiddleware
    {
        public async Task<ConsumeResult> InvokeAsync(ConsumeContext context, ConsumeHandler next)
        {
            seen.Add("outer");
            var result = await next(context);
            seen.Add($"outer: {result}");
            return result;
        }
    }

    private sealed class Inner(Seen seen) : IConsumeMiddleware
    {
        public async Task<ConsumeResult> InvokeAsync(ConsumeContext context, ConsumeHandler next)
        {
            seen.Add("inner");
            context.Items["left by"] = "inner";
            var result = await next(context);
            seen.Add($"inner: {result}");
            return result;
        }
    }

    /// <summary>What happened, in order.</summary>
    private sealed class Seen
    {
        private readonly SemaphoreSlim _disposed = new(0);

        internal ConcurrentQueue<Order> Orders { get; } = [];

        internal ConcurrentQueue<string> Events { get; } = [];

        internal Func<long> Consumed { get; set; } = () => -1;

        internal void Add(string what) => Events.Enqueue(what);

        internal void CountDisposed() => _disposed.Release();

        internal async Task Disposed(int times)
        {
            for (var count = 0; count < times; count++)
            {
                await _disposed.WaitAsync(TimeSpan.FromSeconds(30));
            }
        }
    }
}
