namespace RocketMq.Protocol

open System
open System.Net.Security
open Microsoft.Extensions.Logging

/// Everything that the transport logs. Bodies, fields and secrets never are.
module internal Log =
    let private connected' =
        LoggerMessage.Define<Endpoint, int>(
            LogLevel.Information,
            EventId(1001, "Connected"),
            "Connected to {Endpoint}, session {Session}"
        )

    let connected (log: ILogger) endpoint session =
        connected'.Invoke(log, endpoint, session, null)

    let private dialFailed' =
        LoggerMessage.Define<Endpoint, string>(
            LogLevel.Warning,
            EventId(1002, "DialFailed"),
            "Cannot connect to {Endpoint}: {Reason}"
        )

    let dialFailed (log: ILogger) endpoint reason =
        dialFailed'.Invoke(log, endpoint, reason, null)

    let private sessionEnded' =
        LoggerMessage.Define<int, Endpoint, string>(
            LogLevel.Information,
            EventId(1003, "SessionEnded"),
            "Session {Session} with {Endpoint} ended: {Reason}"
        )

    let sessionEnded (log: ILogger) endpoint session reason =
        sessionEnded'.Invoke(log, session, endpoint, reason, null)

    let private unexpectedAnswer' =
        LoggerMessage.Define<int, Endpoint>(
            LogLevel.Debug,
            EventId(1004, "UnexpectedAnswer"),
            "Nobody waits for answer {Opaque} of {Endpoint}: it is late, or a second one"
        )

    let unexpectedAnswer (log: ILogger) endpoint opaque =
        unexpectedAnswer'.Invoke(log, opaque, endpoint, null)

    let private handlerFailed' =
        LoggerMessage.Define<RequestCode, Endpoint>(
            LogLevel.Error,
            EventId(1005, "HandlerFailed"),
            "The handler of {Request} from {Endpoint} failed"
        )

    let handlerFailed (log: ILogger) endpoint request (error: exn) =
        handlerFailed'.Invoke(log, request, endpoint, error)

    let private requestDropped' =
        LoggerMessage.Define<RequestCode, Endpoint>(
            LogLevel.Warning,
            EventId(1006, "RequestDropped"),
            "One-way {Request} from {Endpoint} was dropped: too many requests of this server are being handled"
        )

    let requestDropped (log: ILogger) endpoint request =
        requestDropped'.Invoke(log, request, endpoint, null)

    let private listenerFailed' =
        LoggerMessage.Define<Endpoint>(
            LogLevel.Error,
            EventId(1007, "ListenerFailed"),
            "A listener to the connection state of {Endpoint} failed"
        )

    let listenerFailed (log: ILogger) endpoint (error: exn) =
        listenerFailed'.Invoke(log, endpoint, error)

    let private agentFailed' =
        LoggerMessage.Define<Endpoint>(
            LogLevel.Critical,
            EventId(1008, "AgentFailed"),
            "The agent of the connection to {Endpoint} failed; please report this as a defect"
        )

    let agentFailed (log: ILogger) endpoint (error: exn) =
        agentFailed'.Invoke(log, endpoint, error)

    let private sentAway' =
        LoggerMessage.Define<Endpoint, int>(
            LogLevel.Information,
            EventId(1009, "SentAway"),
            "{Endpoint} asks its clients to go; session {Session} ends with the last answer that it owes"
        )

    let sentAway (log: ILogger) endpoint session =
        sentAway'.Invoke(log, endpoint, session, null)

    let private unreadableFrame' =
        LoggerMessage.Define<Endpoint, string>(
            LogLevel.Warning,
            EventId(1010, "UnreadableFrame"),
            "A frame of {Endpoint} was passed over: {Reason}"
        )

    let unreadableFrame (log: ILogger) endpoint (error: DecodeError) =
        unreadableFrame'.Invoke(log, endpoint, error.Message, null)

    let private anyCertificateAccepted' =
        LoggerMessage.Define<Endpoint, SslPolicyErrors>(
            LogLevel.Warning,
            EventId(1021, "AnyCertificateAccepted"),
            "The certificate of {Endpoint} was accepted unverified because AcceptAnyCertificate is set (verification would "
            + "have found: {Errors}). Whoever is in between can read and change everything"
        )

    let anyCertificateAccepted (log: ILogger) endpoint errors =
        anyCertificateAccepted'.Invoke(log, endpoint, errors, null)

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
            "Committing the position in {Queue} failed, the next commit includes it: {Reason}"
        )

    let commitFailed (log: ILogger) queue reason =
        commitFailed'.Invoke(log, queue, reason, null)

    let private tellFailed' =
        LoggerMessage.Define<RequestCode, string, string>(
            LogLevel.Warning,
            EventId(1103, "TellFailed"),
            "{Request} to {Broker} failed: {Reason}"
        )

    let tellFailed (log: ILogger) (request: RequestCode) (broker: string) reason =
        tellFailed'.Invoke(log, request, broker, reason, null)

    let private refreshFailed' =
        LoggerMessage.Define<string, string>(
            LogLevel.Warning,
            EventId(1104, "RefreshFailed"),
            "Group {Group} cannot look for new queues: {Reason}"
        )

    let refreshFailed (log: ILogger) (group: string) reason =
        refreshFailed'.Invoke(log, group, reason, null)

    let private positionMoved' =
        LoggerMessage.Define<int64, MessageQueue, int64>(
            LogLevel.Warning,
            EventId(1105, "PositionMoved"),
            "Position {Position} is outside of {Queue}: reading goes on at {Next}"
        )

    let positionMoved (log: ILogger) queue (position: int64) (next: int64) =
        positionMoved'.Invoke(log, position, queue, next, null)

    let private consumeFailed' =
        LoggerMessage.Define<string, string, int, int64>(
            LogLevel.Warning,
            EventId(1106, "ConsumeFailed"),
            "The handler of group {Group} failed on {Topic}, queue {QueueId}, position {Offset}"
        )

    let consumeFailed (log: ILogger) (group: string) (topic: string) (queueId: int) (offset: int64) (error: exn) =
        consumeFailed'.Invoke(log, group, topic, queueId, offset, error)

    let private messageKept' =
        LoggerMessage.Define<string, int, int64, string>(
            LogLevel.Warning,
            EventId(1107, "MessageKept"),
            "No broker took back the failed message of {Topic}, queue {QueueId}, position {Offset}; it is handled again here: {Reason}"
        )

    let messageKept (log: ILogger) (topic: string) (queueId: int) (offset: int64) (reason: string) =
        messageKept'.Invoke(log, topic, queueId, offset, reason, null)

    let private messageDropped' =
        LoggerMessage.Define<string, string, int, int64>(
            LogLevel.Warning,
            EventId(1108, "MessageDropped"),
            "The broadcasting group {Group} drops a message that its handler failed on: {Topic}, queue {QueueId}, position {Offset}"
        )

    let messageDropped (log: ILogger) (group: string) (topic: string) (queueId: int) (offset: int64) =
        messageDropped'.Invoke(log, group, topic, queueId, offset, null)

    let private sendBackFailed' =
        LoggerMessage.Define<string, int, int64, string>(
            LogLevel.Warning,
            EventId(1109, "SendBackFailed"),
            "The broker did not take back the message of {Topic}, queue {QueueId}, position {Offset}; a copy goes to the retry topic: {Reason}"
        )

    let sendBackFailed (log: ILogger) (topic: string) (queueId: int) (offset: int64) (reason: string) =
        sendBackFailed'.Invoke(log, topic, queueId, offset, reason, null)

    let private memberFailed' =
        LoggerMessage.Define(
            LogLevel.Error,
            EventId(1110, "MemberFailed"),
            "A part of a group's member failed; please report this as a defect"
        )

    let memberFailed (log: ILogger) (error: exn) = memberFailed'.Invoke(log, error)

    let private queueFailed' =
        LoggerMessage.Define<MessageQueue>(
            LogLevel.Error,
            EventId(1111, "QueueFailed"),
            "Reading {Queue} failed, it is begun anew; please report this as a defect"
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
            "Reading {Queue} from position {Offset} on"
        )

    let queueStarted (log: ILogger) queue (offset: int64) =
        queueStarted'.Invoke(log, queue, offset, null)

    let private queueLeft' =
        LoggerMessage.Define<MessageQueue, int64>(
            LogLevel.Information,
            EventId(1114, "QueueLeft"),
            "{Queue} is read no more, its committed position is {Offset}"
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

    let private positionReset' =
        LoggerMessage.Define<MessageQueue, int64>(
            LogLevel.Information,
            EventId(1119, "PositionReset"),
            "An administrator has {Queue} read from position {Offset} on"
        )

    let positionReset (log: ILogger) queue (offset: int64) =
        positionReset'.Invoke(log, queue, offset, null)

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
            "{Queue} has not been read for {Time} though there is room; it is begun anew"
        )

    let queueStuck (log: ILogger) queue (time: TimeSpan) =
        queueStuck'.Invoke(log, queue, time, null)

    let private offsetsDamaged' =
        LoggerMessage.Define<string, string>(
            LogLevel.Warning,
            EventId(1122, "OffsetsDamaged"),
            "The positions in {Path} cannot be read, those before them count: {Reason}"
        )

    let offsetsDamaged (log: ILogger) (path: string) (reason: string) =
        offsetsDamaged'.Invoke(log, path, reason, null)
