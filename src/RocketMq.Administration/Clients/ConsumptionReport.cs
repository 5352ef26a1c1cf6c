namespace RocketMq.Client.Administration;

/// <summary>What a member's handler made of a message that it was to consume at once.</summary>
public enum ConsumptionOutcome
{
    /// <summary>The client did not say.</summary>
    Unknown,

    /// <summary>It was consumed.</summary>
    Success,

    /// <summary>The handler wants it later. It is not delivered again.</summary>
    Later,

    /// <summary>In order: rolled back.</summary>
    Rollback,

    /// <summary>In order: committed.</summary>
    Commit,

    /// <summary>The handler threw.</summary>
    Threw,

    /// <summary>The handler returned null.</summary>
    ReturnedNull,
}

/// <summary>How the consumption of one message by one member ended.</summary>
/// <param name="Outcome">What its handler made of it.</param>
/// <param name="Remark">What the client says of it, such as an exception; null if it says nothing.</param>
/// <param name="Took">How long the handler ran.</param>
/// <param name="IsOrdered">Whether the member consumes in order.</param>
public sealed record ConsumptionReport(ConsumptionOutcome Outcome, string? Remark, TimeSpan Took, bool IsOrdered)
{
    internal static ConsumptionReport FromCore(Core.Protocol.DirectConsumptionResult result) => new(
        OptionModule.ToObj(result.Outcome) switch
        {
            { IsSucceeded: true } => ConsumptionOutcome.Success,
            { IsToBeRetried: true } => ConsumptionOutcome.Later,
            { IsRolledBack: true } => ConsumptionOutcome.Rollback,
            { IsCommitted: true } => ConsumptionOutcome.Commit,
            { IsThrew: true } => ConsumptionOutcome.Threw,
            { IsReturnedNull: true } => ConsumptionOutcome.ReturnedNull,
            _ => ConsumptionOutcome.Unknown,
        },
        OptionModule.ToObj(result.Remark),
        TimeSpan.FromMilliseconds(Math.Max(0, result.SpentMillis), 0),
        result.IsOrderly);
}
