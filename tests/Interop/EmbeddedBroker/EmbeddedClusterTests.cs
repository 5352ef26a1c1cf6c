using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using RocketMq.Embedded;

namespace Interop;

/// <summary>A cluster in this process, whose servers go and come back.</summary>
[CancelAfter(60_000)]
public sealed class EmbeddedClusterTests
{
    private const string Topic = "it-cluster";

    private EmbeddedCluster _cluster = null!;

    [TearDown]
    public Task StopCluster() => _cluster.StopAsync();

    private async Task StartAsync(int masters, int slaves = 0, int nameServers = 1, TimeProvider? clock = null) =>
        _cluster = await EmbeddedCluster.StartAsync(new EmbeddedClusterOptions
        {
            Masters = masters,
            Slaves = slaves,
            NameServers = nameServers,
            Clock = clock ?? TimeProvider.System,
        });

    private static Task<RemotingClient> ConnectAsync(string address, CancellationToken cancellation) =>
        RemotingClient.Connect(address).StartAsync(cancellation);

    private static Command Send(string key, int queueId = 0) =>
        Requests.SendMessageV2("it-producers", Message.To(Topic).Keys(key).Body(key), queueId);

    private static async Task<IReadOnlyList<string>> BrokersAsync(string nameServer, CancellationToken cancellation)
    {
        await using var names = NameServerClient.Connect(nameServer);
        var cluster = await names.GetClusterAsync(cancellation);
        return [.. cluster.Brokers.Select(broker => broker.BrokerName).Order(StringComparer.Ordinal)];
    }

    private async Task<List<ReceivedMessage>> ReceiveAsync(int count, CancellationToken cancellation)
    {
        await using var consumer = await PullConsumer.Create("it-group")
            .NameServers(_cluster.NameServers).Subscribe(Topic).ConsumeFromWhere(ConsumeFrom.FirstOffset).StartAsync(cancellation);
        var received = new List<ReceivedMessage>();

        while (received.Count < count)
        {
            received.Add(await consumer.ReceiveAsync(cancellation));
        }

        return received;
    }

    [Test]
    public async Task Topic_created_in_advance_is_on_all_masters(CancellationToken cancellation)
    {
        await StartAsync(masters: 3, slaves: 1);
        await _cluster.CreateTopicAsync(Topic, queues: 2, cancellation);
        await using var names = NameServerClient.Connect(_cluster.NameServers);
        var route = await names.GetRouteAsync(Topic, cancellation);
        Assert.That(route.Queues.Select(queues => (queues.BrokerName, queues.ReadQueues, queues.WriteQueues)), Is.EquivalentTo(new[]
        {
            ("broker-a", 2, 2), ("broker-b", 2, 2), ("broker-c", 2, 2),
        }));
        Assert.That(
            route.Brokers.Single(broker => broker.BrokerName == "broker-a").Addresses,
            Is.EquivalentTo(new Dictionary<long, string>
            {
                [0] = _cluster.Brokers[0].Address,
                [1] = _cluster.Brokers[3].Address,
            }));
    }

    [Test]
    public async Task Topic_created_by_a_send_is_on_that_broker_only(CancellationToken cancellation)
    {
        await StartAsync(masters: 2);
        await using var remoting = await ConnectAsync(_cluster.Brokers[1].Address, cancellation);
        await remoting.InvokeAsync(Send("x"), cancellation);
        await using var names = NameServerClient.Connect(_cluster.NameServers);
        var route = await names.GetRouteAsync(Topic, cancellation);
        Assert.That(route.Brokers.Select(broker => broker.BrokerName), Is.EqualTo(new[] { "broker-b" }));
    }

    [Test]
    public async Task Acknowledged_messages_survive_a_restart_of_their_master(CancellationToken cancellation)
    {
        await StartAsync(masters: 2);
        await _cluster.CreateTopicAsync(Topic, cancellationToken: cancellation);
        var master = _cluster.Brokers[0];
        var acknowledged = new ConcurrentBag<string>();
        var halfway = new TaskCompletionSource();
        await using var remoting = await ConnectAsync(master.Address, cancellation);

        async Task SendUntilRefusedAsync(int caller)
        {
            for (var number = 0; ; number++)
            {
                var key = string.Create(CultureInfo.InvariantCulture, $"{caller}-{number}");

                try
                {
                    if ((await remoting.InvokeAsync(Send(key, caller % 4), cancellation)).IsSuccess)
                    {
                        acknowledged.Add(key);
                    }
                }
                catch (Exception error) when (error is ConnectionException or ClientClosedException)
                {
                    return;
                }

                if (acknowledged.Count > 500)
                {
                    halfway.TrySetResult();
                }
            }
        }

        var callers = Enumerable.Range(0, 16).Select(SendUntilRefusedAsync).ToArray();
        await halfway.Task.WaitAsync(cancellation);
        await master.StopAsync();
        Assert.That(master.IsRunning, Is.False);
        Assert.That(await BrokersAsync(_cluster.NameServers, cancellation), Is.EqualTo(new[] { "broker-b" }));
        await remoting.DisposeAsync();
        await Task.WhenAll(callers).WaitAsync(cancellation);

        await master.StartAsync(cancellation);
        Assert.That(master.IsRunning);
        Assert.That(await BrokersAsync(_cluster.NameServers, cancellation), Is.EqualTo(new[] { "broker-a", "broker-b" }));
        await using var again = await ConnectAsync(master.Address, cancellation);
        var stored = 0;

        for (var queueId = 0; queueId < 4; queueId++)
        {
            var answer = await again.InvokeAsync(Requests.MaxOffset(Topic, queueId), cancellation);
            stored += int.Parse(answer.Field("offset")!, CultureInfo.InvariantCulture);
        }

        Assert.That(stored, Is.GreaterThanOrEqualTo(acknowledged.Count));
        var received = await ReceiveAsync(stored, cancellation);
        Assert.That(
            received.Select(message => Encoding.UTF8.GetString(message.Body.Span)).ToHashSet(),
            Is.SupersetOf(acknowledged));
    }

    [Test]
    public async Task Clients_read_from_the_slave_while_the_master_is_away(CancellationToken cancellation)
    {
        await StartAsync(masters: 1, slaves: 1);
        var (master, slave) = (_cluster.Brokers[0], _cluster.Brokers[1]);
        Assert.That((slave.Name, slave.Id, slave.IsMaster), Is.EqualTo((master.Name, 1L, false)));

        await using (var remoting = await ConnectAsync(master.Address, cancellation))
        {
            for (var number = 0; number < 50; number++)
            {
                await remoting.InvokeAsync(Send($"{number}", number % 4), cancellation);
            }
        }

        await master.StopAsync();
        var received = await ReceiveAsync(50, cancellation);
        Assert.That(
            received.Select(message => int.Parse(Encoding.UTF8.GetString(message.Body.Span), CultureInfo.InvariantCulture)),
            Is.EquivalentTo(Enumerable.Range(0, 50)));

        await using var toSlave = await ConnectAsync(slave.Address, cancellation);
        Assert.That(
            (await toSlave.InvokeAsync(Send("refused"), cancellation)).ResponseCode,
            Is.EqualTo(ResponseCode.ServiceNotAvailable));
    }

    [Test]
    public async Task A_message_is_found_by_key_on_master_and_slave(CancellationToken cancellation)
    {
        await StartAsync(masters: 1, slaves: 1);
        await using var remoting = await ConnectAsync(_cluster.Brokers[0].Address, cancellation);
        await remoting.InvokeAsync(Send("wanted"), cancellation);
        await remoting.InvokeAsync(Send("other"), cancellation);
        var query = Requests.QueryMessage(Topic, "wanted", DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue);

        foreach (var broker in _cluster.Brokers)
        {
            await using var to = await ConnectAsync(broker.Address, cancellation);
            var answer = await to.InvokeAsync(query, cancellation);
            Assert.That(answer.IsSuccess, broker.ToString());
            Assert.That(Encoding.UTF8.GetString(answer.Body.Span), Does.Contain("wanted").And.Not.Contain("other"));
        }
    }

    [Test]
    public async Task Clients_fail_over_to_another_name_server_and_use_the_first_one_after_its_return(CancellationToken cancellation)
    {
        await StartAsync(masters: 2, nameServers: 2);
        await _cluster.CreateTopicAsync(Topic, cancellationToken: cancellation);
        Assert.That(_cluster.NameServers.Split(';'), Has.Length.EqualTo(2));
        var (first, second) = (_cluster.NameServerNodes[0], _cluster.NameServerNodes[1]);
        await using var names = NameServerClient.Connect(_cluster.NameServers);
        await first.StopAsync();
        Assert.That((await names.GetRouteAsync(Topic, cancellation)).Queues, Has.Count.EqualTo(2));

        await _cluster.Brokers[0].StopAsync();
        await first.StartAsync(cancellation);
        await second.StopAsync();
        Assert.That((first.IsRunning, second.IsRunning), Is.EqualTo((true, false)));
        await using var again = NameServerClient.Connect(_cluster.NameServers);
        var route = await again.GetRouteAsync(Topic, cancellation);
        Assert.That(route.Queues.Select(queues => queues.BrokerName), Is.EqualTo(new[] { "broker-b" }));
    }

    [Test]
    public async Task Silent_broker_stays_in_routes_until_its_timeout(CancellationToken cancellation)
    {
        var clock = new StoppedClock();
        await StartAsync(masters: 2, clock: clock);
        await _cluster.Brokers[1].StopAsync(BrokerStop.Silently);
        Assert.That(await BrokersAsync(_cluster.NameServers, cancellation), Is.EqualTo(new[] { "broker-a", "broker-b" }));
        Assert.That(clock.Timers, Is.EqualTo(1));
        clock.Advance(TimeSpan.FromSeconds(120));
        Assert.That(await BrokersAsync(_cluster.NameServers, cancellation), Is.EqualTo(new[] { "broker-a" }));
    }

    [Test]
    public async Task Faults_affect_their_server_only(CancellationToken cancellation)
    {
        await StartAsync(masters: 2, nameServers: 2);
        _cluster.Brokers[0].Faults.On((int)RequestCode.SendMessageV2).Refuse((int)ResponseCode.SystemBusy, "busy", int.MaxValue);
        _cluster.NameServerNodes[1].Faults.On((int)RequestCode.GetBrokerClusterInfo).Refuse((int)ResponseCode.SystemBusy, "busy");
        var codes = new List<ResponseCode>();

        foreach (var broker in _cluster.Brokers)
        {
            await using var remoting = await ConnectAsync(broker.Address, cancellation);
            codes.Add((await remoting.InvokeAsync(Send("x"), cancellation)).ResponseCode);
        }

        foreach (var nameServer in _cluster.NameServerNodes)
        {
            await using var remoting = await ConnectAsync(nameServer.Address, cancellation);
            codes.Add((await remoting.InvokeAsync(Requests.ClusterInfo(), cancellation)).ResponseCode);
        }

        Assert.That(codes, Is.EqualTo(new[]
        {
            ResponseCode.SystemBusy, ResponseCode.Success, ResponseCode.Success, ResponseCode.SystemBusy,
        }));
    }

    [Test]
    public async Task Stopping_and_starting_are_idempotent(CancellationToken cancellation)
    {
        await StartAsync(masters: 1);
        var master = _cluster.Brokers[0];
        await Task.WhenAll(master.StopAsync(), master.StopAsync());
        await Task.WhenAll(master.StartAsync(cancellation), master.StartAsync(cancellation));
        Assert.That(await BrokersAsync(_cluster.NameServers, cancellation), Is.EqualTo(new[] { "broker-a" }));
        await _cluster.StopAsync();
        Assert.That(master.IsRunning, Is.False);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => master.StartAsync(cancellation));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => _cluster.CreateTopicAsync(Topic, cancellationToken: cancellation));
        await _cluster.StopAsync();
    }

    [Test]
    public async Task Stopped_cluster_leaves_no_timer_on_its_clock(CancellationToken cancellation)
    {
        var clock = new StoppedClock();
        await StartAsync(masters: 3, slaves: 3, nameServers: 2, clock: clock);
        await _cluster.Brokers[0].StopAsync(BrokerStop.Silently);
        await BrokersAsync(_cluster.NameServers, cancellation);
        Assert.That(clock.Undisposed, Is.EqualTo(1));
        await _cluster.StopAsync();
        Assert.That(clock.Undisposed, Is.Zero);
    }

    [Test]
    public async Task Invalid_options_are_refused(CancellationToken cancellation)
    {
        await StartAsync(masters: 1);

        foreach (var options in new EmbeddedClusterOptions[]
        {
            new() { Masters = 0 }, new() { NameServers = 0 }, new() { Slaves = -1 }, new() { Masters = 1, Slaves = 2 },
        })
        {
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => EmbeddedCluster.StartAsync(options, cancellation));
        }

        Assert.That(() => _cluster.CreateTopicAsync("no topic"), Throws.ArgumentException);
        Assert.That(() => _cluster.CreateTopicAsync("SCHEDULE_TOPIC_XXXX"), Throws.ArgumentException);
        Assert.That(() => _cluster.CreateTopicAsync(Topic, queues: 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => _cluster.Brokers[0].StopAsync((BrokerStop)7), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => _cluster.Brokers[0].Advertise("nowhere"), Throws.ArgumentException);
    }

    [Test]
    public async Task Single_broker_creates_topics_in_advance_too(CancellationToken cancellation)
    {
        await StartAsync(masters: 1);
        await using var broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions { AutoCreateTopics = false }, cancellation);
        await broker.CreateTopicAsync(Topic, queues: 3, cancellation);
        await using var names = NameServerClient.Connect(broker.NameServer);
        Assert.That((await names.GetRouteAsync(Topic, cancellation)).Queues.Single().WriteQueues, Is.EqualTo(3));
        await using var remoting = await ConnectAsync(broker.BrokerAddress, cancellation);
        Assert.That((await remoting.InvokeAsync(Send("x", queueId: 2), cancellation)).IsSuccess);
    }
}
