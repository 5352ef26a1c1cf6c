namespace RocketMq.Client.Administration;

/// <summary>What a topic is for, by its name.</summary>
public enum TopicKind
{
    /// <summary>The application's.</summary>
    Normal,

    /// <summary>Messages that a group handles again.</summary>
    Retry,

    /// <summary>Messages that a group has given up.</summary>
    DeadLetter,

    /// <summary>The brokers' own.</summary>
    System,
}

/// <summary>A topic in a list.</summary>
/// <param name="Topic">Its name.</param>
/// <param name="Kind">What it is for.</param>
/// <param name="Brokers">On how many masters it is; null if queues were not asked for.</param>
/// <param name="ReadQueues">Of all masters together; null if queues were not asked for.</param>
/// <param name="WriteQueues">Of all masters together; null if queues were not asked for.</param>
public sealed record TopicSummary(string Topic, TopicKind Kind, int? Brokers, int? ReadQueues, int? WriteQueues);

/// <summary>All topics of a scope.</summary>
/// <param name="Topics">By name.</param>
/// <param name="Failures">Brokers that did not say; their topics may be missing.</param>
public sealed record TopicList(IReadOnlyList<TopicSummary> Topics, IReadOnlyList<ServerFailure> Failures)
{
    internal static TopicList FromCore(Admin.TopicList list) => new(
        [.. list.Topics.Select(one => new TopicSummary(
            one.Topic,
            (TopicKind)(int)one.Kind,
            OptionModule.ToNullable(one.Brokers),
            OptionModule.ToNullable(one.ReadQueues),
            OptionModule.ToNullable(one.WriteQueues)))],
        ServerFailure.FromCore(list.Failures));
}
