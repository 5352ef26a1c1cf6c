namespace Hosting.Support;

/// <summary>Lines of a log, as a test looks at them, and waits for them.</summary>
internal sealed class CollectingLoggerProvider : ILoggerProvider
{
    private readonly Lock _gate = new();
    private readonly List<LogLine> _lines = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal IReadOnlyList<LogLine> Lines
    {
        get
        {
            lock (_gate)
            {
                return [.. _lines];
            }
        }
    }

    public ILogger CreateLogger(string categoryName) => new Collector(this);

    public void Dispose()
    {
    }

    /// <summary>Ends when a line of an event has been logged, also before.</summary>
    internal async Task<LogLine> WaitForAsync(int eventId)
    {
        while (true)
        {
            Task changed;

            lock (_gate)
            {
                if (_lines.Find(line => line.Event.Id == eventId) is { } found)
                {
                    return found;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(TimeSpan.FromSeconds(60));
        }
    }

    private void Add(LogLine line)
    {
        TaskCompletionSource changed;

        lock (_gate)
        {
            _lines.Add(line);
            (changed, _changed) = (_changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        changed.TrySetResult();
    }

    private sealed class Collector(CollectingLoggerProvider provider) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            provider.Add(new(logLevel, eventId, formatter(state, exception)));
    }
}

/// <summary>One line of a log.</summary>
internal sealed record LogLine(LogLevel Level, EventId Event, string Text);
