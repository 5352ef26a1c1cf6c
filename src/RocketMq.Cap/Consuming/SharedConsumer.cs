namespace RocketMq.Cap;

/// <summary>
/// The one consumer of a group in this process. CAP makes a consumer client for each of its consumer threads; all of them share it, and
/// it is there as long as one of them listens. Safe to use from any thread.
/// </summary>
/// <typeparam name="TMember">Who listens.</typeparam>
/// <param name="start">Starts a consumer of topics. It is called for one at a time, and never before the last one is disposed of.</param>
internal sealed class SharedConsumer<TMember>(
    Func<IReadOnlyCollection<string>, CancellationToken, Task<IAsyncDisposable>> start)
    where TMember : class
{
    private readonly Lock _gate = new();

    /// <summary>The last of those that join or leave: they have their turns. Guarded by the gate.</summary>
    private Task _last = Task.CompletedTask;

    /// <summary>Touched within a turn only, as what follows.</summary>
    private IAsyncDisposable? _consumer;

    private HashSet<string> _topics = [];

    /// <summary>Read by handlers without a turn.</summary>
    private TMember[] _members = [];

    private int _next;

    /// <summary>What the last start gave; null if it has been disposed of.</summary>
    internal IAsyncDisposable? Consumer => Volatile.Read(ref _consumer);

    /// <summary>One of those that listen, each in its turn; null if none does, and then there is no consumer either.</summary>
    internal TMember? Next()
    {
        var members = Volatile.Read(ref _members);
        return members.Length == 0 ? null : members[(int)((uint)Interlocked.Increment(ref _next) % (uint)members.Length)];
    }

    /// <summary>Begins to listen. The first member starts the consumer, and one with other topics starts it again.</summary>
    internal Task JoinAsync(TMember member, IEnumerable<string> topics, CancellationToken cancellationToken) =>
        InTurn(async () =>
        {
            cancellationToken.ThrowIfCancellationRequested();

            if (!_topics.SetEquals(topics))
            {
                await StopAsync().ConfigureAwait(false);
                _topics = topics.ToHashSet(StringComparer.Ordinal);
            }

            // Before its first message: a handler finds somebody to call.
            Volatile.Write(ref _members, [.. _members, member]);

            try
            {
                _consumer ??= await start(_topics, cancellationToken).ConfigureAwait(false);
            }
            catch
            {
                Remove(member);
                throw;
            }
        });

    /// <summary>Ends to listen. With the last member the consumer stops: what handlers are at ends first.</summary>
    internal Task LeaveAsync(TMember member) =>
        InTurn(async () =>
        {
            try
            {
                if (Array.TrueForAll(_members, other => other == member))
                {
                    await StopAsync().ConfigureAwait(false);
                }
            }
            finally
            {
                Remove(member);
            }
        });

    private Task InTurn(Func<Task> act)
    {
        lock (_gate)
        {
            return _last = AfterAsync(_last, act);
        }
    }

    /// <summary>It begins without the gate. What went wrong before is what others were told.</summary>
    private static async Task AfterAsync(Task previous, Func<Task> act)
    {
        await previous.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        await act().ConfigureAwait(false);
    }

    private async Task StopAsync()
    {
        if (_consumer is { } consumer)
        {
            // Whatever comes of it, this one is over.
            _consumer = null;
            await consumer.DisposeAsync().ConfigureAwait(false);
        }
    }

    private void Remove(TMember member) => Volatile.Write(ref _members, [.. _members.Where(other => other != member)]);
}
