/// A client that brokers are told of, without participants.
module internal RocketMq.Protocol.Tests.HeartbeatRig

open RocketMq.Protocol
open RocketMq

let source scope (heartbeat: unit -> Heartbeat) : IHeartbeatSource =
    { new IHeartbeatSource with
        member _.Heartbeat() = heartbeat ()
        member _.Scope = scope
        member _.UsesFingerprints = false
        member _.Reached _ = ()
        member _.Failed(_, _) = ()
    }
