namespace RocketMq.Client;

/// <summary>A message that others of the group do not get for a time.</summary>
public sealed class LeasedMessage
{
    internal LeasedMessage(Core.LeasedMessage inner) => (Inner, Message) = (inner, new(inner.Received));

    /// <summary>The message.</summary>
    public ReceivedMessage Message { get; }

    /// <summary>What brokers know it by until its time is changed, as Java's clients write it.</summary>
    public string Receipt => Core.Protocol.PopReceiptModule.format(Inner.Receipt);

    internal Core.LeasedMessage Inner { get; }

    /// <summary>The message and its receipt; never the body.</summary>
    public override string ToString() => $"{Message}, {Receipt}";
}

/// <summary>A message that could not be acknowledged.</summary>
/// <param name="Message">The message.</param>
/// <param name="Error">
/// Why: a <see cref="ReceiptExpiredException"/> if it is delivered again; after others it can be acknowledged once more.
/// </param>
public sealed record AckFailure(LeasedMessage Message, Exception Error);
