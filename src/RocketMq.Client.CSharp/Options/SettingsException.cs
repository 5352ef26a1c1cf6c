namespace RocketMq.Client;

/// <summary>Settings that were given as texts are unknown, or make no sense. Nothing has been changed.</summary>
public sealed class SettingsException : ArgumentException
{
    internal SettingsException(IReadOnlyList<string> problems, string parameter)
        : base(string.Join("; ", problems), parameter) => Problems = problems;

    /// <summary>
    /// All that is wrong: each begins with the setting's name, or with "setting" and its number where the text cannot be taken apart, and
    /// ": ". Secrets are not shown.
    /// </summary>
    public IReadOnlyList<string> Problems { get; }
}
