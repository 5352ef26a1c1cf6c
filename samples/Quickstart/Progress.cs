namespace Quickstart;

/// <summary>Shows how far the run is: one line that changes or, where output is no terminal, a line a second.</summary>
internal sealed class Progress : IDisposable
{
    private const int BarWidth = 30;

    private readonly int _expected;
    private readonly Func<(int Sent, int Received)> _read;
    private readonly Timer _timer;
    private readonly Lock _gate = new();
    private bool _isFinished;

    internal Progress(int expected, Func<(int Sent, int Received)> read)
    {
        _expected = expected;
        _read = read;
        var interval = TimeSpan.FromMilliseconds(Console.IsOutputRedirected ? 1000 : 100);
        _timer = new Timer(_ => Show(), null, TimeSpan.Zero, interval);
    }

    internal void Finish()
    {
        _timer.Dispose();
        Show();

        lock (_gate)
        {
            _isFinished = true;
        }

        Console.WriteLine();
    }

    public void Dispose() => _timer.Dispose();

    private void Show()
    {
        var (sent, received) = _read();
        var line = $"  sent {Bar(sent)} {sent,7:N0}   received {Bar(received)} {received,7:N0}";

        lock (_gate)
        {
            if (_isFinished)
            {
                return;
            }

            Console.Write(Console.IsOutputRedirected ? line + Environment.NewLine : "\r" + line);
        }
    }

    private string Bar(int done)
    {
        var filled = (int)((long)Math.Min(done, _expected) * BarWidth / _expected);
        return new string('█', filled) + new string('░', BarWidth - filled);
    }
}
