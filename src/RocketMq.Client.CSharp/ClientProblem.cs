namespace RocketMq.Client;

/// <summary>Something that a client cannot do now.</summary>
public sealed class ClientProblem
{
    private readonly Core.ClientProblem _inner;

    private ClientProblem(Core.ClientProblem inner) => _inner = inner;

    /// <summary>
    /// What is not done: a queue that is not read, a topic that is not found or cannot be sent to, members of the group that are not
    /// known, name servers that do not answer.
    /// </summary>
    public string What => _inner.What;

    /// <summary>Why, as the last attempt ended.</summary>
    public string Reason => _inner.Reason;

    /// <summary>How long it has been so.</summary>
    public TimeSpan Since => _inner.Since;

    /// <inheritdoc/>
    public override string ToString() => $"{What}: {Reason}";

    internal static IReadOnlyList<ClientProblem> From(IEnumerable<Core.ClientProblem> problems) =>
        [.. problems.Select(problem => new ClientProblem(problem))];

    internal static ClientProblem? From(FSharpOption<Core.ClientProblem>? problem) =>
        problem is null ? null : new ClientProblem(problem.Value);
}
