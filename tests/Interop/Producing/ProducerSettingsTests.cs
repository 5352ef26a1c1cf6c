using System.Net;
using System.Net.Sockets;
using System.Text;
using RocketMq.Embedded;

namespace Interop;

/// <summary>Brokers that producers avoid, and how producers find name servers.</summary>
[CancelAfter(60_000)]
public sealed class ProducerSettingsTests
{
    private EmbeddedBroker _broker = null!;

    [SetUp]
    public async Task StartBroker() => _broker = await EmbeddedBroker.StartAsync();

    [TearDown]
    public Task StopBroker() => _broker.StopAsync();

    private ProducerBuilder Build() => Producer.Create("producers").NameServers(_broker.NameServer);

    private async Task<IReadOnlyList<AvoidedBroker>> AvoidedAfterFailureAsync(ProducerBuilder builder, CancellationToken cancellation)
    {
        await using var producer = await builder.Attempts(1).StartAsync(cancellation);
        await producer.SendAsync(Message.To("T").Body("makes the topic"), cancellation);
        Assert.That(producer.AvoidedBrokers, Is.Empty);
        _broker.Faults.On((int)RequestCode.SendMessageV2).Refuse((int)ResponseCode.SystemBusy, "too busy");
        await Assert.ThrowsAsync<BrokerException>(() => producer.SendAsync(Message.To("T").Body("refused"), cancellation));
        return producer.AvoidedBrokers;
    }

    [Test]
    public async Task Failed_broker_is_avoided_for_a_time(CancellationToken cancellation)
    {
        var avoided = await AvoidedAfterFailureAsync(Build(), cancellation);
        Assert.That(avoided.Select(broker => (broker.BrokerName, broker.IsReachable)), Is.EqualTo(new[] { ("broker-embedded", false) }));
    }

    [Test]
    public async Task Failed_broker_is_used_when_avoidance_is_off(CancellationToken cancellation) =>
        Assert.That(await AvoidedAfterFailureAsync(Build().NoBrokerAvoidance(), cancellation), Is.Empty);

    [Test]
    public async Task A_slow_broker_is_avoided_by_steps(CancellationToken cancellation)
    {
        AvoidanceStep[] steps = [new(TimeSpan.Zero, TimeSpan.FromMinutes(1))];
        await using var producer = await Build().LatencyFaultTolerance(steps, TimeSpan.FromHours(1)).StartAsync(cancellation);
        await producer.SendAsync(Message.To("T").Body("slow, as each is"), cancellation);
        Assert.That(producer.AvoidedBrokers.Select(broker => broker.IsReachable), Is.EqualTo(new[] { true }));
        Assert.Throws<ArgumentException>(() => Build().LatencyFaultTolerance([steps[0], steps[0]], TimeSpan.Zero));
    }

    [Test]
    [NonParallelizable]
    public async Task Name_servers_are_found_in_the_environment(CancellationToken cancellation)
    {
        var before = Environment.GetEnvironmentVariable("NAMESRV_ADDR");

        try
        {
            Environment.SetEnvironmentVariable("NAMESRV_ADDR", _broker.NameServer);
            await using var producer = await Producer.Create("producers").StartAsync(cancellation);
            Assert.That((await producer.SendAsync(Message.To("T").Body("found"), cancellation)).Status, Is.EqualTo(SendStatus.Ok));

            Environment.SetEnvironmentVariable("NAMESRV_ADDR", "no address");
            var wrong = await Assert.ThrowsAsync<InvalidRequestException>(() => Producer.Create("producers").StartAsync(cancellation));
            Assert.That(wrong!.Message, Does.Contain("no address"));

            Environment.SetEnvironmentVariable("NAMESRV_ADDR", null);
            await Assert.ThrowsAsync<InvalidRequestException>(() => Producer.Create("producers").StartAsync(cancellation));
        }
        finally
        {
            Environment.SetEnvironmentVariable("NAMESRV_ADDR", before);
        }
    }

    [Test]
    public async Task Name_servers_are_found_by_an_address_server(CancellationToken cancellation)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var asked = AnswerOnceAsync(listener, _broker.NameServer, cancellation);
        await using var producer = await Producer.Create("producers")
            .AddressServer(listener.LocalEndpoint.ToString()!, "ours").StartAsync(cancellation);
        Assert.That((await producer.SendAsync(Message.To("T").Body("found"), cancellation)).Status, Is.EqualTo(SendStatus.Ok));
        Assert.That(await asked, Does.StartWith("GET /rocketmq/ours "));
    }

    private static async Task<string> AnswerOnceAsync(
        TcpListener listener, string body, CancellationToken cancellation)
    {
        using var client = await listener.AcceptTcpClientAsync(cancellation);
        await using var stream = client.GetStream();
        using var reader = new StreamReader(stream, leaveOpen: true);
        var request = await reader.ReadLineAsync(cancellation) ?? "";

        while (!string.IsNullOrEmpty(await reader.ReadLineAsync(cancellation)))
        {
        }

        var answer = $"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(answer), cancellation);
        return request;
    }

    [Test]
    public void Invalid_settings_are_refused_by_the_builder()
    {
        var builder = Build();

        Assert.Multiple(() =>
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => builder.AttemptTimeout(TimeSpan.Zero));
            Assert.Throws<ArgumentOutOfRangeException>(() => builder.DrainTimeout(TimeSpan.FromDays(2)));
            Assert.Throws<ArgumentOutOfRangeException>(() => builder.Compression((BodyCompression)8));
            Assert.Throws<ArgumentOutOfRangeException>(() => builder.AutoCreateTopic("T", 0));
            Assert.Throws<ArgumentException>(() => builder.AutoCreateTopic("no topic"));
            Assert.Throws<ArgumentException>(() => builder.Batching(messages: 0));
            Assert.Throws<ArgumentException>(() => builder.Batching(wait: TimeSpan.FromMinutes(1)));
            Assert.Throws<ArgumentException>(() => builder.Namespace("no name"));
            Assert.Throws<ArgumentException>(() => builder.Trace("no topic"));
            Assert.Throws<ArgumentException>(() => builder.AddressServer(" "));
            Assert.Throws<ArgumentException>(() => Message.To("T").DelayLevel(19));
            Assert.Throws<ArgumentException>(() => Message.To("T").Delay(TimeSpan.Zero));
            Assert.Throws<ArgumentException>(() => Message.To("T").ShardingKey(""));
        });
    }
}
