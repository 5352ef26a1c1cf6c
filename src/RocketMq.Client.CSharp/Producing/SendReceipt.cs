namespace RocketMq.Client;

/// <summary>One queue of a topic.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="BrokerName">The name that the brokers which hold it share. Of a static topic <c>__syslo__global__</c>: the route says where the queue is.</param>
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

/// <summary>What is known of a message that a broker has stored. Texts are made when they are read.</summary>
public sealed record SendReceipt
{
    private readonly Core.SendReceipt? _core;
    private readonly MessageQueue? _queue;
    private readonly string? _messageId;
    private readonly string? _offsetId;

    /// <summary>A receipt as a broker could have given it, for tests, and for interceptors that do not send.</summary>
    /// <param name="Status">How safely.</param>
    /// <param name="Queue">Where it is.</param>
    /// <param name="QueueOffset">Its offset there, counting from 0.</param>
    /// <param name="MessageId">The unique id that the sender gave it.</param>
    /// <param name="OffsetId">The broker's id of the place it is stored at.</param>
    /// <param name="Attempts">How often it was sent.</param>
    /// <param name="RecallHandle">Of a timed message, since 5.3: what recalls it; else null.</param>
    /// <exception cref="ArgumentNullException">The queue or an id is null.</exception>
    public SendReceipt(
        SendStatus Status,
        MessageQueue Queue,
        long QueueOffset,
        string MessageId,
        string OffsetId,
        int Attempts,
        string? RecallHandle = null)
    {
        ArgumentNullException.ThrowIfNull(Queue);
        ArgumentNullException.ThrowIfNull(MessageId);
        ArgumentNullException.ThrowIfNull(OffsetId);
        (_queue, _messageId, _offsetId) = (Queue, MessageId, OffsetId);
        (this.Status, this.QueueOffset, this.Attempts, this.RecallHandle) = (Status, QueueOffset, Attempts, RecallHandle);
    }

    private SendReceipt(Core.SendReceipt core)
    {
        _core = core;
        Status = FromCore(core.Status);
        QueueOffset = core.QueueOffset;
        Attempts = core.Attempts;
        RecallHandle = OptionModule.ToObj(core.RecallHandle);
    }

    /// <summary>How safely.</summary>
    public SendStatus Status { get; init; }

    /// <summary>Where it is.</summary>
    public MessageQueue Queue
    {
        get => _queue ?? MessageQueue.FromCore(_core!.Queue);
        init => _queue = value;
    }

    /// <summary>
    /// Its offset there, counting from 0. Of a message that brokers hold back: its offset in a queue of the broker's own.
    /// </summary>
    public long QueueOffset { get; init; }

    /// <summary>The unique id that the sender gave it. Consumers see the same.</summary>
    public string MessageId
    {
        get => _messageId ?? _core!.UniqueId;
        init => _messageId = value;
    }

    /// <summary>The broker's id of the place it is stored at.</summary>
    public string OffsetId
    {
        get => _offsetId ?? _core!.OffsetId;
        init => _offsetId = value;
    }

    /// <summary>How often it was sent. If more than once, it may be stored more than once.</summary>
    public int Attempts { get; init; }

    /// <summary>Of a timed message, since 5.3: what <see cref="Producer.RecallAsync"/> takes it back by; else null.</summary>
    public string? RecallHandle { get; init; }

    /// <summary>Whether both say the same.</summary>
    public bool Equals(SendReceipt? other) =>
        other is not null
        && (Status, QueueOffset, Attempts, RecallHandle) == (other.Status, other.QueueOffset, other.Attempts, other.RecallHandle)
        && Queue == other.Queue
        && (MessageId, OffsetId) == (other.MessageId, other.OffsetId);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Queue, QueueOffset, MessageId, Attempts);

    /// <summary>All that it says.</summary>
    public void Deconstruct(
        out SendStatus Status,
        out MessageQueue Queue,
        out long QueueOffset,
        out string MessageId,
        out string OffsetId,
        out int Attempts,
        out string? RecallHandle)
    {
        (Status, Queue, QueueOffset) = (this.Status, this.Queue, this.QueueOffset);
        (MessageId, OffsetId, Attempts, RecallHandle) = (this.MessageId, this.OffsetId, this.Attempts, this.RecallHandle);
    }

    internal static SendReceipt FromCore(Core.SendReceipt receipt) => new(receipt);

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
