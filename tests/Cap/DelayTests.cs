using System.Globalization;
using DotNetCore.CAP.Internal;
using DotNetCore.CAP.Messages;
using DotNetCore.CAP.Persistence;
using DotNetCore.CAP.Transport;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using RocketMq.Cap;
using RocketMq.Embedded;
using CapMessage = DotNetCore.CAP.Messages.Message;

namespace CapTests;

/// <summary>Who holds back what is published with a delay.</summary>
[CancelAfter(60_000)]
public sealed class DelayTests
{
    private const string Prefix = "delay";
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    [TestCase(DelayedDelivery.Auto, null, 1, "Scheduler")]
    [TestCase(DelayedDelivery.Auto, "4.9.8", 1, "Scheduler")]
    [TestCase(DelayedDelivery.Auto, "5.0.0", 1, "Broker")]
    [TestCase(DelayedDelivery.Auto, "5.3.3", 72, "Broker")]
    [TestCase(DelayedDelivery.Auto, "5.3.3", 73, "Scheduler")]
    [TestCase(DelayedDelivery.Auto, "5.3.3", 0, "Now")]
    [TestCase(DelayedDelivery.Broker, null, 1, "Broker")]
    [TestCase(DelayedDelivery.Broker, "4.9.8", 1, "Broker")]
    [TestCase(DelayedDelivery.Broker, "5.3.3", 73, "Scheduler")]
    [TestCase(DelayedDelivery.Broker, "5.3.3", -1, "Now")]
    [TestCase(DelayedDelivery.Scheduler, "5.3.3", 1, "Scheduler")]
    [TestCase(DelayedDelivery.Scheduler, "5.3.3", 0, "Now")]
    public void A_delay_goes_to_whom_it_can_be_left(DelayedDelivery delivery, string? oldest, int hours, string route) =>
        Assert.That(
            DelayRoutes.Choose(delivery, TimeSpan.FromDays(3), oldest is null ? null : Version.Parse(oldest), TimeSpan.FromHours(hours)).ToString(),
            Is.EqualTo(route));

    private static Task<CapApp> StartAsync(
        EmbeddedBroker broker, CancellationToken cancellation, DelayedDelivery delivery = DelayedDelivery.Auto, MemoryStorage? storage = null) =>
        CapApp.StartAsync<OneSubscriber>(
            options =>
            {
                options.NameServers = broker.NameServer;
                options.DelayedDelivery = delivery;
            },
            Prefix,
            cancellation,
            storage);

    private static async Task KnowTheBrokerAsync(CapApp app, CancellationToken cancellation)
    {
        await app.Publisher.PublishAsync(Subscribers.Created, "now", cancellationToken: cancellation);
        Assert.That((await app.Inbox.NextAsync(cancellation)).Body, Is.EqualTo("now"));
    }

    private static StoredRow Last(CapApp app) => app.Storage.Published.MaxBy(row => int.Parse(row.Id, CultureInfo.InvariantCulture))!;

    [Test]
    public async Task A_broker_of_5_0_has_the_message_at_once_and_delivers_it_at_its_time(CancellationToken cancellation)
    {
        var clock = new EmbeddedClock(runs: true);
        await using var broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions { Clock = clock }, cancellation);
        var storage = new MemoryStorage();

        await using (var publisher = await StartAsync(broker, cancellation, storage: storage))
        {
            await KnowTheBrokerAsync(publisher, cancellation);
            await publisher.Publisher.PublishDelayAsync(Hour, Subscribers.Created, "later", cancellationToken: cancellation);
            Assert.That(Last(publisher).State, Is.EqualTo(StatusName.Succeeded));
        }

        // The publisher has gone, and CAP's scheduler with it.
        await using var app = await StartAsync(broker, cancellation);
        await KnowTheBrokerAsync(app, cancellation);
        clock.Advance(Hour);
        Assert.That((await app.Inbox.NextAsync(cancellation)).Body, Is.EqualTo("later"));
    }

    [Test]
    public async Task For_a_broker_before_5_0_CAPs_scheduler_holds_the_message(CancellationToken cancellation)
    {
        await using var broker = await EmbeddedBroker.StartAsync(new EmbeddedBrokerOptions { Version = new(4, 9, 8) }, cancellation);
        await using var app = await StartAsync(broker, cancellation);
        await KnowTheBrokerAsync(app, cancellation);
        await app.Publisher.PublishDelayAsync(Hour, Subscribers.Created, "much later", cancellationToken: cancellation);
        Assert.That(Last(app).State, Is.EqualTo(StatusName.Delayed));
        await app.Publisher.PublishDelayAsync(TimeSpan.FromMilliseconds(300), Subscribers.Created, "later", cancellationToken: cancellation);
        Assert.That((await app.Inbox.NextAsync(cancellation)).Body, Is.EqualTo("later"));
        await Wait.UntilAsync(() => Last(app).State == StatusName.Succeeded, cancellation);
    }

    [Test]
    public async Task CAPs_scheduler_holds_the_message_if_it_is_chosen(CancellationToken cancellation)
    {
        await using var broker = await EmbeddedBroker.StartAsync();
        await using var app = await StartAsync(broker, cancellation, DelayedDelivery.Scheduler);
        await KnowTheBrokerAsync(app, cancellation);
        await app.Publisher.PublishDelayAsync(Hour, Subscribers.Created, "later", cancellationToken: cancellation);
        Assert.That(Last(app).State, Is.EqualTo(StatusName.Delayed));
    }

    /// <summary>A message that CAP's storage has, published by a process that has ended before it was sent.</summary>
    [Test]
    public async Task A_delayed_message_that_is_tried_again_keeps_its_time(CancellationToken cancellation)
    {
        var inner = new Dispatcher();
        using var dispatcher = NewDispatcher(inner, DelayedDelivery.Broker);
        await dispatcher.EnqueueToPublish(Delayed(Hour));
        Assert.That(inner.Calls, Is.EqualTo(new[] { "publish as a timer message" }));

        inner.Calls.Clear();
        await dispatcher.EnqueueToPublish(Delayed(-Hour, isTimed: true));
        Assert.That(inner.Calls, Is.EqualTo(new[] { "publish" }));

        inner.Calls.Clear();
        await dispatcher.EnqueueToPublish(new MediumMessage { Origin = new(new Dictionary<string, string?>(), null) });
        Assert.That(inner.Calls, Is.EqualTo(new[] { "publish" }));
    }

    [Test]
    public async Task What_is_scheduled_within_a_transaction_of_the_storage_stays_with_CAPs_scheduler(CancellationToken cancellation)
    {
        var inner = new Dispatcher();
        using var dispatcher = NewDispatcher(inner, DelayedDelivery.Broker);
        await dispatcher.EnqueueToScheduler(Delayed(Hour, isTimed: true), DateTime.Now + Hour, new object());
        await dispatcher.EnqueueToScheduler(Delayed(Hour), DateTime.Now + Hour);
        await dispatcher.EnqueueToScheduler(Delayed(Hour), DateTime.Now + TimeSpan.FromDays(4));
        Assert.That(inner.Calls, Is.EqualTo(new[] { "schedule in a transaction", "publish as a timer message", "schedule" }));

        inner.Calls.Clear();
        using var automatic = NewDispatcher(inner, DelayedDelivery.Auto);
        await automatic.EnqueueToScheduler(Delayed(Hour), DateTime.Now + Hour);
        await automatic.EnqueueToPublish(Delayed(Hour));
        Assert.That(inner.Calls, Is.EqualTo(new[] { "schedule", "schedule" }));
    }

    [Test]
    public async Task All_else_goes_to_CAPs_dispatcher(CancellationToken cancellation)
    {
        var inner = new Dispatcher();
        var dispatcher = NewDispatcher(inner, DelayedDelivery.Auto);
        await dispatcher.StartAsync(cancellation);
        await dispatcher.EnqueueToExecute(Delayed(Hour));
        dispatcher.Dispose();
        Assert.That(inner.Calls, Is.EqualTo(new[] { "start", "execute", "dispose" }));
    }

    private static DelayDispatcher NewDispatcher(Dispatcher inner, DelayedDelivery delivery) => new(
        inner,
        new(Options.Create(new RocketMqCapOptions { NameServers = "127.0.0.1:1", DelayedDelivery = delivery }), NullLoggerFactory.Instance));

    /// <summary>With the headers that CAP gives a message that is due after a time.</summary>
    private static MediumMessage Delayed(TimeSpan wait, bool isTimed = false)
    {
        var headers = new Dictionary<string, string?>
        {
            [Headers.DelayTime] = "02:00:00",
            [Headers.SentTime] = (DateTime.Now + wait).ToString(CultureInfo.InvariantCulture),
        };

        if (isTimed)
        {
            headers[RocketMqHeaders.DeliverAt] = "1";
        }

        return new() { DbId = "1", Origin = new CapMessage(headers, null) };
    }

    private sealed class Dispatcher : IDispatcher
    {
        internal List<string> Calls { get; } = [];

        public void Dispose() => Calls.Add("dispose");

        public ValueTask StartAsync(CancellationToken stoppingToken) => Noted("start");

        public ValueTask EnqueueToExecute(MediumMessage message, ConsumerExecutorDescriptor? descriptor = null) => Noted("execute");

        public ValueTask EnqueueToPublish(MediumMessage message) =>
            Noted(message.Origin.Headers.ContainsKey(RocketMqHeaders.DeliverAt) ? "publish as a timer message" : "publish");

        public Task EnqueueToScheduler(MediumMessage message, DateTime publishTime, object? transaction = null) =>
            Noted(
                message.Origin.Headers.ContainsKey(RocketMqHeaders.DeliverAt) ? "schedule as a timer message"
                : transaction is null ? "schedule"
                : "schedule in a transaction").AsTask();

        private ValueTask Noted(string call)
        {
            Calls.Add(call);
            return ValueTask.CompletedTask;
        }
    }
}
