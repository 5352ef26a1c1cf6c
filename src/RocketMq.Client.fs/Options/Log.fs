namespace RocketMq

open System
open System.Net.Security
open Microsoft.Extensions.Logging
open RocketMq.Protocol

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

    let private memberFailed' =
        LoggerMessage.Define(
            LogLevel.Error,
            EventId(1110, "MemberFailed"),
            "A part of a group's member failed; please report this as a defect"
        )

    let memberFailed (log: ILogger) (error: exn) = memberFailed'.Invoke(log, error)

    let private workFailed' =
        LoggerMessage.Define(
            LogLevel.Error,
            EventId(1123, "WorkFailed"),
            "Work in the background failed with an unexpected exception; please report this as a defect"
        )

    let workFailed (log: ILogger) (error: exn) = workFailed'.Invoke(log, error)

    let private localPartFailed' =
        LoggerMessage.Define<string, string>(
            LogLevel.Warning,
            EventId(1011, "LocalPartFailed"),
            "The local part of the transaction of message {MessageId} of group {Group} threw; the broker asks later what became of it"
        )

    let localPartFailed (log: ILogger) (messageId: string) (group: string) (error: exn) =
        localPartFailed'.Invoke(log, messageId, group, error)
