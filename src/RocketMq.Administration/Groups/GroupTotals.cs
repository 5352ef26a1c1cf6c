namespace RocketMq.Client.Administration;

/// <summary>How far a group is, all its queues together.</summary>
/// <param name="Group">The group.</param>
/// <param name="Topics">Topics that it has committed offsets of and, while members are online, subscribes to.</param>
/// <param name="Queues">Queues of these topics.</param>
/// <param name="Lag">
/// Messages that are not consumed. In a queue where nothing is committed these are all that ever were there: brokers count no offset as
/// offset 0 here. <see cref="AdminClient.GetLagAsync"/> knows them apart.
/// </param>
/// <param name="ConsumedPerSecond">Messages a second, over the last minute.</param>
public sealed record GroupTotal(string Group, int Topics, int Queues, long Lag, double ConsumedPerSecond);

/// <summary>How far all groups are.</summary>
/// <param name="Groups">The furthest behind first.</param>
/// <param name="Failures">Brokers that did not say.</param>
public sealed record GroupTotals(IReadOnlyList<GroupTotal> Groups, IReadOnlyList<ServerFailure> Failures)
{
    internal static GroupTotals FromCore(Admin.GroupTotals totals) => new(
        [.. totals.Groups.Select(one => new GroupTotal(one.Group, one.Topics, one.Queues, one.Lag, one.ConsumedPerSecond))],
        ServerFailure.FromCore(totals.Failures));
}
