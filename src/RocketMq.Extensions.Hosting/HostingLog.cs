using Microsoft.Extensions.Logging;

namespace RocketMq.Hosting;

/// <summary>What the hosting package logs. Events are listed in docs/troubleshooting.md.</summary>
internal static partial class HostingLog
{
    /// <summary>Texts of exceptions may have several lines; an event has one.</summary>
    internal static string OneLine(string text) => text.ReplaceLineEndings(" ");

    internal const string Category = "RocketMq.Hosting";

    [LoggerMessage(1401, LogLevel.Information, "RocketMQ cluster {Cluster}: starts {Clients}")]
    internal static partial void Starting(ILogger logger, string cluster, string clients);

    [LoggerMessage(1402, LogLevel.Information, "RocketMQ cluster {Cluster}: all clients have started")]
    internal static partial void Started(ILogger logger, string cluster);

    [LoggerMessage(1403, LogLevel.Warning, "RocketMQ cluster {Cluster}: {Client} could not start, and is started again in {Wait}: {Reason}")]
    internal static partial void StartFailed(ILogger logger, string cluster, string client, TimeSpan wait, string reason);

    [LoggerMessage(1404, LogLevel.Warning, "RocketMQ cluster {Cluster}: no name server answers: {Reason}")]
    internal static partial void NameServersSilent(ILogger logger, string cluster, string reason);

    [LoggerMessage(1405, LogLevel.Information, "RocketMQ cluster {Cluster}: a name server answers")]
    internal static partial void NameServersHeard(ILogger logger, string cluster);

    [LoggerMessage(1406, LogLevel.Information, "RocketMQ cluster {Cluster}: consumers fetch nothing more; handlers at work are waited for")]
    internal static partial void Stopping(ILogger logger, string cluster);

    [LoggerMessage(1407, LogLevel.Information, "RocketMQ cluster {Cluster}: all clients have stopped")]
    internal static partial void Stopped(ILogger logger, string cluster);

    [LoggerMessage(1408, LogLevel.Error, "RocketMQ cluster {Cluster}: {Client} could not stop: {Reason}")]
    internal static partial void StopFailed(ILogger logger, string cluster, string client, string reason);

    [LoggerMessage(1414, LogLevel.Critical, "RocketMQ cluster {Cluster}: {What} ended by a defect")]
    internal static partial void LoopEnded(ILogger logger, Exception error, string cluster, string what);

    [LoggerMessage(1409, LogLevel.Error, "Group {Group}: the body of the message at {Topic}/{QueueId}@{Offset}, {MessageId}, cannot be read: {Reason}")]
    internal static partial void BodyUnreadable(
        ILogger logger, string group, string topic, int queueId, long offset, string messageId, string reason);

    [LoggerMessage(1410, LogLevel.Information, "Group {Group}: {Key} has been completed before, and is not handled again")]
    internal static partial void AlreadyCompleted(ILogger logger, string group, string key);

    [LoggerMessage(1411, LogLevel.Information, "Group {Group}: {Key} is being handled elsewhere, and comes again in {Wait}")]
    internal static partial void HandledElsewhere(ILogger logger, string group, string key, TimeSpan wait);

    [LoggerMessage(1412, LogLevel.Warning, "Group {Group}: {Key} could not be abandoned in the inbox: {Reason}")]
    internal static partial void NotAbandoned(ILogger logger, string group, string key, string reason);

    [LoggerMessage(1413, LogLevel.Warning, "Group {Group}: handling {Topic}/{QueueId}@{Offset}, {MessageId}, failed with {Exception}, which is mapped to {Result}: {Reason}")]
    internal static partial void FailureMapped(
        ILogger logger, string group, string topic, int queueId, long offset, string messageId, string exception, string result, string reason);
}
