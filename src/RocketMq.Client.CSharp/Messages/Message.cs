using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace RocketMq.Client;

/// <summary>A message to be sent. Immutable; each method gives a new one.</summary>
public sealed class Message
{
    /// <summary>The property that says what the body is: "application/json" for instance. Other clients may set and read it as well.</summary>
    public const string ContentTypeProperty = "contentType";

    internal Message(Core.Message inner) => Inner = inner;

    internal Core.Message Inner { get; }

    /// <summary>The topic it is for.</summary>
    public string Topic => Inner.Topic;

    /// <summary>A message to a topic: 1 to 127 characters of a-z A-Z 0-9 % | - _.</summary>
    /// <exception cref="ArgumentException">The topic's name is not valid.</exception>
    public static Message To(string topic)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return new(Core.MessageModule.create(Core.Names.checkSendTopic(topic).OrThrowArgument(nameof(topic)), default));
    }

    /// <summary>Sets the body: at least one byte, and at most 4 MiB unless brokers are set up for more. Not copied:
    /// what it is over must not be changed before the send has ended.</summary>
    public Message Body(ReadOnlyMemory<byte> body) =>
        new(new Core.Message(Inner.Topic, body, Inner.Flag, Inner.Properties));

    /// <summary>Sets the body to a text in UTF-8.</summary>
    /// <exception cref="ArgumentException">The text holds a lone surrogate.</exception>
    public Message Body(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Body(Utf8(text));
    }

    /// <summary>Sets the body to a value in JSON, and the content type to application/json.</summary>
    /// <param name="value">The value.</param>
    /// <param name="type">What the compiler knows of its type: <c>OrdersJson.Default.Order</c>.</param>
    /// <exception cref="NotSupportedException">A part of the value has a type that the context does not name.</exception>
    public Message Json<T>(T value, JsonTypeInfo<T> type)
    {
        ArgumentNullException.ThrowIfNull(type);
        return Body(JsonSerializer.SerializeToUtf8Bytes(value, type))
            .Property(ContentTypeProperty, JsonMessageSerializer.JsonContentType);
    }

    /// <summary>Sets the body to a value, as a serializer writes it, and the content type to the serializer's.</summary>
    /// <exception cref="Exception">What the serializer throws.</exception>
    public Message Body<T>(T value, IMessageSerializer serializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        return Body(serializer.Serialize(value)).Property(ContentTypeProperty, serializer.ContentType);
    }

    /// <summary>Sets the one tag, by which consumers can choose.</summary>
    /// <exception cref="ArgumentException">
    /// It is empty, begins or ends with a blank, or holds "||", U+0001, U+0002 or a lone surrogate.
    /// </exception>
    public Message Tag(string tag)
    {
        ArgumentNullException.ThrowIfNull(tag);
        return Checked(Core.MessageModule.withTag(tag, Inner), nameof(tag));
    }

    /// <summary>Sets the business keys, by which messages can be looked up.</summary>
    /// <exception cref="ArgumentException">There is none, or one is empty or holds a blank, which separates keys.</exception>
    public Message Keys(params string[] keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        Array.ForEach(keys, key => ArgumentNullException.ThrowIfNull(key, nameof(keys)));
        return Checked(Core.MessageModule.withKeys(Microsoft.FSharp.Collections.ListModule.OfSeq(keys), Inner), nameof(keys));
    }

    /// <summary>Sets a property that consumers see.</summary>
    /// <exception cref="ArgumentException">
    /// Name or value is empty, or holds U+0001, U+0002 or a lone surrogate; or RocketMQ keeps the name for itself.
    /// </exception>
    public Message Property(string name, string value)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(value);
        return Checked(Core.MessageModule.withProperty(name, value, Inner), nameof(value));
    }

    /// <summary>Sets a number of the application's own; brokers keep it and do not look at it. Default 0.</summary>
    public Message Flag(int value) => new(Core.MessageModule.withFlag(value, Inner));

    /// <summary>
    /// Sets the key by which ordered messages share a queue, see <see cref="QueueSelector.ByShardingKey"/>. Brokers with typed
    /// topics ask for it.
    /// </summary>
    /// <exception cref="ArgumentException">It is empty, or holds U+0001, U+0002 or a lone surrogate.</exception>
    public Message ShardingKey(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Checked(Core.MessageModule.withShardingKey(key, Inner), nameof(key));
    }

    /// <summary>
    /// Sets whether the broker answers only when the message is as safe as it makes messages: on its disk, or with its slave.
    /// Default true.
    /// </summary>
    public Message WaitForStore(bool value) => new(Core.MessageModule.withWaitStoreOk(value, Inner));

    /// <summary>
    /// Has brokers hold the message back, by level: 1 s, 5 s, 10 s, 30 s, 1 to 10 min, 20 min, 30 min, 1 h and 2 h, unless they
    /// are set up otherwise. Default not at all.
    /// </summary>
    /// <param name="level">From 1 (one second) to 18 (two hours).</param>
    /// <exception cref="ArgumentException">It is another number.</exception>
    public Message DelayLevel(int level) => Checked(Core.MessageModule.withDelayLevel(level, Inner), nameof(level));

    /// <summary>
    /// Has brokers hold the message back for so long, up to three days, to the second. Since 5.0; older ones deliver it at once.
    /// </summary>
    /// <exception cref="ArgumentException">It is not above 0.</exception>
    public Message Delay(TimeSpan delay) => Checked(Core.MessageModule.withDelay(delay, Inner), nameof(delay));

    /// <summary>
    /// Has brokers hold the message back until then, up to three days, to the second; a time that is over delays nothing. Since
    /// 5.0; older ones deliver it at once.
    /// </summary>
    public Message DeliverAt(DateTimeOffset time) => new(Core.MessageModule.withDeliveryAt(time, Inner));

    /// <summary>The body; empty if none has been set.</summary>
    public ReadOnlyMemory<byte> GetBody() => Inner.Body;

    /// <summary>The body as a text in UTF-8.</summary>
    /// <exception cref="System.Text.DecoderFallbackException">It is no such text.</exception>
    public string GetText() => StrictUtf8.GetString(Inner.Body.Span);

    /// <summary>The tag, or null.</summary>
    public string? GetTag() => GetProperty(Core.PropertyName.tags);

    /// <summary>The business keys; none if none have been set.</summary>
    public IReadOnlyList<string> GetKeys() =>
        GetProperty(Core.PropertyName.keys)?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];

    /// <summary>The sharding key, or null.</summary>
    public string? GetShardingKey() => GetProperty(Core.PropertyName.shardingKey);

    /// <summary>The application's own number; 0 unless set.</summary>
    public int GetFlag() => Inner.Flag;

    /// <summary>The delay level, 1 to 18, or null.</summary>
    public int? GetDelayLevel() => (int?)Number(Core.PropertyName.delayLevel);

    /// <summary>How long brokers hold the message back, or null.</summary>
    public TimeSpan? GetDelay() => Number(Core.PropertyName.timerDelayMillis) is { } millis
        ? TimeSpan.FromMilliseconds(millis)
        : Number(Core.PropertyName.timerDelaySeconds) is { } seconds ? TimeSpan.FromSeconds(seconds) : null;

    /// <summary>Until when brokers hold the message back, or null.</summary>
    public DateTimeOffset? GetDeliveryTime() =>
        Number(Core.PropertyName.timerDeliverMillis) is { } millis ? DateTimeOffset.FromUnixTimeMilliseconds(millis) : null;

    /// <summary>What the body is, or null.</summary>
    public string? GetContentType() => GetProperty(ContentTypeProperty);

    /// <summary>One property, RocketMQ's own included, or null.</summary>
    public string? GetProperty(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var found = Core.PropertiesModule.tryFind(name, Inner.Properties);
        return found.IsSome ? found.Value : null;
    }

    /// <summary>All properties, RocketMQ's own included. Read again with each call.</summary>
    public IReadOnlyDictionary<string, string> GetProperties() => Core.PropertiesModule.toMap(Inner.Properties);

    internal static string FromUtf8(ReadOnlyMemory<byte> body) => StrictUtf8.GetString(body.Span);

    private long? Number(string property) =>
        long.TryParse(GetProperty(property), System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : null;

    internal static ReadOnlyMemory<byte> Utf8(string text) => StrictUtf8.GetBytes(text);

    private static Message Checked(Core.Message message, string parameter)
    {
        var fault = message.Properties.Fault;
        return fault.IsSome ? throw new ArgumentException(fault.Value.Message, parameter) : new(message);
    }

    /// <summary>Topic, properties and the size of the body; never the body itself.</summary>
    public override string ToString() => Inner.ToString();

    private static readonly System.Text.UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);
}
