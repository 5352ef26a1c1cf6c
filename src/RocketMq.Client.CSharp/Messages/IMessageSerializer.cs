namespace RocketMq.Client;

/// <summary>
/// How values become bodies of messages, and bodies values. Implementations are used by several threads at a time. What they throw when
/// a body is read becomes a <see cref="MessageBodyException"/> around it.
/// </summary>
public interface IMessageSerializer
{
    /// <summary>What the bodies are, "application/json" for instance. It travels in the message's property <see cref="Message.ContentTypeProperty"/>.</summary>
    string ContentType { get; }

    /// <summary>A body, of at least one byte.</summary>
    ReadOnlyMemory<byte> Serialize<T>(T value);

    /// <summary>The value of a body, as its sender wrote it.</summary>
    /// <exception cref="Exception">The body is not that of such a value.</exception>
    T Deserialize<T>(ReadOnlyMemory<byte> body);
}
