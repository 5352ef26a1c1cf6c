namespace RocketMq.Administration

open RocketMq
open RocketMq.Protocol

/// Which brokers know a request. Source: AdminBrokerProcessor.java and QueryAssignmentProcessor.java, tag by tag from 4.9.0 to 5.3.3.
module RequestVersions =
    /// The brokers that it needs, in words; nothing of a request that all of 4.9 and 5.x know.
    let requirement (code: RequestCode) : string option =
        match code with
        | RequestCode.GetAllProducerInfo
        | RequestCode.DeleteExpiredCommitLog -> Some "brokers of 4.9.4 or later"
        | RequestCode.GetTopicConfig
        | RequestCode.GetSubscriptionGroupConfig
        | RequestCode.UpdateAndGetGroupForbidden
        | RequestCode.QueryTopicsByConsumer
        | RequestCode.QuerySubscriptionByConsumer
        | RequestCode.GetAllMessageRequestMode
        | RequestCode.SetMessageRequestMode
        | RequestCode.GetTimerMetrics
        | RequestCode.GetBrokerHaStatus -> Some "brokers of 5.0 or later"
        | RequestCode.UpdateAndCreateTopicList
        | RequestCode.AuthCreateUser
        | RequestCode.AuthUpdateUser
        | RequestCode.AuthDeleteUser
        | RequestCode.AuthGetUser
        | RequestCode.AuthListUser
        | RequestCode.AuthCreateAcl
        | RequestCode.AuthUpdateAcl
        | RequestCode.AuthDeleteAcl
        | RequestCode.AuthGetAcl
        | RequestCode.AuthListAcl -> Some "brokers of 5.3.0 or later"
        | RequestCode.UpdateAndCreateSubscriptionGroupList -> Some "brokers of 5.3.1 or later"
        | RequestCode.PopRollback -> Some "brokers of 5.3.2 or later"
        | RequestCode.UpdateAndCreateAclConfig
        | RequestCode.DeleteAclConfig
        | RequestCode.UpdateGlobalWhiteAddressesConfig
        | RequestCode.GetBrokerClusterAclInfo -> Some "brokers of 4.x, or of 5.x before 5.3.3"
        | _ -> None

    /// What a server lacks that does not know a request, where that is its version. A server of another kind lacks nothing: its address is wrong.
    let missing (error: RemotingError) : (RequestCode * string) option =
        match error with
        | RemotingError.Refused(request = request; code = ResponseCode.RequestCodeNotSupported) ->
            requirement request |> Option.map (fun needed -> request, needed)
        | _ -> None

    /// Why a request failed, for people.
    let reason (error: RemotingError) : string =
        match missing error with
        | Some(request, needed) -> invariant $"{request} ({int request}) is not supported: it needs {needed}."
        | None -> error.Message
