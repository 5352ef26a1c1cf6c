namespace RocketMq.Cap;

/// <summary>Headers of a CAP message that mean something to this transport.</summary>
public static class RocketMqHeaders
{
    /// <summary>
    /// Messages of a topic with the same value go to the same queue, and so keep their order while the number of queues stays.
    /// Such a message is tried once at its queue; CAP tries it again.
    /// </summary>
    public const string ShardingKey = "cap-rocketmq-sharding-key";

    /// <summary>When brokers are to deliver, in ms since 1970. It does not travel.</summary>
    internal const string DeliverAt = "cap-rocketmq-deliver-at";
}
