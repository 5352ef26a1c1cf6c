using System.Net;
using System.Net.Sockets;
using RocketMq.Embedded;

namespace Interop;

/// <summary>Starting, stopping and losing servers.</summary>
[CancelAfter(60_000)]
public sealed class LifeTests
{
    private static Command AskForRoute(string topic) =>
        Command.Request(RequestCode.GetRouteInfoByTopic).With("topic", topic);

    /// <summary>A port of this machine that nobody listens on.</summary>
    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static async Task<bool> IsOpenAsync(string address, CancellationToken cancellation)
    {
        using var client = new TcpClient();

        try
        {
            await client.ConnectAsync(IPEndPoint.Parse(address), cancellation);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    [Test]
    public async Task Missing_server_is_an_error_with_its_address()
    {
        var address = $"127.0.0.1:{FreePort()}";
        var error = await Assert.ThrowsAsync<ConnectionException>(async () => await RemotingClient.Connect(address).StartAsync());

        Assert.That(error!.Address, Is.EqualTo(address));
        Assert.That(error.Message, Does.Contain(address));
        Assert.That(error.IsTransient);
        Assert.That(error.MayHaveBeenExecuted, Is.False);
    }

    [Test]
    public async Task A_stopped_broker_leaves_no_port_open(CancellationToken cancellation)
    {
        var broker = await EmbeddedBroker.StartAsync();
        Assert.That(await IsOpenAsync(broker.NameServer, cancellation));
        Assert.That(await IsOpenAsync(broker.BrokerAddress, cancellation));
        await broker.StopAsync();
        await broker.StopAsync();
        Assert.That(await IsOpenAsync(broker.NameServer, cancellation), Is.False);
        Assert.That(await IsOpenAsync(broker.BrokerAddress, cancellation), Is.False);
    }

    [Test]
    public async Task Port_in_use_is_refused_and_nothing_stays_open(CancellationToken cancellation)
    {
        await using var first = await EmbeddedBroker.StartAsync();
        var free = FreePort();
        var options = new EmbeddedBrokerOptions
        {
            NameServerPort = free,
            BrokerPort = IPEndPoint.Parse(first.BrokerAddress).Port,
        };

        await Assert.ThrowsAsync<SocketException>(async () => await EmbeddedBroker.StartAsync(options, cancellation));
        Assert.That(await IsOpenAsync($"127.0.0.1:{free}", cancellation), Is.False);
    }

    [Test]
    public async Task Client_reconnects_when_its_server_is_back(CancellationToken cancellation)
    {
        var options = new EmbeddedBrokerOptions { NameServerPort = FreePort() };
        var broker = await EmbeddedBroker.StartAsync(options, cancellation);
        await using var remoting = await RemotingClient.Connect(broker.NameServer)
            .RequestTimeout(TimeSpan.FromSeconds(30)).StartAsync(cancellation);
        var left = new TaskCompletionSource();
        remoting.StateChanged += (_, state) =>
        {
            if (state == ConnectionState.Connecting)
            {
                left.TrySetResult();
            }
        };

        await broker.StopAsync();
        await left.Task.WaitAsync(cancellation);
        await using var again = await EmbeddedBroker.StartAsync(options, cancellation);
        var answer = await remoting.InvokeAsync(AskForRoute("it-nowhere"), cancellation);
        Assert.That(answer.ResponseCode, Is.EqualTo(ResponseCode.TopicNotExist));
    }

    [Test]
    public async Task Client_that_sends_garbage_affects_only_itself(CancellationToken cancellation)
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var remoting = await RemotingClient.Connect(broker.BrokerAddress).StartAsync(cancellation);

        using var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(broker.BrokerAddress), cancellation);
        await client.GetStream().WriteAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray(), cancellation);
        Assert.That(await client.GetStream().ReadAsync(new byte[1], cancellation), Is.Zero, "closed by the broker");

        var answer = await remoting.InvokeAsync(Command.Request((RequestCode)9_999), cancellation);
        Assert.That(answer.ResponseCode, Is.EqualTo(ResponseCode.RequestCodeNotSupported));
    }

    [Test]
    public async Task Calls_in_flight_end_when_their_client_is_closed(CancellationToken cancellation)
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var remoting = await RemotingClient.Connect($"127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}")
            .RequestTimeout(TimeSpan.FromMinutes(10)).StartAsync(cancellation);
        using var peer = await silent.AcceptTcpClientAsync(cancellation);

        var calls = Enumerable.Range(0, 10).Select(_ => remoting.InvokeAsync(AskForRoute("t"), cancellation)).ToList();
        await remoting.DisposeAsync();

        foreach (var call in calls)
        {
            var error = await Assert.ThrowsAsync<ConnectionException>(async () => await call);
            Assert.That(error!.MayHaveBeenExecuted);
        }
    }

    [Test]
    public async Task Server_request_is_answered_by_the_handler_of_its_code(CancellationToken cancellation)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using var remoting = await RemotingClient.Connect($"127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}")
            .OnRequest(RequestCode.NotifyConsumerIdsChanged, request =>
                Task.FromResult<Command?>(request.Respond(ResponseCode.Success).With("group", request.Field("consumerGroup")!)))
            .StartAsync(cancellation);
        using var server = await listener.AcceptTcpClientAsync(cancellation);

        var header = """{"code":40,"language":"JAVA","version":399,"opaque":7,"flag":0,"extFields":{"consumerGroup":"billing"}}"""u8;
        var frame = new byte[8 + header.Length];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(frame, 4 + header.Length);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), header.Length);
        header.CopyTo(frame.AsSpan(8));
        await server.GetStream().WriteAsync(frame, cancellation);

        var lengths = new byte[8];
        await server.GetStream().ReadExactlyAsync(lengths, cancellation);
        var answer = new byte[System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(lengths) - 4];
        await server.GetStream().ReadExactlyAsync(answer, cancellation);
        using var json = System.Text.Json.JsonDocument.Parse(answer);

        Assert.That(json.RootElement.GetProperty("code").GetInt32(), Is.Zero);
        Assert.That(json.RootElement.GetProperty("opaque").GetInt32(), Is.EqualTo(7));
        Assert.That(json.RootElement.GetProperty("flag").GetInt32(), Is.EqualTo(1));
        Assert.That(json.RootElement.GetProperty("extFields").GetProperty("group").GetString(), Is.EqualTo("billing"));
    }
}
