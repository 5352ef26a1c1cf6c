using System.Net;
using System.Net.Sockets;
using RocketMq.Embedded;

namespace Interop;

/// <summary>Callers that give up: what they are told is about their own token, and says whether anything was sent.</summary>
[CancelAfter(60_000)]
public sealed class CancellationTests
{
    private const string Topic = "Given-up";

    private EmbeddedBroker _broker = null!;

    [SetUp]
    public async Task StartBroker()
    {
        _broker = await EmbeddedBroker.StartAsync();
        await _broker.CreateTopicAsync(Topic, 1);
    }

    [TearDown]
    public Task StopBroker() => _broker.StopAsync();

    private static async Task<OperationCanceledException> ShouldBeGivenUpAsync(Func<Task> call, CancellationToken token)
    {
        try
        {
            await call();
        }
        catch (OperationCanceledException error)
        {
            Assert.That(error.CancellationToken, Is.EqualTo(token), error.ToString());
            return error;
        }

        throw new AssertionException("The call did not end as cancelled.");
    }

    [Test]
    public async Task Cancelled_token_is_in_the_exception_and_nothing_was_sent()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        var token = cancelled.Token;
        var message = Message.To(Topic).Body("never sent");
        var nameServers = _broker.NameServer;
        await using var producer = await Producer.Create("p").NameServers(nameServers).StartAsync();
        await using var batching = await Producer.Create("g").NameServers(nameServers).Batching().StartAsync();
        await using var transactions = await TransactionProducer.Create("t").NameServers(nameServers)
            .OnCheck(_ => Task.FromResult(TransactionDecision.Commit)).StartAsync();
        await using var push = await PushConsumer.Create("c").NameServers(nameServers).Subscribe(Topic)
            .OnMessage((_, _) => Task.CompletedTask).StartAsync();
        await using var pull = await PullConsumer.Create("l").NameServers(nameServers).Subscribe(Topic).StartAsync();
        await using var client = PullConsumer.Create("l").NameServers(nameServers).CreateClient();
        await using var simple = await SimpleConsumer.Create("s").NameServers(nameServers).Subscribe(Topic).StartAsync();
        await using var names = NameServerClient.Connect(nameServers);
        await using var remoting = await RemotingClient.Connect(nameServers).StartAsync();
        await using var pool = RemotingClient.Connect(nameServers).StartPool();
        var queue = (await producer.GetQueuesAsync(Topic))[0];

        Func<Task>[] calls =
        [
            () => producer.SendAsync(message, token),
            () => producer.SendAsync(message, queue, token),
            () => producer.SendAsync(message, QueueSelector.Random, token),
            () => producer.SendBatchAsync([message, message], token),
            () => producer.SendOneWayAsync(message, token),
            () => producer.GetQueuesAsync("Another", token),
            () => producer.RequestAsync(message, TimeSpan.FromSeconds(3), token),
            () => batching.SendAsync(message, token),
            () => transactions.SendAsync(message, _ => Task.FromResult(TransactionDecision.Commit), token),
            () => push.SubscribeAsync("Another", "*", token),
            () => push.SubscribeSql92Async("Another", "a > 1", token),
            () => push.UnsubscribeAsync(Topic, token),
            () => push.CommitAsync(token),
            () => pull.ReceiveAsync(token),
            () => pull.PollAsync(1, TimeSpan.FromSeconds(1), token),
            () => pull.CommitAsync(token),
            () => pull.CommitAsync(queue, 0, token),
            () => pull.SubscribeAsync("Another", "*", token),
            () => pull.UnsubscribeAsync(Topic, token),
            () => pull.GetMinOffsetAsync(queue, token),
            () => pull.GetMaxOffsetAsync(queue, token),
            () => pull.GetOffsetAsync(queue, DateTimeOffset.UnixEpoch, token),
            () => pull.GetCommittedAsync(queue, token),
            () => pull.SeekToBeginAsync(queue, token),
            () => pull.SeekToEndAsync(queue, token),
            () => pull.SeekToTimeAsync(queue, DateTimeOffset.UnixEpoch, token),
            () => client.GetQueuesAsync("Another", token),
            () => client.PullAsync(queue, 0, cancellationToken: token),
            () => client.GetCommittedAsync(queue, token),
            () => simple.ReceiveAsync(1, TimeSpan.FromSeconds(30), token),
            () => names.GetRouteAsync(Topic, token),
            () => names.GetClusterAsync(token),
            () => names.GetTopicsAsync(token),
            () => names.GetValueAsync("space", "key", token),
            () => remoting.InvokeAsync(Requests.ClusterInfo(), token),
            () => remoting.InvokeOneWayAsync(Requests.ClusterInfo(), token),
            () => pool.RentAsync(token),
        ];

        foreach (var (index, call) in calls.Index())
        {
            var error = await ShouldBeGivenUpAsync(call, token);
            Assert.That(error.Message, Does.Not.Contain("carried it out"), $"call {index}");
        }

        var stored = await pull.GetMaxOffsetAsync(queue);
        Assert.That(stored, Is.Zero);
    }

    [Test]
    public async Task Cancelled_start_ends_at_once_with_a_cancellation(CancellationToken cancellation)
    {
        using var silent = new SilentServer();
        var nameServers = silent.Address;
        Func<CancellationToken, Task>[] starts =
        [
            token => PushConsumer.Create("c").NameServers(nameServers).Subscribe(Topic)
                .OnMessage((_, _) => Task.CompletedTask).StartAsync(token),
            token => PullConsumer.Create("c").NameServers(nameServers).Subscribe(Topic).StartAsync(token),
            token => SimpleConsumer.Create("c").NameServers(nameServers).Subscribe(Topic).StartAsync(token),
            token => PopConsumer.Create("c").NameServers(nameServers).Subscribe(Topic)
                .OnMessage((_, _) => Task.CompletedTask).StartAsync(token),
            token => TransactionProducer.Create("c").NameServers(nameServers).Topics(Topic)
                .OnCheck(_ => Task.FromResult(TransactionDecision.Commit)).StartAsync(token),
        ];

        foreach (var start in starts)
        {
            using var leaving = new CancellationTokenSource();
            var before = silent.Connections;
            var starting = start(leaving.Token);
            await Wait.UntilAsync(() => silent.Connections > before, cancellation);
            await leaving.CancelAsync();
            await ShouldBeGivenUpAsync(() => starting, leaving.Token);
        }
    }

    [Test]
    public async Task Cancelled_change_of_topics_ends_at_once(CancellationToken cancellation)
    {
        await using var proxy = await FaultProxy.StartAsync(_broker.NameServer, cancellation);
        await using var push = await PushConsumer.Create("c").NameServers(proxy.Address).Subscribe(Topic)
            .OnMessage((_, _) => Task.CompletedTask).StartAsync(cancellation);
        await using var pull = await PullConsumer.Create("l").NameServers(proxy.Address).Subscribe(Topic).StartAsync(cancellation);
        proxy.ToClient.Drop = true;

        foreach (var change in new Func<CancellationToken, Task>[]
        {
            token => push.SubscribeAsync("Another", "*", token),
            token => push.SubscribeSql92Async("A-third", "a > 1", token),
            token => pull.SubscribeAsync("Another", "*", token),
        })
        {
            using var leaving = new CancellationTokenSource();
            var before = proxy.ToServer.ReceivedBytes;
            var changing = change(leaving.Token);
            await Wait.UntilAsync(() => proxy.ToServer.ReceivedBytes > before, cancellation);
            await leaving.CancelAsync();
            await ShouldBeGivenUpAsync(() => changing, leaving.Token);
        }
    }

    [Test]
    public async Task Send_cancelled_during_the_route_query_was_not_sent(CancellationToken cancellation)
    {
        using var silent = new SilentServer();
        using var leaving = new CancellationTokenSource();
        await using var producer = await Producer.Create("p").NameServers(silent.Address).StartAsync(cancellation);
        var sending = producer.SendAsync(Message.To(Topic).Body("never sent"), leaving.Token);
        await Wait.UntilAsync(() => silent.Connections > 0, cancellation);
        await leaving.CancelAsync();
        var error = await ShouldBeGivenUpAsync(() => sending, leaving.Token);
        Assert.That(error.Message, Does.Contain("before anything was sent"));
    }

    [Test]
    public async Task Call_cancelled_after_it_was_sent_may_have_been_carried_out(CancellationToken cancellation)
    {
        using var silent = new SilentServer();
        using var leaving = new CancellationTokenSource();
        await using var remoting = await RemotingClient.Connect(silent.Address).StartAsync(cancellation);
        var calling = remoting.InvokeAsync(Requests.ClusterInfo(), leaving.Token);
        await leaving.CancelAsync();
        var error = await ShouldBeGivenUpAsync(() => calling, leaving.Token);
        Assert.That(error.Message, Does.Contain("may have carried it out"));
    }

    [Test]
    public async Task Every_call_of_a_disposed_client_reports_that_it_is_closed()
    {
        var nameServers = _broker.NameServer;
        var message = Message.To(Topic).Body("too late");
        var producer = await Producer.Create("p").NameServers(nameServers).StartAsync();
        var transactions = await TransactionProducer.Create("t").NameServers(nameServers)
            .OnCheck(_ => Task.FromResult(TransactionDecision.Commit)).StartAsync();
        var push = await PushConsumer.Create("c").NameServers(nameServers).Subscribe(Topic)
            .OnMessage((_, _) => Task.CompletedTask).StartAsync();
        var pull = await PullConsumer.Create("l").NameServers(nameServers).Subscribe(Topic).StartAsync();
        var client = PullConsumer.Create("l").NameServers(nameServers).CreateClient();
        var simple = await SimpleConsumer.Create("s").NameServers(nameServers).Subscribe(Topic)
            .ConsumeFromWhere(ConsumeFrom.FirstOffset).StartAsync();
        var names = NameServerClient.Connect(nameServers);
        var unused = NameServerClient.Connect(nameServers);
        var remoting = await RemotingClient.Connect(nameServers).StartAsync();
        var many = RemotingClients.Create().Start();
        var pool = RemotingClient.Connect(nameServers).StartPool();
        var receipt = await producer.SendAsync(message);
        var leased = (await simple.ReceiveAsync(1, TimeSpan.FromSeconds(30)))[0];
        var queue = receipt.Queue;
        await client.GetQueuesAsync(Topic);
        await names.GetRouteAsync(Topic);
        await many.InvokeAsync(nameServers, Requests.ClusterInfo());

        foreach (var disposable in new IAsyncDisposable[]
        {
            producer, transactions, push, pull, client, simple, names, unused, remoting, many, pool,
        })
        {
            await disposable.DisposeAsync();
        }

        Func<Task>[] calls =
        [
            () => producer.SendAsync(message),
            () => producer.SendAsync(message, queue),
            () => producer.SendBatchAsync([message]),
            () => producer.SendOneWayAsync(message),
            () => producer.GetQueuesAsync(Topic),
            () => producer.GetQueuesAsync("Another"),
            () => producer.RecallAsync(Topic, "handle"),
            () => producer.RequestAsync(message, TimeSpan.FromSeconds(1)),
            () => transactions.SendAsync(message, _ => Task.FromResult(TransactionDecision.Commit)),
            () => transactions.Producer.SendAsync(message),
            () => push.SubscribeAsync("Another"),
            () => push.SubscribeSql92Async("Another", "a > 1"),
            () => push.UnsubscribeAsync(Topic),
            () => push.CommitAsync(),
            () => Run(push.Pause),
            () => Run(push.Resume),
            () => pull.ReceiveAsync(),
            () => pull.PollAsync(1, TimeSpan.FromSeconds(1)),
            () => pull.CommitAsync(),
            () => pull.CommitAsync(queue, 0),
            () => Run(() => pull.Seek(queue, 0)),
            () => Run(() => pull.Pause(queue)),
            () => Run(() => pull.Resume(queue)),
            () => pull.SeekToBeginAsync(queue),
            () => pull.SeekToEndAsync(queue),
            () => pull.SeekToTimeAsync(queue, DateTimeOffset.UnixEpoch),
            () => pull.GetMinOffsetAsync(queue),
            () => pull.GetMaxOffsetAsync(queue),
            () => pull.GetOffsetAsync(queue, DateTimeOffset.UnixEpoch),
            () => pull.GetCommittedAsync(queue),
            () => pull.SubscribeAsync("Another"),
            () => pull.UnsubscribeAsync(Topic),
            () => pull.AssignAsync([queue]),
            () => client.GetQueuesAsync(Topic),
            () => client.PullAsync(queue, 0),
            () => client.PullOrWaitAsync(queue, 0),
            () => client.GetMinOffsetAsync(queue),
            () => client.GetMaxOffsetAsync(queue),
            () => client.GetOffsetAsync(queue, DateTimeOffset.UnixEpoch),
            () => client.GetCommittedAsync(queue),
            () => client.CommitAsync(queue, 0),
            () => simple.ReceiveAsync(1, TimeSpan.FromSeconds(30)),
            () => simple.AckAsync(leased),
            () => simple.AckAllAsync([leased]),
            () => simple.ChangeInvisibleDurationAsync(leased, TimeSpan.FromSeconds(30)),
            () => names.GetRouteAsync(Topic),
            () => names.GetClusterAsync(),
            () => names.GetTopicsAsync(),
            () => unused.GetTopicsAsync(),
            () => remoting.InvokeAsync(Requests.ClusterInfo()),
            () => remoting.InvokeOneWayAsync(Requests.ClusterInfo()),
            () => many.InvokeAsync(nameServers, Requests.ClusterInfo()),
            () => many.InvokeAsync(_broker.BrokerAddress, Requests.ClusterInfo()),
            () => pool.RentAsync(),
        ];

        foreach (var (index, call) in calls.Index())
        {
            var error = await Assert.ThrowsAsync<ClientClosedException>(() => call(), $"call {index}");
            Assert.That(error!.Message, Does.Contain("has been closed").And.Contain("Nothing was sent"));
        }
    }

    private static Task Run(Action action)
    {
        action();
        return Task.CompletedTask;
    }

    /// <summary>Takes connections and says nothing.</summary>
    private sealed class SilentServer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly List<Socket> _clients = [];

        internal SilentServer()
        {
            _listener.Start();
            _listener.BeginAcceptSocket(Accepted, null);
        }

        internal string Address => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

        internal int Connections
        {
            get
            {
                lock (_clients)
                {
                    return _clients.Count;
                }
            }
        }

        private void Accepted(IAsyncResult result)
        {
            try
            {
                var client = _listener.EndAcceptSocket(result);

                lock (_clients)
                {
                    _clients.Add(client);
                }

                _listener.BeginAcceptSocket(Accepted, null);
            }
            catch (Exception error) when (error is ObjectDisposedException or SocketException)
            {
                // The test is over: the port was closed before the wait for a client, or during it.
            }
        }

        public void Dispose()
        {
            _listener.Dispose();
            _clients.ForEach(client => client.Dispose());
        }
    }
}
