namespace RocketMq

open System
open RocketMq.Protocol

/// What the codes mean with which servers refuse requests. What follows: for a send `SendRetry.decide`, for a call `RetryPolicy.decide`, for a
/// pull or pop `PullRetry.waitAfter`; docs/production.md, "Refusals", has all of it in one table.
module internal RefusalCodes =
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
        | ResponseCode.NotLeaderForQueue
        | ResponseCode.GoAway -> true
        | _ -> false

    let private mentions (part: string) (remark: string) =
        remark.Contains(part, StringComparison.Ordinal)

    /// Whether access control refused a request. Brokers of 4.x tell it as a system error, with the name of Java's exception;
    /// those of 5.x by NoPermission, which a broker or topic that is "forbidden" for a while has too.
    /// Sources: PlainPermissionManager.java, AuthenticationPipeline.java, AuthorizationPipeline.java.
    let isAccessRefusal code remark =
        match code with
        | ResponseCode.SystemError -> mentions "AclException" remark
        | ResponseCode.NoPermission -> not (mentions "is forbidden" remark)
        | _ -> false

    /// Whether the same request may succeed after it was refused. A pop that was too old by the broker's clock is new when it
    /// is made again; other requests have this code for something else.
    let isTransientRefusal request code remark =
        match code with
        | _ when isAccessRefusal code remark -> false
        | ResponseCode.PollingTimeout -> request = RequestCode.PopMessage
        | _ -> isTransientCode code

    /// Codes by which a server says that it has too much to do. Sources: RemotingSysResponseCode.java, ResponseCode.java.
    let isOverloadCode code =
        match code with
        | ResponseCode.SystemBusy
        | ResponseCode.FlowControl -> true
        | _ -> false
