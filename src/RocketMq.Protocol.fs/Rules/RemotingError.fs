namespace RocketMq.Protocol

open System

/// Whether a request that failed took effect.
type RequestOutcome =
    /// It did not reach the server, or the server refused it.
    | NotExecuted
    /// It may have: the answer is missing.
    | UnknownOutcome

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
            | ValueSome span -> $"it was last heard {Math.Round span.TotalMilliseconds} ms before"
            | ValueNone -> "it was never heard on this connection"

        let counted count (what: string) =
            if count = 1L then
                $"1 {what} was"
            else
                $"{count} {what}s were"

        let waiting = counted (int64 health.InFlight) "call"
        let unwritten = counted health.UnwrittenBytes "byte"
        $"{heard}, {waiting} waiting, {unwritten} unwritten"

/// Every way in which asking a server fails.
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
    | NoRoute of topic: string * asked: Endpoint list
    /// The topic is there, but its route has no master, or nobody, of this broker now; nothing was sent. An empty topic stands
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
    /// The client's settings do not go together.
    | Misconfigured of reason: string
    /// An interceptor of the application threw. If it had sent the message before, that may be stored.
    | InterceptorFailed of failure: exn * wasSent: bool

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
        | InterceptorFailed(failure, wasSent) -> interceptorFailed.Invoke(failure, wasSent)

module RemotingError =
    let outcome error =
        match error with
        | Invalid _
        | NotEncoded _
        | NotConnected _
        | TooManyInFlight _
        | TooManyBytes _
        | TooManyWaiting _
        | Refused _
        | ClientClosed _
        | AlreadyClosed _
        | NoRoute _
        | NoBroker _
        | NoQueue _
        | ReceiptExpired(_, false)
        | Cancelled(_, false)
        | InterceptorFailed(_, false)
        | RouteUnknown _
        | Misconfigured _ -> NotExecuted
        | ConnectionLost _
        | TimedOut _
        | NotDecoded _
        | NoReply _
        | ReceiptExpired(_, true)
        | InterceptorFailed(_, true)
        | Cancelled(_, true) -> UnknownOutcome

    /// Codes after which the same request may succeed, there or at another broker. Source: DefaultMQProducer.java.
    let private isTransientCode code =
        match code with
        | ResponseCode.SystemError
        | ResponseCode.SystemBusy
        | ResponseCode.ServiceNotAvailable
        | ResponseCode.TopicNotExist
        | ResponseCode.NoPermission
        | ResponseCode.NoBuyerId
        | ResponseCode.NotInCurrentUnit
        | ResponseCode.FlowControl
        | ResponseCode.GoAway -> true
        | _ -> false

    let private mentions (part: string) (remark: string) =
        remark.Contains(part, StringComparison.Ordinal)

    /// Whether access control refused a request. Brokers of 4.x tell it as a system error, with the name of Java's exception;
    /// those of 5.x by NoPermission, which a broker or topic that is "forbidden" for a while has too.
    /// Sources: PlainPermissionManager.java, AuthenticationPipeline.java, AuthorizationPipeline.java.
    let internal isAccessRefusal code remark =
        match code with
        | ResponseCode.SystemError -> mentions "AclException" remark
        | ResponseCode.NoPermission -> not (mentions "is forbidden" remark)
        | _ -> false

    let internal isRefusalOfAccess error =
        match error with
        | Refused(_, _, _, code, remark) -> isAccessRefusal code remark
        | _ -> false

    /// Whether the same request may succeed after it was refused. A pop that was too old by the broker's clock is new when it
    /// is made again; other requests have this code for something else.
    let private isTransientRefusal request code remark =
        match code with
        | _ when isAccessRefusal code remark -> false
        | ResponseCode.PollingTimeout -> request = RequestCode.PopMessage
        | _ -> isTransientCode code

    /// Whether trying again may help.
    let isTransient error =
        match error with
        | NotConnected _
        | TooManyInFlight _
        | TooManyBytes _
        | TooManyWaiting _
        | ConnectionLost _
        | TimedOut _
        | NoReply _
        | NoRoute _
        | NoBroker _
        | NoQueue _
        | RouteUnknown _ -> true
        | Refused(_, request, _, code, remark) -> isTransientRefusal request code remark
        | Invalid _
        | NotEncoded _
        | NotDecoded _
        | Cancelled _
        | ClientClosed _
        | ReceiptExpired _
        | AlreadyClosed _
        | InterceptorFailed _
        | Misconfigured _ -> false

    let private name (request: RequestCode) = $"%O{request} (%d{int request})"

    let private millis (span: TimeSpan) =
        $"{Math.Round span.TotalMilliseconds} ms"

    let private unknownTo topic (asked: Endpoint list) =
        match asked with
        | [] -> $"No name server knows the topic {topic}"
        | [ single ] -> $"The name server {single} does not know the topic {topic}"
        | several ->
            let all = several |> List.map string |> String.concat ", "
            $"None of the name servers {all} knows the topic {topic}"

    /// Requests that clients send to name servers only.
    let private isForNameServers request =
        match request with
        | RequestCode.GetRouteInfoByTopic
        | RequestCode.GetBrokerClusterInfo
        | RequestCode.GetAllTopicListFromNameServer
        | RequestCode.PutKvConfig
        | RequestCode.GetKvConfig
        | RequestCode.DeleteKvConfig -> true
        | _ -> false

    /// What to look at first after a refusal.
    let private advice request code remark =
        match code with
        | _ when isAccessRefusal code remark ->
            " Check the access key, its secret key, and what the key may do with topic and group."
        | ResponseCode.PollingTimeout when request = RequestCode.PopMessage ->
            " By the broker's clock the request is too old: look whether that clock was set, or requests are long on their way."
        | ResponseCode.TopicNotExist -> " Create the topic, or let the broker do so (autoCreateTopicEnable)."
        | ResponseCode.NoPermission -> " Check the permissions of broker and topic."
        | ResponseCode.SystemBusy
        | ResponseCode.FlowControl -> " The broker is overloaded; try again later."
        | ResponseCode.SubscriptionGroupNotExist ->
            " Create the group, or let the broker do so (autoCreateSubscriptionGroup)."
        | ResponseCode.RequestCodeNotSupported when isForNameServers request ->
            " That is no name server: check the address and its port, mostly 9876; a broker answers so, mostly at 10911."
        | ResponseCode.RequestCodeNotSupported -> " The server does not know this request; check its version."
        | _ -> ""

    /// One sentence or two for people: address, request, what happened and what to look at.
    let describe error =
        match error with
        | Invalid error -> error.Message
        | NotEncoded(request, error) -> $"{name request} was not sent: {error.Message}."
        | NotConnected(endpoint, reason) ->
            $"No connection to {endpoint}: {reason}. Nothing was sent. Check that the server runs and can be reached."
        | TooManyInFlight(endpoint, limit) ->
            $"{limit} calls to {endpoint} wait for answers, the most that are allowed. Nothing was sent. "
            + "Send more slowly, or raise MaxInFlight."
        | ConnectionLost(endpoint, request, after, reason) ->
            $"The connection to {endpoint} ended {millis after} after {name request} was sent, without an answer: {reason}. "
            + "The server may have carried it out."
        | TooManyBytes(endpoint, limit) ->
            $"{limit} bytes wait to be written to {endpoint}, the most that are allowed. Nothing was sent. "
            + "Send more slowly, look at why the server reads slowly, or raise MaxUnwrittenBytes."
        | TooManyWaiting(awaited, bound) ->
            let most, setting =
                match bound with
                | WaitingCallBound calls -> $"{calls} calls", "MaxWaitingCalls"
                | WaitingByteBound bytes -> $"Calls of {bytes} bytes together", "MaxWaitingBytes"

            $"{most}, the most that are allowed, wait for {awaited}. Nothing was sent. Send more slowly, or raise {setting}."
        | TimedOut(endpoint, request, after, health) ->
            $"{endpoint} did not answer {name request} within {millis after}: %O{health}. "
            + "The server may have carried it out, or still do so."
        | Refused(endpoint, request, after, code, remark) ->
            let reason = if remark = "" then "" else $": {remark}"

            let what =
                $"{endpoint} refused {name request} after {millis after} with %O{code} (%d{int code}){reason}."

            what + advice request code remark
        | NotDecoded(endpoint, request, error) ->
            $"The answer of {endpoint} to {name request} cannot be read: {error.Message}. The server may have carried it out; "
            + "it is not sent again by itself."
        | Cancelled(request, true) -> $"{name request} was cancelled. The server may have carried it out."
        | Cancelled(request, false) -> $"{name request} was cancelled before anything was sent."
        | ClientClosed endpoint -> $"The client of {endpoint} has been closed. Nothing was sent."
        | AlreadyClosed what -> $"{what} has been closed. Nothing was sent."
        | NoRoute(topic, asked) ->
            $"{unknownTo topic asked}, nor one to make it from. Create the topic, or let the broker do so "
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
            $"The topic {topic} is there, but {reason}. Nothing was sent. Check the topic's permission and queues (mqadmin "
            + "topicRoute, updateTopic), and that the masters of its brokers run."
        | RouteUnknown(topic, reason) ->
            $"The route of topic {topic} could not be found out: {reason}. Nothing was sent. Check that a name server runs and "
            + "can be reached."
        | NoReply(topic, messageId, after) ->
            $"Request {messageId} to {topic} was stored, but no reply came within {millis after}. Check that a consumer of the "
            + "topic replies, and in time."
        | ReceiptExpired(messageId, wasSent) ->
            let answer = if wasSent then " before the broker had answered" else ""

            $"The receipt of {messageId} has expired{answer}: the message is delivered again. Handle messages faster, or hide "
            + "them for longer."
        | Misconfigured reason ->
            let reason = reason.TrimEnd '.'
            $"The settings are not valid: {reason}."
        | InterceptorFailed(failure, wasSent) ->
            let outcome =
                if wasSent then
                    "It had sent the message, which may be stored."
                else
                    "Nothing was sent."

            let reason = failure.Message.TrimEnd '.'
            $"An interceptor failed with {failure.GetType().Name}: {reason}. {outcome}"

    /// Whether there was no connection, or it ended.
    let isConnection error =
        match error with
        | NotConnected _
        | ConnectionLost _
        | ClientClosed _ -> true
        | _ -> false

    /// Codes by which a server says that it has too much to do. Sources: RemotingSysResponseCode.java, ResponseCode.java.
    let internal isOverloadCode code =
        match code with
        | ResponseCode.SystemBusy
        | ResponseCode.FlowControl -> true
        | _ -> false

    /// Whether the server, or this client, has too much to do: wait before trying again.
    let isOverload error =
        match error with
        | TooManyInFlight _
        | TooManyBytes _
        | TooManyWaiting _ -> true
        | Refused(_, _, _, code, _) -> isOverloadCode code
        | _ -> false

    /// Whether the answer did not come in time.
    let isTimeout error =
        match error with
        | TimedOut _
        | NoReply _ -> true
        | _ -> false

    /// Whether the same call must fail again, whenever and wherever it is tried.
    let isPermanent error =
        match error with
        | Invalid _
        | NotEncoded _
        | NotDecoded _
        | ClientClosed _
        | ReceiptExpired _
        | AlreadyClosed _
        | InterceptorFailed _
        | Misconfigured _ -> true
        | Refused(_, request, _, code, remark) -> not (isTransientRefusal request code remark)
        | NotConnected _
        | TooManyInFlight _
        | TooManyBytes _
        | TooManyWaiting _
        | ConnectionLost _
        | TimedOut _
        | Cancelled _
        | NoReply _
        | NoRoute _
        | NoBroker _
        | NoQueue _
        | RouteUnknown _ -> false

    /// The exception behind an error, if one was: of a socket, of TLS, or of a function of the application.
    let cause error : exn option =
        match error with
        | NotConnected(_, reason)
        | ConnectionLost(_, _, _, reason)
        | RouteUnknown(_, reason) -> reason.Cause
        | Invalid(FunctionFailed(_, failure))
        | InterceptorFailed(failure, _) -> Some failure
        | _ -> None

    /// The caller gave up after attempts of which the last failed so.
    let internal cancelledAfter (request: RequestCode) (earlier: RemotingError) : RemotingError =
        Cancelled(request, outcome earlier = UnknownOutcome)

    /// The same error, if it has a reason, with what went wrong before.
    let internal withEarlier (earlier: string list) (error: RemotingError) : RemotingError =
        let longer (reason: FailureReason) =
            match earlier with
            | [] -> reason
            | earlier ->
                let before = String.concat "; " earlier
                FailureReason.withText $"{reason}; before that: {before}" reason

        match error with
        | NotConnected(endpoint, reason) -> NotConnected(endpoint, longer reason)
        | ConnectionLost(endpoint, request, after, reason) -> ConnectionLost(endpoint, request, after, longer reason)
        | RouteUnknown(topic, reason) -> RouteUnknown(topic, longer reason)
        | error -> error

    /// What a server that did not answer did instead, in a few words.
    let internal briefly (error: RemotingError) : string =
        match error with
        | NotConnected(endpoint, reason) -> $"{endpoint}: {reason}"
        | ConnectionLost(endpoint, _, _, reason) -> $"{endpoint} ended the connection: {reason}"
        | TimedOut(endpoint, _, after, _) -> $"{endpoint} did not answer within {millis after}"
        | NotDecoded(endpoint, _, error) -> $"the answer of {endpoint} cannot be read: {error.Message}"
        | error -> describe error

    /// The error of asking for a topic's route on behalf of a request that waits for it: that one has not been sent.
    let ofRoute (topic: string) (error: RemotingError) : RemotingError =
        match error with
        | ConnectionLost(endpoint, _, _, reason) ->
            let text = $"the connection to {endpoint} ended before the answer came: {reason}"
            RouteUnknown(topic, FailureReason.withText text reason)
        | TimedOut _
        | NotDecoded _ -> RouteUnknown(topic, FailureReason.ofText (briefly error))
        | Cancelled(request, _) -> Cancelled(request, false)
        | error -> error

    /// The error of a call whose answer, which came after a time, is not what was asked for.
    let ofAnswer endpoint request after answerError =
        match answerError with
        | RefusedByServer(code, remark) -> Refused(endpoint, request, after, code, remark)
        | Undecodable error -> NotDecoded(endpoint, request, error)
