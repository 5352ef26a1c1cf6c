namespace RocketMq.Client.Administration;

/// <summary>What a broker can be made to clean at once, which it does by itself at its hours.</summary>
public enum CleanTarget
{
    /// <summary>The index of messages that are gone.</summary>
    ExpiredQueues,

    /// <summary>The files of messages that are older than they are stored for. It needs brokers of 4.9.4 or later.</summary>
    ExpiredLog,

    /// <summary>The index of messages whose topics were deleted.</summary>
    UnusedTopics,
}
