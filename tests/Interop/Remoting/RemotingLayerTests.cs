using System.Diagnostics;
using System.Diagnostics.Metrics;
using RocketMq.Embedded;

namespace Interop;

/// <summary>What the facade offers about connections, through a proxy that does harm where it takes harm.</summary>
[CancelAfter(60_000)]
public sealed class RemotingLayerTests
{
    private EmbeddedBroker _broker = null!;
    private FaultProxy _proxy = null!;

    [SetUp]
    public async Task Start()
    {
        _broker = await EmbeddedBroker.StartAsync();
        _proxy = await FaultProxy.StartAsync(_broker.NameServer);
    }

    [TearDown]
    public async Task Stop()
    {
        await _proxy.StopAsync();
        await _broker.StopAsync();
    }

    private static Command Cluster => Command.Request(RequestCode.GetBrokerClusterInfo);

    [Test]
    public async Task One_connection_serves_all_callers_of_an_address(CancellationToken cancellation)
    {
        await using var clients = RemotingClients.Create().RequestTimeout(TimeSpan.FromSeconds(20)).Start();
        Assert.That(clients.Health, Is.Empty);
        var calls = Enumerable.Range(0, 200).Select(_ => clients.InvokeAsync(_proxy.Address, Cluster, cancellation));
        var answers = await Task.WhenAll(calls);
        Assert.That(answers.Select(answer => answer.ResponseCode), Is.All.EqualTo(ResponseCode.Success));
        Assert.That(_proxy.AcceptedConnections, Is.EqualTo(1));
        var first = clients.For(_proxy.Address);
        Assert.That(clients.For(_proxy.Address), Is.SameAs(first));
        await clients.InvokeAsync(_broker.BrokerAddress, Command.Request(RequestCode.GetBrokerConfig), cancellation);
        Assert.That(clients.Health.Select(health => health.Address), Is.EquivalentTo(new[] { _proxy.Address, _broker.BrokerAddress }));
        await clients.DisposeAsync();
        await Assert.ThrowsAsync<ClientClosedException>(() => clients.InvokeAsync(_proxy.Address, Cluster, cancellation));
    }

    [Test]
    public async Task Health_shows_the_state_of_a_connection(CancellationToken cancellation)
    {
        await using var client = await RemotingClient.Connect(_proxy.Address).StartAsync(cancellation);
        Assert.That(client.Health, Has.Property(nameof(ConnectionHealth.SinceHeard)).Null);
        await client.InvokeAsync(Cluster, cancellation);
        var health = client.Health;
        Assert.That(health.State, Is.EqualTo(ConnectionState.Connected));
        Assert.That(health.SinceHeard, Is.Not.Null);
        Assert.That(health.Connections, Is.EqualTo(1));
        Assert.That(health.LastFailure, Is.Empty);
        _proxy.Cut(CutKind.Reset);
        var answer = await client.InvokeAsync(Cluster, cancellation).ContinueWith(_ => client.InvokeAsync(Cluster, cancellation), cancellation).Unwrap();
        Assert.That(answer.ResponseCode, Is.EqualTo(ResponseCode.Success));
        Assert.That(client.Health.Connections, Is.EqualTo(2));
        Assert.That(client.Health.LastFailure, Is.Not.Empty);
    }

    [Test]
    public async Task Retry_policy_retries_after_a_cut_and_while_the_server_is_busy(CancellationToken cancellation)
    {
        await using var client = await RemotingClient.Connect(_proxy.Address)
            .RequestTimeout(TimeSpan.FromSeconds(20))
            .Retry(RetryPolicy.Repeatable with { Attempts = 10 })
            .StartAsync(cancellation);
        _broker.Faults.On((int)RequestCode.GetBrokerClusterInfo).Refuse((int)ResponseCode.SystemBusy, "busy", 3);
        Assert.That((await client.InvokeAsync(Cluster, cancellation)).ResponseCode, Is.EqualTo(ResponseCode.Success));
        _proxy.Cut();
        Assert.That((await client.InvokeAsync(Cluster, cancellation)).ResponseCode, Is.EqualTo(ResponseCode.Success));
    }

    [Test]
    public async Task Busy_server_differs_from_a_silent_one(CancellationToken cancellation)
    {
        await using var names = NameServerClient.Create().NameServers(_proxy.Address).Settings("requestTimeout=300ms").Start();
        _broker.Faults.On((int)RequestCode.GetBrokerClusterInfo).Refuse((int)ResponseCode.SystemBusy, "busy");
        var busy = (await Assert.ThrowsAsync<BrokerException>(() => names.GetClusterAsync(cancellation)))!;
        Assert.That(busy, Has.Property(nameof(RocketMqException.IsOverload)).True.And.Property(nameof(RocketMqException.MayHaveBeenExecuted)).False);
        _broker.Faults.On((int)RequestCode.GetBrokerClusterInfo).LoseAnswers();
        var silent = (await Assert.ThrowsAsync<RequestTimeoutException>(() => names.GetClusterAsync(cancellation)))!;
        Assert.That(silent, Has.Property(nameof(RocketMqException.IsOverload)).False.And.Property(nameof(RocketMqException.MayHaveBeenExecuted)).True);
        Assert.That(silent.Message, Does.Contain("1 call was waiting"));
    }

    [Test]
    public async Task Half_open_connection_is_detected_within_its_limit(CancellationToken cancellation)
    {
        await using var client = await RemotingClient.Connect(_proxy.Address)
            .RequestTimeout(TimeSpan.FromSeconds(30))
            .KeepAlive(deadAfter: TimeSpan.FromMilliseconds(400))
            .StartAsync(cancellation);
        await client.InvokeAsync(Cluster, cancellation);
        _proxy.HalfOpen = true;
        var lost = (await Assert.ThrowsAsync<ConnectionException>(() => client.InvokeAsync(Cluster, cancellation)))!;
        Assert.That(lost.Message, Does.Contain("ping"));
        _proxy.Heal();
        _proxy.Cut();
        await client.InvokeAsync(Cluster, cancellation);
    }

    [Test]
    public async Task Calls_over_the_limit_fail_or_wait_by_policy(CancellationToken cancellation)
    {
        _broker.Faults.On((int)RequestCode.GetBrokerClusterInfo).AnswerLate(TimeSpan.FromMilliseconds(200));
        await using var failing = await RemotingClient.Connect(_proxy.Address).MaxInFlight(1).StartAsync(cancellation);
        var first = failing.InvokeAsync(Cluster, cancellation);
        await Assert.ThrowsAsync<TooManyRequestsException>(() => failing.InvokeAsync(Cluster, cancellation));
        await first;
        await using var waiting = await RemotingClient.Connect(_proxy.Address)
            .MaxInFlight(1).OnMaxInFlight(OverflowPolicy.Wait).RequestTimeout(TimeSpan.FromSeconds(20)).StartAsync(cancellation);
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => waiting.InvokeAsync(Cluster, cancellation)));
        Assert.That(answers, Has.Length.EqualTo(20));
    }

    [Test]
    public async Task A_broker_that_registered_an_address_of_its_own_network_is_reached_through_a_map(CancellationToken cancellation)
    {
        _broker.Advertise("broker-in-a-container:10911");
        await using var brokerProxy = await FaultProxy.StartAsync(_broker.BrokerAddress, cancellationToken: cancellation);
        await using var producer = await Producer.Create("it-mapped")
            .NameServers(_broker.NameServer)
            .MapAddress(new Dictionary<string, string> { ["broker-in-a-container:10911"] = brokerProxy.Address })
            .StartAsync(cancellation);
        var receipt = await producer.SendAsync(Message.To("it-mapped").Body("here"), cancellation);
        Assert.That(receipt.Status, Is.EqualTo(SendStatus.Ok));
        Assert.That(brokerProxy.AcceptedConnections, Is.EqualTo(1));
    }

    [Test]
    public async Task Listeners_receive_metrics_of_calls_and_connections(CancellationToken cancellation)
    {
        var spans = new List<string>();
        var instruments = new HashSet<string>(StringComparer.Ordinal);
        var durations = new List<string>();
        using var activities = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "RocketMq.Client.Requests",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity => { lock (spans) { spans.Add($"{activity.DisplayName} {activity.Status}"); } },
        };
        ActivitySource.AddActivityListener(activities);
        using var meters = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name is "RocketMq.Client" or "RocketMq.Client.Requests")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        meters.SetMeasurementEventCallback<double>((instrument, _, tags, _) =>
        {
            if (instrument.Name != "rocketmq.client.request.duration")
            {
                return;
            }

            lock (durations)
            {
                durations.Add(string.Join(",", tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}")));
            }
        });
        meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            if (tags.ToArray().Any(tag => tag.Value is int port && port == _proxy.Port) && value > 0)
            {
                instruments.Add(instrument.Name);
            }
        });
        meters.Start();

        await using var client = await RemotingClient.Connect(_proxy.Address).RequestTimeout(TimeSpan.FromMilliseconds(300)).StartAsync(cancellation);
        await client.InvokeAsync(Cluster, cancellation);
        _proxy.Answers.DropEvery = 1;
        await Assert.ThrowsAsync<RequestTimeoutException>(() => client.InvokeAsync(Cluster, cancellation));
        meters.RecordObservableInstruments();

        Assert.That(spans, Has.Some.EqualTo($"GetBrokerClusterInfo {_proxy.Address} Unset"));
        Assert.That(spans, Has.Some.EqualTo($"GetBrokerClusterInfo {_proxy.Address} Error"));
        var mine = $"messaging.system=rocketmq,server.address=127.0.0.1,server.port={_proxy.Port},messaging.operation.name=GetBrokerClusterInfo";
        Assert.That(durations, Has.Some.EqualTo(mine));
        Assert.That(durations, Has.Some.EqualTo(mine + ",error.type=TimedOut"));
        Assert.That(instruments, Is.SupersetOf(new[]
        {
            "messaging.client.connections", "messaging.client.connections.made", "messaging.client.io.sent", "messaging.client.io.received",
        }));

        await client.DisposeAsync();
        instruments.Clear();
        meters.RecordObservableInstruments();
        Assert.That(instruments, Is.Empty);
    }
}
