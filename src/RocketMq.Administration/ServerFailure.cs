namespace RocketMq.Client.Administration;

/// <summary>A server that could not say what it was asked for, or did not do what it should.</summary>
/// <param name="Server">The broker or name server, with its address.</param>
/// <param name="Reason">Why, in one sentence or two.</param>
/// <param name="Exception">What a call to that server alone would have thrown.</param>
public sealed record ServerFailure(string Server, string Reason, Exception Exception)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Server}: {Reason}";

    internal static ServerFailure FromCore(Admin.ServerFailure failure) =>
        new(failure.Server, failure.Reason, failure.Error.ToException());

    internal static IReadOnlyList<ServerFailure> FromCore(IEnumerable<Admin.ServerFailure> failures) =>
        [.. failures.Select(FromCore)];
}
