namespace RocketMq.Embedded

open RocketMq.Protocol

/// What a name server makes of requests. Pure: time comes in, answers go out.
module internal NameServer =
    let private serve (arrival: Arrival) (state: NameServerState) =
        match arrival.Command.RequestCode with
        | RequestCode.GetRouteInfoByTopic -> NameServing.route arrival state
        | RequestCode.GetBrokerClusterInfo -> NameServing.cluster arrival state
        | RequestCode.GetAllTopicListFromNameServer -> NameServing.topics arrival state
        | RequestCode.GetSystemTopicListFromNameServer -> NameServing.systemTopics arrival state
        | RequestCode.GetTopicsByCluster -> NameServing.topicsOfCluster arrival state
        | RequestCode.DeleteTopicInNameServer -> NameServing.deleteTopic arrival state
        | RequestCode.RegisterTopicInNameServer -> NameServing.registerTopic arrival state
        | RequestCode.WipeWritePermOfBroker -> NameServing.wipeWritePermission arrival state
        | RequestCode.AddWritePermOfBroker -> NameServing.addWritePermission arrival state
        | RequestCode.PutKvConfig -> NameServing.put arrival state
        | RequestCode.GetKvConfig -> NameServing.get arrival state
        | RequestCode.DeleteKvConfig -> NameServing.delete arrival state
        | RequestCode.GetKvListByNamespace -> NameServing.list arrival state
        | _ -> state, [ Answer.notSupported arrival ]

    let private arrive (arrival: Arrival) (state: NameServerState) =
        let struct (faults, instead) = Fates.arrive arrival state.Faults
        let state = { state with Faults = faults }

        match instead with
        | ValueSome effects -> state, effects
        | ValueNone -> serve arrival state

    let private withFaults (state: NameServerState) (faults, effects: BrokerEffect list) =
        { state with Faults = faults }, effects

    /// `now` in milliseconds since 1970, UTC.
    let transition (now: int64) (state: NameServerState) (event: BrokerEvent) : NameServerState * BrokerEffect list =
        match event with
        | Arrived arrival ->
            let state, effects = arrive arrival state
            withFaults state (Fates.apply now (state.Faults, effects))
        | Left connection -> withFaults state (Fates.leave connection state.Faults)
        | Ticked -> withFaults (Registry.expire now state) (Fates.expire now state.Faults)
        | Faulted rule -> withFaults state (Fates.add rule state.Faults, [])
        | Healed -> withFaults state (Fates.heal state.Faults)
        | ClientsForgotten
        | Advertised _
        | CallEnded _ -> state, []

    /// When to send `Ticked` next, if at all.
    let deadlines (state: NameServerState) : int64 list =
        ValueOption.toList (Fates.nextDue state.Faults) @ List.ofSeq state.Silent.Values

    /// Whether what `deadlines` gives has changed.
    let waitsDiffer (before: NameServerState) (after: NameServerState) =
        not (obj.ReferenceEquals(after.Faults.Late, before.Faults.Late))
        || not (obj.ReferenceEquals(after.Silent, before.Silent))
