namespace RocketMq.Client.Administration;

/// <summary>How bad something is that a check has found.</summary>
public enum FindingLevel
{
    /// <summary>It is as it should be.</summary>
    Good,

    /// <summary>It should be looked at.</summary>
    Warning,

    /// <summary>Something does not work.</summary>
    Bad,

    /// <summary>It could not be looked at.</summary>
    Unknown,
}

/// <summary>One thing that a check has looked at.</summary>
/// <param name="Level">How bad it is.</param>
/// <param name="Subject">The broker, topic or cluster.</param>
/// <param name="Text">What was found, and what to do about it.</param>
public sealed record Finding(FindingLevel Level, string Subject, string Text)
{
    internal static Finding FromCore(Admin.Finding finding) =>
        new((FindingLevel)(int)finding.Level, finding.Subject, finding.Text);
}
