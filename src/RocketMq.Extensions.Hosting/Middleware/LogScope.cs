using System.Collections;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace RocketMq.Hosting;

/// <summary>
/// Puts group, topic, message id and attempt into the scope of all that a handler logs. Keys and bodies of messages are not in it.
/// </summary>
public sealed class LogScopeMiddleware : IConsumeMiddleware
{
    private readonly ILogger _logger;

    /// <param name="factory">Where the handlers log.</param>
    public LogScopeMiddleware(ILoggerFactory factory)
    {
        ArgumentNullException.ThrowIfNull(factory);
        _logger = factory.CreateLogger(HostingLog.Category);
    }

    /// <inheritdoc/>
    public async Task<ConsumeResult> InvokeAsync(ConsumeContext context, ConsumeHandler next)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(next);

        using (_logger.BeginScope(new MessageScope(context)))
        {
            return await next(context).ConfigureAwait(false);
        }
    }

    /// <summary>Names and values for loggers that keep them apart, and a text for those that do not.</summary>
    private sealed class MessageScope(ConsumeContext context) : IReadOnlyList<KeyValuePair<string, object?>>
    {
        public int Count => 4;

        public KeyValuePair<string, object?> this[int index] => index switch
        {
            0 => new("messaging.consumer.group.name", context.Group),
            1 => new("messaging.destination.name", context.Message.Topic),
            2 => new("messaging.message.id", context.Message.MessageId),
            3 => new("messaging.rocketmq.message.attempt", context.Message.ReconsumeTimes + 1),
            _ => throw new ArgumentOutOfRangeException(nameof(index)),
        };

        public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
        {
            for (var index = 0; index < Count; index++)
            {
                yield return this[index];
            }
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        public override string ToString() => string.Create(
            CultureInfo.InvariantCulture,
            $"group {context.Group}, topic {context.Message.Topic}, message {context.Message.MessageId}, attempt {context.Message.ReconsumeTimes + 1}");
    }
}
