namespace Interop;

/// <summary>The page on requests by hand: its block of C# stands here and runs.</summary>
[CancelAfter(60_000)]
public sealed class RemotingPageTests() : ClockedBrokerFixture(runs: true, topic: "Orders")
{
    [Test]
    public async Task Requests_run()
    {
        var nameServers = Broker.NameServer;

        // docs/remoting.md
        await using var names = NameServerClient.Connect(nameServers);
        TopicRoute route = await names.GetRouteAsync("Orders");

        await using var remoting = await RemotingClient.Connect(route.Brokers[0].Addresses[0]).RequestTimeout(TimeSpan.FromSeconds(3)).StartAsync();
        Command newest = await remoting.InvokeAsync(Requests.MaxOffset("Orders", queueId: 0));
        Command same = await remoting.InvokeAsync(Command.Request(RequestCode.GetMaxOffset).With("topic", "Orders").With("queueId", "0"));
        Command byHand = Command.Build().Code(RequestCode.GetMaxOffset).Topic("Orders").QueueId(0).Build();
        // end

        Assert.That(newest.Field("offset"), Is.EqualTo("0"));
        Assert.That(same.Field("offset"), Is.EqualTo("0"));
        Assert.That((await remoting.InvokeAsync(byHand)).Field("offset"), Is.EqualTo("0"));
    }

    [Test]
    public void The_page_has_this_code() => PageCode.ShouldRunIn("remoting.md", blocks: 1);
}
