using Microsoft.FSharp.Collections;

namespace RocketMq.Client.Administration;

/// <content>Access control. Each broker has its own, slaves too, and none passes it on.</content>
public sealed partial class ChangePlans
{
    /// <summary>Makes a user on all brokers of a scope, slaves too. It must not be on any of them. Needs 5.3.</summary>
    /// <exception cref="RocketMqException">It is there already, no broker knows users, or one did not answer.</exception>
    public Task<ChangePlan> CreateUserAsync(
        string name, UserSettings settings, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(settings);
        return PlanAsync(_ => Admin.UserChanges.create(Of(scope), name, settings.ToCore()), cancellationToken);
    }

    /// <summary>Changes what is named on all brokers of a scope that have the user, and leaves the rest. Needs 5.3.</summary>
    /// <exception cref="RocketMqException">None of them has it, or a broker did not answer.</exception>
    public Task<ChangePlan> UpdateUserAsync(
        string name, UserSettings settings, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(settings);
        return PlanAsync(_ => Admin.UserChanges.update(Of(scope), name, settings.ToCore()), cancellationToken);
    }

    /// <summary>Deletes a user with its rules. The plan warns where no other super user would be left. Needs 5.3.</summary>
    /// <exception cref="RocketMqException">There is none, or a broker did not answer.</exception>
    public Task<ChangePlan> DeleteUserAsync(
        string name, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        return PlanAsync(_ => Admin.UserChanges.delete(Of(scope), name), cancellationToken);
    }

    /// <summary>
    /// Sets rules of a subject, one for each resource, on all brokers that have its user. What is not named of a rule stays as it is on
    /// that broker, and so do rules for other resources. Needs 5.3.
    /// </summary>
    /// <param name="subject">"User:name", or a user's name alone.</param>
    /// <param name="settings">What is to be set.</param>
    /// <param name="scope">The brokers; null: all.</param>
    /// <param name="cancellationToken">Gives the call up.</param>
    /// <exception cref="RocketMqException">No broker has the user, the settings are none, or a broker did not answer.</exception>
    public Task<ChangePlan> SetRulesAsync(
        string subject, RuleSettings settings, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(subject);
        ArgumentNullException.ThrowIfNull(settings);
        return PlanAsync(_ => Admin.RuleChanges.set(Of(scope), subject, settings.ToCore()), cancellationToken);
    }

    /// <summary>Deletes rules of a subject. Needs 5.3.</summary>
    /// <param name="subject">"User:name", or a user's name alone.</param>
    /// <param name="resources">Those for these resources alone; null or empty: all.</param>
    /// <param name="policy">Those of one policy; null: of both.</param>
    /// <param name="scope">The brokers; null: all.</param>
    /// <param name="cancellationToken">Gives the call up.</param>
    /// <exception cref="RocketMqException">There are none, or a broker did not answer.</exception>
    public Task<ChangePlan> DeleteRulesAsync(
        string subject,
        IReadOnlyList<string>? resources = null,
        AccessPolicy? policy = null,
        BrokerScope? scope = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(subject);

        return PlanAsync(
            _ => Admin.RuleChanges.delete(
                Of(scope), subject, ListModule.OfSeq(resources ?? []), Values.Option(policy?.ToString())),
            cancellationToken);
    }

    /// <summary>
    /// Writes to all other brokers of a scope what they lack of the users and rules of one. Nothing is deleted. Needs 5.3.
    /// </summary>
    /// <param name="sourceBroker">The broker to copy from: a master by its name, any by its address.</param>
    /// <param name="overwrite">Also what is there and is another one. Else the plan warns of it.</param>
    /// <param name="scope">The brokers; null: all.</param>
    /// <param name="cancellationToken">Gives the call up.</param>
    /// <exception cref="RocketMqException">There is no such broker, or one did not answer.</exception>
    public Task<ChangePlan> CopyUsersAndRulesAsync(
        string sourceBroker, bool overwrite = false, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sourceBroker);
        return PlanAsync(_ => Admin.AccessSync.change(Of(scope), sourceBroker, overwrite), cancellationToken);
    }

    /// <summary>Makes or changes an account of the access files of 4.x, on all brokers of a scope. What it was before cannot be read.</summary>
    /// <exception cref="RocketMqException">The settings are none, no broker has access files, or one did not answer.</exception>
    public Task<ChangePlan> SetAccountAsync(
        string accessKey, AccountSettings settings, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(accessKey);
        ArgumentNullException.ThrowIfNull(settings);
        return PlanAsync(_ => Admin.AccessFiles.set(Of(scope), accessKey, settings.ToCore()), cancellationToken);
    }

    /// <summary>Deletes an account of the access files of 4.x. A broker that does not have it refuses when this is carried out.</summary>
    /// <exception cref="RocketMqException">No broker has access files, or one did not answer.</exception>
    public Task<ChangePlan> DeleteAccountAsync(
        string accessKey, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(accessKey);
        return PlanAsync(_ => Admin.AccessFiles.delete(Of(scope), accessKey), cancellationToken);
    }

    /// <summary>Sets the addresses that need no account, in place of those that there are, in the access files of 4.x.</summary>
    /// <exception cref="RocketMqException">No address is named, no broker has access files, or one did not answer.</exception>
    public Task<ChangePlan> SetWhiteAddressesAsync(
        IReadOnlyList<string> addresses, BrokerScope? scope = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        return PlanAsync(_ => Admin.AccessFiles.setWhiteAddresses(Of(scope), ListModule.OfSeq(addresses)), cancellationToken);
    }
}
