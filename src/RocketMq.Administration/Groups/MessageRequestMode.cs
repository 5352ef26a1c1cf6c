namespace RocketMq.Client.Administration;

/// <summary>How messages of a topic come to a group. Since 5.0.</summary>
public enum MessageRequestMode
{
    /// <summary>Each queue is pulled by one member.</summary>
    Pull,

    /// <summary>Members pop from queues that they share.</summary>
    Pop,
}
