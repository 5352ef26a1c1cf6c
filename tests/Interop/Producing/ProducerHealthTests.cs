using RocketMq.Embedded;

namespace Interop;

/// <summary>Whether producers say that they could send, and consumers that they could read.</summary>
public sealed class ProducerHealthTests
{
    [Test]
    public async Task Producer_is_healthy_until_no_broker_can_be_reached(CancellationToken cancellation)
    {
        await using var cluster = await EmbeddedCluster.StartAsync(new EmbeddedClusterOptions { Masters = 1 }, cancellation);
        await using var producer = await Producer.Create("it-health").NameServers(cluster.NameServers).StartAsync(cancellation);
        Assert.That(producer.Health.SinceSuccess, Is.Null);
        await producer.SendAsync(Message.To("T").Body("x"), cancellation);
        var health = producer.Health;
        Assert.That((health.IsHealthy, health.LastFailure, health.OnTheirWay), Is.EqualTo((true, (ClientProblem?)null, 0)));
        Assert.That(health.SinceSuccess, Is.Not.Null);

        await cluster.Brokers[0].StopAsync(BrokerStop.Silently);
        await Assert.ThatAsync(() => producer.SendAsync(Message.To("T").Body("x"), cancellation), Throws.InstanceOf<RocketMqException>());
        health = producer.Health;
        Assert.That(health.IsHealthy, Is.False);
        Assert.That(health.Problems.Select(problem => problem.What), Has.Some.EqualTo("topic T"));
        Assert.That(health.LastFailure!.Reason, Is.Not.Empty);
    }

    [Test]
    public async Task A_transaction_producer_has_the_same_health(CancellationToken cancellation)
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var producer = await TransactionProducer.Create("it-health").NameServers(broker.NameServer)
            .SendTimeout(TimeSpan.FromMinutes(5)).OnCheck(_ => Task.FromResult(TransactionDecision.Commit)).StartAsync(cancellation);
        await producer.SendAsync(Message.To("T").Body("x"), _ => Task.FromResult(TransactionDecision.Commit), cancellation);
        Assert.That(producer.Health.IsHealthy, Is.True);
        Assert.That(producer.Health.SinceSuccess, Is.Not.Null);
    }

    [Test]
    public async Task Every_consumer_starts_before_its_topic_and_reports_that_it_is_missing(CancellationToken cancellation)
    {
        await using var broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions { AutoCreateTopics = false }, cancellation);
        var got = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var push = await PushConsumer.Create("it-push").NameServers(broker.NameServer).Subscribe("T")
            .OnMessage((_, _) => { got.TrySetResult(); return Task.CompletedTask; }).StartAsync(cancellation);
        await using var pull = await PullConsumer.Create("it-pull").NameServers(broker.NameServer).Subscribe("T").StartAsync(cancellation);
        await using var simple = await SimpleConsumer.Create("it-simple").NameServers(broker.NameServer).Subscribe("T")
            .AwaitDuration(TimeSpan.FromMilliseconds(100)).StartAsync(cancellation);
        await using var pop = await PopConsumer.Create("it-pop").NameServers(broker.NameServer).Subscribe("T").EnablePopMode()
            .OnMessage((_, _) => Task.CompletedTask).StartAsync(cancellation);
        Assert.That(
            new[] { push.Health.IsHealthy, pull.Health.IsHealthy, simple.Health.IsHealthy, pop.Health.IsHealthy }, Is.All.False);
        await Assert.ThatAsync(
            () => pull.PollAsync(1, TimeSpan.FromMilliseconds(100), cancellation), Throws.InstanceOf<RouteNotFoundException>());
        await Assert.ThatAsync(
            () => simple.ReceiveAsync(1, TimeSpan.FromSeconds(30), cancellation), Throws.InstanceOf<RouteNotFoundException>());

        await broker.CreateTopicAsync("T", cancellationToken: cancellation);
        await using var producer = await Producer.Create("it-health").NameServers(broker.NameServer)
            .SendTimeout(TimeSpan.FromMinutes(5)).StartAsync(cancellation);
        await producer.SendAsync(Message.To("T").Body("x"), cancellation);
        await got.Task.WaitAsync(cancellation);
        Assert.That((await pull.ReceiveAsync(cancellation)).Topic, Is.EqualTo("T"));
    }

    [Test]
    public async Task A_consumer_without_a_subscription_is_told_to_subscribe(CancellationToken cancellation)
    {
        foreach (var start in new Func<Task>[]
        {
            () => PushConsumer.Create("g").NameServers("h:1").OnMessage((_, _) => Task.CompletedTask).StartAsync(cancellation),
            () => PullConsumer.Create("g").NameServers("h:1").StartAsync(cancellation),
            () => SimpleConsumer.Create("g").NameServers("h:1").StartAsync(cancellation),
            () => PopConsumer.Create("g").NameServers("h:1").OnMessage((_, _) => Task.CompletedTask).StartAsync(cancellation),
        })
        {
            await Assert.ThatAsync(start, Throws.InstanceOf<InvalidRequestException>().With.Message.Contains("Subscribe"));
        }
    }
}
