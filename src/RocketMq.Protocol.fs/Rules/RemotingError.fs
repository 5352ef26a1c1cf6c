namespace RocketMq

open System
open RocketMq.Protocol

/// Whether a request that failed took effect.
type RequestOutcome =
    /// It did not reach the server, or the server refused it.
    | NotExecuted
    /// It may have: the answer is missing.
    | UnknownOutcome

    override one.ToString() =
        match one with
        | NotExecuted -> "NotExecuted"
        | UnknownOutcome -> "UnknownOutcome"

/// How a connection was doing when a call failed.
type SessionHealth =
    {
        /// Since anything came from the server; nothing if it never was heard.
        SinceHeard: TimeSpan voption
        /// Calls that waited for answers.
        InFlight: int
        /// Bytes that had not been handed to the system.
        UnwrittenBytes: int64
    }

    override health.ToString() =
        let heard =
            match health.SinceHeard with
            | ValueSome span -> invariant $"it was last heard {Math.Round span.TotalMilliseconds} ms before"
            | ValueNone -> "it was never heard on this connection"

        let counted count (what: string) =
            if count = 1L then
                $"1 {what} was"
            else
                invariant $"{count} {what}s were"

        let waiting = counted (int64 health.InFlight) "call"
        let unwritten = counted health.UnwrittenBytes "byte"
        invariant $"{heard}, {waiting} waiting, {unwritten} unwritten"

/// Every way in which a request to a server fails. What each means (`isTransient`, `isOverload`, `outcome`) is in `ErrorKinds.fs`, the
/// codes of refusals are in `RefusalCodes.fs`.
[<RequireQualifiedAccess>]
type RemotingError =
    /// The caller's input; nothing was sent.
    | Invalid of error: InputError
    /// The request has no form on the wire, or is too large; nothing was sent.
    | NotEncoded of request: RequestCode * error: EncodeError
    /// No connection could be had; nothing was sent.
    | NotConnected of endpoint: Endpoint * reason: FailureReason
    /// So many calls wait on this connection that no other is taken; nothing was sent.
    | TooManyInFlight of endpoint: Endpoint * limit: int
    /// So many bytes wait to be written that no other request is taken; nothing was sent.
    | TooManyBytes of endpoint: Endpoint * limit: int
    /// So many, or so many bytes of them, wait for the same that no other may wait; nothing was sent.
    | TooManyWaiting of awaited: Awaited * bound: WaitingBound
    /// The connection ended before the answer came.
    | ConnectionLost of endpoint: Endpoint * request: RequestCode * after: TimeSpan * reason: FailureReason
    /// No answer came in time.
    | TimedOut of endpoint: Endpoint * request: RequestCode * after: TimeSpan * health: SessionHealth
    /// The server answered with an error code.
    | Refused of endpoint: Endpoint * request: RequestCode * after: TimeSpan * code: ResponseCode * remark: string
    /// The server has answered, in a way that cannot be read: it may have carried the request out, or refused it.
    | NotDecoded of endpoint: Endpoint * request: RequestCode * error: DecodeError
    /// The caller gave up: after the request, or an earlier attempt of it, may have left, or before anything was sent.
    | Cancelled of request: RequestCode * wasSent: bool
    /// The client had been closed; nothing was sent.
    | ClientClosed of endpoint: Endpoint
    /// The producer or consumer had been closed; nothing was sent.
    | AlreadyClosed of what: string
    /// No name server knows the topic, and none may be made. Those that were asked, where that is known.
    | NoRoute of topic: string * queried: Endpoint list
    /// The topic is there, but its route has no master, or no server at all, of this broker now; nothing was sent. An empty topic stands
    /// for those in use.
    | NoBroker of topic: string * brokerName: string
    /// The topic is there, and no queue of it can be used; nothing was sent.
    | NoQueue of topic: string * reason: string
    /// No name server said in time, or in a form that can be read, where the topic is; nothing was sent.
    | RouteUnknown of topic: string * reason: FailureReason
    /// A request was stored, and no consumer's reply to it came in time.
    | NoReply of topic: string * messageId: string * after: TimeSpan
    /// The time for which a popped message was hidden is over, or was before the broker answered: it is delivered again.
    | ReceiptExpired of messageId: string * wasSent: bool
    /// The settings of a client make no sense, or do not go together.
    | Misconfigured of reason: string
    /// The call itself makes no sense, as it was made or at this time; nothing was sent.
    | InvalidCall of reason: string
    /// This process has a consumer of the group already that brokers know by the same name.
    | ClientNameTaken of group: string * clientId: string
    /// Brokers let the group consume the topic by pull, so that none of its messages can be popped.
    | ConsumedByPull of topic: string * group: string
    /// A broker has registered an address that is none; nothing was sent.
    | BadAddress of address: string
    /// Offsets could not be read from, or written to, where a consumer keeps them.
    | OffsetStoreFailed of reason: string * failure: exn option
    /// The application's provider of credentials gave none; nothing was sent. What it threw is not kept: it may hold a secret.
    | CredentialsFailed of reason: string
    /// An exception that nothing here expects: a defect. The request may have been sent.
    | Unexpected of what: string * failure: exn
    /// An interceptor of the application threw. If it had sent the message before, that may be stored.
    | InterceptorFailed of failure: exn * wasSent: bool

    /// One sentence or two for people: address, request, what happened and what to look at.
    member error.Message =
        match error with
        | Invalid error -> error.Message
        | NotEncoded(request, error) -> $"{ErrorText.name request} was not sent: {error.Message}."
        | NotConnected(endpoint, reason) ->
            invariant
                $"No connection to {endpoint}: {reason}. Nothing was sent. Check that the server runs and can be reached."
        | TooManyInFlight(endpoint, limit) ->
            invariant $"{limit} calls to {endpoint} wait for answers, the most that are allowed. Nothing was sent. "
            + "Send more slowly, or raise MaxInFlight."
        | ConnectionLost(endpoint, request, after, reason) ->
            invariant
                $"The connection to {endpoint} ended {ErrorText.millis after} after {ErrorText.name request} was sent, without an answer: {reason}. "
            + "The server may have carried it out."
        | TooManyBytes(endpoint, limit) ->
            invariant $"{limit} bytes wait to be written to {endpoint}, the most that are allowed. Nothing was sent. "
            + "Send more slowly, look at why the server reads slowly, or raise MaxUnwrittenBytes."
        | TooManyWaiting(awaited, bound) ->
            let most, setting =
                match bound with
                | WaitingCallBound calls -> invariant $"{calls} calls", "MaxWaitingCalls"
                | WaitingByteBound bytes -> invariant $"Calls of {bytes} bytes together", "MaxWaitingBytes"

            invariant
                $"{most}, the most that are allowed, wait for {awaited}. Nothing was sent. Send more slowly, or raise {setting}."
        | TimedOut(endpoint, request, after, health) ->
            invariant $"{endpoint} did not answer {ErrorText.name request} within {ErrorText.millis after}: {health}. "
            + "The server may have carried it out, or still do so."
        | Refused(endpoint, request, after, code, remark) ->
            let reason = if remark = "" then "" else $": {remark}"

            let what =
                invariant
                    $"{endpoint} refused {ErrorText.name request} after {ErrorText.millis after} with {code} ({int code}){reason}."

            what + ErrorText.advice request code remark
        | NotDecoded(endpoint, request, error) ->
            invariant
                $"The answer of {endpoint} to {ErrorText.name request} cannot be read: {error.Message}. The server may have carried it out; "
            + "it is not sent again by itself."
        | Cancelled(request, true) -> $"{ErrorText.name request} was cancelled. The server may have carried it out."
        | Cancelled(request, false) -> $"{ErrorText.name request} was cancelled before anything was sent."
        | ClientClosed endpoint -> invariant $"The client of {endpoint} has been closed. Nothing was sent."
        | AlreadyClosed what -> $"{what} has been closed. Nothing was sent."
        | NoRoute(topic, queried) ->
            $"{ErrorText.unknownTo topic queried}, nor one to make it from. Create the topic, or let the broker do so "
            + "(autoCreateTopicEnable); then check that brokers register with this name server."
        | NoBroker(topic, brokerName) ->
            let route =
                if topic = "" then
                    "No route in use leads"
                else
                    $"The route of topic {topic} does not lead"

            $"{route} to broker {brokerName}, or to its master where that must be asked. Nothing was sent. Check the broker's "
            + "name, and that it runs and has registered."
        | NoQueue(topic, reason) ->
            invariant
                $"The topic {topic} is there, but {reason}. Nothing was sent. Check the topic's permission and queues (mqadmin "
            + "topicRoute, updateTopic), and that the masters of its brokers run."
        | RouteUnknown(topic, reason) ->
            invariant
                $"The route of topic {topic} could not be found out: {reason}. Nothing was sent. Check that a name server runs and "
            + "can be reached."
        | NoReply(topic, messageId, after) ->
            invariant
                $"Request {messageId} to {topic} was stored, but no reply came within {ErrorText.millis after}. Check that a consumer of the "
            + "topic replies, and in time."
        | ReceiptExpired(messageId, wasSent) ->
            let answer = if wasSent then " before the broker had answered" else ""

            invariant
                $"The receipt of {messageId} has expired{answer}: the message is delivered again. Handle messages faster, or hide "
            + "them for longer."
        | Misconfigured reason ->
            let reason = reason.TrimEnd '.'
            $"The settings are not valid: {reason}."
        | InvalidCall reason ->
            let reason = reason.TrimEnd '.'
            $"The call is not valid: {reason}. Nothing was sent."
        | ClientNameTaken(group, clientId) ->
            invariant
                $"This process has a consumer of group {group} already that brokers know as {clientId}. Give each an instance name "
            + "of its own; one that shares a RocketMqClient needs another RocketMqClient."
        | ConsumedByPull(topic, group) ->
            invariant
                $"Brokers let group {group} consume topic {topic} by pull. Have them let it pop first, with EnablePopMode, or with "
            + "mqadmin setConsumeMode -m POP."
        | BadAddress address ->
            $"A broker has registered the address '{address}', which is no host:port. Nothing was sent. Check the broker's "
            + "brokerIP1, and what MapAddress makes of it."
        | OffsetStoreFailed(reason, _) ->
            let reason = reason.TrimEnd '.'
            $"Offsets cannot be kept: {reason}."
        | CredentialsFailed reason -> $"There are no credentials to sign with: {reason}. Nothing was sent."
        | Unexpected(what, failure) ->
            let reason = failure.Message.TrimEnd '.'

            invariant
                $"{what} failed with {failure.GetType().Name}: {reason}. The server may have carried it out. This is a defect; please report it."
        | InterceptorFailed(failure, wasSent) ->
            let outcome =
                if wasSent then
                    "It had sent the message, which may be stored."
                else
                    "Nothing was sent."

            let reason = failure.Message.TrimEnd '.'
            invariant $"An interceptor failed with {failure.GetType().Name}: {reason}. {outcome}"

    override error.ToString() = error.Message

    /// One function a case, for callers without pattern matching: a case that is added breaks them until they know it.
    member error.Match<'T>
        (
            invalid: Func<InputError, 'T>,
            notEncoded: Func<RequestCode, EncodeError, 'T>,
            notConnected: Func<Endpoint, 'T>,
            tooManyInFlight: Func<Endpoint, int, 'T>,
            tooManyBytes: Func<Endpoint, int, 'T>,
            tooManyWaiting: Func<Awaited, WaitingBound, 'T>,
            connectionLost: Func<Endpoint, RequestCode, 'T>,
            timedOut: Func<Endpoint, RequestCode, TimeSpan, 'T>,
            refused: Func<Endpoint, RequestCode, ResponseCode, string, 'T>,
            notDecoded: Func<Endpoint, RequestCode, 'T>,
            cancelled: Func<RequestCode, 'T>,
            clientClosed: Func<Endpoint, 'T>,
            alreadyClosed: Func<string, 'T>,
            noRoute: Func<string, 'T>,
            noBroker: Func<string, 'T>,
            noQueue: Func<string, 'T>,
            routeUnknown: Func<string, 'T>,
            noReply: Func<string, string, TimeSpan, 'T>,
            receiptExpired: Func<string, 'T>,
            misconfigured: Func<string, 'T>,
            invalidCall: Func<string, 'T>,
            clientNameTaken: Func<string, string, 'T>,
            consumedByPull: Func<string, string, 'T>,
            badAddress: Func<string, 'T>,
            offsetStoreFailed: Func<string, 'T>,
            credentialsFailed: Func<string, 'T>,
            unexpected: Func<string, exn, 'T>,
            interceptorFailed: Func<exn, bool, 'T>
        ) : 'T =
        match error with
        | Invalid error -> invalid.Invoke error
        | NotEncoded(request, error) -> notEncoded.Invoke(request, error)
        | NotConnected(endpoint, _) -> notConnected.Invoke endpoint
        | TooManyInFlight(endpoint, limit) -> tooManyInFlight.Invoke(endpoint, limit)
        | TooManyBytes(endpoint, limit) -> tooManyBytes.Invoke(endpoint, limit)
        | TooManyWaiting(awaited, bound) -> tooManyWaiting.Invoke(awaited, bound)
        | ConnectionLost(endpoint, request, _, _) -> connectionLost.Invoke(endpoint, request)
        | TimedOut(endpoint, request, after, _) -> timedOut.Invoke(endpoint, request, after)
        | Refused(endpoint, request, _, code, remark) -> refused.Invoke(endpoint, request, code, remark)
        | NotDecoded(endpoint, request, _) -> notDecoded.Invoke(endpoint, request)
        | Cancelled(request, _) -> cancelled.Invoke request
        | ClientClosed endpoint -> clientClosed.Invoke endpoint
        | AlreadyClosed what -> alreadyClosed.Invoke what
        | NoRoute(topic, _) -> noRoute.Invoke topic
        | NoBroker(topic, _) -> noBroker.Invoke topic
        | NoQueue(topic, _) -> noQueue.Invoke topic
        | RouteUnknown(topic, _) -> routeUnknown.Invoke topic
        | NoReply(topic, messageId, after) -> noReply.Invoke(topic, messageId, after)
        | ReceiptExpired(messageId, _) -> receiptExpired.Invoke messageId
        | Misconfigured reason -> misconfigured.Invoke reason
        | InvalidCall reason -> invalidCall.Invoke reason
        | ClientNameTaken(group, clientId) -> clientNameTaken.Invoke(group, clientId)
        | ConsumedByPull(topic, group) -> consumedByPull.Invoke(topic, group)
        | BadAddress address -> badAddress.Invoke address
        | OffsetStoreFailed(reason, _) -> offsetStoreFailed.Invoke reason
        | CredentialsFailed reason -> credentialsFailed.Invoke reason
        | Unexpected(what, failure) -> unexpected.Invoke(what, failure)
        | InterceptorFailed(failure, wasSent) -> interceptorFailed.Invoke(failure, wasSent)
