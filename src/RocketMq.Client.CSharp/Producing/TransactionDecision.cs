namespace RocketMq.Client;

/// <summary>How a transaction ends.</summary>
public enum TransactionDecision
{
    /// <summary>Not yet: the broker will ask again.</summary>
    Undecided = 0,

    /// <summary>The message is for consumers.</summary>
    Commit = 8,

    /// <summary>The message was never sent.</summary>
    Rollback = 12,
}

internal static class TransactionDecisions
{
    internal static Core.TransactionDecision ToCore(this TransactionDecision decision) => decision switch
    {
        TransactionDecision.Commit => Core.TransactionDecision.Commit,
        TransactionDecision.Rollback => Core.TransactionDecision.Rollback,
        TransactionDecision.Undecided => Core.TransactionDecision.Undecided,
        _ => throw Checked.Unknown(decision, nameof(decision)),
    };

    internal static TransactionDecision FromCore(Core.TransactionDecision decision) => decision switch
    {
        { IsCommit: true } => TransactionDecision.Commit,
        { IsRollback: true } => TransactionDecision.Rollback,
        _ => TransactionDecision.Undecided,
    };
}
