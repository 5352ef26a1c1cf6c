using Core = RocketMq.Protocol;

namespace RocketMq.Client;

/// <summary>One queue of a topic.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="BrokerName">The name that the brokers which hold it share.</param>
/// <param name="QueueId">Its number on that broker, counting from 0.</param>
public sealed record MessageQueue(string Topic, string BrokerName, int QueueId)
{
    internal static MessageQueue FromCore(Core.MessageQueue queue) => new(queue.Topic, queue.BrokerName, queue.QueueId);
}

/// <summary>How far a message had come when its broker answered. In every case it is stored on the master.</summary>
public enum SendStatus
{
    /// <summary>As safe as the broker is set up to make it. With the default settings that is: in memory.</summary>
    Ok,

    /// <summary>The disk did not confirm in time.</summary>
    FlushDiskTimeout,

    /// <summary>The slave did not confirm in time.</summary>
    FlushSlaveTimeout,

    /// <summary>There is no slave that could have.</summary>
    SlaveNotAvailable,
}

/// <summary>What is known of a message that a broker has stored.</summary>
/// <param name="Status">How safely.</param>
/// <param name="Queue">Where it is.</param>
/// <param name="QueueOffset">Its position there, counting from 0.</param>
/// <param name="MessageId">The unique id that the sender gave it. Consumers see the same.</param>
/// <param name="OffsetId">The broker's id of the place it is stored at.</param>
/// <param name="Attempts">How often it was sent. If more than once, it may be stored more than once.</param>
public sealed record SendReceipt(
    SendStatus Status,
    MessageQueue Queue,
    long QueueOffset,
    string MessageId,
    string OffsetId,
    int Attempts)
{
    internal static SendReceipt FromCore(Core.SendReceipt receipt) => new(
        FromCore(receipt.Status),
        MessageQueue.FromCore(receipt.Queue),
        receipt.QueueOffset,
        receipt.UniqueId,
        receipt.OffsetId,
        receipt.Attempts);

    private static SendStatus FromCore(Core.SendStatus status) => status switch
    {
        { IsFlushDiskTimedOut: true } => SendStatus.FlushDiskTimeout,
        { IsFlushSlaveTimedOut: true } => SendStatus.FlushSlaveTimeout,
        { IsSlaveNotAvailable: true } => SendStatus.SlaveNotAvailable,
        _ => SendStatus.Ok,
    };
}
