using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>What a handler says of a message.</summary>
public readonly struct ConsumeResult : IEquatable<ConsumeResult>
{
    private readonly Core.ConsumeResult? _inner;

    private ConsumeResult(Core.ConsumeResult inner) => _inner = inner;

    /// <summary>It is done with.</summary>
    public static ConsumeResult Consumed => default;

    /// <summary>
    /// It is to come again, after a time that grows with each time: 10 s, 30 s, 1 min and so on to 2 h. In order, the queue
    /// waits for it a second.
    /// </summary>
    public static ConsumeResult RetryLater { get; } = new(Core.ConsumeResult.RetryLater);

    /// <summary>It goes to the group's dead letters, %DLQ%group, and does not come again.</summary>
    public static ConsumeResult DeadLetter { get; } = new(Core.ConsumeResult.DeadLetter);

    /// <summary>It is to come again after the time of a delay level: 1 (1 s) to 18 (2 h), as brokers are set up.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to 18.</exception>
    public static ConsumeResult RetryAtLevel(int level) =>
        new(Core.ConsumeResult.NewRetryAtLevel(Checked.Count(level, Core.MessageModule.maxDelayLevel, nameof(level))));

    internal Core.ConsumeResult ToCore() => _inner ?? Core.ConsumeResult.Consumed;

    /// <inheritdoc/>
    public bool Equals(ConsumeResult other) => ToCore().Equals(other.ToCore());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ConsumeResult other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ToCore().GetHashCode();

    /// <summary>Whether both say the same.</summary>
    public static bool operator ==(ConsumeResult left, ConsumeResult right) => left.Equals(right);

    /// <summary>Whether they say different things.</summary>
    public static bool operator !=(ConsumeResult left, ConsumeResult right) => !left.Equals(right);

    /// <inheritdoc/>
    public override string ToString() => ToCore().ToString();
}
