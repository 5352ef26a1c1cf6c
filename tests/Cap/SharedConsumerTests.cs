using RocketMq.Cap;

namespace CapTests;

/// <summary>How the members of a group share one consumer.</summary>
[CancelAfter(60_000)]
public sealed class SharedConsumerTests
{
    /// <summary>Consumers that are counted; each start and each end takes a while.</summary>
    private sealed class Consumers(int seed)
    {
        private readonly Random _chance = new(seed);

        internal int Running { get; private set; }

        internal int Most { get; private set; }

        internal IReadOnlyCollection<string> Topics { get; private set; } = [];

        internal async Task<IAsyncDisposable> StartAsync(IReadOnlyCollection<string> topics, CancellationToken cancellation)
        {
            Most = Math.Max(Most, ++Running);
            await Task.Yield();

            if (_chance.Next(4) == 0)
            {
                Running--;
                throw new InvalidOperationException("no broker lets it in");
            }

            Topics = topics;
            return new Consumer(this);
        }

        private sealed class Consumer(Consumers all) : IAsyncDisposable
        {
            public async ValueTask DisposeAsync()
            {
                await Task.Yield();
                all.Running--;
            }
        }
    }

    [Test]
    public async Task Members_come_and_go_and_there_is_one_consumer_while_any_is_there()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var consumers = new Consumers(seed);
            var group = new SharedConsumer<object>(consumers.StartAsync);
            var members = new List<object>();
            var work = new List<Task>();

            for (var step = 0; step < 12; step++)
            {
                if (members.Count > 0 && random.Next(2) == 0)
                {
                    var member = members[random.Next(members.Count)];
                    members.Remove(member);
                    work.Add(group.LeaveAsync(member));
                }
                else
                {
                    var member = new object();
                    var joining = group.JoinAsync(member, random.Next(3) == 0 ? ["a"] : ["a", "b"], CancellationToken.None);
                    members.Add(member);
                    work.Add(joining);
                }

                if (random.Next(2) == 0)
                {
                    await Task.WhenAll(work.Select(Ended));
                    Assert.That(consumers.Running, Is.LessThanOrEqualTo(1), $"seed {seed}");
                    Assert.That(group.Consumer is null ? 0 : 1, Is.EqualTo(consumers.Running), $"seed {seed}");
                    Assert.That(group.Consumer is null || group.Next() is not null, $"seed {seed}");
                }
            }

            work.AddRange(members.Select(group.LeaveAsync));
            await Task.WhenAll(work.Select(Ended));
            Assert.That(consumers.Running, Is.Zero, $"seed {seed}");
            Assert.That(consumers.Most, Is.EqualTo(1), $"seed {seed}");
            Assert.That(group.Next(), Is.Null);
        }
    }

    private static Task Ended(Task work) => work.ContinueWith(_ => { }, TaskScheduler.Default);

    [Test]
    public async Task Messages_go_to_members_in_turn_and_other_topics_start_the_consumer_again(CancellationToken cancellation)
    {
        var started = new List<string>();
        var group = new SharedConsumer<string>((topics, _) =>
        {
            started.Add(string.Join(",", topics));
            return Task.FromResult<IAsyncDisposable>(new MemoryStream());
        });
        await group.JoinAsync("one", ["a"], cancellation);
        await group.JoinAsync("two", ["a"], cancellation);
        Assert.That(new[] { group.Next(), group.Next(), group.Next(), group.Next() }.Count(member => member == "one"), Is.EqualTo(2));
        await group.JoinAsync("three", ["a", "b"], cancellation);
        await group.LeaveAsync("one");
        await group.LeaveAsync("two");
        Assert.That(group.Next(), Is.EqualTo("three"));
        Assert.That(started, Is.EqualTo(new[] { "a", "a,b" }));
    }

    [TestCase(1, 100)]
    [TestCase(2, 200)]
    [TestCase(6, 3200)]
    [TestCase(7, 5000)]
    [TestCase(int.MaxValue, 5000)]
    public void Rejections_in_a_row_pause_a_group_longer_each_time(int inRow, int milliseconds) =>
        Assert.That(RejectionPause.Length(inRow, TimeSpan.FromSeconds(5)), Is.EqualTo(TimeSpan.FromMilliseconds(milliseconds)));
}
