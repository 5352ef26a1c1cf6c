namespace RocketMq.Client.Administration;

// Who is connected, and the settings of name servers.
public sealed partial class AdminClient
{
    /// <summary>
    /// What the members of a group report of themselves: queues, figures, subscriptions. Each is reached through a broker that it is
    /// connected to; one that does not answer is there with its failure.
    /// </summary>
    /// <exception cref="RocketMqException">There is no such group, or no server answered.</exception>
    public async Task<ClientReports> GetClientReportsAsync(
        string group, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        return ClientReports.FromCore(await RunAsync(
            Admin.ClientReportsModule.ofGroup(Of(scope), group), cancellationToken).ConfigureAwait(false));
    }

    /// <summary>What one member of a group reports of itself.</summary>
    /// <param name="group">The group.</param>
    /// <param name="clientId">What brokers know the member by.</param>
    /// <param name="withStacks">With the stacks of its threads, which clients in Java report.</param>
    /// <param name="scope">The brokers that are looked at for it; null: all.</param>
    /// <param name="cancellationToken">Gives the call up.</param>
    /// <returns>The report; empty, with its failure, if the member did not answer.</returns>
    /// <exception cref="RocketMqException">There is no such group or member, or no server answered.</exception>
    public async Task<ClientReport> GetClientReportAsync(
        string group,
        string clientId,
        bool withStacks = false,
        BrokerScope? scope = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(clientId);

        var reports = await RunAsync(
            Admin.ClientReportsModule.ofClient(Of(scope), group, clientId, withStacks), cancellationToken).ConfigureAwait(false);

        return ClientReport.FromCore(reports.Clients.Head);
    }

    /// <summary>
    /// Has one member of a group consume one message at once, whatever it has consumed before: its handler runs. The group's offsets stay
    /// as they are, and what fails is not delivered again.
    /// </summary>
    /// <remarks>A broker waits ten seconds for the handler: the client's request timeout should be longer.</remarks>
    /// <param name="group">The group.</param>
    /// <param name="clientId">What brokers know the member by.</param>
    /// <param name="topic">The message's topic.</param>
    /// <param name="messageId">Its id, of its sender or of its broker.</param>
    /// <param name="cancellationToken">Gives the call up; the handler may run all the same.</param>
    /// <exception cref="RocketMqException">There is no such member or message, or the member did not answer in time.</exception>
    public async Task<ConsumptionReport> ConsumeDirectlyAsync(
        string group, string clientId, string topic, string messageId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(clientId);
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(messageId);

        var planned = await RunAsync(
            Admin.DirectConsumptions.prepare(group, clientId, topic, messageId), cancellationToken).ConfigureAwait(false);

        return ConsumptionReport.FromCore(await RunAsync(
            Admin.DirectConsumptions.carryOut(planned), cancellationToken).ConfigureAwait(false));
    }

    /// <summary>All producers that are connected. Brokers before 4.9.4 cannot say.</summary>
    /// <exception cref="RocketMqException">No broker can say, or no server answered.</exception>
    public async Task<ProducerList> ListProducersAsync(
        BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        ProducerList.FromCore(await RunAsync(
            Admin.ProducersModule.all(Of(scope)), cancellationToken).ConfigureAwait(false));

    /// <summary>The producers of a group that are connected to the brokers of a topic, or to any if it is null.</summary>
    /// <exception cref="RocketMqException">There is no such topic or none of the group, or no server answered.</exception>
    public async Task<ProducerList> ListProducersOfGroupAsync(
        string group, string? topic = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        return ProducerList.FromCore(await RunAsync(
            Admin.ProducersModule.ofGroup(Values.Option(topic), group), cancellationToken).ConfigureAwait(false));
    }

    /// <summary>The settings of each name server. What may be a secret is shown as "***".</summary>
    /// <exception cref="RocketMqException">The name servers are not known, as no address server answered.</exception>
    public async Task<IReadOnlyList<NameServerConfiguration>> GetNameServerConfigurationsAsync(
        CancellationToken cancellationToken = default)
    {
        var servers = await NameServersAsync(cancellationToken).ConfigureAwait(false);
        var settings = await RunAsync(Admin.NameServerSettings.read(servers), cancellationToken).ConfigureAwait(false);
        return [.. settings.Select(NameServerConfiguration.FromCore)];
    }
}
