namespace RocketMq.Embedded

open RocketMq.Protocol

/// What a broker makes of administrators' requests.
module internal AdministrationRequests =
    /// What brokers of 4.x do not know.
    let private isSince5 code =
        match code with
        | RequestCode.UpdateAndCreateTopicList
        | RequestCode.UpdateAndCreateSubscriptionGroupList
        | RequestCode.GetTopicConfig
        | RequestCode.GetSubscriptionGroupConfig
        | RequestCode.UpdateAndGetGroupForbidden
        | RequestCode.QueryTopicsByConsumer
        | RequestCode.QuerySubscriptionByConsumer
        | RequestCode.GetAllMessageRequestMode
        | RequestCode.SetMessageRequestMode
        | RequestCode.GetTimerMetrics
        | RequestCode.GetBrokerHaStatus -> true
        | _ -> false

    let private ofTopics code : (Arrival -> BrokerState -> BrokerState * BrokerEffect list) voption =
        match code with
        | RequestCode.UpdateAndCreateTopic -> ValueSome TopicAdministration.create
        | RequestCode.UpdateAndCreateTopicList -> ValueSome TopicAdministration.createMany
        | RequestCode.DeleteTopicInBroker -> ValueSome TopicAdministration.delete
        | RequestCode.GetAllTopicConfig -> ValueSome TopicAdministration.all
        | RequestCode.GetTopicConfig -> ValueSome TopicAdministration.one
        | RequestCode.GetTopicStatsInfo -> ValueSome TopicAdministration.statistics
        | RequestCode.GetSystemTopicListFromBroker -> ValueSome TopicAdministration.system
        | _ -> ValueNone

    let private ofGroups now code : (Arrival -> BrokerState -> BrokerState * BrokerEffect list) voption =
        match code with
        | RequestCode.UpdateAndCreateSubscriptionGroup -> ValueSome GroupAdministration.update
        | RequestCode.UpdateAndCreateSubscriptionGroupList -> ValueSome GroupAdministration.updateMany
        | RequestCode.DeleteSubscriptionGroup -> ValueSome GroupAdministration.delete
        | RequestCode.GetAllSubscriptionGroupConfig -> ValueSome GroupAdministration.all
        | RequestCode.GetSubscriptionGroupConfig -> ValueSome GroupAdministration.one
        | RequestCode.UpdateAndGetGroupForbidden -> ValueSome GroupAdministration.permission
        | RequestCode.SetMessageRequestMode -> ValueSome PopAssignments.setMode
        | RequestCode.GetAllMessageRequestMode -> ValueSome PopAssignments.allModes
        | RequestCode.GetConsumeStats -> ValueSome ConsumeProgress.ofGroup
        | RequestCode.GetBrokerConsumeStats -> ValueSome ConsumeProgress.ofGroups
        | RequestCode.QueryConsumeTimeSpan -> ValueSome(ConsumeProgress.timeSpans now)
        | RequestCode.QueryTopicConsumeByWho -> ValueSome OffsetTables.groupsOf
        | RequestCode.QueryTopicsByConsumer -> ValueSome OffsetTables.topicsOf
        | RequestCode.QuerySubscriptionByConsumer -> ValueSome OffsetTables.subscriptionOf
        | RequestCode.GetAllConsumerOffset -> ValueSome OffsetTables.all
        | RequestCode.QueryCorrectionOffset -> ValueSome OffsetTables.corrections
        | RequestCode.CloneGroupOffset -> ValueSome OffsetTables.clone
        | RequestCode.InvokeBrokerToResetOffset -> ValueSome OffsetResets.reset
        | _ -> ValueNone

    let private ofClients code : (Arrival -> BrokerState -> BrokerState * BrokerEffect list) voption =
        match code with
        | RequestCode.GetConsumerListByGroup -> ValueSome ConnectionLists.members
        | RequestCode.GetConsumerConnectionList -> ValueSome ConnectionLists.consumers
        | RequestCode.GetProducerConnectionList -> ValueSome ConnectionLists.producers
        | RequestCode.GetAllProducerInfo -> ValueSome ConnectionLists.allProducers
        | RequestCode.InvokeBrokerToGetConsumerStatus -> ValueSome ClientCalls.offsets
        | RequestCode.GetConsumerRunningInfo -> ValueSome ClientCalls.runningInfo
        | RequestCode.ConsumeMessageDirectly -> ValueSome ClientCalls.consumeDirectly
        | _ -> ValueNone

    let private ofBroker now code : (Arrival -> BrokerState -> BrokerState * BrokerEffect list) voption =
        match code with
        | RequestCode.GetBrokerRuntimeInfo -> ValueSome RuntimeInfo.read
        | RequestCode.ViewBrokerStatsData -> ValueSome RuntimeInfo.statistics
        | RequestCode.GetBrokerHaStatus -> ValueSome RuntimeInfo.replication
        | RequestCode.GetBrokerConfig -> ValueSome BrokerConfiguration.read
        | RequestCode.UpdateBrokerConfig -> ValueSome(BrokerConfiguration.update now)
        | RequestCode.QueryConsumeQueue -> ValueSome ConsumeQueues.query
        | RequestCode.GetAllDelayOffset -> ValueSome OffsetTables.delays
        | RequestCode.GetTimerMetrics -> ValueSome(Upkeep.timerMetrics now)
        | RequestCode.CleanExpiredConsumeQueue
        | RequestCode.CleanUnusedTopic -> ValueSome Upkeep.cleanNothing
        | RequestCode.DeleteExpiredCommitLog -> ValueSome(Upkeep.deleteExpired now)
        | RequestCode.ResumeCheckHalfMessage -> ValueSome(Upkeep.resumeCheck now)
        | RequestCode.GetEarliestMessageStoreTime -> ValueSome Upkeep.earliestStoreTime
        | _ -> ValueNone

    /// Serves a request that none of a broker's other parts serves. Access control is among those that it does not know.
    let serve now (arrival: Arrival) (state: BrokerState) =
        let code = arrival.Command.RequestCode

        let handler =
            if state.Settings.IsBefore5 && isSince5 code then
                ValueNone
            else
                ofTopics code
                |> ValueOption.orElseWith (fun () -> ofGroups now code)
                |> ValueOption.orElseWith (fun () -> ofClients code)
                |> ValueOption.orElseWith (fun () -> ofBroker now code)

        match handler with
        | ValueSome handle -> handle arrival state
        | ValueNone -> state, [ Answer.notSupported arrival ]
