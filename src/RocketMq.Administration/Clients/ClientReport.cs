namespace RocketMq.Client.Administration;

/// <summary>A queue that a member of a group reads.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="BrokerName">The broker that has the queue.</param>
/// <param name="QueueId">Its number there, from 0; -1 of one that is popped on all queues of the broker.</param>
/// <param name="CommitOffset">The offset that the client will commit; null of a queue that is popped.</param>
/// <param name="CachedMessages">Messages that were pulled and are not consumed; null of a queue that is popped.</param>
/// <param name="WaitingAcknowledgements">Messages that were popped and are not acknowledged; null of a queue that is pulled.</param>
/// <param name="IsLocked">Whether the client has the queue's lock; null of a queue that is popped.</param>
/// <param name="LastPullTime">When the client last pulled or popped; null: never.</param>
/// <param name="LastConsumeTime">When a handler last ended; null: never, or the queue is popped.</param>
/// <param name="IsDropped">Whether the client is about to leave the queue.</param>
public sealed record ClientQueue(
    string Topic,
    string BrokerName,
    int QueueId,
    long? CommitOffset,
    int? CachedMessages,
    int? WaitingAcknowledgements,
    bool? IsLocked,
    DateTimeOffset? LastPullTime,
    DateTimeOffset? LastConsumeTime,
    bool IsDropped)
{
    internal static ClientQueue FromCore(Core.MessageQueue queue, Core.Protocol.ProcessQueueInfo state) => new(
        queue.Topic,
        queue.BrokerName,
        queue.QueueId,
        state.CommitOffset,
        state.CachedMessages,
        null,
        state.IsLocked,
        Values.TimeIfAny(state.LastPullTimestamp),
        Values.TimeIfAny(state.LastConsumeTimestamp),
        state.IsDropped);

    internal static ClientQueue FromCore(Core.MessageQueue queue, Core.Protocol.PopProcessQueueInfo state) => new(
        queue.Topic,
        queue.BrokerName,
        queue.QueueId,
        null,
        null,
        state.WaitingAcks,
        null,
        Values.TimeIfAny(state.LastPopTimestamp),
        null,
        state.IsDropped);
}

/// <summary>How fast a member of a group is in one topic.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="PullsPerSecond">Pulls a second, over the last minute.</param>
/// <param name="PullMilliseconds">How long a pull took on average, in milliseconds.</param>
/// <param name="ConsumedPerSecond">Messages a second that a handler has consumed, over the last minute.</param>
/// <param name="FailedPerSecond">Messages a second that a handler failed with, over the last minute.</param>
/// <param name="ConsumeMilliseconds">How long a handler took on average, in milliseconds.</param>
/// <param name="FailedMessages">Messages that a handler failed with, over the last hour.</param>
public sealed record ClientTopic(
    string Topic,
    double PullsPerSecond,
    double PullMilliseconds,
    double ConsumedPerSecond,
    double FailedPerSecond,
    double ConsumeMilliseconds,
    long FailedMessages);

/// <summary>What a member of a group reports of itself. It is empty if the member did not answer.</summary>
/// <param name="Member">The member.</param>
/// <param name="Queues">The queues that it reads.</param>
/// <param name="Topics">Its figures by topic; clients of other languages than Java may have none.</param>
/// <param name="Subscriptions">Filter expressions by topic.</param>
/// <param name="Properties">Settings of the client by name. What may be a secret is shown as "***".</param>
/// <param name="Stacks">The stacks of its threads; null if they were not requested, or it does not report them.</param>
/// <param name="Failure">Why there is nothing; null if it answered.</param>
public sealed record ClientReport(
    GroupMember Member,
    IReadOnlyList<ClientQueue> Queues,
    IReadOnlyList<ClientTopic> Topics,
    IReadOnlyDictionary<string, string> Subscriptions,
    IReadOnlyDictionary<string, string> Properties,
    string? Stacks,
    ServerFailure? Failure)
{
    internal static ClientReport FromCore(Admin.ClientReport report)
    {
        var member = GroupMember.FromCore(report.Member);

        if (report.Info.IsError)
        {
            var nothing = new Dictionary<string, string>(StringComparer.Ordinal);
            return new(member, [], [], nothing, nothing, null, ServerFailure.FromCore(report.Info.ErrorValue));
        }

        var info = report.Info.ResultValue;
        var popped = OptionModule.ToObj(info.PopQueues);
        var subscriptions = new Dictionary<string, string>(StringComparer.Ordinal);

        foreach (var one in info.Subscriptions)
        {
            subscriptions[one.Topic] = one.Expression;
        }

        return new(
            member,
            [
                .. info.Queues.Select(pair => ClientQueue.FromCore(pair.Key, pair.Value)),
                .. popped is null ? [] : popped.Select(pair => ClientQueue.FromCore(pair.Key, pair.Value)),
            ],
            [.. info.Status.Select(pair => new ClientTopic(
                pair.Key,
                pair.Value.PullsPerSecond,
                pair.Value.PullMillis,
                pair.Value.ConsumedPerSecond,
                pair.Value.FailedPerSecond,
                pair.Value.ConsumeMillis,
                pair.Value.FailedMessages))],
            subscriptions,
            info.Properties.ToDictionary(
                pair => pair.Key,
                pair => Admin.BrokerSettingsModule.shown(pair.Key, pair.Value),
                StringComparer.Ordinal),
            OptionModule.ToObj(info.Stacks),
            null);
    }
}

/// <summary>What the members of a group report of themselves.</summary>
/// <param name="Clients">By client id; one that did not answer is there with its failure.</param>
/// <param name="Failures">Brokers that did not say who is connected: members may be missing.</param>
public sealed record ClientReports(IReadOnlyList<ClientReport> Clients, IReadOnlyList<ServerFailure> Failures)
{
    internal static ClientReports FromCore(Admin.ClientReports reports) =>
        new([.. reports.Clients.Select(ClientReport.FromCore)], ServerFailure.FromCore(reports.Failures));
}
