namespace RocketMq.Client.Administration;

// All groups at once, members, and the life of a message.
public sealed partial class AdminClient
{
    /// <summary>How far all groups are: one request to each master, however many groups there are.</summary>
    /// <exception cref="RocketMqException">No server answered.</exception>
    public async Task<GroupTotals> GetGroupTotalsAsync(
        BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        GroupTotals.FromCore(await RunAsync(
            Admin.GroupTotalsModule.all(Of(scope)), cancellationToken).ConfigureAwait(false));

    /// <summary>The members of a group, merged of all brokers, and where they contradict each other. A group may have none.</summary>
    /// <exception cref="RocketMqException">There is no such group, or no server answered.</exception>
    public async Task<GroupMembers> GetMembersAsync(
        string group, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        return GroupMembers.FromCore(await RunAsync(
            Admin.GroupMembersModule.find(Of(scope), group), cancellationToken).ConfigureAwait(false));
    }

    /// <summary>What clients that write traces have written of the life of a message.</summary>
    /// <param name="messageId">The id that its sender gave it.</param>
    /// <param name="traceTopic">Where traces are.</param>
    /// <param name="cancellationToken">Gives the call up.</param>
    /// <exception cref="RocketMqException">There is no topic of traces, or no server answered.</exception>
    public async Task<MessageTrace> GetTraceAsync(
        string messageId, string traceTopic = "RMQ_SYS_TRACE_TOPIC", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messageId);
        ArgumentNullException.ThrowIfNull(traceTopic);
        return MessageTrace.FromCore(await RunAsync(
            Admin.MessageTraces.ofMessage(_codecs, traceTopic, messageId), cancellationToken).ConfigureAwait(false));
    }
}
