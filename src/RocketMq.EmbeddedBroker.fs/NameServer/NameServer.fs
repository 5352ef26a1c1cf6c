namespace RocketMq.Embedded

open RocketMq.Protocol

/// What a name server makes of requests. Pure: time comes in, answers go out.
module internal NameServer =
    let private serve (arrival: Arrival) (state: NameServerState) =
        match arrival.Command.RequestCode with
        | RequestCode.GetRouteInfoByTopic -> NameServerRequests.route arrival state
        | RequestCode.GetBrokerClusterInfo -> NameServerRequests.cluster arrival state
        | RequestCode.GetAllTopicListFromNameServer -> NameServerRequests.topics arrival state
        | RequestCode.GetSystemTopicListFromNameServer -> NameServerRequests.systemTopics arrival state
        | RequestCode.GetUnitTopicList -> NameServerRequests.unitTopics arrival state
        | RequestCode.GetHasUnitSubTopicList -> NameServerRequests.topicsWithUnitSubscribers arrival state
        | RequestCode.GetHasUnitSubUnunitTopicList -> NameServerRequests.topicsOutsideUnits arrival state
        | RequestCode.GetNameServerConfig -> NameServerConfiguration.read arrival state
        | RequestCode.UpdateNameServerConfig -> NameServerConfiguration.update arrival state
        | RequestCode.GetTopicsByCluster -> NameServerRequests.topicsOfCluster arrival state
        | RequestCode.DeleteTopicInNameServer -> NameServerRequests.deleteTopic arrival state
        | RequestCode.RegisterTopicInNameServer -> NameServerRequests.registerTopic arrival state
        | RequestCode.WipeWritePermOfBroker -> NameServerRequests.wipeWritePermission arrival state
        | RequestCode.AddWritePermOfBroker -> NameServerRequests.addWritePermission arrival state
        | RequestCode.PutKvConfig -> NameServerRequests.put arrival state
        | RequestCode.GetKvConfig -> NameServerRequests.get arrival state
        | RequestCode.DeleteKvConfig -> NameServerRequests.delete arrival state
        | RequestCode.GetKvListByNamespace -> NameServerRequests.list arrival state
        | _ -> state, [ Answer.notSupported arrival ]

    let private arrive (arrival: Arrival) (state: NameServerState) =
        let struct (faults, instead) = FaultInjection.arrive arrival state.Faults
        let state = { state with Faults = faults }

        match instead with
        | ValueSome effects -> state, effects
        | ValueNone -> serve arrival state

    let private withFaults (state: NameServerState) (faults, effects: BrokerEffect list) =
        { state with Faults = faults }, effects

    /// What an event makes of a name server, and what is to be done. `now` in milliseconds since 1970, UTC.
    let transition (now: int64) (state: NameServerState) (event: BrokerEvent) : NameServerState * BrokerEffect list =
        match event with
        | Arrived arrival ->
            let state, effects = arrive arrival state
            withFaults state (FaultInjection.apply now (state.Faults, effects))
        | Left connection -> withFaults state (FaultInjection.leave connection state.Faults)
        | Ticked -> withFaults (Registry.expire now state) (FaultInjection.expire now state.Faults)
        | Faulted rule -> withFaults state (FaultInjection.add rule state.Faults, [])
        | Healed -> withFaults state (FaultInjection.heal state.Faults)
        | ClientsForgotten
        | Restarted
        | Advertised _
        | CallEnded _ -> state, []

    /// When to send `Ticked` next, if at all.
    let deadlines (state: NameServerState) : int64 list =
        ValueOption.toList (FaultInjection.nextDue state.Faults)
        @ List.ofSeq state.Silent.Values

    /// Whether what `deadlines` gives has changed.
    let waitsDiffer (before: NameServerState) (after: NameServerState) =
        not (obj.ReferenceEquals(after.Faults.Late, before.Faults.Late))
        || not (obj.ReferenceEquals(after.Silent, before.Silent))
