using Microsoft.FSharp.Collections;

namespace RocketMq.Client.Administration;

/// <summary>What a rule is about.</summary>
public enum AccessAction
{
    /// <summary>A broker says what this library does not know.</summary>
    Unknown,

    /// <summary>All of those below.</summary>
    All,

    /// <summary>To send.</summary>
    Pub,

    /// <summary>To consume.</summary>
    Sub,

    /// <summary>To make what is not there.</summary>
    Create,

    /// <summary>To change what is there.</summary>
    Update,

    /// <summary>To delete.</summary>
    Delete,

    /// <summary>To look at one.</summary>
    Get,

    /// <summary>To look at all.</summary>
    List,
}

/// <summary>What a rule says.</summary>
public enum AccessDecision
{
    /// <summary>A broker says what this library does not know.</summary>
    Unknown,

    /// <summary>The subject may.</summary>
    Allow,

    /// <summary>The subject may not.</summary>
    Deny,
}

/// <summary>Which of a subject's two sets of rules a rule belongs to.</summary>
public enum AccessPolicy
{
    /// <summary>A broker says what this library does not know.</summary>
    Unknown,

    /// <summary>Looked at first.</summary>
    Custom,

    /// <summary>Counts where no custom rule does.</summary>
    Default,
}

/// <summary>What a subject may do with a resource, or may not.</summary>
/// <param name="Actions">What it is about.</param>
/// <param name="SourceIps">Addresses and networks; empty: from anywhere.</param>
/// <param name="Decision">Whether the subject may.</param>
public sealed record AccessRule(
    IReadOnlyList<AccessAction> Actions, IReadOnlyList<string> SourceIps, AccessDecision Decision)
{
    internal static AccessRule FromCore(Admin.AccessRule rule) => new(
        [.. rule.Actions.Select(Parse<AccessAction>)], [.. rule.SourceIps], Parse<AccessDecision>(rule.Decision));

    internal static T Parse<T>(string text) where T : struct, Enum =>
        Enum.TryParse<T>(text, ignoreCase: true, out var value) && Enum.IsDefined(value) ? value : default;
}

/// <summary>A rule and one of the brokers.</summary>
/// <param name="Subject">"User:name".</param>
/// <param name="Resource">"Topic:name", "Group:prefix*", "Cluster:*" or "*".</param>
/// <param name="Policy">Which of the subject's sets of rules it belongs to.</param>
/// <param name="Broker">The broker.</param>
/// <param name="Rule">The rule there; null if the broker does not have it.</param>
/// <param name="Differences">
/// What is not the same on all brokers: "actions", "source", "decision"; "missing" on a broker that does not have the rule.
/// </param>
public sealed record RuleOnBroker(
    string Subject,
    string Resource,
    AccessPolicy Policy,
    BrokerAddress Broker,
    AccessRule? Rule,
    IReadOnlyList<string> Differences);

/// <summary>Rules of brokers, side by side.</summary>
/// <param name="Rules">By subject, policy and resource, then by broker.</param>
/// <param name="NotSupported">Brokers of versions before 5.3.</param>
/// <param name="NotEnabled">Brokers whose settings leave it off.</param>
/// <param name="Failures">Brokers that did not answer, or refused.</param>
public sealed record AccessRuleList(
    IReadOnlyList<RuleOnBroker> Rules,
    IReadOnlyList<BrokerAddress> NotSupported,
    IReadOnlyList<BrokerAddress> NotEnabled,
    IReadOnlyList<ServerFailure> Failures)
{
    internal static AccessRuleList FromCore(Admin.AccessTable<Admin.RuleKey, Admin.AccessRule> table) => new(
        [.. table.Rows.Select(row => new RuleOnBroker(
            row.Key.Subject,
            row.Key.Resource,
            AccessRule.Parse<AccessPolicy>(row.Key.Policy),
            BrokerAddress.FromCore(row.Broker),
            row.Value is { Value: var rule } ? AccessRule.FromCore(rule) : null,
            [.. row.Differences]))],
        [.. table.NotSupported.Select(BrokerAddress.FromCore)],
        [.. table.NotEnabled.Select(BrokerAddress.FromCore)],
        ServerFailure.FromCore(table.Failures.Select(failure => failure.Item2)));
}

/// <summary>Users and rules that are not the same on all brokers.</summary>
/// <param name="Users">Each with all brokers, those too that have it as others do.</param>
/// <param name="Rules">Each with all brokers, those too that have it as others do.</param>
public sealed record AccessDifferences(AccessUserList Users, AccessRuleList Rules)
{
    /// <summary>Whether there are any. Brokers that did not answer may differ all the same.</summary>
    public bool Any => Users.Users.Count + Rules.Rules.Count > 0;
}

/// <summary>What is to be set of rules: what is null stays as it is, or becomes the default where the rule is new.</summary>
public sealed record RuleSettings
{
    /// <summary>One rule for each: "Topic:name", "Group:prefix*", "Cluster:*" or "*".</summary>
    public required IReadOnlyList<string> Resources { get; init; }

    /// <summary>What they are about. A new rule must have one.</summary>
    public IReadOnlyList<AccessAction>? Actions { get; init; }

    /// <summary>Addresses and networks, such as "10.0.0.0/8"; empty: from anywhere, which is the default.</summary>
    public IReadOnlyList<string>? SourceIps { get; init; }

    /// <summary>Default <see cref="AccessDecision.Allow"/>.</summary>
    public AccessDecision? Decision { get; init; }

    /// <summary>Default <see cref="AccessPolicy.Custom"/>.</summary>
    public AccessPolicy? Policy { get; init; }

    internal Admin.RuleSettings ToCore() => new(
        ListModule.OfSeq(Resources),
        Texts(Actions?.Select(action => action.ToString())),
        Texts(SourceIps),
        Values.Option(Decision?.ToString()),
        Values.Option(Policy?.ToString()));

    private static FSharpOption<FSharpList<string>>? Texts(IEnumerable<string>? texts) =>
        texts is null ? null : FSharpOption<FSharpList<string>>.Some(ListModule.OfSeq(texts));
}
