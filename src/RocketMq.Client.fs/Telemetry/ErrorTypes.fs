namespace RocketMq

open RocketMq.Protocol

/// The values of `error.type`: the few of this list and no other, so that metrics have no more series than it has entries.
module internal ErrorTypes =
    /// A server refused, for a reason that has no entry of its own.
    let refused = "Refused"

    /// The handler threw, or gave no task or no result.
    let handlerFailed = "HandlerFailed"

    /// The handler has its messages delivered again.
    let retry = "Retry"

    /// The handler made its messages dead letters.
    let deadLetter = "DeadLetter"

    let private codes =
        Map.ofList
            [
                for code, name in
                    [
                        ResponseCode.SystemError, "SystemError"
                        ResponseCode.SystemBusy, "SystemBusy"
                        ResponseCode.RequestCodeNotSupported, "RequestCodeNotSupported"
                        ResponseCode.FlushDiskTimeout, "FlushDiskTimeout"
                        ResponseCode.SlaveNotAvailable, "SlaveNotAvailable"
                        ResponseCode.FlushSlaveTimeout, "FlushSlaveTimeout"
                        ResponseCode.MessageIllegal, "MessageIllegal"
                        ResponseCode.ServiceNotAvailable, "ServiceNotAvailable"
                        ResponseCode.NoPermission, "NoPermission"
                        ResponseCode.TopicNotExist, "TopicNotExist"
                        ResponseCode.SubscriptionNotExist, "SubscriptionNotExist"
                        ResponseCode.SubscriptionGroupNotExist, "SubscriptionGroupNotExist"
                        ResponseCode.InvalidParameter, "InvalidParameter"
                        ResponseCode.PollingFull, "PollingFull"
                        ResponseCode.PollingTimeout, "PollingTimeout"
                        ResponseCode.FlowControl, "FlowControl"
                        ResponseCode.NotLeaderForQueue, "NotLeaderForQueue"
                        ResponseCode.GoAway, "GoAway"
                    ] do
                    int code, name
            ]

    /// Why a server refused.
    let ofCode (code: ResponseCode) : string =
        match codes.TryFind(int code) with
        | Some name -> name
        | None -> refused

    /// How a call failed.
    let ofError (error: RemotingError) : string =
        match error with
        | RemotingError.Refused(_, _, _, code, _) -> ofCode code
        | RemotingError.ConnectionLost _ -> "ConnectionLost"
        | RemotingError.NotConnected _ -> "NotConnected"
        | RemotingError.TimedOut _ -> "TimedOut"
        | RemotingError.NoReply _ -> "NoReply"
        | RemotingError.Cancelled _ -> "Cancelled"
        | RemotingError.NotDecoded _ -> "NotDecoded"
        | RemotingError.TooManyInFlight _ -> "TooManyInFlight"
        | RemotingError.TooManyBytes _ -> "TooManyBytes"
        | RemotingError.TooManyWaiting _ -> "TooManyWaiting"
        | RemotingError.NoRoute _ -> "NoRoute"
        | RemotingError.NoBroker _ -> "NoBroker"
        | RemotingError.NoQueue _ -> "NoQueue"
        | RemotingError.RouteUnknown _ -> "RouteUnknown"
        | RemotingError.ReceiptExpired _ -> "ReceiptExpired"
        | RemotingError.CredentialsFailed _ -> "CredentialsFailed"
        | RemotingError.OffsetStoreFailed _ -> "OffsetStoreFailed"
        | RemotingError.InterceptorFailed _ -> "InterceptorFailed"
        | RemotingError.Unexpected _ -> "Unexpected"
        | RemotingError.ClientClosed _
        | RemotingError.AlreadyClosed _ -> "ClientClosed"
        | RemotingError.Invalid _
        | RemotingError.NotEncoded _
        | RemotingError.Misconfigured _
        | RemotingError.InvalidCall _
        | RemotingError.ClientNameTaken _
        | RemotingError.ConsumedByPull _
        | RemotingError.BadAddress _ -> "Invalid"

    /// What a handler's result says is wrong; nothing if it is success.
    let ofResult (result: ConsumeResult) : string voption =
        match result with
        | ConsumeResult.Success -> ValueNone
        | ConsumeResult.DeadLetter -> ValueSome deadLetter
        | ConsumeResult.Retry
        | ConsumeResult.RetryAfter _
        | ConsumeResult.RetryAtLevel _ -> ValueSome retry

    /// The server that a call failed at, if the error names it.
    let endpointOf (error: RemotingError) : Endpoint voption =
        match error with
        | RemotingError.Refused(endpoint, _, _, _, _)
        | RemotingError.ConnectionLost(endpoint, _, _, _)
        | RemotingError.NotConnected(endpoint, _)
        | RemotingError.TimedOut(endpoint, _, _, _)
        | RemotingError.TooManyInFlight(endpoint, _)
        | RemotingError.TooManyBytes(endpoint, _)
        | RemotingError.ClientClosed endpoint -> ValueSome endpoint
        // Where records cannot be read, this names the broker and not its address.
        | RemotingError.NotDecoded(endpoint, _, _) when endpoint.Port > 0 -> ValueSome endpoint
        | _ -> ValueNone

    /// Every value that there is.
    let all: Set<string> =
        Set.ofList
            [
                yield! codes.Values
                refused
                handlerFailed
                retry
                deadLetter
                "ConnectionLost"
                "NotConnected"
                "TimedOut"
                "NoReply"
                "Cancelled"
                "NotDecoded"
                "TooManyInFlight"
                "TooManyBytes"
                "TooManyWaiting"
                "NoRoute"
                "NoBroker"
                "NoQueue"
                "RouteUnknown"
                "ReceiptExpired"
                "CredentialsFailed"
                "OffsetStoreFailed"
                "InterceptorFailed"
                "Unexpected"
                "ClientClosed"
                "Invalid"
            ]
