using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>Something that a consumer cannot do now.</summary>
public sealed class ConsumerProblem
{
    private readonly Core.ConsumerProblem _inner;

    private ConsumerProblem(Core.ConsumerProblem inner) => _inner = inner;

    /// <summary>What is not done: a queue that is not read, a topic that is not found, members of the group that are not known.</summary>
    public string What => _inner.What;

    /// <summary>Why, as the last attempt ended.</summary>
    public string Reason => _inner.Reason;

    /// <summary>How long it has been so.</summary>
    public TimeSpan Since => _inner.Since;

    /// <inheritdoc/>
    public override string ToString() => $"{What}: {Reason}";

    internal static IReadOnlyList<ConsumerProblem> From(IEnumerable<Core.ConsumerProblem> problems) =>
        [.. problems.Select(problem => new ConsumerProblem(problem))];
}
