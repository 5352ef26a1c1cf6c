using System.Globalization;
using DotNetCore.CAP.Messages;
using RocketMessage = RocketMq.Client.Message;

namespace RocketMq.Cap;

/// <summary>A message of CAP as one of RocketMQ, and the other way round. No header is lost.</summary>
internal static class CapMessages
{
    /// <summary>
    /// A message without a body, which RocketMQ has not, travels with a body of one byte and this property. No header has its name:
    /// those without a lower-case letter are escaped.
    /// </summary>
    private const string EmptyBody = "CAP_EMPTY_BODY";

    private static readonly byte[] NoBody = [0];

    /// <exception cref="ArgumentException">The topic is none of RocketMQ's.</exception>
    internal static RocketMessage ToRocketMq(TransportMessage message, string topic)
    {
        var sent = RocketMessage.To(topic);
        sent = message.Body.IsEmpty ? sent.Body(NoBody).Property(EmptyBody, "1") : sent.Body(message.Body);

        foreach (var (name, value) in message.Headers)
        {
            sent = name switch
            {
                RocketMqHeaders.DeliverAt => DeliverAt(sent, value),
                _ => sent.Property(HeaderText.EncodeName(name), HeaderText.EncodeValue(value)),
            };
        }

        if (message.Headers.TryGetValue(Headers.MessageId, out var id) && !string.IsNullOrEmpty(id))
        {
            sent = sent.Keys(HeaderText.Key(id));
        }

        return ShardingKeyOf(message) is { } key ? sent.ShardingKey(HeaderText.Key(key)) : sent;
    }

    /// <summary>What its queue is chosen by; null if any queue will do.</summary>
    internal static string? ShardingKeyOf(TransportMessage message) =>
        message.Headers.TryGetValue(RocketMqHeaders.ShardingKey, out var key) && !string.IsNullOrEmpty(key) ? key : null;

    /// <summary>
    /// A message as CAP's subscribers get it. One that was not sent by CAP gets an id, its RocketMQ id, and its topic's name.
    /// </summary>
    /// <exception cref="MessageBodyException">The body is damaged.</exception>
    internal static TransportMessage ToCap(ReceivedMessage received, string group, NameTable topics)
    {
        var headers = new Dictionary<string, string?>(StringComparer.Ordinal);
        var isEmpty = false;

        foreach (var (property, value) in received.Properties)
        {
            if (HeaderText.DecodeName(property) is { } name)
            {
                headers[name] = HeaderText.DecodeValue(value);
            }
            else
            {
                isEmpty |= string.Equals(property, EmptyBody, StringComparison.Ordinal);
            }
        }

        headers[Headers.Group] = group;

        if (!headers.TryGetValue(Headers.MessageId, out var id) || string.IsNullOrEmpty(id))
        {
            headers[Headers.MessageId] = received.MessageId;
        }

        if (!headers.TryGetValue(Headers.MessageName, out var sentAs) || string.IsNullOrEmpty(sentAs))
        {
            headers[Headers.MessageName] = topics.Decode(received.Topic) ?? received.Topic;
        }

        return new(headers, isEmpty ? ReadOnlyMemory<byte>.Empty : received.Body);
    }

    private static RocketMessage DeliverAt(RocketMessage message, string? millis) =>
        long.TryParse(millis, NumberStyles.None, CultureInfo.InvariantCulture, out var time)
            ? message.DeliverAt(DateTimeOffset.FromUnixTimeMilliseconds(time))
            : message;
}
