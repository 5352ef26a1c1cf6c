using System.Globalization;
using RocketMq.Embedded;

namespace Interop;

/// <summary>A client that meets faults of the network and of its broker.</summary>
[CancelAfter(60_000)]
public sealed class FaultToolsTests
{
    private const string Topic = "it-faults";

    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private StoppedClock _clock = null!;
    private EmbeddedBroker _broker = null!;
    private FaultProxy _proxy = null!;

    [SetUp]
    public async Task StartServers()
    {
        _clock = new StoppedClock();
        _broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions { Clock = _clock });
        _proxy = await FaultProxy.StartAsync(_broker.BrokerAddress, new FaultProxyOptions { Clock = _clock });
    }

    [TearDown]
    public async Task StopServers()
    {
        await _proxy.StopAsync();
        await _broker.StopAsync();
    }

    private static Task<RemotingClient> ConnectAsync(string address, CancellationToken cancellation, TimeSpan? timeout = null) =>
        RemotingClient.Connect(address).RequestTimeout(timeout ?? TimeSpan.FromSeconds(30)).StartAsync(cancellation);

    /// <summary>A client whose connection goes through the proxy, and has been used.</summary>
    private async Task<RemotingClient> ConnectThroughAsync(CancellationToken cancellation, TimeSpan? timeout = null)
    {
        var remoting = await ConnectAsync(_proxy.Address, cancellation, timeout);
        await CallAsync(remoting, 9_000, cancellation);
        return remoting;
    }

    /// <summary>Asks for something that the broker does not know: it answers with the code that it was asked for.</summary>
    private static async Task CallAsync(RemotingClient remoting, int code, CancellationToken cancellation)
    {
        var answer = await remoting.InvokeAsync(Command.Request((RequestCode)code), cancellation);
        Assert.That(answer.Remark, Does.Contain(code.ToString(CultureInfo.InvariantCulture)));
    }

    private static async Task CallManyAsync(RemotingClient remoting, CancellationToken cancellation)
    {
        await Task.WhenAll(Enumerable.Range(9_001, 100).Select(code => CallAsync(remoting, code, cancellation)));
        Assert.That(remoting.InFlight, Is.Zero);
    }

    /// <summary>A call that gets no answer, though one that is sent after it on the same connection does.</summary>
    private static async Task UnansweredAsync(RemotingClient remoting, Command request, CancellationToken cancellation)
    {
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var call = remoting.InvokeAsync(request, giveUp.Token);
        await CallAsync(remoting, 9_999, cancellation);
        await giveUp.CancelAsync();
        Assert.That(async () => await call, Throws.InstanceOf<OperationCanceledException>());
    }

    private static Command Send() => Requests.SendMessageV2("it-producers", Message.To(Topic).Body("x"), queueId: 0);

    private static async Task<long> StoredAsync(RemotingClient remoting, CancellationToken cancellation)
    {
        var answer = await remoting.InvokeAsync(Requests.MaxOffset(Topic, 0), cancellation);
        return long.Parse(answer.Field("offset")!, System.Globalization.CultureInfo.InvariantCulture);
    }

    // The network

    [Test]
    public async Task Broker_timer_that_fires_early_is_set_again(CancellationToken cancellation)
    {
        var clock = new StoppedClock();
        await using var broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions { Clock = clock }, cancellation);
        await using var client = await RemotingClient.Connect(broker.NameServer).RequestTimeout(TimeSpan.FromSeconds(30)).StartAsync(cancellation);
        broker.Faults.On((int)RequestCode.GetBrokerClusterInfo).AnswerLate(TimeSpan.FromSeconds(5));
        var late = client.InvokeAsync(Command.Request(RequestCode.GetBrokerClusterInfo), cancellation);

        // The one answer that waits: a ring before its time finds nothing to do.
        await Wait.UntilAsync(() => clock.Timers == 1, cancellation);
        clock.RingEarly();
        await Wait.UntilAsync(() => clock.Timers == 1, cancellation);
        clock.Advance(TimeSpan.FromSeconds(5));
        Assert.That((await late).ResponseCode, Is.EqualTo(ResponseCode.Success));
    }

    [Test]
    public async Task Single_bytes_duplicates_and_unsolicited_answers_confuse_no_call(CancellationToken cancellation)
    {
        await using var remoting = await ConnectThroughAsync(cancellation);
        _proxy.ToServer.SplitBytes = true;
        _proxy.ToClient.SplitBytes = true;
        _proxy.Answers.DuplicateEvery = 2;
        _proxy.Answers.SendUnknownOpaques = true;
        var (received, sent) = (_proxy.ToClient.ReceivedBytes, _proxy.ToClient.SentBytes);
        await CallManyAsync(remoting, cancellation);

        Assert.That(_proxy.ToClient.SentBytes - sent, Is.GreaterThan(2 * (_proxy.ToClient.ReceivedBytes - received)));
        Assert.That(_proxy.AcceptedConnections, Is.EqualTo(1));
    }

    [Test]
    public async Task Reordered_answer_arrives_after_the_next_one(CancellationToken cancellation)
    {
        await using var remoting = await ConnectThroughAsync(cancellation);
        _proxy.Answers.OvertakenBy = 1;
        var before = _proxy.ToClient.ReceivedBytes;
        var first = CallAsync(remoting, 9_001, cancellation);
        await Wait.UntilAsync(() => _proxy.ToClient.ReceivedBytes > before, cancellation);
        Assert.That(first.IsCompleted, Is.False);
        await CallAsync(remoting, 9_002, cancellation);
        await first;
    }

    [Test]
    public async Task Delayed_answer_is_passed_by_others(CancellationToken cancellation)
    {
        await using var remoting = await ConnectThroughAsync(cancellation, Hour);
        _proxy.Answers.Delay(TimeSpan.FromMinutes(1), every: 2);
        await CallAsync(remoting, 9_001, cancellation);
        var late = CallAsync(remoting, 9_002, cancellation);
        await Wait.UntilAsync(() => _clock.Timers == 1, cancellation);
        await CallAsync(remoting, 9_003, cancellation);
        Assert.That(late.IsCompleted, Is.False);
        _clock.Advance(TimeSpan.FromMinutes(1));
        await late;
    }

    [Test]
    public async Task Dropped_answer_fails_its_call_only(CancellationToken cancellation)
    {
        await using var remoting = await ConnectThroughAsync(cancellation);
        _proxy.Answers.DropEvery = 2;
        await CallAsync(remoting, 9_001, cancellation);
        await UnansweredAsync(remoting, Command.Request((RequestCode)9_002), cancellation);
        Assert.That(_proxy.OpenConnections, Is.EqualTo(1));
    }

    [Test]
    public async Task Call_through_a_black_hole_times_out(CancellationToken cancellation)
    {
        await using var remoting = await ConnectThroughAsync(cancellation);
        _proxy.ToClient.Drop = true;
        var before = _proxy.ToClient.ReceivedBytes;
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var call = remoting.InvokeAsync(Command.Request((RequestCode)9_001), giveUp.Token);
        await Wait.UntilAsync(() => _proxy.ToClient.ReceivedBytes > before, cancellation);
        await giveUp.CancelAsync();
        Assert.That(async () => await call, Throws.InstanceOf<OperationCanceledException>());
        _proxy.Heal();
        await CallAsync(remoting, 9_002, cancellation);
    }

    [Test]
    public async Task A_cut_in_the_middle_of_an_answer_ends_its_call_and_the_next_one_connects_again(
        [Values] CutKind kind, CancellationToken cancellation)
    {
        await using var remoting = await ConnectThroughAsync(cancellation);
        _proxy.ToClient.CutAfter(10, kind);
        var error = await Assert.ThrowsAsync<ConnectionException>(async () => await CallAsync(remoting, 9_001, cancellation));

        Assert.That(error!.MayHaveBeenExecuted);
        Assert.That(error.Message, Does.Contain(kind == CutKind.Fin ? "in the middle of a frame" : "reset"));
        await CallAsync(remoting, 9_002, cancellation);
        Assert.That(_proxy.AcceptedConnections, Is.EqualTo(2));
    }

    [Test]
    public async Task Garbage_closes_the_connection_and_the_next_call_has_another(CancellationToken cancellation)
    {
        await using var remoting = await ConnectThroughAsync(cancellation);
        _proxy.ToClient.SendGarbage([0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]);
        await Wait.UntilAsync(() => _proxy.AcceptedConnections == 2, cancellation);
        await CallAsync(remoting, 9_001, cancellation);
    }

    [Test]
    public async Task Refused_connections_fail_every_call(CancellationToken cancellation)
    {
        _proxy.RefuseConnections();
        await Assert.ThrowsAsync<ConnectionException>(async () => await ConnectAsync(_proxy.Address, cancellation));
        _proxy.Heal();
        await using var remoting = await ConnectThroughAsync(cancellation);
    }

    [Test]
    public async Task Producers_send_to_the_advertised_address_of_the_broker(CancellationToken cancellation)
    {
        _broker.Advertise(_proxy.Address);
        await using var producer = await Producer.Create("it-producers").NameServers(_broker.NameServer).StartAsync(cancellation);
        await producer.SendAsync(Message.To(Topic).Body("x"), cancellation);
        Assert.That(_proxy.ToServer.SentBytes, Is.GreaterThan(0));

        _proxy.Cut(CutKind.Reset);
        _proxy.ToClient.CutAfter(10);
        await producer.SendAsync(Message.To(Topic).Body("y"), cancellation);
        Assert.That(_proxy.AcceptedConnections, Is.EqualTo(3));
        Assert.That(() => _broker.Advertise("nowhere"), Throws.ArgumentException);
    }

    [Test]
    public async Task The_lines_of_the_readme_hold(CancellationToken cancellation)
    {
        _broker.Advertise(_proxy.Address);
        await using var producer = await Producer.Create("order-service").NameServers(_broker.NameServer).StartAsync(cancellation);
        _proxy.ToClient.CutAfter(10, CutKind.Reset);
        _broker.Faults.On((int)RequestCode.SendMessageV2).Refuse((int)ResponseCode.SystemBusy, "too busy");
        await producer.SendAsync(Message.To(Topic).Body("one coffee"), cancellation);
        _proxy.Answers.DuplicateEvery = 2;
        await _broker.RestartAsync(cancellation);
        _proxy.Heal();
        await producer.SendAsync(Message.To(Topic).Body("another"), cancellation);
    }

    // The broker

    [Test]
    public async Task Refused_requests_are_not_carried_out(CancellationToken cancellation)
    {
        await using var remoting = await ConnectAsync(_broker.BrokerAddress, cancellation);
        _broker.Faults.On((int)RequestCode.SendMessageV2).Refuse((int)ResponseCode.SystemBusy, "too busy", times: 2);

        for (var attempt = 0; attempt < 2; attempt++)
        {
            var answer = await remoting.InvokeAsync(Send(), cancellation);
            Assert.That(answer.ResponseCode, Is.EqualTo(ResponseCode.SystemBusy));
            Assert.That(answer.Remark, Is.EqualTo("too busy"));
        }

        Assert.That(await StoredAsync(remoting, cancellation), Is.Zero);
        Assert.That((await remoting.InvokeAsync(Send(), cancellation)).IsSuccess);
        Assert.That(await StoredAsync(remoting, cancellation), Is.EqualTo(1));
    }

    [Test]
    public async Task Requests_with_lost_answers_are_carried_out_and_lost_requests_are_not(CancellationToken cancellation)
    {
        await using var remoting = await ConnectAsync(_broker.BrokerAddress, cancellation);
        var sends = _broker.Faults.On(RocketMq.Protocol.RequestCode.SendMessageV2);
        sends.LoseAnswers();
        await UnansweredAsync(remoting, Send(), cancellation);
        Assert.That(await StoredAsync(remoting, cancellation), Is.EqualTo(1));

        sends.LoseRequests(times: int.MaxValue);
        await UnansweredAsync(remoting, Send(), cancellation);
        Assert.That(await StoredAsync(remoting, cancellation), Is.EqualTo(1));

        _broker.Faults.Heal();
        Assert.That((await remoting.InvokeAsync(Send(), cancellation)).IsSuccess);
        Assert.That(await StoredAsync(remoting, cancellation), Is.EqualTo(2));
    }

    [Test]
    public async Task Only_each_third_request_is_answered(CancellationToken cancellation)
    {
        await using var remoting = await ConnectAsync(_broker.BrokerAddress, cancellation);
        _broker.Faults.On((int)RequestCode.SendMessageV2).AnswerOnlyEvery(3, times: 3);

        for (var attempt = 0; attempt < 2; attempt++)
        {
            await UnansweredAsync(remoting, Send(), cancellation);
        }

        Assert.That((await remoting.InvokeAsync(Send(), cancellation)).IsSuccess);
        Assert.That(await StoredAsync(remoting, cancellation), Is.EqualTo(3));
    }

    [Test]
    public async Task Delayed_answer_follows_the_clock_of_the_broker(CancellationToken cancellation)
    {
        await using var remoting = await ConnectAsync(_broker.BrokerAddress, cancellation, Hour);
        _broker.Faults.On((int)RequestCode.SendMessageV2).AnswerLate(TimeSpan.FromMinutes(1));
        var late = remoting.InvokeAsync(Send(), cancellation);
        await Wait.UntilAsync(() => _clock.Timers == 1, cancellation);
        _clock.Advance(TimeSpan.FromMinutes(1) - TimeSpan.FromMilliseconds(1));
        Assert.That(await StoredAsync(remoting, cancellation), Is.EqualTo(1));
        Assert.That(late.IsCompleted, Is.False);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.That((await late).IsSuccess);
    }

    [Test]
    public async Task Stopped_broker_leaves_no_timer_for_a_delayed_answer(CancellationToken cancellation)
    {
        await using var remoting = await ConnectAsync(_broker.BrokerAddress, cancellation);
        await _proxy.StopAsync();
        _broker.Faults.On((int)RequestCode.SendMessageV2).AnswerLate(Hour);
        var late = remoting.InvokeAsync(Send(), cancellation);
        await Wait.UntilAsync(() => _clock.Timers == 1, cancellation);
        await _broker.StopAsync();
        Assert.That(_clock.Undisposed, Is.Zero);
        Assert.That(async () => await late, Throws.InstanceOf<ConnectionException>());
    }

    [Test]
    public async Task After_a_restart_ports_messages_and_offsets_are_the_same_and_clients_forgotten(CancellationToken cancellation)
    {
        var (nameServer, address) = (_broker.NameServer, _broker.BrokerAddress);
        await using var remoting = await ConnectAsync(address, cancellation);
        await remoting.InvokeAsync(Send(), cancellation);
        await remoting.InvokeAsync(Requests.UpdateConsumerOffset("it-group", Topic, 0, 1), cancellation);
        await SubscribeAsync(remoting, cancellation);
        var lost = Disconnected(remoting);
        await _broker.RestartAsync(cancellation);

        Assert.That((_broker.NameServer, _broker.BrokerAddress), Is.EqualTo((nameServer, address)));
        await lost.WaitAsync(cancellation);
        Assert.That(await StoredAsync(remoting, cancellation), Is.EqualTo(1));
        var committed = await remoting.InvokeAsync(Requests.QueryConsumerOffset("it-group", Topic, 0), cancellation);
        Assert.That(committed.Field("offset"), Is.EqualTo("1"));
        Assert.That(await PullAsync(remoting, cancellation), Is.EqualTo(ResponseCode.SubscriptionNotExist));

        await using var names = await ConnectAsync(nameServer, cancellation);
        Assert.That((await names.InvokeAsync(Requests.RouteInfo(Topic), cancellation)).IsSuccess);
    }

    [Test]
    public async Task A_stopped_broker_does_not_start_again()
    {
        await _broker.StopAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await _broker.RestartAsync());
    }

    [Test]
    public async Task Forgotten_clients_have_no_subscriptions(CancellationToken cancellation)
    {
        await using var remoting = await ConnectAsync(_broker.BrokerAddress, cancellation);
        await remoting.InvokeAsync(Send(), cancellation);
        await SubscribeAsync(remoting, cancellation);
        Assert.That(await PullAsync(remoting, cancellation), Is.EqualTo(ResponseCode.Success));
        _broker.ForgetClients();
        Assert.That(await PullAsync(remoting, cancellation), Is.EqualTo(ResponseCode.SubscriptionNotExist));
        Assert.That(remoting.State, Is.EqualTo(ConnectionState.Connected));

        var lost = Disconnected(remoting);
        _broker.ForgetClients(closeConnections: true);
        await lost.WaitAsync(cancellation);
    }

    [Test]
    public async Task Disconnected_clients_reconnect(CancellationToken cancellation)
    {
        await using var remoting = await ConnectAsync(_broker.BrokerAddress, cancellation);
        await CallAsync(remoting, 9_001, cancellation);
        var lost = Disconnected(remoting);
        await _broker.DisconnectClientsAsync(cancellation);
        await lost.WaitAsync(cancellation);
        await CallAsync(remoting, 9_002, cancellation);
    }

    [Test]
    public void Invalid_faults_are_refused()
    {
        var sends = _broker.Faults.On((int)RequestCode.SendMessageV2);
        Assert.That(() => sends.LoseAnswers(0), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => sends.AnswerOnlyEvery(0), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => sends.AnswerLate(-Hour), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => sends.Refuse(2, null!), Throws.ArgumentNullException);
    }

    private static Task<Command> SubscribeAsync(RemotingClient remoting, CancellationToken cancellation) =>
        remoting.InvokeAsync(
            Requests.Heartbeat("it-client", consumers: [new("it-group", new Dictionary<string, string> { [Topic] = "*" })]),
            cancellation);

    /// <summary>Pulls by what the group's heartbeat said.</summary>
    private static async Task<ResponseCode> PullAsync(RemotingClient remoting, CancellationToken cancellation) =>
        (await remoting.InvokeAsync(Requests.PullMessage("it-group", Topic, 0, 0), cancellation)).ResponseCode;

    private static Task Disconnected(RemotingClient remoting)
    {
        var lost = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        remoting.StateChanged += (_, state) =>
        {
            if (state == ConnectionState.Connecting)
            {
                lost.TrySetResult();
            }
        };
        return lost.Task;
    }
}
