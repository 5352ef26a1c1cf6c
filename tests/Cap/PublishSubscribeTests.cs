using DotNetCore.CAP;
using DotNetCore.CAP.Internal;
using DotNetCore.CAP.Messages;
using RocketMq.Cap;

namespace CapTests;

/// <summary>CAP's promises, against the embedded broker and a real cluster.</summary>
public sealed class PublishSubscribeTests(string kind) : ServerTests(kind)
{
    private void Use(RocketMqCapOptions options)
    {
        options.NameServers = NameServers;
        options.ConfigureClient = AsTheClusterWants;
    }

    private Task<CapApp> StartAsync<TSubscriber>(
        CancellationToken cancellation, Action<CapOptions>? cap = null, Action<CapApp>? before = null)
        where TSubscriber : class =>
        CapApp.StartAsync<TSubscriber>(Use, NewName("cap"), cancellation, cap: cap, before: before);

    [Test]
    public async Task Each_group_gets_a_message_once(CancellationToken cancellation)
    {
        await using var app = await StartAsync<Subscribers>(cancellation);
        await app.Publisher.PublishAsync(Subscribers.Created, "order 1", cancellationToken: cancellation);
        var taken = await app.Inbox.NextAsync(2, cancellation);
        Assert.That(taken.Select(one => one.Group), Is.EquivalentTo(new[] { Subscribers.Billing, Subscribers.Shipping }));
        Assert.That(taken.Select(one => one.Body), Is.All.EqualTo("order 1"));
        Assert.That(app.Storage.Published.Single().State, Is.EqualTo(StatusName.Succeeded));
    }

    [Test]
    public async Task A_group_reads_all_names_that_it_subscribes_to(CancellationToken cancellation)
    {
        await using var app = await StartAsync<Subscribers>(cancellation);
        await app.Publisher.PublishAsync(Subscribers.Paid, "order 2", cancellationToken: cancellation);
        var taken = await app.Inbox.NextAsync(cancellation);
        Assert.That((taken.Group, taken.Body), Is.EqualTo((Subscribers.Billing, "order 2")));
        Assert.That(taken.Headers[Headers.MessageName], Does.EndWith(Subscribers.Paid));
    }

    [Test]
    public async Task Headers_of_any_kind_and_no_body_at_all_arrive_as_they_were_sent(CancellationToken cancellation)
    {
        var sent = new Dictionary<string, string?>
        {
            ["plain"] = "value",
            ["empty"] = "",
            ["null"] = null,
            ["KEYS"] = "a name of RocketMQ's",
            ["__transactionId__"] = "another one",
            ["control\u0001\u0002"] = "a\u0001b\u0002c\r\n\0",
            ["lone \ud800 surrogate"] = "\udc00\ud83d\ude00\ud83d",
            ["%0"] = "%1",
            ["%"] = "%:%0041",
            [" blank "] = " ",
            ["Größe"] = "大きさ",
            ["CAP_EMPTY_BODY"] = "no",
            ["cap-msg-id"] = "id with blanks\t" + Guid.NewGuid(),
        };

        await using var app = await StartAsync<OneSubscriber>(cancellation);
        await app.Publisher.PublishAsync<string?>(Subscribers.Created, null, new Dictionary<string, string?>(sent), cancellation);
        var taken = await app.Inbox.NextAsync(cancellation);
        Assert.That(taken.Body, Is.Null);
        Assert.That(taken.Headers.Where(header => sent.ContainsKey(header.Key)), Is.EquivalentTo(sent));
    }

    [Test]
    public async Task What_a_subscriber_throws_on_is_handled_again_by_CAP_at_once_and_then_from_its_storage(CancellationToken cancellation)
    {
        await using var app = await StartAsync<OneSubscriber>(
            cancellation,
            before: app => app.Inbox.Work = (_, attempt) =>
                attempt <= 4 ? throw new InvalidOperationException($"attempt {attempt}") : Task.CompletedTask);

        await app.Publisher.PublishAsync(Subscribers.Created, "order 3", cancellationToken: cancellation);
        var taken = await app.Inbox.NextAsync(cancellation);
        Assert.That((taken.Body, app.Inbox.Attempts(taken)), Is.EqualTo(("order 3", 5)));
        await Wait.UntilAsync(() => app.Storage.Received.Single().State == StatusName.Succeeded, cancellation);
    }

    [Test]
    public async Task A_callback_is_published(CancellationToken cancellation)
    {
        await using var app = await StartAsync<Asking>(cancellation);
        await app.Publisher.PublishAsync(Subscribers.Created, "order 4", Subscribers.Paid, cancellation);
        Assert.That((await app.Inbox.NextAsync(cancellation)).Body, Is.EqualTo("order 4 is paid"));
    }

    [Test]
    public async Task A_delayed_message_arrives_after_later_ones_that_are_not_delayed(CancellationToken cancellation)
    {
        var delay = IsCluster ? TimeSpan.FromSeconds(4) : TimeSpan.FromHours(1);
        await using var app = await StartAsync<OneSubscriber>(cancellation);
        await app.Publisher.PublishAsync(Subscribers.Created, "now", cancellationToken: cancellation);
        Assert.That((await app.Inbox.NextAsync(cancellation)).Body, Is.EqualTo("now"));

        await app.Publisher.PublishDelayAsync(delay, Subscribers.Created, "later", cancellationToken: cancellation);
        await app.Publisher.PublishAsync(Subscribers.Created, "soon", cancellationToken: cancellation);
        Assert.That((await app.Inbox.NextAsync(cancellation)).Body, Is.EqualTo("soon"));

        // A broker of 5.x has it already, and an older one gets it when CAP's scheduler says so.
        PassTime(delay);
        var later = await app.Inbox.NextAsync(cancellation);
        Assert.That(later.Body, Is.EqualTo("later"));
        Assert.That(later.Headers, Does.Not.ContainKey("cap-rocketmq-deliver-at"));
        await Wait.UntilAsync(() => app.Storage.Published.All(row => row.State == StatusName.Succeeded), cancellation);
    }

    [TestCase(1, false)]
    [TestCase(4, false)]
    [TestCase(2, true)]
    public async Task As_many_messages_are_handled_at_a_time_as_CAP_has_threads(int threads, bool isParallel, CancellationToken cancellation)
    {
        const int Messages = 12;
        var (running, most) = (0, 0);
        var gate = new object();

        await using var app = await StartAsync<OneSubscriber>(
            cancellation,
            options =>
            {
                options.ConsumerThreadCount = threads;
                options.EnableSubscriberParallelExecute = isParallel;
                options.SubscriberParallelExecuteThreadCount = 1;
            },
            app => app.Inbox.Work = async (_, _) =>
            {
                lock (gate)
                {
                    most = Math.Max(most, ++running);
                }

                // As long as others can begin.
                for (var turn = 0; turn < 100; turn++)
                {
                    await Task.Yield();
                }

                lock (gate)
                {
                    running--;
                }
            });

        for (var number = 0; number < Messages; number++)
        {
            await app.Publisher.PublishAsync(Subscribers.Created, $"{number}", cancellationToken: cancellation);
        }

        var taken = await app.Inbox.NextAsync(Messages, cancellation);
        Assert.That(taken.Select(one => one.Body), Is.EquivalentTo(Enumerable.Range(0, Messages).Select(number => $"{number}")));
        Assert.That(most, Is.LessThanOrEqualTo(isParallel ? 1 : threads));
    }

    [Test]
    public async Task Messages_with_a_sharding_key_keep_their_order(CancellationToken cancellation)
    {
        await using var app = await StartAsync<OneSubscriber>(cancellation);

        for (var number = 0; number < 10; number++)
        {
            var headers = new Dictionary<string, string?> { [RocketMqHeaders.ShardingKey] = "customer 7" };
            await app.Publisher.PublishAsync(Subscribers.Created, $"{number}", headers, cancellation);
        }

        var taken = await app.Inbox.NextAsync(10, cancellation);
        Assert.That(taken.Select(one => one.Body), Is.EqualTo(Enumerable.Range(0, 10).Select(number => $"{number}")));
        Assert.That(taken[0].Headers[RocketMqHeaders.ShardingKey], Is.EqualTo("customer 7"));
    }
}

/// <summary>Answers one name; the answer goes to the other.</summary>
public sealed class Asking(Inbox inbox) : ICapSubscribe
{
    private readonly string _state = "paid";

    [CapSubscribe(Subscribers.Created, Group = Subscribers.Billing)]
    public string Answer(string body) => $"{body} is {_state}";

    [CapSubscribe(Subscribers.Paid, Group = Subscribers.Billing)]
    public Task Answered(string body, [FromCap] CapHeader headers) => inbox.TakeAsync(Subscribers.Billing, body, headers);
}
