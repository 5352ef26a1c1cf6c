using System.Net.Sockets;
using RocketMq.Embedded;

namespace Interop;

/// <summary>The fault proxy before a server that sends every byte back, and a client that knows bytes only.</summary>
[CancelAfter(60_000)]
public sealed class FaultProxyTests
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private EchoServer _server = null!;
    private StoppedClock _clock = null!;
    private FaultProxy _proxy = null!;

    [SetUp]
    public async Task StartProxy()
    {
        _server = new EchoServer();
        _clock = new StoppedClock();
        _proxy = await FaultProxy.StartAsync(_server.Address, new FaultProxyOptions { Clock = _clock });
    }

    [TearDown]
    public async Task StopProxy()
    {
        await _proxy.StopAsync();
        await _server.DisposeAsync();
    }

    private Task<RawClient> ConnectAsync(CancellationToken cancellation) => RawClient.ConnectAsync(_proxy.Address, cancellation);

    /// <summary>A client whose connection has gone through to the server and back.</summary>
    private async Task<RawClient> ConnectThroughAsync(CancellationToken cancellation)
    {
        var client = await ConnectAsync(cancellation);
        await EchoAsync(client, "hello"u8.ToArray(), cancellation);
        return client;
    }

    private static async Task EchoAsync(RawClient client, byte[] bytes, CancellationToken cancellation)
    {
        await client.SendAsync(bytes, cancellation);
        Assert.That(await client.ReadAsync(bytes.Length, cancellation), Is.EqualTo(bytes));
    }

    [Test]
    public async Task Without_faults_everything_passes_and_is_counted(CancellationToken cancellation)
    {
        using var client = await ConnectAsync(cancellation);
        var bytes = new byte[300_000];
        Random.Shared.NextBytes(bytes);
        await EchoAsync(client, bytes, cancellation);

        Assert.That(_proxy.Address, Is.EqualTo($"127.0.0.1:{_proxy.Port}"));
        Assert.That(_proxy.Target, Is.EqualTo(_server.Address));
        Assert.That(_proxy.OpenConnections, Is.EqualTo(1));
        Assert.That(_proxy.ToServer.ReceivedBytes, Is.EqualTo(bytes.Length));
        Assert.That(_proxy.ToServer.SentBytes, Is.EqualTo(bytes.Length));
        Assert.That(_proxy.ToClient.ReceivedBytes, Is.EqualTo(bytes.Length));
        Assert.That(_proxy.ToClient.SentBytes, Is.EqualTo(bytes.Length));

        client.CloseSending();
        Assert.That(await client.ReadToEndAsync(cancellation), Is.Empty, "the server has closed as well");
        await Wait.UntilAsync(() => _proxy.OpenConnections == 0, cancellation);
        Assert.That(_proxy.AcceptedConnections, Is.EqualTo(1));
    }

    [TestCase(CutKind.Fin)]
    [TestCase(CutKind.Reset)]
    public async Task A_cut_ends_all_present_connections(CutKind kind, CancellationToken cancellation)
    {
        using var first = await ConnectThroughAsync(cancellation);
        using var second = await ConnectThroughAsync(cancellation);
        _proxy.Cut(kind);

        Assert.That(_proxy.OpenConnections, Is.Zero);
        var expected = kind == CutKind.Fin ? Array.Empty<byte>() : null;
        Assert.That(await first.ReadToEndAsync(cancellation), Is.EqualTo(expected));
        Assert.That(await second.ReadToEndAsync(cancellation), Is.EqualTo(expected));
        using var third = await ConnectThroughAsync(cancellation);
    }

    [Test]
    public async Task Cut_after_a_number_of_bytes_comes_once([Values] bool toClient, [Values] CutKind kind, CancellationToken cancellation)
    {
        using var client = await ConnectThroughAsync(cancellation);
        (toClient ? _proxy.ToClient : _proxy.ToServer).CutAfter(4, kind);
        await client.SendAsync("0123456789"u8.ToArray(), cancellation);

        if (toClient)
        {
            Assert.That(await client.ReadAsync(4, cancellation), Is.EqualTo("0123"u8.ToArray()));
        }

        var rest = await client.ReadToEndAsync(cancellation);
        Assert.That(rest is null, Is.EqualTo(kind == CutKind.Reset));
        Assert.That(_proxy.ToServer.SentBytes, Is.EqualTo(toClient ? 15 : 9));
        using var next = await ConnectThroughAsync(cancellation);
    }

    [Test]
    public async Task A_delay_goes_by_the_clock(CancellationToken cancellation)
    {
        using var client = await ConnectThroughAsync(cancellation);
        _proxy.ToClient.Delay = Hour;
        var echo = EchoAsync(client, "late"u8.ToArray(), cancellation);
        await Wait.UntilAsync(() => _proxy.ToClient.ReceivedBytes == 9, cancellation);
        _clock.Advance(Hour - TimeSpan.FromMilliseconds(1));
        Assert.That(_proxy.ToClient.SentBytes, Is.EqualTo(5));
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        await echo;
    }

    [Test]
    public async Task Timer_that_fires_early_is_set_again(CancellationToken cancellation)
    {
        using var client = await ConnectThroughAsync(cancellation);
        _proxy.ToClient.Delay = Hour;
        var echo = EchoAsync(client, "late"u8.ToArray(), cancellation);
        await Wait.UntilAsync(() => _clock.Timers == 1, cancellation);
        _clock.RingEarly();
        Assert.That(_proxy.ToClient.SentBytes, Is.EqualTo(5));
        _clock.Advance(Hour);
        await echo;
    }

    [Test]
    public async Task A_rate_goes_by_the_clock(CancellationToken cancellation)
    {
        using var client = await ConnectThroughAsync(cancellation);
        _proxy.ToServer.BytesPerSecond = 1;
        await client.SendAsync("abc"u8.ToArray(), cancellation);
        Assert.That(await client.ReadAsync(1, cancellation), Is.EqualTo("a"u8.ToArray()));
        await Wait.UntilAsync(() => _clock.Timers == 1, cancellation);
        Assert.That(_proxy.ToServer.SentBytes, Is.EqualTo(6));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.That(await client.ReadAsync(1, cancellation), Is.EqualTo("b"u8.ToArray()));
        _proxy.Heal();
        Assert.That(await client.ReadAsync(1, cancellation), Is.EqualTo("c"u8.ToArray()));
    }

    [Test]
    public async Task Black_hole_swallows_bytes_and_stays_open(CancellationToken cancellation)
    {
        using var client = await ConnectThroughAsync(cancellation);
        _proxy.ToServer.Drop = true;
        await client.SendAsync("lost"u8.ToArray(), cancellation);
        await Wait.UntilAsync(() => _proxy.ToServer.ReceivedBytes == 9, cancellation);
        Assert.That(_proxy.OpenConnections, Is.EqualTo(1));
        _proxy.Heal();
        await EchoAsync(client, "found"u8.ToArray(), cancellation);
        Assert.That(_proxy.ToServer.SentBytes, Is.EqualTo(10));
    }

    [Test]
    public async Task Half_open_connection_hides_the_close_of_the_client_from_the_server(CancellationToken cancellation)
    {
        var client = await ConnectThroughAsync(cancellation);
        _proxy.HalfOpen = true;
        await client.SendAsync("lost"u8.ToArray(), cancellation);
        client.Dispose();
        await Wait.UntilAsync(() => _proxy.ToServer.ReceivedBytes == 9, cancellation);

        using var other = await ConnectAsync(cancellation);
        await other.SendAsync("lost too"u8.ToArray(), cancellation);
        await Wait.UntilAsync(() => _proxy.ToServer.ReceivedBytes == 17, cancellation);
        Assert.That(_proxy.ToServer.SentBytes, Is.EqualTo(5));
        Assert.That(_proxy.OpenConnections, Is.EqualTo(2));

        _proxy.Heal();
        await Wait.UntilAsync(() => _proxy.OpenConnections == 1, cancellation);
        await EchoAsync(other, "found"u8.ToArray(), cancellation);
    }

    [Test]
    public async Task Sender_is_blocked_without_a_reader_and_nothing_is_lost(CancellationToken cancellation)
    {
        using var client = await ConnectThroughAsync(cancellation);
        _proxy.ToServer.StopReading = true;
        var chunk = new byte[64 * 1024];
        var sent = 0L;

        // With buffers this small the system takes a few hundred KiB at most.
        while (client.TrySend(chunk) is > 0 and var size)
        {
            sent += size;
        }

        Assert.That(sent, Is.GreaterThan(0).And.LessThan(16 * 1024 * 1024));
        Assert.That(_proxy.ToServer.SentBytes, Is.EqualTo(5));
        _proxy.Heal();

        for (var left = sent; left > 0;)
        {
            left -= (await client.ReadSomeAsync((int)Math.Min(left, chunk.Length), cancellation)).Length;
        }

        Assert.That(_proxy.ToClient.SentBytes, Is.EqualTo(sent + 5));
    }

    [Test]
    public async Task Split_bytes_arrive_complete(CancellationToken cancellation)
    {
        using var client = await ConnectAsync(cancellation);
        _proxy.ToServer.SplitBytes = true;
        _proxy.ToClient.SplitBytes = true;
        await EchoAsync(client, [.. Enumerable.Range(0, 1000).Select(number => (byte)number)], cancellation);
    }

    [Test]
    public async Task Garbage_is_sent_without_a_request(CancellationToken cancellation)
    {
        using var client = await ConnectThroughAsync(cancellation);
        _proxy.ToClient.SendGarbage("???"u8.ToArray());
        Assert.That(await client.ReadAsync(3, cancellation), Is.EqualTo("???"u8.ToArray()));
        _proxy.ToServer.SendGarbage(16, seed: 7);
        var expected = new byte[16];
        new Random(7).NextBytes(expected);
        Assert.That(await client.ReadAsync(16, cancellation), Is.EqualTo(expected));
    }

    [Test]
    public async Task Connections_are_refused_until_they_are_accepted_again_on_the_same_port(CancellationToken cancellation)
    {
        using var present = await ConnectThroughAsync(cancellation);
        _proxy.RefuseConnections();
        _proxy.RefuseConnections();
        var error = await Assert.ThrowsAsync<SocketException>(async () => await ConnectAsync(cancellation));
        Assert.That(error!.SocketErrorCode, Is.EqualTo(SocketError.ConnectionRefused));
        await EchoAsync(present, "present"u8.ToArray(), cancellation);

        _proxy.AcceptConnections();
        using var again = await ConnectThroughAsync(cancellation);
        _proxy.RefuseConnections();
        _proxy.Heal();
        using var healed = await ConnectThroughAsync(cancellation);
        Assert.That(_proxy.AcceptedConnections, Is.EqualTo(3));
    }

    [TestCase(CutKind.Fin)]
    [TestCase(CutKind.Reset)]
    public async Task New_connections_can_be_taken_and_ended_at_once(CutKind kind, CancellationToken cancellation)
    {
        using var present = await ConnectThroughAsync(cancellation);
        _proxy.CloseNewConnections(kind);
        var rest = await RawClient.ConnectAndReadToEndAsync(_proxy.Address, cancellation);
        Assert.That(rest is null, Is.EqualTo(kind == CutKind.Reset));
        await EchoAsync(present, "present"u8.ToArray(), cancellation);
        Assert.That(_proxy.OpenConnections, Is.EqualTo(1));
        Assert.That(_proxy.AcceptedConnections, Is.EqualTo(2));
        _proxy.AcceptConnections();
        using var again = await ConnectThroughAsync(cancellation);
    }

    [Test]
    public async Task Client_of_a_stopped_server_is_reset(CancellationToken cancellation)
    {
        await _server.DisposeAsync();
        Assert.That(await RawClient.ConnectAndReadToEndAsync(_proxy.Address, cancellation), Is.Null);
    }

    [Test]
    public async Task A_stopped_proxy_leaves_nothing_behind(CancellationToken cancellation)
    {
        using var client = await ConnectThroughAsync(cancellation);
        _proxy.ToClient.Delay = Hour;
        await client.SendAsync("held"u8.ToArray(), cancellation);
        await Wait.UntilAsync(() => _clock.Timers == 1, cancellation);
        await _proxy.StopAsync();
        await _proxy.StopAsync();

        Assert.That(_clock.Undisposed, Is.Zero);
        Assert.That(_proxy.OpenConnections, Is.Zero);
        Assert.That(await client.ReadToEndAsync(cancellation), Is.Empty);
        await Assert.ThrowsAsync<SocketException>(async () => await ConnectAsync(cancellation));
        Assert.That(_proxy.Heal, Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void Invalid_options_are_refused()
    {
        Assert.That(async () => await FaultProxy.StartAsync("nowhere"), Throws.ArgumentException);
        Assert.That(() => _proxy.ToClient.Delay = TimeSpan.FromTicks(-1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => _proxy.ToClient.BytesPerSecond = -1, Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => _proxy.ToClient.CutAfter(-1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => _proxy.Answers.DropEvery = -1, Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => _proxy.Answers.Delay(Hour, 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public async Task Port_in_use_is_refused()
    {
        await Assert.ThrowsAsync<SocketException>(async () =>
            await FaultProxy.StartAsync(_server.Address, new FaultProxyOptions { Port = _proxy.Port }));
    }
}
