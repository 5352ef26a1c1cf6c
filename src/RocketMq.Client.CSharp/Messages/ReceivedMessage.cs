using System.Diagnostics;
using System.Net;

namespace RocketMq.Client;

/// <summary>A message as a broker handed it out.</summary>
public sealed class ReceivedMessage
{
    private readonly Core.ReceivedMessage _inner;

    internal ReceivedMessage(Core.ReceivedMessage inner) => _inner = inner;

    /// <summary>The topic.</summary>
    public string Topic => Stored.Topic;

    /// <summary>The queue it was read from.</summary>
    public MessageQueue Queue => MessageQueue.FromCore(Stored.Queue);

    /// <summary>Its offset there, counting from 0.</summary>
    public long QueueOffset => Stored.QueueOffset;

    /// <summary>The unique id that the sender gave it, or else <see cref="OffsetId"/>.</summary>
    public string MessageId => Property(Core.PropertyName.uniqueKey) ?? OffsetId;

    /// <summary>The broker's id of the place it is stored at.</summary>
    public string OffsetId => Stored.OffsetId;

    /// <summary>The tag, or null.</summary>
    public string? Tag => Property(Core.PropertyName.tags);

    /// <summary>The business keys.</summary>
    public IReadOnlyList<string> Keys =>
        Property(Core.PropertyName.keys)?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];

    /// <summary>All properties, those of client and broker included. Read again with each call.</summary>
    public IReadOnlyDictionary<string, string> Properties => Core.PropertiesModule.toMap(Stored.Properties);

    /// <summary>When it was made, by its sender's clock.</summary>
    public DateTimeOffset BornAt => DateTimeOffset.FromUnixTimeMilliseconds(Stored.BornTimestamp);

    /// <summary>When it was stored, by its broker's clock.</summary>
    public DateTimeOffset StoredAt => DateTimeOffset.FromUnixTimeMilliseconds(Stored.StoreTimestamp);

    /// <summary>Its sender's address, as its broker saw it.</summary>
    public IPEndPoint BornHost => new(Stored.BornHost.Address, Stored.BornHost.Port);

    /// <summary>How often it has been delivered before and sent back.</summary>
    public int ReconsumeTimes => Stored.ReconsumeTimes;

    /// <summary>The body as its sender wrote it, checked and inflated.</summary>
    /// <exception cref="MessageBodyException">Its checksum is wrong, or it cannot be inflated.</exception>
    public ReadOnlyMemory<byte> Body =>
        _inner.Body.IsOk ? _inner.Body.ResultValue : throw new MessageBodyException(_inner.Body.ErrorValue);

    /// <summary>The body as it is stored, compressed if its sender compressed it.</summary>
    public ReadOnlyMemory<byte> StoredBody => Stored.StoredBody;

    /// <summary>
    /// The context of the trace that its sender gave it along, in the properties <c>traceparent</c> and <c>tracestate</c>; the default
    /// if it has none of W3C's form. Where messages are received, in place of a handler that is called, make it the parent of a span, or
    /// a link. Read again with each call.
    /// </summary>
    public ActivityContext TraceContext => _inner.TraceContext;

    /// <summary>The number that its sender gave it; 0 unless set.</summary>
    public int Flag => Stored.Flag;

    internal Core.StoredMessage Stored => _inner.Message;

    /// <summary>One that did not come through a consumer.</summary>
    internal static ReceivedMessage FromCore(Core.StoredMessage stored, Core.BodyCodecs codecs) =>
        new(new(stored, Core.Protocol.MessageBody.decodeWith(codecs, Core.Protocol.MessageBody.defaultMaxDecompressedBodySize, stored)));

    /// <summary>One property, or null.</summary>
    public string? Property(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var found = Core.PropertiesModule.tryFind(name, Stored.Properties);
        return found.IsSome ? found.Value : null;
    }

    /// <summary>Topic, queue, offset and id; never the body.</summary>
    public override string ToString() => $"{Topic} {Stored.BrokerName}/{Stored.QueueId}@{QueueOffset} {MessageId}";
}
