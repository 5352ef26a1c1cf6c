using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>What a request does that would go over a limit of its connection.</summary>
public enum AtLimit
{
    /// <summary>It is refused at once, with a <see cref="TooManyRequestsException"/>.</summary>
    Fail,

    /// <summary>It waits for room, within its timeout.</summary>
    Wait,
}

internal static class AtLimits
{
    internal static Core.AtLimit ToCore(this AtLimit value) => value switch
    {
        AtLimit.Fail => Core.AtLimit.FailAtOnce,
        AtLimit.Wait => Core.AtLimit.WaitForRoom,
        _ => throw Checked.Unknown(value, nameof(value)),
    };
}
