using Hosting.Support;

namespace Hosting;

/// <summary>Messages that are delivered twice and handled once, and those that are handled again because nobody completed them.</summary>
[TestFixture]
internal sealed class InboxTests() : HarnessFixture(Orders.Topic)
{
    [Test]
    public async Task Only_a_completed_key_is_passed_over()
    {
        var inbox = new MemoryInbox(TimeProvider.System);
        var handled = 0;
        using var host = await StartAsync(inbox, _ =>
        {
            Interlocked.Increment(ref handled);
            return Task.FromResult(ConsumeResult.Success);
        });

        await Harness.SendAsync(Orders.Message("same"));
        await Harness.ConsumedMessage();
        await Harness.SendAsync(Orders.Message("same"));
        await Harness.SendAsync(Orders.Message("other"));
        await Harness.ConsumedMessage(message => message.Keys[0] == "other");
        await host.StopAsync();

        Assert.That(handled, Is.EqualTo(2));
    }

    [Test]
    public async Task A_process_that_dies_between_begin_and_complete_has_the_message_handled_again_after_the_lease()
    {
        var clock = new ManualClock();
        var inbox = new MemoryInbox(clock);

        // What a process that was killed has left behind: begun, neither completed nor abandoned.
        Assert.That(await inbox.BeginAsync("billing", "o-1", TimeSpan.FromMinutes(15), default), Is.EqualTo(InboxState.Begun));

        var handled = 0;
        using var host = await StartAsync(inbox, _ =>
        {
            Interlocked.Increment(ref handled);
            return Task.FromResult(ConsumeResult.Success);
        });
        await Harness.SendAsync(Orders.Message("o-1"));
        await Harness.HandledAsync(one => !one.IsConsumed);
        Assert.That(handled, Is.Zero, "the lease is not over");

        await Harness.PublishedMessage("SCHEDULE_TOPIC_XXXX");
        clock.Now += TimeSpan.FromMinutes(15);
        Harness.Advance(TimeSpan.FromSeconds(30));
        await Harness.ConsumedMessage();
        await host.StopAsync();

        Assert.That(handled, Is.EqualTo(1));
        Assert.That(await inbox.BeginAsync("billing", "o-1", TimeSpan.FromMinutes(15), default), Is.EqualTo(InboxState.Completed));
    }

    [Test]
    public async Task A_key_that_the_handler_completes_in_its_own_transaction_stays_completed_whatever_comes_after()
    {
        var inbox = new MemoryInbox(TimeProvider.System);
        var attempts = 0;
        using var host = await StartAsync(inbox, async context =>
        {
            await inbox.CompleteAsync(context.Group, context.Message.Keys[0], default);
            return Interlocked.Increment(ref attempts) == 1 ? throw new InvalidOperationException("after the transaction") : ConsumeResult.Success;
        });

        await Harness.SendAsync(Orders.Message("o-1"));
        await Harness.HandledAsync(one => one.Exception is not null);
        await Harness.PublishedMessage("SCHEDULE_TOPIC_XXXX");
        Harness.Advance(TimeSpan.FromSeconds(10));
        await Harness.ConsumedMessage();
        await host.StopAsync();

        Assert.That(attempts, Is.EqualTo(1));
    }

    [Test]
    public async Task A_handler_that_fails_gives_its_key_back()
    {
        var inbox = new MemoryInbox(TimeProvider.System);
        var attempts = 0;
        using var host = await StartAsync(inbox, _ => Interlocked.Increment(ref attempts) == 1
            ? throw new InvalidOperationException("once")
            : Task.FromResult(ConsumeResult.Success));

        await Harness.SendAsync(Orders.Message("o-1"));
        await Harness.HandledAsync(one => one.Exception is not null);
        await Harness.PublishedMessage("SCHEDULE_TOPIC_XXXX");
        Harness.Advance(TimeSpan.FromSeconds(10));
        await Harness.ConsumedMessage();
        await host.StopAsync();

        Assert.That(attempts, Is.EqualTo(2));
    }

    private Task<IHost> StartAsync(MemoryInbox inbox, ConsumeHandler handler) => TestHosts.StartAsync(Harness, services =>
    {
        services.AddSingleton(inbox);
        services.AddRocketMq()
            .UseInbox<MemoryInbox>(new InboxOptions { KeyOf = message => message.Keys[0] })
            .MapConsumer("billing", handler, Orders.Subscribe);
    });

    private sealed class ManualClock : TimeProvider
    {
        internal DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch;

        public override DateTimeOffset GetUtcNow() => Now;
    }

    /// <summary>An inbox as a database would be one.</summary>
    private sealed class MemoryInbox(TimeProvider clock) : IInbox
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<(string, string), DateTimeOffset?> _leases = [];

        public Task<InboxState> BeginAsync(string group, string key, TimeSpan lease, CancellationToken cancellationToken)
        {
            lock (_gate)
            {
                if (_leases.TryGetValue((group, key), out var until))
                {
                    if (until is null)
                    {
                        return Task.FromResult(InboxState.Completed);
                    }

                    if (until > clock.GetUtcNow())
                    {
                        return Task.FromResult(InboxState.Busy);
                    }
                }

                _leases[(group, key)] = clock.GetUtcNow() + lease;
                return Task.FromResult(InboxState.Begun);
            }
        }

        public Task CompleteAsync(string group, string key, CancellationToken cancellationToken)
        {
            lock (_gate)
            {
                _leases[(group, key)] = null;
            }

            return Task.CompletedTask;
        }

        public Task AbandonAsync(string group, string key, CancellationToken cancellationToken)
        {
            lock (_gate)
            {
                if (_leases.TryGetValue((group, key), out var until) && until is not null)
                {
                    _leases.Remove((group, key));
                }
            }

            return Task.CompletedTask;
        }
    }
}
