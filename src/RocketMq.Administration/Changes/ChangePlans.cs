namespace RocketMq.Client.Administration;

/// <summary>
/// Actions that change something, as plans: they read what is there, and write nothing. Each method of <see cref="AdminClient"/> that
/// changes something is the plan of the same name, carried out.
/// </summary>
public sealed partial class ChangePlans
{
    private readonly AdminClient _client;

    internal ChangePlans(AdminClient client) => _client = client;

    /// <summary>Makes a topic on all masters of a scope. It must not be on any of them.</summary>
    /// <exception cref="RocketMqException">It is there already, or a server that must be asked did not answer.</exception>
    public Task<ChangePlan> CreateTopicAsync(
        string topic, TopicSettings? settings = null, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return PlanAsync(servers => Admin.TopicChanges.create(servers, Of(scope), topic, (settings ?? new()).ToCore()), cancellationToken);
    }

    /// <summary>Changes what is named on all masters of a scope that have the topic, and leaves the rest.</summary>
    /// <exception cref="RocketMqException">It is on none of them, or a server that must be asked did not answer.</exception>
    public Task<ChangePlan> UpdateTopicAsync(
        string topic, TopicSettings settings, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(settings);
        return PlanAsync(servers => Admin.TopicChanges.update(servers, Of(scope), topic, settings.ToCore()), cancellationToken);
    }

    /// <summary>Deletes a topic with all its messages: on brokers, then in every name server, then its order of queues.</summary>
    /// <exception cref="RocketMqException">There is none, it is the brokers' own, or no server answered.</exception>
    public Task<ChangePlan> DeleteTopicAsync(
        string topic, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return PlanAsync(servers => Admin.TopicDeletion.delete(servers, Of(scope), topic), cancellationToken);
    }

    /// <summary>Makes a group on all masters of a scope. It must not be on any of them.</summary>
    /// <exception cref="RocketMqException">It is there already, or a server that must be asked did not answer.</exception>
    public Task<ChangePlan> CreateGroupAsync(
        string group, GroupSettings? settings = null, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        return PlanAsync(_ => Admin.GroupChanges.create(Of(scope), group, (settings ?? new()).ToCore()), cancellationToken);
    }

    /// <summary>Changes what is named on all masters of a scope that have the group, and leaves the rest.</summary>
    /// <exception cref="RocketMqException">It is on none of them, or a server that must be asked did not answer.</exception>
    public Task<ChangePlan> UpdateGroupAsync(
        string group, GroupSettings settings, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(settings);
        return PlanAsync(_ => Admin.GroupChanges.update(Of(scope), group, settings.ToCore()), cancellationToken);
    }

    /// <summary>
    /// Deletes a group, with its offsets unless they are to stay. Its retry topic and its dead letters stay: they are topics, and deleted
    /// as such.
    /// </summary>
    /// <exception cref="RocketMqException">There is none, members are online, or a server that must be asked did not answer.</exception>
    public Task<ChangePlan> DeleteGroupAsync(
        string group, bool retainOffsets = false, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        return PlanAsync(_ => Admin.GroupChanges.delete(Of(scope), group, retainOffsets), cancellationToken);
    }

    /// <summary>
    /// Has a group go on elsewhere in a topic, whether it is online or not. What cannot be done under members that are online, as they
    /// would commit their own offsets over it, is refused.
    /// </summary>
    /// <param name="group">The group.</param>
    /// <param name="topic">The topic, or the group's retry topic.</param>
    /// <param name="target">Where it is to go on.</param>
    /// <param name="brokerName">One broker alone; null: all.</param>
    /// <param name="queueId">One queue of each broker alone; null: all.</param>
    /// <param name="cancellationToken">Gives the call up.</param>
    /// <exception cref="RocketMqException">There is no such group, topic or queue, it must not be done, or a server did not answer.</exception>
    public Task<ChangePlan> ResetOffsetsAsync(
        string group,
        string topic,
        ResetTarget target,
        string? brokerName = null,
        int? queueId = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(target);
        var queues = new Admin.QueueScope(topic, Values.Option(brokerName), Values.Option(queueId));
        return PlanAsync(_ => Admin.OffsetChanges.reset(group, queues, target.Inner), cancellationToken);
    }

    /// <summary>Has a group that is offline go on where another one is, in all topics of the other or in one of them.</summary>
    /// <exception cref="RocketMqException">There is no such group, it is online, or a server did not answer.</exception>
    public Task<ChangePlan> CloneOffsetsAsync(
        string sourceGroup, string group, string? topic = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sourceGroup);
        ArgumentNullException.ThrowIfNull(group);
        return PlanAsync(_ => Admin.OffsetChanges.clone(sourceGroup, group, Values.Option(topic)), cancellationToken);
    }

    /// <summary>Sends the oldest dead letters of a group again; they stay where they are, too.</summary>
    /// <param name="group">The group that has given them up.</param>
    /// <param name="target">Where they go.</param>
    /// <param name="most">How many, at most.</param>
    /// <param name="tags">Those with one of the tags, joined with "||", or all of them.</param>
    /// <param name="cancellationToken">Gives the call up.</param>
    /// <exception cref="RocketMqException">The group has no dead letters, or a server did not answer.</exception>
    public async Task<ChangePlan> ReplayDeadLettersAsync(
        string group,
        ReplayTarget target = ReplayTarget.OwnGroup,
        int most = 32,
        string tags = "*",
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);

        var found = await _client.RunAsync(
            Admin.DeadLetters.peek(group, AdminClient.FilterOf(tags), most), cancellationToken).ConfigureAwait(false);

        var destination = target == ReplayTarget.OwnGroup ? Admin.ReplayTarget.OwnGroup : Admin.ReplayTarget.OriginTopic;
        return await PlanAsync(_ => Admin.DeadLetters.replay(group, destination, found.Messages), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Deletes all dead letters of a group, by deleting their topic.</summary>
    /// <exception cref="RocketMqException">The group has none, or no server answered.</exception>
    public Task<ChangePlan> PurgeDeadLettersAsync(string group, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        return PlanAsync(servers => Admin.DeadLetters.purge(servers, group), cancellationToken);
    }

    /// <summary>
    /// Changes settings of all masters of a scope, or of its slaves too. Those that brokers read only when they start hold after the next
    /// start.
    /// </summary>
    /// <exception cref="RocketMqException">A broker did not answer.</exception>
    public Task<ChangePlan> ConfigureBrokersAsync(
        BrokerScope scope,
        IReadOnlyDictionary<string, string> settings,
        bool includeSlaves = false,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(scope);
        ArgumentNullException.ThrowIfNull(settings);

        var changes = Settings(settings);
        var roles = includeSlaves ? Admin.BrokerRoles.MastersAndSlaves : Admin.BrokerRoles.Masters;
        return PlanAsync(_ => Admin.BrokerSettingsModule.change(scope.Inner, roles, changes), cancellationToken);
    }

    /// <summary>Takes a broker out of routes for producers in every name server, so that it can be stopped without lost sends.</summary>
    /// <exception cref="RocketMqException">There is no such broker, or no server answered.</exception>
    public Task<ChangePlan> DrainBrokerAsync(string brokerName, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(brokerName);
        return PlanAsync(servers => Admin.WritePermissions.drain(servers, brokerName), cancellationToken);
    }

    /// <summary>Brings a broker back into routes for producers, in every name server.</summary>
    /// <exception cref="RocketMqException">There is no such broker, or no server answered.</exception>
    public Task<ChangePlan> RestoreBrokerAsync(string brokerName, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(brokerName);
        return PlanAsync(servers => Admin.WritePermissions.restore(servers, brokerName), cancellationToken);
    }

    /// <summary>Sets a text in every name server, or removes it there if it is null.</summary>
    /// <exception cref="RocketMqException">No name server answered.</exception>
    public Task<ChangePlan> SetKeyValueAsync(
        string keyNamespace, string key, string? value, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keyNamespace);
        ArgumentNullException.ThrowIfNull(key);
        var place = new Core.Protocol.KeyValuePlace(keyNamespace, key);
        return PlanAsync(servers => Admin.NameServerSettings.set(servers, place, Values.Option(value)), cancellationToken);
    }

    /// <summary>
    /// Has brokers, masters and slaves, clean at once what they clean by themselves at some hour. A broker that does not know the request
    /// is a write that failed.
    /// </summary>
    /// <exception cref="RocketMqException">There is no such broker, or no name server answered.</exception>
    public Task<ChangePlan> CleanBrokersAsync(
        CleanTarget target, BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        PlanAsync(_ => Admin.BrokerUpkeep.clean(Of(scope), (Admin.CleanTarget)(int)target), cancellationToken);

    /// <summary>
    /// Has masters move what they remember of popped messages out of RocksDB, back to their log: before they are rolled back to a release,
    /// or a setting, without that store. It needs brokers of 5.3.2 or later.
    /// </summary>
    /// <exception cref="RocketMqException">There is no such broker, or no name server answered.</exception>
    public Task<ChangePlan> RollBackPopAsync(BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        PlanAsync(_ => Admin.BrokerUpkeep.rollBackPop(Of(scope)), cancellationToken);

    /// <summary>
    /// Sets how messages of a topic come to a group, on all masters of a scope that have the topic. Clients follow that let brokers share
    /// queues out. Brokers of 4.9 have no modes.
    /// </summary>
    /// <param name="group">The group.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="mode">By pull, or popped.</param>
    /// <param name="popShareQueues">Of how many other members each reads the queues too, where messages are popped; 0: all queues.</param>
    /// <param name="scope">The brokers; null: all.</param>
    /// <param name="cancellationToken">Gives the call up.</param>
    /// <exception cref="RocketMqException">There is no such group or topic, no broker knows modes, or one did not answer.</exception>
    public Task<ChangePlan> SetRequestModeAsync(
        string group,
        string topic,
        MessageRequestMode mode,
        int popShareQueues = 0,
        BrokerScope? scope = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(topic);
        var requested = mode == MessageRequestMode.Pop ? Core.Protocol.RequestMode.PopMode : Core.Protocol.RequestMode.PullMode;
        return PlanAsync(_ => Admin.RequestModes.set(Of(scope), group, topic, requested, popShareQueues), cancellationToken);
    }

    /// <summary>Changes settings of all name servers, each by itself; one that is down is a write that fails.</summary>
    /// <exception cref="RocketMqException">No name server answered.</exception>
    public Task<ChangePlan> ConfigureNameServersAsync(
        IReadOnlyDictionary<string, string> settings, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return PlanAsync(servers => Admin.NameServerSettings.change(servers, Settings(settings)), cancellationToken);
    }

    private static Microsoft.FSharp.Collections.FSharpList<Core.Protocol.Admin.Setting> Settings(
        IReadOnlyDictionary<string, string> settings) =>
        Microsoft.FSharp.Collections.ListModule.OfSeq(
            settings.Select(pair => new Core.Protocol.Admin.Setting(pair.Key, pair.Value)));

    private static Admin.BrokerScope Of(BrokerScope? scope) => (scope ?? BrokerScope.All).Inner;

    private async Task<ChangePlan> PlanAsync(
        Func<Microsoft.FSharp.Collections.FSharpList<Core.Endpoint>, Admin.Plan<Admin.Change>> plan,
        CancellationToken cancellationToken)
    {
        var servers = await _client.NameServersAsync(cancellationToken).ConfigureAwait(false);
        return new(await _client.RunAsync(plan(servers), cancellationToken).ConfigureAwait(false));
    }
}
