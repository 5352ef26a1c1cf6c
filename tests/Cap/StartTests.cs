using DotNetCore.CAP;
using DotNetCore.CAP.Transport;
using Microsoft.Extensions.Options;
using RocketMq.Cap;

namespace CapTests;

/// <summary>What is wrong is said when the host starts, all of it, with what is allowed.</summary>
[CancelAfter(60_000)]
public sealed class StartTests
{
    private const string NoServer = "127.0.0.1:1";

    private static async Task<string> RefusalAsync<TSubscriber>(Action<RocketMqCapOptions> rocketMq, CancellationToken cancellation)
        where TSubscriber : class
    {
        await using var app = CapApp.Build<TSubscriber>(rocketMq, "start");

        try
        {
            await app.StartAsync(cancellation);
        }
        catch (Exception error) when (error is OptionsValidationException or InvalidOperationException or RocketMqException)
        {
            return error.Message;
        }

        throw new AssertionException("It started.");
    }

    [Test]
    public async Task All_mistakes_of_the_options_are_reported_at_once(CancellationToken cancellation)
    {
        var refusal = await RefusalAsync<OneSubscriber>(
            options =>
            {
                options.NameServers = "nowhere";
                options.Settings = "requestTimeout=fast;unheard=1";
                options.Namespace = "a.b";
                options.ProducerGroup = "cap.publishers";
                options.RedeliveryDelay = TimeSpan.FromDays(1);
                options.MaxBrokerDelay = TimeSpan.Zero;
                options.DelayedDelivery = (DelayedDelivery)7;
                options.ConfigureClient = _ => null!;
            },
            cancellation);

        foreach (var part in new[]
        {
            "NameServers:", "nowhere", "Settings:", "requestTimeout", "unheard", "Namespace:", "ProducerGroup:", "a-z A-Z 0-9", "RedeliveryDelay", "02:00:00",
            "MaxBrokerDelay", "DelayedDelivery is 7", "Auto, Broker, Scheduler", "ConfigureClient: it returned null",
        })
        {
            Assert.That(refusal, Does.Contain(part));
        }
    }

    [Test]
    public async Task Name_servers_are_needed(CancellationToken cancellation) =>
        Assert.That(await RefusalAsync<NoSubscriber>(_ => { }, cancellation), Does.Contain("NameServers is missing"));

    [Test]
    public async Task What_the_application_changes_is_tried_before_the_start(CancellationToken cancellation) =>
        Assert.That(
            await RefusalAsync<NoSubscriber>(
                options =>
                {
                    options.NameServers = NoServer;
                    options.ConfigureProducer = producer => producer.Attempts(0);
                    options.ConfigureConsumer = _ => throw new FormatException("not like this");
                },
                cancellation),
            Does.Contain("ConfigureProducer: ").And.Contain("ConfigureConsumer: not like this"));

    public sealed class Hopeless : ICapSubscribe
    {
        private readonly List<string> _taken = [];

        [CapSubscribe("orders.*", Group = "patterns")]
        public void Any(string body) => _taken.Add(body);

        [CapSubscribe("a.name.of.more.than.127.characters.a.name.of.more.than.127.characters.a.name.of.more.than.127.characters", Group = "long")]
        public void TooLong(string body) => _taken.Add(body);
    }

    [Test]
    public async Task Patterns_and_names_that_are_too_long_are_refused(CancellationToken cancellation)
    {
        var refusal = await RefusalAsync<Hopeless>(options => options.NameServers = NoServer, cancellation);
        Assert.That(refusal, Does.Contain("start.orders.*").And.Contain("subscribe to each name"));
        Assert.That(refusal, Does.Contain("limit is 127"));
    }

    public sealed class Alike : ICapSubscribe
    {
        private readonly List<string> _taken = [];

        [CapSubscribe("a.b", Group = "one")]
        public void Dot(string body) => _taken.Add(body);

        [CapSubscribe("a-b", Group = "two")]
        public void Dash(string body) => _taken.Add(body);
    }

    [Test]
    public async Task Two_names_of_one_topic_are_refused(CancellationToken cancellation)
    {
        var refusal = await RefusalAsync<Alike>(
            options =>
            {
                options.NameServers = NoServer;
                options.TopicName = name => name.Replace('.', '-');
            },
            cancellation);
        Assert.That(refusal, Does.Contain("start-a-b").And.Contain("'start.a.b'").And.Contain("'start.a-b'"));
    }

    [Test]
    public async Task A_name_that_cannot_be_sent_to_is_a_failed_result(CancellationToken cancellation)
    {
        await using var app = CapApp.Build<NoSubscriber>(options => options.NameServers = NoServer, "start");
        var transport = app.Service<ITransport>();
        Assert.That(transport.BrokerAddress.ToString(), Is.EqualTo($"RocketMQ${NoServer}"));

        foreach (var name in new[] { new string('a', 200), "" })
        {
            var headers = new Dictionary<string, string?> { ["cap-msg-name"] = name };
            var result = await transport.SendAsync(new(headers, new byte[] { 1 }));
            Assert.That((result.Succeeded, result.Exception?.InnerException), Is.EqualTo((false, result.Exception!.InnerException)));
            Assert.That(result.Exception.InnerException, Is.InstanceOf<ArgumentException>());
        }

        Assert.That((await transport.SendAsync(new(new Dictionary<string, string?>(), default))).Succeeded, Is.False);
    }

    [Test]
    public void A_host_that_is_disposed_of_synchronously_ends_as_well()
    {
        var app = CapApp.Build<NoSubscriber>(options => options.NameServers = NoServer, "start");
        Assert.That(app.Service<RocketMqConnection>().Client.ClientId, Is.Not.Empty);
        app.Dispose();
    }
}
