namespace RocketMq.Testing;

// Within the namespace, so that these names come before those of the F# core, RocketMq.
using RocketMq.Client;

/// <summary>All messages that handlers have worked on, and those who wait for one. Safe to use from any thread.</summary>
internal sealed class HandledMessages
{
    private readonly Lock _gate = new();
    private readonly List<HandledMessage> _all = [];
    private TaskCompletionSource _changed = NewSignal();

    internal IReadOnlyList<HandledMessage> All
    {
        get
        {
            lock (_gate)
            {
                return [.. _all];
            }
        }
    }

    internal void Add(HandledMessage handled)
    {
        TaskCompletionSource changed;

        lock (_gate)
        {
            _all.Add(handled);
            (changed, _changed) = (_changed, NewSignal());
        }

        changed.TrySetResult();
    }

    /// <summary>Waits until one fits, also of those that have been handled before.</summary>
    internal async Task<T> WaitForAsync<T>(Func<HandledMessage, T?> choose, CancellationToken cancellationToken) where T : class
    {
        var seen = 0;

        while (true)
        {
            List<HandledMessage> fresh;
            Task changed;

            lock (_gate)
            {
                fresh = _all[seen..];
                changed = _changed.Task;
            }

            seen += fresh.Count;

            if (fresh.Select(choose).FirstOrDefault(found => found is not null) is { } found)
            {
                return found;
            }

            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
