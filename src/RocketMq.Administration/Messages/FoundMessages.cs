namespace RocketMq.Client.Administration;

/// <summary>Messages that were found.</summary>
/// <param name="Messages">By the time at which they were stored.</param>
/// <param name="Failures">Servers that could not say whether they have any.</param>
public sealed record FoundMessages(IReadOnlyList<ReceivedMessage> Messages, IReadOnlyList<ServerFailure> Failures)
{
    internal static FoundMessages FromCore(Admin.FoundMessages found, Core.BodyCodecs codecs) => new(
        [.. found.Messages.Select(message => ReceivedMessage.FromCore(message, codecs))],
        ServerFailure.FromCore(found.Failures));
}

/// <summary>How many messages a group has given up.</summary>
/// <param name="Group">The group.</param>
/// <param name="Topic">Where they are.</param>
/// <param name="Messages">How many; null: unknown.</param>
/// <param name="LastTime">When the last one came; null: unknown, or there is none.</param>
/// <param name="Failures">Servers that did not say.</param>
public sealed record DeadLetterCount(
    string Group, string Topic, long? Messages, DateTimeOffset? LastTime, IReadOnlyList<ServerFailure> Failures)
{
    internal static DeadLetterCount FromCore(Admin.DeadLetterCount count) => new(
        count.Group,
        count.Topic,
        OptionModule.ToNullable(count.Messages),
        Values.Time(count.LastMillis),
        ServerFailure.FromCore(count.Failures));
}

/// <summary>Where dead letters are sent again.</summary>
public enum ReplayTarget
{
    /// <summary>The retry topic of the group that has given them up: no other group gets them.</summary>
    OwnGroup,

    /// <summary>The topic that they came from: every group that consumes it gets them.</summary>
    OriginTopic,
}
