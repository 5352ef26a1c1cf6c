namespace RocketMq.Client;

/// <summary>
/// What a handler says of a message, to a <see cref="PushConsumer"/> and a <see cref="PopConsumer"/> alike. The default value
/// says nothing: a handler that returns it has failed, so that its message comes again, and the mistake is logged.
/// </summary>
public readonly struct ConsumeResult : IEquatable<ConsumeResult>
{
    // Not of its type: who uses this one needs no reference to the assembly of the other.
    private readonly object? _inner;

    private ConsumeResult(Core.ConsumeResult inner) => _inner = inner;

    /// <summary>It is consumed, and does not come again.</summary>
    public static ConsumeResult Success { get; } = new(Core.ConsumeResult.Success);

    /// <summary>
    /// It comes again, after a time that grows: 10 s, 30 s, 1 min and so on to 2 h. In order, the queue waits for it:
    /// <see cref="PushConsumerBuilder.SuspendCurrentQueueTime"/>, and a second where messages are popped.
    /// </summary>
    public static ConsumeResult Retry { get; } = new(Core.ConsumeResult.Retry);

    /// <summary>
    /// It goes to the group's dead letters, %DLQ%group, and does not come again. Brokers have no dead letters for a
    /// <see cref="PopConsumer"/>: there this is logged (event 1146) and counts as <see cref="Retry"/>, so that nothing is lost.
    /// </summary>
    public static ConsumeResult DeadLetter { get; } = new(Core.ConsumeResult.DeadLetter);

    /// <summary>Null in the default value.</summary>
    internal Core.ConsumeResult? Inner => (Core.ConsumeResult?)_inner;

    /// <summary>
    /// It comes again after this time. Brokers take messages back from a <see cref="PushConsumer"/> by delay level only: the time
    /// is that of the next level that is no shorter (1, 5, 10, 30 s, 1 to 10, 20, 30 min, 1, 2 h), at most 2 h; in order, the queue
    /// waits so long, 10 ms to 30 s. A <see cref="PopConsumer"/> keeps it to the millisecond.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The time is not above 0, or above a day.</exception>
    public static ConsumeResult RetryAfter(TimeSpan time) => new(Core.ConsumeResult.NewRetryAfter(Checked.Span(time)));

    /// <summary>
    /// It comes again after the time of a delay level: 1 (1 s) to 18 (2 h), as brokers are set up. A <see cref="PushConsumer"/> in
    /// order takes it as <see cref="Retry"/>.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 18.</exception>
    public static ConsumeResult RetryAtLevel(int level) =>
        new(Core.ConsumeResult.NewRetryAtLevel(Checked.Count(level, Core.MessageModule.maxDelayLevel, nameof(level))));

    /// <inheritdoc/>
    public bool Equals(ConsumeResult other) => Equals(Inner, other.Inner);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ConsumeResult other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Inner?.GetHashCode() ?? 0;

    /// <summary>Whether both say the same.</summary>
    public static bool operator ==(ConsumeResult left, ConsumeResult right) => left.Equals(right);

    /// <summary>Whether they say different things.</summary>
    public static bool operator !=(ConsumeResult left, ConsumeResult right) => !left.Equals(right);

    /// <inheritdoc/>
    public override string ToString() => Inner?.ToString() ?? "no result";
}
