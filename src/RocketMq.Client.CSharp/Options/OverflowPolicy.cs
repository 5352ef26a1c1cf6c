namespace RocketMq.Client;

/// <summary>What a request does that would go over a limit of its connection.</summary>
public enum OverflowPolicy
{
    /// <summary>It is refused at once, with a <see cref="TooManyRequestsException"/>.</summary>
    Fail,

    /// <summary>It waits for room, within its timeout.</summary>
    Wait,
}

internal static class AtLimits
{
    internal static Core.OverflowPolicy ToCore(this OverflowPolicy value) => value switch
    {
        OverflowPolicy.Fail => Core.OverflowPolicy.FailAtOnce,
        OverflowPolicy.Wait => Core.OverflowPolicy.WaitForRoom,
        _ => throw Checked.Unknown(value, nameof(value)),
    };
}
