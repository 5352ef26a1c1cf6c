namespace RocketMq.Client.Administration;

/// <summary>What a user may do without a rule.</summary>
public enum UserType
{
    /// <summary>A broker says what this library does not know.</summary>
    Unknown,

    /// <summary>Nothing: what rules allow.</summary>
    Normal,

    /// <summary>Everything, whatever rules say.</summary>
    Super,
}

/// <summary>Whether a user may do anything at all.</summary>
public enum UserStatus
{
    /// <summary>A broker says what this library does not know.</summary>
    Unknown,

    /// <summary>As its type and its rules say.</summary>
    Enabled,

    /// <summary>It may not.</summary>
    Disabled,
}

/// <summary>A user as a broker has it. The password is not here.</summary>
/// <param name="Name">Its name, which is the access key of clients.</param>
/// <param name="Type">What it may do without a rule.</param>
/// <param name="Status">Whether it may do anything at all.</param>
public sealed record AccessUser(string Name, UserType Type, UserStatus Status);

/// <summary>A user and one of the brokers.</summary>
/// <param name="Name">The user's name.</param>
/// <param name="Broker">The broker.</param>
/// <param name="User">The user there; null if the broker does not have it.</param>
/// <param name="Differences">
/// What is not the same on all brokers: "type", "status", "password"; "missing" on a broker that does not have the user.
/// </param>
public sealed record UserOnBroker(string Name, BrokerAddress Broker, AccessUser? User, IReadOnlyList<string> Differences);

/// <summary>Users of brokers, side by side.</summary>
/// <param name="Users">By name, then by broker.</param>
/// <param name="NotSupported">Brokers of versions before 5.3.</param>
/// <param name="NotEnabled">Brokers whose settings leave it off.</param>
/// <param name="Failures">Brokers that did not answer, or refused.</param>
public sealed record AccessUserList(
    IReadOnlyList<UserOnBroker> Users,
    IReadOnlyList<BrokerAddress> NotSupported,
    IReadOnlyList<BrokerAddress> NotEnabled,
    IReadOnlyList<ServerFailure> Failures)
{
    internal static AccessUserList FromCore(Admin.AccessTable<string, Admin.AccessUser> table) => new(
        [.. table.Rows.Select(row => new UserOnBroker(
            row.Key,
            BrokerAddress.FromCore(row.Broker),
            row.Value is { Value: var user } ? new(user.Name, (UserType)(int)user.Type, (UserStatus)(int)user.Status) : null,
            [.. row.Differences]))],
        [.. table.NotSupported.Select(BrokerAddress.FromCore)],
        [.. table.NotEnabled.Select(BrokerAddress.FromCore)],
        ServerFailure.FromCore(table.Failures.Select(failure => failure.Item2)));
}

/// <summary>
/// What is to be set of a user: what is null stays as it is, or becomes the default where the user is new. Its text does not show the
/// password.
/// </summary>
public sealed record UserSettings
{
    /// <summary>What the user signs requests with. A new user must have one.</summary>
    public string? Password { get; init; }

    /// <summary>Default <see cref="UserType.Normal"/>. Only a super user may make, change or delete another.</summary>
    public UserType? Type { get; init; }

    /// <summary>Default <see cref="UserStatus.Enabled"/>.</summary>
    public UserStatus? Status { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{nameof(UserSettings)} {{ Type = {Type}, Status = {Status} }}";

    internal Admin.UserSettings ToCore() => new(
        Values.Option(Password),
        Type is { } type ? FSharpOption<Admin.UserType>.Some((Admin.UserType)(int)type) : null,
        Status is { } status ? FSharpOption<Admin.UserStatus>.Some((Admin.UserStatus)(int)status) : null);
}
