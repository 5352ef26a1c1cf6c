namespace RocketMq.Client.Administration;

/// <summary>How a change as a whole ended.</summary>
public enum ChangeStatus
{
    /// <summary>All was written, and read again as it was written.</summary>
    CarriedOut,

    /// <summary>Some was written and some not, or what was read afterwards is not what was written.</summary>
    Partly,

    /// <summary>Nothing was written.</summary>
    Failed,
}

/// <summary>How a write ended.</summary>
public enum WriteOutcome
{
    /// <summary>The server took it.</summary>
    CarriedOut,

    /// <summary>The server refused it, or did not answer: then it may have carried it out.</summary>
    Failed,

    /// <summary>A write of an earlier stage failed.</summary>
    Skipped,
}

/// <summary>What became of one write.</summary>
/// <param name="Write">The write.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Failure">Why it failed; null otherwise.</param>
public sealed record WriteReport(PlannedWrite Write, WriteOutcome Outcome, ServerFailure? Failure)
{
    internal static WriteReport FromCore(Tuple<Admin.Write, Admin.WriteOutcome> write)
    {
        var planned = PlannedWrite.FromCore(write.Item1);

        return write.Item2 switch
        {
            Admin.WriteOutcome.Failed failed => new(
                planned,
                WriteOutcome.Failed,
                new(planned.Server, OptionModule.ToObj(failed.Reason) ?? failed.Item.Message, failed.Item.ToException())),
            var outcome => new(planned, outcome.IsSkipped ? WriteOutcome.Skipped : WriteOutcome.CarriedOut, null),
        };
    }
}

/// <summary>Something that was read again after a change.</summary>
/// <param name="Server">The server.</param>
/// <param name="What">What was read.</param>
/// <param name="Expected">What was written.</param>
/// <param name="Found">What stands there; null if it could not be read.</param>
public sealed record Verification(string Server, string What, string Expected, string? Found)
{
    /// <summary>Whether it is as it was written.</summary>
    public bool IsConfirmed => Found == Expected;
}

/// <summary>What became of a change.</summary>
public sealed class ChangeReport
{
    internal ChangeReport(Admin.ChangeResult result)
    {
        Plan = new(result.Change);
        Status = (ChangeStatus)(int)result.Status;
        Writes = [.. result.Writes.Select(WriteReport.FromCore)];
        Verifications = [.. result.Verifications.Select(one => new Verification(
            one.Server, one.What, one.Expected, OptionModule.ToObj(one.Found)))];
    }

    /// <summary>What was to be changed.</summary>
    public ChangePlan Plan { get; }

    /// <summary>How it ended as a whole.</summary>
    public ChangeStatus Status { get; }

    /// <summary>What became of each write.</summary>
    public IReadOnlyList<WriteReport> Writes { get; }

    /// <summary>What was read afterwards.</summary>
    public IReadOnlyList<Verification> Verifications { get; }

    internal IReadOnlyList<ServerFailure> Failures =>
        [.. Writes.Select(write => write.Failure).OfType<ServerFailure>()];

    /// <summary>Gives itself if all was carried out.</summary>
    /// <exception cref="AdministrationException">It was not; <see cref="AdministrationException.Report"/> is this.</exception>
    public ChangeReport EnsureCarriedOut() =>
        Status == ChangeStatus.CarriedOut ? this : throw new AdministrationException(this);

    /// <inheritdoc/>
    public override string ToString()
    {
        var problems = Writes
            .Where(write => write.Outcome != WriteOutcome.CarriedOut)
            .Select(write => write.Failure?.ToString() ?? $"{write.Write.Server}: not tried, as an earlier step failed.")
            .Concat(Verifications
                .Where(one => !one.IsConfirmed)
                .Select(one => $"{one.Server} {one.What}: {one.Expected} was written, {one.Found ?? "nothing could be read"} was read."));

        var outcome = Status switch
        {
            ChangeStatus.CarriedOut => "carried out",
            ChangeStatus.Partly => "carried out in part",
            _ => "not carried out",
        };

        return string.Join(' ', problems.Prepend($"{Plan.Summary}: {outcome}."));
    }
}
