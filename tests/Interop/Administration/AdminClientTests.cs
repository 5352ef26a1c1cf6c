using RocketMq.Client.Administration;

namespace Interop;

/// <summary>Administration, as C# has it.</summary>
public sealed class AdminClientTests(string kind) : ServerTests(kind)
{
    private RocketMqClient Shared() => AsTheClusterWants(RocketMqClient.Create()).NameServers(NameServers).Start();

    [Test]
    public async Task A_topic_is_created_described_updated_and_deleted(CancellationToken cancellation)
    {
        await using var client = Shared();
        var admin = new AdminClient(client, new() { VerifyWithin = TimeSpan.FromSeconds(30L) });
        var topic = NewName("topic");

        var report = await admin.CreateTopicAsync(topic, new() { ReadQueues = 2 }, cancellationToken: cancellation);
        Assert.That(report.Status, Is.EqualTo(ChangeStatus.CarriedOut));
        Assert.That(report.Writes, Has.All.Matches<WriteReport>(write => write!.Outcome == WriteOutcome.CarriedOut));

        var plan = await admin.Plans.UpdateTopicAsync(topic, new() { ReadQueues = 4 }, cancellationToken: cancellation);
        Assert.That(plan.IsNeeded);
        Assert.That(plan.Destroys, Is.False);
        Assert.That(plan.Stages[0][0].Before, Is.EqualTo("2 queues to read, 2 to write, RW"));
        Assert.That(plan.Stages[0][0].After, Is.EqualTo("4 queues to read, 2 to write, RW"));

        var before = await admin.DescribeTopicAsync(topic, cancellation);
        Assert.That(before.Brokers, Has.All.Matches<TopicOnBroker>(one => one!.ReadQueues == 2), "a plan writes nothing");
        (await admin.CarryOutAsync(plan, cancellation)).EnsureCarriedOut();
        var after = await admin.DescribeTopicAsync(topic, cancellation);
        Assert.That(after.Brokers, Has.All.Matches<TopicOnBroker>(one => one!.ReadQueues == 4 && one.WriteQueues == 2));
        Assert.That(after.Differences, Is.Empty);

        await admin.DeleteTopicAsync(topic, cancellationToken: cancellation);
        var error = await Assert.ThrowsAsync<AdministrationException>(() => admin.DescribeTopicAsync(topic, cancellation));
        Assert.That(error!.Problem, Is.EqualTo(AdministrationProblem.NotFound));
        Assert.That(error, Is.InstanceOf<RocketMqException>());
        Assert.That(error.IsTransient, Is.False);
    }

    [Test]
    public async Task A_group_s_lag_follows_a_reset(CancellationToken cancellation)
    {
        await using var client = Shared();
        var admin = new AdminClient(client, new() { VerifyWithin = TimeSpan.FromSeconds(30L) });
        var (topic, group) = (NewName("topic"), NewName("group"));
        await admin.CreateTopicAsync(topic, new() { ReadQueues = 1 }, cancellationToken: cancellation);
        await admin.CreateGroupAsync(group, new() { RetryMaxTimes = 3 }, cancellationToken: cancellation);

        await using (var producer = await StartProducerAsync(cancellation))
        {
            await producer.SendAsync(Message.To(topic).Keys("k").Body("x"), cancellation);
        }

        await admin.ResetOffsetsAsync(group, topic, ResetTarget.Latest, cancellationToken: cancellation);
        var lag = await admin.GetLagAsync(group, cancellationToken: cancellation);
        Assert.That(lag.Total, Is.Zero);
        Assert.That(lag.IsComplete);

        await admin.ResetOffsetsAsync(group, topic, ResetTarget.Earliest, cancellationToken: cancellation);
        lag = await admin.GetLagAsync(group, cancellationToken: cancellation);
        Assert.That(lag.Total, Is.EqualTo(1));
        Assert.That(lag.Members.Members, Is.Empty);

        var found = await admin.PeekAsync(topic, cancellationToken: cancellation);
        Assert.That(found.Messages.Select(message => message.Text), Is.EqualTo(new[] { "x" }));
        Assert.That(found.Failures, Is.Empty);

        await admin.DeleteGroupAsync(group, cancellationToken: cancellation);
        await admin.DeleteTopicAsync(topic, cancellationToken: cancellation);
    }

    [Test]
    public async Task Brokers_say_how_they_are(CancellationToken cancellation)
    {
        await using var client = Shared();
        var admin = new AdminClient(client);
        var brokers = await admin.GetBrokersAsync(cancellationToken: cancellation);
        Assert.That(brokers, Is.Not.Empty);
        Assert.That(brokers, Has.All.Matches<BrokerStatus>(one => one!.Failure is null && one.Version is not null));

        var settings = await admin.GetBrokerConfigurationsAsync(
            BrokerScope.Broker(brokers[0].Broker.Name), cancellation);

        Assert.That(settings[0].Settings["brokerName"], Is.EqualTo(brokers[0].Broker.Name));
        Assert.That(await admin.CheckAsync(cancellationToken: cancellation), Is.Not.Empty);
    }

    [Test]
    public async Task A_member_reports_its_queues_and_consumes_one_message_at_once(CancellationToken cancellation)
    {
        await using var client = Shared();
        var admin = new AdminClient(client, new() { VerifyWithin = TimeSpan.FromSeconds(30L) });
        var (topic, group) = (NewName("topic"), NewName("group"));
        await admin.CreateTopicAsync(topic, new() { ReadQueues = 1 }, cancellationToken: cancellation);
        await admin.CreateGroupAsync(group, cancellationToken: cancellation);
        using var handled = new SemaphoreSlim(0);

        await using var consumer = await AsTheClusterWants(PushConsumer.Create(group))
            .NameServers(NameServers)
            .Subscribe(topic)
            .ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .OnMessage((_, _) =>
            {
                handled.Release();
                return Task.CompletedTask;
            })
            .StartAsync(cancellation);

        SendReceipt receipt;

        await using (var producer = await StartProducerAsync(cancellation))
        {
            receipt = await producer.SendAsync(Message.To(topic).Body("x"), cancellation);
        }

        await handled.WaitAsync(cancellation);
        var reports = await admin.GetClientReportsAsync(group, cancellationToken: cancellation);
        Assert.That(reports.Clients.Select(one => one.Member.ClientId), Is.EqualTo(new[] { consumer.ClientId }));
        Assert.That(reports.Failures, Is.Empty);

        var report = await admin.GetClientReportAsync(group, consumer.ClientId, withStacks: true, cancellationToken: cancellation);
        Assert.That(report.Failure, Is.Null);
        Assert.That(report.Subscriptions, Contains.Key(topic));
        Assert.That(report.Queues.Select(queue => queue.Topic), Does.Contain(topic));
        Assert.That(report.Properties, Contains.Key("PROP_CONSUME_TYPE"));

        var consumption = await admin.ConsumeDirectlyAsync(group, consumer.ClientId, topic, receipt.OffsetId, cancellation);
        Assert.That(consumption.Outcome, Is.EqualTo(ConsumptionOutcome.Success));
        await handled.WaitAsync(cancellation);

        var error = await Assert.ThrowsAsync<AdministrationException>(
            () => admin.GetClientReportAsync(group, "nobody", cancellationToken: cancellation));

        Assert.That(error!.Problem, Is.EqualTo(AdministrationProblem.NotFound));
    }

    [Test]
    public async Task Messages_and_traces_are_read_by_the_codecs_of_the_client(
        [Values] BodyCompression compression, CancellationToken cancellation)
    {
        await using var client = AsTheClusterWants(RocketMqClient.Create()).NameServers(NameServers).AddCompressionCodecs().Start();
        var admin = new AdminClient(client, new() { VerifyWithin = TimeSpan.FromSeconds(30L) });
        var (topic, traces, group) = (NewName("topic"), NewName("traces"), NewName("group"));
        await admin.CreateTopicAsync(topic, new() { ReadQueues = 1 }, cancellationToken: cancellation);
        await admin.CreateTopicAsync(traces, new() { ReadQueues = 1 }, cancellationToken: cancellation);
        SendReceipt receipt;

        await using (var producer = await client.Producer(group).Compression(compression, fromBytes: 1).Trace(traces).StartAsync(cancellation))
        {
            receipt = await producer.SendAsync(Message.To(topic).Body("coffee, coffee, coffee"), cancellation);
        }

        // Brokers index messages after they have stored them.
        FoundMessages found;
        MessageTrace trace;

        do
        {
            found = await admin.FindByIdAsync(receipt.MessageId, topic, cancellation);
            trace = await admin.GetTraceAsync(receipt.MessageId, traces, cancellation);
        }
        while (found.Messages.Count == 0 || (trace.Events.Count == 0 && trace.Unreadable == 0));

        Assert.That(found.Messages.Select(TextOf), Is.EqualTo(new[] { "coffee, coffee, coffee" }));
        Assert.That(trace.Events.Select(one => one.Group), Is.EqualTo(new[] { group }));
        Assert.That(trace.Unreadable, Is.Zero);
    }

    [Test]
    public async Task Producers_are_listed_by_group_and_all(CancellationToken cancellation)
    {
        await using var client = Shared();
        var admin = new AdminClient(client);
        var topic = NewName("topic");
        await admin.CreateTopicAsync(topic, new() { ReadQueues = 1 }, cancellationToken: cancellation);
        var group = NewName("producers");

        await using var producer = await AsTheClusterWants(Producer.Create(group))
            .NameServers(NameServers)
            .StartAsync(cancellation);

        await producer.SendAsync(Message.To(topic).Body("x"), cancellation);
        ProducerList all;

        do
        {
            // Brokers learn of it by its heartbeat.
            all = await admin.ListProducersAsync(cancellationToken: cancellation);
        }
        while (!all.Producers.Any(one => one.Group == group));

        Assert.That(all.Failures, Is.Empty);
        var ofGroup = await admin.ListProducersOfGroupAsync(group, cancellationToken: cancellation);
        Assert.That(ofGroup.Producers, Has.All.Matches<ProducerClient>(one => one!.Group == group));
    }

    [Test]
    public async Task Brokers_are_cleaned_modes_set_and_name_servers_configured(CancellationToken cancellation)
    {
        await using var client = Shared();
        var admin = new AdminClient(client, new() { VerifyWithin = TimeSpan.FromSeconds(30L) });
        var (topic, group) = (NewName("topic"), NewName("group"));
        await admin.CreateTopicAsync(topic, new() { ReadQueues = 1 }, cancellationToken: cancellation);
        await admin.CreateGroupAsync(group, cancellationToken: cancellation);

        var cleaning = await admin.Plans.CleanBrokersAsync(CleanTarget.ExpiredQueues, cancellationToken: cancellation);
        Assert.That(cleaning.Destroys);
        (await admin.CarryOutAsync(cleaning, cancellation)).EnsureCarriedOut();

        var rollback = await admin.Plans.RollBackPopAsync(cancellationToken: cancellation);
        Assert.That(rollback.Warnings, Is.Not.Empty, "no broker here has RocksDB for messages that were popped");

        var brokers = await admin.GetBrokersAsync(cancellationToken: cancellation);

        if (brokers[0].Version!.StartsWith("V5", StringComparison.Ordinal))
        {
            var mode = await admin.Plans.SetRequestModeAsync(
                group, topic, MessageRequestMode.Pop, 1, cancellationToken: cancellation);

            (await admin.CarryOutAsync(mode, cancellation)).EnsureCarriedOut();
            var again = await admin.Plans.SetRequestModeAsync(
                group, topic, MessageRequestMode.Pop, 1, cancellationToken: cancellation);

            Assert.That(again.IsNeeded, Is.False);
        }

        var servers = await admin.GetNameServerConfigurationsAsync(cancellation);
        Assert.That(servers, Has.All.Matches<NameServerConfiguration>(one => one!.Failure is null));
        var before = servers[0].Settings["productEnvName"];

        var settings = new Dictionary<string, string> { ["productEnvName"] = before + "2" };
        var plan = await admin.Plans.ConfigureNameServersAsync(settings, cancellation);
        Assert.That(plan.Stages[0][0].After, Is.EqualTo($"productEnvName={before}2"));
        (await admin.CarryOutAsync(plan, cancellation)).EnsureCarriedOut();
        settings["productEnvName"] = before;
        var back = await admin.Plans.ConfigureNameServersAsync(settings, cancellation);
        (await admin.CarryOutAsync(back, cancellation)).EnsureCarriedOut();
    }

    [Test]
    public async Task What_is_not_there_names_what_is(CancellationToken cancellation)
    {
        await using var client = Shared();
        var admin = new AdminClient(client);

        var error = await Assert.ThrowsAsync<AdministrationException>(
            () => admin.GetBrokersAsync(BrokerScope.Cluster("nowhere"), cancellation));

        Assert.That(error!.Problem, Is.EqualTo(AdministrationProblem.NotFound));
        Assert.That(error.Message, Does.StartWith("There is no cluster nowhere. There are: "));
    }

    [Test]
    public async Task A_cancelled_call_ends(CancellationToken cancellation)
    {
        await using var client = Shared();
        var admin = new AdminClient(client);
        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await cancelled.CancelAsync();

        await Assert.ThatAsync(
            () => admin.ListTopicsAsync(cancellationToken: cancelled.Token),
            Throws.InstanceOf<OperationCanceledException>());
    }
}
