using Hosting.Support;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using RocketMq.Embedded;

namespace Hosting;

/// <summary>How clients start and stop with their host, and what health checks say meanwhile.</summary>
[TestFixture]
internal sealed class LifeTests
{
    [Test]
    public async Task Nothing_connects_while_services_resolve()
    {
        await using var harness = await RocketMqTestHarness.StartAsync();
        using var host = TestHosts.Create(harness, "{}", services => services.AddRocketMq()
            .AddProducer()
            .AddTransactionProducer<Committed>()
            .AddPullConsumer("pulling", consumer => consumer.Subscribe(Orders.Topic))
            .AddSimpleConsumer("simple", consumer => consumer.Subscribe(Orders.Topic))
            .MapConsumer("billing", _ => Task.FromResult(ConsumeResult.Success), consumer => consumer.Subscribe(Orders.Topic))
            .MapPopConsumer("popping", _ => Task.FromResult(ConsumeResult.Success), consumer => consumer.Subscribe(Orders.Topic)));

        Assert.Multiple(() =>
        {
            Assert.That(host.Services.GetRequiredService<Producer>().IsStarted, Is.False);
            Assert.That(host.Services.GetRequiredService<IProducer>(), Is.SameAs(host.Services.GetRequiredService<Producer>()));
            Assert.That(host.Services.GetRequiredService<ITransactionProducer>(), Is.SameAs(host.Services.GetRequiredService<TransactionProducer>()));
            Assert.That(host.Services.GetRequiredKeyedService<PullConsumer>("pulling").IsStarted, Is.False);
            Assert.That(host.Services.GetRequiredKeyedService<SimpleConsumer>("simple").IsStarted, Is.False);
            Assert.That(host.Services.GetRequiredKeyedService<PushConsumer>("billing").IsStarted, Is.False);
            Assert.That(host.Services.GetRequiredKeyedService<PopConsumer>("popping").IsStarted, Is.False);
            Assert.That(host.Services.GetRequiredService<RocketMqClient>().Connections, Is.Empty);
        });
    }

    [Test]
    public async Task A_cluster_that_is_away_at_start_is_not_ready_and_no_crash_and_the_service_works_when_it_is_there()
    {
        var (names, broker) = await FreePortsAsync();
        var log = new CollectingLoggerProvider();
        using var host = TestHosts.Create($$"""{ "RocketMq": { "NameServers": "127.0.0.1:{{names}}" } }""", services =>
        {
            services.AddLogging(logging => logging.AddProvider(log));
            services.AddHealthChecks().AddRocketMq();
            services.AddRocketMq().AddProducer().MapConsumer(
                "billing", _ => Task.FromResult(ConsumeResult.Success), Orders.Subscribe);
        });

        await host.StartAsync();
        await log.WaitForAsync(1404);
        var away = await CheckAsync(host);

        await using var started = await EmbeddedBroker.StartAsync(
            new EmbeddedBrokerOptions { NameServerPort = names, BrokerPort = broker });
        await started.CreateTopicAsync(Orders.Topic);
        await log.WaitForAsync(1405);
        await host.Services.GetRequiredService<IProducer>().SendAsync(Orders.Message("o-1"));
        var there = await CheckAsync(host);
        await host.StopAsync();

        Assert.Multiple(() =>
        {
            Assert.That(away["rocketmq-live"].Status, Is.EqualTo(HealthStatus.Healthy));
            Assert.That(away["rocketmq-ready"].Status, Is.EqualTo(HealthStatus.Unhealthy));
            Assert.That(away["rocketmq-ready"].Description, Does.Contain($"127.0.0.1:{names}"));
            Assert.That(away["rocketmq-ready"].Data["nameServers"], Is.EqualTo($"127.0.0.1:{names}"));
            Assert.That(there["rocketmq-live"].Status, Is.EqualTo(HealthStatus.Healthy));
        });
    }

    [Test]
    public async Task A_start_that_waits_fails_when_its_time_is_over_and_says_why()
    {
        var (names, _) = await FreePortsAsync();
        using var host = TestHosts.Create(
            $$"""{ "RocketMq": { "NameServers": "127.0.0.1:{{names}}", "ConnectTimeout": "100ms", "Start": { "Wait": true, "Timeout": "300ms" } } }""",
            services => services.AddRocketMq().AddTransactionProducer<Failing>(configure: producer => producer.Topics(Orders.Topic))
                .MapConsumer("billing", _ => Task.FromResult(ConsumeResult.Success), consumer => consumer.SubscribeSql92(Orders.Topic, "cups > 1")));

        var outcome = await Record(host.StartAsync());

        Assert.That(outcome, Is.Null.Or.TypeOf<TimeoutException>());
        await host.StopAsync();
    }

    [Test]
    public async Task A_stop_waits_for_handlers_whose_tokens_are_not_cancelled_and_commits_what_they_did()
    {
        await using var harness = await RocketMqTestHarness.StartAsync();
        await harness.CreateTopicAsync(Orders.Topic, queues: 1);
        var handling = new Gate();
        using var host = TestHosts.Create(harness, TestHosts.WaitsForStart, services => services.AddRocketMq()
            .AddProducer()
            .MapConsumer("billing", async context =>
            {
                await handling.EnterAsync(context.CancellationToken);

                // Producers are there as long as handlers are.
                await context.Services.GetRequiredService<IProducer>().SendAsync(Message.To("Bills").Body("1"), context.CancellationToken);
                return ConsumeResult.Success;
            }, Orders.Subscribe));
        await host.StartAsync();
        await harness.SendAsync(Orders.Message("o-1"));
        var token = await handling.Entered;

        var stopping = host.StopAsync();
        var isCancelledByStop = token.IsCancellationRequested;
        await harness.SendAsync(Orders.Message("o-2"));
        handling.Open();
        await stopping;

        var offsets = await harness.OffsetsAsync("billing", Orders.Topic);
        var bills = await harness.StoredAsync("Bills");
        Assert.Multiple(() =>
        {
            Assert.That(isCancelledByStop, Is.False);
            Assert.That(token.IsCancellationRequested, Is.False);
            Assert.That(offsets.Single().Committed, Is.EqualTo(1));
            Assert.That(offsets.Single().Max, Is.EqualTo(2));
            Assert.That(bills, Has.Count.EqualTo(1));
            Assert.That(harness.Handled, Has.Count.EqualTo(1));
        });
    }

    [Test]
    public async Task A_handler_that_does_not_end_is_told_to_at_the_end_of_the_hosts_time_and_its_message_comes_again()
    {
        await using var harness = await RocketMqTestHarness.StartAsync();
        await harness.CreateTopicAsync(Orders.Topic, queues: 1);
        var handling = new Gate();
        using var host = TestHosts.Create(
            harness,
            TestHosts.WaitsForStart,
            services => services.AddRocketMq().MapConsumer("billing", async context =>
            {
                await handling.EnterAsync(context.CancellationToken);
                return ConsumeResult.Success;
            }, Orders.Subscribe),
            shutdownTimeout: TimeSpan.FromSeconds(1));
        await host.StartAsync();
        await harness.SendAsync(Orders.Message("o-1"));
        var token = await handling.Entered;

        var isCancelledBefore = token.IsCancellationRequested;
        await Record(host.StopAsync());

        var offsets = await harness.OffsetsAsync("billing", Orders.Topic);
        Assert.Multiple(() =>
        {
            Assert.That(isCancelledBefore, Is.False);
            Assert.That(token.IsCancellationRequested, Is.True);
            Assert.That(offsets.Single().Committed ?? 0, Is.Zero.Or.EqualTo(1), "consumed only if it went back to the broker");
        });

        var backOrLeft = await harness.StoredAsync("SCHEDULE_TOPIC_XXXX");
        Assert.That(offsets.Single().Committed is 1 ? backOrLeft.Count : 1, Is.EqualTo(1));
    }

    [Test]
    public async Task A_broker_that_restarts_loses_nothing()
    {
        await using var harness = await RocketMqTestHarness.StartAsync();
        await harness.CreateTopicAsync(Orders.Topic);
        using var host = TestHosts.Create(harness, TestHosts.WaitsForStart, services => services.AddRocketMq()
            .AddProducer(configure: producer => producer.SendTimeout(TimeSpan.FromSeconds(20)).Attempts(20))
            .MapConsumer("billing", _ => Task.FromResult(ConsumeResult.Success), Orders.Subscribe));
        await host.StartAsync();
        var producer = host.Services.GetRequiredService<IProducer>();

        for (var number = 0; number < 20; number++)
        {
            if (number == 10)
            {
                await harness.Broker.RestartAsync();
            }

            await producer.SendAsync(Orders.Message($"o-{number}"));
        }

        for (var number = 0; number < 20; number++)
        {
            await harness.ConsumedMessage(message => message.Keys[0] == $"o-{number}");
        }

        await host.StopAsync();
    }

    [Test]
    public async Task A_stuck_handler_is_a_matter_of_liveness()
    {
        await using var harness = await RocketMqTestHarness.StartAsync();
        await harness.CreateTopicAsync(Orders.Topic, queues: 1);
        var handling = new Gate();
        using var host = TestHosts.Create(harness, TestHosts.WaitsForStart, services =>
        {
            services.AddHealthChecks().AddRocketMq();
            services.AddRocketMq().MapConsumer("billing", async context =>
            {
                await handling.EnterStubbornlyAsync(context.CancellationToken);
                return ConsumeResult.Success;
            }, consumer => Orders.Subscribe(consumer).Orderly().ConsumeTimeout(TimeSpan.FromMilliseconds(200)));
        });
        await host.StartAsync();
        var before = await CheckAsync(host);
        await harness.SendAsync(Orders.Message("o-1"));
        var token = await handling.Entered;
        await token.WaitForCancellationAsync();
        var stuck = await CheckAsync(host);
        handling.Open();
        await harness.ConsumedMessage();
        await host.StopAsync();

        Assert.Multiple(() =>
        {
            Assert.That(before["rocketmq-live"].Status, Is.EqualTo(HealthStatus.Healthy));
            Assert.That(stuck["rocketmq-live"].Status, Is.EqualTo(HealthStatus.Unhealthy));
            Assert.That(stuck["rocketmq-live"].Description, Does.Contain("billing").And.Contain("consume timeout"));
        });
    }

    private static async Task<IReadOnlyDictionary<string, HealthReportEntry>> CheckAsync(IHost host) =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries;

    private static async Task<Exception?> Record(Task task)
    {
        try
        {
            await task;
            return null;
        }
        catch (Exception error)
        {
            return error;
        }
    }

    /// <summary>Two ports that were free a moment ago.</summary>
    private static async Task<(int Names, int Broker)> FreePortsAsync()
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        return (PortOf(broker.NameServer), PortOf(broker.BrokerAddress));
    }

    private static int PortOf(string address) =>
        int.Parse(address[(address.LastIndexOf(':') + 1)..], System.Globalization.CultureInfo.InvariantCulture);

    private sealed class Committed : ITransactionChecker
    {
        public Task<TransactionDecision> CheckAsync(ReceivedMessage message) => Task.FromResult(TransactionDecision.Commit);
    }

    private sealed class Failing : ITransactionChecker
    {
        public Task<TransactionDecision> CheckAsync(ReceivedMessage message) => throw new NotSupportedException();
    }
}
