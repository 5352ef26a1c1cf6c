using System.Net;
using System.Net.Sockets;
using RocketMq.Embedded;

namespace Interop;

/// <summary>SOCKS proxies, the VIP channel and short heartbeats, as the builders set them up.</summary>
public sealed class ProxySettingTests
{
    /// <summary>A port that nothing listens at, as far as can be known.</summary>
    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [Test]
    public void What_is_no_proxy_is_refused_with_the_name_of_the_argument()
    {
        var builder = Producer.Create("g");
        Assert.That(() => builder.SocksProxy("nonsense"), Throws.ArgumentException);
        Assert.That(() => builder.SocksProxy(null!), Throws.ArgumentNullException);
        Assert.That(() => builder.SocksProxy("p:1", "me"), Throws.ArgumentException.With.Property("ParamName").EqualTo("password"));
        Assert.That(() => builder.SocksProxy("p:1", password: "x"), Throws.ArgumentException.With.Property("ParamName").EqualTo("userName"));
        Assert.That(
            () => builder.SocksProxy("p:1", targets: ["10.0.0.0/99"]),
            Throws.ArgumentException.With.Property("ParamName").EqualTo("targets").And.Message.Contains("*.example.com"));
        Assert.That(
            () => builder.SocksProxy("p:1", "me", new string('x', 256)),
            Throws.ArgumentException.With.Message.Contains("1 to 255 bytes").And.Message.Not.Contains("xxx"));
    }

    [Test]
    public async Task A_proxy_that_is_not_there_is_named_with_the_server(CancellationToken cancellation)
    {
        var proxy = $"127.0.0.1:{FreePort()}";
        var connecting = RemotingClient.Connect("broker.example:10911").SocksProxy(proxy, "me", "s3cret");
        var error = await Assert.ThrowsAsync<ConnectionException>(() => connecting.StartAsync(cancellation));
        Assert.That(error!.Message, Does.Contain(proxy).And.Contain("broker.example:10911").And.Not.Contain("s3cret"));
    }

    [Test]
    public async Task A_server_that_is_no_target_is_reached_directly(CancellationToken cancellation)
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var producer = await Producer.Create("g").NameServers(broker.NameServer)
            .SocksProxy($"127.0.0.1:{FreePort()}", targets: ["10.0.0.0/8", "*.example.com"])
            .SendTimeout(TimeSpan.FromMinutes(10)).StartAsync(cancellation);
        Assert.That((await producer.SendAsync(Message.To("T").Body("x"), cancellation)).QueueOffset, Is.Zero);
    }

    [Test]
    public async Task Messages_go_to_the_vip_channel_and_come_back_with_short_heartbeats(CancellationToken cancellation)
    {
        await using var broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions { VipChannel = true }, cancellation);
        await using var producer = await Producer.Create("g").NameServers(broker.NameServer).UseVipChannel().UseHeartbeatV2()
            .SendTimeout(TimeSpan.FromMinutes(10)).StartAsync(cancellation);
        await producer.SendAsync(Message.To("T").Body("x"), cancellation);

        var seen = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var consumer = await PushConsumer.Create("c").NameServers(broker.NameServer).UseHeartbeatV2()
            .ConsumeFromWhere(ConsumeFrom.FirstOffset).Subscribe("T")
            .OnMessage((message, _) =>
            {
                seen.TrySetResult(message.Text);
                return Task.CompletedTask;
            })
            .StartAsync(cancellation);
        Assert.That(await seen.Task.WaitAsync(cancellation), Is.EqualTo("x"));
    }

    [Test]
    public async Task A_vip_channel_that_is_not_there_is_an_error_that_names_the_option(CancellationToken cancellation)
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var producer = await Producer.Create("g").NameServers(broker.NameServer).UseVipChannel().Attempts(1)
            .SendTimeout(TimeSpan.FromMinutes(10)).StartAsync(cancellation);
        var error = await Assert.ThrowsAsync<ConnectionException>(() => producer.SendAsync(Message.To("T").Body("x"), cancellation));
        Assert.That(error!.Message, Does.Contain("useVipChannel"));
        Assert.That(error.MayHaveBeenExecuted, Is.False);
    }
}
