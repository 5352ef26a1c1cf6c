using Hosting.Support;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Hosting;

/// <summary>What is registered is the same, in whatever order it is registered.</summary>
[TestFixture]
internal sealed class RegistrationTests
{
    private const string NameServers = "\"NameServers\": \"127.0.0.1:9876\"";

    private static Task<ConsumeResult> Succeed(ConsumeContext context) => Task.FromResult(ConsumeResult.Success);

    [TestCase(false)]
    [TestCase(true)]
    public async Task Producers_without_names_have_options_of_their_own(bool isReversed)
    {
        var problems = await ProblemsOfAsync(
            $$"""{ {{NameServers}}, "Producers": { "Default": { "Attempts": 1000 }, "Transactions": { "Attempts": 1001 } } }""",
            InOrder(isReversed, rocketMq => rocketMq.AddProducer(), rocketMq => rocketMq.AddTransactionProducer<Committing>()));

        Assert.That(problems, Has.Count.EqualTo(2), string.Join("\n", problems));
        Assert.That(problems, Has.Some.Contains("RocketMq:Producers:Default:Attempts").And.Contains("'1000'"));
        Assert.That(problems, Has.Some.Contains("RocketMq:Producers:Transactions:Attempts").And.Contains("'1001'"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Producers_with_names_have_them_for_their_options(bool isReversed)
    {
        var problems = await ProblemsOfAsync(
            $$"""{ {{NameServers}}, "Producers": { "plain": { "Attempts": 1000 }, "safe": { "Attempts": 1001 } } }""",
            InOrder(isReversed, rocketMq => rocketMq.AddProducer("plain"), rocketMq => rocketMq.AddTransactionProducer<Committing>("safe")));

        Assert.That(problems, Has.Count.EqualTo(2), string.Join("\n", problems));
        Assert.That(problems, Has.Some.Contains("RocketMq:Producers:plain:Attempts").And.Contains("'1000'"));
        Assert.That(problems, Has.Some.Contains("RocketMq:Producers:safe:Attempts").And.Contains("'1001'"));
    }

    [Test]
    public async Task A_transaction_producer_alone_has_the_same_options()
    {
        var problems = await ProblemsOfAsync(
            $$"""{ {{NameServers}}, "Producers": { "Default": { "Attempts": 1000 }, "Transactions": { "Attempts": 1001 } } }""",
            rocketMq => rocketMq.AddTransactionProducer<Committing>());

        Assert.That(problems, Has.Count.EqualTo(2), string.Join("\n", problems));
        Assert.That(problems, Has.Some.Contains("RocketMq:Producers:Default").And.Contains("no such producer"));
        Assert.That(problems, Has.Some.Contains("RocketMq:Producers:Transactions:Attempts").And.Contains("'1001'"));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Producers_of_one_name_are_refused(bool isReversed)
    {
        foreach (var (plain, safe) in new[] { ("orders", "orders"), ("Transactions", null), (null, (string?)"Default") })
        {
            var register = InOrder(
                isReversed, rocketMq => rocketMq.AddProducer(plain), rocketMq => rocketMq.AddTransactionProducer<Committing>(safe));

            Assert.That(
                () => register(new ServiceCollection().AddRocketMq()),
                Throws.InvalidOperationException.With.Message.Contains("another name"),
                $"{plain}, {safe}");
        }
    }

    [TestCase(false)]
    [TestCase(true)]
    public void A_section_counts_for_all_calls_that_register_the_cluster(bool isReversed)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection([new("Elsewhere:NameServers", "elsewhere:1")]).Build();
        using var host = TestHosts.Create("""{ "RocketMq": { "NameServers": "usual:1" } }""", services =>
        {
            Action[] calls = [() => services.AddRocketMq(configuration.GetSection("Elsewhere")), () => services.AddRocketMq().AddProducer()];
            Array.ForEach(isReversed ? [.. calls.Reverse()] : calls, call => call());
        });

        Assert.That(host.Services.GetRequiredService<RocketMqClient>().NameServers, Is.EqualTo(new[] { "elsewhere:1" }));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Two_sections_of_one_cluster_are_refused(bool isReversed)
    {
        var configuration = new ConfigurationBuilder().Build();
        string[] sections = isReversed ? ["b", "a"] : ["a", "b"];
        var services = new ServiceCollection();
        services.AddRocketMq(configuration.GetSection(sections[0]));

        Assert.That(
            () => services.AddRocketMq(configuration.GetSection(sections[1])),
            Throws.InvalidOperationException.With.Message.Contains("section a").Or.Message.Contains("section b"));
    }

    [TestCase("eu", "EU")]
    [TestCase("EU", "eu")]
    public void Names_of_clusters_that_differ_in_case_alone_are_refused(string first, string second)
    {
        var services = new ServiceCollection();
        services.AddRocketMq(first);

        Assert.That(() => services.AddRocketMq(second), Throws.InvalidOperationException.With.Message.Contains(first).And.Message.Contains(second));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Consumers_that_have_one_group_by_their_options_are_refused(bool isReversed)
    {
        var problems = await ProblemsOfAsync(
            $$"""
            { {{NameServers}}, "Consumers": { "a": { "Group": "billing", "Subscriptions": [ "Orders" ] }, "billing": { "Subscriptions": [ "Orders" ] },
              "off": { "Group": "billing", "Enabled": false } } }
            """,
            InOrder(
                isReversed,
                rocketMq => rocketMq.MapConsumer("a", Succeed),
                rocketMq => rocketMq.AddSimpleConsumer("billing"),
                rocketMq => rocketMq.MapPopConsumer("off", Succeed)));

        Assert.That(problems, Has.Count.EqualTo(1), string.Join("\n", problems));
        Assert.That(problems[0], Does.StartWith("RocketMq:Consumers:a, RocketMq:Consumers:billing: ").And.Contain("'billing'").And.Contain("one consumer"));
    }

    /// <summary>Serializer, middleware, policy, health checks and the harness: each before or after the consumer that they are for.</summary>
    [TestCase(false)]
    [TestCase(true)]
    public async Task Serializer_middleware_policy_checks_and_harness_count_for_consumers_before_and_after(bool isReversed)
    {
        await using var harness = await RocketMqTestHarness.StartAsync();
        await harness.CreateTopicAsync(Orders.Topic, queues: 1);
        var counting = new Counting();
        using var host = TestHosts.Create(TestHosts.WaitsForStart, services =>
        {
            Action[] calls =
            [
                () => services.AddRocketMqTestHarness(harness),
                () => services.AddHealthChecks().AddRocketMq(),
                () => services.AddRocketMq().UseSerializer(Orders.Serializer),
                () => services.AddRocketMq().OnUnreadableBody(ConsumeResult.DeadLetter),
                () => services.AddRocketMq().Use(counting),
                () => services.AddRocketMq().AddConsumer<OrderHandler, Order>(
                    "billing", Orders.Subscribe),
                () => services.AddRocketMq().AddTransactionProducer<Committing>().AddProducer(),
            ];
            Array.ForEach(isReversed ? [.. calls.Reverse()] : calls, call => call());
        });
        await host.StartAsync();

        await host.Services.GetRequiredService<IProducer>().SendAsync(Orders.Message("o-1", cups: 3));
        await harness.SendAsync(Message.To(Orders.Topic).Keys("unreadable").Body("one coffee"));
        await harness.Consumed<Order>(order => order.Cups == 3);
        var dead = await harness.DeadLetter("billing");
        var health = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        await host.StopAsync();

        Assert.That(dead.Keys, Is.EqualTo(new[] { "unreadable" }));
        Assert.That(counting.Calls, Is.EqualTo(2));
        Assert.That(health.Entries.Keys, Is.EquivalentTo(new[] { "rocketmq-live", "rocketmq-ready" }));
        Assert.That(health.Entries["rocketmq-live"].Data["consumer billing, queues"], Is.EqualTo(health.Entries["rocketmq-ready"].Data["consumer billing, queues"]));
    }

    private static Action<RocketMqBuilder> InOrder(bool isReversed, params Action<RocketMqBuilder>[] calls) =>
        rocketMq => Array.ForEach(isReversed ? [.. calls.Reverse()] : calls, call => call(rocketMq));

    /// <summary>What the start of a host says that has such a section and such clients.</summary>
    private static async Task<IReadOnlyList<string>> ProblemsOfAsync(string section, Action<RocketMqBuilder> register)
    {
        using var host = TestHosts.Create($$"""{ "RocketMq": {{section}} }""", services => register(services.AddRocketMq()));
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        return [.. refused!.Failures];
    }

    private sealed class Committing : ITransactionChecker
    {
        public Task<TransactionDecision> CheckAsync(ReceivedMessage message) => Task.FromResult(TransactionDecision.Commit);
    }

    private sealed class OrderHandler : IMessageHandler<Order>
    {
        public Task<ConsumeResult> HandleAsync(Order value, ReceivedMessage message, CancellationToken cancellationToken) =>
            Task.FromResult(ConsumeResult.Success);
    }

    private sealed class Counting : IConsumeMiddleware
    {
        private int _calls;

        internal int Calls => Volatile.Read(ref _calls);

        public Task<ConsumeResult> InvokeAsync(ConsumeContext context, ConsumeHandler next)
        {
            Interlocked.Increment(ref _calls);
            return next(context);
        }
    }
}
