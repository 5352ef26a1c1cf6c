namespace RocketMq

open System
open Microsoft.Extensions.Logging
open RocketMq.Protocol

/// What consumers log. Bodies and properties never are.
module internal ConsumerLog =
    let private pullFailed' =
        LoggerMessage.Define<MessageQueue, string>(
            LogLevel.Warning,
            EventId(1101, "PullFailed"),
            "Pulling from {Queue} failed: {Reason}"
        )

    let pullFailed (log: ILogger) queue reason =
        pullFailed'.Invoke(log, queue, reason, null)

    let private commitFailed' =
        LoggerMessage.Define<MessageQueue, string>(
            LogLevel.Warning,
            EventId(1102, "CommitFailed"),
            "Committing the offset of {Queue} failed, the next commit includes it: {Reason}"
        )

    let commitFailed (log: ILogger) queue reason =
        commitFailed'.Invoke(log, queue, reason, null)

    let private offsetMoved' =
        LoggerMessage.Define<int64, MessageQueue, int64>(
            LogLevel.Warning,
            EventId(1105, "OffsetMoved"),
            "Offset {Offset} is outside of {Queue}: reading goes on at {Next}"
        )

    let offsetMoved (log: ILogger) queue (offset: int64) (next: int64) =
        offsetMoved'.Invoke(log, offset, queue, next, null)

    let private consumeFailed' =
        LoggerMessage.Define<string, string, int, int64>(
            LogLevel.Warning,
            EventId(1106, "ConsumeFailed"),
            "The handler of group {Group} failed on {Topic}, queue {QueueId}, offset {Offset}"
        )

    let consumeFailed (log: ILogger) (group: string) (topic: string) (queueId: int) (offset: int64) (error: exn) =
        consumeFailed'.Invoke(log, group, topic, queueId, offset, error)

    let private messageKept' =
        LoggerMessage.Define<string, int, int64, string>(
            LogLevel.Warning,
            EventId(1107, "MessageKept"),
            "No broker took back the failed message of {Topic}, queue {QueueId}, offset {Offset}; it is handled again here: {Reason}"
        )

    let messageKept (log: ILogger) (topic: string) (queueId: int) (offset: int64) (reason: string) =
        messageKept'.Invoke(log, topic, queueId, offset, reason, null)

    let private messageDropped' =
        LoggerMessage.Define<string, string, int, int64>(
            LogLevel.Warning,
            EventId(1108, "MessageDropped"),
            "The broadcasting group {Group} drops a message that its handler failed on: {Topic}, queue {QueueId}, offset {Offset}"
        )

    let messageDropped (log: ILogger) (group: string) (topic: string) (queueId: int) (offset: int64) =
        messageDropped'.Invoke(log, group, topic, queueId, offset, null)

    let private sendBackFailed' =
        LoggerMessage.Define<string, int, int64, string>(
            LogLevel.Warning,
            EventId(1109, "SendBackFailed"),
            "The broker did not take back the message of {Topic}, queue {QueueId}, offset {Offset}; a copy goes to the retry topic: {Reason}"
        )

    let sendBackFailed (log: ILogger) (topic: string) (queueId: int) (offset: int64) (reason: string) =
        sendBackFailed'.Invoke(log, topic, queueId, offset, reason, null)

    let private queueFailed' =
        LoggerMessage.Define<MessageQueue>(
            LogLevel.Error,
            EventId(1111, "QueueFailed"),
            "Reading {Queue} failed and is tried again; please report this as a defect"
        )

    let queueFailed (log: ILogger) queue (error: exn) = queueFailed'.Invoke(log, queue, error)

    let private queueNotStarted' =
        LoggerMessage.Define<MessageQueue, string>(
            LogLevel.Warning,
            EventId(1112, "QueueNotStarted"),
            "{Queue} cannot be read yet, it is tried again: {Reason}"
        )

    let queueNotStarted (log: ILogger) queue (reason: string) =
        queueNotStarted'.Invoke(log, queue, reason, null)

    let private queueStarted' =
        LoggerMessage.Define<MessageQueue, int64>(
            LogLevel.Information,
            EventId(1113, "QueueStarted"),
            "Reading {Queue} from offset {Offset} on"
        )

    let queueStarted (log: ILogger) queue (offset: int64) =
        queueStarted'.Invoke(log, queue, offset, null)

    let private queueLeft' =
        LoggerMessage.Define<MessageQueue, int64>(
            LogLevel.Information,
            EventId(1114, "QueueLeft"),
            "{Queue} is given up, consumed up to offset {Offset}"
        )

    let queueLeft (log: ILogger) queue (offset: int64) =
        queueLeft'.Invoke(log, queue, offset, null)

    let private handlersLeftBehind' =
        LoggerMessage.Define<int, MessageQueue>(
            LogLevel.Warning,
            EventId(1115, "HandlersLeftBehind"),
            "Handlers do not return with {Messages} messages of {Queue}, which is left without them; the messages will come again"
        )

    let handlersLeftBehind (log: ILogger) queue (messages: int) =
        handlersLeftBehind'.Invoke(log, messages, queue, null)

    let private locksNotRenewed' =
        LoggerMessage.Define<string, string>(
            LogLevel.Warning,
            EventId(1116, "LocksNotRenewed"),
            "{Broker} was not asked for queue locks: {Reason}"
        )

    let locksNotRenewed (log: ILogger) (broker: string) (reason: string) =
        locksNotRenewed'.Invoke(log, broker, reason, null)

    let private lockLost' =
        LoggerMessage.Define<MessageQueue>(
            LogLevel.Warning,
            EventId(1117, "LockLost"),
            "The lock of {Queue} is lost: another member may have it"
        )

    let lockLost (log: ILogger) queue = lockLost'.Invoke(log, queue, null)

    let private membersUnknown' =
        LoggerMessage.Define<string, string>(
            LogLevel.Warning,
            EventId(1118, "MembersUnknown"),
            "The members of group {Group} are not known, its queues stay as they are: {Reason}"
        )

    let membersUnknown (log: ILogger) (group: string) (reason: string) =
        membersUnknown'.Invoke(log, group, reason, null)

    let private offsetReset' =
        LoggerMessage.Define<MessageQueue, int64>(
            LogLevel.Information,
            EventId(1119, "OffsetReset"),
            "An administrator has {Queue} read from offset {Offset} on"
        )

    let offsetReset (log: ILogger) queue (offset: int64) =
        offsetReset'.Invoke(log, queue, offset, null)

    let private handlerOverdue' =
        LoggerMessage.Define<string, MessageQueue, TimeSpan>(
            LogLevel.Warning,
            EventId(1120, "HandlerOverdue"),
            "A handler of group {Group} with a message of {Queue} has not returned for {Time}; its token is cancelled"
        )

    let handlerOverdue (log: ILogger) (group: string) queue (time: TimeSpan) =
        handlerOverdue'.Invoke(log, group, queue, time, null)

    let private queueStuck' =
        LoggerMessage.Define<MessageQueue, TimeSpan>(
            LogLevel.Warning,
            EventId(1121, "QueueStuck"),
            "Nothing was pulled of {Queue} for {Time} though there is room; pulling is begun again"
        )

    let queueStuck (log: ILogger) queue (time: TimeSpan) =
        queueStuck'.Invoke(log, queue, time, null)

    let private offsetsDamaged' =
        LoggerMessage.Define<string, string>(
            LogLevel.Warning,
            EventId(1122, "OffsetsDamaged"),
            "The offsets in {Path} cannot be read, those before them count: {Reason}"
        )

    let offsetsDamaged (log: ILogger) (path: string) (reason: string) =
        offsetsDamaged'.Invoke(log, path, reason, null)

    let private offsetTakenOver' =
        LoggerMessage.Define<MessageQueue, int64, int64>(
            LogLevel.Warning,
            EventId(1124, "OffsetTakenOver"),
            "Somebody else has committed an offset of {Queue}: reading goes on from {Offset} to {NewOffset}"
        )

    let offsetTakenOver (log: ILogger) queue (before: int64) (after: int64) =
        offsetTakenOver'.Invoke(log, queue, before, after, null)

    let private offsetLeftAlone' =
        LoggerMessage.Define<MessageQueue, int64, int64>(
            LogLevel.Information,
            EventId(1125, "OffsetLeftAlone"),
            "Offset {Offset} of {Queue} is not committed: somebody else has committed {Committed} meanwhile"
        )

    let offsetLeftAlone (log: ILogger) queue (consumed: int64) (committed: int64) =
        offsetLeftAlone'.Invoke(log, queue, consumed, committed, null)

    let private resetRefused' =
        LoggerMessage.Define<MessageQueue, int64>(
            LogLevel.Warning,
            EventId(1126, "ResetRefused"),
            "A reset of {Queue} to offset {Offset} is refused: offsets count from 0"
        )

    let resetRefused (log: ILogger) queue (offset: int64) =
        resetRefused'.Invoke(log, queue, offset, null)

    let private resetNotSaved' =
        LoggerMessage.Define<MessageQueue, int64>(
            LogLevel.Error,
            EventId(1127, "ResetNotSaved"),
            "The reset of {Queue} to offset {Offset} could not be committed before the queue was given up; reset it again"
        )

    let resetNotSaved (log: ILogger) queue (offset: int64) =
        resetNotSaved'.Invoke(log, queue, offset, null)

    let private callbackFailed' =
        LoggerMessage.Define<string>(
            LogLevel.Warning,
            EventId(1128, "CallbackFailed"),
            "A callback of the token of a handler of group {Group} failed"
        )

    let callbackFailed (log: ILogger) (group: string) (error: exn) =
        callbackFailed'.Invoke(log, group, error)

    let private equalClientIds' =
        LoggerMessage.Define<string, string>(
            LogLevel.Warning,
            EventId(1129, "EqualClientIds"),
            "Several members of group {Group} have the client id {ClientId}: some queues are read twice, others not at all; give each an instance name of its own"
        )

    let equalClientIds (log: ILogger) (group: string) (clientId: string) =
        equalClientIds'.Invoke(log, group, clientId, null)

    let private recordDamaged' =
        LoggerMessage.Define<MessageQueue, int64, string>(
            LogLevel.Error,
            EventId(1130, "RecordDamaged"),
            "The record of {Queue} at offset {Offset} cannot be read and is passed: {Reason}"
        )

    let recordDamaged (log: ILogger) queue (offset: int64) (reason: string) =
        recordDamaged'.Invoke(log, queue, offset, reason, null)

    let private handlersBlock' =
        LoggerMessage.Define<string>(
            LogLevel.Warning,
            EventId(1131, "HandlersBlock"),
            "Handlers of group {Group} block their threads, so they are called on threads of their own; have them await, or return their task before they block"
        )

    let handlersBlock (log: ILogger) (group: string) = handlersBlock'.Invoke(log, group, null)

    let private groupMissing' =
        LoggerMessage.Define<string, string>(
            LogLevel.Warning,
            EventId(1147, "GroupMissing"),
            "Group {Group} does not exist at {Broker}: none of its members gets messages there until it is created, with mqadmin updateSubGroup, or by a broker with autoCreateSubscriptionGroup"
        )

    let groupMissing (log: ILogger) (group: string) (broker: string) =
        groupMissing'.Invoke(log, group, broker, null)

    let private accessRefused' =
        LoggerMessage.Define<string, string, string, string>(
            LogLevel.Warning,
            EventId(1132, "AccessRefused"),
            "Access control does not let group {Group} consume {Topic} with access key {AccessKey}: {Reason}"
        )

    let accessRefused (log: ILogger) (group: string) (topic: string) (accessKey: string) (reason: string) =
        accessRefused'.Invoke(log, group, topic, accessKey, reason, null)

    let private topicMissing' =
        LoggerMessage.Define<string, string, string>(
            LogLevel.Warning,
            EventId(1134, "TopicMissing"),
            "Group {Group} cannot read topic {Topic} yet and looks for it until it can: {Reason}"
        )

    let topicMissing (log: ILogger) (group: string) (topic: string) (reason: string) =
        topicMissing'.Invoke(log, group, topic, reason, null)

    let private topicFound' =
        LoggerMessage.Define<string, string>(
            LogLevel.Information,
            EventId(1135, "TopicFound"),
            "Group {Group} has found topic {Topic} and reads it"
        )

    let topicFound (log: ILogger) (group: string) (topic: string) =
        topicFound'.Invoke(log, group, topic, null)

    let private subscriptionsDiffer' =
        LoggerMessage.Define<string, string>(
            LogLevel.Warning,
            EventId(1133, "SubscriptionsDiffer"),
            "Members of group {Group} subscribe differently, so that each loses messages: {Difference}"
        )

    let subscriptionsDiffer (log: ILogger) (group: string) (difference: string) =
        subscriptionsDiffer'.Invoke(log, group, difference, null)
