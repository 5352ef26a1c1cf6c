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

        $"{heard}, {health.InFlight} calls were waiting, {health.UnwrittenBytes} bytes were unwritten"

/// Every way in which asking a server fails.
type RemotingError =
    /// The caller's input; nothing was sent.
    | Invalid of error: InputError
    /// The request has no form on the wire, or is too large; nothing was sent.
    | NotEncoded of request: RequestCode * error: EncodeError
    /// No connection could be had; nothing was sent.
    | NotConnected of endpoint: Endpoint * reason: string
    /// So many calls wait on this connection that no other is taken; nothing was sent.
    | TooManyInFlight of endpoint: Endpoint * limit: int
    /// So many bytes wait to be written that no other request is taken; nothing was sent.
    | TooManyBytes of endpoint: Endpoint * limit: int
    /// The connection ended before the answer came.
    | ConnectionLost of endpoint: Endpoint * request: RequestCode * after: TimeSpan * reason: string
    /// No answer came in time.
    | TimedOut of endpoint: Endpoint * request: RequestCode * after: TimeSpan * health: SessionHealth
    /// The server answered with an error code.
    | Refused of endpoint: Endpoint * request: RequestCode * after: TimeSpan * code: ResponseCode * remark: string
    /// The server's answer does not have its layout.
    | NotDecoded of endpoint: Endpoint * request: RequestCode * error: DecodeError
    /// The caller gave up.
    | Cancelled of request: RequestCode
    /// The client had been closed; nothing was sent.
    | ClientClosed of endpoint: Endpoint
    /// The producer or consumer had been closed; nothing was sent.
    | AlreadyClosed of what: string
    /// No name server knows the topic, and none may be made.
    | NoRoute of topic: string
    /// The topic is there, and no queue of it can be used, or not the one that is wanted; nothing was sent.
    | NoQueue of topic: string * reason: string
    /// No name server said in time, or in a form that can be read, where the topic is; nothing was sent.
    | RouteUnknown of topic: string * reason: string
    /// A request was stored, and no consumer's reply to it came in time.
    | NoReply of topic: string * messageId: string * after: TimeSpan
    /// The time for which a popped message was hidden is over, or was before the broker answered: it is handed out again.
    | ReceiptExpired of messageId: string * wasSent: bool
    /// The client's settings do not go together.
    | Misconfigured of reason: string

    /// One function a case, for callers without pattern matching: a case that is added breaks them until they know it.
    member error.Match<'T>
        (
            invalid: Func<InputError, 'T>,
            notEncoded: Func<RequestCode, EncodeError, 'T>,
            notConnected: Func<Endpoint, string, 'T>,
            tooManyInFlight: Func<Endpoint, int, 'T>,
            tooManyBytes: Func<Endpoint, int, 'T>,
            connectionLost: Func<Endpoint, RequestCode, 'T>,
            timedOut: Func<Endpoint, RequestCode, TimeSpan, 'T>,
            refused: Func<Endpoint, RequestCode, ResponseCode, string, 'T>,
            notDecoded: Func<Endpoint, RequestCode, 'T>,
            cancelled: Func<RequestCode, 'T>,
            clientClosed: Func<Endpoint, 'T>,
            alreadyClosed: Func<string, 'T>,
            noRoute: Func<string, 'T>,
            noQueue: Func<string, string, 'T>,
            routeUnknown: Func<string, string, 'T>,
            noReply: Func<string, string, TimeSpan, 'T>,
            receiptExpired: Func<string, 'T>,
            misconfigured: Func<string, 'T>
        ) : 'T =
        match error with
        | Invalid error -> invalid.Invoke error
        | NotEncoded(request, error) -> notEncoded.Invoke(request, error)
        | NotConnected(endpoint, reason) -> notConnected.Invoke(endpoint, reason)
        | TooManyInFlight(endpoint, limit) -> tooManyInFlight.Invoke(endpoint, limit)
        | TooManyBytes(endpoint, limit) -> tooManyBytes.Invoke(endpoint, limit)
        | ConnectionLost(endpoint, request, _, _) -> connectionLost.Invoke(endpoint, request)
        | TimedOut(endpoint, request, after, _) -> timedOut.Invoke(endpoint, request, after)
        | Refused(endpoint, request, _, code, remark) -> refused.Invoke(endpoint, request, code, remark)
        | NotDecoded(endpoint, request, _) -> notDecoded.Invoke(endpoint, request)
        | Cancelled request -> cancelled.Invoke request
        | ClientClosed endpoint -> clientClosed.Invoke endpoint
        | AlreadyClosed what -> alreadyClosed.Invoke what
        | NoRoute topic -> noRoute.Invoke topic
        | NoQueue(topic, reason) -> noQueue.Invoke(topic, reason)
        | RouteUnknown(topic, reason) -> routeUnknown.Invoke(topic, reason)
        | NoReply(topic, messageId, after) -> noReply.Invoke(topic, messageId, after)
        | ReceiptExpired(messageId, _) -> receiptExpired.Invoke messageId
        | Misconfigured reason -> misconfigured.Invoke reason

module RemotingError =
    let outcome error =
        match error with
        | Invalid _
        | NotEncoded _
        | NotConnected _
        | TooManyInFlight _
        | TooManyBytes _
        | Refused _
        | ClientClosed _
        | AlreadyClosed _
        | NoRoute _
        | NoQueue _
        | ReceiptExpired(_, false)
        | RouteUnknown _
        | Misconfigured _ -> NotExecuted
        | ConnectionLost _
        | TimedOut _
        | NotDecoded _
        | NoReply _
        | ReceiptExpired(_, true)
        | Cancelled _ -> UnknownOutcome

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
        | ConnectionLost _
        | TimedOut _
        | NoReply _
        | NoRoute _
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
        | Misconfigured _ -> false

    let private name (request: RequestCode) = $"%O{request} (%d{int request})"

    let private millis (span: TimeSpan) =
        $"{Math.Round span.TotalMilliseconds} ms"

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
        | TimedOut(endpoint, request, after, health) ->
            $"{endpoint} did not answer {name request} within {millis after}: %O{health}. "
            + "The server may have carried it out, or still do so."
        | Refused(endpoint, request, after, code, remark) ->
            let reason = if remark = "" then "" else $": {remark}"

            let what =
                $"{endpoint} refused {name request} after {millis after} with %O{code} (%d{int code}){reason}."

            what + advice request code remark
        | NotDecoded(endpoint, request, error) ->
            $"The answer of {endpoint} to {name request} cannot be read: {error.Message}."
        | Cancelled request -> $"{name request} was cancelled. The server may have carried it out."
        | ClientClosed endpoint -> $"The client of {endpoint} has been closed. Nothing was sent."
        | AlreadyClosed what -> $"{what} has been closed. Nothing was sent."
        | NoRoute topic ->
            $"No name server knows the topic {topic}, nor one to make it from. Create the topic, or let the broker do "
            + "so (autoCreateTopicEnable); then check that brokers register with this name server."
        | NoQueue(topic, reason) ->
            $"The topic {topic} is there, but {reason}. Nothing was sent. Check the topic's permission and queues (mqadmin "
            + "topicRoute, updateTopic), and that the masters of its brokers run."
        | RouteUnknown(topic, reason) ->
            $"The route of topic {topic} cannot be had: {reason}. Nothing was sent. Check that a name server runs and can be "
            + "reached."
        | NoReply(topic, messageId, after) ->
            $"Request {messageId} to {topic} was stored, but no reply came within {millis after}. Check that a consumer of the "
            + "topic replies, and in time."
        | ReceiptExpired(messageId, wasSent) ->
            let answer = if wasSent then " before the broker had answered" else ""

            $"The receipt of {messageId} has expired{answer}: the message is handed out again. Handle messages faster, or hide "
            + "them for longer."
        | Misconfigured reason -> $"The settings are not valid: {reason}."

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
        | TooManyBytes _ -> true
        | Refused(_, _, _, code, _) -> isOverloadCode code
        | _ -> false

    /// Whether the answer did not come in time.
    let isTimeout error =
        match error with
        | TimedOut _
        | NoReply _ -> true
        | _ -> false

    /// Whether the same call must fail again, whenever and wherever it is tried.
    let isFatal error =
        match error with
        | Invalid _
        | NotEncoded _
        | NotDecoded _
        | ClientClosed _
        | ReceiptExpired _
        | AlreadyClosed _
        | Misconfigured _ -> true
        | Refused(_, request, _, code, remark) -> not (isTransientRefusal request code remark)
        | NotConnected _
        | TooManyInFlight _
        | TooManyBytes _
        | ConnectionLost _
        | TimedOut _
        | Cancelled _
        | NoReply _
        | NoRoute _
        | NoQueue _
        | RouteUnknown _ -> false

    /// The error of asking for a topic's route on behalf of a request that waits for it: that one has not been sent.
    let ofRoute (topic: string) (error: RemotingError) : RemotingError =
        match error with
        | TimedOut(endpoint, _, after, _) -> RouteUnknown(topic, $"{endpoint} did not answer within {millis after}")
        | ConnectionLost(endpoint, _, _, reason) ->
            RouteUnknown(topic, $"the connection to {endpoint} ended before the answer came: {reason}")
        | NotDecoded(endpoint, _, error) ->
            RouteUnknown(topic, $"the answer of {endpoint} cannot be read: {error.Message}")
        | error -> error

    /// The error of a call whose answer, which came after a time, is not what was asked for.
    let ofAnswer endpoint request after answerError =
        match answerError with
        | RefusedByServer(code, remark) -> Refused(endpoint, request, after, code, remark)
        | Undecodable error -> NotDecoded(endpoint, request, error)
