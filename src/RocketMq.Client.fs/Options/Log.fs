namespace RocketMq

open System
open System.Net.Security
open Microsoft.Extensions.Logging
open RocketMq.Protocol

/// One event of a log in one line: its values' types, level, number, name, and a template of one line. What it makes is a function
/// of the logger and the values, in the template's order; for a failure the exception comes last.
module internal LogEvent =
    type Event1<'A> = ILogger -> 'A -> unit
    type Event2<'A, 'B> = ILogger -> 'A -> 'B -> unit
    type Event3<'A, 'B, 'C> = ILogger -> 'A -> 'B -> 'C -> unit
    type Event4<'A, 'B, 'C, 'D> = ILogger -> 'A -> 'B -> 'C -> 'D -> unit
    type Event5<'A, 'B, 'C, 'D, 'E> = ILogger -> 'A -> 'B -> 'C -> 'D -> 'E -> unit
    type Failure0 = ILogger -> exn -> unit
    type Failure1<'A> = ILogger -> 'A -> exn -> unit
    type Failure2<'A, 'B> = ILogger -> 'A -> 'B -> exn -> unit
    type Failure4<'A, 'B, 'C, 'D> = ILogger -> 'A -> 'B -> 'C -> 'D -> exn -> unit

    let trace = LogLevel.Trace
    let debug = LogLevel.Debug
    let information = LogLevel.Information
    let warning = LogLevel.Warning
    let error = LogLevel.Error
    let critical = LogLevel.Critical

    /// The event is enabled: that has been found out before.
    let private isEnabled = LogDefineOptions(SkipEnabledCheck = true)

    /// Texts of servers and of the application may have several lines: stack traces of brokers, expressions of other members.
    let private oneLine (value: 'A) : 'A =
        // Of other types than texts the compiler leaves nothing of this.
        if typeof<'A> = typeof<string> then
            match box value with
            | :? string as text when text.AsSpan().IndexOfAny('\r', '\n') >= 0 ->
                let lines = text.Split([| '\r'; '\n' |], StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)

                unbox<'A>(box (String.Join(" | ", lines)))
            | _ -> value
        else
            value

    let event1 level number (name: string) text : Event1<'A> =
        let write = lazy LoggerMessage.Define<'A>(level, EventId(number, name), text, isEnabled)

        fun (log: ILogger) a ->
            if log.IsEnabled level then
                write.Value.Invoke(log, oneLine a, null)

    let event2 level number (name: string) text : Event2<'A, 'B> =
        let write = lazy LoggerMessage.Define<'A, 'B>(level, EventId(number, name), text, isEnabled)

        fun (log: ILogger) a b ->
            if log.IsEnabled level then
                write.Value.Invoke(log, oneLine a, oneLine b, null)

    let event3 level number (name: string) text : Event3<'A, 'B, 'C> =
        let write = lazy LoggerMessage.Define<'A, 'B, 'C>(level, EventId(number, name), text, isEnabled)

        fun (log: ILogger) a b c ->
            if log.IsEnabled level then
                write.Value.Invoke(log, oneLine a, oneLine b, oneLine c, null)

    let event4 level number (name: string) text : Event4<'A, 'B, 'C, 'D> =
        let write = lazy LoggerMessage.Define<'A, 'B, 'C, 'D>(level, EventId(number, name), text, isEnabled)

        fun (log: ILogger) a b c d ->
            if log.IsEnabled level then
                write.Value.Invoke(log, oneLine a, oneLine b, oneLine c, oneLine d, null)

    let event5 level number (name: string) text : Event5<'A, 'B, 'C, 'D, 'E> =
        let write = lazy LoggerMessage.Define<'A, 'B, 'C, 'D, 'E>(level, EventId(number, name), text, isEnabled)

        fun (log: ILogger) a b c d e ->
            if log.IsEnabled level then
                write.Value.Invoke(log, oneLine a, oneLine b, oneLine c, oneLine d, oneLine e, null)

    let failure0 level number (name: string) text : Failure0 =
        let write = lazy LoggerMessage.Define(level, EventId(number, name), text, isEnabled)

        fun (log: ILogger) (cause: exn) ->
            if log.IsEnabled level then
                write.Value.Invoke(log, cause)

    let failure1 level number (name: string) text : Failure1<'A> =
        let write = lazy LoggerMessage.Define<'A>(level, EventId(number, name), text, isEnabled)

        fun (log: ILogger) a (cause: exn) ->
            if log.IsEnabled level then
                write.Value.Invoke(log, oneLine a, cause)

    let failure2 level number (name: string) text : Failure2<'A, 'B> =
        let write = lazy LoggerMessage.Define<'A, 'B>(level, EventId(number, name), text, isEnabled)

        fun (log: ILogger) a b (cause: exn) ->
            if log.IsEnabled level then
                write.Value.Invoke(log, oneLine a, oneLine b, cause)

    let failure4 level number (name: string) text : Failure4<'A, 'B, 'C, 'D> =
        let write = lazy LoggerMessage.Define<'A, 'B, 'C, 'D>(level, EventId(number, name), text, isEnabled)

        fun (log: ILogger) a b c d (cause: exn) ->
            if log.IsEnabled level then
                write.Value.Invoke(log, oneLine a, oneLine b, oneLine c, oneLine d, cause)

module internal LogCategory =
    /// Of all that clients log.
    let client = "RocketMq.Client"

/// What every client logs. Bodies, fields and secrets never are.
module internal Log =
    open LogEvent

    let connected: Event2<Endpoint, int> = event2 information 1001 "Connected" "Connected to {Endpoint}, session {Session}"
    let dialFailed: Event2<Endpoint, string> = event2 warning 1002 "DialFailed" "Cannot connect to {Endpoint}: {Reason}"
    let sessionEnded: Event3<Endpoint, int, string> = event3 information 1003 "SessionEnded" "The connection to {Endpoint}, session {Session}, ended: {Reason}"
    let unexpectedAnswer: Event2<Endpoint, int> = event2 debug 1004 "UnexpectedAnswer" "{Endpoint} answered request {Opaque}, which is not in flight: the answer is late, or a second one"
    let handlerFailed: Failure2<Endpoint, RequestCode> = failure2 error 1005 "HandlerFailed" "The handler of a request of {Endpoint}, {Request}, failed"
    let requestDropped: Event2<Endpoint, RequestCode> = event2 warning 1006 "RequestDropped" "A one-way request of {Endpoint}, {Request}, was dropped: too many requests of this server are in flight"
    let listenerFailed: Failure1<Endpoint> = failure1 error 1007 "ListenerFailed" "A listener to the connection state of {Endpoint} failed"
    let agentFailed: Failure1<Endpoint> = failure1 critical 1008 "AgentFailed" "The agent of the connection to {Endpoint} failed; please report this as a defect"
    let goAway: Event2<Endpoint, int> = event2 information 1009 "GoAway" "{Endpoint} asks its clients to connect again; session {Session} ends after its last answer"
    let unreadableFrame: Event2<Endpoint, string> = event2 warning 1010 "UnreadableFrame" "A frame of {Endpoint} was skipped: {Reason}"
    let localTransactionFailed: Failure2<string, string> = failure2 warning 1011 "LocalTransactionFailed" "The local transaction of message {MessageId} of group {Group} threw; the broker checks later how it ended"
    let requestAnswered: Event4<RequestCode, Endpoint, TimeSpan, ResponseCode> = event4 trace 1012 "RequestAnswered" "{Request} to {Endpoint} was answered after {Time} with {Code}"
    let requestUnanswered: Event4<RequestCode, Endpoint, TimeSpan, string> = event4 debug 1013 "RequestUnanswered" "{Request} to {Endpoint} failed after {Time}: {Reason}"
    let anyCertificateAccepted: Event2<Endpoint, SslPolicyErrors> = event2 warning 1021 "AnyCertificateAccepted" "The certificate of {Endpoint} was accepted unverified because AcceptAnyCertificate is set (verification would have found: {Errors}). Whoever is in between can read and change everything"
    let credentialsWithoutTls: Event1<Endpoint> = event1 warning 1022 "CredentialsWithoutTls" "Requests to {Endpoint} are signed with credentials, and the connection has no TLS: whoever is in between can read and change them. Use TLS; this is logged once for each client"
    let requestFailed: Event3<RequestCode, string, string> = event3 warning 1103 "RequestFailed" "{Request} to {Broker} failed: {Reason}"
    let routeRefreshFailed: Event2<string, string> = event2 warning 1104 "RouteRefreshFailed" "The route of {Topic} cannot be refreshed: {Reason}"
    let agentOfClientFailed: Failure0 = failure0 error 1110 "MemberFailed" "An agent of a client failed; please report this as a defect"
    let workFailed: Failure0 = failure0 error 1123 "WorkFailed" "Work in the background failed with an unexpected exception; please report this as a defect"
    let nameServerSearchFailed: Event1<string> = event1 warning 1136 "NameServerSearchFailed" "The addresses of name servers cannot be refreshed: {Reason}"
