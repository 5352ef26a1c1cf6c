namespace RocketMq.Client.Administration;

/// <summary>Why an action of an administrator has no result.</summary>
public enum AdministrationProblem
{
    /// <summary>There is no such cluster, broker, topic, group or queue. The message names those that there are.</summary>
    NotFound,

    /// <summary>The arguments make no sense.</summary>
    Invalid,

    /// <summary>It must not be done as things are; the message says what to do instead.</summary>
    NotAllowed,

    /// <summary>The brokers do not know the request.</summary>
    NotSupported,

    /// <summary>Every server that was asked failed, or one without whose answer nothing may be written.</summary>
    Failed,

    /// <summary>Some of it was written and some not, or what was read afterwards is not what was written.</summary>
    Incomplete,
}

/// <summary>
/// An action of an administrator that has no result. Where servers failed, <see cref="Failures"/> says each, and
/// <see cref="Exception.InnerException"/> is the exception of the first.
/// </summary>
public sealed class AdministrationException : RocketMqException
{
    internal AdministrationException(
        AdministrationProblem problem, string message, IReadOnlyList<ServerFailure> failures, Core.RemotingError? cause)
        : base(message, cause)
    {
        Problem = problem;
        Failures = failures;
    }

    internal AdministrationException(ChangeReport report)
        : this(AdministrationProblem.Incomplete, report.ToString(), report.Failures, null) => Report = report;

    /// <summary>Why.</summary>
    public AdministrationProblem Problem { get; }

    /// <summary>Servers that did not answer, or refused.</summary>
    public IReadOnlyList<ServerFailure> Failures { get; }

    /// <summary>What became of a change that was not carried out as a whole; null of any other action.</summary>
    public ChangeReport? Report { get; }

    internal static AdministrationException FromCore(Admin.AdminError error)
    {
        var failures = error switch
        {
            Admin.AdminError.Failed failed => failed.failures,
            Admin.AdminError.NotFound missing => missing.failures,
            _ => Microsoft.FSharp.Collections.FSharpList<Admin.ServerFailure>.Empty,
        };

        var problem = error switch
        {
            Admin.AdminError.NotFound => AdministrationProblem.NotFound,
            Admin.AdminError.Invalid => AdministrationProblem.Invalid,
            Admin.AdminError.NotAllowed => AdministrationProblem.NotAllowed,
            Admin.AdminError.NotSupported => AdministrationProblem.NotSupported,
            _ => AdministrationProblem.Failed,
        };

        return new(
            problem,
            error.Message,
            ServerFailure.FromCore(failures),
            failures.IsEmpty ? null : failures.Head.Error);
    }
}
