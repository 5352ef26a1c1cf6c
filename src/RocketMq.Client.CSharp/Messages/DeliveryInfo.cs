using System.Net;

namespace RocketMq.Client;

/// <summary>
/// What a broker adds to a message, for messages that a test makes: see <see cref="ReceivedMessage.Create"/>. All of it has defaults.
/// </summary>
public sealed class DeliveryInfo
{
    /// <summary>Where it was read from. Default queue 0 of the message's topic at "broker-a".</summary>
    public MessageQueue? Queue { get; init; }

    /// <summary>Its offset there. Default 0.</summary>
    public long QueueOffset { get; init; }

    /// <summary>How often it has been delivered before and sent back. Default 0.</summary>
    public int ReconsumeTimes { get; init; }

    /// <summary>The unique id that its sender gave it. Default a new one.</summary>
    public string? MessageId { get; init; }

    /// <summary>When it was made, by its sender's clock. Default 1970, so that tests are the same each time.</summary>
    public DateTimeOffset BornAt { get; init; } = DateTimeOffset.UnixEpoch;

    /// <summary>When it was stored. Default <see cref="BornAt"/>.</summary>
    public DateTimeOffset? StoredAt { get; init; }

    /// <summary>Its sender's address. Default 127.0.0.1:0.</summary>
    public IPEndPoint BornHost { get; init; } = new(IPAddress.Loopback, 0);
}
