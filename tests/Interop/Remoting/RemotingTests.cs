namespace Interop;

/// <summary>The low-level client: any command to a server.</summary>
public sealed class RemotingTests(string kind) : ServerTests(kind)
{
    private static Command AskForRoute(string topic) =>
        Command.Request(RequestCode.GetRouteInfoByTopic).With("topic", topic);

    private Task<RemotingClient> ConnectAsync(CancellationToken cancellation) =>
        AsTheClusterWants(RemotingClient.Connect(NameServer)).RequestTimeout(TimeSpan.FromSeconds(10)).StartAsync(cancellation);

    [Test]
    public async Task Response_with_an_error_code_is_returned(CancellationToken cancellation)
    {
        await using var remoting = await ConnectAsync(cancellation);
        var topic = NewName("nowhere");
        var answer = await remoting.InvokeAsync(AskForRoute(topic), cancellation);

        Assert.That(answer.IsResponse);
        Assert.That(answer.ResponseCode, Is.EqualTo(ResponseCode.TopicNotExist));
        Assert.That(answer.Remark, Does.Contain(topic));
    }

    [Test]
    public async Task A_code_that_the_broker_does_not_know_is_answered_with_3(CancellationToken cancellation)
    {
        // Name servers of 4.9 leave such a request without an answer.
        await using var names = AsTheClusterWants(NameServerClient.Create()).NameServers(NameServers).Start();
        var cluster = await names.GetClusterAsync(cancellation);
        await using var remoting = await AsTheClusterWants(RemotingClient.Connect(cluster.Brokers[0].Addresses[0])).StartAsync(cancellation);
        var answer = await remoting.InvokeAsync(Command.Request((RequestCode)9_999), cancellation);
        Assert.That(answer.ResponseCode, Is.EqualTo(ResponseCode.RequestCodeNotSupported));
    }

    [Test]
    public async Task Each_of_many_calls_gets_its_own_answer(CancellationToken cancellation)
    {
        await using var remoting = await ConnectAsync(cancellation);

        var calls = Enumerable.Range(0, 1_000).Select(async number =>
        {
            var topic = $"it-nowhere-{number}-x";
            var answer = await remoting.InvokeAsync(AskForRoute(topic), cancellation);
            return answer.Remark!.Contains(topic, StringComparison.Ordinal);
        });

        Assert.That(await Task.WhenAll(calls), Is.All.True);
        Assert.That(remoting.InFlight, Is.Zero);
    }

    [Test]
    public async Task A_blocking_call_works_where_continuations_have_one_thread(CancellationToken cancellation)
    {
        await using var remoting = await ConnectAsync(cancellation);
        var ended = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);

        var thread = new Thread(() =>
        {
            // Nobody runs what is posted to it while the thread blocks: whoever needs that hangs.
            SynchronizationContext.SetSynchronizationContext(new DeafContext());

            try
            {
                ended.SetResult(remoting.Invoke(AskForRoute("it-nowhere"), cancellation).Code);
            }
            catch (Exception error)
            {
                ended.SetException(error);
            }
        });

        thread.Start();
        Assert.That(await ended.Task.WaitAsync(cancellation), Is.EqualTo((int)ResponseCode.TopicNotExist));
    }

    [Test]
    public async Task A_one_way_request_is_sent_and_the_connection_goes_on(CancellationToken cancellation)
    {
        await using var remoting = await ConnectAsync(cancellation);
        await remoting.InvokeOneWayAsync(AskForRoute("it-nowhere"), cancellation);
        var answer = await remoting.InvokeAsync(AskForRoute("it-nowhere"), cancellation);
        Assert.That(answer.ResponseCode, Is.EqualTo(ResponseCode.TopicNotExist));
    }

    [Test]
    public async Task Cancelled_call_throws_OperationCanceledException_and_leaves_nothing_behind(CancellationToken cancellation)
    {
        await using var remoting = await ConnectAsync(cancellation);
        Assert.That(
            async () => await remoting.InvokeAsync(AskForRoute("it-nowhere"), new CancellationToken(true)),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(remoting.InFlight, Is.Zero);
    }

    [Test]
    public async Task Closed_client_reports_that_it_is_closed(CancellationToken cancellation)
    {
        var remoting = await ConnectAsync(cancellation);
        Assert.That(remoting.State, Is.EqualTo(ConnectionState.Connected));
        await remoting.DisposeAsync();
        await remoting.DisposeAsync();

        Assert.That(remoting.State, Is.EqualTo(ConnectionState.Closed));
        var error = await Assert.ThrowsAsync<ClientClosedException>(
            async () => await remoting.InvokeAsync(AskForRoute("it-nowhere"), cancellation));
        Assert.That(error!.IsTransient, Is.False);
        Assert.That(error.MayHaveBeenExecuted, Is.False);
    }

    private sealed class DeafContext : SynchronizationContext
    {
        public override void Post(SendOrPostCallback callback, object? state) { }
    }
}
