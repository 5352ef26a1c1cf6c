using RocketMq.Protocol;

namespace RocketMq.Client.Administration;

/// <summary>What happened to a message.</summary>
public enum TraceEventKind
{
    /// <summary>A producer sent it.</summary>
    Sent,

    /// <summary>A consumer began to consume it.</summary>
    ConsumptionBegan,

    /// <summary>A consumer consumed it, or failed.</summary>
    Consumed,

    /// <summary>A producer ended its transaction.</summary>
    TransactionEnded,

    /// <summary>A producer called it back.</summary>
    Recalled,
}

/// <summary>One record of a message's trace.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="At">When, by the clock of the client that wrote it; null: it does not say.</param>
/// <param name="Group">The group of that client; null: it does not say.</param>
/// <param name="Topic">The message's topic, where the record has it.</param>
/// <param name="Outcome">Of a transaction the decision, of what failed the reason; null: it went well, or has no outcome yet.</param>
/// <param name="Cost">How long it took, where the record has it.</param>
/// <param name="Broker">The broker's "host:port", where the record has it.</param>
public sealed record TraceEvent(
    TraceEventKind Kind,
    DateTimeOffset? At,
    string? Group,
    string? Topic,
    string? Outcome,
    TimeSpan? Cost,
    string? Broker)
{
    private const string Failed = "failed";

    internal static TraceEvent FromCore(TraceRecord record) => record switch
    {
        TraceRecord.SendTraced { Item: var one } => new(
            TraceEventKind.Sent,
            Values.TimeIfAny(one.Timestamp),
            one.Group,
            one.Topic,
            one.IsSuccess ? null : Failed,
            TimeSpan.FromMilliseconds(one.CostMillis, 0),
            OptionModule.ToObj(one.StoreHost)),
        TraceRecord.ConsumeStartTraced { Item: var one } => new(
            TraceEventKind.ConsumptionBegan, Values.TimeIfAny(one.Timestamp), one.Group, null, null, null, null),
        TraceRecord.ConsumeEndTraced { Item: var one } => new(
            TraceEventKind.Consumed,
            OptionModule.ToObj(one.Origin) is { } origin ? Values.TimeIfAny(origin.Timestamp + one.CostMillis) : null,
            OptionModule.ToObj(one.Origin)?.Group,
            null,
            one.IsSuccess ? null : one.Return.ToString(),
            TimeSpan.FromMilliseconds(one.CostMillis, 0),
            null),
        TraceRecord.TransactionTraced { Item: var one } => new(
            TraceEventKind.TransactionEnded,
            Values.TimeIfAny(one.Timestamp),
            one.Group,
            one.Topic,
            one.Decision.ToString(),
            null,
            OptionModule.ToObj(one.StoreHost)),
        TraceRecord.RecallTraced { Item: var one } => new(
            TraceEventKind.Recalled,
            Values.TimeIfAny(one.Timestamp),
            one.Group,
            one.Topic,
            one.IsSuccess ? null : Failed,
            null,
            null),
        _ => throw new ArgumentOutOfRangeException(nameof(record), record, null),
    };
}

/// <summary>What clients have written of the life of a message.</summary>
/// <param name="Events">By time; the end of a consumption follows its beginning. Empty where clients write no traces.</param>
/// <param name="Unreadable">Records that could not be read.</param>
/// <param name="Failures">Servers that did not say.</param>
public sealed record MessageTrace(IReadOnlyList<TraceEvent> Events, int Unreadable, IReadOnlyList<ServerFailure> Failures)
{
    internal static MessageTrace FromCore(Admin.MessageTrace trace) => new(
        [.. trace.Records.Select(TraceEvent.FromCore)], trace.Unreadable, ServerFailure.FromCore(trace.Failures));
}
