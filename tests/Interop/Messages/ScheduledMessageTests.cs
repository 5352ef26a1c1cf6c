using System.Globalization;
using System.Text;
using RocketMq.Embedded;

namespace Interop;

/// <summary>What the embedded broker holds back, and what it asks its clients, over real sockets and with a clock that is moved.</summary>
[CancelAfter(60_000)]
public sealed class ScheduledMessageTests() : ClockedBrokerFixture(runs: false)
{
    private Task<RemotingClient> ConnectAsync(CancellationToken cancellation) =>
        RemotingClient.Connect(Broker.BrokerAddress).StartAsync(cancellation);

    /// <summary>Client "me" of group G, which hands on what the broker asks of it and answers.</summary>
    private async Task<RemotingClient> ConnectMemberAsync(
        RequestCode code, TaskCompletionSource<Command> asked, Func<Command, Command?> answer, CancellationToken cancellation)
    {
        var member = await RemotingClient.Connect(Broker.BrokerAddress)
            .OnRequest(code, request =>
            {
                asked.TrySetResult(request);
                return Task.FromResult(answer(request));
            })
            .StartAsync(cancellation);

        await OkAsync(member, Requests.Heartbeat("me", ["G"]), cancellation);
        return member;
    }

    private static Command Send(string topic, string id, params (string Name, string Value)[] properties)
    {
        var text = string.Join('\u0002', properties.Append(("UNIQ_KEY", id)).Select(pair => $"{pair.Item1}\u0001{pair.Item2}"));

        return Command.Build()
            .Code(RequestCode.SendMessageV2)
            .Fields(new[] { "G", topic, "TBW102", "4", "0", "0", "0", "0", text }.Index()
                .ToDictionary(field => ((char)('a' + field.Index)).ToString(), field => field.Item))
            .Body(Encoding.UTF8.GetBytes(id))
            .Build();
    }

    private static async Task<Command> OkAsync(RemotingClient client, Command request, CancellationToken cancellation)
    {
        var answer = await client.InvokeAsync(request, cancellation);
        Assert.That(answer.ResponseCode, Is.EqualTo(ResponseCode.Success), answer.Remark);
        return answer;
    }

    private Task<PullConsumer> ConsumeAsync(string topic, CancellationToken cancellation) =>
        PullConsumer.Create("consumers")
            .NameServers(Broker.NameServer)
            .Subscribe(topic)
            .ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .StartAsync(cancellation);

    private static async Task<string> TextAsync(PullConsumer consumer, CancellationToken cancellation) =>
        Encoding.UTF8.GetString((await consumer.ReceiveAsync(cancellation)).Body.Span);

    [Test]
    public async Task Delay_of_two_hours_passes_on_a_manualClock(CancellationToken cancellation)
    {
        await using var producer = await ConnectAsync(cancellation);
        await OkAsync(producer, Send("T", "late", ("DELAY", "18")), cancellation);
        await OkAsync(producer, Send("T", "now"), cancellation);
        await using var consumer = await ConsumeAsync("T", cancellation);

        Assert.That(await TextAsync(consumer, cancellation), Is.EqualTo("now"));
        Clock.Advance(TimeSpan.FromHours(2));
        Assert.That(await TextAsync(consumer, cancellation), Is.EqualTo("late"));
    }

    [Test]
    public async Task Recalled_timed_message_is_not_delivered_and_the_other_one_is(CancellationToken cancellation)
    {
        await using var producer = await ConnectAsync(cancellation);
        var recalled = await OkAsync(producer, Send("T", "recalled", ("TIMER_DELAY_SEC", "3600")), cancellation);
        await OkAsync(producer, Send("T", "kept", ("TIMER_DELAY_SEC", "3600")), cancellation);

        var recall = Command.Build()
            .Code(RequestCode.RecallMessage)
            .Field("producerGroup", "G")
            .Field("topic", "T")
            .Field("recallHandle", recalled.Fields["recallHandle"])
            .Build();

        Assert.That((await OkAsync(producer, recall, cancellation)).Fields["msgId"], Is.EqualTo("recalled"));

        await using var consumer = await ConsumeAsync("T", cancellation);
        Clock.Advance(TimeSpan.FromHours(1) + TimeSpan.FromSeconds(1));
        Assert.That(await TextAsync(consumer, cancellation), Is.EqualTo("kept"));
    }

    [Test]
    public async Task Transaction_check_of_a_producer_decides_the_transaction(CancellationToken cancellation)
    {
        var asked = new TaskCompletionSource<Command>(TaskCreationOptions.RunContinuationsAsynchronously);

        await using var producer = await ConnectMemberAsync(RequestCode.CheckTransactionState, asked, _ => null, cancellation);
        await OkAsync(producer, Send("T", "half", ("TRAN_MSG", "true"), ("PGROUP", "G")), cancellation);
        Clock.Advance(TimeSpan.FromSeconds(30));
        var check = await asked.Task.WaitAsync(cancellation);

        Assert.That(check.Fields["transactionId"], Is.EqualTo("half"));
        Assert.That(check.Fields["bname"], Is.EqualTo("broker-embedded"));

        var end = Requests.EndTransaction(
            "G",
            TransactionDecision.Commit,
            long.Parse(check.Fields["tranStateTableOffset"], CultureInfo.InvariantCulture),
            long.Parse(check.Fields["commitLogOffset"], CultureInfo.InvariantCulture),
            "half",
            isCheckAnswer: true);

        await producer.InvokeOneWayAsync(end, cancellation);
        await using var consumer = await ConsumeAsync("T", cancellation);
        Assert.That(await TextAsync(consumer, cancellation), Is.EqualTo("half"));
    }

    [Test]
    public async Task Reply_reaches_the_waiting_client_and_its_sender_gets_the_result(CancellationToken cancellation)
    {
        var pushed = new TaskCompletionSource<Command>(TaskCreationOptions.RunContinuationsAsynchronously);

        await using var requester = await ConnectMemberAsync(RequestCode.PushReplyMessageToClient, pushed, push => push.Respond(ResponseCode.Success), cancellation);
        await using var replier = await ConnectAsync(cancellation);

        Command Reply(string to) => Command.Build()
            .Code(RequestCode.SendReplyMessageV2)
            .Fields(Send("DefaultCluster_REPLY_TOPIC", "reply", ("REPLY_TO_CLIENT", to), ("CORRELATION_ID", "7")).Fields)
            .Body(Encoding.UTF8.GetBytes("answer"))
            .Build();

        await OkAsync(replier, Reply("me"), cancellation);
        var push = await pushed.Task.WaitAsync(cancellation);
        Assert.That(Encoding.UTF8.GetString(push.Body.Span), Is.EqualTo("answer"));
        Assert.That(push.Fields["properties"], Does.Contain("CORRELATION_ID\u00017"));

        var failed = await replier.InvokeAsync(Reply("nobody"), cancellation);
        Assert.That(failed.ResponseCode, Is.EqualTo(ResponseCode.SystemError));
        Assert.That(failed.Remark, Does.Contain("nobody"));

        // It says nothing any more: whoever replies to it learns that, too.
        await requester.DisposeAsync();

        while ((await replier.InvokeAsync(Reply("me"), cancellation)).ResponseCode == ResponseCode.Success)
        {
        }
    }

    [Test]
    public async Task Invalid_numbers_are_refused()
    {
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => EmbeddedBroker.StartAsync(
            new EmbeddedBrokerOptions { TransactionCheckInterval = TimeSpan.Zero }));

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => EmbeddedBroker.StartAsync(
            new EmbeddedBrokerOptions { TransactionTimeout = TimeSpan.FromSeconds(-1) }));

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => EmbeddedBroker.StartAsync(
            new EmbeddedBrokerOptions { TransactionCheckMax = -1 }));
    }
}
