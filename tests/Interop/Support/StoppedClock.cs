namespace Interop;

/// <summary>A clock that stands still until a test moves it.</summary>
internal sealed class StoppedClock : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<Alarm> _alarms = [];
    private TimeSpan _now;
    private int _undisposed;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>How many timers are set.</summary>
    internal int Timers
    {
        get
        {
            lock (_gate)
            {
                return _alarms.Count;
            }
        }
    }

    /// <summary>How many timers there are, set or not.</summary>
    internal int Undisposed => Volatile.Read(ref _undisposed);

    public override long GetTimestamp()
    {
        lock (_gate)
        {
            return _now.Ticks;
        }
    }

    public override DateTimeOffset GetUtcNow() => new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddTicks(GetTimestamp());

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Interlocked.Increment(ref _undisposed);
        var alarm = new Alarm(this, callback, state);
        alarm.Change(dueTime, period);
        return alarm;
    }

    /// <summary>Moves on and runs what falls due.</summary>
    internal void Advance(TimeSpan span)
    {
        lock (_gate)
        {
            _now += span;
        }

        Ring(alarm => alarm.Due <= _now);
    }

    /// <summary>Runs all timers before their time, as real ones may by a little.</summary>
    internal void RingEarly() => Ring(_ => true);

    private void Ring(Predicate<Alarm> isDue)
    {
        List<Alarm> due;

        lock (_gate)
        {
            due = [.. _alarms.FindAll(isDue).OrderBy(alarm => alarm.Due)];
            _alarms.RemoveAll(due.Contains);
        }

        due.ForEach(alarm => alarm.Ring());
    }

    private sealed class Alarm(StoppedClock clock, TimerCallback callback, object? state) : ITimer
    {
        private bool _isDisposed;

        internal TimeSpan Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._gate)
            {
                clock._alarms.Remove(this);

                if (dueTime >= TimeSpan.Zero)
                {
                    Due = clock._now + dueTime;
                    clock._alarms.Add(this);
                }

                return true;
            }
        }

        public void Dispose()
        {
            Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

            if (!Interlocked.Exchange(ref _isDisposed, true))
            {
                Interlocked.Decrement(ref clock._undisposed);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        internal void Ring() => callback(state);
    }
}
