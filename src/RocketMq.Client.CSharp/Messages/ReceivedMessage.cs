using System.Diagnostics;
using System.Net;
using System.Text.Json.Serialization.Metadata;

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
        _inner.Body is { IsOk: true } body ? body.ResultValue : throw new MessageBodyException(_inner.Body.ErrorValue);

    /// <summary>What the body is, "application/json" for instance, or null: see <see cref="Message.ContentTypeProperty"/>.</summary>
    public string? ContentType => Property(Message.ContentTypeProperty);

    /// <summary>The body as a text in UTF-8.</summary>
    /// <exception cref="MessageBodyException">It is no such text, its checksum is wrong, or it cannot be inflated.</exception>
    public string Text
    {
        get
        {
            var body = Body;

            try
            {
                return Message.FromUtf8(body);
            }
            catch (System.Text.DecoderFallbackException error)
            {
                throw Unreadable("a text in UTF-8", error);
            }
        }
    }

    /// <summary>The body as a value in JSON.</summary>
    /// <param name="type">What the compiler knows of the value's type: <c>OrdersJson.Default.Order</c>.</param>
    /// <exception cref="MessageBodyException">
    /// It is not the JSON of such a value, or null; the content type is that of something else; its checksum is wrong, or it cannot be inflated.
    /// </exception>
    public T Json<T>(JsonTypeInfo<T> type)
    {
        ArgumentNullException.ThrowIfNull(type);
        return Read(JsonMessageSerializer.JsonContentType, body => JsonMessageSerializer.Read(body, type));
    }

    /// <summary>The body as a value that a serializer reads.</summary>
    /// <exception cref="MessageBodyException">
    /// The serializer cannot read it; the content type is that of something else; its checksum is wrong, or it cannot be inflated.
    /// </exception>
    public T Read<T>(IMessageSerializer serializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        return Read(serializer.ContentType, serializer.Deserialize<T>);
    }

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

    /// <summary>
    /// A message as a consumer would deliver it, for tests of handlers. What it is made of is a message to be sent: topic, body, tag,
    /// keys and properties.
    /// </summary>
    /// <param name="message">What was sent.</param>
    /// <param name="delivery">What the broker adds; null for the defaults.</param>
    public static ReceivedMessage Create(Message message, DeliveryInfo? delivery = null)
    {
        ArgumentNullException.ThrowIfNull(message);
        var info = delivery ?? new DeliveryInfo();
        var queue = info.Queue?.ToCore() ?? new Core.MessageQueue(message.Topic, "broker-a", 0);
        var named = Core.MessageModule.withSystemProperty(
            Core.PropertyName.uniqueKey, info.MessageId ?? NewId(), message.Inner);
        var body = message.Inner.Body;

        return new(Core.ReceivedMessage.Create(
            Core.StoredMessageModule.create(new Core.StoredFields(
                brokerName: queue.BrokerName,
                topic: message.Topic,
                queueId: queue.QueueId,
                queueOffset: info.QueueOffset,
                physicalOffset: 0,
                flag: message.Inner.Flag,
                sysFlag: 0,
                bornTimestamp: info.BornAt.ToUnixTimeMilliseconds(),
                bornHost: Core.HostModule.create(info.BornHost.Address, info.BornHost.Port),
                storeTimestamp: (info.StoredAt ?? info.BornAt).ToUnixTimeMilliseconds(),
                storeHost: Core.HostModule.create(IPAddress.Loopback, 10911),
                reconsumeTimes: info.ReconsumeTimes,
                preparedTransactionOffset: 0,
                bodyCrc: 0,
                storedBody: body,
                properties: named.Properties)),
            FSharpResult<ReadOnlyMemory<byte>, Core.BodyError>.NewOk(body)));
    }

    /// <summary>One that did not come through a consumer.</summary>
    internal static ReceivedMessage FromCore(Core.StoredMessage stored, Core.BodyCodecs codecs) =>
        new(Core.ReceivedMessage.Decode(codecs, Core.Protocol.MessageBody.defaultMaxDecompressedBodySize, stored));

    /// <summary>One property, or null.</summary>
    public string? Property(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var found = Core.PropertiesModule.tryFind(name, Stored.Properties);
        return found.IsSome ? found.Value : null;
    }

    private static string NewId() => Convert.ToHexString(Guid.NewGuid().ToByteArray());

    private T Read<T>(string contentType, Func<ReadOnlyMemory<byte>, T> read)
    {
        if (ContentType is { } other && !MediaType(other).Equals(MediaType(contentType), StringComparison.OrdinalIgnoreCase))
        {
            throw Unreadable(contentType, null, $"its content type is {other}");
        }

        var body = Body;

        try
        {
            return read(body);
        }
        catch (Exception error)
        {
            throw Unreadable(typeof(T).Name, error);
        }
    }

    /// <summary>Without parameters: "application/json" of "application/json; charset=utf-8".</summary>
    private static ReadOnlySpan<char> MediaType(string contentType) =>
        contentType.AsSpan()[..(contentType.IndexOf(';') is var end and >= 0 ? end : contentType.Length)].Trim();

    private MessageBodyException Unreadable(string what, Exception? cause, string? reason = null) =>
        new($"The body of {this} cannot be read as {what}: {reason ?? cause?.Message}", cause);

    /// <summary>Topic, queue, offset and id; never the body.</summary>
    public override string ToString() => $"{Topic} {Stored.BrokerName}/{Stored.QueueId}@{QueueOffset} {MessageId}";
}
