namespace RocketMq.Client.Administration;

/// <summary>Where a group is to go on.</summary>
public sealed class ResetTarget
{
    private ResetTarget(Admin.ResetTarget inner) => Inner = inner;

    /// <summary>The first message that is still there.</summary>
    public static ResetTarget Earliest { get; } = new(Admin.ResetTarget.Earliest);

    /// <summary>The end: what comes from now on.</summary>
    public static ResetTarget Latest { get; } = new(Admin.ResetTarget.Latest);

    internal Admin.ResetTarget Inner { get; }

    /// <summary>The first message that was stored at or after a time.</summary>
    public static ResetTarget Time(DateTimeOffset time) => new(Admin.ResetTarget.NewTime(time.ToUnixTimeMilliseconds()));

    /// <summary>An offset, moved to the ends of what is there.</summary>
    public static ResetTarget Offset(long offset) => new(Admin.ResetTarget.NewOffset(offset));

    /// <summary>So many messages on, or back if it is negative.</summary>
    public static ResetTarget By(long messages) => new(Admin.ResetTarget.NewBy(messages));

    /// <inheritdoc/>
    public override string ToString() => Inner.ToString();
}
