namespace RocketMq

open Microsoft.Extensions.Logging
open RocketMq.Protocol

/// What consumers that pop log. Bodies and properties never are.
module internal PopLog =
    let private popFailed' =
        LoggerMessage.Define<MessageQueue, string>(
            LogLevel.Warning,
            EventId(1141, "PopFailed"),
            "Popping from {Queue} failed: {Reason}"
        )

    let popFailed (log: ILogger) queue reason =
        popFailed'.Invoke(log, queue, reason, null)

    let private lost' =
        LoggerMessage.Define<string>(
            LogLevel.Warning,
            EventId(1143, "ReceiptLost"),
            "Message {MessageId} could not be acknowledged or hidden for longer in time; it comes again"
        )

    let lost (log: ILogger) (messageId: string) = lost'.Invoke(log, messageId, null)

    let private laneFailed' =
        LoggerMessage.Define<MessageQueue>(
            LogLevel.Error,
            EventId(1142, "PoppingFailed"),
            "Popping from {Queue} failed and is tried again; please report this as a defect"
        )

    let laneFailed (log: ILogger) queue (error: exn) = laneFailed'.Invoke(log, queue, error)

    let private assignmentFailed' =
        LoggerMessage.Define<string, string, string>(
            LogLevel.Warning,
            EventId(1144, "AssignmentFailed"),
            "No broker says what group {Group} may pop of {Topic}: {Reason}"
        )

    let assignmentFailed (log: ILogger) (group: string) (topic: string) reason =
        assignmentFailed'.Invoke(log, group, topic, reason, null)

    let private pulled' =
        LoggerMessage.Define<string, string>(
            LogLevel.Error,
            EventId(1145, "ModeIsPull"),
            "Brokers do not hand {Topic} out by pop to group {Group} any more; nothing of it is consumed until they do"
        )

    let pulled (log: ILogger) (group: string) (topic: string) = pulled'.Invoke(log, topic, group, null)

    let private noDeadLetters' =
        LoggerMessage.Define<string, string>(
            LogLevel.Warning,
            EventId(1146, "NoDeadLetters"),
            "The handler of group {Group} made message {MessageId} a dead letter; brokers have none of popped messages, so it comes again"
        )

    let noDeadLetters (log: ILogger) (group: string) (messageId: string) =
        noDeadLetters'.Invoke(log, group, messageId, null)
