namespace RocketMq.Cap;

/// <summary>
/// One message with CAP, which commits or rejects it by this. The first verdict counts; without one it is as good as rejected, so
/// that it comes again.
/// </summary>
internal sealed class Delivery
{
    private const int Open = 0;
    private const int Committed = 1;
    private const int Rejected = 2;

    private int _verdict = Open;

    internal bool IsCommitted => Volatile.Read(ref _verdict) == Committed;

    internal void Commit() => Interlocked.CompareExchange(ref _verdict, Committed, Open);

    internal void Reject() => Interlocked.CompareExchange(ref _verdict, Rejected, Open);
}
