namespace RocketMq.Cap;

/// <summary>
/// How long a group waits after messages that CAP rejected one after the other: as long as its storage is away each message
/// would be rejected at once, and the whole topic would pass through the brokers' retries. 100 ms after the first, twice as long
/// each time, up to the time of redelivery.
/// </summary>
internal sealed class RejectionPause(TimeSpan longest)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(100);
    private int _inRow;

    internal void Accepted() => Volatile.Write(ref _inRow, 0);

    internal TimeSpan Rejected() => Length(Interlocked.Increment(ref _inRow), longest);

    /// <param name="inRow">Rejections one after the other, from 1 on.</param>
    /// <param name="longest">The longest pause.</param>
    internal static TimeSpan Length(int inRow, TimeSpan longest)
    {
        // 2^20 times 100 ms is more than a day.
        var pause = First * (1 << Math.Clamp(inRow - 1, 0, 20));
        return pause < longest ? pause : longest;
    }
}
