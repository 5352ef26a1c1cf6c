using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>What a handler made of a message.</summary>
public sealed class PopOutcome
{
    private PopOutcome(Core.PopOutcome inner) => Inner = inner;

    /// <summary>It is done with.</summary>
    public static PopOutcome Consumed { get; } = new(Core.PopOutcome.Consumed);

    /// <summary>It comes again, after 10 s the first time and up to two hours later; in order after a second.</summary>
    public static PopOutcome Retry { get; } = new(Core.PopOutcome.Retry);

    internal Core.PopOutcome Inner { get; }

    /// <summary>It comes again after a time.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The time is not above 0, or above a day.</exception>
    public static PopOutcome RetryAfter(TimeSpan time) => new(Core.PopOutcome.NewRetryAfter(Checked.Span(time)));

    /// <inheritdoc/>
    public override string ToString() => Inner.ToString();
}
