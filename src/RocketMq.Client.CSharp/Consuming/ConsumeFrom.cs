namespace RocketMq.Client;

/// <summary>Where a group begins that has committed nothing.</summary>
public readonly record struct ConsumeFrom
{
    // Not of its type: who uses this one needs no reference to the assembly of the other.
    private readonly object? _inner;

    private ConsumeFrom(Core.ConsumeFrom inner) => _inner = inner;

    /// <summary>With what is sent from now on. A queue whose first message is still there begins with that all the same.</summary>
    public static ConsumeFrom LastOffset => default;

    /// <summary>With the first message that is still there.</summary>
    public static ConsumeFrom FirstOffset { get; } = new(Core.ConsumeFrom.FirstOffset);

    /// <summary>With the messages stored at or after a time.</summary>
    public static ConsumeFrom Time(DateTimeOffset time) => new(Core.ConsumeFrom.NewAtTime(time));

    internal Core.ConsumeFrom ToCore() => (Core.ConsumeFrom?)_inner ?? Core.ConsumeFrom.LastOffset;

    /// <inheritdoc/>
    public override string ToString() => ToCore().ToString();
}
