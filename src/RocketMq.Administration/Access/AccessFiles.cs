using System.Globalization;
using Microsoft.FSharp.Collections;

namespace RocketMq.Client.Administration;

/// <summary>A file of accounts on a broker of 4.x. Brokers say nothing of the accounts in it.</summary>
/// <param name="Broker">The broker.</param>
/// <param name="Path">Where it is on the broker's machine.</param>
/// <param name="Changes">How often requests have changed it; null if the broker does not say.</param>
/// <param name="ChangedAt">When it was changed last; null if the broker does not say.</param>
public sealed record AccessFile(BrokerAddress Broker, string Path, long? Changes, DateTimeOffset? ChangedAt);

/// <summary>The files of accounts of brokers.</summary>
/// <param name="Files">By broker, then by path.</param>
/// <param name="NotSupported">Brokers of versions that have no such files.</param>
/// <param name="NotEnabled">Brokers whose settings leave them off.</param>
/// <param name="Failures">Brokers that did not answer, or refused.</param>
public sealed record AccessFileList(
    IReadOnlyList<AccessFile> Files,
    IReadOnlyList<BrokerAddress> NotSupported,
    IReadOnlyList<BrokerAddress> NotEnabled,
    IReadOnlyList<ServerFailure> Failures)
{
    internal static AccessFileList FromCore(Admin.AccessAnswers<FSharpList<Admin.AccessFile>> answers) => new(
        [.. answers.Answers.SelectMany(answer => answer.Item2.Select(file => new AccessFile(
            BrokerAddress.FromCore(answer.Item1),
            file.Path,
            OptionModule.ToNullable(file.Counter),
            Values.Time(file.ChangedAtMillis))))],
        [.. answers.NotSupported.Select(BrokerAddress.FromCore)],
        [.. answers.NotEnabled.Select(BrokerAddress.FromCore)],
        ServerFailure.FromCore(answers.Failures.Select(failure => failure.Item2)));
}

/// <summary>What an account of 4.x may do with a topic, or as a group.</summary>
[Flags]
public enum AccountPermissions
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>To send.</summary>
    Pub = 1,

    /// <summary>To consume.</summary>
    Sub = 2,
}

/// <summary>
/// What is to be set of an account of 4.x: what is null stays as it is. Brokers set the secret key, and whether it is an administrator's,
/// with every change. Its text does not show the secret key.
/// </summary>
public sealed record AccountSettings
{
    /// <summary>What the account signs requests with. 7 characters at least.</summary>
    public required string SecretKey { get; init; }

    /// <summary>Whether it may do everything. Default false, also for an account that is there.</summary>
    public bool IsAdmin { get; init; }

    /// <summary>Addresses that need no signature to use the account, such as "10.0.0.*".</summary>
    public string? WhiteRemoteAddress { get; init; }

    /// <summary>What it may do with topics that are not named.</summary>
    public AccountPermissions? DefaultTopicPermissions { get; init; }

    /// <summary>What it may do as groups that are not named.</summary>
    public AccountPermissions? DefaultGroupPermissions { get; init; }

    /// <summary>By topic, in place of all that there are. Null or empty: those stay.</summary>
    public IReadOnlyDictionary<string, AccountPermissions>? TopicPermissions { get; init; }

    /// <summary>By group, in place of all that there are. Null or empty: those stay.</summary>
    public IReadOnlyDictionary<string, AccountPermissions>? GroupPermissions { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{nameof(AccountSettings)} {{ IsAdmin = {IsAdmin} }}";

    internal Admin.AccountSettings ToCore() => new(
        SecretKey,
        IsAdmin,
        Values.Option(WhiteRemoteAddress),
        Values.Option(DefaultTopicPermissions is { } topics ? Text(topics) : null),
        Values.Option(DefaultGroupPermissions is { } groups ? Text(groups) : null),
        Entries(TopicPermissions),
        Entries(GroupPermissions));

    private static FSharpList<string> Entries(IReadOnlyDictionary<string, AccountPermissions>? permissions) =>
        ListModule.OfSeq((permissions ?? new Dictionary<string, AccountPermissions>())
            .Select(pair => $"{pair.Key}={Text(pair.Value)}"));

    private static string Text(AccountPermissions permissions) => permissions switch
    {
        AccountPermissions.None => "DENY",
        AccountPermissions.Pub => "PUB",
        AccountPermissions.Sub => "SUB",
        AccountPermissions.Pub | AccountPermissions.Sub => "PUB|SUB",
        _ => ((int)permissions).ToString(CultureInfo.InvariantCulture),
    };
}
