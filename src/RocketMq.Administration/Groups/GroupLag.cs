namespace RocketMq.Client.Administration;

/// <summary>A client that is a member of a group.</summary>
/// <param name="ClientId">What brokers know it by.</param>
/// <param name="Address">"host:port" as one of the brokers sees it.</param>
/// <param name="Language">What it is written in, as brokers name it.</param>
/// <param name="Brokers">The brokers that it is connected to, by name; slaves with their id.</param>
public sealed record GroupMember(string ClientId, string Address, string Language, IReadOnlyList<string> Brokers)
{
    internal static GroupMember FromCore(Admin.GroupMember member) =>
        new(member.ClientId, member.Address, member.Language, [.. member.Brokers]);
}

/// <summary>The members of a group, of all brokers.</summary>
/// <param name="Members">By client id.</param>
/// <param name="Subscriptions">Filter expressions by topic.</param>
/// <param name="Disagreements">Members or brokers that contradict each other, in words.</param>
/// <param name="Failures">Brokers that did not say.</param>
public sealed record GroupMembers(
    IReadOnlyList<GroupMember> Members,
    IReadOnlyDictionary<string, string> Subscriptions,
    IReadOnlyList<string> Disagreements,
    IReadOnlyList<ServerFailure> Failures)
{
    internal static GroupMembers FromCore(Admin.GroupMembers members) => new(
        [.. members.Members.Select(GroupMember.FromCore)],
        members.Subscriptions.ToDictionary(pair => pair.Key, pair => pair.Value.Expression, StringComparer.Ordinal),
        [.. members.Disagreements],
        ServerFailure.FromCore(members.Failures));
}

/// <summary>How far a group is in one queue.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="BrokerName">The broker that has the queue.</param>
/// <param name="QueueId">Its number there, from 0.</param>
/// <param name="MinOffset">The offset of the first message that is still there; null: unknown.</param>
/// <param name="MaxOffset">The offset that the next message will have.</param>
/// <param name="Committed">The next offset to consume; null: the group has committed none, which is not 0.</param>
/// <param name="Lag">Messages that are not consumed; negative beyond the end; null: unknown.</param>
/// <param name="InFlight">Messages that were given out and are not consumed; null: the broker does not say.</param>
/// <param name="Owner">The client id of the member that reads it, if one says so.</param>
/// <param name="Delay">How long the next message has waited, by the broker's clock; null: unknown, or there is none.</param>
public sealed record QueueLag(
    string Topic,
    string BrokerName,
    int QueueId,
    long? MinOffset,
    long MaxOffset,
    long? Committed,
    long? Lag,
    long? InFlight,
    string? Owner,
    TimeSpan? Delay);

/// <summary>How far a group is.</summary>
/// <param name="Group">The group.</param>
/// <param name="Members">Who belongs to it now.</param>
/// <param name="Queues">Of its topics and, among them, its retry topic.</param>
/// <param name="Total">Messages that are not consumed, of the queues whose lag is known.</param>
/// <param name="IsComplete">Whether that is all queues of all brokers.</param>
/// <param name="DeadLetters">Messages that it has given up; null: unknown.</param>
/// <param name="Delay">The longest delay of its queues; null: unknown, or there is none.</param>
/// <param name="ConsumedPerSecond">Messages a second, over the last minute.</param>
/// <param name="Failures">Servers that did not say.</param>
public sealed record GroupLag(
    string Group,
    GroupMembers Members,
    IReadOnlyList<QueueLag> Queues,
    long Total,
    bool IsComplete,
    long? DeadLetters,
    TimeSpan? Delay,
    double ConsumedPerSecond,
    IReadOnlyList<ServerFailure> Failures)
{
    internal static GroupLag FromCore(Admin.GroupLag lag) => new(
        lag.Group,
        GroupMembers.FromCore(lag.Members),
        [.. lag.Queues.Select(one => new QueueLag(
            one.Queue.Topic,
            one.Queue.BrokerName,
            one.Queue.QueueId,
            OptionModule.ToNullable(one.MinOffset),
            one.MaxOffset,
            OptionModule.ToNullable(one.Committed),
            OptionModule.ToNullable(one.Lag),
            OptionModule.ToNullable(one.InFlight),
            OptionModule.ToObj(one.Owner),
            Values.Span(one.DelayMillis)))],
        lag.Total,
        lag.IsComplete,
        OptionModule.ToNullable(lag.DeadLetters),
        Values.Span(lag.DelayMillis),
        lag.ConsumedPerSecond,
        ServerFailure.FromCore(lag.Failures));
}
