using Microsoft.Extensions.Logging;

namespace RocketMq.Cap;

/// <summary>What this package logs, with its event ids; docs/troubleshooting.md lists them.</summary>
internal static partial class CapLog
{
    [LoggerMessage(1301, LogLevel.Warning, "CAP rejected message {MessageId} of topic {Topic} in group {Group}; it is redelivered", EventName = "Rejected")]
    internal static partial void Rejected(ILogger logger, string messageId, string topic, string group, Exception? error);

    [LoggerMessage(1302, LogLevel.Error, "Message {MessageId} of topic {Topic} in group {Group} is damaged; it goes to the dead letters", EventName = "BodyDamaged")]
    internal static partial void BodyDamaged(ILogger logger, string messageId, string topic, string group, Exception error);
}
