namespace RocketMq

open System
open RocketMq.Protocol

/// Errors in words.
module internal ErrorText =
    let private name (request: RequestCode) = $"%O{request} (%d{int request})"

    let millis (span: TimeSpan) =
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
        | _ when RefusalCodes.isAccessRefusal code remark ->
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
        | InvalidCall reason ->
            let reason = reason.TrimEnd '.'
            $"The call is not valid: {reason}. Nothing was sent."
        | ClientNameTaken(group, clientId) ->
            $"This process has a consumer of group {group} already that brokers know as {clientId}. Give each an instance name "
            + "of its own."
        | ConsumedByPull(topic, group) ->
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
            $"{what} failed with {failure.GetType().Name}: {reason}. The server may have carried it out. This is a defect; please report it."
        | InterceptorFailed(failure, wasSent) ->
            let outcome =
                if wasSent then
                    "It had sent the message, which may be stored."
                else
                    "Nothing was sent."

            let reason = failure.Message.TrimEnd '.'
            $"An interceptor failed with {failure.GetType().Name}: {reason}. {outcome}"
