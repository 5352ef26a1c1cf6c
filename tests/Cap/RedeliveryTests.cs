using DotNetCore.CAP.Internal;
using DotNetCore.CAP.Transport;
using RocketMq.Cap;
using RocketMq.Embedded;

namespace CapTests;

/// <summary>No message is lost, whatever CAP or the broker does. The broker's clock is in the test's hand.</summary>
[CancelAfter(60_000)]
public sealed class RedeliveryTests
{
    private const string Prefix = "redelivery";
    private static readonly string Topic = CapNames.Encode($"{Prefix}.{Subscribers.Created}");
    private static readonly string Group = $"{Prefix}.{Subscribers.Billing}.v1";
    private static readonly TimeSpan Redelivery = TimeSpan.FromSeconds(10);

    private readonly EmbeddedClock _clock = new(runs: true);
    private EmbeddedBroker _broker = null!;

    [SetUp]
    public async Task StartBroker()
    {
        _broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions { Clock = _clock });
        await _broker.CreateTopicAsync(Topic, 1);
    }

    [TearDown]
    public Task StopBroker() => _broker.StopAsync();

    private void Use(RocketMqCapOptions options) => options.NameServers = _broker.NameServer;

    /// <summary>A broker counts the delay from when it has the message back.</summary>
    private async Task RedeliverAsync(CapApp app, long sentBack, CancellationToken cancellation)
    {
        var groups = (ConsumerClientFactory)app.Service<IConsumerClientFactory>();
        await Wait.UntilAsync(() => groups.HealthOf(Group)?.SentBack == sentBack, cancellation);
        _clock.Advance(Redelivery);
    }

    [Test]
    public async Task A_message_that_CAP_cannot_store_is_redelivered_until_it_can(CancellationToken cancellation)
    {
        var failures = 3;
        await using var app = await CapApp.StartAsync<OneSubscriber>(
            Use, Prefix, cancellation,
            before: app => app.Storage.BeforeReceived = () =>
            {
                if (failures-- > 0)
                {
                    throw new InvalidOperationException("the storage is away");
                }
            });

        await app.Publisher.PublishAsync(Subscribers.Created, "order 1", cancellationToken: cancellation);

        for (var time = 1; time <= 3; time++)
        {
            await RedeliverAsync(app, time, cancellation);
        }

        Assert.That((await app.Inbox.NextAsync(cancellation)).Body, Is.EqualTo("order 1"));
        await Wait.UntilAsync(() => app.Storage.Received.Single().State == StatusName.Succeeded, cancellation);
    }

    /// <summary>CAP's contract, without CAP: what is neither committed nor rejected, and what a callback throws on, comes again too.</summary>
    [Test]
    public async Task A_message_comes_again_until_it_is_committed(CancellationToken cancellation)
    {
        await using var app = await CapApp.StartAsync<NoSubscriber>(Use, Prefix, cancellation);
        var seen = new List<string>();
        var committed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var listening = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await using var client = await app.Service<IConsumerClientFactory>().CreateAsync(Group, 0);
        client.OnMessageCallback = async (message, sender) =>
        {
            seen.Add(message.GetName());

            switch (seen.Count)
            {
                case 1:
                    break;
                case 2:
                    await client.RejectAsync(sender);
                    await client.CommitAsync(sender);
                    break;
                case 3:
                    throw new InvalidOperationException("not this time");
                default:
                    await client.CommitAsync(sender);
                    await client.RejectAsync(sender);
                    committed.SetResult();
                    break;
            }
        };
        await client.SubscribeAsync(await client.FetchTopicsAsync([$"{Prefix}.{Subscribers.Created}"]));
        var listen = client.ListeningAsync(TimeSpan.FromSeconds(1), listening.Token);
        await app.Publisher.PublishAsync(Subscribers.Created, "order 2", cancellationToken: cancellation);

        for (var time = 1; time <= 3; time++)
        {
            await RedeliverAsync(app, time, cancellation);
        }

        await committed.Task.WaitAsync(cancellation);
        Assert.That(seen, Is.EqualTo(Enumerable.Repeat($"{Prefix}.{Subscribers.Created}", 4)));

        // Committed: the group begins behind it the next time.
        var groups = (ConsumerClientFactory)app.Service<IConsumerClientFactory>();
        await Wait.UntilAsync(() => groups.HealthOf(Group)!.Consumed == 1, cancellation);
        await listening.CancelAsync();
        await Assert.ThrowsAsync<TaskCanceledException>(() => listen);
        await client.DisposeAsync();
        Assert.That(groups.HealthOf(Group), Is.Null);
    }

    [Test]
    public async Task A_message_of_another_client_gets_the_name_of_its_topic(CancellationToken cancellation)
    {
        await using var app = await CapApp.StartAsync<OneSubscriber>(Use, Prefix, cancellation);
        await using var producer = await Producer.Create("others").NameServers(_broker.NameServer).StartAsync(cancellation);
        var receipt = await producer.SendAsync(Message.To(Topic).Property("region", "eu").Body("\"order 3\""), cancellation);
        var taken = await app.Inbox.NextAsync(cancellation);
        Assert.That((taken.Body, taken.Id, taken.Headers["region"]), Is.EqualTo(("order 3", receipt.MessageId, "eu")));
    }

    [Test]
    public async Task What_was_published_before_a_broker_restarted_and_before_the_group_was_seen_is_delivered(CancellationToken cancellation)
    {
        await using (var publisher = await CapApp.StartAsync<NoSubscriber>(Use, Prefix, cancellation))
        {
            await publisher.Publisher.PublishAsync(Subscribers.Created, "order 4", cancellationToken: cancellation);
        }

        await _broker.RestartAsync(cancellation);
        await using var app = await CapApp.StartAsync<OneSubscriber>(Use, Prefix, cancellation);
        Assert.That((await app.Inbox.NextAsync(cancellation)).Body, Is.EqualTo("order 4"));
    }

    [Test]
    public async Task A_host_survives_a_restart_of_the_broker(CancellationToken cancellation)
    {
        await using var app = await CapApp.StartAsync<OneSubscriber>(Use, Prefix, cancellation);
        await app.Publisher.PublishAsync(Subscribers.Created, "before", cancellationToken: cancellation);
        Assert.That((await app.Inbox.NextAsync(cancellation)).Body, Is.EqualTo("before"));
        await _broker.RestartAsync(cancellation);
        await app.Publisher.PublishAsync(Subscribers.Created, "after", cancellationToken: cancellation);
        Assert.That((await app.Inbox.NextAsync(cancellation)).Body, Is.EqualTo("after"));
    }

    [Test]
    public async Task A_cluster_that_is_away_at_start_is_no_crash_and_nothing_is_lost(CancellationToken cancellation)
    {
        var options = new EmbeddedBrokerOptions
        {
            Clock = _clock,
            NameServerPort = int.Parse(_broker.NameServer.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture),
            BrokerPort = int.Parse(_broker.BrokerAddress.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture),
        };
        await _broker.StopAsync();

        await using var app = await CapApp.StartAsync<OneSubscriber>(
            rocketMq =>
            {
                Use(rocketMq);
                rocketMq.ConfigureProducer = producer => producer.SendTimeout(TimeSpan.FromMilliseconds(100));
            },
            Prefix,
            cancellation);
        await app.Publisher.PublishAsync(Subscribers.Created, "order 5", cancellationToken: cancellation);
        Assert.That(app.Storage.Published.Single().State, Is.EqualTo(StatusName.Failed));

        _broker = await EmbeddedBroker.StartAsync(options, cancellation);
        Assert.That((await app.Inbox.NextAsync(cancellation)).Body, Is.EqualTo("order 5"));
    }

    [Test]
    public async Task What_was_committed_does_not_come_again_after_a_restart_of_the_host(CancellationToken cancellation)
    {
        await using (var first = await CapApp.StartAsync<OneSubscriber>(Use, Prefix, cancellation))
        {
            await first.Publisher.PublishAsync(Subscribers.Created, "order 6", cancellationToken: cancellation);
            await first.Inbox.NextAsync(cancellation);
        }

        await using var second = await CapApp.StartAsync<OneSubscriber>(Use, Prefix, cancellation);
        await second.Publisher.PublishAsync(Subscribers.Created, "order 7", cancellationToken: cancellation);
        Assert.That((await second.Inbox.NextAsync(cancellation)).Body, Is.EqualTo("order 7"));
    }

    [Test]
    public async Task CAP_may_start_its_consumers_again(CancellationToken cancellation)
    {
        await using var app = await CapApp.StartAsync<OneSubscriber>(
            Use, Prefix, cancellation, cap: options => options.ConsumerThreadCount = 3);

        for (var time = 0; time < 3; time++)
        {
            await app.Publisher.PublishAsync(Subscribers.Created, $"order {time}", cancellationToken: cancellation);
            Assert.That((await app.Inbox.NextAsync(cancellation)).Body, Is.EqualTo($"order {time}"));
            await app.Service<IConsumerRegister>().ReStartAsync(force: true);
        }
    }
}
