namespace RocketMq.Client.Administration;

/// <content>Access control: users and rules of 5.3, access files of 4.x.</content>
public sealed partial class AdminClient
{
    /// <summary>Users of all brokers, slaves too, with what is not the same everywhere. Needs 5.3.</summary>
    /// <param name="filter">Those whose name contains it; null: all.</param>
    /// <param name="scope">The brokers; null: all.</param>
    /// <param name="cancellationToken">Gives the call up.</param>
    /// <exception cref="RocketMqException">No broker knows users, or none answered.</exception>
    public async Task<AccessUserList> ListUsersAsync(
        string? filter = null, BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        AccessUserList.FromCore(await RunAsync(
            Admin.AccessUsers.list(Of(scope), Values.Option(filter)), cancellationToken).ConfigureAwait(false));

    /// <summary>One user as each broker has it. Needs 5.3.</summary>
    /// <exception cref="RocketMqException">There is no such user, no broker knows users, or none answered.</exception>
    public async Task<AccessUserList> DescribeUserAsync(
        string name, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        return AccessUserList.FromCore(await RunAsync(
            Admin.AccessUsers.describeOne(Of(scope), name), cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Rules of all brokers, slaves too, with what is not the same everywhere. Needs 5.3.</summary>
    /// <param name="subject">Those whose subject contains it; null: all.</param>
    /// <param name="resource">Those whose resource contains it; null: all.</param>
    /// <param name="scope">The brokers; null: all.</param>
    /// <param name="cancellationToken">Gives the call up.</param>
    /// <exception cref="RocketMqException">No broker knows rules, or none answered.</exception>
    public async Task<AccessRuleList> ListRulesAsync(
        string? subject = null,
        string? resource = null,
        BrokerScope? scope = null,
        CancellationToken cancellationToken = default) =>
        AccessRuleList.FromCore(await RunAsync(
            Admin.AccessRules.list(Of(scope), Values.Option(subject), Values.Option(resource)),
            cancellationToken).ConfigureAwait(false));

    /// <summary>The rules of one subject, "User:name" or a user's name alone, as each broker has them. Needs 5.3.</summary>
    /// <exception cref="RocketMqException">It has none, no broker knows rules, or none answered.</exception>
    public async Task<AccessRuleList> DescribeRulesAsync(
        string subject, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(subject);
        return AccessRuleList.FromCore(await RunAsync(
            Admin.AccessRules.describeOne(Of(scope), subject), cancellationToken).ConfigureAwait(false));
    }

    /// <summary>The users and rules that are not the same on all brokers. Needs 5.3.</summary>
    /// <exception cref="RocketMqException">No broker knows users, or none answered.</exception>
    public async Task<AccessDifferences> CompareUsersAndRulesAsync(
        BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        var found = await RunAsync(Admin.AccessSync.differences(Of(scope)), cancellationToken).ConfigureAwait(false);
        return new(AccessUserList.FromCore(found.Users), AccessRuleList.FromCore(found.Rules));
    }

    /// <summary>The access files of brokers of 4.x, with their versions.</summary>
    /// <exception cref="RocketMqException">No broker has access files, or none answered.</exception>
    public async Task<AccessFileList> ListAccessFilesAsync(
        BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        AccessFileList.FromCore(await RunAsync(Admin.AccessFiles.list(Of(scope)), cancellationToken).ConfigureAwait(false));

    /// <inheritdoc cref="ChangePlans.CreateUserAsync"/>
    /// <exception cref="AdministrationException">It was not carried out as a whole.</exception>
    public async Task<ChangeReport> CreateUserAsync(
        string name, UserSettings settings, BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        await DoAsync(Plans.CreateUserAsync(name, settings, scope, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="ChangePlans.UpdateUserAsync"/>
    /// <exception cref="AdministrationException">It was not carried out as a whole.</exception>
    public async Task<ChangeReport> UpdateUserAsync(
        string name, UserSettings settings, BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        await DoAsync(Plans.UpdateUserAsync(name, settings, scope, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="ChangePlans.DeleteUserAsync"/>
    /// <exception cref="AdministrationException">It was not carried out as a whole.</exception>
    public async Task<ChangeReport> DeleteUserAsync(
        string name, BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        await DoAsync(Plans.DeleteUserAsync(name, scope, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="ChangePlans.SetRulesAsync"/>
    /// <exception cref="AdministrationException">It was not carried out as a whole.</exception>
    public async Task<ChangeReport> SetRulesAsync(
        string subject, RuleSettings settings, BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        await DoAsync(Plans.SetRulesAsync(subject, settings, scope, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="ChangePlans.DeleteRulesAsync"/>
    /// <exception cref="AdministrationException">It was not carried out as a whole.</exception>
    public async Task<ChangeReport> DeleteRulesAsync(
        string subject,
        IReadOnlyList<string>? resources = null,
        AccessPolicy? policy = null,
        BrokerScope? scope = null,
        CancellationToken cancellationToken = default) =>
        await DoAsync(
            Plans.DeleteRulesAsync(subject, resources, policy, scope, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="ChangePlans.CopyUsersAndRulesAsync"/>
    /// <exception cref="AdministrationException">It was not carried out as a whole.</exception>
    public async Task<ChangeReport> CopyUsersAndRulesAsync(
        string sourceBroker, bool overwrite = false, BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        await DoAsync(
            Plans.CopyUsersAndRulesAsync(sourceBroker, overwrite, scope, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="ChangePlans.SetAccountAsync"/>
    /// <exception cref="AdministrationException">It was not carried out as a whole.</exception>
    public async Task<ChangeReport> SetAccountAsync(
        string accessKey, AccountSettings settings, BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        await DoAsync(Plans.SetAccountAsync(accessKey, settings, scope, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="ChangePlans.DeleteAccountAsync"/>
    /// <exception cref="AdministrationException">It was not carried out as a whole.</exception>
    public async Task<ChangeReport> DeleteAccountAsync(
        string accessKey, BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        await DoAsync(Plans.DeleteAccountAsync(accessKey, scope, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="ChangePlans.SetWhiteAddressesAsync"/>
    /// <exception cref="AdministrationException">It was not carried out as a whole.</exception>
    public async Task<ChangeReport> SetWhiteAddressesAsync(
        IReadOnlyList<string> addresses, BrokerScope? scope = null, CancellationToken cancellationToken = default) =>
        await DoAsync(Plans.SetWhiteAddressesAsync(addresses, scope, cancellationToken), cancellationToken).ConfigureAwait(false);
}
