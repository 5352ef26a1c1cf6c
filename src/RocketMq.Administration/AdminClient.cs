using FSharpEndpoints = Microsoft.FSharp.Collections.FSharpList<RocketMq.Endpoint>;

namespace RocketMq.Client.Administration;

/// <summary>
/// Administers clusters: topics, groups, offsets, messages, dead letters, brokers, name servers. Reads are asked of all servers side by
/// side, and one that does not answer is a failure beside what the others say. Changes are read first, written stage by stage, and read
/// again. Safe to use from any thread.
/// </summary>
/// <remarks>
/// It works over the connections of a <see cref="RocketMqClient"/>, which stays the caller's. Nothing is connected to before the first
/// call. Do not give it to what takes requests from outside: who may change the settings of brokers may do anything there.
/// </remarks>
public sealed partial class AdminClient
{
    private readonly Admin.Administrator _inner;
    private readonly Core.BodyCodecs _codecs;

    /// <summary>Begins nothing yet.</summary>
    /// <exception cref="AdministrationException">The options make no sense.</exception>
    public AdminClient(RocketMqClient client, AdminClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        options ??= new();

        var created = Admin.Administrator.Create(
            client.Inner, new Admin.AdministratorOptions(options.MostAtOnce, options.VerifyWithin, null));

        _inner = created.IsOk ? created.ResultValue : throw AdministrationException.FromCore(created.ErrorValue);
        _codecs = client.Inner.Options.Codecs;
        Plans = new(this);
    }

    /// <summary>Changes as plans, to look at before they are carried out.</summary>
    public ChangePlans Plans { get; }

    /// <summary>Writes a plan, stage by stage, and reads again what was written. What a cancellation interrupts may have been written in part.</summary>
    /// <returns>What became of each write; see <see cref="ChangeReport.EnsureCarriedOut"/>.</returns>
    /// <exception cref="RocketMqException">A defect: what servers refuse stands in the report.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<ChangeReport> CarryOutAsync(ChangePlan plan, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var result = await _inner.CarryOut(plan.Inner, cancellationToken).ConfigureAwait(false);
        return new(result.IsOk ? result.ResultValue : throw AdministrationException.FromCore(result.ErrorValue));
    }

    /// <summary>Brokers with their figures; one that does not answer is there with its failure.</summary>
    /// <exception cref="RocketMqException">There is no such broker, or no name server answered.</exception>
    public async Task<IReadOnlyList<BrokerStatus>> GetBrokersAsync(
        BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        var rows = await RunAsync(Admin.BrokerStatusModule.list(Of(scope)), cancellationToken).ConfigureAwait(false);
        return [.. rows.Select(BrokerStatus.FromCore)];
    }

    /// <summary>Whether masters are there, figures within limits, slaves near, and topics the same everywhere.</summary>
    /// <exception cref="RocketMqException">There is no such broker, or no name server answered.</exception>
    public async Task<IReadOnlyList<Finding>> CheckAsync(
        BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        var findings = await RunAsync(
            Admin.ClusterCheck.run(Of(scope), Admin.CheckLimits.Default), cancellationToken).ConfigureAwait(false);

        return [.. findings.Select(Finding.FromCore)];
    }

    /// <summary>The settings of brokers. What may be a secret is shown as "***".</summary>
    /// <exception cref="RocketMqException">There is no such broker, or no name server answered.</exception>
    public async Task<IReadOnlyList<BrokerConfiguration>> GetBrokerConfigurationsAsync(
        BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        var settings = await RunAsync(Admin.BrokerSettingsModule.read(Of(scope)), cancellationToken).ConfigureAwait(false);
        return [.. settings.Select(BrokerConfiguration.FromCore)];
    }

    /// <summary>All topics. With queues each master is asked for its settings, else one name server for names.</summary>
    /// <exception cref="RocketMqException">No server answered.</exception>
    public async Task<TopicList> ListTopicsAsync(
        BrokerScope? scope = null, bool withQueues = false, CancellationToken cancellationToken = default) =>
        TopicList.FromCore(await RunAsync(
            Admin.TopicQueries.list(Of(scope), withQueues), cancellationToken).ConfigureAwait(false));

    /// <summary>A topic with its settings on each master, its queues and its groups.</summary>
    /// <exception cref="RocketMqException">There is no such topic, or no server answered.</exception>
    public async Task<TopicDescription> DescribeTopicAsync(string topic, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return TopicDescription.FromCore(await RunAsync(
            Admin.TopicQueries.describe(topic), cancellationToken).ConfigureAwait(false));
    }

    /// <summary>How far a group is in every queue of its topics, and who belongs to it.</summary>
    /// <exception cref="RocketMqException">There is no such group, or no server answered.</exception>
    public async Task<GroupLag> GetLagAsync(
        string group, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        return GroupLag.FromCore(await RunAsync(
            Admin.GroupLags.ofGroup(Of(scope), group), cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Messages of an id of either kind: one that a sender made needs its topic, one that a broker made says where it is.</summary>
    /// <exception cref="RocketMqException">There is no such topic, or no server answered.</exception>
    public async Task<FoundMessages> FindByIdAsync(
        string id, string? topic = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(id);
        return Found(await RunAsync(
            Admin.MessageSearch.byId(Values.Option(topic), id), cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Messages of a topic that have a key.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="key">The key.</param>
    /// <param name="from">Stored at this time or later; null: at any time.</param>
    /// <param name="to">Stored at this time or earlier; null: at any time.</param>
    /// <param name="most">How many of each broker, at most.</param>
    /// <param name="cancellationToken">Gives the call up.</param>
    /// <exception cref="RocketMqException">There is no such topic, or no server answered.</exception>
    public async Task<FoundMessages> FindByKeyAsync(
        string topic,
        string key,
        DateTimeOffset? from = null,
        DateTimeOffset? to = null,
        int most = 64,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(key);
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);

        var search = new Admin.KeySearch(
            topic,
            key,
            from?.ToUnixTimeMilliseconds() ?? 0,
            to?.ToUnixTimeMilliseconds() ?? long.MaxValue,
            most);

        return Found(await RunAsync(Admin.MessageSearch.byKey(search), cancellationToken).ConfigureAwait(false));
    }

    /// <summary>The first messages of a topic, or of those that were stored at or after a time. No group's offset is read or written.</summary>
    /// <exception cref="RocketMqException">There is no such topic, or no server answered.</exception>
    public async Task<FoundMessages> PeekAsync(
        string topic,
        int most = 32,
        DateTimeOffset? from = null,
        string tags = "*",
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);

        var plan = from is { } time
            ? Admin.MessageReading.since(time.ToUnixTimeMilliseconds(), topic, FilterOf(tags), most)
            : Admin.MessageReading.first(topic, FilterOf(tags), most);

        return Found(await RunAsync(plan, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>The last messages of a topic. No group's offset is read or written.</summary>
    /// <exception cref="RocketMqException">There is no such topic, or no server answered.</exception>
    public async Task<FoundMessages> PeekLastAsync(
        string topic, int most = 32, string tags = "*", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        return Found(await RunAsync(
            Admin.MessageReading.last(topic, FilterOf(tags), most), cancellationToken).ConfigureAwait(false));
    }

    /// <summary>How many messages groups have given up: all groups that have any, or one.</summary>
    /// <exception cref="RocketMqException">No name server answered.</exception>
    public async Task<IReadOnlyList<DeadLetterCount>> CountDeadLettersAsync(
        string? group = null, CancellationToken cancellationToken = default)
    {
        var counts = await RunAsync(Admin.DeadLetters.list(Values.Option(group)), cancellationToken).ConfigureAwait(false);
        return [.. counts.Select(DeadLetterCount.FromCore)];
    }

    /// <summary>The oldest dead letters of a group.</summary>
    /// <exception cref="RocketMqException">The group has none, or no server answered.</exception>
    public async Task<FoundMessages> PeekDeadLettersAsync(
        string group, int most = 32, string tags = "*", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        return Found(await RunAsync(
            Admin.DeadLetters.peek(group, FilterOf(tags), most), cancellationToken).ConfigureAwait(false));
    }

    /// <inheritdoc cref="ChangePlans.CreateTopicAsync"/>
    /// <exception cref="AdministrationException">It was not carried out as a whole.</exception>
    public async Task<ChangeReport> CreateTopicAsync(
        string topic, TopicSettings? settings = null, BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        await DoAsync(Plans.CreateTopicAsync(topic, settings, scope, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="ChangePlans.UpdateTopicAsync"/>
    /// <exception cref="AdministrationException">It was not carried out as a whole.</exception>
    public async Task<ChangeReport> UpdateTopicAsync(
        string topic, TopicSettings settings, BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        await DoAsync(Plans.UpdateTopicAsync(topic, settings, scope, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="ChangePlans.DeleteTopicAsync"/>
    /// <exception cref="AdministrationException">It was not carried out as a whole.</exception>
    public async Task<ChangeReport> DeleteTopicAsync(
        string topic, BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        await DoAsync(Plans.DeleteTopicAsync(topic, scope, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="ChangePlans.CreateGroupAsync"/>
    /// <exception cref="AdministrationException">It was not carried out as a whole.</exception>
    public async Task<ChangeReport> CreateGroupAsync(
        string group, GroupSettings? settings = null, BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        await DoAsync(Plans.CreateGroupAsync(group, settings, scope, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="ChangePlans.UpdateGroupAsync"/>
    /// <exception cref="AdministrationException">It was not carried out as a whole.</exception>
    public async Task<ChangeReport> UpdateGroupAsync(
        string group, GroupSettings settings, BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        await DoAsync(Plans.UpdateGroupAsync(group, settings, scope, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="ChangePlans.DeleteGroupAsync"/>
    /// <exception cref="AdministrationException">It was not carried out as a whole.</exception>
    public async Task<ChangeReport> DeleteGroupAsync(
        string group, bool retainOffsets = false, BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        await DoAsync(Plans.DeleteGroupAsync(group, retainOffsets, scope, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="ChangePlans.ResetOffsetsAsync"/>
    /// <exception cref="AdministrationException">It was not carried out as a whole.</exception>
    public async Task<ChangeReport> ResetOffsetsAsync(
        string group,
        string topic,
        ResetTarget target,
        string? brokerName = null,
        int? queueId = null,
        CancellationToken cancellationToken = default) =>
        await DoAsync(
            Plans.ResetOffsetsAsync(group, topic, target, brokerName, queueId, cancellationToken),
            cancellationToken).ConfigureAwait(false);

    internal static Core.Filter FilterOf(string tags)
    {
        ArgumentNullException.ThrowIfNull(tags);
        return Core.Filter.NewByTag(tags);
    }

    internal async Task<FSharpEndpoints> NameServersAsync(CancellationToken cancellationToken)
    {
        if (_inner.NameServers.IsEmpty)
        {
            // An address server knows them; they are there when one of them has answered.
            await RunAsync(Admin.Directory.all, cancellationToken).ConfigureAwait(false);
        }

        return _inner.NameServers;
    }

    internal async Task<T> RunAsync<T>(Admin.Plan<T> plan, CancellationToken cancellationToken)
    {
        var result = await _inner.Run(plan, cancellationToken).ConfigureAwait(false);
        return result.IsOk ? result.ResultValue : throw AdministrationException.FromCore(result.ErrorValue);
    }

    private static Admin.BrokerScope Of(BrokerScope? scope) => (scope ?? BrokerScope.All).Inner;

    private FoundMessages Found(Admin.FoundMessages found) => FoundMessages.FromCore(found, _codecs);

    private async Task<ChangeReport> DoAsync(Task<ChangePlan> planning, CancellationToken cancellationToken)
    {
        var report = await CarryOutAsync(await planning.ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        return report.EnsureCarriedOut();
    }
}
