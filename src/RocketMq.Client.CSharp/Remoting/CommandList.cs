namespace RocketMq.Client;

/// <summary>Commands counted by what they are.</summary>
/// <param name="Requests">Requests that want an answer.</param>
/// <param name="OneWays">Requests that must not be answered.</param>
/// <param name="Responses">Answers.</param>
/// <param name="Refusals">Answers that do not say success.</param>
/// <param name="BodyBytes">The size of all bodies.</param>
/// <param name="ByCode">Requests by code.</param>
public sealed record CommandStats(
    int Requests,
    int OneWays,
    int Responses,
    int Refusals,
    long BodyBytes,
    IReadOnlyDictionary<RequestCode, int> ByCode);

/// <summary>Looking through many commands.</summary>
public static class CommandList
{
    /// <summary>Those that name a topic.</summary>
    public static IReadOnlyList<Command> OfTopic(this IEnumerable<Command> commands, string topic) =>
        [.. commands.Where(command => string.Equals(command.Topic, topic, StringComparison.Ordinal))];

    /// <summary>Those that name a group.</summary>
    public static IReadOnlyList<Command> OfGroup(this IEnumerable<Command> commands, string group) =>
        [.. commands.Where(command => string.Equals(command.Group, group, StringComparison.Ordinal))];

    /// <summary>Counts them.</summary>
    public static CommandStats Stats(this IEnumerable<Command> commands)
    {
        var stats = Core.Protocol.Commands.stats(commands.Select(command => command.Inner));
        return new(
            stats.Requests,
            stats.OneWays,
            stats.Responses,
            stats.Refusals,
            stats.BodyBytes,
            stats.ByCode.ToDictionary(pair => (RequestCode)(int)pair.Key, pair => pair.Value));
    }

    /// <summary>All of them as one JSON list, see <see cref="Command.ToJson"/>.</summary>
    public static string ToJson(this IEnumerable<Command> commands) =>
        Core.Protocol.Commands.listToJson(ListModule.OfSeq(commands.Select(command => command.Inner)));
}
