namespace RocketMq.Client.Administration;

/// <summary>What is to be set of a group: what is null stays as it is, or becomes the default where the group is new.</summary>
public sealed record GroupSettings
{
    /// <summary>Whether it may consume at all. Default true.</summary>
    public bool? IsConsumeEnabled { get; init; }

    /// <summary>Whether its members may broadcast. Default true.</summary>
    public bool? IsBroadcastEnabled { get; init; }

    /// <summary>Whether a queue without a committed offset is read from its first message. Default true.</summary>
    public bool? IsConsumeFromMinEnabled { get; init; }

    /// <summary>Since 5.0. Default false.</summary>
    public bool? IsOrderly { get; init; }

    /// <summary>Queues of its retry topic. Default 1.</summary>
    public int? RetryQueues { get; init; }

    /// <summary>How often a message is handled again before it is a dead letter. Default 16.</summary>
    public int? RetryMaxTimes { get; init; }

    /// <summary>Whether members are notified of each other. Default true.</summary>
    public bool? NotifiesMembers { get; init; }

    internal Admin.GroupSettings ToCore() => new(
        Values.Option(IsConsumeEnabled),
        Values.Option(IsBroadcastEnabled),
        Values.Option(IsConsumeFromMinEnabled),
        Values.Option(IsOrderly),
        Values.Option(RetryQueues),
        Values.Option(RetryMaxTimes),
        Values.Option(NotifiesMembers));
}
