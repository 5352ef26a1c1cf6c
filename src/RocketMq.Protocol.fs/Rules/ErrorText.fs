namespace RocketMq

open System
open RocketMq.Protocol

/// Parts of errors in words.
module internal ErrorText =
    let name (request: RequestCode) = invariant $"{request} ({int request})"

    let millis (span: TimeSpan) =
        invariant $"{Math.Round span.TotalMilliseconds} ms"

    let unknownTo (topic: string) (queried: Endpoint list) =
        match queried with
        | [] -> invariant $"No name server knows the topic {topic}"
        | [ single ] -> invariant $"The name server {single} does not know the topic {topic}"
        | several ->
            let all = several |> List.map string |> String.concat ", "
            invariant $"None of the name servers {all} knows the topic {topic}"

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
    let advice request code remark =
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
        | ResponseCode.NotLeaderForQueue ->
            " The queue of this static topic is at another broker; mqadmin topicRoute shows where."
        | ResponseCode.RequestCodeNotSupported when isForNameServers request ->
            " That is no name server: check the address and its port, mostly 9876; a broker answers so, mostly at 10911."
        | ResponseCode.RequestCodeNotSupported -> " The server does not know this request; check its version."
        | _ -> ""
