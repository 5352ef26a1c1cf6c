namespace Interop;

/// <summary>Name servers, pools and settings, as C# has them.</summary>
public sealed class NameServerTests(string kind) : ServerTests(kind)
{
    private NameServerClient Names(string nameServers) =>
        AsTheClusterWants(NameServerClient.Create()).NameServers(nameServers).Start();

    private RemotingClientBuilder Remoting() => AsTheClusterWants(RemotingClient.Connect(NameServer));

    [Test]
    public async Task Name_server_returns_brokers_topics_and_routes(CancellationToken cancellation)
    {
        await using var producer = await StartProducerAsync(cancellation);
        var topic = NewName("topic");
        await producer.SendAsync(Message.To(topic).Body("x"), cancellation);

        await using var names = Names(NameServers);
        var cluster = await names.GetClusterAsync(cancellation);
        Assert.That(cluster.Brokers, Is.Not.Empty);
        Assert.That(cluster.Clusters.Values.SelectMany(brokers => brokers), Does.Contain(cluster.Brokers[0].BrokerName));

        var route = await names.GetRouteAsync(topic, cancellation);
        Assert.That(route.Queues, Has.All.Matches<TopicQueues>(queues => queues!.IsReadable && queues.IsWritable));
        Assert.That(route.Brokers[0].Addresses, Contains.Key(0L));
        Assert.That(await names.GetTopicsAsync(cancellation), Does.Contain(topic));
    }

    [Test]
    public async Task Unknown_topic_is_a_refusal_with_its_code(CancellationToken cancellation)
    {
        await using var names = Names(NameServers);
        var error = await Assert.ThrowsAsync<BrokerException>(() => names.GetRouteAsync(NewName("nowhere"), cancellation));
        Assert.That(error!.Code, Is.EqualTo(ResponseCode.TopicNotExist));
        Assert.That(error.Message, Does.Contain(" ms with TopicNotExist (17)"));
    }

    [Test]
    public async Task Values_are_kept_found_and_deleted(CancellationToken cancellation)
    {
        await using var names = Names(NameServer);
        var key = NewName("key");
        Assert.That(await names.GetValueAsync("it", key, cancellation), Is.Null);
        await names.PutValueAsync("it", key, "naïve-Ω-🚀", cancellation);
        Assert.That(await names.GetValueAsync("it", key, cancellation), Is.EqualTo("naïve-Ω-🚀"));
        await names.DeleteValueAsync("it", key, cancellation);
        Assert.That(await names.GetValueAsync("it", key, cancellation), Is.Null);
    }

    [Test]
    public async Task Missing_name_server_is_tolerated_while_another_one_runs(CancellationToken cancellation)
    {
        await using var names = Names($"127.0.0.1:1;{NameServers}");
        Assert.That((await names.GetClusterAsync(cancellation)).Brokers, Is.Not.Empty);
    }

    [Test]
    public async Task Pool_rents_no_more_than_its_size_and_gets_every_connection_back(CancellationToken cancellation)
    {
        await using var pool = Remoting().StartPool(size: 3);
        var most = 0;

        await Parallel.ForEachAsync(Enumerable.Range(0, 300), cancellation, async (_, token) =>
        {
            using var connection = await pool.RentAsync(token);
            InterlockedMax(ref most, pool.Rented);
            var answer = await connection.Client.InvokeAsync(Requests.ClusterInfo(), token);
            Assert.That(answer.IsSuccess);
        });

        Assert.That(most, Is.LessThanOrEqualTo(3));
        Assert.That((pool.Rented, pool.Waiting), Is.EqualTo((0, 0)));
        Assert.That(pool.Count, Is.InRange(1, 3));
    }

    [Test]
    public async Task Exhausted_pool_fails_at_its_timeout_and_a_closed_one_at_once(CancellationToken cancellation)
    {
        var pool = Remoting().StartPool(size: 1, rentTimeout: TimeSpan.FromMilliseconds(50));
        var lent = pool.Rent(cancellation);
        var error = await Assert.ThrowsAsync<ConnectionException>(() => pool.RentAsync(cancellation));
        Assert.That(error!.IsTransient);
        Assert.That(
            async () => await pool.RentAsync(new CancellationToken(true)),
            Throws.InstanceOf<OperationCanceledException>());
        lent.Dispose();
        await pool.DisposeAsync();
        await Assert.ThrowsAsync<ClientClosedException>(() => pool.RentAsync(cancellation));
    }

    [Test]
    public async Task Settings_come_from_presets_and_texts_and_all_errors_are_reported(CancellationToken cancellation)
    {
        var builder = Remoting().Preset(RemotingPreset.Testing).Settings("requestTimeout=2s;header=binary");
        await using var client = await builder.StartAsync(cancellation);
        Assert.That((await client.InvokeAsync(Requests.ClusterInfo(), cancellation)).IsSuccess);

        var error = Assert.Throws<SettingsException>(() => builder.Settings("requestTimeout=soon;colour=red"));
        Assert.That(error!.Message, Does.Contain("'soon' is no time").And.Contain("colour: there is no such setting"));
        Assert.That(() => builder.Preset((RemotingPreset)9), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public async Task Error_has_its_kind(CancellationToken cancellation)
    {
        var refused = await Assert.ThrowsAsync<ConnectionException>(
            () => RemotingClient.Connect("127.0.0.1:1").StartAsync(cancellation));
        Assert.That((refused!.IsConnection, refused.IsTimeout, refused.IsTransient, refused.IsPermanent), Is.EqualTo((true, false, true, false)));
    }

    private static void InterlockedMax(ref int target, int value)
    {
        int seen;

        do
        {
            seen = Volatile.Read(ref target);
        }
        while (value > seen && Interlocked.CompareExchange(ref target, value, seen) != seen);
    }
}
