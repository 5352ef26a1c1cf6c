using System.Collections.Concurrent;
using System.Text;
using RocketMq.Embedded;

namespace Interop;

/// <summary>
/// Producers and consumers that share a client. The block of docs/getting-started.md on many of them stands here.
/// </summary>
[CancelAfter(60_000)]
public sealed class SharedClientTests() : ClockedBrokerFixture(runs: true, topic: "Orders")
{
    [Test]
    public async Task Many_share_one_client(CancellationToken cancellation)
    {
        var nameServers = Broker.NameServer;
        var booked = new ConcurrentBag<string>();

        Task BookAsync(ReceivedMessage message)
        {
            booked.Add(Encoding.UTF8.GetString(message.Body.Span));
            return Task.CompletedTask;
        }

        // docs/getting-started.md
        await using var client = RocketMqClient.Create().NameServers(nameServers).RequestTimeout(TimeSpan.FromSeconds(5)).Start();

        await using var orders = await client.Producer("orders").StartAsync();
        await using var invoices = await client.Producer("invoices").Attempts(5).StartAsync();
        await using var billing = await client.PushConsumer("billing")
            .Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .OnMessage((message, cancellation) => BookAsync(message)).StartAsync();
        await using var audit = await client.PullConsumer("audit")
            .Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset).StartAsync();
        // end

        await orders.SendAsync(Message.To("Orders").Body("one coffee"), cancellation);
        await invoices.SendAsync(Message.To("Orders").Body("two teas"), cancellation);
        var audited = new[] { await audit.ReceiveAsync(cancellation), await audit.ReceiveAsync(cancellation) };
        await Wait.UntilAsync(() => booked.Count == 2, cancellation);
        Assert.That(booked, Is.EquivalentTo(new[] { "one coffee", "two teas" }));
        Assert.That(audited.Select(message => Encoding.UTF8.GetString(message.Body.Span)), Is.EquivalentTo(booked));
        Assert.That(client.Connections, Has.Count.EqualTo(2));
        Assert.That(new[] { orders.ClientId, invoices.ClientId }, Is.All.EqualTo(client.ClientId));

        await orders.DisposeAsync();
        await invoices.SendAsync(Message.To("Orders").Body("three juices"), cancellation);
        await client.DisposeAsync();
        await Assert.ThrowsAsync<ClientClosedException>(() => invoices.SendAsync(Message.To("Orders").Body("x"), cancellation));
    }

    [Test]
    public async Task All_kinds_share_one_client(CancellationToken cancellation)
    {
        await using var client = RocketMqClient.Create().NameServers(Broker.NameServer).Start();
        await using var transactions = await client.TransactionProducer("tx")
            .OnCheck(_ => Task.FromResult(TransactionDecision.Commit)).StartAsync(cancellation);
        var popped = new ConcurrentBag<string>();
        await using var pop = await client.PopConsumer("pop").Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .EnablePopMode().OnMessage((message, _) =>
            {
                popped.Add(Encoding.UTF8.GetString(message.Body.Span));
                return Task.CompletedTask;
            }).StartAsync(cancellation);
        await using var simple = await client.SimpleConsumer("simple")
            .Subscribe("Orders").ConsumeFromWhere(ConsumeFrom.FirstOffset).StartAsync(cancellation);
        await using var reader = client.PullConsumer("reader").CreateClient();
        await transactions.SendAsync(Message.To("Orders").Body("paid"), _ => Task.FromResult(TransactionDecision.Commit), cancellation);
        var leased = await simple.ReceiveAsync(1, TimeSpan.FromMinutes(1), cancellation);
        await Wait.UntilAsync(() => popped.Count == 1, cancellation);
        Assert.That(Encoding.UTF8.GetString(leased[0].Message.Body.Span), Is.EqualTo("paid"));
        Assert.That(await reader.GetQueuesAsync("Orders", cancellation), Has.Count.EqualTo(4));
        Assert.That(client.Connections, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task A_second_member_of_a_group_is_refused(CancellationToken cancellation)
    {
        await using var client = RocketMqClient.Create().NameServers(Broker.NameServer).Start();
        await using var first = await client.PullConsumer("C").Subscribe("Orders").StartAsync(cancellation);
        var refused = await Assert.CatchAsync<RocketMqException>(
            () => client.SimpleConsumer("C").Subscribe("Orders").StartAsync(cancellation));
        Assert.That(refused!.Message, Does.Contain("group C").And.Contain("RocketMqClient"));
    }

    [Test]
    public async Task The_releases_of_brokers_are_known_by_their_answers(CancellationToken cancellation)
    {
        await using var older = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions { Version = new(4, 9, 8) }, cancellation);

        foreach (var (broker, version) in new[] { (Broker, new Version(5, 3, 3)), (older, new Version(4, 9, 8)) })
        {
            await using var client = RocketMqClient.Create().NameServers(broker.NameServer).Start();
            Assert.That(client.BrokerVersions, Is.Empty);
            await using var producer = await client.Producer("orders").StartAsync(cancellation);
            await producer.SendAsync(Message.To("Orders").Body("one coffee"), cancellation);
            Assert.That(client.BrokerVersions, Is.EquivalentTo(new Dictionary<string, Version> { [broker.BrokerAddress] = version }));

            // It is known as well while the connection is lost.
            await broker.DisconnectClientsAsync(cancellation);
            Assert.That(client.BrokerVersions[broker.BrokerAddress], Is.EqualTo(version));
        }
    }

    [Test]
    public async Task What_belongs_to_the_client_is_set_there(CancellationToken cancellation)
    {
        await using var client = RocketMqClient.Create().NameServers(Broker.NameServer)
            .RequestTimeout(TimeSpan.FromSeconds(7)).Start();

        // The default is another value than the client's, too.
        var refused = await Assert.ThrowsAsync<InvalidRequestException>(() => client.Producer("G")
            .RequestTimeout(TimeSpan.FromSeconds(3)).NameServers("127.0.0.1:1").Credentials("a", "b").StartAsync(cancellation));
        Assert.That(
            refused!.Message, Does.Contain("requestTimeout:").And.Contain("nameServers:").And.Contain("credentials:"));

        await using var own = await client.Producer("G").Namespace("OTHER").RequestTimeout(TimeSpan.FromSeconds(7))
            .StartAsync(cancellation);
        await own.SendAsync(Message.To("Orders").Body("x"), cancellation);
    }

    [Test]
    public void The_page_has_this_code() => PageCode.ShouldRunIn("getting-started.md", blocks: 1);
}
