using System.Diagnostics;
using System.Reflection;
using Microsoft.Extensions.Logging;
using RocketMq.Embedded;

namespace Interop;

/// <summary>
/// Handlers of every shape that compiles: what they say of a message reaches the broker, and nothing that they say is lost.
/// </summary>
[CancelAfter(60_000)]
public sealed class HandlerShapeTests() : ClockedBrokerFixture(runs: true)
{
    private const string Topic = "Shapes";

    private int _groups;

    [SetUp]
    public async Task SendOne()
    {
        await Broker.CreateTopicAsync(Topic, 1);
        await using var producer = await Producer.Create("shapes").NameServers(Broker.NameServer).StartAsync();
        await producer.SendAsync(Message.To(Topic).Body("one"));
    }

    private PushConsumerBuilder Push(ILogger? logger = null) =>
        PushConsumer.Create($"push-{_groups++}").NameServers(Broker.NameServer)
            .Subscribe(Topic).ConsumeFromWhere(ConsumeFrom.FirstOffset)
            .Logger(logger ?? new Remembering());

    private PopConsumerBuilder Pop(ILogger? logger = null) =>
        PopConsumer.Create($"pop-{_groups++}").NameServers(Broker.NameServer)
            .Subscribe(Topic).ConsumeFromWhere(ConsumeFrom.FirstOffset).EnablePopMode()
            .Logger(logger ?? new Remembering());

    // Method groups. Overloads of one name would hide what the compiler makes of a single one.
    private static Task<ConsumeResult> GivesTask(ReceivedMessage message, CancellationToken cancellation) =>
        Task.FromResult(ConsumeResult.DeadLetter);

    private static async Task<ConsumeResult> GivesAsyncTask(ReceivedMessage message, CancellationToken cancellation)
    {
        await Task.Yield();
        return ConsumeResult.DeadLetter;
    }

    private static ValueTask<ConsumeResult> GivesValueTask(ReceivedMessage message, CancellationToken cancellation) =>
        new(ConsumeResult.DeadLetter);

    private static async ValueTask<ConsumeResult> GivesAsyncValueTask(ReceivedMessage message, CancellationToken cancellation)
    {
        await Task.Yield();
        return ConsumeResult.DeadLetter;
    }

    private static Task<ConsumeResult> GivesBatchTask(IReadOnlyList<ReceivedMessage> messages, CancellationToken cancellation) =>
        Task.FromResult(ConsumeResult.DeadLetter);

    private static async Task<ConsumeResult> GivesBatchAsyncTask(
        IReadOnlyList<ReceivedMessage> messages, CancellationToken cancellation)
    {
        await Task.Yield();
        return ConsumeResult.DeadLetter;
    }

    private static ValueTask<ConsumeResult> GivesBatchValueTask(
        IReadOnlyList<ReceivedMessage> messages, CancellationToken cancellation) => new(ConsumeResult.DeadLetter);

    private static Task DoneTask(ReceivedMessage message, CancellationToken cancellation) => Task.CompletedTask;

    private static async Task DoneAsyncTask(ReceivedMessage message, CancellationToken cancellation) => await Task.Yield();

    private static ValueTask DoneValueTask(ReceivedMessage message, CancellationToken cancellation) => default;

    private static async ValueTask DoneAsyncValueTask(ReceivedMessage message, CancellationToken cancellation) => await Task.Yield();

    private static Task DoneBatchTask(IReadOnlyList<ReceivedMessage> messages, CancellationToken cancellation) => Task.CompletedTask;

    private static ValueTask DoneBatchValueTask(IReadOnlyList<ReceivedMessage> messages, CancellationToken cancellation) => default;

    private static Task<bool> GivesBool(ReceivedMessage message, CancellationToken cancellation) => Task.FromResult(false);

    private static Task<ConsumeResult> GivesNoTask(ReceivedMessage message, CancellationToken cancellation) => null!;

    /// <summary>A second for each ten milliseconds: requests must not be old before the broker has them.</summary>
    private Task WaitWhileTimePassesAsync(Func<bool> condition, CancellationToken cancellation)
    {
        var moved = Stopwatch.GetTimestamp();

        return WaitForAsync(
            () =>
            {
                if (Stopwatch.GetElapsedTime(moved) >= TimeSpan.FromMilliseconds(10))
                {
                    Clock.Advance(TimeSpan.FromSeconds(1));
                    moved = Stopwatch.GetTimestamp();
                }

                return condition();
            },
            cancellation);
    }

    private static async Task WaitForAsync(Func<bool> condition, CancellationToken cancellation) =>
        await Wait.UntilAsync(condition, cancellation);

    [Test]
    public async Task A_dead_letter_of_any_shape_reaches_theBroker(CancellationToken cancellation)
    {
        Func<ReceivedMessage, CancellationToken, Task> less = GivesTask;
        Func<ReceivedMessage, CancellationToken, Task> lessAsync = GivesAsyncTask;

        PushConsumerBuilder[] consumers =
        [
            Push().OnMessage(GivesTask),
            Push().OnMessage(GivesAsyncTask),
            Push().OnMessage(GivesValueTask),
            Push().OnMessage(GivesAsyncValueTask),
            Push().OnMessage((_, _) => Task.FromResult(ConsumeResult.DeadLetter)),
            Push().OnMessage((_, _) => ValueTask.FromResult(ConsumeResult.DeadLetter)),
            Push().OnMessage((_, _) => new(ConsumeResult.DeadLetter)),
            Push().OnMessage((_, _) => { return Task.FromResult(ConsumeResult.DeadLetter); }),
            Push().OnMessage(async (_, _) => { await Task.Yield(); return ConsumeResult.DeadLetter; }),
            Push().OnMessage(async (_, _) => await Task.FromResult(ConsumeResult.DeadLetter)),
            Push().OnMessage(async delegate { await Task.Yield(); return ConsumeResult.DeadLetter; }),
            Push().OnMessage(less),
            Push().OnMessage(lessAsync),
            Push().OnMessage((message, token) => new ValueTask(GivesAsyncTask(message, token))),
            Push().OnMessages(GivesBatchTask),
            Push().OnMessages(GivesBatchAsyncTask),
            Push().OnMessages(GivesBatchValueTask),
            Push().OnMessages((_, _) => Task.FromResult(ConsumeResult.DeadLetter)),
            Push().OnMessages((_, _) => new(ConsumeResult.DeadLetter), 8),
            Push().OnMessages(async (_, _) => { await Task.Yield(); return ConsumeResult.DeadLetter; }),
        ];

        foreach (var (index, builder) in consumers.Index())
        {
            await using var consumer = await builder.StartAsync(cancellation);
            await WaitForAsync(() => consumer.Health.Consumed + consumer.Health.Failed > 0, cancellation);
            await WaitForAsync(() => consumer.Health.SentBack > 0 || consumer.Health.Consumed > 0, cancellation);
            Assert.That(consumer.Health, Has.Property("SentBack").EqualTo(1).And.Property("Consumed").Zero, $"shape {index}");
        }
    }

    [Test]
    public async Task A_handler_without_a_result_consumes_and_one_that_throws_does_not(CancellationToken cancellation)
    {
        PushConsumerBuilder[] done =
        [
            Push().OnMessage(DoneTask),
            Push().OnMessage(DoneAsyncTask),
            Push().OnMessage(DoneValueTask),
            Push().OnMessage(DoneAsyncValueTask),
            Push().OnMessage((_, _) => Task.CompletedTask),
            Push().OnMessage((_, _) => ValueTask.CompletedTask),
            Push().OnMessage(async (_, _) => await Task.Yield()),
            Push().OnMessage(async (_, _) => { await Task.Yield(); }),
            Push().OnMessages(DoneBatchTask),
            Push().OnMessages(DoneBatchValueTask),
            Push().OnMessages(async (_, _) => await Task.Yield()),
            Push().OnMessages((_, _) => Task.CompletedTask, 8),
        ];

        PushConsumerBuilder[] failing =
        [
            Push().OnMessage((_, _) => throw new InvalidOperationException("no")),
            Push().OnMessage(async (_, _) => { await Task.Yield(); throw new InvalidOperationException("no"); }),
            Push().OnMessage((_, _) => Task.FromException(new InvalidOperationException("no"))),
            Push().OnMessage((_, _) => ValueTask.FromException(new InvalidOperationException("no"))),
            Push().OnMessages((_, _) => throw new InvalidOperationException("no")),
            Push().OnMessages((_, _) => Task.FromException(new InvalidOperationException("no"))),
        ];

        foreach (var (index, builder) in done.Index())
        {
            await using var consumer = await builder.StartAsync(cancellation);
            await WaitForAsync(() => consumer.Health.Consumed + consumer.Health.Failed > 0, cancellation);
            Assert.That(consumer.Health, Has.Property("Consumed").EqualTo(1).And.Property("Failed").Zero, $"shape {index}");
        }

        foreach (var (index, builder) in failing.Index())
        {
            await using var consumer = await builder.StartAsync(cancellation);
            await WaitForAsync(() => consumer.Health.Consumed + consumer.Health.Failed > 0, cancellation);
            Assert.That(consumer.Health, Has.Property("Failed").EqualTo(1).And.Property("Consumed").Zero, $"shape {index}");
        }
    }

    [Test]
    public async Task Popped_message_is_redelivered_whatever_handler_shape_asks_for_it(CancellationToken cancellation)
    {
        Func<int, ConsumeResult> first = time => time == 1 ? ConsumeResult.RetryAfter(TimeSpan.FromSeconds(2)) : ConsumeResult.Success;
        Func<Func<int>, PopConsumerBuilder>[] shapes =
        [
            next => Pop().OnMessage(async (_, _) => { await Task.Yield(); return first(next()); }),
            next => Pop().OnMessage((_, _) => Task.FromResult(first(next()))),
            next => Pop().OnMessage((_, _) => ValueTask.FromResult(first(next()))),
            next =>
            {
                Task<ConsumeResult> HandleAsync(ReceivedMessage message, CancellationToken token) => Task.FromResult(first(next()));
                return Pop().OnMessage(HandleAsync);
            },
            next =>
            {
                Func<ReceivedMessage, CancellationToken, Task> less = (_, _) => Task.FromResult(first(next()));
                return Pop().OnMessage(less);
            },
            next => Pop().OnMessage((_, _) => next() == 1 ? throw new InvalidOperationException("no") : Task.CompletedTask),
            next => Pop().OnMessage((_, _) => next() == 1 ? ValueTask.FromException(new InvalidOperationException("no")) : default),
            next => Pop().OnMessage((_, _) => next() == 1 ? default : new(ConsumeResult.Success)),
        ];

        foreach (var shape in shapes)
        {
            var times = 0;
            await using var consumer = await shape(() => Interlocked.Increment(ref times)).StartAsync(cancellation);
            await WaitForAsync(() => Volatile.Read(ref times) == 1, cancellation);
            await WaitWhileTimePassesAsync(() => Volatile.Read(ref times) >= 2, cancellation);
        }
    }

    [Test]
    public async Task Handler_that_returns_null_is_named_and_its_message_is_redelivered(CancellationToken cancellation)
    {
        var log = new Remembering();
        PushConsumerBuilder[] mistaken =
        [
            Push(log).OnMessage(GivesNoTask),
            Push(log).OnMessage((_, _) => (Task)null!),
            Push(log).OnMessage((_, _) => default),
            Push(log).OnMessages((_, _) => Task.FromResult(default(ConsumeResult))),
        ];

        foreach (var builder in mistaken)
        {
            await using var consumer = await builder.StartAsync(cancellation);
            await WaitForAsync(() => consumer.Health.Consumed + consumer.Health.SentBack > 0, cancellation);
            Assert.That(consumer.Health, Has.Property("SentBack").EqualTo(1).And.Property("Consumed").Zero);
        }

        Assert.That(log.Errors, Has.Length.EqualTo(4));
        Assert.That(log.Errors, Is.All.TypeOf<InvalidOperationException>());
        Assert.That(log.Errors[0].Message, Does.Contain("HandlerShapeTests.GivesNoTask").And.Contain("null instead of a task"));
        Assert.That(log.Errors[1].Message, Does.Contain("HandlerShapeTests").And.Contain("null instead of a task"));
        Assert.That(log.Errors.Skip(2).Select(error => error.Message), Is.All.Contain("default(ConsumeResult)"));
    }

    [Test]
    public async Task DeadLetter_for_a_popped_message_is_logged_and_the_message_is_redelivered(CancellationToken cancellation)
    {
        var log = new Remembering();
        var times = 0;
        await using var consumer = await Pop(log)
            .OnMessage((_, _) => new(Interlocked.Increment(ref times) == 1 ? ConsumeResult.DeadLetter : ConsumeResult.Success))
            .StartAsync(cancellation);
        await WaitForAsync(() => Volatile.Read(ref times) == 1, cancellation);
        await WaitWhileTimePassesAsync(() => Volatile.Read(ref times) >= 2, cancellation);
        Assert.That(log.Events, Does.Contain(1146));
    }

    [Test]
    [Obsolete("It calls what does not compile elsewhere: only here it is a warning that is switched off.")]
    public void A_handler_with_another_result_does_not_compile()
    {
        Assert.Throws<NotSupportedException>(() => Push().OnMessage(GivesBool));
        Assert.Throws<NotSupportedException>(() => Push().OnMessage((_, _) => Task.FromResult(1)));
        Assert.Throws<NotSupportedException>(() => Push().OnMessage(async (_, _) => { await Task.Yield(); return false; }));
        Assert.Throws<NotSupportedException>(() => Push().OnMessage((_, _) => ValueTask.FromResult("done")));
        Assert.Throws<NotSupportedException>(() => Push().OnMessages((_, _) => Task.FromResult(1)));
        Assert.Throws<NotSupportedException>(() => Pop().OnMessage(GivesBool));
        Assert.Throws<NotSupportedException>(() => Pop().OnMessage(async (_, _) => { await Task.Yield(); return false; }));

        var refused = new[] { typeof(PushConsumerBuilder), typeof(PopConsumerBuilder) }
            .SelectMany(type => type.GetMethods())
            .Where(method => method.Name.StartsWith("OnMessage", StringComparison.Ordinal) && method.IsGenericMethod)
            .ToArray();
        Assert.That(refused, Has.Length.EqualTo(6));
        Assert.That(refused.Select(method => method.GetCustomAttribute<ObsoleteAttribute>()?.IsError), Is.All.True);
    }

    [Test]
    public void Second_handler_and_repeated_topic_are_refused()
    {
        var error = Assert.Throws<InvalidOperationException>(() => Push().OnMessage(DoneTask).OnMessage(GivesTask));
        Assert.That(error!.Message, Does.Contain("OnMessage"));
        Assert.Throws<InvalidOperationException>(() => Push().OnMessage(DoneTask).OnMessages(DoneBatchTask));
        Assert.Throws<InvalidOperationException>(() => Push().OnMessages(DoneBatchTask).OnMessage(DoneTask));
        Assert.Throws<InvalidOperationException>(() => Pop().OnMessage(DoneTask).OnMessage(DoneValueTask));
        Assert.Throws<InvalidOperationException>(() => TransactionProducer.Create("g")
            .OnCheck(_ => Task.FromResult(TransactionDecision.Commit)).OnCheck(_ => Task.FromResult(TransactionDecision.Commit)));
        Assert.Throws<ArgumentException>(() => Push().OnMessage((Func<ReceivedMessage, CancellationToken, Task>)DoneTask + DoneTask));

        Action[] again =
        [
            () => Push().Subscribe(Topic, "a"),
            () => Push().SubscribeSql92(Topic, "a > 1"),
            () => Pop().Subscribe(Topic, "a"),
            () => SimpleConsumer.Create("g").Subscribe(Topic, "a").Subscribe(Topic),
            () => PullConsumer.Create("g").Subscribe(Topic, "a").SubscribeSql92(Topic, "a > 1"),
        ];

        foreach (var subscribe in again)
        {
            Assert.That(Assert.Throws<InvalidOperationException>(() => subscribe())!.Message, Does.Contain(Topic));
        }

        Assert.DoesNotThrow(() => SimpleConsumer.Create("g").Subscribe(Topic, "a").Subscribe(Topic, "a"));
    }

    [Test]
    public void Default_result_is_invalid()
    {
        ConsumeResult[] all =
        [
            ConsumeResult.Success, ConsumeResult.Retry, ConsumeResult.DeadLetter,
            ConsumeResult.RetryAfter(TimeSpan.FromSeconds(3)), ConsumeResult.RetryAtLevel(3),
        ];
        Assert.That(all, Is.Unique.And.All.Not.EqualTo(default(ConsumeResult)));
        Assert.That(default(ConsumeResult).ToString(), Is.EqualTo("no result"));
        Assert.Throws<ArgumentOutOfRangeException>(() => ConsumeResult.RetryAfter(TimeSpan.Zero));
        Assert.Throws<ArgumentOutOfRangeException>(() => ConsumeResult.RetryAtLevel(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => ConsumeResult.RetryAtLevel(19));
    }

    /// <summary>Keeps exceptions and ids of events.</summary>
    private sealed class Remembering : ILogger
    {
        private readonly List<(int Event, Exception? Error)> _seen = [];

        internal Exception[] Errors
        {
            get
            {
                lock (_seen)
                {
                    return [.. _seen.Where(seen => seen is { Event: 1106 or 1142, Error: not null }).Select(seen => seen.Error!)];
                }
            }
        }

        internal int[] Events
        {
            get
            {
                lock (_seen)
                {
                    return [.. _seen.Select(seen => seen.Event)];
                }
            }
        }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_seen)
            {
                _seen.Add((eventId.Id, exception));
            }
        }
    }
}
