namespace RocketMq.Client;

/// <summary>One queue of a topic.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="BrokerName">The name that the brokers which hold it share.</param>
/// <param name="QueueId">Its number on that broker, counting from 0.</param>
public sealed record MessageQueue(string Topic, string BrokerName, int QueueId)
{
    internal static MessageQueue FromCore(Core.MessageQueue queue) => new(queue.Topic, queue.BrokerName, queue.QueueId);

    internal Core.MessageQueue ToCore() => new(Topic, BrokerName, QueueId);
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
/// <param name="QueueOffset">
/// Its offset there, counting from 0. Of a message that brokers hold back: its offset in a queue of the broker's own.
/// </param>
/// <param name="MessageId">The unique id that the sender gave it. Consumers see the same.</param>
/// <param name="OffsetId">The broker's id of the place it is stored at.</param>
/// <param name="Attempts">How often it was sent. If more than once, it may be stored more than once.</param>
/// <param name="RecallHandle">
/// Of a timed message, since 5.3: what <see cref="Producer.RecallAsync"/> takes it back by; else null.
/// </param>
public sealed record SendReceipt(
    SendStatus Status,
    MessageQueue Queue,
    long QueueOffset,
    string MessageId,
    string OffsetId,
    int Attempts,
    string? RecallHandle = null)
{
    internal static SendReceipt FromCore(Core.SendReceipt receipt) => new(
        FromCore(receipt.Status),
        MessageQueue.FromCore(receipt.Queue),
        receipt.QueueOffset,
        receipt.UniqueId,
        receipt.OffsetId,
        receipt.Attempts,
        OptionModule.ToObj(receipt.RecallHandle));

    internal Core.SendReceipt ToCore() => new(
        ToCore(Status),
        Queue.ToCore(),
        QueueOffset,
        MessageId,
        OffsetId,
        RecallHandle is null ? null : FSharpOption<string>.Some(RecallHandle),
        Attempts);

    private static SendStatus FromCore(Core.SendStatus status) => status switch
    {
        { IsFlushDiskTimedOut: true } => SendStatus.FlushDiskTimeout,
        { IsFlushSlaveTimedOut: true } => SendStatus.FlushSlaveTimeout,
        { IsSlaveNotAvailable: true } => SendStatus.SlaveNotAvailable,
        _ => SendStatus.Ok,
    };

    private static Core.SendStatus ToCore(SendStatus status) => status switch
    {
        SendStatus.FlushDiskTimeout => Core.SendStatus.FlushDiskTimedOut,
        SendStatus.FlushSlaveTimeout => Core.SendStatus.FlushSlaveTimedOut,
        SendStatus.SlaveNotAvailable => Core.SendStatus.SlaveNotAvailable,
        _ => Core.SendStatus.SendOk,
    };
}
