namespace RocketMq

open RocketMq.Protocol

/// What the server of a connection knows of this client's groups: `BrokerHeartbeat`, from any thread.
[<Sealed>]
type internal HeartbeatMemory() =
    let gate = obj ()

    let mutable state: BrokerHeartbeat = BrokerHeartbeat.initial

    let happened event =
        lock gate (fun () ->
            let next, effects = BrokerHeartbeat.transition state event
            state <- next
            effects)

    /// A heartbeat is about to be sent. Whether it must have the subscriptions in it.
    member _.Begin(session: int voption, groups: ConsumerMembership list) : bool =
        happened (HeartbeatDue(session, groups)) |> List.contains SendWithSubscriptions

    /// The broker has answered. Whether another heartbeat is due at once.
    member _.Answered(outcome: HeartbeatOutcome) : bool =
        happened (HeartbeatAnswered outcome) |> List.contains SendAgain

    member _.Failed() : unit =
        happened HeartbeatFailed |> ignore<BrokerHeartbeatEffect list>

    /// The broker may have forgotten what it knew: the next heartbeat says all of it.
    member _.Doubt() : unit =
        happened HeartbeatDoubted |> ignore<BrokerHeartbeatEffect list>
